// SPDX-License-Identifier: MIT OR Apache-2.0
//! The attempts and their outcomes. An attempt is confirmed only by a later boot in which the component runs the
//! version. Pure.

use stage1_contract::VERSION;
use stage1_contract::firmware::manifest::Format;
use stage1_contract::firmware::{Attempt, AttemptOutcome, Journal, Phase};

use super::matching::Matched;
use super::reading::Reading;
use super::version::Version;

/// The attempts to flash one version on one component.
pub(crate) fn attempts<'a>(
    journal: &'a Journal,
    device: &'a str,
    version: &'a str,
    format: Format,
) -> impl Iterator<Item = &'a Attempt> {
    let of_device = journal.attempts.iter().filter(move |attempt| attempt.device == device);
    of_device.filter(move |attempt| same(format, &attempt.version, version))
}

/// The attempt of a boot on a component.
pub fn of_boot<'a>(journal: &'a Journal, device: &str, boot_id: &str) -> Option<&'a Attempt> {
    journal.attempts.iter().rev().find(|attempt| attempt.device == device && attempt.boot_id == boot_id)
}

/// Sets the outcome of the open attempts of earlier boots, by the versions that run now. Returns whether there were
/// any.
pub fn settle(journal: &mut Journal, boot_id: &str, matched: &[Matched]) -> bool {
    let mut settled = false;
    let open =
        journal.attempts.iter_mut().filter(|attempt| attempt.outcome.is_none() && attempt.boot_id != boot_id);
    for attempt in open {
        let Some(matched) = matched.iter().find(|matched| matched.device.key == attempt.device) else {
            continue;
        };
        let Ok(reading) = &matched.reading else { continue };
        let (outcome, detail) = end(attempt, reading, matched.entry.version.format);
        (attempt.outcome, attempt.detail) = (Some(outcome), detail);
        settled = true;
    }
    settled
}

/// Records the phase of this boot's attempt on a component; the first phase begins the attempt.
pub fn reach(
    journal: &mut Journal,
    matched: &Matched,
    version: &str,
    (boot_id, now): (&str, u64),
    phase: Phase,
) {
    let known = of_boot(journal, &matched.device.key, boot_id).cloned();
    let attempt = known.unwrap_or_else(|| Attempt {
        entry: matched.entry.name.clone(),
        device: matched.device.key.clone(),
        version: version.to_string(),
        from: matched.reading.as_ref().map_or_else(|_| String::new(), |reading| reading.running.clone()),
        boot_id: boot_id.to_string(),
        time: now,
        phase: phase.clone(),
        outcome: None,
        detail: None,
    });
    record(journal, Attempt { phase, ..attempt });
}

/// Records the outcome of this boot's attempt on a component, and the reason.
pub fn close(journal: &mut Journal, device: &str, boot_id: &str, outcome: AttemptOutcome, why: &str) {
    if let Some(attempt) = of_boot(journal, device, boot_id).cloned() {
        record(journal, Attempt { outcome: Some(outcome), detail: Some(why.to_string()), ..attempt });
    }
}

fn record(journal: &mut Journal, attempt: Attempt) {
    journal.version = VERSION;
    let same = |other: &&mut Attempt| other.device == attempt.device && other.boot_id == attempt.boot_id;
    match journal.attempts.iter_mut().find(same) {
        Some(known) => *known = attempt,
        None => journal.attempts.push(attempt),
    }
}

/// The attempts of two journals, such as the inventory's and the host's own. Of an attempt that is in both, the record
/// with the later phase is kept.
pub(crate) fn merge(mut one: Journal, other: Journal) -> Journal {
    for attempt in other.attempts {
        match of_boot(&one, &attempt.device, &attempt.boot_id) {
            Some(known) if progress(known) >= progress(&attempt) => {}
            _ => record(&mut one, attempt),
        }
    }
    one.version = VERSION;
    one
}

/// Whether two texts are the same version.
pub(crate) fn same(format: Format, one: &str, other: &str) -> bool {
    match (Version::parse(format, one), Version::parse(format, other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn end(attempt: &Attempt, reading: &Reading, format: Format) -> (AttemptOutcome, Option<String>) {
    let running = &reading.running;
    if same(format, running, &attempt.version) {
        return (AttemptOutcome::Confirmed, None);
    }
    let detail = |why: &str| Some(format!("{why}; {running} is running"));
    match attempt.phase {
        Phase::Armed => (AttemptOutcome::CutOff, detail("the host was restarted during the write")),
        Phase::Staged => (AttemptOutcome::Failed, detail("the host was restarted before the activation")),
        Phase::Activating => (AttemptOutcome::Unchanged, detail("it was activated, but is not running")),
        Phase::Unknown(_) => {
            (AttemptOutcome::Failed, detail("a different version of the agent made this attempt"))
        }
    }
}

fn progress(attempt: &Attempt) -> u8 {
    match (&attempt.outcome, &attempt.phase) {
        (Some(_), _) => 3,
        (None, Phase::Activating) => 2,
        (None, Phase::Staged) => 1,
        (None, Phase::Armed | Phase::Unknown(_)) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(device: &str, boot_id: &str, phase: Phase, outcome: Option<AttemptOutcome>) -> Attempt {
        Attempt {
            entry: "nic".to_string(),
            device: device.to_string(),
            version: "1.2.3".to_string(),
            from: "1.2.2".to_string(),
            boot_id: boot_id.to_string(),
            time: 0,
            phase,
            outcome,
            detail: None,
        }
    }

    fn journal(attempts: &[Attempt]) -> Journal {
        Journal { version: VERSION, attempts: attempts.to_vec() }
    }

    #[test]
    fn of_two_records_the_one_with_the_later_phase_is_kept() {
        let armed = attempt("board", "1", Phase::Armed, None);
        let staged = attempt("board", "1", Phase::Staged, None);
        let ended = attempt("board", "1", Phase::Armed, Some(AttemptOutcome::Failed));
        for (one, other, expected) in
            [(&armed, &staged, &staged), (&staged, &armed, &staged), (&ended, &staged, &ended)]
        {
            let merged = merge(journal(std::slice::from_ref(one)), journal(std::slice::from_ref(other)));
            assert_eq!(merged, journal(std::slice::from_ref(expected)));
        }
        let later = attempt("board", "2", Phase::Armed, None);
        let nic = attempt("serial/SN1", "1", Phase::Armed, None);
        let all = merge(journal(&[armed.clone(), nic.clone()]), journal(&[later.clone(), staged.clone()]));
        assert_eq!(all, journal(&[staged, nic, later]));
        assert_eq!(merge(Journal::default(), Journal::default()).version, VERSION);
    }

    #[test]
    fn the_attempt_of_a_boot_has_one_record() {
        let mut known = journal(&[attempt("board", "1", Phase::Armed, None)]);
        close(&mut known, "board", "2", AttemptOutcome::Failed, "no");
        close(&mut known, "nic", "1", AttemptOutcome::Failed, "no");
        assert_eq!(known.attempts[0].outcome, None);
        close(&mut known, "board", "1", AttemptOutcome::Refused, "locked");
        let ended = &known.attempts[0];
        assert_eq!(
            (&ended.outcome, ended.detail.as_deref()),
            (&Some(AttemptOutcome::Refused), Some("locked"))
        );
        assert_eq!(known.attempts.len(), 1);
    }
}
