// SPDX-License-Identifier: MIT OR Apache-2.0
//! Text output: results on standard output, the log on standard error.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};
use serde::Serialize;

/// Prints a result. A closed pipe, as `| head` leaves it, is not an error.
pub(crate) fn print(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

/// Prints a result as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Writes one line to standard error. An error there must not stop the server.
pub(crate) fn log_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A table: the headings, then the rows, each column as wide as its widest cell and two spaces apart.
pub(crate) fn table<const N: usize>(headings: [&str; N], rows: Vec<Vec<String>>) -> String {
    columns(std::iter::once(headings.map(str::to_string).to_vec()).chain(rows).collect())
}

/// Rows without headings, laid out as in [`table`].
pub(crate) fn columns(rows: Vec<Vec<String>>) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 2]| cells.map(str::to_string).to_vec();
        let rows = vec![row(["é", "x"]), row(["longer", ""])];
        assert_eq!(table(["A", "B"], rows), "A       B\né       x\nlonger\n");
    }
}
