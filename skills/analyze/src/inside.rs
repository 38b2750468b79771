//! Which links may lead from inside of values. Pure.

use redistrict_model::{Catalog, ColumnType, Generated, Inside, StoreKind, Table};

/// Why a link cannot lead from that place of a column of the table, as a sentence about the link; none if it
/// can.
pub(crate) fn refused(
    catalogs: &[Catalog],
    table: &Table,
    column: &str,
    inside: &Inside,
) -> Option<String> {
    let name = &table.name;
    let column = table.column(column)?;
    let of_store = |catalog: &&Catalog| catalog.store == name.store;
    let kind = catalogs.iter().find(of_store).map(|catalog| catalog.kind);
    let reason = match inside {
        _ if table.identity().is_none() => format!(
            "{name} has no primary key and no unique key without NULLs: nothing tells which row a key stands in"
        ),
        _ if column.generated == Generated::Stored => format!(
            "column {} of {name} is computed: link the columns that it is made of",
            column.name
        ),
        _ if kind == Some(StoreKind::Neo4j) => format!(
            "{name} is of a graph, whose lists and texts cannot be followed yet: make relationships of them, or \
             leave the link out"
        ),
        Inside::Elements if column.column_type != ColumnType::Array => format!(
            "column {} of {name} is {}, no array: a document is linked by a path, {}$.member",
            column.name, column.source_type, column.name
        ),
        Inside::Elements if !column.element.is_some_and(is_followed) => format!(
            "the elements of {} of {name} ({}) are of a type that is not followed yet: whole numbers, numbers, \
             texts and UUIDs are",
            column.name, column.source_type
        ),
        Inside::Members(_) if !is_document(column.column_type) => format!(
            "column {} of {name} is {}, which holds no JSON",
            column.name, column.source_type
        ),
        _ => return None,
    };
    Some(reason)
}

/// Elements whose text is the text of the key.
fn is_followed(element: ColumnType) -> bool {
    matches!(
        element,
        ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
            | ColumnType::Numeric
            | ColumnType::Text
            | ColumnType::Uuid
    )
}

fn is_document(column_type: ColumnType) -> bool {
    matches!(column_type, ColumnType::Json | ColumnType::Text)
}
