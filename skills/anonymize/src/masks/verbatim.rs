//! Types that have no meaning to us: nothing of their values passes. Where NULL is not allowed they get
//! one neutral value of their type.

use redistrict_model::{ColumnType, MaskKind, MaskName};

use super::definition::{Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};

/// Stands in for NULL where a column is NOT NULL; goes by the name of the text mask.
pub(crate) struct VerbatimMask;

impl Mask for VerbatimMask {
    fn definition(&self) -> MaskDefinition {
        MaskDefinition {
            name: MaskName::Text,
            kind: MaskKind::Synthetic,
            output: "one neutral value of the type",
            types: &[ColumnType::Verbatim],
            min_length: 0,
        }
    }

    fn capacity_bits(&self, _shape: &FieldShape) -> f64 {
        0.0
    }

    fn mask(&self, _value: Value<'_>, field: &Field) -> Result<Masked, Unmaskable> {
        let text = neutral(&field.shape).ok_or(Unmaskable("its type has no neutral value"))?;
        Ok(Masked::Text(text.to_owned()))
    }

    fn is_output(&self, output: &str, shape: &FieldShape) -> bool {
        neutral(shape) == Some(output)
    }
}

/// The neutral value of all source types of a domain; none if one of them has none or another one.
pub(crate) fn neutral(shape: &FieldShape) -> Option<&'static str> {
    let mut found = shape.source_types.iter().map(|one| neutral_of(one));
    let first = found.next().flatten()?;
    found.all(|other| other == Some(first)).then_some(first)
}

/// The type's name without its schema, its modifiers and quotes.
pub(crate) fn bare_type(source_type: &str) -> &str {
    let name = source_type.split('(').next().unwrap_or(source_type).trim();
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name);
    // `"char"` is another type than `char`.
    if name == "\"char\"" {
        return name;
    }
    name.trim_matches('"')
}

/// A text that the type takes and prints back, and that says nothing.
fn neutral_of(source_type: &str) -> Option<&'static str> {
    if source_type.ends_with("[]") {
        return Some("{}");
    }
    Some(match bare_type(source_type) {
        "tsvector" | "tsquery" | "hstore" | "ltree" | "\"char\"" | "refcursor" | "int2vector"
        | "oidvector" => "",
        "jsonpath" => "$",
        "point" => "(0,0)",
        "line" => "{1,0,0}",
        "lseg" => "[(0,0),(0,0)]",
        "box" => "(0,0),(0,0)",
        "path" | "polygon" => "((0,0))",
        "circle" => "<(0,0),0>",
        "oid" | "xid" | "cid" | "xid8" | "lo" | "seg" | "regoper" => "0",
        "regclass" | "regtype" | "regproc" | "regrole" | "regnamespace" | "regconfig"
        | "regdictionary" | "regcollation" | "regprocedure" => "-",
        "regoperator" => "0",
        "tid" => "(0,0)",
        "pg_lsn" => "0/0",
        "pg_snapshot" | "txid_snapshot" => "1:1:",
        "cube" => "(0)",
        _ => return None,
    })
}

/// Texts that a value of such a type is made of: quoted ones without their quotes, others as far as
/// no blank or sign ends them.
pub(crate) fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let ends = c.is_whitespace() || ",=>(){}[]<;:".contains(c);
        if matches!(c, '"' | '\'') {
            pieces.push(std::mem::take(&mut piece));
            while let Some(inner) = chars.next() {
                match inner {
                    '\\' => piece.extend(chars.next()),
                    inner if inner == c && chars.next_if_eq(&c).is_none() => break,
                    inner => piece.push(inner),
                }
            }
            pieces.push(std::mem::take(&mut piece));
        } else if ends {
            pieces.push(std::mem::take(&mut piece));
        } else {
            piece.push(c);
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| piece.chars().any(char::is_alphanumeric));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_the_texts_that_they_hold() {
        let hstore = r#""e-mail"=>"a \"b\"@c.org", "n"=>NULL"#;
        assert_eq!(pieces(hstore), ["e-mail", "a \"b\"@c.org", "n", "NULL"]);
        assert_eq!(
            pieces("'it''s':1A 'maria@x.org':2,3"),
            ["it's", "1A", "maria@x.org", "2", "3"]
        );
        assert_eq!(pieces("String:Maria Lopez"), ["String", "Maria", "Lopez"]);
        assert!(pieces("").is_empty());
    }

    #[test]
    fn types_are_found_by_their_bare_name() {
        assert_eq!(neutral_of("public.hstore"), Some(""));
        assert_eq!(neutral_of("\"char\""), Some(""));
        assert_eq!(neutral_of("box[]"), Some("{}"));
        assert_eq!(neutral_of("geometry(Point,4326)"), None);
    }
}
