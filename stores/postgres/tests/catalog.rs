//! Catalog facts that the plan depends on, on schemas that are odd on purpose.

use redistrict_model::{Catalog, ColumnType, Generated, Table, TableKind, TableRef};
use redistrict_postgres::PostgresSource;
use redistrict_store::{SourceStore as _, StoreErrorKind};

use crate::support::World;

async fn catalog_of(sql: &str) -> Catalog {
    let world = World::new().await;
    world.server.psql(&world.prod, sql).await;
    world.catalog().await
}

fn table<'a>(catalog: &'a Catalog, name: &str) -> &'a Table {
    let name = TableRef::new(&catalog.store, "public", name);
    catalog.table(&name).unwrap_or_else(|| panic!("{name}"))
}

#[tokio::test]
async fn columns_keep_types_lengths_labels_and_how_they_come_about() {
    let catalog = catalog_of(
        "create type mood as enum ('b', 'a');
         create domain code as varchar(4) not null;
         create domain inner_number as numeric(6,2);
         create domain outer_number as inner_number;
         create sequence loose;
         create table t (
           id int4 generated always as identity primary key,
           serial bigserial,
           loose int4 default nextval('loose'),
           double int4 generated always as (5 * 2) stored,
           n numeric(10,2) default 0,
           c char(3) not null,
           v varchar(40),
           m mood,
           code code,
           outer_number outer_number,
           tags text[],
           gone int4,
           p point
         );
         alter table t drop column gone;",
    )
    .await;
    let table = table(&catalog, "t");
    let fact = |name: &str| {
        let column = table.column(name).unwrap_or_else(|| panic!("{name}"));
        (
            column.source_type.as_str(),
            column.column_type,
            column.nullable,
            column.generated,
        )
    };
    assert_eq!(
        fact("id"),
        ("integer", ColumnType::Int32, false, Generated::Identity)
    );
    assert_eq!(
        fact("serial"),
        ("bigint", ColumnType::Int64, false, Generated::Identity)
    );
    assert_eq!(
        fact("loose"),
        ("integer", ColumnType::Int32, true, Generated::Identity)
    );
    assert_eq!(
        fact("double"),
        ("integer", ColumnType::Int32, true, Generated::Stored)
    );
    assert_eq!(
        fact("n"),
        ("numeric(10,2)", ColumnType::Numeric, true, Generated::No)
    );
    assert_eq!(
        fact("c"),
        ("character(3)", ColumnType::Char, false, Generated::No)
    );
    assert_eq!(
        fact("m"),
        ("public.mood", ColumnType::Enum, true, Generated::No)
    );
    assert_eq!(
        fact("code"),
        ("public.code", ColumnType::Text, false, Generated::No)
    );
    assert_eq!(fact("outer_number").1, ColumnType::Numeric);
    assert!(table.column("gone").is_none());
    assert!(table.column("n").unwrap().has_default);
    assert!(!table.column("double").unwrap().has_default);
    assert_eq!(table.column("m").unwrap().labels, ["b", "a"]);
    let lengths = ["c", "v", "code", "n"].map(|name| table.column(name).unwrap().max_length);
    assert_eq!(lengths, [Some(3), Some(40), Some(4), None]);
}

#[tokio::test]
async fn arrays_tell_their_elements_and_types_without_meaning_are_verbatim() {
    let catalog = catalog_of("create table t (id int4 primary key, tags text[], p point)").await;
    let table = table(&catalog, "t");
    let fact = |name: &str| {
        let column = table.column(name).unwrap();
        (
            column.source_type.as_str(),
            column.column_type,
            column.element,
        )
    };
    let array = ("text[]", ColumnType::Array, Some(ColumnType::Text));
    assert_eq!(fact("tags"), array);
    assert_eq!(fact("p"), ("point", ColumnType::Verbatim, None));
}

#[tokio::test]
async fn what_a_domain_demands_its_table_demands() {
    let catalog = catalog_of(
        "create domain inner_code as text check (value ~ '^VALUE' or length(value) < 4);
         create domain outer_code as inner_code not null constraint no_x check (value <> 'x');
         create domain list as int4[] check (cardinality(value) < 3);
         create table t (id int4 primary key, \"a \"\"b\" outer_code, l list, check (id > 0));",
    )
    .await;
    let table = table(&catalog, "t");
    assert!(!table.column("a \"b").unwrap().nullable);
    let checks: Vec<_> = table
        .checks
        .iter()
        .map(|one| {
            (
                one.name.as_str(),
                one.expression.as_str(),
                one.columns.join(","),
            )
        })
        .collect();
    assert_eq!(
        checks,
        [
            ("t_id_check", "(id > 0)", "id".to_owned()),
            (
                "no_x",
                "((\"a \"\"b\")::text <> 'x'::text)",
                "a \"b".to_owned()
            ),
            (
                "inner_code_check",
                "((\"a \"\"b\" ~ '^VALUE'::text) OR (length(\"a \"\"b\") < 4))",
                "a \"b".to_owned()
            ),
            ("list_check", "(cardinality(\"l\") < 3)", "l".to_owned()),
        ]
    );
}

#[tokio::test]
async fn keys_checks_triggers_and_row_security_are_found() {
    let catalog = catalog_of(
        "create table parent (
           a int4, b text, code text not null unique, lower_code text,
           constraint parent_pk primary key (b, a)
         );
         create unique index parent_partial on parent (code) where a > 0;
         create unique index parent_expression on parent (lower(code));
         create unique index parent_plain on parent (a, code) include (b);
         create table child (
           id int4 primary key, b text, a int4, code text,
           constraint pair foreign key (a, b) references parent (a, b) on delete cascade,
           constraint by_code foreign key (code) references parent (code) deferrable
         );
         alter table child add constraint late foreign key (a, code) references parent (a, code) not valid;
         alter table child add constraint positive check (id > 0 and a > 0);
         create table room (id int4 primary key, during int4range, exclude using gist (during with &&));
         create function nothing() returns trigger language plpgsql as 'begin return new; end';
         create trigger on_child before insert on child for each row execute function nothing();
         create trigger off_child before update on child for each row execute function nothing();
         alter table child disable trigger off_child;
         alter table room enable row level security;
         analyze parent;",
    )
    .await;
    let parent = table(&catalog, "parent");
    assert_eq!(
        parent.primary_key.as_deref(),
        Some(["b".into(), "a".into()].as_slice())
    );
    let names: Vec<&str> = parent
        .uniques
        .iter()
        .map(|unique| unique.name.as_str())
        .collect();
    assert_eq!(names, ["parent_code_key", "parent_plain"]);
    assert_eq!(parent.uniques[1].columns, ["a", "code"]);
    let child = table(&catalog, "child");
    let keys: Vec<_> = child
        .foreign_keys
        .iter()
        .map(|key| {
            let flags = (key.on_delete_cascade, key.deferrable, key.validated);
            (
                key.name.as_str(),
                key.columns.join(","),
                key.parent_columns.join(","),
                flags,
            )
        })
        .collect();
    assert_eq!(
        keys,
        [
            ("by_code", "code".into(), "code".into(), (false, true, true)),
            (
                "late",
                "a,code".into(),
                "a,code".into(),
                (false, false, false)
            ),
            ("pair", "a,b".into(), "a,b".into(), (true, false, true)),
        ]
    );
    assert_eq!(child.checks[0].columns, ["id", "a"]);
    assert_eq!(child.checks[0].expression, "((id > 0) AND (a > 0))");
    let triggers: Vec<_> = child
        .triggers
        .iter()
        .map(|one| (one.name.as_str(), one.enabled))
        .collect();
    assert_eq!(triggers, [("off_child", false), ("on_child", true)]);
    let room = table(&catalog, "room");
    assert_eq!(room.exclusions, ["room_during_excl"]);
    assert!(room.row_security);
    assert!(!child.row_security);
}

#[tokio::test]
async fn who_inherits_and_what_triggers_fill_is_told() {
    let catalog = catalog_of(
        "create table visit (id int4 primary key, at date);
         create table visit_1 (check (at < '2024-07-01')) inherits (visit);
         create table \"Change\" (id int4);
         create table log (id int4);
         create function note() returns trigger language plpgsql as $$ begin
           -- insert into visit
           insert into \"Change\" values (new.id); insert into public.log values (new.id);
           return new; end $$;
         create function stamp() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger a_note after insert on visit for each row execute function note();
         create trigger b_stamp before insert on visit for each row execute function stamp();",
    )
    .await;
    let visit = table(&catalog, "visit");
    assert_eq!(visit.inherits, None);
    assert_eq!(
        table(&catalog, "visit_1").inherits.as_ref(),
        Some(&visit.name)
    );
    let fills: Vec<Vec<&str>> = visit
        .triggers
        .iter()
        .map(|one| one.fills.iter().map(|name| name.table.as_str()).collect())
        .collect();
    assert_eq!(fills, [vec!["Change", "log"], vec![]]);
}

#[tokio::test]
async fn what_one_partition_demands_the_table_may_not_lack() {
    let catalog = catalog_of(
        "create table payment (id int4, at date, a int4, b int4) partition by range (at);
         create table payment_1 partition of payment for values from ('2024-01-01') to ('2024-07-01');
         create table payment_2 partition of payment for values from ('2024-07-01') to ('2025-01-01');
         alter table payment_2 alter a set not null;",
    )
    .await;
    let payment = table(&catalog, "payment");
    assert!(!payment.column("a").unwrap().nullable);
    assert!(payment.column("b").unwrap().nullable);
}

#[tokio::test]
async fn partitions_are_folded_and_their_foreign_keys_stand_once() {
    let catalog = catalog_of(
        "create table customer (id int4 primary key);
         create table payment (id int4, at date, customer_id int4, other_id int4, primary key (id, at))
           partition by range (at);
         create table payment_1 partition of payment for values from ('2024-01-01') to ('2024-07-01');
         create table payment_2 partition of payment for values from ('2024-07-01') to ('2025-01-01');
         alter table payment add constraint declared foreign key (other_id) references customer (id);
         alter table payment_1 add constraint p1 foreign key (customer_id) references customer (id);
         alter table payment_2 add constraint p2 foreign key (customer_id) references customer (id);
         create table refund (id int4 primary key, payment_id int4, at date,
           foreign key (payment_id, at) references payment (id, at));",
    )
    .await;
    let names: Vec<&str> = catalog
        .tables
        .iter()
        .map(|table| table.name.table.as_str())
        .collect();
    assert_eq!(names, ["customer", "payment", "refund"]);
    let payment = table(&catalog, "payment");
    assert_eq!(payment.kind, TableKind::Partitioned);
    let keys: Vec<_> = payment
        .foreign_keys
        .iter()
        .map(|key| (key.name.as_str(), key.columns.join(","), key.validated))
        .collect();
    assert_eq!(
        keys,
        [
            ("declared", "other_id".into(), true),
            ("p1", "customer_id".into(), true)
        ]
    );
    let refund = table(&catalog, "refund");
    assert_eq!(refund.foreign_keys.len(), 1);
    assert_eq!(refund.foreign_keys[0].parent.table, "payment");
}

#[tokio::test]
async fn rows_of_partitions_are_read_through_the_parent_and_written_back() {
    let world = World::new().await;
    let sql =
        "create table p (id int4, at date, v text, primary key (id, at)) partition by hash (id);
               create table p0 partition of p for values with (modulus 2, remainder 0);
               create table p1 partition of p for values with (modulus 2, remainder 1);";
    world.both(sql).await;
    let sql = "insert into p select g, '2024-01-01', 'v' || g from generate_series(1, 100) g";
    world.server.psql(&world.prod, sql).await;
    let catalog = world.catalog().await;
    world.move_all("mig-1", &catalog.tables).await.unwrap();
    assert_eq!(
        world.dump(&world.prod, "p").await,
        world.dump(&world.cert, "p").await
    );
}

#[tokio::test]
async fn odd_names_survive_the_whole_way() {
    let world = World::new().await;
    let sql = "create schema \"odd.schema\";
               create type \"odd.schema\".\"My \"\"Type\" as enum ('x');
               create table \"odd.schema\".\"T \"\"1\"\"\n\u{e4}\" (
                 \"select\" int4 primary key, \"a\nb\" text, \"; drop table x; --\" \"odd.schema\".\"My \"\"Type\",
                 \"s.c1\" int4 references \"odd.schema\".\"T \"\"1\"\"\n\u{e4}\", redistrict_action text);";
    world.both(sql).await;
    let name = "\"odd.schema\".\"T \"\"1\"\"\n\u{e4}\"";
    let sql =
        format!("insert into {name} values (1, 'x', 'x', 1, 'update'), (2, null, null, 1, null)");
    world.server.psql(&world.prod, &sql).await;
    let catalog = world.catalog().await;
    assert_eq!(catalog.tables[0].name.table, "T \"1\"\n\u{e4}");
    world.move_all("mig-1", &catalog.tables).await.unwrap();
    assert_eq!(
        world.dump(&world.prod, name).await,
        world.dump(&world.cert, name).await
    );
}

#[tokio::test]
async fn an_unknown_schema_is_a_configuration_error() {
    let world = World::new().await;
    let schemas = vec!["public".to_owned(), "nowhere".to_owned()];
    let source = PostgresSource::connect_lazy(world.store.clone(), world.prod.clone(), schemas);
    let error = source.catalog().await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Config);
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn our_own_schemas_are_in_no_catalog() {
    let world = World::new().await;
    let catalog = redistrict_store::TargetStore::catalog(&world.target, &world.store)
        .await
        .unwrap();
    assert!(catalog.tables.is_empty(), "{:?}", catalog.tables);
    assert!(
        catalog.version.starts_with("PostgreSQL "),
        "{}",
        catalog.version
    );
}
