//! The statements that count how often values stand in columns, and how many of them lead nowhere.

use super::{ReadText, canonical, column_of};
use crate::encoding::{is_text, is_utf8};
use crate::live::{LiveColumn, LiveTable};

/// The values of columns as canonical text with the number of their rows, the number of all rows, and the
/// number of different values; the most frequent first, at most as many as parameter 1 says. Rows in which
/// one of `present` is NULL are not counted. What a text cannot be read as counts as NULL.
pub(crate) fn tally_text(
    table: &LiveTable,
    columns: &[&LiveColumn],
    present: &[&LiveColumn],
) -> ReadText {
    let texts: Vec<String> = columns
        .iter()
        .map(|column| {
            let text = canonical(&column_of("t", column), column.column_type);
            if table.holds_bytes && is_text(column) {
                format!("case when {} then {text} end", is_utf8(&text))
            } else {
                text
            }
        })
        .collect();
    let is_present = |column: &&LiveColumn| format!("{} is not null", column_of("t", column));
    let mut conditions: Vec<String> = present.iter().map(is_present).collect();
    conditions.push("true".to_owned());
    if columns.is_empty() {
        let text = format!(
            "select count(*), count(*), 1::int8 from {} as t where {} having count(*) > 0 and $1 > 0",
            table.relation(),
            conditions.join(" and "),
        );
        return ReadText::new(text, "counts the rows in which columns have values");
    }
    let places: Vec<String> = (1..=columns.len()).map(|place| place.to_string()).collect();
    let places = places.join(", ");
    let text = format!(
        "select {}, count(*), (sum(count(*)) over ())::int8, count(*) over () from {} as t \
         where {} group by {places} order by count(*) desc, {places} limit $1",
        texts.join(", "),
        table.relation(),
        conditions.join(" and "),
    );
    ReadText::new(
        text,
        "counts the rows by what a column says, to see whether each is covered ($1 values)",
    )
}

/// References of one table to another.
pub(crate) struct References<'a> {
    pub(crate) child: &'a LiveTable,
    pub(crate) columns: &'a [&'a LiveColumn],
    /// Columns of the child that say which of its rows count; parameters from 1 on have the texts of each.
    pub(crate) says: &'a [&'a LiveColumn],
    pub(crate) parent: &'a LiveTable,
    /// In the order of `columns`.
    pub(crate) referred: &'a [&'a LiveColumn],
}

impl References<'_> {
    /// The number of rows that refer to something which is not there. Compared by canonical texts, byte by
    /// byte, as keys are; the server hashes them: each table is read once.
    pub(crate) fn unmatched_text(&self) -> ReadText {
        let text = |alias: &str, column: &LiveColumn| {
            canonical(&column_of(alias, column), column.column_type)
        };
        let is_present = |column: &&LiveColumn| format!("{} is not null", column_of("t", column));
        let mut conditions: Vec<String> = self.columns.iter().map(is_present).collect();
        let says = self.says.iter().enumerate();
        conditions.extend(says.map(|(place, column)| {
            format!("{} = any (${}::text[])", text("t", column), place + 1)
        }));
        let pairs = self.columns.iter().zip(self.referred);
        let same: Vec<String> = pairs
            .map(|(column, referred)| {
                let (from, to) = (text("t", column), text("k", referred));
                format!("({to}) collate \"C\" = ({from}) collate \"C\"")
            })
            .collect();
        conditions.push(format!(
            "not exists (select from {} as k where {})",
            self.parent.relation(),
            same.join(" and ")
        ));
        ReadText::new(
            format!(
                "select count(*) from {} as t where {}",
                self.child.relation(),
                conditions.join(" and ")
            ),
            "counts the rows whose reference leads to no row ($1 and up: what a column says where it is about \
             that table)",
        )
    }
}
