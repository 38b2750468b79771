//! Every type of property, out of one real database and into another: the servers are the oracle.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use futures::TryStreamExt as _;
use redistrict_model::{Column, ColumnType, Key, StoreName, Table, TableRef};
use redistrict_store::{KeyRequest, RowRequest, Secret, Selector, SourceStore as _};
use redistrict_testkit::neo4j::{Graph, Neo4jPair, ValueSend};
use redistrict_testkit::types::Random;
use redistrict_testkit::types::graph::{self, GraphType};
use redistrict_testkit::types::graph_values::{fill, indistinct, nodes, property, told};

use crate::bolt::{Access, Begin, Bolt, Parameters};
use crate::cells;
use crate::source::Neo4jSource;
use crate::statement::{self, quoted};
use crate::types::{Form, PropertyType};

/// Each a property: statements are planned for each label anew.
const TYPES_PER_LABEL: usize = 7;

fn label(number: usize) -> String {
    format!("t{number}")
}

fn source(graph: &Graph) -> Neo4jSource {
    Neo4jSource::connect_lazy(StoreName::new("sp"), graph.url().to_owned(), Vec::new())
}

fn column(name: &str, form: Form) -> Column {
    let (column_type, element) = form.column_type();
    Column {
        name: name.to_owned(),
        source_type: String::new(),
        column_type,
        nullable: true,
        generated: redistrict_model::Generated::No,
        has_default: false,
        max_length: None,
        labels: Vec::new(),
        element,
    }
}

/// All rows of a table: `id`, and the values of so many types.
async fn rows(source: &Neo4jSource, table: &Table, types: usize) -> Vec<RecordBatch> {
    let mut cut = source.open_cut(std::slice::from_ref(table)).await.unwrap();
    let request = KeyRequest {
        table: table.name.clone(),
        columns: Vec::new(),
        selector: Selector::All,
    };
    let keys: Vec<Key> = cut
        .keys(&request)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect();
    let values = (0..types).map(property);
    let request = RowRequest {
        table: table.name.clone(),
        columns: ["id".to_owned()].into_iter().chain(values).collect(),
        identity: vec!["id".to_owned()],
        keys,
    };
    let stream = cut.rows(&request).await.unwrap();
    stream.try_collect().await.unwrap()
}

/// Writes rows with the expressions that a target uses.
async fn write(graph: &Graph, label: &str, forms: &[Form], batches: &[RecordBatch]) {
    let bolt = Bolt::open(&Secret::new(graph.url().to_owned()))
        .await
        .unwrap();
    let begin = Begin::new(Access::Write, std::time::Duration::from_secs(600));
    let mut transaction = bolt.begin(begin).await.unwrap();
    let set = |(place, form): (usize, &Form)| {
        let made = statement::made_value(*form, &format!("row[{}]", place + 1));
        format!(", n.{} = {made}", property(place))
    };
    let sets: String = forms.iter().enumerate().map(set).collect();
    let label = quoted(label);
    let text = format!("UNWIND $rows AS row CREATE (n:{label}) SET n.id = row[0]{sets}");
    let forms: Vec<Form> = [Form::Int].iter().chain(forms).copied().collect();
    for batch in batches {
        let row = |row| {
            let cells = forms.iter().zip(batch.columns());
            let cells = cells.map(|(form, cells)| cells::bound(*form, cells, row).unwrap());
            ValueSend::List(cells.collect())
        };
        let rows = ValueSend::List((0..batch.num_rows()).map(row).collect());
        let parameters = Parameters::from([("rows".to_owned(), rows)]);
        transaction
            .all(text.clone(), parameters)
            .await
            .unwrap_or_else(|error| panic!("{error:?} {text}"));
    }
    transaction.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_property_goes_out_of_one_server_and_into_another() {
    let count = 200;
    let pair = Neo4jPair::take().await;
    let mut random = Random(20_260_122);
    let entries: Vec<&GraphType> = graph::all().collect();
    for (number, types) in entries.chunks(TYPES_PER_LABEL).enumerate() {
        let label = label(number);
        for graph in [&pair.prod, &pair.cert] {
            let key = format!("create constraint for (n:{label}) require n.id is unique");
            graph.run(&key).await;
        }
        fill(&pair.prod, &label, types, count, &mut random).await;
    }
    let catalog = source(&pair.prod).catalog().await.unwrap();
    let mut seen = BTreeSet::new();
    for (number, types) in entries.chunks(TYPES_PER_LABEL).enumerate() {
        let label = label(number);
        let name = TableRef::new(&StoreName::new("sp"), "node", label.as_str());
        let table = catalog.table(&name).unwrap();
        assert_eq!(table.primary_key, Some(vec!["id".to_owned()]));
        let mut forms = Vec::new();
        for (place, one) in types.iter().enumerate() {
            let of_value = table.column(&property(place)).unwrap();
            seen.extend(of_value.source_type.split(" | ").map(str::to_owned));
            let form = Form::of_type(one.column_type, one.element).unwrap();
            let source_type = &of_value.source_type;
            assert_eq!(
                Form::of(of_value),
                Some(form),
                "{}: {source_type}",
                one.name
            );
            forms.push(form);
        }
        let batches = rows(&source(&pair.prod), table, types.len()).await;
        let edges: usize = types.iter().map(|one| one.edges.len()).sum();
        let all = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        assert_eq!(all, edges + count + 1);
        write(&pair.cert, &label, &forms, &batches).await;
        let pattern = nodes(&label);
        let (prod, cert) = (
            told(&pair.prod, &pattern, types.len()).await,
            told(&pair.cert, &pattern, types.len()).await,
        );
        for (place, one) in types.iter().enumerate() {
            assert_eq!(indistinct(one, place, &prod), 0, "{}", one.name);
        }
        for (prod, cert) in prod.iter().zip(&cert) {
            assert_eq!(prod, cert, "{}", types[prod.place].name);
        }
        assert_eq!(prod.len(), cert.len());
        tagged_is_what_a_reader_gives(&pair, table, &forms, &batches).await;
    }
    let every: BTreeSet<String> = PropertyType::all().map(PropertyType::name).collect();
    assert_eq!(seen, every, "the table of types has values of every type");
}

/// The same properties, read by columns that are `Verbatim`.
async fn tagged_is_what_a_reader_gives(
    pair: &Neo4jPair,
    table: &Table,
    forms: &[Form],
    batches: &[RecordBatch],
) {
    let mut open = table.clone();
    open.columns.retain(|one| !one.name.starts_with('v'));
    for place in 0..forms.len() {
        open.columns.push(column(&property(place), Form::Tagged));
    }
    assert_eq!(open.column("v0").unwrap().column_type, ColumnType::Verbatim);
    let read = rows(&source(&pair.prod), &open, forms.len()).await;
    for (typed, read) in batches.iter().zip(&read) {
        for (place, form) in forms.iter().enumerate() {
            let made = cells::tagged(*form, typed.column(place + 1)).unwrap();
            assert_eq!(&made, read.column(place + 1), "{} {place}", table.name);
        }
    }
}
