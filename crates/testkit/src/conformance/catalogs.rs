//! What the catalog says, against what the plain client made.

use redistrict_model::{Catalog, Generated, Table};

use super::fixture::{
    enroll, enrolled, keyed, lease, load, only_ids, skip, source_table, stage, target_table,
};
use super::harness::{Harness, LogicalType, World};
use super::rows::edges;
use super::words::{Action, NULL, NewTable, ValueSource};

use LogicalType::{Int64, Text};

fn key_of(table: &Table) -> Option<Vec<&str>> {
    let key = table.primary_key.as_ref()?;
    Some(key.iter().map(String::as_str).collect())
}

/// The types of all columns, where there are values of them.
pub async fn the_catalog_tells_the_type_of_each_column(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let types: Vec<LogicalType> = LogicalType::ALL
        .into_iter()
        .filter(|logical| harness.column_type(*logical).is_some())
        .collect();
    let names: Vec<String> = types.iter().map(|one| format!("c_{one:?}")).collect();
    let mut columns = vec![("id", Int64)];
    columns.extend(names.iter().map(String::as_str).zip(types.iter().copied()));
    let every = keyed("every", &columns);
    world.prod.create(std::slice::from_ref(&every)).await;
    let mut row = vec![Some("1".to_owned())];
    row.extend(
        types
            .iter()
            .map(|logical| Some(edges(*logical)[0].to_owned())),
    );
    world.prod.insert_rows(&every, vec![row]).await;
    let table = source_table(&world, "every").await;
    for (logical, name) in types.iter().zip(&names) {
        let column = table.column(name).expect("the column is in the catalog");
        assert_eq!(
            Some(column.column_type),
            harness.column_type(*logical),
            "{logical:?}"
        );
        assert_eq!(column.generated, Generated::No);
    }
    assert!(!table.column("id").expect("the key").nullable);
    assert_eq!(key_of(&table), Some(vec!["id"]));
}

/// Types, NOT NULL, defaults and lengths, in the order of the columns, without any row.
pub async fn the_catalog_tells_types_nullability_defaults_and_lengths(harness: &dyn Harness) {
    if !harness.abilities().declared_columns {
        return skip("declared columns");
    }
    let world = harness.fresh().await;
    let names = LogicalType::ALL.map(|logical| format!("c_{logical:?}"));
    let mut columns = vec![("id", Int64), ("filled", Text)];
    columns.extend(names.iter().map(String::as_str).zip(LogicalType::ALL));
    let every = keyed("every", &columns)
        .mandatory("filled")
        .default("filled", "x");
    world.prod.create(&[every]).await;
    let table = source_table(&world, "every").await;
    assert_eq!(table.columns[0].name, "id");
    assert!(!table.columns[0].nullable && !table.columns[0].has_default);
    assert!(!table.columns[1].nullable && table.columns[1].has_default);
    for (column, logical) in table.columns[2..].iter().zip(LogicalType::ALL) {
        assert_eq!(column.name, format!("c_{logical:?}"));
        assert_eq!(
            Some(column.column_type),
            harness.column_type(logical),
            "{logical:?}"
        );
        assert!(column.nullable);
        assert_eq!(column.generated, Generated::No);
        let length = (logical == LogicalType::Varchar40).then_some(40);
        assert_eq!(column.max_length, length, "{logical:?}");
    }
    assert_eq!(table.columns.len(), 2 + LogicalType::ALL.len());
    assert_eq!(key_of(&table), Some(vec!["id"]));
}

fn section() -> NewTable {
    NewTable::new(
        "section",
        &[("year", Int64), ("code", Int64), ("title", Int64)],
    )
    .key(&["code", "year"])
    .unique("section_title", &["title", "year"])
}

/// Composite keys keep the order of the key, which is not that of the columns.
pub async fn the_catalog_tells_keys_in_the_order_of_the_key(harness: &dyn Harness) {
    let world = harness.fresh().await;
    world.prod.create(&[section()]).await;
    world
        .prod
        .insert(&section(), &[["2024", "1", "5"], ["2024", "2", "6"]])
        .await;
    let table = source_table(&world, "section").await;
    assert_eq!(key_of(&table), Some(vec!["code", "year"]));
    let uniques: Vec<_> = table
        .uniques
        .iter()
        .map(|u| (u.name.as_str(), u.columns.join(",")))
        .collect();
    assert_eq!(uniques, [("section_title", "title,year".to_owned())]);
}

/// Foreign keys with their actions, and checks with their columns.
pub async fn the_catalog_tells_foreign_keys_and_checks(harness: &dyn Harness) {
    let abilities = harness.abilities();
    if !abilities.foreign_keys || !abilities.checks {
        return skip("foreign keys and checks");
    }
    let world = harness.fresh().await;
    let names = ["id", "y", "c", "section_title", "points"];
    let grade = keyed("grade", &names.map(|name| (name, Int64)))
        .references(&["c", "y"], "section", &["code", "year"], Action::Cascade)
        .called("grade_section")
        .references(
            &["section_title", "y"],
            "section",
            &["title", "year"],
            Action::None,
        )
        .check("grade_points", "points", "id");
    let tree = keyed("tree", &[("id", Int64), ("parent", Int64)]);
    let tree = tree.references(&["parent"], "tree", &["id"], Action::None);
    world.prod.create(&[section(), grade, tree]).await;

    let grade = source_table(&world, "grade").await;
    let named = |name: &str| grade.foreign_keys.iter().find(|key| key.name == name);
    let cascading = named("grade_section").expect("a named key keeps its name");
    assert_eq!(cascading.columns, ["c", "y"]);
    assert_eq!(cascading.parent, world.table("section"));
    assert_eq!(cascading.parent_columns, ["code", "year"]);
    assert!(cascading.on_delete_cascade && cascading.validated && !cascading.deferrable);
    let mut others = grade.foreign_keys.iter();
    let other = others.find(|key| key.columns == ["section_title", "y"]);
    let other = other.expect("a key to a unique key is there");
    assert_eq!(other.parent_columns, ["title", "year"]);
    assert!(!other.on_delete_cascade);
    assert_eq!(grade.foreign_keys.len(), 2);
    assert!(grade.foreign_keys.iter().all(|key| key.when.is_empty()));
    let mut checks = grade.checks.iter();
    let check = checks.find(|check| check.name == "grade_points");
    let named = &check.expect("a named check keeps its name").columns;
    assert!(named.iter().any(|column| column == "points"));
    assert!(
        named
            .iter()
            .all(|column| column == "points" || column == "id")
    );

    let tree = source_table(&world, "tree").await;
    assert_eq!(tree.foreign_keys[0].parent, world.table("tree"));
    assert_eq!(tree.foreign_keys[0].parent_columns, ["id"]);
}

/// Generated columns are told apart; they are never written.
pub async fn a_computed_column_is_marked_and_comes_out_right_in_the_target(harness: &dyn Harness) {
    if !harness.abilities().computed_columns {
        return skip("computed columns");
    }
    let world = enrolled(harness).await;
    let computed = keyed("computed", &[("id", Int64), ("a", Text), ("twice", Text)])
        .filled("twice", ValueSource::Twice("a".to_owned()));
    world.both(std::slice::from_ref(&computed)).await;
    world
        .prod
        .insert(&computed, &[["1", "x"], ["2", NULL]])
        .await;
    let table = source_table(&world, "computed").await;
    let twice = table.column("twice").expect("the column is in the catalog");
    assert_eq!(twice.generated, Generated::Stored);
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["computed"]).await;
    assert_eq!(
        world.cert.dump("computed").await,
        world.prod.dump("computed").await
    );
    assert!(world.cert.dump("computed").await[0].len() > 1);
}

/// Enrolling, leasing and staging change nothing that the catalog tells.
pub async fn our_own_objects_are_not_in_the_catalog(harness: &dyn Harness) {
    let world = harness.fresh().await;
    let plain = only_ids("plain");
    world.both(std::slice::from_ref(&plain)).await;
    world.prod.insert(&plain, &[["1"], ["2"]]).await;
    world.cert.insert(&plain, &[["3"]]).await;
    let before = world.target.catalog(&world.store).await.expect("a catalog");
    enroll(&world, "one").await;
    let lease = lease(&world, "1").await;
    let staged = stage(&world, &lease, "plain").await;
    staged.expect("rows can be staged");
    let after = world.target.catalog(&world.store).await.expect("a catalog");
    assert_eq!(after, before);
    let of_schema = |catalog: &Catalog| {
        let tables = catalog.tables.iter();
        tables
            .filter(|table| table.name.schema == world.schema)
            .count()
    };
    assert_eq!(of_schema(&after), 1);
    let mirror = world.mirror.catalog().await.expect("a catalog");
    assert_eq!(of_schema(&mirror), 1);
}

async fn hostile_table(world: &World, name: &str, key: &str) {
    let table = keyed(name, &[(key, Int64), (name, Text)]);
    world.both(std::slice::from_ref(&table)).await;
    world.prod.insert(&table, &[["1", "v"], ["2", NULL]]).await;
    let described = target_table(world, name).await;
    assert!(described.column(name).is_some(), "{name:?}");
}

/// Names with quotes, spaces, newlines, other scripts and full length are names like others.
pub async fn hostile_names_are_read_and_written_like_any_other(harness: &dyn Harness) {
    let world = enrolled(harness).await;
    let long = "n".repeat(60);
    let names = [
        "a\"b",
        "back`tick``s",
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
        "\\u0060 or \\u0022",
        "a.b:c",
        &long,
    ];
    for name in names {
        let key = if name == long {
            "key".to_owned()
        } else {
            format!("{name} key")
        };
        hostile_table(&world, name, &key).await;
    }
    let lease = lease(&world, "1").await;
    load(&world, &lease, &names).await;
    for name in names {
        let moved = world.cert.dump(name).await;
        assert_eq!(moved, world.prod.dump(name).await, "{name:?}");
        assert_eq!(moved.len(), 2, "{name:?}");
    }
}

/// A trigger fires if and only if the target's catalog calls it enabled.
pub async fn a_trigger_fires_only_if_the_catalog_says_so(harness: &dyn Harness) {
    if !harness.abilities().triggers {
        return skip("triggers");
    }
    let world = enrolled(harness).await;
    let watched = only_ids("watched");
    let seen = NewTable::new("seen", &[("what", Text)]);
    world.both(&[watched.clone(), seen]).await;
    world.cert.trigger("watched", "seen").await;
    world.prod.insert(&watched, &[["1"]]).await;
    let table = target_table(&world, "watched").await;
    assert_eq!(table.triggers.len(), 1);
    let lease = lease(&world, "1").await;
    load(&world, &lease, &["watched"]).await;
    let has_fired = !world.cert.dump("seen").await.is_empty();
    assert_eq!(has_fired, table.triggers[0].enabled);
}
