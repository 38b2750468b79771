//! What a merge does to rows that it does not write: locks that keep nobody waiting, keys that others refer to, and
//! unique values that move from row to row.

use futures::{StreamExt as _, stream};
use redistrict_model::{Key, Table};
use redistrict_postgres::PostgresTarget;
use redistrict_store::{
    Action, Lease, Merge, SourceStore as _, StagePart, StoreError, StoreErrorKind, TargetStore as _,
};
use redistrict_testkit::postgres::{RoleKind, execute};

use crate::support::{World, commit, read_all, writable};

async fn world(sql: &str) -> (World, Vec<Table>) {
    let world = World::new().await;
    world.both(sql).await;
    let tables = world.catalog().await.tables;
    (world, tables)
}

fn keys(ids: &[&str]) -> Vec<Key> {
    ids.iter().map(|id| Key::of(*id)).collect()
}

/// A merge over what PROD has, with these rows marked.
async fn merge(
    world: &World,
    tables: &[Table],
    marks: &[(&str, &[&str], Action)],
) -> (Box<dyn Merge>, Lease) {
    let lease = world.lease("mig-1").await;
    world.target.clear_staging(&lease).await.unwrap();
    world.stage_all(&lease, tables).await;
    let mut merge = world.target.begin_merge(&lease, tables).await.unwrap();
    for (table, ids, action) in marks {
        let name = world.table(table);
        merge.mark(&name, &keys(ids), *action).await.unwrap();
    }
    (merge, lease)
}

/// Writes what PROD has over what CERT has: every row of CERT that PROD has, too, is updated.
async fn update_all(world: &World, tables: &[Table]) -> Result<(), StoreError> {
    let (mut merge, lease) = merge(world, tables, &[]).await;
    for table in tables {
        let there = merge.lock_staged(&table.name).await.unwrap();
        merge
            .mark(&table.name, &there, Action::Update)
            .await
            .unwrap();
    }
    for table in tables {
        merge.apply(std::slice::from_ref(&table.name)).await?;
    }
    merge.check_constraints().await?;
    commit(merge, &lease).await.map(drop)
}

/// Another session, which waits for nobody.
async fn others(world: &World, sql: &str) -> Result<(), String> {
    let sql = format!("set lock_timeout = '100ms'; {sql}");
    let done = execute(&world.cert, &sql).await;
    done.map_err(|error| error.to_string())
}

const SCHOOL: &str = "create table campus (id int4 primary key, v text);
    create table subject (id int4 primary key, v text, code text unique);
    create table section (id int4 primary key, subject_id int4 not null references subject,
                          campus_id int4 references campus, v text);
    insert into campus values (1, 'a'), (2, 'b');
    insert into subject values (1, 'left', 'x'), (2, 'old', 'y'), (3, 'plain', 'z');
    insert into section values (70, 3, null, 'theirs'), (10, 3, 2, 'ours');";

#[tokio::test]
async fn others_go_on_with_what_a_merge_leaves_and_cannot_take_away_what_it_refers_to() {
    let (world, tables) = world(SCHOOL).await;
    let change = "delete from section; insert into section values (10, 3, 2, 'ours'), (11, 1, 1, 'new'), (12, 2, null, 'new');
                  update subject set v = 'new' where id = 2";
    world.server.psql(&world.prod, change).await;
    let moving: Vec<Table> = tables
        .iter()
        .filter(|one| one.name.table != "campus")
        .cloned()
        .collect();
    let marks: [(&str, &[&str], Action); 3] = [
        ("subject", &["1", "3"], Action::Leave),
        ("subject", &["2"], Action::Update),
        ("section", &["10"], Action::Leave),
    ];
    let (mut merge, lease) = merge(&world, &moving, &marks).await;
    let (subject, section) = (world.table("subject"), world.table("section"));
    assert_eq!(merge.lock_staged(&subject).await.unwrap(), keys(&["2"]));
    assert_eq!(merge.lock_staged(&section).await.unwrap(), []);
    for is_applied in [false, true] {
        if is_applied {
            for name in [&subject, &section] {
                merge.apply(std::slice::from_ref(name)).await.unwrap();
            }
            merge.check_constraints().await.unwrap();
        }
        let free = [
            // A child of a shared row that is left, and of one that is updated.
            "insert into section values (71, 1, 1, 'theirs'), (72, 2, null, 'theirs'); delete from section where id > 70",
            // What is left may change, but for what is referred to.
            "update subject set v = 'theirs' where id = 1",
            "update section set v = 'theirs' where id = 10",
            "delete from section where id = 10; insert into section values (10, 3, 2, 'ours')",
        ];
        for sql in free {
            others(&world, sql)
                .await
                .unwrap_or_else(|error| panic!("{is_applied} {sql}: {error}"));
        }
        for sql in [
            "delete from campus where id = 1",
            "delete from subject where id = 1",
            "update campus set id = 9 where id = 1",
            "update subject set v = 'theirs' where id = 2",
        ] {
            others(&world, sql).await.expect_err(sql);
        }
    }
    commit(merge, &lease).await.unwrap();
    others(&world, "delete from campus where id = 1")
        .await
        .expect_err("it is referred to");
    assert_eq!(world.dump(&world.cert, "section").await.len(), 4);
}

/// A parent that the role may not lock is locked by the server, as soon as it is referred to.
#[tokio::test]
async fn a_role_that_may_only_read_a_parent_loads_its_children() {
    let (world, tables) = world(SCHOOL).await;
    let role = world.server.create_role(&world.cert, RoleKind::Plain).await;
    let grants = "grant usage on schema redistrict_meta, redistrict_stage to public;
         grant all on all tables in schema redistrict_meta, redistrict_stage to public;
         grant create on schema redistrict_stage to public; grant all on section to public;
         alter table subject enable row level security; grant all on subject to public";
    world.server.psql(&world.cert, grants).await;
    let moving: Vec<Table> = tables
        .iter()
        .filter(|one| one.name.table == "section")
        .cloned()
        .collect();
    let target = PostgresTarget::new(world.store.clone(), role, Vec::new());
    let lease = world.lease("mig-1").await;
    let change = "delete from section; insert into section values (11, 1, 1, 'new')";
    world.server.psql(&world.prod, change).await;
    let mut cut = world.source.open_cut(&moving).await.unwrap();
    let batches = read_all(cut.as_mut(), &moving[0]).await.unwrap();
    let part = StagePart {
        table: world.table("section"),
        part: 0,
        columns: writable(&moving[0]),
        identity: vec!["id".into()],
    };
    let rows = stream::iter(batches.into_iter().map(Ok)).boxed();
    target.stage(&lease, &moving[0], &part, rows).await.unwrap();
    let mut merge = target.begin_merge(&lease, &moving).await.unwrap();
    let section = world.table("section");
    assert_eq!(merge.lock_staged(&section).await.unwrap(), []);
    merge.apply(std::slice::from_ref(&section)).await.unwrap();
    others(&world, "delete from campus where id = 1")
        .await
        .expect_err("it is referred to");
    commit(merge, &lease).await.unwrap();
}

#[tokio::test]
async fn a_row_that_others_insert_meanwhile_has_the_merge_tried_again() {
    let (world, tables) = world("create table t (id int4 primary key, code text unique)").await;
    world
        .server
        .psql(&world.prod, "insert into t values (1, 'a'), (2, 'b')")
        .await;
    let name = world.table("t");
    for (theirs, kind) in [
        (
            "insert into t values (2, 'theirs')",
            StoreErrorKind::Transient,
        ),
        ("insert into t values (9, 'b')", StoreErrorKind::Constraint),
    ] {
        let (mut merge, _lease) = merge(&world, &tables, &[]).await;
        assert_eq!(merge.lock_staged(&name).await.unwrap(), []);
        others(&world, theirs).await.unwrap();
        let error = merge.apply(std::slice::from_ref(&name)).await.unwrap_err();
        assert_eq!(error.kind, kind, "{theirs}: {error}");
        assert_eq!(error.table.as_ref(), Some(&name));
        drop(merge);
        world.server.psql(&world.cert, "delete from t").await;
    }
}

#[tokio::test]
async fn an_update_of_a_key_that_rows_of_others_refer_to_is_refused_before_it_is_written() {
    for (action, mandatory) in [
        ("cascade", "not null"),
        ("set null", ""),
        ("set default", "default 'd'"),
        ("no action", ""),
    ] {
        let sql = format!(
            "create table teachers (id int4 primary key, code text unique, v text);
             create table lessons (id int4 primary key, teacher_code text {mandatory},
                 constraint taught_by foreign key (teacher_code) references teachers (code) on update {action});
             insert into teachers values (1, 'a', 'old'), (2, 'b', 'old'), (3, 'd', 'old');
             insert into lessons values (10, 'a'), (70, 'b'), (71, 'b');"
        );
        let (world, tables) = world(&sql).await;
        let change = "delete from lessons; update teachers set code = 'new' where id = 2;
                      update teachers set v = 'new'; insert into lessons values (10, 'a')";
        world.server.psql(&world.prod, change).await;
        let before = world.dump(&world.cert, "lessons").await;
        let moving: Vec<Table> = tables
            .iter()
            .filter(|one| one.name.table == "teachers")
            .cloned()
            .collect();
        let error = update_all(&world, &moving).await.unwrap_err();
        assert_eq!(
            error.kind,
            StoreErrorKind::Constraint,
            "{action}: {error:?}"
        );
        assert_eq!(error.table.as_ref(), Some(&world.table("lessons")));
        assert_eq!(error.code.as_deref(), Some("taught_by"));
        let told = format!("{error} {error:?}");
        assert!(told.contains("2 rows") && told.contains(action), "{told}");
        assert!(!told.contains("new"), "{told}");
        assert_eq!(world.dump(&world.cert, "lessons").await, before);
        // Where the key stays, rows that refer to it are no obstacle.
        world
            .server
            .psql(&world.prod, "update teachers set code = 'b' where id = 2")
            .await;
        update_all(&world, &moving).await.unwrap();
        assert_eq!(world.dump(&world.cert, "lessons").await, before);
        assert_eq!(world.dump(&world.cert, "teachers").await[1], "(2,b,new)");
    }
}

#[tokio::test]
async fn rows_that_are_updated_as_well_may_follow_a_key_that_changes() {
    let (world, tables) = world(
        "create table a_teachers (id int4 primary key, code text unique);
         create table lessons (id int4 primary key, teacher_code text references a_teachers (code) on update cascade);
         insert into a_teachers values (1, 'a'), (2, 'b'); insert into lessons values (10, 'a'), (11, 'b');",
    )
    .await;
    world
        .server
        .psql(&world.prod, "update a_teachers set code = code || code")
        .await;
    update_all(&world, &tables).await.unwrap();
    for table in ["a_teachers", "lessons"] {
        assert_eq!(
            world.dump(&world.cert, table).await,
            world.dump(&world.prod, table).await
        );
    }
}

/// Old values in CERT, new ones in PROD; what the key is declared as; whether it can be written.
const MOVES: [(&str, &str, &str, bool); 8] = [
    // Two rows exchange their values; three rows in a chain; an inserted row gets what an updated one had.
    (
        "(1, 'a'), (2, 'b')",
        "(1, 'b'), (2, 'a')",
        "v text unique",
        true,
    ),
    (
        "(1, 'a'), (2, 'b'), (3, 'c')",
        "(1, 'b'), (2, 'c'), (3, 'd')",
        "v text unique",
        true,
    ),
    ("(1, 'a')", "(1, 'b'), (2, 'a')", "v text unique", true),
    (
        "(1, 'a'), (2, 'b'), (3, 'c')",
        "(1, 'b'), (2, 'c'), (3, 'd'), (4, 'a')",
        "v text not null unique",
        true,
    ),
    (
        "(1, 'a'), (2, 'b')",
        "(1, 'b'), (2, 'a')",
        "v text not null unique deferrable",
        true,
    ),
    (
        "(1, 'a'), (2, 'b')",
        "(1, 'b'), (2, 'a')",
        "v text unique nulls not distinct",
        false,
    ),
    (
        "(1, 'a'), (2, 'b'), (3, 'c')",
        "(1, 'b'), (2, 'c'), (3, 'd')",
        "v text unique nulls not distinct",
        true,
    ),
    (
        "(1, 'a'), (2, 'b'), (3, 'c')",
        "(1, 'b'), (2, 'a'), (3, 'd')",
        "v text not null unique",
        false,
    ),
];

#[tokio::test]
async fn unique_values_move_from_row_to_row() {
    for (old, new, column, is_written) in MOVES {
        let sql = format!("create table t (id int4 primary key, {column})");
        let (world, tables) = world(&sql).await;
        world
            .server
            .psql(&world.prod, &format!("insert into t values {new}"))
            .await;
        let theirs = format!("insert into t values {old}, (99, 'theirs')");
        world.server.psql(&world.cert, &theirs).await;
        let before = world.dump(&world.cert, "t").await;
        let done = update_all(&world, &tables).await;
        let after = world.dump(&world.cert, "t").await;
        if is_written {
            done.unwrap_or_else(|error| panic!("{old} -> {new}, {column}: {error:?}"));
            let mut expected = world.dump(&world.prod, "t").await;
            expected.push("(99,theirs)".to_owned());
            expected.sort();
            assert_eq!(after, expected, "{old} -> {new}, {column}");
        } else {
            let error = done.unwrap_err();
            assert_eq!(error.kind, StoreErrorKind::Constraint, "{error:?}");
            assert_eq!(error.code.as_deref(), Some("t_v_key"));
            assert!(error.to_string().contains("2 of them"), "{error}");
            assert_eq!(after, before);
        }
    }
}

/// Places within a section, of which the section is half the key.
#[tokio::test]
async fn places_of_a_composite_key_move_up() {
    let (world, tables) = world(
        "create table t (id int4 primary key, section int4 not null, place int4 not null, unique (section, place))",
    )
    .await;
    let old = "insert into t select n, n / 10, n % 10 from generate_series(10, 39) as n";
    world.server.psql(&world.cert, old).await;
    let new = "insert into t select n, n / 10, n % 10 + 1 from generate_series(10, 39) as n;
               insert into t values (1, 1, 0), (2, 2, 0)";
    world.server.psql(&world.prod, new).await;
    update_all(&world, &tables).await.unwrap();
    assert_eq!(
        world.dump(&world.cert, "t").await,
        world.dump(&world.prod, "t").await
    );
}
