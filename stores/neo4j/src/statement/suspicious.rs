//! The statement that finds values that may be too large to travel, or out of range.

use super::rows::{Naming, named_rows};
use super::{ReadText, property};
use crate::live::{Constraints, LiveColumn, LiveTable};
use crate::types::Form;

/// What [`suspicious`] says of a value: certainly longer than `$limit`, …
pub(crate) const TOO_LARGE: i64 = 1;
/// … perhaps, …
pub(crate) const MAYBE_TOO_LARGE: i64 = 2;
/// … or a date that 32 bit days do not reach.
pub(crate) const OUT_OF_RANGE: i64 = 3;

/// Element ids of named rows with a list of verdicts, one for each column; rows without any verdict are
/// left out. Bound: `$keys` as in [`named`], by element id; `$label`, `$limit`.
pub(crate) fn suspicious(
    row: (&LiveTable, &Constraints),
    columns: &[(&LiveColumn, Form)],
) -> ReadText {
    let verdict = |(column, form): &(&LiveColumn, Form)| {
        let value = property("n", &column.name);
        match form {
            Form::Date => format!(
                "CASE WHEN {value} IS :: DATE NOT NULL AND ({value} < date('-5877641-06-23') OR \
                 {value} > date('+5881580-07-11')) THEN {OUT_OF_RANGE} ELSE 0 END"
            ),
            Form::Bytes => format!(
                "CASE WHEN {value} IS :: LIST<ANY> NOT NULL AND size({value}) > $limit \
                 THEN {TOO_LARGE} ELSE 0 END"
            ),
            _ => size_verdict(&value),
        }
    };
    let verdicts: Vec<String> = columns.iter().map(verdict).collect();
    let (named, verdicts) = (named_rows(row, &Naming::Locator), verdicts.join(", "));
    ReadText::new(
        format!(
            "{named} WITH elementId(n) AS f0, [{verdicts}] AS f1 \
             WHERE any(v IN f1 WHERE v > 0) RETURN f0, f1"
        ),
        "finds values that may be too large to travel, in rows with these keys",
    )
}

/// Bounds for the length of a value's text: a character has one to four bytes and is escaped by one more;
/// an element of a list that is no text has at most 60 and at least two.
fn size_verdict(value: &str) -> String {
    let sum = format!("reduce(s = 0, y IN {value} | s + size(y))");
    let bounds = |least: String, most: String| {
        format!(
            "CASE WHEN {least} > $limit THEN {TOO_LARGE} WHEN {most} > $limit \
             THEN {MAYBE_TOO_LARGE} ELSE 0 END"
        )
    };
    let text = bounds(format!("size({value})"), format!("4 * size({value})"));
    let texts = bounds(
        format!("size({value}) + {sum}"),
        format!("4 * size({value}) + 4 * {sum}"),
    );
    let others = bounds(format!("2 * size({value})"), format!("60 * size({value})"));
    format!(
        "CASE WHEN {value} IS :: STRING NOT NULL THEN {text} \
         WHEN {value} IS :: LIST<STRING NOT NULL> NOT NULL THEN {texts} \
         WHEN {value} IS :: LIST<ANY> NOT NULL THEN {others} ELSE 0 END"
    )
}
