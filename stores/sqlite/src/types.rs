//! Declared types: which of the types that move a SQLite column is. SQLite's rules of affinity
//! (<https://www.sqlite.org/datatype3.html>, 3.1), refined by well-known names. Must not look at
//! values.

use redistrict_model::ColumnType;

/// A declared type, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) column_type: ColumnType,
    /// `varchar(n)`; SQLite does not enforce it.
    pub(crate) max_length: Option<u32>,
}

/// Understands a declared type as `PRAGMA table_xinfo` prints it.
///
/// Exact names come first (they say more than affinity does), then the rules in SQLite's order. A
/// column without a type and every NUMERIC affinity that is not named here is `Other`: any class of
/// value may stand in it.
pub(crate) fn declared(text: &str) -> Declared {
    let upper = text.to_ascii_uppercase();
    let base = upper.split('(').next().unwrap_or("").trim();
    let has = |word: &str| upper.contains(word);
    let column_type = match base {
        "DATE" => ColumnType::Date,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => ColumnType::Timestamp,
        "JSON" => ColumnType::Json,
        "UUID" => ColumnType::Uuid,
        _ if base.starts_with("BOOL") && is_numeric(&upper) => ColumnType::Bool,
        _ if has("INT") => ColumnType::Int64,
        _ if has("CHAR") || has("CLOB") || has("TEXT") => ColumnType::Text,
        _ if has("BLOB") => ColumnType::Bytes,
        _ if has("REAL") || has("FLOA") || has("DOUB") => ColumnType::Float64,
        _ => ColumnType::Other,
    };
    let is_sized = column_type == ColumnType::Text && base.contains("CHAR");
    Declared {
        column_type,
        max_length: is_sized.then(|| length(&upper)).flatten(),
    }
}

/// SQLite keeps 0 and 1 as integers in the column.
fn is_numeric(upper: &str) -> bool {
    !["CHAR", "CLOB", "TEXT", "BLOB", "REAL", "FLOA", "DOUB"]
        .iter()
        .any(|word| upper.contains(word))
}

fn length(upper: &str) -> Option<u32> {
    let (_, rest) = upper.split_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    inside.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_follow_names_then_affinity() {
        for (text, expected) in [
            ("INTEGER", ColumnType::Int64),
            ("bigint", ColumnType::Int64),
            ("UNSIGNED BIG INT", ColumnType::Int64),
            ("INT2", ColumnType::Int64),
            ("BOOLEAN", ColumnType::Bool),
            ("bool", ColumnType::Bool),
            ("BOOLTEXT", ColumnType::Text),
            ("VARCHAR(255)", ColumnType::Text),
            ("NATIVE CHARACTER(70)", ColumnType::Text),
            ("CLOB", ColumnType::Text),
            ("REAL", ColumnType::Float64),
            ("DOUBLE PRECISION", ColumnType::Float64),
            ("FLOAT", ColumnType::Float64),
            ("BLOB", ColumnType::Bytes),
            ("DATE", ColumnType::Date),
            ("DATETIME", ColumnType::Timestamp),
            ("timestamp(6)", ColumnType::Timestamp),
            ("JSON", ColumnType::Json),
            ("uuid", ColumnType::Uuid),
            ("DECIMAL(10,5)", ColumnType::Other),
            ("NUMERIC", ColumnType::Other),
            ("TIME", ColumnType::Other),
            ("TIMESTAMP WITH TIME ZONE", ColumnType::Other),
            ("JSONB", ColumnType::Other),
            ("STRING", ColumnType::Other),
            ("ANY", ColumnType::Other),
            ("", ColumnType::Other),
        ] {
            assert_eq!(declared(text).column_type, expected, "{text}");
        }
    }

    #[test]
    fn only_sized_character_types_have_a_length() {
        assert_eq!(declared("varchar(40)").max_length, Some(40));
        assert_eq!(declared("nchar ( 5 )").max_length, Some(5));
        assert_eq!(declared("text").max_length, None);
        assert_eq!(declared("varchar(max)").max_length, None);
        assert_eq!(declared("integer(11)").max_length, None);
    }
}
