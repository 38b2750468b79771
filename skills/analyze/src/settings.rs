//! The configuration's names, resolved against the catalogs. Everything that is wrong is found at
//! once, each with the line that mends it.

use std::collections::BTreeMap;

use redistrict_closure::{Decisions, ResolvedLink, build_edges, references_meant};
use redistrict_model::config::{
    ColumnSettings, Config, Copy, OneOrMany, ResolveError, TableSettings, Triggers, resolve_column,
    resolve_table, split_columns, split_from,
};
use redistrict_model::{Catalog, ColumnRef, Edge, EdgeId, Finding, Inside, TableRef, toml_key};

use crate::inherited;
use crate::inside;

/// The configuration in terms of catalog objects.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub root: Option<TableRef>,
    pub root_key: Vec<String>,
    /// The column with the district's name, if it is a plain column of the root.
    pub name_column: Option<String>,
    pub links: Vec<ResolvedLink>,
    /// Foreign keys and links; decisions name them by id.
    pub edges: Vec<Edge>,
    pub decisions: Decisions,
    /// Reference tables with columns about persons, confirmed, with the reason.
    pub confirmed: BTreeMap<TableRef, String>,
    pub max_rows: BTreeMap<TableRef, u64>,
    /// Whether CERT's triggers fire for the table.
    pub triggers: BTreeMap<TableRef, Triggers>,
    pub columns: BTreeMap<ColumnRef, ColumnSettings>,
}

/// Resolves every name of the configuration.
///
/// # Errors
/// All that cannot be resolved, as findings of severity ERROR.
pub fn resolve(config: &Config, catalogs: &[Catalog]) -> Result<Settings, Vec<Finding>> {
    let tables: Vec<TableRef> = catalogs
        .iter()
        .flat_map(|catalog| catalog.tables.iter().map(|table| table.name.clone()))
        .collect();
    let mut resolver = Resolver {
        catalogs,
        tables: &tables,
        problems: Vec::new(),
    };
    let mut settings = Settings::default();
    resolver.tenant(config, &mut settings);
    resolver.links(config, &mut settings);
    let lifted = inherited::lifted_keys(catalogs);
    settings.links.extend(lifted);
    settings.edges = build_edges(catalogs, &settings.links);
    resolver.always(config, &mut settings);
    for (name, table) in &config.table {
        resolver.table(name, table, &mut settings);
    }
    for (name, column) in &config.column {
        resolver.column(name, column, &mut settings);
    }
    inherited::spread(&mut settings, catalogs);
    if resolver.problems.is_empty() {
        Ok(settings)
    } else {
        Err(resolver.problems)
    }
}

const NO_OWNER: &str = "what stands inside of a value cannot own its row: a row belongs to one district, and \
                        a value may name rows of many. Leave `owns` out, and name another owner";

struct Resolver<'a> {
    catalogs: &'a [Catalog],
    tables: &'a [TableRef],
    problems: Vec<Finding>,
}

impl Resolver<'_> {
    fn problem(&mut self, subject: &str, message: impl Into<String>) {
        self.problems
            .push(Finding::error("configuration", subject, message, 0));
    }

    fn find_table(&mut self, place: &str, name: &str) -> Option<TableRef> {
        match resolve_table(name, self.tables) {
            Ok(table) => Some(table),
            Err(error) => {
                self.unresolved(place, name, &error);
                None
            }
        }
    }

    fn unresolved(&mut self, place: &str, name: &str, error: &ResolveError) {
        let hint = match error {
            ResolveError::NotFound { .. } => self
                .nearest(name)
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default(),
            _ => String::new(),
        };
        self.problem(place, format!("could not {error}{hint}"));
    }

    /// The table whose name shares the longest run of characters at its end with the wanted one.
    fn nearest(&self, name: &str) -> Option<String> {
        let wanted = name.to_lowercase();
        self.tables
            .iter()
            .map(|table| {
                (
                    distance(&wanted, &short(table).to_lowercase()),
                    short(table),
                )
            })
            .filter(|(distance, near)| *distance <= near.len() / 3 + 1)
            .min()
            .map(|(_, near)| near)
    }

    fn check_columns(&mut self, place: &str, table: &TableRef, columns: &[String]) -> bool {
        let entry = self
            .catalogs
            .iter()
            .find_map(|catalog| catalog.table(table));
        let missing: Vec<&String> = columns
            .iter()
            .filter(|column| entry.is_none_or(|entry| entry.column(column).is_none()))
            .collect();
        for column in &missing {
            self.problems.push(Finding::error(
                "configuration",
                place,
                format!("{table} has no column {column}"),
                0,
            ));
        }
        missing.is_empty()
    }

    fn tenant(&mut self, config: &Config, settings: &mut Settings) {
        let place = "[tenant] root";
        let Some(root) = self.find_table(place, &config.tenant.root) else {
            return;
        };
        let key = config.tenant.key.to_vec();
        self.check_columns("[tenant] key", &root, &key);
        if let Some(name) = &config.tenant.name
            && self.check_columns("[tenant] name", &root, std::slice::from_ref(name))
        {
            settings.name_column = Some(name.clone());
        }
        settings.root = Some(root);
        settings.root_key = key;
    }

    fn always(&mut self, config: &Config, settings: &mut Settings) {
        let place = "[tenant] always";
        for text in &config.tenant.always {
            let Some((table, columns)) = self.columns_of(place, text) else {
                continue;
            };
            let over = settings.edges.iter().filter(|edge| {
                edge.child == table && edge.child_columns == columns && edge.inside.is_none()
            });
            let over: Vec<EdgeId> = over.map(|edge| edge.id).collect();
            if over.is_empty() {
                let message = format!(
                    "{text} is no reference: no foreign key and no [[link]] has these columns"
                );
                self.problem(place, message);
            }
            settings.decisions.always.extend(over);
        }
    }

    fn links(&mut self, config: &Config, settings: &mut Settings) {
        for (number, link) in config.link.iter().enumerate() {
            let place = format!("[[link]] {}", number + 1);
            let (Some((child, child_columns, inside)), Some((parent, parent_columns))) = (
                self.left_side(&place, &link.from),
                self.columns_of(&place, &link.to),
            ) else {
                continue;
            };
            if child_columns.len() != parent_columns.len() {
                self.problem(&place, "from and to have different numbers of columns");
                continue;
            }
            if let Some(inside) = &inside
                && !self.may_lead_from(&place, &child, &child_columns[0], inside, link.owns)
            {
                continue;
            }
            let when: Vec<(String, Vec<String>)> = link
                .when
                .iter()
                .map(|(column, texts)| (column.clone(), OneOrMany::to_vec(texts)))
                .collect();
            if matches!(inside, Some(Inside::Members(_))) && !when.is_empty() {
                self.problem(
                    &place,
                    "a link from a document counts for every row: leave `when` out, or keep these references in a column",
                );
            }
            let when_columns: Vec<String> = when.iter().map(|(column, _)| column.clone()).collect();
            self.check_columns(&place, &child, &when_columns);
            settings.links.push(ResolvedLink {
                child,
                child_columns,
                inside,
                parent,
                parent_columns,
                owns: link.owns,
                when,
            });
        }
    }

    fn left_side(
        &mut self,
        place: &str,
        text: &str,
    ) -> Option<(TableRef, Vec<String>, Option<Inside>)> {
        let (name, columns, inside) = match split_from(text) {
            Ok(split) => split,
            Err(error) => {
                self.problem(place, format!("could not {error}"));
                return None;
            }
        };
        let table = self.find_table(place, &name)?;
        self.check_columns(place, &table, &columns)
            .then_some((table, columns, inside))
    }

    /// Whether a link may lead from inside of the values of that column.
    fn may_lead_from(
        &mut self,
        place: &str,
        table: &TableRef,
        column: &str,
        inside: &Inside,
        owns: bool,
    ) -> bool {
        let entry = self.catalogs.iter().find_map(|one| one.table(table));
        let refused = entry.and_then(|entry| inside::refused(self.catalogs, entry, column, inside));
        let refused = refused.or_else(|| owns.then(|| NO_OWNER.to_owned()));
        let is_allowed = refused.is_none();
        if let Some(reason) = refused {
            self.problem(place, reason);
        }
        is_allowed
    }

    fn columns_of(&mut self, place: &str, text: &str) -> Option<(TableRef, Vec<String>)> {
        let (name, columns) = match split_columns(text) {
            Ok(split) => split,
            Err(error) => {
                self.problem(
                    place,
                    format!("could not {error} with its columns: store.table(column)"),
                );
                return None;
            }
        };
        let table = self.find_table(place, &name)?;
        self.check_columns(place, &table, &columns)
            .then_some((table, columns))
    }

    fn table(&mut self, name: &str, table: &TableSettings, settings: &mut Settings) {
        let place = format!("[table.{}]", toml_key(name));
        let Some(found) = self.find_table(&place, name) else {
            return;
        };
        if let Some(reason) = &table.excluded {
            settings
                .decisions
                .excluded
                .insert(found.clone(), reason.clone());
        }
        if let Some(shared) = table.shared {
            settings.decisions.shared.insert(found.clone(), shared);
        }
        if let Some(Copy::Whole) = table.copy {
            settings.decisions.whole.insert(found.clone());
        }
        if let Some(reason) = &table.confirmed {
            settings.confirmed.insert(found.clone(), reason.clone());
        }
        if let Some(rows) = table.max_rows {
            settings.max_rows.insert(found.clone(), rows);
        }
        if let Some(triggers) = table.triggers {
            settings.triggers.insert(found.clone(), triggers);
        }
        for (reference, policy) in &table.boundary {
            if let Some(edge) = self.edge(&place, &found, reference, &settings.edges) {
                settings.decisions.boundary.insert(edge, *policy);
            }
        }
        if let Some(reference) = &table.tree
            && let Some(edge) = self.tree(&place, &found, reference, settings)
        {
            settings.decisions.tree.insert(found.clone(), edge);
        }
        if let Some(owners) = &table.owner {
            let edges: Vec<EdgeId> = owners
                .iter()
                .filter_map(|reference| self.owner(&place, &found, reference, &settings.edges))
                .collect();
            settings.decisions.owner.insert(found, edges);
        }
    }

    /// A reference that may own: one value, one owner.
    fn owner(
        &mut self,
        place: &str,
        table: &TableRef,
        reference: &str,
        edges: &[Edge],
    ) -> Option<EdgeId> {
        let found = self.edge(place, table, reference, edges)?;
        let is_inside = (edges.iter()).any(|edge| edge.id == found && edge.inside.is_some());
        if is_inside {
            self.problem(place, format!("{reference}: {NO_OWNER}"));
        }
        (!is_inside).then_some(found)
    }

    /// A reference from the table to itself that owns.
    fn tree(
        &mut self,
        place: &str,
        table: &TableRef,
        reference: &str,
        settings: &Settings,
    ) -> Option<EdgeId> {
        let id = self.edge(place, table, reference, &settings.edges)?;
        let edge = settings.edges.iter().find(|edge| edge.id == id)?;
        if edge.is_self() && edge.inside.is_none() {
            return Some(id);
        }
        let own = settings.edges.iter();
        let own: Vec<String> = own
            .filter(|edge| edge.child == *table && edge.is_self() && edge.inside.is_none())
            .map(|edge| format!("({})", edge.child_columns.join(", ")))
            .collect();
        let own = if own.is_empty() {
            "it has none; a [[link]] can name one".to_owned()
        } else {
            format!("it has {}", own.join(", "))
        };
        let message = format!(
            "tree = \"{reference}\" leads to {}: a tree is a reference from a table to itself; {own}",
            edge.parent
        );
        self.problem(place, message);
        None
    }

    /// A reference of a table, by the foreign key's name or by its column list in parentheses, with the
    /// table it leads to where that alone is ambiguous.
    fn edge(
        &mut self,
        place: &str,
        table: &TableRef,
        reference: &str,
        edges: &[Edge],
    ) -> Option<EdgeId> {
        let found = references_meant(table, reference, edges);
        match found.as_slice() {
            [one] => Some(one.id),
            [] => {
                let known: Vec<String> = edges
                    .iter()
                    .filter(|edge| edge.child == *table)
                    .map(|edge| {
                        let inside = edge.inside.as_ref().map(ToString::to_string);
                        let inside = inside.unwrap_or_default();
                        format!("({}{inside})", edge.child_columns.join(", "))
                    })
                    .collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                self.problem(
                    place,
                    format!("no reference {reference}; this table has: {known}"),
                );
                None
            }
            several => {
                let parents: Vec<String> = several
                    .iter()
                    .map(|edge| format!("{reference} -> {}", edge.parent))
                    .collect();
                self.problem(
                    place,
                    format!(
                        "{reference} names several references: use the constraint's name, or {}",
                        parents.join(" or ")
                    ),
                );
                None
            }
        }
    }

    fn column(&mut self, name: &str, column: &ColumnSettings, settings: &mut Settings) {
        let place = format!("[column.{}]", toml_key(name));
        match resolve_column(name, self.tables) {
            Ok((table, found)) => {
                if self.check_columns(&place, &table, std::slice::from_ref(&found)) {
                    settings
                        .columns
                        .insert(table.column(&found), column.clone());
                }
            }
            Err(error) => self.unresolved(&place, name, &error),
        }
    }
}

/// `store.table`.
fn short(table: &TableRef) -> String {
    format!("{}.{}", table.store, table.table)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edit_distance_counts_changes() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
