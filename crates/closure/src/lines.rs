//! Lines of the configuration that settle something: headings, names and column lists, quoted so
//! that a pasted line parses whatever a name holds.

use std::fmt::Write as _;

use redistrict_model::{ColumnRef, TableRef};

/// The heading of a table's section: `[table."ids.public.logs"]`.
#[must_use]
pub fn table_heading(table: &TableRef) -> String {
    format!("[table.{}]", quoted(&table.to_string()))
}

/// The heading of a column's section: `[column."ids.public.logs.kind"]`.
#[must_use]
pub fn column_heading(column: &ColumnRef) -> String {
    format!("[column.{}]", quoted(&column.to_string()))
}

/// A reference by its columns, as a TOML string: `"(a, b)"`.
pub(crate) fn column_list(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|name| column_name(name)).collect();
    quoted(&format!("({})", names.join(", ")))
}

fn column_name(name: &str) -> String {
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A TOML string; literal where it holds double quotes and a literal can hold the rest.
pub(crate) fn quoted(text: &str) -> String {
    let is_literal = text.chars().all(|c| c != '\'' && !c.is_control());
    if text.contains('"') && is_literal {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("a String takes every write");
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_on_their_line_and_inside_their_quotes() {
        assert_eq!(quoted("a.b"), "\"a.b\"");
        assert_eq!(quoted("a.\"B\""), "'a.\"B\"'");
        assert_eq!(quoted("a.\"it's\""), "\"a.\\\"it's\\\"\"");
        assert_eq!(quoted("a\nb"), "\"a\\u000Ab\"");
        let columns = ["a".to_owned(), "b, \"c\"".to_owned()];
        assert_eq!(column_list(&columns), "'(a, \"b, \"\"c\"\"\")'");
    }
}
