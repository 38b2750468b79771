//! What the product says: no text of a database may end a line, move a cursor, or begin markup. The
//! checks share no code with what escapes.

use std::path::Path;

use anyhow::{Context, Result};

/// What is wrong with lines for a terminal or a log.
pub(super) fn lines(what: &str, text: &str, hostile: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    let is_bad = |c: &char| (c.is_control() && *c != '\n') || is_direction(*c);
    for c in text.chars().filter(is_bad) {
        wrong.push(format!(
            "{what}: the character U+{:04X} is printed as it is",
            u32::from(c)
        ));
    }
    for tail in hostile.iter().filter_map(|text| tail(text)) {
        let broken = text
            .lines()
            .map(stamped)
            .find(|line| line.starts_with(tail));
        wrong
            .extend(broken.map(|line| format!("{what}: a name wrote a line of its own: {line:?}")));
    }
    wrong.sort();
    wrong.dedup();
    wrong
}

/// What is wrong with a report.
pub(super) fn markdown(text: &str, hostile: &[String]) -> Vec<String> {
    let mut wrong = lines("report", text, hostile);
    let mut fence: Option<usize> = None;
    let mut cells = None;
    for line in text.lines() {
        let ticks = line.chars().take_while(|c| *c == '`').count();
        match fence {
            Some(open) => {
                if ticks >= open && line.chars().all(|c| c == '`') {
                    fence = None;
                }
                continue;
            }
            None if ticks >= 3 => {
                fence = Some(ticks);
                continue;
            }
            None => {}
        }
        if line.starts_with('|') {
            let found = unescaped(line, '|');
            if *cells.get_or_insert(found) != found {
                wrong.push(format!("report: a row of another width: {line:?}"));
            }
        } else {
            cells = None;
        }
        if unescaped(line, '<') > 0 {
            wrong.push(format!("report: markup: {line:?}"));
        }
        if unescaped(line, '[') > 0 && line.contains("](") {
            wrong.push(format!("report: a link: {line:?}"));
        }
    }
    if fence.is_some() {
        wrong.push("report: a fence is not closed".to_owned());
    }
    wrong
}

/// The elements of a page of ours behind its head.
const ELEMENTS: [&str; 34] = [
    "a", "b", "body", "caption", "code", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3",
    "head", "header", "html", "li", "main", "nav", "ol", "p", "pre", "rect", "section", "small",
    "span", "svg", "table", "tbody", "td", "th", "thead", "tr", "ul",
];

/// What is wrong with a page: an element or a reference of another's.
pub(super) fn markup(text: &str, hostile: &[String]) -> Vec<String> {
    let mut wrong = lines("page", text, hostile);
    let Some((head, body)) = text.split_once("</style>") else {
        return vec!["page: it has no style of its own".to_owned()];
    };
    if head.matches('<').count() > 14 {
        wrong.push("page: its head has more elements than ours".to_owned());
    }
    for tag in body.split('<').skip(1) {
        let Some((inside, _)) = tag.split_once('>') else {
            wrong.push(format!("page: an element without end: {tag:?}"));
            continue;
        };
        let name = inside.trim_matches('/').split_whitespace().next();
        if !name.is_some_and(|name| ELEMENTS.contains(&name)) {
            wrong.push(format!("page: an element of another's: {inside:?}"));
        }
        let bare = without_quoted(inside);
        let acts = bare.split_whitespace().any(|word| word.starts_with("on"));
        let leaves = inside.contains("href=\"") && !inside.contains("href=\"#");
        if acts || leaves || bare.contains("src=") || bare.contains("style=") {
            wrong.push(format!("page: an attribute of another's: {inside:?}"));
        }
    }
    wrong
}

/// What is wrong with a graph of tables: each line is one statement, each name is in its quotes.
pub(super) fn dot(text: &str, hostile: &[String]) -> Vec<String> {
    let mut wrong = lines("graph of tables", text, hostile);
    for line in text.lines() {
        let bare = without_quoted(line);
        let words = bare
            .trim_end_matches([';', ']'])
            .split([' ', ',', '['])
            .filter(|word| !word.is_empty());
        let is_known = |word: &str| {
            let word = word.trim_end_matches(';');
            [
                "digraph",
                "district",
                "{",
                "}",
                "node",
                "->",
                "Q",
                "style=",
                "fillcolor=",
                "rankdir=",
                "shape=",
                "label=Q",
            ]
            .iter()
            .any(|known| word == *known || (known.ends_with('=') && word.starts_with(known)))
        };
        if !words.into_iter().all(is_known) {
            wrong.push(format!(
                "graph of tables: a statement of another's: {line:?}"
            ));
        }
    }
    wrong
}

/// Each text in double quotes as one `Q`.
fn without_quoted(line: &str) -> String {
    let (mut out, mut is_in, mut is_escaped) = (String::new(), false, false);
    for c in line.chars() {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        match (is_in, is_end) {
            (false, true) => out.push('Q'),
            (false, false) => out.push(c),
            _ => {}
        }
        is_in ^= is_end;
    }
    out
}

/// The lines of a configuration that are no comments are of a closed set.
pub(super) fn configuration(text: &str) -> Vec<String> {
    const KNOWN: [&str; 7] = [
        "[tenant]",
        "root = ",
        "key = ",
        "[store.s]",
        "kind = ",
        "source = ",
        "target = ",
    ];
    let is_known = |line: &&str| {
        line.is_empty()
            || line.starts_with('#')
            || KNOWN.iter().any(|known| line.starts_with(known))
    };
    let unknown = text.split(['\n', '\r']).filter(|line| !is_known(line));
    unknown
        .map(|line| format!("init wrote a line of another's: {line:?}"))
        .collect()
}

/// Files that end so below a directory.
pub(super) fn files(dir: &Path, extension: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|one| one == extension) {
            found.push(std::fs::read_to_string(&path).context("read what was written")?);
        }
    }
    Ok(found)
}

/// What follows a line's end inside of a text.
fn tail(text: &str) -> Option<&str> {
    let (_, tail) = text.split_once(['\n', '\u{2028}'])?;
    (tail.len() > 3).then_some(tail.lines().next()?)
}

/// A log's line without its time.
fn stamped(line: &str) -> &str {
    match line.split_once(' ') {
        Some((stamp, rest)) if stamp.ends_with('Z') && stamp.starts_with("20") => rest,
        _ => line,
    }
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

fn unescaped(line: &str, wanted: char) -> usize {
    let mut is_escaped = false;
    let mut found = 0;
    for c in line.chars() {
        found += usize::from(c == wanted && !is_escaped);
        is_escaped = c == '\\' && !is_escaped;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_out_is_seen() {
        let names = ["a\nforged line".to_owned()];
        for text in [
            "x \u{1b}[2J",
            "a\nforged line",
            "x \u{202e}",
            "2025-01-01T00:00:00Z forged line",
        ] {
            assert_eq!(lines("log", text, &names).len(), 1, "{text:?}");
        }
        assert!(lines("log", "all \u{e9} is well", &names).is_empty());
        for text in ["<b>", "| a |\n| a | b |", "```text\n````x", "[x](y)"] {
            assert_eq!(markdown(text, &names).len(), 1, "{text:?}");
        }
        assert!(markdown("| a |\n|---|\n| \\| \\< |\n\n```text\n<x>\n```", &names).is_empty());
        let page = |inside: &str| format!("<style>s</style><body>{inside}</body>");
        let tame = page("<td class=\"on x\">&lt;b&gt; onx=1</td><a href=\"#top\">top</a>");
        assert!(
            markup(&tame, &names).is_empty(),
            "{:?}",
            markup(&tame, &names)
        );
        for text in [
            "<script>",
            "<td onclick=\"x\">",
            "<a href=\"https://x.test\">",
            "<td style=\"x\">",
            "<img",
        ] {
            assert!(!markup(&page(text), &names).is_empty(), "{text:?}");
        }
        let table = "digraph district {\n  \"a\\\"b\" -> \"c\" [label=\"x\", style=bold];\n}";
        assert!(dot(table, &names).is_empty(), "{:?}", dot(table, &names));
        assert_eq!(dot("  \"a\"; evil [x=y];\n", &names).len(), 1);
        assert!(configuration("# x\n[tenant]\nroot = \"a\"\n").is_empty());
        assert_eq!(configuration("# x\nexcluded = \"y\"").len(), 1);
    }
}
