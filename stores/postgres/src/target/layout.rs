//! How a staging table holds rows: a column for each of theirs, or, where such a row may be too long for
//! a page of the server or the columns are too many, *packed*: the columns of the key as they are, all
//! others in one array per type, which the server keeps beside the page. Which one it is depends on the
//! types and the number of the columns only. An element of an array is the value that its column would be,
//! so that nothing else changes. Pure.

use redistrict_model::ColumnType;
use tokio_postgres::types::Type;

use crate::copy::Field;
use crate::types::staging_type;

/// What the longest row on a page of 8 KiB may have, its header included.
const MAX_ROW_BYTES: usize = 8160;
/// What the server allows in one table.
const MAX_COLUMNS: usize = 1600;
/// The header of a row without the bits of its NULLs, aligned.
const HEADER_BYTES: usize = 32;
/// Our own columns: what is done with the row, and the place of a row without a key.
const OWN_COLUMNS: usize = 3;
const OWN_BYTES: usize = 8 + 8 + 24;
/// The column with the values of one type.
const ARRAY: &str = "p_";

/// How a staging table holds rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Column `c1` and up.
    Columns,
    /// Column `c` with its number for each column of the key, and `p_text`, `p_int4`, … with all others.
    Packed,
}

impl Layout {
    /// The layout for columns of these types.
    pub(super) fn of(types: &[ColumnType]) -> Self {
        let count = types.len() + OWN_COLUMNS;
        let values: usize = types.iter().map(|one| widest(*one)).sum();
        let row = HEADER_BYTES + count.div_ceil(8) + OWN_BYTES + values;
        if count > MAX_COLUMNS || row > MAX_ROW_BYTES {
            Self::Packed
        } else {
            Self::Columns
        }
    }
}

/// The most bytes that a value takes on the page, with the gap in front of it. What can be stored beside
/// the page is a pointer there, or shorter than one, or compressed to so little.
fn widest(column_type: ColumnType) -> usize {
    match staging_type(column_type) {
        "bool" => 1,
        "int2" => 2 + 1,
        "int4" | "float4" | "date" => 4 + 3,
        "int8" | "float8" | "timestamp" | "timestamptz" => 8 + 7,
        _ => 28,
    }
}

/// One column of a table, as staging sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct StagedColumn {
    pub(super) column_type: ColumnType,
    /// It is part of what tells rows apart.
    pub(super) is_key: bool,
}

/// One column of a staging table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) name: String,
    /// Its type; of an array that of its elements.
    pub(super) holds: &'static str,
    /// The places of the columns that it holds, from 0: one, or those of an array.
    places: Vec<usize>,
    pub(super) is_array: bool,
}

impl Holder {
    /// Name and type.
    pub(super) fn definition(&self) -> String {
        let brackets = if self.is_array { "[]" } else { "" };
        format!("{} {}{brackets}", self.name, self.holds)
    }

    /// What of a record batch it takes.
    pub(super) fn field(&self) -> Field {
        match self.places.as_slice() {
            [place] if !self.is_array => Field::Value(*place),
            places => Field::Array {
                element: element_oid(self.holds),
                places: places.to_vec(),
            },
        }
    }
}

/// The columns of the staging table, our own left out.
pub(super) fn holders(layout: Layout, columns: &[StagedColumn]) -> Vec<Holder> {
    let mut holders: Vec<Holder> = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        let holds = staging_type(column.column_type);
        let is_array = layout == Layout::Packed && !column.is_key;
        let name = match is_array {
            true => format!("{ARRAY}{holds}"),
            false => format!("c{}", place + 1),
        };
        match holders.iter_mut().find(|one| is_array && one.name == name) {
            Some(array) => array.places.push(place),
            None => holders.push(Holder {
                name,
                holds,
                places: vec![place],
                is_array,
            }),
        }
    }
    holders
}

/// The values of the columns, in their order, in a row `s` of the staging table.
pub(super) fn values(holders: &[Holder], columns: usize) -> Vec<String> {
    let mut values = vec![String::new(); columns];
    for holder in holders {
        for (at, place) in holder.places.iter().enumerate() {
            let Some(value) = values.get_mut(*place) else {
                continue;
            };
            *value = match holder.is_array {
                true => format!("s.{}[{}]", holder.name, at + 1),
                false => format!("s.{}", holder.name),
            };
        }
    }
    values
}

/// The type of an array's elements, as the server counts its types.
fn element_oid(staging_type: &str) -> u32 {
    let element = match staging_type {
        "bool" => Type::BOOL,
        "int2" => Type::INT2,
        "int4" => Type::INT4,
        "int8" => Type::INT8,
        "float4" => Type::FLOAT4,
        "float8" => Type::FLOAT8,
        "bytea" => Type::BYTEA,
        "date" => Type::DATE,
        "timestamp" => Type::TIMESTAMP,
        "timestamptz" => Type::TIMESTAMPTZ,
        _ => Type::TEXT,
    };
    element.oid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(of: &[(usize, ColumnType)]) -> Layout {
        let types = of.iter().map(|(count, one)| vec![*one; *count]);
        Layout::of(&types.flatten().collect::<Vec<_>>())
    }

    #[test]
    fn what_may_be_too_long_or_too_many_is_packed_and_nothing_else() {
        for (columns, expected) in [
            (vec![(1, ColumnType::Int64)], Layout::Columns),
            (vec![(250, ColumnType::Text)], Layout::Columns),
            (vec![(300, ColumnType::Uuid)], Layout::Packed),
            (vec![(900, ColumnType::Time)], Layout::Packed),
            (vec![(1017, ColumnType::Int64)], Layout::Packed),
            (vec![(1597, ColumnType::Bool)], Layout::Columns),
            (vec![(1598, ColumnType::Bool)], Layout::Packed),
            (
                vec![(150, ColumnType::Uuid), (300, ColumnType::Timestamp)],
                Layout::Packed,
            ),
        ] {
            assert_eq!(layout(&columns), expected, "{columns:?}");
        }
    }

    fn columns() -> Vec<StagedColumn> {
        [
            (ColumnType::Text, false),
            (ColumnType::Int64, true),
            (ColumnType::Date, false),
            (ColumnType::Uuid, false),
            (ColumnType::Uuid, true),
        ]
        .map(|(column_type, is_key)| StagedColumn {
            column_type,
            is_key,
        })
        .to_vec()
    }

    #[test]
    fn every_column_has_one_place_and_keys_keep_columns_of_their_own() {
        let packed = holders(Layout::Packed, &columns());
        let definitions: Vec<String> = packed.iter().map(Holder::definition).collect();
        assert_eq!(
            definitions,
            ["p_text text[]", "c2 int8", "p_date date[]", "c5 text"]
        );
        assert_eq!(
            values(&packed, 5),
            ["s.p_text[1]", "s.c2", "s.p_date[1]", "s.p_text[2]", "s.c5"]
        );
        let plain = holders(Layout::Columns, &columns());
        assert_eq!(values(&plain, 5), ["s.c1", "s.c2", "s.c3", "s.c4", "s.c5"]);
        assert_eq!(plain[2].field(), Field::Value(2));
        let text = Field::Array {
            element: 25,
            places: vec![0, 3],
        };
        assert_eq!(packed[0].field(), text);
    }
}
