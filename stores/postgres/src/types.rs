//! Column types: from the server's to ours, and which canonical texts can be cast. Pure.

use redistrict_model::calendar::{self, Zone};
use redistrict_model::{ColumnType, fits};

/// What the catalog says about a column's type, domains resolved to their base.
///
/// Names are bare for types of `pg_catalog`, `extension.type` for those of extensions, else empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeFacts<'a> {
    pub(crate) name: &'a str,
    /// `pg_type.typtype`: `b`ase, `c`omposite, `e`num, `m`ultirange, `p`seudo, `r`ange.
    pub(crate) kind: &'a str,
    /// For arrays.
    pub(crate) element: Option<ElementFacts<'a>>,
    /// Names of the type and of everything that its values are made of.
    pub(crate) parts: Vec<&'a str>,
}

/// The element type of an array, domains resolved.
#[derive(Clone, Debug, Default)]
pub(crate) struct ElementFacts<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    /// A domain over an array.
    pub(crate) is_array: bool,
    pub(crate) delimiter: &'a str,
}

/// Types whose text the server does not take back: planner statistics, rule trees, the inner types of
/// index methods.
const UNWRITABLE: [&str; 20] = [
    "any",
    "anyarray",
    "gtsvector",
    "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary",
    "pg_dependencies",
    "pg_mcv_list",
    "pg_ndistinct",
    "pg_node_tree",
    "btree_gist.gbtreekey16",
    "btree_gist.gbtreekey2",
    "btree_gist.gbtreekey32",
    "btree_gist.gbtreekey4",
    "btree_gist.gbtreekey8",
    "btree_gist.gbtreekey_var",
    "hstore.ghstore",
    "intarray.intbig_gkey",
    "ltree.ltree_gist",
    "pg_trgm.gtrgm",
    "tsearch2.gtsvector",
];

/// What a column of the type travels as.
pub(crate) fn column_type(facts: &TypeFacts<'_>) -> ColumnType {
    if facts.parts.iter().any(|part| UNWRITABLE.contains(part)) {
        return ColumnType::Other;
    }
    match &facts.element {
        // `box` and types like it: no array literal as `redistrict_model::array_text` reads them.
        Some(element) if element.delimiter != "," => ColumnType::Verbatim,
        Some(_) => ColumnType::Array,
        None => plain_type(facts.name, facts.kind),
    }
}

/// The type of an array's elements; none for what is no array.
pub(crate) fn element_type(facts: &TypeFacts<'_>) -> Option<ColumnType> {
    let element = facts.element.as_ref()?;
    if column_type(facts) != ColumnType::Array {
        return None;
    }
    Some(if element.is_array {
        ColumnType::Verbatim
    } else {
        plain_type(element.name, element.kind)
    })
}

fn plain_type(name: &str, kind: &str) -> ColumnType {
    match kind {
        "e" => return ColumnType::Enum,
        "r" | "m" => return ColumnType::Range,
        "c" => return ColumnType::Composite,
        "p" => return ColumnType::Other,
        _ => {}
    }
    match name {
        "bool" => ColumnType::Bool,
        "int2" => ColumnType::Int16,
        "int4" => ColumnType::Int32,
        "int8" => ColumnType::Int64,
        "float4" => ColumnType::Float32,
        "float8" => ColumnType::Float64,
        "numeric" => ColumnType::Numeric,
        "text" | "varchar" | "name" | "citext.citext" => ColumnType::Text,
        "bpchar" => ColumnType::Char,
        "bytea" => ColumnType::Bytes,
        "date" => ColumnType::Date,
        "time" | "timetz" => ColumnType::Time,
        "timestamp" => ColumnType::Timestamp,
        "timestamptz" => ColumnType::TimestampTz,
        "interval" => ColumnType::Interval,
        "uuid" => ColumnType::Uuid,
        "json" | "jsonb" => ColumnType::Json,
        "inet" | "cidr" | "macaddr" | "macaddr8" => ColumnType::Inet,
        "bit" | "varbit" => ColumnType::Bits,
        "xml" => ColumnType::Xml,
        "money" => ColumnType::Money,
        _ => ColumnType::Verbatim,
    }
}

/// Why the server may find two values equal whose texts differ: their keys are refused by name. None
/// where equal values have equal canonical texts.
pub(crate) fn key_trouble(facts: &TypeFacts<'_>, is_deterministic: bool) -> Option<KeyTrouble> {
    let has = |names: &[&str]| facts.parts.iter().any(|part| names.contains(part));
    let is_plain = facts.element.is_none() && !matches!(facts.kind, "c" | "r" | "m");
    if !is_deterministic || has(&["citext.citext"]) {
        return Some(KeyTrouble::Collation);
    }
    if has(&["interval", "jsonb", "tsquery", "cube.cube"]) {
        return Some(KeyTrouble::Equality);
    }
    // One by one they have a canonical text; inside of another value they keep the server's.
    let is_loose = has(&["numeric", "float4", "float8", "bpchar"]);
    (is_loose && !is_plain).then_some(KeyTrouble::Equality)
}

/// See [`key_trouble`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyTrouble {
    /// Texts that compare by a collation: letters of another case may be equal.
    Collation,
    /// `1.0` and `1.00`, one day and 24 hours.
    Equality,
}

/// Types that are read by their output function and written by their input function: a cast between
/// them and text may be somebody's own.
pub(crate) fn is_printed(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Enum
            | ColumnType::Array
            | ColumnType::Range
            | ColumnType::Composite
            | ColumnType::Verbatim
    )
}

/// The greatest length in characters that a type modifier sets.
pub(crate) fn max_length(base_name: &str, typmod: i32) -> Option<u32> {
    match base_name {
        "varchar" | "bpchar" => u32::try_from(typmod.checked_sub(4)?)
            .ok()
            .filter(|n| *n > 0),
        "name" => Some(63),
        _ => None,
    }
}

/// Types that binary COPY carries as themselves; all others travel as text.
pub(crate) fn is_native(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Bool
            | ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Float32
            | ColumnType::Float64
            | ColumnType::Text
            | ColumnType::Bytes
            | ColumnType::Date
            | ColumnType::Timestamp
            | ColumnType::TimestampTz
    )
}

/// The type of a staging column.
pub(crate) fn staging_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Bool => "bool",
        ColumnType::Int16 => "int2",
        ColumnType::Int32 => "int4",
        ColumnType::Int64 => "int8",
        ColumnType::Float32 => "float4",
        ColumnType::Float64 => "float8",
        ColumnType::Bytes => "bytea",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
        ColumnType::TimestampTz => "timestamptz",
        _ => "text",
    }
}

/// What stands for a value when it is compared as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Value,
    /// The value without its domain: operators of enums, arrays, … find no domains over them.
    Base,
    /// The text: the type's operators may be out of reach, in the schema of an extension.
    Text,
    /// The number of an object, whose text depends on the search path.
    Number,
}

/// How keys of the type are compared in a merge.
pub(crate) fn comparison(facts: &TypeFacts<'_>, is_domain: bool) -> Comparison {
    let column_type = column_type(facts);
    match column_type {
        ColumnType::Verbatim if facts.element.is_none() && facts.name.starts_with("reg") => {
            Comparison::Number
        }
        ColumnType::Verbatim => Comparison::Text,
        _ if is_domain && is_printed(column_type) => Comparison::Base,
        _ => Comparison::Value,
    }
}

/// How writing a value may change it without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// It cannot.
    Never,
    /// A type modifier drops digits: seen by the type's own equality.
    ByValue,
    /// The same inside of an array or a composite: seen by the text that comes back.
    ByText,
}

/// Whether a column's type can drop digits or characters of a staged value.
pub(crate) fn rounding(facts: &TypeFacts<'_>, typmod: i32) -> Rounding {
    const DIGITS: [&str; 6] = [
        "numeric",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "interval",
    ];
    let is_plain = facts.element.is_none() && facts.kind == "b";
    if is_plain {
        let is_cut = DIGITS.contains(&facts.name) && typmod >= 0;
        return if is_cut || facts.name == "name" {
            Rounding::ByValue
        } else {
            Rounding::Never
        };
    }
    let is_cut = |part: &&str| DIGITS.contains(part) || matches!(*part, "name" | "char");
    if is_written_whole(facts) && facts.parts.iter().any(is_cut) {
        Rounding::ByText
    } else {
        Rounding::Never
    }
}

/// Values that carry the modifiers of what they are made of.
fn is_written_whole(facts: &TypeFacts<'_>) -> bool {
    facts.element.is_some() || facts.kind == "c"
}

/// How a canonical text relates to a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFit {
    /// The cast to the column's type cannot fail and gives the same text back.
    Castable,
    /// It may be a value: compare texts.
    AsText,
    /// It is no value of the column.
    Never,
}

/// Decides how a key's text is compared with a column.
pub(crate) fn key_fit(text: &str, column_type: ColumnType, labels: &[String]) -> KeyFit {
    if text.contains('\0') {
        return KeyFit::Never;
    }
    let castable = |is_castable| {
        if is_castable {
            KeyFit::Castable
        } else {
            KeyFit::Never
        }
    };
    match column_type {
        ColumnType::Enum => castable(labels.iter().any(|label| label == text)),
        ColumnType::Char => castable(!text.ends_with(' ')),
        ColumnType::Uuid | ColumnType::Bytes => {
            castable(fits(text, column_type) && !text.bytes().any(|byte| byte.is_ascii_uppercase()))
        }
        ColumnType::Numeric if !fits(text, column_type) => KeyFit::AsText,
        ColumnType::Numeric if text.len() > 1000 => KeyFit::AsText,
        ColumnType::Numeric => castable(is_canonical_number(text)),
        ColumnType::Date if is_date(text) => KeyFit::Castable,
        ColumnType::Timestamp if is_timestamp(text, Zone::Local) => KeyFit::Castable,
        ColumnType::TimestampTz if is_timestamp(text, Zone::Utc) => KeyFit::Castable,
        ColumnType::Date
        | ColumnType::Timestamp
        | ColumnType::TimestampTz
        | ColumnType::Float32
        | ColumnType::Float64
        | ColumnType::Time
        | ColumnType::Interval
        | ColumnType::Inet
        | ColumnType::Json
        | ColumnType::Array
        | ColumnType::Range
        | ColumnType::Composite
        | ColumnType::Bits
        | ColumnType::Xml
        | ColumnType::Money
        | ColumnType::DateTimeText
        | ColumnType::Verbatim => KeyFit::AsText,
        ColumnType::Other => KeyFit::Never,
        _ => castable(fits(text, column_type)),
    }
}

/// No zeros that the shortest text would not have.
fn is_canonical_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "1"));
    let is_plain_whole = whole == "0" || !whole.starts_with('0');
    is_plain_whole && !fraction.ends_with('0') && text != "-0"
}

/// The server's days: from 4714-11-24 BC on, …
const FIRST_DAY: i64 = -2_440_588;
/// … up to 5874897-12-31.
const LAST_DAY: i64 = 2_145_042_905;
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The canonical text of a day that the server has, or of an infinity.
fn is_date(text: &str) -> bool {
    const INFINITIES: [i64; 2] = [i32::MAX as i64, i32::MIN as i64];
    calendar::days_of(text)
        .is_some_and(|days| (FIRST_DAY..=LAST_DAY).contains(&days) || INFINITIES.contains(&days))
}

/// The same of a moment. The last years of the server are beyond what travels, and are no such moments.
fn is_timestamp(text: &str, zone: Zone) -> bool {
    calendar::micros_of(text, zone)
        .is_some_and(|micros| micros >= FIRST_DAY * MICROS_PER_DAY || micros == i64::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_the_server_has_are_cast_and_no_others() {
        for (text, fit) in [
            ("2024-02-29", KeyFit::Castable),
            ("0044-03-15 BC", KeyFit::Castable),
            ("4714-11-24 BC", KeyFit::Castable),
            ("4714-11-23 BC", KeyFit::AsText),
            ("5874897-12-31", KeyFit::Castable),
            ("5874898-01-01", KeyFit::AsText),
            ("infinity", KeyFit::Castable),
            ("-infinity", KeyFit::Castable),
            ("2023-02-29", KeyFit::AsText),
            ("2024-02-30", KeyFit::AsText),
            ("0000-01-01", KeyFit::AsText),
        ] {
            assert_eq!(key_fit(text, ColumnType::Date, &[]), fit, "{text}");
        }
        for (text, fit) in [
            ("4714-11-24 00:00:00 BC", KeyFit::Castable),
            ("4714-11-23 23:59:59.999999 BC", KeyFit::AsText),
            ("294247-01-10 04:00:54.775806", KeyFit::Castable),
            ("294276-12-31 23:59:59.999999", KeyFit::AsText),
            ("infinity", KeyFit::Castable),
            ("-infinity", KeyFit::Castable),
            ("2024-02-29 00:00:00+00", KeyFit::AsText),
        ] {
            assert_eq!(key_fit(text, ColumnType::Timestamp, &[]), fit, "{text}");
        }
        for (text, fit) in [
            ("0001-01-01 00:00:00+00 BC", KeyFit::Castable),
            ("-infinity", KeyFit::Castable),
            ("2024-02-29 00:00:00", KeyFit::AsText),
            ("2024-02-29 00:00:00+01", KeyFit::AsText),
        ] {
            assert_eq!(key_fit(text, ColumnType::TimestampTz, &[]), fit, "{text}");
        }
    }

    #[test]
    fn only_canonical_texts_are_cast() {
        for (text, column_type) in [
            ("1.50", ColumnType::Numeric),
            ("007", ColumnType::Numeric),
            ("-0", ColumnType::Numeric),
            ("6F1C1A7E-0000-4000-8000-00000000000F", ColumnType::Uuid),
            ("ab ", ColumnType::Char),
            ("042", ColumnType::Int32),
            ("x\0y", ColumnType::Text),
        ] {
            assert_eq!(key_fit(text, column_type, &[]), KeyFit::Never, "{text}");
        }
        for (text, column_type) in [
            ("1.5", ColumnType::Numeric),
            ("0.05", ColumnType::Numeric),
            ("100", ColumnType::Numeric),
            ("2024-02-29 23:59:59.000001", ColumnType::Timestamp),
            ("2024-02-29 23:59:59+00", ColumnType::TimestampTz),
        ] {
            assert_eq!(key_fit(text, column_type, &[]), KeyFit::Castable, "{text}");
        }
    }

    fn facts<'a>(name: &'a str, kind: &'a str, parts: &[&'a str]) -> TypeFacts<'a> {
        TypeFacts {
            name,
            kind,
            element: None,
            parts: parts.to_vec(),
        }
    }

    #[test]
    fn what_has_no_meaning_to_us_moves_as_text_and_what_cannot_be_written_back_does_not_move() {
        for (name, kind, parts, expected) in [
            ("point", "b", vec!["point"], ColumnType::Verbatim),
            ("", "b", vec![""], ColumnType::Verbatim),
            ("", "c", vec!["", "int4"], ColumnType::Composite),
            ("", "c", vec!["", "pg_node_tree"], ColumnType::Other),
            (
                "int4range",
                "r",
                vec!["int4", "int4range"],
                ColumnType::Range,
            ),
            ("int4multirange", "m", vec!["int4"], ColumnType::Range),
            ("anyarray", "p", vec!["anyarray"], ColumnType::Other),
            (
                "citext.citext",
                "b",
                vec!["citext.citext"],
                ColumnType::Text,
            ),
        ] {
            assert_eq!(column_type(&facts(name, kind, &parts)), expected, "{name}");
        }
    }

    #[test]
    fn elements_are_plain_types_and_odd_delimiters_make_no_array() {
        let array = |name, delimiter, is_array| TypeFacts {
            element: Some(ElementFacts {
                name,
                kind: "b",
                is_array,
                delimiter,
            }),
            ..facts("", "b", &[])
        };
        let text = array("text", ",", false);
        assert_eq!(column_type(&text), ColumnType::Array);
        assert_eq!(element_type(&text), Some(ColumnType::Text));
        let nested = array("_int4", ",", true);
        assert_eq!(element_type(&nested), Some(ColumnType::Verbatim));
        let boxes = array("box", ";", false);
        assert_eq!(column_type(&boxes), ColumnType::Verbatim);
        assert_eq!(element_type(&boxes), None);
    }

    #[test]
    fn keys_whose_equal_values_print_differently_are_told() {
        for (name, kind, parts, expected) in [
            ("int4", "b", vec!["int4"], None),
            ("numeric", "b", vec!["numeric"], None),
            (
                "interval",
                "b",
                vec!["interval"],
                Some(KeyTrouble::Equality),
            ),
            (
                "numrange",
                "r",
                vec!["numeric", "numrange"],
                Some(KeyTrouble::Equality),
            ),
            ("int4range", "r", vec!["int4", "int4range"], None),
            (
                "citext.citext",
                "b",
                vec!["citext.citext"],
                Some(KeyTrouble::Collation),
            ),
        ] {
            assert_eq!(key_trouble(&facts(name, kind, &parts), true), expected);
        }
        let text = facts("text", "b", &["text"]);
        assert_eq!(key_trouble(&text, false), Some(KeyTrouble::Collation));
    }

    #[test]
    fn enum_keys_are_labels() {
        let labels = ["a'b".to_owned()];
        assert_eq!(key_fit("a'b", ColumnType::Enum, &labels), KeyFit::Castable);
        assert_eq!(key_fit("ab", ColumnType::Enum, &labels), KeyFit::Never);
    }
}
