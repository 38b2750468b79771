//! A target whose tables and columns come into being by being written: what it lacks is taken from PROD, only keys
//! have to be there; a column of two types keeps every value exactly. And targets without room.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_load::{GroupInput, LoadInputs, Mode, plan};
use redistrict_model::{Catalog, ColumnType, ErrorKind, Finding, Severity, StoreName};
use redistrict_store::{TargetCapabilities, TargetStore};

use crate::faulty::Faults;
use crate::memory::{Cell, MemoryTarget};
use crate::runner::{Job, drive, drive_as};
use crate::world::{
    Estate, Own, cells, column, district_2, extract_section, name, plan_with, tables,
};

/// A target of one store with an open schema; CERT's rows as they are, its columns as the rows have them.
fn open(target: &MemoryTarget) {
    target.with(|database| {
        database.is_open = true;
        // Only what tells rows apart is declared.
        for table in database.tables.values_mut() {
            table.columns.clear();
            table.uniques.clear();
        }
    });
}

async fn catalogs(targets: [&MemoryTarget; 2]) -> Vec<Catalog> {
    let mut catalogs = Vec::new();
    for target in targets {
        catalogs.push(target.catalog(&target.stores()[0]).await.unwrap());
    }
    catalogs
}

fn groups(targets: [&MemoryTarget; 2]) -> Vec<GroupInput> {
    let prod = tables();
    targets
        .map(|target| GroupInput {
            name: target.stores()[0].clone(),
            preparing: redistrict_store::Preparing::never("it"),
            stores: target.stores().to_vec(),
            capabilities: target.capabilities(),
            fires_anyway: Vec::new(),
            key_statements: prod
                .iter()
                .filter(|table| table.name.store == target.stores()[0])
                .filter_map(|table| Some((table.name.clone(), target.key_statement(table)?)))
                .collect(),
        })
        .into()
}

/// Both stores have an open schema.
async fn estate() -> Estate {
    let mut estate = Estate::new();
    open(&estate.ids);
    open(&estate.hcp);
    planned(&mut estate).await;
    estate
}

async fn planned(estate: &mut Estate) -> Vec<Finding> {
    let targets = [&estate.ids, &estate.hcp];
    let extract = extract_section(&tables());
    let (plan, findings) = plan_with(extract, &catalogs(targets).await, &groups(targets));
    estate.plan = Arc::new(plan);
    estate.write_artifact("mig-1", &estate.plan, &district_2());
    findings
}

#[tokio::test]
async fn tables_and_columns_come_into_being_and_go_again() {
    let mut estate = estate().await;
    // A store that holds nothing at all but its keys.
    estate.hcp.with(|database| {
        database.data.values_mut().for_each(BTreeMap::clear);
    });
    let findings = planned(&mut estate).await;
    assert!(
        findings.iter().all(|one| one.severity != Severity::Error),
        "{findings:?}"
    );
    let before = estate.data();
    drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    let loaded = estate.data();
    assert_eq!(loaded[&name("hcp.learners")].len(), 1);
    assert_eq!(loaded[&name("hcp.clicks")].len(), 4);
    for (undone, run) in [("mig-1", "rb-1"), ("rb-1", "rb-2"), ("mig-1", "rb-3")] {
        let expected = if run == "rb-2" { &loaded } else { &before };
        drive(&estate, &Job::Undo(undone), run, &Faults::none())
            .await
            .unwrap_or_else(|error| panic!("{run}: {}", error.chain()));
        assert_eq!(estate.data(), *expected, "{run}");
    }
}

#[tokio::test]
async fn a_key_that_cert_lacks_is_an_error_with_the_statement_that_makes_it() {
    let mut estate = estate().await;
    estate.ids.with(|database| {
        let schools = database.tables.get_mut(&name("ids.schools")).unwrap();
        schools.primary_key = None;
        database.tables.remove(&name("ids.members"));
        database.data.remove(&name("ids.members"));
    });
    let findings = planned(&mut estate).await;
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let errors: Vec<(&str, &str, &[String])> = errors
        .map(|one| {
            (
                one.code.as_str(),
                one.subject.as_str(),
                one.lines.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        errors,
        [
            (
                "key-missing-in-target",
                "ids.main.schools",
                &["make key ids.main.schools (id)".to_owned()][..]
            ),
            (
                "key-missing-in-target",
                "ids.main.members",
                &["make key ids.main.members (id)".to_owned()][..]
            ),
        ]
    );
}

#[tokio::test]
async fn a_key_that_is_gone_since_stops_the_load_and_new_columns_do_not() {
    let estate = estate().await;
    estate.ids.with(|database| {
        database
            .tables
            .get_mut(&name("ids.teams"))
            .unwrap()
            .primary_key = None;
    });
    let before = estate.data();
    let error = drive(&estate, &Job::Load, "mig-1", &Faults::none()).await;
    let error = error.unwrap_err();
    assert!(
        error.to_string().contains("ids.main.teams"),
        "{}",
        error.chain()
    );
    assert_eq!(error.hints[1], "make key ids.main.teams (id)");
    assert_eq!(estate.data(), before);
    estate.ids.with(|database| {
        let teams = database.tables.get_mut(&name("ids.teams")).unwrap();
        teams.primary_key = Some(vec!["id".into()]);
        let rows = database.data.get_mut(&name("ids.schools")).unwrap();
        let row = rows.values_mut().next().unwrap();
        row.insert("motto".into(), "from a tester".into());
    });
    let before = estate.data();
    drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none())
        .await
        .unwrap();
    assert_eq!(estate.data(), before);
}

/// CERT has numbers where PROD has texts, and texts in places where PROD has numbers.
#[tokio::test]
async fn a_column_of_two_types_keeps_every_value_and_equal_rows_are_equal() {
    let mut estate = estate().await;
    estate.ids.with(|database| {
        let rows = database.data.get_mut(&name("ids.schools")).unwrap();
        for row in rows.values_mut() {
            row.insert("name".into(), 7.into());
        }
        let rows = database.data.get_mut(&name("ids.events")).unwrap();
        rows.values_mut()
            .next()
            .unwrap()
            .insert("what".into(), 5.into());
    });
    let findings = planned(&mut estate).await;
    assert!(
        findings.iter().all(|one| one.severity != Severity::Error),
        "{findings:?}"
    );
    let planned = estate
        .plan
        .sections
        .load
        .table(&name("ids.schools"))
        .unwrap();
    let column = planned.table.column("name").unwrap();
    assert_eq!(column.column_type, ColumnType::Verbatim);
    assert_eq!(column.source_type, "int or text");
    let before = estate.data();
    drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    let loaded = estate.data();
    let schools: Vec<&Cell> = loaded[&name("ids.schools")]
        .values()
        .map(|row| &row["name"])
        .collect();
    assert_eq!(schools, [&Cell::Int(7), &"Renamed".into(), &"New".into()]);
    estate.write_artifact("mig-2", &estate.plan, &district_2());
    let again = drive(&estate, &Job::Load, "mig-2", &Faults::none()).await;
    let written = again
        .unwrap()
        .iter()
        .filter(|(unit, _)| unit.step == "merge")
        .map(|(_, one)| one.rows)
        .sum::<u64>();
    assert_eq!(written, 0, "equal rows are equal");
    assert_eq!(estate.data(), loaded);
    drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none())
        .await
        .unwrap();
    assert_eq!(estate.data(), before, "numbers are numbers again");
}

#[test]
fn the_end_of_a_relationship_is_its_keys_text_and_a_key_of_another_type_is_refused() {
    let prod = tables();
    let mut cert = tables();
    let change = |cert: &mut Vec<redistrict_model::Table>, of: &str, as_column: &str| {
        let table = cert.iter_mut().find(|one| one.name == name(of)).unwrap();
        let new = column(as_column);
        let place = table.columns.iter_mut().find(|one| one.name == new.name);
        *place.unwrap() = new;
    };
    change(&mut cert, "ids.events", "student_id:text?");
    change(&mut cert, "hcp.learners", "id:text");
    let extract = extract_section(&prod);
    let targets: Vec<Catalog> = extract
        .catalogs
        .iter()
        .map(|catalog| Catalog {
            tables: cert
                .iter()
                .filter(|one| one.name.store == catalog.store)
                .cloned()
                .collect(),
            ..catalog.clone()
        })
        .collect();
    let groups: Vec<GroupInput> = ["ids", "hcp"]
        .map(|store| GroupInput {
            name: StoreName::new(store),
            preparing: redistrict_store::Preparing::never("it"),
            stores: vec![StoreName::new(store)],
            capabilities: TargetCapabilities {
                open_schema: true,
                ..TargetCapabilities::default()
            },
            fires_anyway: Vec::new(),
            key_statements: BTreeMap::new(),
        })
        .into();
    let inputs = LoadInputs {
        extract: &extract,
        targets: &targets,
        groups: &groups,
        triggers: &BTreeMap::new(),
    };
    let (section, findings) = plan(&inputs).unwrap();
    let events = section.table(&name("ids.events")).unwrap();
    let end = events.table.column("student_id").unwrap();
    assert_eq!(end.column_type, ColumnType::Text);
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    let errors: Vec<(&str, &str)> = errors
        .map(|one| (one.code.as_str(), one.subject.as_str()))
        .collect();
    assert_eq!(errors, [("type-differs-in-target", "hcp.main.learners")]);
}

#[tokio::test]
async fn a_target_without_room_is_told_before_anything_is_staged() {
    for mode in [Mode::DryRun, Mode::Apply] {
        let estate = Estate::new();
        estate.hcp.with(|database| database.room = Some(5));
        let faults = Faults::none();
        let error = drive_as(&estate, &Job::Load, "mig-1", &faults, mode).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(
            error
                .to_string()
                .contains("6 rows are more than 5 [too-large]")
        );
        assert_eq!(error.hints, ["set room"]);
        assert!(!faults.calls().contains(&"stage"));
        assert!(!faults.calls().contains(&"begin_merge"));
        estate.hcp.with(|database| database.room = Some(6));
        drive_as(&estate, &Job::Load, "mig-1", &Faults::none(), mode)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_undo_that_a_target_has_no_room_for_changes_nothing() {
    let estate = Estate::new();
    drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    let loaded = estate.data();
    estate.hcp.with(|database| database.room = Some(5));
    let writes = estate.hcp.with(|database| database.writes);
    let error = drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none()).await;
    assert!(error.unwrap_err().to_string().contains("[too-large]"));
    assert_eq!(estate.data(), loaded);
    assert!(estate.hcp.with(|database| database.writes) <= writes + 2);
    estate.hcp.with(|database| database.room = None);
    drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none())
        .await
        .unwrap();
}

/// Rows that are equal but for a property that PROD does not have are copies all the same.
#[tokio::test]
async fn keyless_rows_are_compared_by_what_prod_has() {
    let mut estate = estate().await;
    estate.hcp.with(|database| {
        let rows = database.data.get_mut(&name("hcp.clicks")).unwrap();
        rows.values_mut()
            .next()
            .unwrap()
            .insert("agent".into(), "x".into());
    });
    planned(&mut estate).await;
    let mut rows = district_2();
    rows.push(("hcp.clicks", cells![2000, "go"], Own));
    estate.write_artifact("mig-1", &estate.plan, &rows);
    let before = estate.data();
    drive(&estate, &Job::Load, "mig-1", &Faults::none())
        .await
        .unwrap();
    assert_eq!(estate.data()[&name("hcp.clicks")].len(), 3 + 3);
    drive(&estate, &Job::Undo("mig-1"), "rb-1", &Faults::none())
        .await
        .unwrap();
    assert_eq!(estate.data(), before);
}
