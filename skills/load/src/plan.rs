//! Plans a load: commit groups, write order, and whether CERT's tables can take the rows. Pure; finds
//! everything at once.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_artifact::has_key_text;
use redistrict_model::config::Triggers;
use redistrict_model::{
    Catalog, Check, Column, ColumnType, ExtractSection, ExtractTable, Finding, Generated,
    LoadGroup, LoadSection, Severity, StoreName, Table, TableRef, TargetTable,
};
use redistrict_store::{FiresAnyway, Preparing, TargetCapabilities};

use crate::error::LoadPlanError;
use crate::mode::{Ability, CommitMode};
use crate::open_schema::effective;
use crate::order::write_order;
use crate::triggers::Known;

/// A commit group of the configuration.
#[derive(Clone, Debug)]
pub struct GroupInput {
    /// The first store's name.
    pub name: StoreName,
    /// In configuration order.
    pub stores: Vec<StoreName>,
    pub capabilities: TargetCapabilities,
    /// Whether it could prepare a commit now: told in the plan, asked again before anything is written.
    pub preparing: Preparing,
    /// The tables whose triggers cannot be switched off (`TargetStore::fires_anyway`).
    pub fires_anyway: Vec<FiresAnyway>,
    /// The statements that make the keys of tables in the target, where it tells them
    /// (`TargetStore::key_statement`).
    pub key_statements: BTreeMap<TableRef, String>,
}

/// What a load is planned from.
#[derive(Clone, Copy, Debug)]
pub struct LoadInputs<'a> {
    /// What moves, as PROD has it.
    pub extract: &'a ExtractSection,
    /// CERT's catalogs.
    pub targets: &'a [Catalog],
    /// In configuration order.
    pub groups: &'a [GroupInput],
    /// Whether CERT's triggers fire, where the configuration says so.
    pub triggers: &'a BTreeMap<TableRef, Triggers>,
}

/// Plans the load. Findings of severity ERROR mean that the plan must not be run; tables that CERT
/// lacks are left out of the section.
///
/// # Errors
/// Inputs that do not fit together: a table without group, a store without target catalog.
pub fn plan(input: &LoadInputs<'_>) -> Result<(LoadSection, Vec<Finding>), LoadPlanError> {
    check_groups(input)?;
    let mut findings = Vec::new();
    let mut targets: Vec<Table> = Vec::new();
    for moving in &input.extract.tables {
        let source = catalog_table(&input.extract.catalogs, &moving.table).ok_or_else(|| {
            LoadPlanError::NotInSource {
                table: moving.table.clone(),
            }
        })?;
        let target = catalog_table(input.targets, &moving.table);
        let group = group_of(input.groups, &moving.table.store);
        let open = group.filter(|group| group.capabilities.open_schema);
        let target = match open {
            Some(_) => Some(effective(source, target)),
            None => target.cloned(),
        };
        let Some(target) = target else {
            findings.push(missing_table(&moving.table));
            continue;
        };
        let check = TableCheck {
            moving,
            source,
            target: &target,
            open,
        };
        findings.extend(check.run());
        targets.push(target);
    }
    let groups = input.groups.iter().map(|group| group_plan(group, &targets));
    let groups: Vec<LoadGroup> = groups.collect();
    findings.extend(CommitMode::of(&abilities(input.groups, &groups)).finding());
    let mut off = BTreeSet::new();
    for (group, planned) in input.groups.iter().zip(&groups) {
        let known = Known {
            tables: &targets,
            settings: input.triggers,
            anyway: &group.fires_anyway,
        };
        let (silent, told) = known.decide(&planned.order);
        off.extend(silent);
        findings.extend(told);
    }
    let tables = targets.iter().map(|table| TargetTable {
        table: bare(table),
        triggers: match off.contains(&table.name) {
            true => Triggers::Off,
            false => Triggers::Fire,
        },
    });
    let tables = tables.collect();
    Ok((LoadSection { groups, tables }, findings))
}

/// What the groups that are written can take part in.
fn abilities(inputs: &[GroupInput], groups: &[LoadGroup]) -> Vec<Ability> {
    let written = inputs.iter().zip(groups);
    let written = written.filter(|(_, group)| !group.order.is_empty());
    let abilities = written.map(|(input, _)| Ability {
        group: input.name.clone(),
        preparing: input.preparing.clone(),
    });
    abilities.collect()
}

fn check_groups(input: &LoadInputs<'_>) -> Result<(), LoadPlanError> {
    let mut seen = BTreeSet::new();
    for store in input.groups.iter().flat_map(|group| &group.stores) {
        if !seen.insert(store) {
            let store = store.clone();
            return Err(LoadPlanError::TwoGroups { store });
        }
    }
    for moving in &input.extract.tables {
        let store = &moving.table.store;
        if !seen.contains(store) {
            let table = moving.table.clone();
            return Err(LoadPlanError::NoGroup { table });
        }
        if !input.targets.iter().any(|catalog| catalog.store == *store) {
            let store = store.clone();
            return Err(LoadPlanError::NoTargetCatalog { store });
        }
    }
    Ok(())
}

fn catalog_table<'c>(catalogs: &'c [Catalog], name: &TableRef) -> Option<&'c Table> {
    catalogs
        .iter()
        .filter(|catalog| catalog.store == name.store)
        .find_map(|catalog| catalog.table(name))
}

/// Estimates change by themselves and are no part of a plan.
fn bare(table: &Table) -> Table {
    Table {
        estimated_rows: None,
        ..table.clone()
    }
}

fn group_of<'g>(groups: &'g [GroupInput], store: &StoreName) -> Option<&'g GroupInput> {
    groups.iter().find(|group| group.stores.contains(store))
}

fn group_plan(group: &GroupInput, targets: &[Table]) -> LoadGroup {
    let of_group = targets.iter();
    let of_group = of_group.filter(|table| group.stores.contains(&table.name.store));
    LoadGroup {
        name: group.name.clone(),
        stores: group.stores.clone(),
        order: write_order(&of_group.collect::<Vec<_>>()),
    }
}

fn missing_table(table: &TableRef) -> Finding {
    let message = "CERT does not have this table";
    Finding::error("table-missing-in-target", table.to_string(), message, 1).with_lines([
        redistrict_closure::table_heading(table),
        "excluded = \"CERT does not have it\"".to_owned(),
    ])
}

/// One table: does what moves fit into what CERT has?
struct TableCheck<'a> {
    moving: &'a ExtractTable,
    source: &'a Table,
    /// As it would be written: where the schema is open, the columns of both sides.
    target: &'a Table,
    /// The group, where its schema is open.
    open: Option<&'a GroupInput>,
}

impl TableCheck<'_> {
    fn run(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.columns_missing());
        findings.extend(self.types_differ());
        findings.extend(self.stricter());
        findings.extend(self.cannot_be_written());
        findings.extend(self.columns_without_value());
        findings.extend(self.columns_without_image());
        findings.extend(self.identity());
        findings.extend(self.constraints());
        findings.extend(self.surroundings());
        findings
    }

    /// The columns that move, as both sides have them.
    fn pairs(&self) -> impl Iterator<Item = (&Column, &Column)> {
        self.moving
            .columns
            .iter()
            .filter_map(|name| Some((self.source.column(name)?, self.target.column(name)?)))
    }

    /// `remedy` is what can be done in CERT.
    fn error(&self, code: &str, message: &str, names: &[String], remedy: &str) -> Option<Finding> {
        let finding = self.warning(code, message, names)?;
        Some(Finding {
            severity: Severity::Error,
            lines: self.remedies(remedy),
            ..finding
        })
    }

    fn warning(&self, code: &str, message: &str, names: &[String]) -> Option<Finding> {
        (!names.is_empty()).then(|| {
            let message = format!("{message}: {}", names.join(", "));
            let count = names.len() as u64;
            Finding::warning(code, self.target.name.to_string(), message, count)
        })
    }

    fn remedies(&self, remedy: &str) -> Vec<String> {
        vec![
            redistrict_closure::table_heading(&self.target.name),
            format!("excluded = \"…the reason…\"     # or {remedy}"),
        ]
    }

    fn columns_missing(&self) -> Option<Finding> {
        let columns = self.moving.columns.iter();
        let missing = columns.filter(|name| self.target.column(name).is_none());
        let names: Vec<String> = missing.cloned().collect();
        let message = "CERT lacks columns that PROD has";
        let remedy = "add the columns to CERT";
        self.error("column-missing-in-target", message, &names, remedy)
    }

    fn types_differ(&self) -> Option<Finding> {
        let differing = self.pairs().filter(|(source, target)| match self.open {
            None => !takes(source, target),
            // What differs was given a type that holds both, but a key is compared as the type it has.
            Some(_) => {
                let is_key = self.moving.identity.contains(&source.name);
                is_key && source.column_type != target.column_type
            }
        });
        let names: Vec<String> = differing
            .map(|(source, target)| {
                format!(
                    "{} ({} in PROD, {} in CERT)",
                    source.name, source.source_type, target.source_type
                )
            })
            .collect();
        let message = "the types of columns differ";
        let remedy = "give the columns PROD's types in CERT";
        self.error("type-differs-in-target", message, &names, remedy)
    }

    fn stricter(&self) -> Option<Finding> {
        if self.open.is_some() {
            return None;
        }
        let stricter = self.pairs();
        let stricter = stricter.filter(|(source, target)| source.nullable && !target.nullable);
        let names: Vec<String> = stricter.map(|(source, _)| source.name.clone()).collect();
        let message = "columns are NOT NULL in CERT only";
        let remedy = "let the columns be NULL in CERT";
        self.error("not-null-in-target", message, &names, remedy)
    }

    fn cannot_be_written(&self) -> Option<Finding> {
        let computed = self.pairs();
        let computed = computed.filter(|(_, target)| target.generated == Generated::Stored);
        let names: Vec<String> = computed.map(|(source, _)| source.name.clone()).collect();
        let message = "CERT computes columns that PROD stores";
        let remedy = "let CERT store the columns";
        self.error("column-generated-in-target", message, &names, remedy)
    }

    fn only_in_target(&self) -> impl Iterator<Item = &Column> {
        let columns = self.target.columns.iter();
        columns.filter(|column| !self.moving.columns.contains(&column.name))
    }

    fn columns_without_value(&self) -> Option<Finding> {
        let without = self.only_in_target().filter(|column| {
            !column.nullable && !column.has_default && column.generated == Generated::No
        });
        let names: Vec<String> = without.map(|column| column.name.clone()).collect();
        let message = "CERT has mandatory columns that PROD lacks";
        let remedy = "give the columns a default in CERT, or let them be NULL there";
        self.error("column-without-value", message, &names, remedy)
    }

    fn columns_without_image(&self) -> Option<Finding> {
        let unknown = self
            .only_in_target()
            .filter(|column| column.column_type == ColumnType::Other);
        let unknown = unknown.filter(|column| column.generated != Generated::Stored);
        let names: Vec<String> = unknown.map(|column| column.name.clone()).collect();
        let message = "columns that only CERT has are of types that cannot be read: an undo deletes the rows that were inserted, a redo gives these columns their defaults";
        self.warning("column-without-image", message, &names)
    }

    fn identity(&self) -> Option<Finding> {
        let name = self.target.name.to_string();
        let target = match (self.moving.identity.as_slice(), self.target.identity()) {
            ([], None) => return self.without_columns(),
            ([], Some(key)) => {
                let message = format!(
                    "rows have no key in PROD and are identified by ({}) in CERT",
                    key.join(", ")
                );
                let code = "identity-differs-in-target";
                let finding = Finding::error(code, name, message, 1);
                return Some(finding.with_lines(self.remedies(SAME_KEY)));
            }
            (_, None) => return Some(self.key_missing()),
            (_, Some(key)) => key,
        };
        let ours: BTreeSet<&String> = self.moving.identity.iter().collect();
        if ours != target.iter().collect() {
            let message = format!(
                "rows are identified by ({}) in PROD and by ({}) in CERT",
                self.moving.identity.join(", "),
                target.join(", ")
            );
            let finding = Finding::error("identity-differs-in-target", name, message, 1);
            return Some(finding.with_lines(self.remedies(SAME_KEY)));
        }
        let unusable = target.iter().filter(|column| {
            let known = self.target.column(column);
            !self.moving.columns.contains(column)
                || known.is_none_or(|one| !has_key_text(one.column_type))
        });
        let names: Vec<String> = unusable.cloned().collect();
        let message = "keys of these columns are not available yet";
        self.error("key-type-not-available", message, &names, SAME_KEY)
    }

    /// A row without a column that moves cannot be told from nothing.
    fn without_columns(&self) -> Option<Finding> {
        self.moving.columns.is_empty().then(|| {
            let message =
                "rows without a key and without a column that can be written cannot be loaded";
            let finding = Finding::error("no-columns", self.target.name.to_string(), message, 1);
            finding.with_lines(self.remedies("give it a key in PROD and CERT"))
        })
    }

    /// Without the key, equal rows could appear twice while we write.
    fn key_missing(&self) -> Finding {
        let key = self.moving.identity.join(", ");
        let message = format!("rows are identified by ({key}) in PROD and by nothing in CERT");
        let name = &self.target.name;
        let finding = Finding::error("key-missing-in-target", name.to_string(), message, 1);
        let statements = self.open.map(|group| &group.key_statements);
        match statements.and_then(|all| all.get(name)) {
            Some(statement) => finding.with_lines([statement.clone()]),
            None => finding.with_lines(self.remedies(SAME_KEY)),
        }
    }

    /// What CERT demands of a row and PROD does not: nobody knows whether the rows keep it.
    fn constraints(&self) -> impl Iterator<Item = Finding> {
        let message = "CERT has constraints that PROD lacks: a row that does not keep one stops the load before it changes anything";
        self.warning(
            "constraint-in-target-only",
            message,
            &only_in(self.target, self.source),
        )
        .into_iter()
    }

    fn surroundings(&self) -> impl Iterator<Item = Finding> {
        let exclusions =
            "exclusion constraints are checked by CERT only while the rows are written";
        let row_security = self.target.row_security.then(|| {
            let message = "row security is on for our role in CERT: rows would be hidden from the checks and the undo";
            Finding::error("row-security-in-target", self.target.name.to_string(), message, 1)
        });
        [
            self.warning("exclusion-constraints", exclusions, &self.target.exclusions),
            row_security,
        ]
        .into_iter()
        .flatten()
    }
}

/// What to do where rows are told apart in another way.
const SAME_KEY: &str = "give the table PROD's key in CERT";

/// The constraints of `target` that `source` has neither by name nor by what they demand; exclusion
/// constraints are told in any case.
fn only_in(target: &Table, source: &Table) -> Vec<String> {
    let same_columns = |one: &[String], other: &[String]| {
        one.iter().collect::<BTreeSet<_>>() == other.iter().collect()
    };
    let keys = || {
        source
            .primary_key
            .iter()
            .chain(source.uniques.iter().map(|one| &one.columns))
    };
    let uniques = target.uniques.iter();
    let uniques = uniques.filter(|one| !keys().any(|key| same_columns(key, &one.columns)));
    let uniques =
        uniques.map(|one| format!("unique key {} ({})", one.name, one.columns.join(", ")));
    let references = target.foreign_keys.iter().filter(|one| {
        let mut known = source.foreign_keys.iter();
        !known.any(|known| known.parent == one.parent && same_columns(&known.columns, &one.columns))
    });
    let references = references.map(|one| format!("foreign key {} to {}", one.name, one.parent));
    let checks = target.checks.iter().filter(|one| {
        let is_same = |known: &Check| known.name == one.name || known.expression == one.expression;
        !source.checks.iter().any(is_same)
    });
    let checks = checks.map(|one| format!("CHECK {}", one.name));
    uniques.chain(references).chain(checks).collect()
}

/// Every value of the source's column is a value of the target's, and reads back the same.
fn takes(source: &Column, target: &Column) -> bool {
    if source.column_type != target.column_type {
        return false;
    }
    match source.column_type {
        ColumnType::Text => match (source.max_length, target.max_length) {
            (_, None) => true,
            (None, Some(_)) => source.source_type == target.source_type,
            (Some(source), Some(target)) => target >= source,
        },
        // An array has the labels of its elements.
        ColumnType::Enum | ColumnType::Array => {
            let has = |label: &String| target.labels.contains(label);
            source.source_type == target.source_type && source.labels.iter().all(has)
        }
        _ => source.source_type == target.source_type,
    }
}
