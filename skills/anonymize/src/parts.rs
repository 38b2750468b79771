//! What one value is made of, decoded: the leaves of documents, the bounds of ranges, the fields of
//! rows. Whoever collects or searches values looks at these, never at the notation around them.

use redistrict_model::{ColumnType, array_text};

use crate::masks::{
    JsonPart, Ranges, XmlPart, is_namespace, is_number, number_of_money, pieces, printed_date,
    row_fields, walk, walk_xml,
};

/// A part of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A text, with the name it has there; without one the name is empty.
    Text { name: &'a str, text: &'a str },
    /// A number, as written.
    Number { name: &'a str, text: &'a str },
    /// A date, perhaps with a time.
    Date(&'a str),
    /// The name of a member, an element, an attribute.
    Name(&'a str),
}

/// Rows, arrays and ranges within each other are followed so deep; below they are texts.
const DEPTH: usize = 8;

/// Shows the parts of one value of that type, which is no array. What cannot be read as a value of the
/// type is one text.
pub(crate) fn each(column_type: ColumnType, text: &str, look: &mut dyn FnMut(Part<'_>)) {
    let is_read = match column_type {
        ColumnType::Json => json(text, look),
        ColumnType::Xml => xml(text, look),
        ColumnType::Range => ranges(text, look),
        ColumnType::Composite => row(text, DEPTH, look),
        ColumnType::Money => number_of_money(text).map(|number| {
            look(Part::Number {
                name: "",
                text: &number,
            });
        }),
        ColumnType::Verbatim => {
            for piece in pieces(text) {
                look(unnamed(&piece));
            }
            None
        }
        _ => None,
    };
    if is_read.is_none() {
        look(unnamed(text));
    }
}

fn unnamed(text: &str) -> Part<'_> {
    Part::Text { name: "", text }
}

fn json(text: &str, look: &mut dyn FnMut(Part<'_>)) -> Option<()> {
    walk(text, &mut |part| {
        look(match part {
            JsonPart::Key(name) => Part::Name(name),
            JsonPart::Text { key, text } => Part::Text { name: key, text },
            JsonPart::Number { key, text } => Part::Number { name: key, text },
        });
        None
    })
    .map(drop)
}

fn xml(text: &str, look: &mut dyn FnMut(Part<'_>)) -> Option<()> {
    walk_xml(text, &mut |part| {
        look(match part {
            XmlPart::Name(name) => Part::Name(name),
            XmlPart::Text { key, text } if is_namespace(key, text) => Part::Name(text),
            XmlPart::Text { key, text } if is_number(text.trim()) => Part::Number {
                name: key,
                text: text.trim(),
            },
            XmlPart::Text { key, text } => Part::Text { name: key, text },
            XmlPart::Aside(text) | XmlPart::DocumentType(text) => unnamed(text),
        });
        None
    })
    .map(drop)
}

fn ranges(text: &str, look: &mut dyn FnMut(Part<'_>)) -> Option<()> {
    let ranges = Ranges::parse(text)?;
    ranges.bounds().for_each(|bound| scalar(bound, look));
    Some(())
}

fn row(text: &str, depth: usize, look: &mut dyn FnMut(Part<'_>)) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    for field in row_fields(text)?.into_iter().flatten() {
        field_parts(&field, depth, look);
    }
    Some(())
}

/// Whether a text is found within a row as the text that it is: the parts of a document, an array or a range
/// alone say little, and the whole may be a member of V, kept as text elsewhere. Where it is made of digits only,
/// these are looked at as numbers.
pub(crate) fn is_shown_whole(text: &str) -> bool {
    !text.starts_with(['[', '{', '('])
        || text.chars().any(char::is_alphabetic)
        || Ranges::parse(text).is_some()
}

fn field_parts(field: &str, depth: usize, look: &mut dyn FnMut(Part<'_>)) {
    if field.starts_with(['[', '{', '(']) && is_shown_whole(field) {
        look(unnamed(field));
    }
    let is_read = match field.chars().next() {
        Some('(') if row_fields(field).is_some() => row(field, depth, look),
        Some('[' | '(') if Ranges::parse(field).is_some() => ranges(field, look),
        Some('[' | '{') if json(field, &mut |_| {}).is_some() => json(field, look),
        Some('[' | '{') => array_text::elements(field)
            .filter(|_| depth > 0)
            .map(|elements| {
                for element in elements.into_iter().flatten() {
                    field_parts(&element, depth - 1, look);
                }
            }),
        _ => None,
    };
    if is_read.is_none() {
        scalar(field, look);
    }
}

fn scalar(text: &str, look: &mut dyn FnMut(Part<'_>)) {
    look(if printed_date(text).is_some() {
        Part::Date(text)
    } else if is_number(text) || text.bytes().all(|byte| byte.is_ascii_digit()) {
        Part::Number { name: "", text }
    } else {
        unnamed(text)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(column_type: ColumnType, text: &str) -> Vec<String> {
        let mut seen = Vec::new();
        each(column_type, text, &mut |part| {
            seen.push(match part {
                Part::Text { name, text } => format!("{name}~{text}"),
                Part::Number { name, text } => format!("{name}#{text}"),
                Part::Date(text) => format!("@{text}"),
                Part::Name(name) => format!(".{name}"),
            });
        });
        seen
    }

    #[test]
    fn values_are_shown_without_their_notation() {
        for (column_type, text, expected) in [
            (
                ColumnType::Composite,
                r#"("Ann ""A"" Lee",12,2011-03-05,"(x@y.org,)","{a,""b \\""c""}","{""k"": ""v""}",)"#,
                vec![
                    "~Ann \"A\" Lee",
                    "#12",
                    "@2011-03-05",
                    "~(x@y.org,)",
                    "~x@y.org",
                    r#"~{a,"b \"c"}"#,
                    "~a",
                    "~b \"c",
                    r#"~{"k": "v"}"#,
                    ".k",
                    "k~v",
                ],
            ),
            (
                ColumnType::Range,
                r#"{["2011-03-05 10:00:00",2012-01-01),[7,)}"#,
                vec!["@2011-03-05 10:00:00", "@2012-01-01", "#7"],
            ),
            (
                ColumnType::Xml,
                "<p mail=\"a&#64;b.org\"><n>12</n>Ann<!--x--></p>",
                vec![
                    ".p",
                    ".mail",
                    "mail~a@b.org",
                    ".n",
                    "n#12",
                    ".n",
                    "p~Ann",
                    "~x",
                    ".p",
                ],
            ),
            (
                ColumnType::Verbatim,
                r#""k"=>"a\"b""#,
                vec!["~k", "~a\"b", r#"~"k"=>"a\"b""#],
            ),
            (ColumnType::Money, "-$1,234.50", vec!["#-1234.50"]),
            (ColumnType::Composite, "no row", vec!["~no row"]),
            (ColumnType::Text, "(a)", vec!["~(a)"]),
        ] {
            assert_eq!(parts(column_type, text), expected, "{text}");
        }
    }
}
