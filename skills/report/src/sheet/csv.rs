//! The decision sheet as CSV (RFC 4180: every field in quotes, lines end in CR LF).

use redistrict_model::shown;

use super::{DecisionSheet, SheetBasis, SheetColumn};
use crate::sections::name;

const HEADS: [&str; 17] = [
    "table",
    "column",
    "type",
    "nullable",
    "key_or_reference",
    "class",
    "mask",
    "kind",
    "sensitive",
    "provenance",
    "scope",
    "domain",
    "reason",
    "decisions_digest",
    "district",
    "plan_digest",
    "basis",
];

/// A line of heads and one for each column. The digests stand in every line, so that a part of the sheet
/// still says which decisions it shows.
///
/// No field is a formula to a spreadsheet: what begins like one, in a name or a reason, gets a `'` before
/// it. Control characters stand in it by their numbers.
#[must_use]
pub fn render_csv(sheet: &DecisionSheet) -> String {
    let mut text = line(HEADS.map(str::to_owned).iter());
    for column in &sheet.columns {
        text.push_str(&line(fields(sheet, column).iter()));
    }
    text
}

fn fields(sheet: &DecisionSheet, column: &SheetColumn) -> [String; 17] {
    let plan = sheet.plan.as_ref();
    let basis = match sheet.basis {
        SheetBasis::ProdAndCert => "PROD and CERT",
        SheetBasis::ProdAlone => "PROD alone",
    };
    [
        column.table.to_string(),
        column.column.clone(),
        column.source_type.clone(),
        yes_or_no(column.is_nullable),
        column.key_or_reference(),
        name(column.class),
        name(column.mask),
        name(column.kind),
        yes_or_no(column.is_sensitive),
        name(column.provenance),
        name(column.scope),
        column.domain.clone(),
        column.whole_reason(),
        sheet.decisions_digest.clone(),
        plan.map(|plan| plan.district.to_string())
            .unwrap_or_default(),
        plan.map(|plan| plan.digest.0.clone()).unwrap_or_default(),
        basis.to_owned(),
    ]
}

pub(super) fn yes_or_no(is_so: bool) -> String {
    let word = if is_so { "yes" } else { "no" };
    word.to_owned()
}

fn line<'a>(fields: impl Iterator<Item = &'a String>) -> String {
    let fields: Vec<String> = fields.map(|field| quoted(field)).collect();
    fields.join(",") + "\r\n"
}

fn quoted(field: &str) -> String {
    let field = shown(field);
    let apostrophe = if is_formula(&field) { "'" } else { "" };
    format!("\"{apostrophe}{}\"", field.replace('"', "\"\""))
}

/// What spreadsheets take for a formula at the beginning of a field, in full width too. Tabs and ends of
/// lines are shown by their numbers before.
fn is_formula(field: &str) -> bool {
    let first = field.trim_start().chars().next();
    first.is_some_and(|c| "=+-@＝＋－＠|%".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_ends_its_line_or_is_a_formula() {
        for (field, expected) in [
            ("plain", "\"plain\""),
            ("a\"b,c;d", "\"a\"\"b,c;d\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("@SUM(1)", "\"'@SUM(1)\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("\t=1", "\"\\u{9}=1\""),
            (" =1", "\"' =1\""),
            ("＝1", "\"'＝1\""),
            ("a\r\nb", "\"a\\u{d}\\u{a}b\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(field), expected);
        }
    }
}
