//! The plan finds everything that does not fit, at once.

use std::collections::BTreeMap;

use redistrict_load::{GroupInput, LoadInputs, LoadPlanError, plan};
use redistrict_model::{
    Check, Column, Finding, Generated, Severity, StoreName, Table, Trigger, Unique,
};
use redistrict_store::TargetCapabilities;

use crate::world::{cert_tables, column, extract_section, groups, name, plan_of, tables};

fn codes(findings: &[Finding], severity: Severity) -> Vec<(&str, &str)> {
    findings
        .iter()
        .filter(|finding| finding.severity == severity)
        .map(|finding| (finding.code.as_str(), finding.subject.as_str()))
        .collect()
}

fn edit(tables: &mut [Table], of: &str, work: impl FnOnce(&mut Table)) {
    work(
        tables
            .iter_mut()
            .find(|table| table.name == name(of))
            .unwrap(),
    );
}

fn replace(table: &mut Table, column: Column) {
    let place = table.columns.iter_mut().find(|one| one.name == column.name);
    *place.unwrap() = column;
}

#[test]
fn cycles_are_written_together_and_parents_first() {
    let (plan, findings) = plan_of(&tables(), &cert_tables());
    let order = &plan.sections.load.groups[0].order;
    let at = |of: &str| {
        order
            .iter()
            .position(|set| set.contains(&name(of)))
            .unwrap()
    };
    assert_eq!(at("ids.teams"), at("ids.members"));
    assert!(at("ids.districts") < at("ids.schools"));
    assert!(at("ids.schools") < at("ids.students"));
    assert!(at("ids.guardians") < at("ids.students"));
    assert_eq!(plan.sections.load.groups[1].order.len(), 3);
    assert_eq!(
        codes(&findings, Severity::Info),
        [("commits-one-after-another", "load")]
    );
    assert!(codes(&findings, Severity::Error).is_empty());
}

#[test]
fn everything_that_does_not_fit_is_found_at_once() {
    let mut cert = cert_tables();
    cert.retain(|table| table.name != name("hcp.visits"));
    edit(&mut cert, "ids.guardians", |table| {
        table.columns.retain(|one| one.name != "name");
        table.triggers = vec![Trigger {
            name: "stamp".into(),
            enabled: true,
            fills: Vec::new(),
        }];
    });
    edit(&mut cert, "ids.students", |table| {
        replace(table, column("name:text"));
        replace(table, column("mentor_id:integer?"));
        table.columns.push(column("must:text"));
    });
    edit(&mut cert, "ids.schools", |table| {
        table.primary_key = Some(vec!["district_id".into()]);
        table.row_security = true;
    });
    edit(&mut cert, "ids.members", |table| {
        table.primary_key = None;
        table.exclusions = vec!["no_overlap".into()];
    });
    edit(&mut cert, "ids.teams", |table| {
        replace(
            table,
            Column {
                generated: Generated::Stored,
                ..column("district_id:int")
            },
        );
    });
    let (_, findings) = plan_of(&tables(), &cert);
    let mut errors = codes(&findings, Severity::Error);
    errors.sort_unstable();
    assert_eq!(
        errors,
        [
            ("column-generated-in-target", "ids.main.teams"),
            ("column-missing-in-target", "ids.main.guardians"),
            ("column-without-value", "ids.main.students"),
            ("identity-differs-in-target", "ids.main.schools"),
            ("key-missing-in-target", "ids.main.members"),
            ("not-null-in-target", "ids.main.students"),
            ("row-security-in-target", "ids.main.schools"),
            ("table-missing-in-target", "hcp.main.visits"),
            ("type-differs-in-target", "ids.main.students"),
        ]
    );
    assert_eq!(
        codes(&findings, Severity::Warning),
        [("exclusion-constraints", "ids.main.members")]
    );
    let missing = findings
        .iter()
        .find(|one| one.code == "column-missing-in-target");
    assert!(missing.unwrap().message.ends_with(": name"));
}

#[test]
fn texts_may_be_longer_in_cert_but_not_shorter() {
    let sized = |length| Column {
        source_type: format!("varchar({length})"),
        max_length: Some(length),
        ..column("name:text?")
    };
    for (prod, cert, fits) in [
        (sized(40), sized(40), true),
        (sized(40), sized(41), true),
        (sized(40), sized(39), false),
        (sized(40), column("name:text?"), true),
        (column("name:text?"), sized(40), false),
    ] {
        let (mut prods, mut certs) = (tables(), cert_tables());
        edit(&mut prods, "ids.guardians", |table| replace(table, prod));
        edit(&mut certs, "ids.guardians", |table| replace(table, cert));
        let (_, findings) = plan_of(&prods, &certs);
        assert_eq!(codes(&findings, Severity::Error).is_empty(), fits);
    }
}

#[test]
fn inputs_that_do_not_fit_together_are_refused() {
    let extract = extract_section(&tables());
    let catalogs = extract.catalogs.clone();
    let group = |name: &str, stores: &[&str]| GroupInput {
        name: StoreName::new(name),
        preparing: redistrict_store::Preparing::never("it"),
        stores: stores.iter().map(|one| StoreName::new(*one)).collect(),
        capabilities: TargetCapabilities::default(),
        fires_anyway: Vec::new(),
        key_statements: BTreeMap::new(),
    };
    let run = |groups: &[GroupInput], targets| {
        plan(&LoadInputs {
            extract: &extract,
            targets,
            groups,
            triggers: &BTreeMap::new(),
        })
        .unwrap_err()
    };
    let only_ids = run(&[group("ids", &["ids"])], &catalogs);
    assert!(matches!(only_ids, LoadPlanError::NoGroup { .. }));
    let twice = run(
        &[group("ids", &["ids", "hcp"]), group("hcp", &["hcp"])],
        &catalogs,
    );
    assert!(matches!(twice, LoadPlanError::TwoGroups { .. }));
    let no_catalog = run(&groups(), &catalogs[..1]);
    assert!(matches!(no_catalog, LoadPlanError::NoTargetCatalog { .. }));
}

#[test]
fn constraints_that_only_cert_has_are_told_and_those_of_prod_are_not() {
    let mut cert = cert_tables();
    edit(&mut cert, "ids.students", |table| {
        table.uniques.push(Unique {
            name: "only_here".into(),
            columns: vec!["name".into()],
        });
        table.checks.push(Check {
            name: "form".into(),
            expression: "(name <> '')".into(),
            columns: vec!["name".into()],
        });
        let mut key = table.foreign_keys[0].clone();
        key.name = "to_guardians".into();
        key.parent = name("ids.guardians");
        table.foreign_keys.push(key);
    });
    let only_here = |prod: &[Table]| {
        let (_, findings) = plan_of(prod, &cert);
        let mut found = findings
            .into_iter()
            .filter(|one| one.code == "constraint-in-target-only");
        let first = found.next();
        assert!(found.next().is_none());
        first
    };
    let finding = only_here(&tables()).unwrap();
    assert_eq!(
        (finding.severity, finding.subject.as_str(), finding.count),
        (Severity::Warning, "ids.main.students", 3)
    );
    for named in ["unique key only_here (name)", "CHECK form", "to_guardians"] {
        assert!(finding.message.contains(named), "{}", finding.message);
    }
    let mut prod = tables();
    let of_cert = cert
        .iter()
        .find(|one| one.name == name("ids.students"))
        .unwrap();
    edit(&mut prod, "ids.students", |table| {
        table.uniques = of_cert.uniques.clone();
        table.checks = of_cert.checks.clone();
        table.foreign_keys = of_cert.foreign_keys.clone();
    });
    assert_eq!(only_here(&prod), None);
}

#[test]
fn every_refusal_says_what_to_do() {
    let mut cert = cert_tables();
    edit(&mut cert, "ids.students", |table| {
        table.columns.push(column("must:text"));
        replace(table, column("mentor_id:integer?"));
        table.columns.retain(|one| one.name != "name");
    });
    edit(&mut cert, "ids.schools", |table| {
        table.primary_key = Some(vec!["district_id".into()]);
    });
    edit(&mut cert, "ids.members", |table| table.primary_key = None);
    let (_, findings) = plan_of(&tables(), &cert);
    let errors = findings
        .iter()
        .filter(|one| one.severity == Severity::Error);
    for finding in errors {
        let [heading, decision] = finding.lines.as_slice() else {
            panic!("{finding:?}")
        };
        assert!(heading.starts_with("[table."), "{finding:?}");
        assert!(decision.contains("# or "), "{finding:?}");
    }
}
