// SPDX-License-Identifier: MIT OR Apache-2.0
//! As much of Markdown as the pages use: headings, links, code spans, table rows, fenced blocks.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

static SPAN: LazyLock<Regex> = LazyLock::new(|| Regex::new("`([^`]+)`").unwrap());
static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)").unwrap());

/// A page.
pub struct Page {
    /// Its path in the checkout.
    pub name: String,
    /// What its headings are linked to by, as GitHub makes it.
    pub anchors: Vec<String>,
    /// Link targets, each with its line.
    pub links: Vec<(usize, String)>,
    /// Code spans in the text, each with its line.
    pub code: Vec<(usize, String)>,
    /// Rows of tables: the cells' text.
    pub rows: Vec<Vec<String>>,
    /// Fenced blocks.
    pub fences: Vec<Fence>,
}

/// A fenced block.
#[derive(Clone)]
pub struct Fence {
    /// The line of its opening fence.
    pub line: usize,
    /// What stands behind the opening fence.
    pub info: String,
    /// The lines in it.
    pub text: String,
}

impl Fence {
    /// The language: the info string's first word.
    pub fn language(&self) -> &str {
        self.info.split(' ').next().unwrap_or_default()
    }
}

impl Page {
    /// Reads a page.
    pub fn parse(name: &str, text: &str) -> Page {
        let mut page = Page {
            name: name.to_string(),
            anchors: Vec::new(),
            links: Vec::new(),
            code: Vec::new(),
            rows: Vec::new(),
            fences: Vec::new(),
        };
        let mut seen = HashMap::new();
        let mut open: Option<Fence> = None;
        for (number, line) in (1..).zip(text.lines()) {
            match &mut open {
                Some(fence) if line.trim_end() == "```" => {
                    page.fences.push(fence.clone());
                    open = None;
                }
                Some(fence) => {
                    fence.text.push_str(line);
                    fence.text.push('\n');
                }
                None => {
                    if let Some(info) = line.strip_prefix("```") {
                        let info = info.trim().to_string();
                        open = Some(Fence { line: number, info, text: String::new() });
                    } else {
                        page.read(number, line, &mut seen);
                    }
                }
            }
        }
        assert!(open.is_none(), "{name}: a fenced block has no end");
        page
    }

    fn read(&mut self, number: usize, line: &str, seen: &mut HashMap<String, usize>) {
        // An indented code block.
        if line.starts_with("    ") {
            return;
        }
        if line.starts_with('#') {
            let anchor = anchor(line.trim_start_matches('#').trim());
            let count = seen.entry(anchor.clone()).or_insert(0);
            self.anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
            *count += 1;
        }
        if line.starts_with('|') {
            let line = line.replace("\\|", "\u{1}");
            let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "|"));
            self.rows.push(cells.collect());
        }
        self.code.extend(SPAN.captures_iter(line).map(|found| (number, found[1].to_string())));
        // What is in code is no link.
        let text = SPAN.replace_all(line, "code");
        self.links.extend(LINK.captures_iter(&text).filter_map(|found| {
            let target = found.get(1).or(found.get(2))?;
            Some((number, target.as_str().to_string()))
        }));
    }
}

/// GitHub's anchor of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn a_page_is_read() {
    let text =
        "# A `b`, c\n[x](y.md#z) `[no](link)`\n## A b c\n```sh no-run: why\nls [a](b)\n```\n| `k` | m |\n";
    let page = Page::parse("p.md", text);
    assert_eq!(page.anchors, ["a-b-c", "a-b-c-1"]);
    assert_eq!(page.links, [(2, "y.md#z".to_string())]);
    assert_eq!(page.fences.len(), 1);
    assert_eq!((page.fences[0].language(), page.fences[0].text.as_str()), ("sh", "ls [a](b)\n"));
    assert_eq!(page.rows, [["`k`", "m"]]);
}
