//! Values of every type from file to file: each moves exactly or is refused by name. The oracle is
//! rusqlite reading `typeof()`, `quote()` and `hex()` on both sides.

use futures::TryStreamExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use redistrict_model::{Key, RunId};
use redistrict_store::{
    CommitOutcome, Enrolment, LeaseOutcome, RowRequest, RunRecord, RunState, StagePart,
    StoreErrorKind,
};
use redistrict_testkit::conformance::{Harness, World};
use redistrict_testkit::types::files::{self, FileType};
use rusqlite::params;
use rusqlite::types::Value;

use crate::harness::{Files, Plain};

/// Every declared type that moves.
fn declared() -> Vec<&'static FileType> {
    files::all().filter(|one| one.moves()).collect()
}

/// Moves the rows of `t` that can move; gives how many were refused.
async fn move_rows(world: &World, rows: usize) -> Result<usize, TestCaseError> {
    let catalog = world.source.catalog().await.unwrap();
    let table = catalog.table(&world.table("t")).unwrap().clone();
    let tables = std::slice::from_ref(&table);
    let mut cut = world.source.open_cut(tables).await.unwrap();
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let mut moved = Vec::new();
    for id in 0..rows {
        let request = RowRequest {
            table: table.name.clone(),
            columns: names(&["id", "odd value"]),
            identity: names(&["id"]),
            keys: vec![Key::of(id.to_string())],
        };
        let stream = cut.rows(&request).await.unwrap();
        match stream.try_collect::<Vec<_>>().await {
            Ok(batches) => moved.extend(batches),
            Err(error) => {
                prop_assert_eq!(error.kind, StoreErrorKind::Data);
                prop_assert_eq!(error.table.as_ref(), Some(&table.name));
                prop_assert!(error.what.contains("\"odd value\""), "{}", error);
            }
        }
    }
    drop(cut);
    let refused = rows - moved.len();
    let part = StagePart {
        table: table.name.clone(),
        part: 0,
        columns: names(&["id", "odd value"]),
        identity: names(&["id"]),
    };
    write(world, &table, &part, moved).await;
    Ok(refused)
}

async fn write(
    world: &World,
    table: &redistrict_model::Table,
    part: &StagePart,
    batches: Vec<arrow::array::RecordBatch>,
) {
    let target = &world.target;
    let mark = Enrolment {
        uuid: "0".repeat(32),
        name: "cert".into(),
        at: "2024-02-29T12:00:00Z".into(),
        fingerprint: target.fingerprint(&world.store).await.unwrap(),
    };
    target.enroll(&world.store, &mark).await.unwrap();
    let claim = redistrict_testkit::claims::claim(&RunId::new("mig-1"), false);
    let LeaseOutcome::Held(lease) = target.acquire_lease(&claim).await.unwrap() else {
        panic!("the target is free");
    };
    let stream = Box::pin(futures::stream::iter(batches.into_iter().map(Ok)));
    target.stage(&lease, table, part, stream).await.unwrap();
    let tables = std::slice::from_ref(table);
    let mut merge = target.begin_merge(&lease, tables).await.unwrap();
    merge
        .apply(std::slice::from_ref(&table.name))
        .await
        .unwrap();
    let record = RunRecord {
        run: lease.run.clone(),
        parent: None,
        epoch: lease.epoch,
        plan_digest: "p".into(),
        state: RunState::Committed,
        origin: None,
    };
    assert_eq!(
        merge.commit(&record).await.unwrap(),
        CommitOutcome::Committed
    );
}

/// `(id, typeof, quote, hex)` of every row.
fn oracle(database: &Plain, ids: &[i64]) -> Vec<Vec<Option<String>>> {
    let list: Vec<String> = ids.iter().map(ToString::to_string).collect();
    database.rows(&format!(
        "select id, typeof(\"odd value\"), quote(\"odd value\"), hex(\"odd value\") from t
         where id in ({}) order by id",
        list.join(", ")
    ))
}

fn plain(path: &str, world: &World) -> Plain {
    let folder = world.guard.downcast_ref::<tempfile::TempDir>().unwrap();
    Plain(folder.path().join(path))
}

/// Moves values through a column of a declared type; every row that arrives is the source's.
async fn round_trip(declared: &str, values: &[Value]) -> Result<usize, TestCaseError> {
    let world = Files.fresh().await;
    let ddl = format!("create table t (id integer not null primary key, \"odd value\" {declared})");
    let (prod, cert) = (plain("prod é.db", &world), plain("cert 'x'.db", &world));
    for database in [&prod, &cert] {
        database.connection().execute_batch(&ddl).unwrap();
    }
    let connection = prod.connection();
    for (id, value) in values.iter().enumerate() {
        let id = i64::try_from(id).unwrap();
        connection
            .execute("insert into t values (?1, ?2)", params![id, value])
            .unwrap();
    }
    drop(connection);
    let refused = move_rows(&world, values.len()).await?;
    let arrived: Vec<i64> = cert
        .connection()
        .prepare("select id from t")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    prop_assert_eq!(arrived.len() + refused, values.len());
    prop_assert_eq!(
        oracle(&cert, &arrived),
        oracle(&prod, &arrived),
        "{}",
        declared
    );
    Ok(refused)
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        (-2_i64..3).prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Real),
        (-5_i32..5).prop_map(|n| Value::Real(f64::from(n))),
        any::<String>().prop_map(Value::Text),
        "[0-9eE.+ -]{0,6}".prop_map(Value::Text),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]".prop_map(Value::Text),
        "[0-9]{4}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{0,7})?"
            .prop_map(Value::Text),
        "[0-9a-fA-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}".prop_map(Value::Text),
        "\\{\"[a-z]\": [0-9]{1,3}\\}".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Blob),
    ]
}

/// SQLite lets any value stand in any column. Whatever stands there moves exactly or is refused.
#[test]
fn any_value_in_any_column_moves_exactly_or_is_refused() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let config = Config {
        cases: 76,
        failure_persistence: None,
        ..Config::default()
    };
    let values = proptest::collection::vec(any_value(), 1..40);
    let mut runner = TestRunner::new(config);
    let types = declared();
    let case = (0..types.len(), values);
    let result = runner.run(&case, |(place, values)| {
        runtime
            .block_on(round_trip(types[place].declared, &values))
            .map(drop)
    });
    result.unwrap();
}

/// The values of SQL expressions.
fn values(expressions: &[&str]) -> Vec<Value> {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    let value = |expression: &&str| {
        let sql = format!("select {expression}");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    expressions.iter().map(value).collect()
}

/// Edge values of each type: all of them move, none is refused.
#[tokio::test(flavor = "multi_thread")]
async fn edge_values_of_every_type_move() {
    for one in declared() {
        let mut values = values(one.edges);
        values.push(Value::Null);
        let refused = round_trip(one.declared, &values).await.unwrap();
        assert_eq!(refused, 0, "{}", one.declared);
    }
}

/// Values that would come back in another form are refused, each by itself.
#[tokio::test(flavor = "multi_thread")]
async fn values_in_another_form_are_refused() {
    for (declared, value) in [
        ("INTEGER", Value::Text("forty-two".into())),
        ("INTEGER", Value::Real(1.5)),
        ("TEXT", Value::Blob(b"text".to_vec())),
        ("BOOLEAN", Value::Integer(2)),
        ("BOOLEAN", Value::Text("yes".into())),
        ("REAL", Value::Text("n/a".into())),
        ("BLOB", Value::Text("text".into())),
        ("DATE", Value::Text("29.2.2024".into())),
        ("DATE", Value::Integer(19_782)),
        ("TIMESTAMP", Value::Text("2024-02-29T12:00:00Z".into())),
        ("TIMESTAMP", Value::Text("2024-02-29 12:00:00.5".into())),
        ("JSON", Value::Text("17".into())),
        (
            "UUID",
            Value::Text("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF".into()),
        ),
    ] {
        let found = round_trip(declared, std::slice::from_ref(&value))
            .await
            .unwrap();
        assert_eq!(found, 1, "{declared} {value:?}");
    }
}
