//! The sections of docs/benchmarks.md that a bench writes. Pure.

use anyhow::{Context, Result};

/// The text with a new section between `<!-- bench NAME -->` and `<!-- end of bench NAME -->`.
///
/// # Errors
/// The marks are missing.
pub(crate) fn replace(page: &str, name: &str, section: &str) -> Result<String> {
    let (begin, end) = (
        format!("<!-- bench {name} -->"),
        format!("<!-- end of bench {name} -->"),
    );
    let missing = || format!("find {begin} and {end} in the page");
    let (head, rest) = page.split_once(&begin).with_context(missing)?;
    let (_, tail) = rest.split_once(&end).with_context(missing)?;
    Ok(format!(
        "{head}{begin}\n\n{}\n\n{end}{tail}",
        section.trim()
    ))
}

/// A table of Markdown.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.to_vec());
    text.push_str(&line(vec!["---"; head.len()]));
    for row in rows {
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_section_is_replaced() {
        let page = "a\n<!-- bench x -->\nold\n<!-- end of bench x -->\nb <!-- bench y -->\n";
        let new = replace(page, "x", "new\n").unwrap();
        let expected =
            "a\n<!-- bench x -->\n\nnew\n\n<!-- end of bench x -->\nb <!-- bench y -->\n";
        assert_eq!(new, expected);
        assert!(replace(page, "y", "new").is_err());
    }

    #[test]
    fn numbers_and_tables_are_for_people() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(12), "12");
        let rows = [vec!["x".to_owned(), "y".to_owned()]];
        assert_eq!(
            table(&["a", "b"], &rows),
            "| a | b |\n| --- | --- |\n| x | y |\n"
        );
    }
}
