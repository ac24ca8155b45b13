// SPDX-License-Identifier: MIT OR Apache-2.0
//! Passwords appear nowhere but where they must.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use stage1::bmc;
use stage1_contract::Secret;

use crate::agent::{run_with, session};
use crate::configure::{FULL, different};
use crate::{Stand, TIME};

/// A user with a generated password.
const GENERATED: &str = "[[users]]\nname = 'made'\ngenerate = true\n";

#[test]
fn no_password_is_printed_or_stored() {
    let stand = different();
    let desired = format!("{FULL}{GENERATED}");
    let kept: RefCell<Vec<Secret>> = RefCell::default();
    let escrow = |_: &str, secret: &Secret| {
        kept.borrow_mut().push(secret.clone());
        Ok(())
    };
    let mut output = String::new();
    // Also after failures: refused, and not answered.
    for rules in [[].as_slice(), &["06 47 cc D4"], &["06 47/**02 cc CC"], &["06 47 drop"]] {
        if !rules.is_empty() {
            stand.faults(rules);
        }
        output += &plan(&stand, &desired);
        let run = run_with(&stand, &desired, &escrow);
        let report = serde_json::to_string(&run.survey.report).unwrap();
        output += &format!("{:?} {:?} {:?} {report}", run.survey, run.outcome, run.problems);
        output += &bmc::text::show(&run.survey.report);
        output += &bmc::text::outcome(&run.outcome);
    }
    output += &format!("{kept:?}");
    let generated = kept.borrow().iter().map(|secret| secret.reveal().to_string()).collect::<Vec<_>>();
    assert!(generated.len() > 1 && output.contains("user 3 boss: password"), "{output}");

    let files = files(stand.directory());
    let ours: Vec<&PathBuf> = files.iter().filter(|file| !is_ipmi_sims_own(file)).collect();
    assert!(
        ours.iter().any(|file| file.ends_with("bmc.log"))
            && ours.iter().any(|file| file.ends_with("ipmi_sim.log"))
    );
    let passwords =
        ["Correct-Horse-1", "Battery-Staple-2"].into_iter().chain(generated.iter().map(String::as_str));
    for password in passwords {
        assert!(!has(output.as_bytes(), password), "{output}");
        for file in &ours {
            assert!(!has(&fs::read(file).unwrap(), password), "{}", file.display());
        }
    }
    // The search finds a password where it is stored.
    let is_stored =
        |file: &PathBuf| is_ipmi_sims_own(file) && has(&fs::read(file).unwrap(), "Correct-Horse-1");
    assert!(files.iter().any(is_stored), "{files:?}");
}

/// The plan, as printed and as debug output.
fn plan(stand: &Stand, desired: &str) -> String {
    let desired = bmc::policy(desired.as_bytes()).unwrap();
    let mut session = session(stand, TIME);
    let Some(mut survey) = bmc::survey(&mut session).0 else { return format!("{desired:?}") };
    let (plan, problems) = bmc::planned(&mut session, &mut survey, &desired);
    let words = plan.descriptions();
    format!("{desired:?} {plan:?} {words:?} {problems:?}")
}

/// Where it keeps the users.
fn is_ipmi_sims_own(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "state")
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.symlink_metadata().unwrap().file_type() {
            kind if kind.is_dir() => files(&path),
            kind if kind.is_file() => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

/// Whether it is there as text, or as the hex digits or numbers of its bytes.
fn has(content: &[u8], password: &str) -> bool {
    let join = |words: Vec<String>, between: &str| words.join(between);
    let hex = || password.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<String>>();
    let spelled = [
        password.to_string(),
        join(hex(), ""),
        join(hex(), " "),
        join(password.bytes().map(|byte| byte.to_string()).collect(), ", "),
    ];
    let lower = content.to_ascii_lowercase();
    let is_in =
        |text: &String| lower.windows(text.len()).any(|part| part == text.to_ascii_lowercase().as_bytes());
    spelled.iter().any(is_in)
}
