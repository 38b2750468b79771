//! The scanner's sensitivity, measured on the data themselves: values of the raw artifact are planted
//! in memory, in every encoding and place, and must all be found.

use redistrict_model::{ColumnType, array_text};

use super::scan::{Hit, Scanner};
use crate::parts::{self, Part, is_shown_whole};

/// Planted and found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Canaries {
    pub(crate) planted: u64,
    pub(crate) found: u64,
}

impl Canaries {
    /// Plants a text that is a high-entropy member in every encoding and place.
    pub(crate) fn plant(&mut self, scanner: &Scanner<'_>, text: &str) {
        for encoded in encodings(text) {
            for place in places(&encoded) {
                self.count(|on_hit| scanner.text(&place, on_hit));
            }
        }
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        if text.is_ascii() {
            self.count(|on_hit| scanner.bytes(&utf16, on_hit));
        }
        self.count(|on_hit| scanner.bytes(text.as_bytes(), on_hit));
        if text.chars().any(|c| !c.is_ascii_digit()) && is_shown_whole(text) {
            for (column_type, value) in notations(text) {
                self.count(|on_hit| in_notation(scanner, column_type, &value, on_hit));
            }
        }
    }

    fn count(&mut self, scan: impl FnOnce(&mut dyn FnMut(Hit))) {
        let mut is_found = false;
        scan(&mut |hit| is_found |= hit.kind.is_high());
        self.planted += 1;
        self.found += u64::from(is_found);
    }
}

/// The text within an array, a row, documents (in one as the name of a member) and a value of a type that is not
/// understood, each with all that it can be escaped with.
fn notations(text: &str) -> [(ColumnType, String); 5] {
    let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
    let references: String = text
        .chars()
        .map(|c| format!("&#x{:x};", u32::from(c)))
        .collect();
    let unicode = unicode(text);
    [
        (ColumnType::Array, format!("[2:3]={{NULL,\"{escaped}\"}}")),
        (ColumnType::Composite, format!("(,\"{escaped}\")")),
        (ColumnType::Json, format!("{{\"{unicode}\": null}}")),
        (ColumnType::Xml, format!("<a b='{references}'/>")),
        (ColumnType::Verbatim, format!("\"k\"=>\"{escaped}\"")),
    ]
}

fn in_notation(
    scanner: &Scanner<'_>,
    column_type: ColumnType,
    value: &str,
    on_hit: &mut dyn FnMut(Hit),
) {
    if column_type == ColumnType::Array {
        let elements = array_text::elements(value).unwrap_or_default();
        for element in elements.iter().flatten() {
            scanner.text(element, on_hit);
        }
        return;
    }
    parts::each(column_type, value, &mut |part| match part {
        Part::Text { text, .. }
        | Part::Number { text, .. }
        | Part::Date(text)
        | Part::Name(text) => scanner.text(text, on_hit),
    });
}

fn places(text: &str) -> [String; 3] {
    [
        text.to_owned(),
        format!("Rodabu: {text}, vikelo."),
        format!("[\"{text}\"]"),
    ]
}

fn encodings(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let url: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
    let html: String = text
        .chars()
        .map(|c| format!("&#{};", u32::from(c)))
        .collect();
    let mut hidden = String::new();
    for c in text.chars() {
        hidden.push(c);
        hidden.push('\u{200b}');
    }
    let mut encodings = vec![text.to_owned(), url, html, hidden];
    // Case folding is no round trip for every script.
    if text.is_ascii() {
        encodings.push(text.to_uppercase());
    }
    encodings.push(unicode(text));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = base64(bytes);
    encodings.extend([hex, base64].into_iter().filter(|run| run.len() >= 16));
    encodings
}

fn unicode(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let number = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            if digit <= group.len() {
                let at = usize::try_from(number >> (18 - 6 * digit) & 63).unwrap_or(0);
                text.push(char::from(DIGITS[at]));
            } else {
                text.push('=');
            }
        }
    }
    text
}
