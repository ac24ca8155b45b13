// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a tool prints, compared with what stage1 reports.

use std::fmt::Write as _;

use serde_json::Value;

/// What one tool knows, and where stage1 reports something else.
pub struct Comparison {
    tool: &'static str,
    things: usize,
    values: usize,
    differences: Vec<String>,
}

impl Comparison {
    /// Nothing yet.
    pub fn with(tool: &'static str) -> Comparison {
        Comparison { tool, things: 0, values: 0, differences: Vec::new() }
    }

    /// A thing that the tool knows, and what stage1 reports of it. It must report something.
    pub fn thing<'a>(&'a mut self, name: &str, ours: Option<&'a Value>) -> Thing<'a> {
        self.things += 1;
        if ours.is_none() {
            self.differences.push(format!("{name}: stage1 does not know it"));
        }
        Thing { name: name.to_string(), ours, comparison: self }
    }

    /// As many as the tool knows, and no more.
    pub fn as_many(&mut self, name: &str, theirs: usize, ours: &Value) {
        let ours = ours.as_array().map_or(0, Vec::len);
        self.values += 1;
        if theirs != ours {
            self.differences.push(format!("{name}: {theirs}, and stage1 knows {ours}"));
        }
    }

    /// Whether nothing was compared at all.
    pub fn is_empty(&self) -> bool {
        self.values == 0
    }

    /// What was compared, in a line.
    pub fn summary(&self) -> String {
        format!("{}: {} values of {} things", self.tool, self.values, self.things)
    }

    /// The differences, a line each.
    pub fn differences(&self) -> String {
        self.differences.iter().fold(String::new(), |mut lines, difference| {
            let _ = writeln!(lines, "  {}: {difference}", self.tool);
            lines
        })
    }
}

/// One thing that a tool and stage1 know.
pub struct Thing<'a> {
    name: String,
    ours: Option<&'a Value>,
    comparison: &'a mut Comparison,
}

impl Thing<'_> {
    /// The tool reports `theirs`, and so must stage1 at `pointer` (RFC 6901). What the tool does not know is null.
    pub fn same(&mut self, pointer: &str, theirs: impl Into<Value>) -> &mut Self {
        let theirs = theirs.into();
        let Some(ours) = self.ours.filter(|_| !theirs.is_null()) else { return self };
        self.comparison.values += 1;
        let ours = ours.pointer(pointer).unwrap_or(&Value::Null);
        if *ours != theirs {
            let difference = format!("{}: {pointer}: {theirs}, and stage1 reports {ours}", self.name);
            self.comparison.differences.push(difference);
        }
        self
    }

    /// The tool reports `theirs`, and stage1 something else, for a good reason.
    pub fn differs(&mut self, pointer: &str, theirs: impl Into<Value>, reason: &str) -> &mut Self {
        let theirs = theirs.into();
        if self.ours.is_some_and(|ours| ours.pointer(pointer) == Some(&theirs)) {
            let difference = format!("{}: {pointer}: no longer differs ({reason})", self.name);
            self.comparison.differences.push(difference);
        }
        self
    }
}

/// The object of the list `of` whose `key` is `value`.
pub fn find<'a>(of: &'a Value, key: &str, value: &str) -> Option<&'a Value> {
    of.as_array()?.iter().find(|object| object[key] == value)
}

#[test]
fn differences_are_reported() {
    let ours = serde_json::json!({ "size": 7 });
    let mut comparison = Comparison::with("tool");
    comparison
        .thing("a", Some(&ours))
        .same("/size", 7)
        .same("/size", Value::Null)
        .differs("/size", 8, "rounding");
    assert_eq!(
        (comparison.summary().as_str(), comparison.differences().as_str()),
        ("tool: 1 values of 1 things", "")
    );
    comparison.thing("a", Some(&ours)).same("/size", 8).same("/serial", "S").differs("/size", 7, "rounding");
    comparison.thing("b", None).same("/size", 7);
    comparison.as_many("things", 2, &Value::Null);
    assert_eq!(
        comparison.differences().lines().collect::<Vec<_>>(),
        [
            "  tool: a: /size: 8, and stage1 reports 7",
            "  tool: a: /serial: \"S\", and stage1 reports null",
            "  tool: a: /size: no longer differs (rounding)",
            "  tool: b: stage1 does not know it",
            "  tool: things: 2, and stage1 knows 0",
        ]
    );
}
