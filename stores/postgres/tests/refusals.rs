//! What CERT's server refuses is told by the names of tables, constraints and triggers, with what to do, and
//! without a value.

use redistrict_store::{
    KeyRequest, Selector, SourceStore as _, StoreError, StoreErrorKind, TargetStore as _,
};

use crate::support::{World, read_all};

const TABLE: &str = "create table t (id int4 primary key, v text, n int4);";

/// Moves two rows into a CERT that differs by these statements; how it ended.
async fn refused(statements: &str) -> StoreError {
    let world = World::new().await;
    world.both(TABLE).await;
    let fill = "insert into t values (1, 'secret' || (select string_agg(md5(g::text), '') from generate_series(1, 300) as g), 7), (2, 'secret', 7)";
    world.server.psql(&world.prod, fill).await;
    world.server.psql(&world.cert, statements).await;
    let source = world.catalog().await.tables;
    let target = world.target.catalog(&world.store).await.unwrap().tables;
    let target: Vec<_> = target
        .into_iter()
        .filter(|one| one.name == world.table("t"))
        .collect();
    let lease = world.lease("mig-1").await;
    let mut cut = world.source.open_cut(&source).await.unwrap();
    let batches = read_all(cut.as_mut(), &source[0]).await.unwrap();
    world.stage(&lease, &source[0], batches).await.unwrap();
    let mut merge = world.target.begin_merge(&lease, &target).await.unwrap();
    match merge.apply(&[world.table("t")]).await {
        Ok(_) => merge.check_constraints().await.unwrap_err(),
        Err(error) => error,
    }
}

const RAISE: &str = "create function f() returns trigger language plpgsql as $$ begin
    raise exception using message = 'no ' || new.v, errcode = '23514'; end $$;";

#[tokio::test]
async fn what_stands_against_a_row_is_named_with_what_to_do() {
    let trigger = format!(
        "{RAISE} create trigger strict before insert on t for each row execute function f()"
    );
    let late = format!(
        "{RAISE} create constraint trigger late after insert on t deferrable initially deferred
         for each row execute function f()"
    );
    for (statements, kind, named) in [
        (
            "create unique index one_of_a_kind on t ((n + 1))",
            StoreErrorKind::Constraint,
            "one_of_a_kind",
        ),
        (
            "alter table t add constraint form check (v ~ '^x')",
            StoreErrorKind::Constraint,
            "form",
        ),
        (
            "create table p (id int4 primary key); alter table t add constraint to_p foreign key (n) references p",
            StoreErrorKind::Constraint,
            "to_p",
        ),
        (
            "create table p (id int4 primary key);
          alter table t add constraint late_p foreign key (n) references p initially deferred",
            StoreErrorKind::Constraint,
            "late_p",
        ),
        (
            "alter table t add constraint apart exclude (n with =)",
            StoreErrorKind::Constraint,
            "apart",
        ),
        (
            "alter table t add must int4 not null",
            StoreErrorKind::Constraint,
            "must",
        ),
        (&trigger, StoreErrorKind::Constraint, "strict"),
        (&late, StoreErrorKind::Constraint, "late"),
        (
            "create index too_long on t (v)",
            StoreErrorKind::Data,
            "longer",
        ),
    ] {
        let error = refused(statements).await;
        assert_eq!(error.kind, kind, "{statements}: {error:?}");
        let hint = error.hint.clone().unwrap_or_default();
        assert!(hint.contains(named), "{statements}: {error:?}");
        let table = error.table.as_ref().map(ToString::to_string);
        assert_eq!(
            table.as_deref(),
            Some("ids.public.t"),
            "{statements}: {error:?}"
        );
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn what_partitions_refuse_is_not_laid_at_the_door_of_triggers() {
    let table = "drop table t; create table t (id int4, v text, n int4, primary key (id)) partition by range (id);";
    for (partitions, named) in [
        (
            "create table t1 partition of t for values from (1) to (2)",
            "partition",
        ),
        (
            "create table t1 partition of t (constraint small check (n < 7)) for values from (1) to (9)",
            "CHECK small",
        ),
    ] {
        let error = refused(&format!("{table} {partitions}")).await;
        let hint = error.hint.clone().unwrap_or_default();
        assert!(
            hint.contains(named) && !hint.contains("trigger"),
            "{error:?}"
        );
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_constraint_of_a_table_that_a_trigger_writes_is_told_with_both() {
    let error = refused(
        "create table log (v text constraint none check (v is null));
         create function f() returns trigger language plpgsql as $$ begin
           insert into public.log values (new.v); return new; end $$;
         create trigger writes_log after insert on t for each row execute function f()",
    )
    .await;
    let hint = error.hint.clone().unwrap_or_default();
    for part in ["none", "public.log", "ids.public.t: writes_log"] {
        assert!(hint.contains(part), "{error:?}");
    }
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn rules_are_found_before_anything_is_written() {
    let world = World::new().await;
    let rules = "create table quiet (id int4); create view seen as select * from quiet;
        create rule swallow as on insert to t do instead nothing;
        create rule off as on update to t do instead nothing; alter table t disable rule off";
    world
        .server
        .psql(&world.cert, &format!("{TABLE} {rules}"))
        .await;
    let tables = [world.table("t"), world.table("quiet")];
    let findings = world.target.obstacles(&tables).await.unwrap();
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    assert_eq!(
        (finding.code.as_str(), finding.subject.as_str()),
        ("rule-in-target", "ids.public.t")
    );
    assert!(finding.message.contains("swallow"), "{finding:?}");
    assert!(finding.lines[0].starts_with("alter table \"public\".\"t\" disable rule \"swallow\""));
}

#[tokio::test]
async fn a_table_without_columns_is_counted_and_located() {
    let world = World::new().await;
    let ddl = "create table z (); create table d (x int4); alter table d drop x;
               create table g (x int4 generated always as (1) stored)";
    world.both(ddl).await;
    let fill =
        "insert into z default values; insert into d default values; insert into g default values";
    world.server.psql(&world.prod, fill).await;
    let catalog = world.catalog().await;
    let mut cut = world.source.open_cut(&catalog.tables).await.unwrap();
    for table in &catalog.tables {
        assert_eq!(cut.count(&table.name).await.unwrap(), 1, "{}", table.name);
        let request = KeyRequest {
            table: table.name.clone(),
            columns: Vec::new(),
            selector: Selector::All,
        };
        assert_eq!(cut.keys(&request).await.unwrap().len(), 1, "{}", table.name);
    }
    world.target.read(&catalog.tables).await.map(drop).unwrap();
}
