// SPDX-License-Identifier: MIT OR Apache-2.0
//! A password is nowhere but where it has to be.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use stage1::bmc;
use stage1_contract::Secret;

use crate::agent::{conversation, run_with};
use crate::configure::{FULL, unlike};
use crate::{Stand, TIME};

/// A user whose password is made up.
const MADE_UP: &str = "[[users]]\nname = 'made'\ngenerate = true\n";

#[test]
fn no_password_is_left_behind() {
    let stand = unlike();
    let desired = format!("{FULL}{MADE_UP}");
    let kept: RefCell<Vec<Secret>> = RefCell::default();
    let escrow = |_: &str, secret: &Secret| {
        kept.borrow_mut().push(secret.clone());
        Ok(())
    };
    let mut said = String::new();
    // Also where something goes wrong: refused, and not answered.
    for rules in [[].as_slice(), &["06 47 cc D4"], &["06 47/**02 cc CC"], &["06 47 drop"]] {
        if !rules.is_empty() {
            stand.faults(rules);
        }
        said += &plan(&stand, &desired);
        let run = run_with(&stand, &desired, &escrow);
        let report = serde_json::to_string(&run.survey.report).unwrap();
        said += &format!("{:?} {:?} {:?} {report}", run.survey, run.outcome, run.problems);
        said += &bmc::text::show(&run.survey.report);
        said += &bmc::text::outcome(&run.outcome);
    }
    said += &format!("{kept:?}");
    let made = kept.borrow().iter().map(|secret| secret.reveal().to_string()).collect::<Vec<_>>();
    assert!(made.len() > 1 && said.contains("user 3 boss: password"), "{said}");

    let files = files(stand.directory());
    let ours: Vec<&PathBuf> = files.iter().filter(|file| !is_ipmi_sims_own(file)).collect();
    assert!(
        ours.iter().any(|file| file.ends_with("bmc.log"))
            && ours.iter().any(|file| file.ends_with("ipmi_sim.log"))
    );
    let passwords =
        ["Correct-Horse-1", "Battery-Staple-2"].into_iter().chain(made.iter().map(String::as_str));
    for password in passwords {
        assert!(!has(said.as_bytes(), password), "{said}");
        for file in &ours {
            assert!(!has(&fs::read(file).unwrap(), password), "{}", file.display());
        }
    }
    // What is searched is found where it is.
    let is_stored =
        |file: &PathBuf| is_ipmi_sims_own(file) && has(&fs::read(file).unwrap(), "Correct-Horse-1");
    assert!(files.iter().any(is_stored), "{files:?}");
}

/// What would be written, for people and for those who debug.
fn plan(stand: &Stand, desired: &str) -> String {
    let desired = bmc::policy(desired.as_bytes()).unwrap();
    let mut conversation = conversation(stand, TIME);
    let Some(mut survey) = bmc::survey(&mut conversation).0 else { return format!("{desired:?}") };
    let (plan, problems) = bmc::planned(&mut conversation, &mut survey, &desired);
    let words: Vec<String> = plan.writes.iter().map(ToString::to_string).collect();
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
