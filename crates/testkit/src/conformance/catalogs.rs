//! What the catalog says, against what the plain client made.

use redistrict_model::Generated;

use super::fixture::{enrolled, lease, source_table, stage, target_table};
use super::harness::{Harness, LogicalType, quoted};

/// Types, NOT NULL, defaults and lengths, in the order of the columns.
pub async fn the_catalog_tells_types_nullability_defaults_and_lengths(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let columns: String = LogicalType::ALL
        .iter()
        .map(|logical| format!(", \"c_{logical:?}\" {}", harness.sql(*logical)))
        .collect();
    world
        .prod
        .run(&format!(
            "create table every (id {} not null primary key, filled {} not null default 'x'{columns})",
            harness.sql(LogicalType::Int64),
            harness.sql(LogicalType::Text),
        ))
        .await;
    let table = source_table(&world, "every").await;
    assert_eq!(table.columns[0].name, "id");
    assert!(!table.columns[0].nullable && !table.columns[0].has_default);
    assert!(!table.columns[1].nullable && table.columns[1].has_default);
    for (column, logical) in table.columns[2..].iter().zip(LogicalType::ALL) {
        assert_eq!(column.name, format!("c_{logical:?}"));
        assert_eq!(column.column_type, logical.column_type(), "{logical:?}");
        assert!(column.nullable);
        assert_eq!(column.generated, Generated::No);
        let length = (logical == LogicalType::Varchar40).then_some(40);
        assert_eq!(column.max_length, length, "{logical:?}");
    }
    assert_eq!(table.columns.len(), 2 + LogicalType::ALL.len());
    assert_eq!(table.primary_key, Some(vec!["id".to_owned()]));
}

/// Composite keys keep the order of the key, which is not that of the columns.
pub async fn the_catalog_tells_keys_foreign_keys_and_checks(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let int = harness.sql(LogicalType::Int64);
    world
        .prod
        .run(&format!(
            "create table section (year {int} not null, code {int} not null, title {int},
               constraint section_pk primary key (code, year), constraint section_title unique (title, year));
             create table grade (id {int} not null primary key, y {int}, c {int}, section_title {int}, points {int},
               constraint grade_section foreign key (c, y) references section (code, year) on delete cascade,
               foreign key (section_title, y) references section (title, year),
               constraint grade_points check (points >= 0 and id <> 7));
             create table tree (id {int} not null primary key, parent {int} references tree)"
        ))
        .await;
    let section = source_table(&world, "section").await;
    assert_eq!(
        section.primary_key,
        Some(vec!["code".to_owned(), "year".to_owned()])
    );
    let uniques: Vec<_> = section
        .uniques
        .iter()
        .map(|u| (u.name.as_str(), u.columns.join(",")))
        .collect();
    assert_eq!(uniques, [("section_title", "title,year".to_owned())]);

    let grade = source_table(&world, "grade").await;
    let cascading = grade
        .foreign_keys
        .iter()
        .find(|key| key.name == "grade_section");
    let cascading = cascading.expect("a named key keeps its name");
    assert_eq!(cascading.columns, ["c", "y"]);
    assert_eq!(cascading.parent, world.table("section"));
    assert_eq!(cascading.parent_columns, ["code", "year"]);
    assert!(cascading.on_delete_cascade && cascading.validated && !cascading.deferrable);
    let other = grade
        .foreign_keys
        .iter()
        .find(|key| key.columns == ["section_title", "y"]);
    let other = other.expect("a key to a unique key is there");
    assert_eq!(other.parent_columns, ["title", "year"]);
    assert!(!other.on_delete_cascade);
    assert_eq!(grade.foreign_keys.len(), 2);
    let check = grade
        .checks
        .iter()
        .find(|check| check.name == "grade_points");
    let check = check.expect("a named check keeps its name");
    assert!(check.columns.iter().any(|column| column == "points"));
    assert!(
        check
            .columns
            .iter()
            .all(|column| column == "points" || column == "id")
    );

    let tree = source_table(&world, "tree").await;
    assert_eq!(tree.foreign_keys[0].parent, world.table("tree"));
    assert_eq!(tree.foreign_keys[0].parent_columns, ["id"]);
}

/// Generated columns are told apart; they are never written.
pub async fn a_computed_column_is_marked_and_comes_out_right_in_the_target(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    world
        .both(&format!(
            "create table computed (id {int} not null primary key, a {text},
               twice {text} generated always as (a || a) stored)"
        ))
        .await;
    world
        .prod
        .run("insert into computed (id, a) values (1, 'x'), (2, null)")
        .await;
    let table = source_table(&world, "computed").await;
    let twice = table.column("twice").expect("the column is in the catalog");
    assert_eq!(twice.generated, Generated::Stored);
    let lease = lease(&world, "1").await;
    super::fixture::load(&world, &lease, &["computed"]).await;
    assert_eq!(
        world.cert.dump("computed").await,
        world.prod.dump("computed").await
    );
}

/// Enrolling, leasing and staging change nothing that the catalog tells.
pub async fn our_own_objects_are_not_in_the_catalog(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let int = harness.sql(LogicalType::Int64);
    world
        .both(&format!(
            "create table plain (id {int} not null primary key)"
        ))
        .await;
    world.prod.run("insert into plain values (1), (2)").await;
    let before = world.target.catalog(&world.store).await.expect("a catalog");
    super::fixture::enroll(&world, "one").await;
    let lease = lease(&world, "1").await;
    stage(&world, &lease, "plain")
        .await
        .expect("rows can be staged");
    let after = world.target.catalog(&world.store).await.expect("a catalog");
    assert_eq!(after, before);
    assert_eq!(after.tables.len(), 1);
}

/// Names with quotes, spaces, newlines, other scripts and full length are names like others.
pub async fn hostile_names_are_read_and_written_like_any_other(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    let long = "n".repeat(60);
    let names = [
        "a\"b",
        "two words",
        "semi;colon'",
        "line\nbreak",
        "naïve 学生",
        "select",
        "UPPER",
        "$1",
        "?1",
        "%s {}",
        "back\\slash",
        &long,
    ];
    for name in names {
        let (table, key) = (quoted(name), quoted(&format!("{name} key")[..]));
        let key = if name == long { quoted("key") } else { key };
        world
            .both(&format!(
                "create table {table} ({key} {int} not null primary key, {table} {text})"
            ))
            .await;
        world
            .prod
            .run(&format!("insert into {table} values (1, 'v'), (2, null)"))
            .await;
        let described = target_table(&world, name).await;
        assert_eq!(described.columns[1].name, name);
    }
    let lease = lease(&world, "1").await;
    super::fixture::load(&world, &lease, &names).await;
    for name in names {
        assert_eq!(
            world.cert.dump(name).await,
            world.prod.dump(name).await,
            "{name:?}"
        );
    }
}

/// A trigger fires if and only if the target's catalog calls it enabled.
pub async fn a_trigger_fires_only_if_the_catalog_says_so(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let (int, text) = (
        harness.sql(LogicalType::Int64),
        harness.sql(LogicalType::Text),
    );
    let Some(trigger) = harness.insert_trigger("\"watched\"", "\"seen\"") else {
        return super::fixture::skip("triggers");
    };
    world
        .both(&format!(
            "create table watched (id {int} not null primary key); create table seen (what {text})"
        ))
        .await;
    world.cert.run(&trigger).await;
    world.prod.run("insert into watched values (1)").await;
    let table = target_table(&world, "watched").await;
    assert_eq!(table.triggers.len(), 1);
    let lease = lease(&world, "1").await;
    super::fixture::load(&world, &lease, &["watched"]).await;
    let has_fired = !world.cert.dump("seen").await.is_empty();
    assert_eq!(has_fired, table.triggers[0].enabled);
}
