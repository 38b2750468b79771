//! Every type of property, out of one real database and into another: the servers are the oracle.

mod cases;

use futures::TryStreamExt as _;
use redistrict_model::{Column, ColumnType, Key, StoreName, Table, TableRef};
use redistrict_store::{KeyRequest, RowRequest, Secret, Selector, SourceStore as _};
use redistrict_testkit::neo4j::{Graph, Neo4jPair, Parameters as Bound, ValueSend};

use crate::bolt::{Access, Begin, Bolt, Parameters};
use crate::cells;
use crate::source::Neo4jSource;
use crate::statement::{self, quoted};
use crate::types::Form;
use cases::{CASES, Case, whole};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// What expressions for random values are made of: `s`, integers from 0 to 2^62; `f`, any numbers; `t`,
/// texts.
fn seeds(random: &mut Random, id: usize) -> ValueSend {
    const SIGNS: [char; 12] = [
        'a', 'Z', ' ', '\u{0}', '"', '{', ',', '\u{301}', '学', '🦀', '\\', '\u{FFFD}',
    ];
    let integers = (0..8).map(|_| ValueSend::Integer(i64::try_from(random.next() >> 2).unwrap()));
    let integers = ValueSend::List(integers.collect());
    let floats = (0..3).map(|_| f64::from_bits(random.next()));
    let floats = floats.map(|one| ValueSend::Float(if one.is_finite() { one } else { -0.0 }));
    let floats = ValueSend::List(floats.collect());
    let mut text = || {
        let length = random.next() % 20;
        let sign = |_| SIGNS[usize::try_from(random.next() % 12).unwrap()];
        ValueSend::String((0..length).map(sign).collect())
    };
    let texts = ValueSend::List(vec![text(), text()]);
    ValueSend::List(vec![
        ValueSend::Integer(i64::try_from(id).unwrap()),
        integers,
        floats,
        texts,
    ])
}

/// What the server itself tells of all values: type, text, and what the driver makes of the rest.
async fn told(graph: &Graph, label: &str) -> Vec<String> {
    let cypher = format!(
        "match (n:{label}) with n, n.v as v, valueType(n.v) as t order by n.id return n.id, t, \
         case when t =~ '(DATE|.*TIME|DURATION) NOT NULL' then toString(v) \
         when t =~ 'LIST<(DATE|.*TIME|DURATION) NOT NULL> NOT NULL' then [y in v | toString(y)] else v end"
    );
    graph
        .query(&cypher, Bound::new())
        .await
        .into_iter()
        .map(|row| format!("{row:?}"))
        .collect()
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

/// All rows of a table, `id` and `v`.
async fn rows(source: &Neo4jSource, table: &Table) -> Vec<arrow::array::RecordBatch> {
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
    let request = RowRequest {
        table: table.name.clone(),
        columns: vec!["id".to_owned(), "v".to_owned()],
        identity: vec!["id".to_owned()],
        keys,
    };
    let stream = cut.rows(&request).await.unwrap();
    stream.try_collect().await.unwrap()
}

/// Writes rows with the expressions that a target uses.
async fn write(graph: &Graph, label: &str, form: Form, batches: &[arrow::array::RecordBatch]) {
    let bolt = Bolt::open(&Secret::new(graph.url().to_owned()))
        .await
        .unwrap();
    let begin = Begin::new(Access::Write, std::time::Duration::from_secs(600));
    let mut transaction = bolt.begin(begin).await.unwrap();
    let made = statement::made_value(form, "row[1]");
    let label = quoted(label);
    for batch in batches {
        let row = |row| {
            let id = cells::bound(Form::Int, batch.column(0), row).unwrap();
            let value = cells::bound(form, batch.column(1), row).unwrap();
            ValueSend::List(vec![id, value])
        };
        let rows = ValueSend::List((0..batch.num_rows()).map(row).collect());
        let parameters = Parameters::from([("rows".to_owned(), rows)]);
        let text =
            format!("UNWIND $rows AS row CREATE (n:{label}) SET n.id = row[0], n.v = {made}");
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
    for case in CASES {
        pair.prod
            .run(&format!(
                "create constraint {0} for (n:{0}) require n.id is unique",
                case.name
            ))
            .await;
        pair.cert
            .run(&format!(
                "create constraint {0} for (n:{0}) require n.id is unique",
                case.name
            ))
            .await;
        let edges: Vec<String> = case
            .edges
            .iter()
            .enumerate()
            .map(|(id, text)| format!("[{id}, {text}]"))
            .collect();
        let made = format!(
            "unwind [{}] as row create (n:{}) set n.id = row[0], n.v = row[1]",
            edges.join(", "),
            case.name
        );
        pair.prod.run(&made).await;
        let made = format!(
            "unwind $seeds as seed with seed[0] as id, seed[1] as s, seed[2] as f, seed[3] as t \
             create (n:{}) set n.id = id, n.v = {}",
            case.name,
            whole(case.random)
        );
        let seeds = (0..count).map(|id| seeds(&mut random, 1000 + id)).collect();
        pair.prod
            .query(
                &made,
                Bound::from([("seeds".to_owned(), ValueSend::List(seeds))]),
            )
            .await;
        pair.prod
            .run(&format!("create (:{} {{id: 1000000}})", case.name))
            .await;
    }
    let catalog = source(&pair.prod).catalog().await.unwrap();
    for case in CASES {
        let table = catalog
            .table(&TableRef::new(&StoreName::new("sp"), "node", case.name))
            .unwrap();
        assert_eq!(table.primary_key, Some(vec!["id".to_owned()]));
        let of_value = table.column("v").unwrap();
        assert_eq!(
            Form::of(of_value),
            Some(case.form),
            "{}: {}",
            case.name,
            of_value.source_type
        );
        let batches = rows(&source(&pair.prod), table).await;
        assert_eq!(
            batches
                .iter()
                .map(arrow::array::RecordBatch::num_rows)
                .sum::<usize>(),
            case.edges.len() + count + 1
        );
        write(&pair.cert, case.name, case.form, &batches).await;
        let (prod, cert) = (
            told(&pair.prod, case.name).await,
            told(&pair.cert, case.name).await,
        );
        for (prod, cert) in prod.iter().zip(&cert) {
            assert_eq!(prod, cert, "{}", case.name);
        }
        assert_eq!(prod.len(), cert.len());
        tagged_is_what_a_reader_gives(&pair, table, case, &batches).await;
    }
}

/// The same properties, read by a column that is `Verbatim`.
async fn tagged_is_what_a_reader_gives(
    pair: &Neo4jPair,
    table: &Table,
    case: &Case,
    batches: &[arrow::array::RecordBatch],
) {
    let mut open = table.clone();
    open.columns.retain(|one| one.name != "v");
    open.columns.push(column("v", Form::Tagged));
    assert_eq!(open.column("v").unwrap().column_type, ColumnType::Verbatim);
    let read = rows(&source(&pair.prod), &open).await;
    for (typed, read) in batches.iter().zip(&read) {
        let made = cells::tagged(case.form, typed.column(1)).unwrap();
        assert_eq!(&made, read.column(1), "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_are_told_from_lists_of_integers() {
    let pair = Neo4jPair::take().await;
    let bytes = |values: &[&[u8]]| {
        let rows = values.iter().enumerate().map(|(id, bytes)| {
            ValueSend::List(vec![
                ValueSend::Integer(i64::try_from(id).unwrap()),
                ValueSend::Bytes(bytes.to_vec()),
            ])
        });
        Bound::from([("rows".to_owned(), ValueSend::List(rows.collect()))])
    };
    let made = |label: &str| {
        format!("unwind $rows as row create (n:{label}:Also) set n.id = row[0], n.v = row[1]")
    };
    let all: Vec<u8> = (0..=255).collect();
    for label in ["bytes", "both"] {
        for graph in [&pair.prod, &pair.cert] {
            graph
                .run(&format!(
                    "create constraint for (n:{label}) require n.id is unique"
                ))
                .await;
        }
        pair.prod
            .query(&made(label), bytes(&[b"", b"\x00", b"\\x", &all]))
            .await;
    }
    pair.prod
        .run("create (:both {id: 10, v: [0]}), (:both {id: 11, v: []}), (:both {id: 12, v: 'x'})")
        .await;
    let catalog = source(&pair.prod).catalog().await.unwrap();
    for (label, form) in [("bytes", Form::Bytes), ("both", Form::Tagged)] {
        let table = catalog
            .table(&TableRef::new(&StoreName::new("sp"), "node", label))
            .unwrap();
        let of_value = table.column("v").unwrap();
        assert_eq!(Form::of(of_value), Some(form), "{}", of_value.source_type);
        let batches = rows(&source(&pair.prod), table).await;
        write(&pair.cert, label, form, &batches).await;
        assert_eq!(told(&pair.prod, label).await, told(&pair.cert, label).await);
    }
}
