//! What the tests of the reading side share.

use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use redistrict_model::{Catalog, Key, KeyRow, StoreName, Table, TableRef};
use redistrict_neo4j::Neo4jSource;
use redistrict_store::{KeyRequest, RowRequest, Selector, SourceCut, SourceStore as _, StoreError};
use redistrict_testkit::neo4j::{Graph, Neo4jPair};

/// The product's source on a test server.
pub(crate) fn source(graph: &Graph) -> Neo4jSource {
    Neo4jSource::connect_lazy(StoreName::new("sp"), graph.url().to_owned(), Vec::new())
}

pub(crate) fn name(schema: &str, table: &str) -> TableRef {
    TableRef::new(&StoreName::new("sp"), schema, table)
}

pub(crate) fn table(catalog: &Catalog, schema: &str, table: &str) -> Table {
    let found = catalog.table(&name(schema, table));
    found
        .unwrap_or_else(|| panic!("{schema}.{table} is not in the catalog"))
        .clone()
}

pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A cut of all tables of the catalog.
pub(crate) async fn cut(graph: &Graph) -> (Catalog, Box<dyn SourceCut>) {
    let catalog = source(graph).catalog().await.expect("a catalog");
    let cut = source(graph)
        .open_cut(&catalog.tables)
        .await
        .expect("a cut");
    (catalog, cut)
}

/// The values of the rows that match, sorted; `-` is NULL.
pub(crate) async fn found(
    cut: &mut dyn SourceCut,
    table: &TableRef,
    columns: &[&str],
    by: &[&str],
    keys: &[&[&str]],
) -> Vec<Vec<String>> {
    let keys = keys
        .iter()
        .map(|parts| Key::new(parts.iter().copied()))
        .collect();
    let selector = Selector::Matching {
        columns: strings(by),
        keys,
    };
    values(
        selected(cut, table, columns, selector)
            .await
            .expect("keys can be read"),
    )
}

pub(crate) fn values(rows: Vec<KeyRow>) -> Vec<Vec<String>> {
    let text = |value: Option<Box<str>>| value.map_or_else(|| "-".to_owned(), String::from);
    let row = |row: KeyRow| row.values.into_iter().map(text).collect();
    let mut found: Vec<Vec<String>> = rows.into_iter().map(row).collect();
    found.sort();
    found
}

pub(crate) async fn selected(
    cut: &mut dyn SourceCut,
    table: &TableRef,
    columns: &[&str],
    selector: Selector,
) -> Result<Vec<KeyRow>, StoreError> {
    let request = KeyRequest {
        table: table.clone(),
        columns: strings(columns),
        selector,
    };
    cut.keys(&request).await
}

/// All rows of a table with all columns that move, by identity or locator.
pub(crate) async fn all_rows(
    cut: &mut dyn SourceCut,
    table: &Table,
) -> Result<Vec<RecordBatch>, StoreError> {
    let rows = selected(cut, &table.name, &[], Selector::All).await?;
    let request = RowRequest {
        table: table.name.clone(),
        columns: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        identity: table.identity().unwrap_or_default().to_vec(),
        keys: rows.into_iter().map(|row| row.id).collect(),
    };
    cut.rows(&request).await?.try_collect().await
}

/// One text per row.
pub(crate) fn printed(batches: &[RecordBatch]) -> Vec<String> {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let options = FormatOptions::default().with_null("-");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).expect("a printable column"))
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns
                .iter()
                .map(|one| one.value(row).to_string())
                .collect();
            lines.push(cells.join("|"));
        }
    }
    lines
}

/// Students, sections with a composite key, staff by text; relationships between all of them.
pub(crate) const WORLD: &[&str] = &[
    "create constraint student for (n:Student) require n.id is unique",
    "create constraint student_mail for (n:Student) require n.mail is unique",
    "create constraint section for (n:Section) require (n.code, n.year) is unique",
    "create constraint staff for (n:Staff) require n.id is unique",
    "create constraint badge for ()-[r:HAS_BADGE]-() require r.number is unique",
    "create (:Student:Person {id: 42, name: 'Ada', mail: 'a'}), (:Person:Student:Honor {id: 43, born: date('2010-02-03')}),
            (:Student {id: 7, name: 'Ida'}), (:Staff:Person {id: '42', name: 'Eva'}), (:Staff {id: 'x'}),
            (:Section {code: 'A', year: 2024}), (:Section {code: 'A', year: 2025}),
            (:Club {name: 'chess'}), (:Club:Zoo {name: 'chess'})",
    "match (a:Student {id: 42}), (b:Student {id: 43}), (s:Section {year: 2024}), (t:Staff {id: '42'}), (u:Section {year: 2025})
     create (a)-[:KNOWS]->(b), (a)-[:KNOWS]->(b), (a)-[:KNOWS {since: 1}]->(a), (t)-[:KNOWS]->(a),
            (a)-[:IN {grade: 1.5}]->(s), (b)-[:IN]->(s), (b)-[:IN]->(u), (t)-[:IN]->(u),
            (a)-[:HAS_BADGE {number: 1}]->(t), (b)-[:HAS_BADGE {number: 2}]->(t)",
];

pub(crate) async fn world() -> Neo4jPair {
    let pair = Neo4jPair::take().await;
    for statement in WORLD {
        pair.prod.run(statement).await;
    }
    pair
}
