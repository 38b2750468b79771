//! A plan on 80 columns: tables with the same path together, what brings most rows first, what brings none as
//! a number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use redistrict_closure::Members;
use redistrict_extract::leads;
use redistrict_model::{BoundaryPolicy, Ownership, Plan, Role, shown};

use super::lines::{Bytes, Line};
use crate::output::thousands;
use crate::rates::{Rates, about};

/// Whether tables without rows are listed, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    WithRows,
    All,
}

/// Of a terminal.
const COLUMNS: usize = 80;
/// The width of a table's name; what is longer has a line of its own.
const NAME: usize = 34;
/// Of the numbers behind it: up to 9,999,999 rows stand clear of each other.
const WIDTHS: [usize; 6] = [10, 10, 7, 8, 7, 4];

/// The whole text.
pub(super) fn text(plan: &Plan, lines: &[Line], rates: &Rates, listed: Listed) -> String {
    let name = plan.district_name.as_deref();
    let mut out = format!(
        "District {} {}\n",
        shown(plan.district.as_str()),
        shown(name.unwrap_or("(name not printed)"))
    );
    let is_exact = lines.iter().any(|line| line.rows.is_some());
    if is_exact {
        out.push_str(&totals(lines, rates));
    }
    let is_listed = |line: &&Line| {
        listed == Listed::All
            || if is_exact {
                line.count() > 0
            } else {
                line.has_rows
            }
    };
    let shown_lines: Vec<&Line> = lines.iter().filter(is_listed).collect();
    let left = lines.len() - shown_lines.len();
    let header: &[&str] = match is_exact {
        true => &["own", "shared", "stubs", "about", "mask", "keep"],
        false => &["mask", "keep"],
    };
    row(
        &mut out,
        "\n",
        "table",
        header.iter().map(|one| (*one).to_owned()),
    );
    for (title, group) in grouped(&shown_lines) {
        out.push('\n');
        out.push_str(&wrapped(&title));
        for line in group {
            row(
                &mut out,
                "\n  ",
                &shown(&line.table.to_string()),
                cells(line),
            );
        }
    }
    if left > 0 {
        let what = if is_exact {
            "of this district"
        } else {
            "at all"
        };
        write!(
            out,
            "\n\n{} more tables have no rows {what}; --all lists them",
            thousands(left as u64)
        )
        .expect("a String takes every write");
    }
    out
}

/// The words on lines of 80 columns, as far as they are not longer themselves.
fn wrapped(words: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in words.split(' ') {
        let more = word.chars().count() + 1;
        if width + more > COLUMNS && width > 0 {
            out.push_str("\n   ");
            width = 3;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        width += more;
    }
    out
}

fn cells(line: &Line) -> impl Iterator<Item = String> {
    let mut cells = Vec::new();
    if let Some(rows) = line.rows {
        cells.extend(rows.map(thousands));
        cells.push(line.bytes.map_or_else(|| "-".to_owned(), size));
    }
    cells.push(line.masked.to_string());
    cells.push(line.kept.to_string());
    cells.into_iter()
}

/// A name, and numbers to the right of each other; both on one line if they fit.
fn row(out: &mut String, begin: &str, name: &str, cells: impl Iterator<Item = String>) {
    out.push_str(begin);
    out.push_str(name);
    let indent = begin.len() - 1;
    let width = name.chars().count() + indent;
    let spare = match width > NAME {
        true => {
            out.push('\n');
            NAME
        }
        false => NAME - width,
    };
    out.push_str(&" ".repeat(spare));
    for (cell, width) in cells.zip(WIDTHS) {
        write!(out, "{cell:>width$}").expect("a String takes every write");
    }
}

/// Tables of one path, by the rows that come of them; the district first, what is looked up last.
fn grouped<'l>(lines: &[&'l Line]) -> Vec<(String, Vec<&'l Line>)> {
    let mut groups: BTreeMap<(usize, String), Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let (rank, title) = match line.role {
            Some(Role::Root) => (0, format!("root: {}", line.path)),
            Some(Role::Owned) => (1, format!("owned: {}", way(line))),
            Some(Role::Shared) => (2, "shared: come where something refers to them".to_owned()),
            Some(Role::Reference) if line.owner.is_empty() => (
                3,
                "reference: come as far as they are referred to".to_owned(),
            ),
            Some(role) => (3, format!("{role}: {}", way(line))),
            None => (4, line.path.clone()),
        };
        groups.entry((rank, title)).or_default().push(line);
    }
    let mut groups: Vec<((usize, String), Vec<&Line>)> = groups.into_iter().collect();
    for (_, group) in &mut groups {
        group.sort_by_key(|line| std::cmp::Reverse(line.count()));
    }
    let rows = |group: &[&Line]| group.iter().map(|line| line.count()).sum::<u64>();
    groups.sort_by_key(|((rank, _), group)| (*rank, std::cmp::Reverse(rows(group))));
    groups
        .into_iter()
        .map(|((_, title), group)| (title, group))
        .collect()
}

/// The path without what it says of other owners: tables with the same one stand together.
fn way(line: &Line) -> &str {
    let way = line.path.split_once(" (or ");
    way.map_or(line.path.as_str(), |(way, _)| way)
}

fn totals(lines: &[Line], rates: &Rates) -> String {
    let rows: u64 = lines.iter().map(Line::count).sum();
    let tables = lines.iter().filter(|line| line.count() > 0).count();
    let bytes = lines.iter().filter_map(|line| line.bytes);
    let all = bytes.fold(
        Bytes {
            about: 0,
            is_least: false,
        },
        |sum, one| Bytes {
            about: sum.about.saturating_add(one.about),
            is_least: sum.is_least || one.is_least,
        },
    );
    let time = match (rates.millis(rows), rates.runs.len()) {
        (None, _) => "no time is estimated: no migration was measured yet".to_owned(),
        (Some(millis), runs) => format!(
            "{}, by {} of {} rows",
            about(millis),
            match runs {
                1 => "an earlier migration".to_owned(),
                many => format!("{many} earlier migrations"),
            },
            thousands(rates.rows())
        ),
    };
    format!(
        "{} rows of {tables} tables, {} {}\n{time}\n",
        thousands(rows),
        if all.is_least { "more than" } else { "about" },
        size(Bytes {
            is_least: false,
            ..all
        })
    )
}

/// Bytes, as people say them.
fn size(bytes: Bytes) -> String {
    let mut number = bytes.about;
    let mut rest = 0;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if number < 1_000 {
            break;
        }
        (rest, number) = (number % 1_000 / 100, number / 1_000);
        unit = larger;
    }
    let number = match (unit, number) {
        ("B", number) => number.to_string(),
        (_, 0..10) => format!("{number}.{rest}"),
        (_, number) => number.to_string(),
    };
    let more = if bytes.is_least { ">" } else { "" };
    format!("{more}{number} {unit}")
}

/// Where references lead that lead to no row that comes, a line each.
pub(super) fn boundaries(members: &Members, ownership: &Ownership) -> Vec<String> {
    let boundary = |boundary: &redistrict_closure::Boundary| {
        let edge = ownership.edge(boundary.edge);
        let many = match boundary.rows {
            1 => "1 reference leads".to_owned(),
            many => format!("{} references lead", thousands(many)),
        };
        format!(
            "boundary {}: {many} {}: {}",
            shown(&edge.describe()),
            leads(boundary.leads),
            becomes(boundary.policy)
        )
    };
    members.boundaries.iter().map(boundary).collect()
}

/// What the policy does, in words.
fn becomes(policy: BoundaryPolicy) -> &'static str {
    match policy {
        BoundaryPolicy::Stop => "stop: not decided yet",
        BoundaryPolicy::Exclude => "exclude: the rows that refer stay behind",
        BoundaryPolicy::Null => "null: the references are emptied",
        BoundaryPolicy::Stub => {
            "stub: keys and mandatory columns of what they lead to come, masked"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_said_with_two_digits_at_most_behind_which_nothing_is_known() {
        let said = |about, is_least| size(Bytes { about, is_least });
        assert_eq!(said(0, false), "0 B");
        assert_eq!(said(999, false), "999 B");
        assert_eq!(said(1_250, false), "1.2 kB");
        assert_eq!(said(123_456, true), ">123 kB");
        assert_eq!(said(9_900_000_000, false), "9.9 GB");
    }

    #[test]
    fn numbers_stand_below_each_other_and_a_long_name_has_a_line_of_its_own() {
        let mut out = String::new();
        let cells = || (1..=6).map(|number| number.to_string());
        row(&mut out, "\n  ", "short", cells());
        row(&mut out, "\n  ", &"long".repeat(10), cells());
        let lines: Vec<&str> = out.lines().skip(1).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].len(), lines[2].len());
        assert!(lines.iter().all(|line| line.len() <= COLUMNS));
    }

    #[test]
    fn a_long_path_goes_on_below() {
        let path = ["belongs to a_table_with_a_long_name"; 4].join(" > ");
        let text = wrapped(&path);
        assert!(text.lines().count() == 2, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= COLUMNS));
        assert_eq!(text.replace("\n   ", ""), path);
    }
}
