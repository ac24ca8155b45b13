// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the manual pages and the shell completions of `stage1` to a folder: `man/` and `completions/` in it.

mod generate;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: manual DIR");
        return ExitCode::from(2);
    };
    match generate::generate(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("manual: writing to {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}
