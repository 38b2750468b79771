//! Every type as a key: rows are found, written and deleted by it, or it is refused by name, or the
//! server itself has no such keys.

use std::collections::BTreeSet;

use redistrict_model::{ColumnType, Table};
use redistrict_store::{Action, KeyRequest, Selector, SourceStore as _, TargetStore as _};
use redistrict_testkit::postgres::execute;
use redistrict_testkit::types::{self, KeyUse};

use crate::support::{World, all_keys, commit, read_all};

fn table(place: usize) -> String {
    format!("k_{place}")
}

/// A table per type that the server takes as a key; the names of the others are given.
async fn make_tables(world: &World) -> BTreeSet<&'static str> {
    world.both(types::DEFINITIONS).await;
    let mut impossible = BTreeSet::new();
    for (place, one) in types::all().enumerate() {
        let sql = format!(
            "create table {} (k {} primary key, v int4)",
            table(place),
            one.name
        );
        // Arrays of anything can be keys until there are two rows to compare.
        let rows = format!(
            "insert into {0} select ({1})::{2} from generate_series(1, 9) as g on conflict do nothing;
             delete from {0}",
            table(place),
            one.random,
            one.name
        );
        let made = execute(&world.prod, &sql).await;
        if made.is_ok() && execute(&world.prod, &rows).await.is_ok() {
            world.server.psql(&world.cert, &sql).await;
        } else {
            impossible.insert(one.name);
        }
    }
    impossible
}

#[tokio::test]
async fn keys_that_may_print_differently_are_refused_and_nothing_else_is() {
    let world = World::new().await;
    let impossible = make_tables(&world).await;
    let probe = world.source.probe().await.unwrap();
    let is_refused = |place: usize| {
        let name = world.table(&table(place)).to_string();
        probe.findings.iter().any(|finding| finding.subject == name)
    };
    for (place, one) in types::all().enumerate() {
        let is_float = matches!(one.column_type, ColumnType::Float32 | ColumnType::Float64);
        let found = if impossible.contains(one.name) {
            KeyUse::Impossible
        } else if is_refused(place) || is_float {
            KeyUse::Refused
        } else {
            KeyUse::Yes
        };
        assert_eq!(found, one.key, "{}", one.name);
    }
}

#[tokio::test]
async fn both_ends_of_a_foreign_key_are_looked_at_and_other_columns_are_not() {
    let world = World::new().await;
    let sql = "create extension citext;
        create collation loose (provider = icu, locale = 'und', deterministic = false);
        create table parent (id int4 primary key, code citext unique, free citext, name text collate loose);
        create table child (id int4 primary key, code citext references parent (code), other interval);
        create table by_name (name text collate loose unique not null);
        create table by_id (id int4 primary key, span interval unique not null);";
    world.server.psql(&world.prod, sql).await;
    let probe = world.source.probe().await.unwrap();
    let found: Vec<(&str, &str)> = probe
        .findings
        .iter()
        .filter(|finding| finding.code.starts_with("key-"))
        .map(|finding| (finding.code.as_str(), finding.subject.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("key-collation", "ids.public.by_name"),
            ("key-collation", "ids.public.child"),
            ("key-collation", "ids.public.parent"),
        ]
    );
    let text = probe
        .findings
        .iter()
        .find(|one| one.subject.ends_with("parent"));
    assert!(text.unwrap().message.contains("code"));
}

#[tokio::test]
async fn rows_are_written_locked_and_deleted_by_keys_of_every_type() {
    let world = World::new().await;
    make_tables(&world).await;
    for (place, one) in types::all().enumerate() {
        let name = table(place);
        let into = format!("insert into {name} select");
        let mut sql = match one.key {
            KeyUse::Yes => format!(
                "{into} ({})::{}, 1 from generate_series(1, 20) as g on conflict do nothing;",
                one.random, one.name
            ),
            KeyUse::Refused | KeyUse::Impossible => format!("drop table if exists {name};"),
        };
        if one.key == KeyUse::Yes {
            for edge in one.edges {
                let row = format!("{into} ({edge})::{}, 2 on conflict do nothing;", one.name);
                sql.push_str(&row);
            }
        } else {
            world.server.psql(&world.cert, &sql).await;
        }
        world.server.psql(&world.prod, &sql).await;
    }
    let mut tables = world.catalog().await.tables;
    tables.retain(|one| one.name.table.starts_with("k_"));
    world.move_all("mig-1", &tables).await.unwrap();
    for one in &tables {
        assert_same(&world, one).await;
    }
    // The same rows again, as updates of rows that are there.
    let lease = world.lease("mig-2").await;
    world.stage_all(&lease, &tables).await;
    let mut merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    let mut cut = world.source.open_cut(&tables).await.unwrap();
    for one in &tables {
        let keys = all_keys(cut.as_mut(), one).await.unwrap();
        let mut locked = merge.lock_staged(&one.name).await.unwrap();
        locked.sort();
        assert_eq!(locked, keys, "{}", one.columns[0].source_type);
        merge.mark(&one.name, &keys, Action::Update).await.unwrap();
        let applied = merge.apply(std::slice::from_ref(&one.name)).await.unwrap();
        let (updated, all) = (applied[0].updated, keys.len() as u64);
        assert_eq!(updated, all, "{}", one.columns[0].source_type);
        let request = KeyRequest {
            table: one.name.clone(),
            columns: vec![],
            selector: Selector::All,
        };
        let mut now: Vec<_> = merge.keys(&request).await.unwrap();
        now.sort_by(|a, b| a.id.cmp(&b.id));
        assert!(now.iter().map(|row| &row.id).eq(&keys));
        merge.delete(&[(one.name.clone(), keys)]).await.unwrap();
        assert_eq!(merge.count(&one.name).await.unwrap(), 0);
    }
    drop(merge);
    let merge = world.target.begin_merge(&lease, &tables).await.unwrap();
    commit(merge, &lease).await.unwrap();
}

async fn assert_same(world: &World, one: &Table) {
    let name = &one.name.table;
    let sent = world.dump(&world.prod, name).await;
    assert!(!sent.is_empty(), "{}", one.columns[0].source_type);
    assert_eq!(sent, world.dump(&world.cert, name).await);
    let mut cut = world
        .source
        .open_cut(std::slice::from_ref(one))
        .await
        .unwrap();
    let rows = read_all(cut.as_mut(), one).await.unwrap();
    assert_eq!(
        rows.iter().map(|batch| batch.num_rows()).sum::<usize>(),
        sent.len()
    );
}
