// SPDX-License-Identifier: MIT OR Apache-2.0
//! A timeline drawn as text: one bar per stage, in plain ASCII for serial consoles.

use crate::{Outcome, Stage, Timeline};

/// Draws `timeline`, one line per stage: name, bar, duration, outcome and note, at most `width` columns wide (80 on a serial
/// console; less than 60 counts as 60). A note that does not fit continues on the next line. Every line ends with a
/// newline; control characters are replaced.
///
/// ```text
/// the agent started 3.1 s after the kernel and ran 12.4 s
/// links     |####                    |  1.96 s  done     2 of 4 ports have carrier
/// lldp      |    ####################|  10.4 s  problem  eno2: silent
/// ```
pub fn waterfall(timeline: &Timeline, width: usize) -> String {
    let total = timeline.stages.iter().map(end).max().unwrap_or(0);
    let mut out = format!(
        "the agent started {} after the kernel and ran {}\n",
        seconds(timeline.agent_started_ms),
        seconds(total)
    );
    let columns = Columns::new(timeline, width.max(MIN_WIDTH));
    for stage in &timeline.stages {
        columns.draw(stage, total, &mut out);
    }
    out
}

/// Makes text from outside safe for a terminal: control characters become `?`.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

const MIN_WIDTH: usize = 60;
const MAX_NAME: usize = 16;
const DURATION: usize = 7;
const OUTCOME: usize = 7;

/// The widths of the variable columns.
struct Columns {
    name: usize,
    bar: usize,
    note: usize,
}

impl Columns {
    fn new(timeline: &Timeline, width: usize) -> Self {
        let longest = timeline.stages.iter().map(|stage| stage.name.to_string().chars().count()).max();
        let name = longest.unwrap_or(0).min(MAX_NAME);
        // Between the columns are two bar ends, two double spaces and a single one.
        let rest = width.saturating_sub(name + DURATION + OUTCOME + 8);
        let bar = rest / 2;
        Columns { name, bar, note: rest - bar }
    }

    fn draw(&self, stage: &Stage, total: u64, out: &mut String) {
        let Columns { name: name_width, bar: bar_width, .. } = *self;
        let name: String = printable(&stage.name.to_string()).chars().take(name_width).collect();
        let bar = self.bar(stage, total);
        let took = match stage.outcome {
            Outcome::Skipped | Outcome::Running => String::new(),
            _ => seconds(end(stage).saturating_sub(stage.start_ms)),
        };
        let outcome = outcome(&stage.outcome);
        let mut notes = wrap(&printable(stage.note.as_deref().unwrap_or_default()), self.note).into_iter();
        let line = format!(
            "{name:name_width$} |{bar}| {took:>DURATION$}  {outcome:OUTCOME$}  {}",
            notes.next().unwrap_or_default()
        );
        out.push_str(line.trim_end());
        out.push('\n');
        let indent = name_width + bar_width + DURATION + OUTCOME + 8;
        for note in notes {
            out.push_str(&format!("{:indent$}{note}\n", ""));
        }
    }

    /// At least one mark for a stage that took no time, and none for a skipped one.
    fn bar(&self, stage: &Stage, total: u64) -> String {
        let column = |ms: u64| {
            let column = u128::from(ms) * self.bar as u128 / u128::from(total.max(1));
            usize::try_from(column).unwrap_or(self.bar)
        };
        let end = if stage.outcome == Outcome::Running { total } else { end(stage) };
        let from = column(stage.start_ms).min(self.bar.saturating_sub(1));
        let to = column(end).max(from + 1);
        let mark = if stage.outcome == Outcome::Skipped { " " } else { "#" };
        format!("{}{}{}", " ".repeat(from), mark.repeat(to - from), " ".repeat(self.bar.saturating_sub(to)))
    }
}

/// The end of a stage; of one that still runs, its start.
fn end(stage: &Stage) -> u64 {
    stage.end_ms.unwrap_or(stage.start_ms).max(stage.start_ms)
}

/// With three digits: `840 ms`, `1.96 s`, `10.4 s`, `812 s`.
fn seconds(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        10_000..100_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} s", (ms / 1_000).min(99_999)),
    }
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Running => "running".to_string(),
        Outcome::Done => "done".to_string(),
        Outcome::Problem => "problem".to_string(),
        Outcome::Failed => "FAILED".to_string(),
        Outcome::Skipped => "skipped".to_string(),
        Outcome::Stopped => "stopped".to_string(),
        Outcome::Unknown(other) => printable(other).chars().take(OUTCOME).collect(),
    }
}

/// Breaks `text` at spaces, and within a word only if the word is wider than `width`.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if line.chars().count() == width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::{printable, waterfall};
    use crate::{Outcome, Stage, StageName, Timeline};

    fn stage(name: &str, start_ms: u64, end_ms: Option<u64>, outcome: Outcome, note: &str) -> Stage {
        let note = (!note.is_empty()).then(|| note.to_string());
        Stage { name: StageName::Unknown(name.to_string()), start_ms, end_ms, outcome, note }
    }

    fn example() -> Timeline {
        Timeline {
            agent_started_ms: 3_120,
            stages: vec![
                stage("links", 12, Some(1_970), Outcome::Done, "2 of 4 ports have carrier"),
                stage("facts", 12, Some(310), Outcome::Done, ""),
                stage(
                    "lldp",
                    1_970,
                    Some(12_400),
                    Outcome::Problem,
                    "eno2: silent for the whole of the time",
                ),
                stage(
                    "register",
                    2_000,
                    Some(2_000),
                    Outcome::Failed,
                    "connecting to https://[2001:db8::1]:8443/ipxe",
                ),
                stage("firmware", 2_000, None, Outcome::Skipped, "no manifest"),
                stage("profile", 9_000, None, Outcome::Running, ""),
            ],
        }
    }

    #[test]
    fn draws_a_run_on_eighty_columns() {
        let expected = "\
the agent started 3.12 s after the kernel and ran 12.4 s
links    |###                      |  1.95 s  done     2 of 4 ports have carrier
facts    |#                        |  298 ms  done
lldp     |   ######################|  10.4 s  problem  eno2: silent for the
                                                       whole of the time
register |    #                    |    0 ms  FAILED   connecting to
                                                       https://[2001:db8::1]:844
                                                       3/ipxe
firmware |                         |          skipped  no manifest
profile  |                  #######|          running
";
        assert_eq!(waterfall(&example(), 80), expected);
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in [60, 80, 81, 132] {
            let drawn = waterfall(&example(), width);
            assert!(drawn.lines().all(|line| line.chars().count() <= width), "{width}:\n{drawn}");
        }
    }

    #[test]
    fn any_timeline_can_be_drawn() {
        let stages = vec![
            stage(
                &"n".repeat(400),
                u64::MAX,
                Some(0),
                Outcome::Unknown("q\u{1b}[2J".repeat(9)),
                "\u{1b}[31m\u{7}",
            ),
            stage("", 0, Some(u64::MAX), Outcome::Done, &"é".repeat(300)),
        ];
        let drawn = waterfall(&Timeline { agent_started_ms: u64::MAX, stages }, 0);
        assert!(drawn.lines().all(|line| line.chars().count() <= 60), "{drawn}");
        assert!(!drawn.contains('\u{1b}'));
        assert_eq!(waterfall(&Timeline::default(), 80).lines().count(), 1);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n\u{9b}é"), "a?[31mb??é");
    }
}
