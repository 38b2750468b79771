//! Tables that inherit from another (docs/design/closure.md §2): what is declared for one of a family, or decided
//! for the table above, holds for all, and nobody is asked about each. Rows stay with the table they are in.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_closure::{ResolvedLink, column_heading, table_heading};
use redistrict_model::{Catalog, EdgeId, Finding, Table, TableRef};

use crate::settings::Settings;

/// The tables that inherit from another, each with the topmost table above it.
fn heirs(catalogs: &[Catalog]) -> Vec<(&Table, &Table)> {
    let tables = || catalogs.iter().flat_map(|catalog| &catalog.tables);
    let by_name: BTreeMap<&TableRef, &Table> = tables().map(|table| (&table.name, table)).collect();
    let above = |table: &Table| by_name.get(table.inherits.as_ref()?).copied();
    tables()
        .filter_map(|table| {
            let mut top = above(table)?;
            let mut seen = BTreeSet::from([&table.name]);
            while let Some(next) = above(top).filter(|_| seen.insert(&top.name)) {
                top = next;
            }
            Some((table, top))
        })
        .collect()
}

/// Foreign keys of one of a family as links of the others that have such columns and no such key: a foreign
/// key is not inherited, what it says is.
pub(crate) fn lifted_keys(catalogs: &[Catalog]) -> Vec<ResolvedLink> {
    let mut families: BTreeMap<&TableRef, Vec<&Table>> = BTreeMap::new();
    for (heir, top) in heirs(catalogs) {
        families
            .entry(&top.name)
            .or_insert_with(|| vec![top])
            .push(heir);
    }
    let mut links = Vec::new();
    for family in families.values() {
        for (table, key) in family
            .iter()
            .flat_map(|one| one.foreign_keys.iter().map(move |key| (one, key)))
        {
            for other in family.iter().filter(|other| other.name != table.name) {
                let has_columns = key
                    .columns
                    .iter()
                    .all(|column| other.column(column).is_some());
                let has_key = other.foreign_keys.iter().any(|one| {
                    (&one.columns, &one.parent, &one.parent_columns)
                        == (&key.columns, &key.parent, &key.parent_columns)
                });
                let link = ResolvedLink {
                    child: other.name.clone(),
                    child_columns: key.columns.clone(),
                    inside: None,
                    parent: key.parent.clone(),
                    parent_columns: key.parent_columns.clone(),
                    owns: true,
                    when: key.when.clone(),
                };
                if has_columns && !has_key && !links.contains(&link) {
                    links.push(link);
                }
            }
        }
    }
    links
}

/// Decisions about a table, and about its columns, hold for those that inherit from it, where nothing else is
/// decided for them.
pub(crate) fn spread(settings: &mut Settings, catalogs: &[Catalog]) {
    for (heir, top) in heirs(catalogs) {
        let (from, to) = (&top.name, &heir.name);
        copy(&mut settings.decisions.excluded, from, to);
        copy(&mut settings.decisions.shared, from, to);
        copy(&mut settings.confirmed, from, to);
        let same: BTreeMap<EdgeId, EdgeId> = (settings.edges.iter())
            .filter(|edge| edge.child == *from)
            .filter_map(|edge| {
                let is_same = |other: &&redistrict_model::Edge| {
                    other.child == *to
                        && (
                            &other.child_columns,
                            &other.inside,
                            &other.parent,
                            &other.parent_columns,
                            &other.when,
                        ) == (
                            &edge.child_columns,
                            &edge.inside,
                            &edge.parent,
                            &edge.parent_columns,
                            &edge.when,
                        )
                };
                Some((edge.id, settings.edges.iter().find(is_same)?.id))
            })
            .collect();
        for (above, own) in &same {
            copy(&mut settings.decisions.boundary, above, own);
            if settings.decisions.always.contains(above) {
                settings.decisions.always.insert(*own);
            }
        }
        let owners = settings.decisions.owner.get(from);
        let owners: Option<Vec<EdgeId>> = owners.map(|owners| {
            owners
                .iter()
                .filter_map(|edge| same.get(edge).copied())
                .collect()
        });
        if let Some(owners) = owners {
            settings.decisions.owner.entry(to.clone()).or_insert(owners);
        }
        for column in &top.columns {
            copy(
                &mut settings.columns,
                &from.column(&column.name),
                &to.column(&column.name),
            );
        }
    }
}

fn copy<K: Ord + Clone, V: Clone>(map: &mut BTreeMap<K, V>, from: &K, to: &K) {
    if let Some(value) = map.get(from).cloned() {
        map.entry(to.clone()).or_insert(value);
    }
}

/// Findings about tables that inherit, as one about the table above them each: its lines settle all.
#[must_use]
pub fn ask_once(findings: Vec<Finding>, catalogs: &[Catalog]) -> Vec<Finding> {
    let mut above: BTreeMap<String, String> = BTreeMap::new();
    for (heir, top) in heirs(catalogs) {
        let (from, to) = (&heir.name, &top.name);
        above.insert(from.to_string(), to.to_string());
        above.insert(table_heading(from), table_heading(to));
        for column in top.columns.iter().map(|column| &column.name) {
            let (from, to) = (from.column(column), to.column(column));
            above.insert(from.to_string(), to.to_string());
            above.insert(column_heading(&from), column_heading(&to));
        }
    }
    let mut asked: Vec<Finding> = Vec::new();
    let mut more: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for mut finding in findings {
        let Some(subject) = above.get(&finding.subject) else {
            asked.push(finding);
            continue;
        };
        let place = (finding.code.clone(), subject.clone());
        let heirs = more.entry(place).or_default();
        heirs.insert(std::mem::replace(&mut finding.subject, subject.clone()));
        for line in &mut finding.lines {
            if let Some(heading) = above.get(line) {
                line.clone_from(heading);
            }
        }
        let is_asked =
            |one: &Finding| (&one.code, &one.subject) == (&finding.code, &finding.subject);
        if !asked.iter().any(is_asked) {
            asked.push(finding);
        }
    }
    for finding in &mut asked {
        let place = (finding.code.clone(), finding.subject.clone());
        if let Some(heirs) = more.get(&place)
            && let Some(first) = heirs.first()
        {
            let others = match heirs.len() {
                1 => String::new(),
                2 => " and 1 other".to_owned(),
                many => format!(" and {} others", many - 1),
            };
            finding.message = format!(
                "{} (asked of {first}{others}, which inherit from it)",
                finding.message
            );
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use redistrict_model::{BoundaryPolicy, Column, ColumnType};
    use redistrict_model::{ForeignKey, Generated, StoreKind, StoreName, TableKind};

    use super::*;

    fn name(table: &str) -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", table)
    }

    fn table(called: &str, above: Option<&str>, has_key: bool) -> Table {
        let column = |called: &str| Column {
            name: called.to_owned(),
            source_type: "integer".into(),
            column_type: ColumnType::Int64,
            nullable: true,
            generated: Generated::No,
            has_default: false,
            max_length: None,
            labels: Vec::new(),
            element: None,
        };
        let key = ForeignKey {
            name: "fk".into(),
            columns: vec!["school".into()],
            parent: name("schools"),
            parent_columns: vec!["id".into()],
            on_delete_cascade: false,
            deferrable: false,
            validated: true,
            when: Vec::new(),
        };
        Table {
            name: name(called),
            kind: TableKind::Table,
            columns: vec![column("id"), column("school")],
            primary_key: None,
            uniques: Vec::new(),
            foreign_keys: has_key.then_some(key).into_iter().collect(),
            checks: Vec::new(),
            exclusions: Vec::new(),
            triggers: Vec::new(),
            row_security: false,
            inherits: above.map(name),
            estimated_rows: None,
        }
    }

    fn catalogs() -> Vec<Catalog> {
        vec![Catalog {
            store: StoreName::new("s"),
            kind: StoreKind::Postgres,
            version: String::new(),
            tables: vec![
                table("schools", None, false),
                table("visits", None, true),
                table("visits_1", Some("visits"), false),
                table("visits_1_a", Some("visits_1"), false),
            ],
        }]
    }

    #[test]
    fn a_foreign_key_of_one_is_a_reference_of_all() {
        let links = lifted_keys(&catalogs());
        let children: Vec<&str> = links.iter().map(|link| link.child.table.as_str()).collect();
        assert_eq!(children, ["visits_1", "visits_1_a"]);
        assert!(
            links
                .iter()
                .all(|link| link.parent == name("schools") && link.owns)
        );
    }

    #[test]
    fn what_is_decided_above_holds_below_unless_something_else_is() {
        let catalogs = catalogs();
        let mut settings = Settings {
            edges: redistrict_closure::build_edges(&catalogs, &lifted_keys(&catalogs)),
            ..Settings::default()
        };
        let edge = |settings: &Settings, table: &str| {
            let edge = settings.edges.iter().find(|edge| edge.child == name(table));
            edge.map(|edge| edge.id).unwrap()
        };
        let (visits, below) = (edge(&settings, "visits"), edge(&settings, "visits_1_a"));
        settings
            .decisions
            .boundary
            .insert(visits, BoundaryPolicy::Stub);
        settings
            .decisions
            .owner
            .insert(name("visits"), vec![visits]);
        settings.confirmed.insert(name("visits"), "above".into());
        settings.confirmed.insert(name("visits_1"), "below".into());
        spread(&mut settings, &catalogs);
        assert_eq!(settings.decisions.boundary[&below], BoundaryPolicy::Stub);
        assert_eq!(settings.decisions.owner[&name("visits_1_a")], [below]);
        assert_eq!(settings.confirmed[&name("visits_1")], "below");
        assert_eq!(settings.confirmed[&name("visits_1_a")], "above");
    }

    #[test]
    fn children_are_asked_about_together() {
        let ask = |table: &str| {
            let heading = column_heading(&name(table).column("school"));
            let subject = name(table).column("school").to_string();
            Finding::error("mask-check", subject, "CHECK", 0)
                .with_lines([heading, "mask = \"keep\"".to_owned()])
        };
        let asked = ask_once(
            vec![ask("visits_1"), ask("visits_1_a"), ask("schools")],
            &catalogs(),
        );
        let subjects: Vec<&str> = asked.iter().map(|one| one.subject.as_str()).collect();
        assert_eq!(subjects, ["s.main.visits.school", "s.main.schools.school"]);
        assert_eq!(
            asked[0].lines[0],
            column_heading(&name("visits").column("school"))
        );
        let words = "CHECK (asked of s.main.visits_1.school and 1 other, which inherit from it)";
        assert_eq!(asked[0].message, words);
    }
}
