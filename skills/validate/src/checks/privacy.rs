//! Privacy, again: the proof that anonymize sealed says 0 survivors, and what can be seen in the
//! masked rows alone: e-mails, phones and national ids lie in ranges that no real person can have
//! (RELIABILITY A5), and no invented text holds an e-mail address outside them.

use redistrict_artifact::Manifest;
use redistrict_model::{CheckResult, MaskKind, MaskName, Severity, Table, TableRef};
use serde_json::Value;

use super::{RowCheck, TableView, Tally, could_not_run, locator};
use crate::cells::{Cells, TableBatch};

/// The proof in the masked manifest: `facts.proof` with its number of `survivors`.
pub(crate) fn proof(manifest: &Manifest) -> CheckResult {
    let check = "privacy-proof";
    let definition = "the sealed leak proof found 0 survivors";
    let proof = manifest.facts.get("proof");
    let number = |name: &str| {
        proof
            .and_then(|proof| proof.get(name))
            .and_then(Value::as_u64)
    };
    let Some(survivors) = number("survivors") else {
        let why = "the manifest holds no proof (facts.proof.survivors)";
        return could_not_run(check, "manifest.json", definition, why);
    };
    let mut tally = Tally::of(number("values").unwrap_or(0));
    let is_failed = proof.and_then(|proof| proof.get("passed")) == Some(&Value::Bool(false));
    if survivors > 0 || is_failed {
        tally.fail(|| "manifest.json: facts.proof".to_owned());
        tally.failed = survivors.max(1);
    }
    tally.result(check, "manifest.json", definition, Severity::Error)
}

/// A range that masked values must lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Email,
    Phone,
    NationalId,
    /// Any text: no e-mail address outside the reserved domains in it.
    Invented,
}

impl Range {
    fn of(mask: MaskName, kind: MaskKind) -> Option<Self> {
        match (kind, mask) {
            (MaskKind::Kept | MaskKind::InFormat, _) | (_, MaskName::Null | MaskName::Keep) => None,
            (MaskKind::Reserved, MaskName::Email) => Some(Self::Email),
            (MaskKind::Reserved, MaskName::Phone) => Some(Self::Phone),
            (MaskKind::Reserved, MaskName::NationalId) => Some(Self::NationalId),
            (MaskKind::Reserved | MaskKind::Synthetic, _) => Some(Self::Invented),
        }
    }

    fn holds(self, text: &str) -> bool {
        match self {
            Self::Email => text.contains('@') && has_only_reserved_emails(text),
            Self::Phone => is_reserved_phone(text),
            Self::NationalId => is_never_issued(text),
            Self::Invented => has_only_reserved_emails(text),
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::Email => "each e-mail address is at example.org, .com, .net or below .example",
            Self::Phone => {
                "each phone is 555-01xx, or of an area or country code that does not exist"
            }
            Self::NationalId => "each national id is of an area that was never issued",
            Self::Invented => "no e-mail address outside example.org, .com, .net and .example",
        }
    }
}

/// The masked columns of one table.
pub(crate) struct ReservedRanges {
    table: TableRef,
    source: Table,
    columns: Vec<(String, Range, Tally)>,
}

impl ReservedRanges {
    /// None if no column of the table has a mask whose range shows.
    pub(crate) fn of(view: &TableView<'_>) -> Option<Self> {
        let columns: Vec<_> = view
            .plan
            .sections
            .anonymize
            .of_table(view.name())
            .filter(|one| view.carries(&one.column.column))
            .filter_map(|one| {
                let range = Range::of(one.mask, one.kind)?;
                Some((one.column.column.clone(), range, Tally::default()))
            })
            .collect();
        (!columns.is_empty()).then(|| Self {
            table: view.name().clone(),
            source: view.source.clone(),
            columns,
        })
    }
}

impl RowCheck for ReservedRanges {
    fn look(&mut self, batch: &TableBatch<'_>) {
        for (column, range, tally) in &mut self.columns {
            let Some(cells) = Cells::of(batch.rows, column, &self.source) else {
                continue;
            };
            for row in 0..batch.len() {
                let is_fine = match cells.text(row) {
                    Some("") => continue,
                    Some(_) => cells.single_texts(row).is_ok_and(|all| {
                        all.iter().all(|text| text.is_empty() || range.holds(text))
                    }),
                    None if cells.is_null(row) || *range == Range::Invented => continue,
                    None => cells
                        .canonical_text(row)
                        .is_some_and(|text| range.holds(&text)),
                };
                tally.examined += 1;
                if !is_fine {
                    tally.fail(|| locator(&self.table, batch.place(row)));
                }
            }
        }
    }

    fn finish(self: Box<Self>) -> Vec<CheckResult> {
        let Self { table, columns, .. } = *self;
        columns
            .into_iter()
            .map(|(column, range, tally)| {
                let subject = table.column(&column).to_string();
                tally.result("privacy-range", subject, range.describe(), Severity::Error)
            })
            .collect()
    }
}

/// Every `…@…` in the text is at a domain that RFC 2606 reserves.
fn has_only_reserved_emails(text: &str) -> bool {
    text.match_indices('@').all(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let domain = rest[..end].trim_end_matches(['.', '-', '_']).to_lowercase();
        let is_address = text[..at].ends_with(is_part) && domain.contains('.');
        !is_address || is_reserved_domain(&domain)
    })
}

fn is_reserved_domain(domain: &str) -> bool {
    ["example.org", "example.com", "example.net", "example"]
        .into_iter()
        .any(|reserved| {
            domain
                .strip_suffix(reserved)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// Within the last ten digits: 555-01xx, or an area code that the North American plan cannot have
/// (beginning with 0 or 1, or with 9 as its second digit); or behind country code 999, which was
/// never assigned.
fn is_reserved_phone(text: &str) -> bool {
    let main = text.split(['x', 'X', ';']).next().unwrap_or_default();
    let digits: Vec<u8> = main.bytes().filter(u8::is_ascii_digit).collect();
    let Some(local) = digits.len().checked_sub(7) else {
        return false;
    };
    if digits[local..].starts_with(b"55501") {
        return true;
    }
    if main.trim_start().starts_with("+999") {
        return true;
    }
    let Some(area) = digits.len().checked_sub(10) else {
        return false;
    };
    matches!(digits[area], b'0' | b'1') || digits[area + 1] == b'9'
}

/// United States: area 000, 666 or 900 to 999, the last not in the groups that taxpayer numbers
/// (ITIN) have; any other form is no number of this kind at all.
fn is_never_issued(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() != 9 {
        return false;
    }
    let (area, group) = (&digits[..3], &digits[3..5]);
    let is_taxpayer = |group: &str| {
        ("50"..="65").contains(&group)
            || ("70"..="88").contains(&group)
            || ("90"..="92").contains(&group)
            || ("94"..="99").contains(&group)
    };
    matches!(area, "000" | "666") || (area.starts_with('9') && !is_taxpayer(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_domains_that_nobody_can_have_are_reserved() {
        for text in [
            "a@example.org",
            "b.c@x.EXAMPLE",
            "see a@example.com, b@mail.example.net.",
            "@ noon",
            "a@b",
        ] {
            assert!(has_only_reserved_emails(text), "{text}");
        }
        for text in [
            "a@example.org.evil.com",
            "a@notexample.org",
            "x a@example.org b@k12.us",
            "ä@gmail.com",
        ] {
            assert!(!has_only_reserved_emails(text), "{text}");
        }
    }

    #[test]
    fn only_phones_that_ring_nowhere_are_reserved() {
        for text in [
            "555-0142",
            "(512) 555-0100",
            "+1 303 555 0199 x12",
            "099-123-4567",
            "+1-295-123-4567",
            "+999012345678901",
        ] {
            assert!(is_reserved_phone(text), "{text}");
        }
        for text in [
            "555-1234",
            "512-456-7890",
            "12",
            "",
            "+1 512 555 0200",
            "999-512-867-5309",
        ] {
            assert!(!is_reserved_phone(text), "{text}");
        }
    }

    #[test]
    fn only_areas_never_issued_pass() {
        for text in ["000-12-3456", "666123456", "900-01-0001", "987-69-4320"] {
            assert!(is_never_issued(text), "{text}");
        }
        for text in ["123-45-6789", "900-70-1234", "12345", "901-99-0000"] {
            assert!(!is_never_issued(text), "{text}");
        }
    }
}
