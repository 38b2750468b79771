//! Of which reference tables with columns about persons nobody has to be asked. Reads no database.

use std::collections::BTreeSet;

use redistrict_analyze::{Analysis, Settings};
use redistrict_model::{Role, TableRef, TableRole};

/// Those that the configuration confirms, and those of which no row can come now: they hold none, or no row
/// refers to them. Once one does, the analysis is made anew.
pub(crate) fn confirmed(analysis: &Analysis, settings: &Settings) -> BTreeSet<TableRef> {
    let ownership = &analysis.ownership;
    let with_rows: BTreeSet<&TableRef> = analysis.with_rows.iter().collect();
    let has_rows = |table: &TableRef| with_rows.contains(table);
    let moves = |table: &TableRef| {
        let role = ownership.table(table).map(|role| role.role);
        role.is_some_and(|role| role != Role::Excluded)
    };
    let referred: BTreeSet<&TableRef> = (ownership.edges.iter())
        .filter(|edge| !edge.is_self() && moves(&edge.child) && has_rows(&edge.child))
        .map(|edge| &edge.parent)
        .collect();
    // A detail comes with what it is a detail of.
    let comes = |role: &&TableRole| {
        let is_brought = role.whole || !role.owners.is_empty();
        has_rows(&role.table) && (is_brought || referred.contains(&role.table))
    };
    let absent = ownership.tables.iter().filter(|role| !comes(role));
    let mut tables: BTreeSet<TableRef> = absent.map(|role| role.table.clone()).collect();
    tables.extend(settings.confirmed.keys().cloned());
    tables
}

#[cfg(test)]
mod tests {
    use redistrict_model::{
        Edge, EdgeId, EdgeOrigin, Owner, OwnerKind, Ownership, StoreName, TableRole,
    };

    use super::*;

    fn table(name: &str) -> TableRef {
        TableRef::new(&StoreName::new("ids"), "main", name)
    }

    fn edge(id: u32, child: &str, parent: &str) -> Edge {
        Edge {
            id: EdgeId(id),
            name: String::new(),
            origin: EdgeOrigin::ForeignKey,
            child: table(child),
            child_columns: vec!["of".into()],
            parent: table(parent),
            parent_columns: vec!["id".into()],
            mandatory: false,
            nullable_columns: vec!["of".into()],
            on_delete_cascade: false,
            when: Vec::new(),
            inside: None,
            always: false,
            policy: None,
        }
    }

    fn role(name: &str, role: Role) -> TableRole {
        TableRole {
            table: table(name),
            role,
            owners: Vec::new(),
            org: None,
            tier: None,
            decided: false,
            pair: false,
            in_doubt: false,
            whole: false,
            measured: None,
            reason: String::new(),
        }
    }

    /// Contexts to which usages refer, which are a detail of codes.
    fn asked(with_rows: &[&str], change: impl Fn(&mut Ownership)) -> bool {
        let mut ownership = Ownership {
            root: table("codes"),
            root_key: vec!["id".into()],
            tables: vec![
                role("codes", Role::Root),
                role("contexts", Role::Reference),
                role("usages", Role::Reference),
            ],
            edges: vec![edge(0, "usages", "contexts"), edge(1, "contexts", "codes")],
        };
        change(&mut ownership);
        let analysis = Analysis {
            format_version: redistrict_analyze::ANALYSIS_FORMAT,
            input_digest: String::new(),
            catalogs: Vec::new(),
            ownership,
            order: Vec::new(),
            with_rows: with_rows.iter().map(|name| table(name)).collect(),
            findings: Vec::new(),
        };
        !confirmed(&analysis, &Settings::default()).contains(&table("contexts"))
    }

    #[test]
    fn a_table_of_which_no_row_can_come_is_no_question_until_one_can() {
        let same = |_: &mut Ownership| {};
        assert!(!asked(&["codes"], same));
        assert!(!asked(&["codes", "contexts"], same));
        assert!(asked(&["codes", "contexts", "usages"], same));
    }

    #[test]
    fn what_an_excluded_table_refers_to_does_not_come_by_it() {
        let all = ["codes", "contexts", "usages"];
        let exclude = |ownership: &mut Ownership| ownership.tables[2].role = Role::Excluded;
        assert!(!asked(&all, exclude));
    }

    #[test]
    fn what_is_copied_whole_or_is_a_detail_comes_though_nothing_refers_to_it() {
        let rows = ["codes", "contexts"];
        assert!(asked(&rows, |ownership| ownership.tables[1].whole = true));
        assert!(asked(&rows, |ownership| {
            ownership.tables[1].owners.push(Owner {
                edge: EdgeId(1),
                kind: OwnerKind::Hang,
                reason: String::new(),
            });
        }));
    }
}
