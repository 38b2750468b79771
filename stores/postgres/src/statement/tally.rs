//! The statement that counts how often values stand in columns.

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
