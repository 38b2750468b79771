//! References between tables: the distinct foreign keys and links of all catalogs, and what their
//! columns say about them. Decides nothing about owners.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{Catalog, Edge, EdgeId, EdgeOrigin, ForeignKey, Inside, Table, TableRef};

/// A `[[link]]` with its names resolved to tables and columns of the catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedLink {
    pub child: TableRef,
    pub child_columns: Vec<String>,
    /// The keys stand inside of the values of the one child column. Such a link never owns.
    pub inside: Option<Inside>,
    pub parent: TableRef,
    /// In the order of `child_columns`.
    pub parent_columns: Vec<String>,
    /// The edge may own. A link that may not is followed up only.
    pub owns: bool,
    /// The link counts only for rows where each named column has one of the texts.
    pub when: Vec<(String, Vec<String>)>,
}

/// A foreign key whose parent no catalog holds; nothing can follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideReference {
    pub child: TableRef,
    pub name: String,
    pub parent: TableRef,
}

/// Collects the distinct edges of all catalogs and links, ordered by child, child columns, parent
/// and name; `edges[i].id == EdgeId(i)`, so the ids are the same for the same input.
///
/// Two foreign keys over the same pairs of columns are one edge: a validated one wins, and the edge
/// cascades if one of them does. A link that a foreign key declares already, and a link or foreign
/// key to or from a table that no catalog holds, gives no edge (see [`outside_references`]).
#[must_use]
pub fn build_edges(catalogs: &[Catalog], links: &[ResolvedLink]) -> Vec<Edge> {
    let tables = tables_by_name(catalogs);
    let mut distinct: BTreeMap<EdgeShape, Edge> = BTreeMap::new();
    for table in tables.values() {
        for key in &table.foreign_keys {
            if tables.contains_key(&key.parent) {
                add_foreign_key(&mut distinct, table, key);
            }
        }
    }
    for link in links {
        let (Some(child), true) = (tables.get(&link.child), tables.contains_key(&link.parent))
        else {
            continue;
        };
        let edge = link_edge(child, link);
        let plain = EdgeShape::of(&Edge {
            when: Vec::new(),
            ..edge.clone()
        });
        if !distinct.contains_key(&plain) {
            distinct.entry(EdgeShape::of(&edge)).or_insert(edge);
        }
    }
    let mut edges: Vec<Edge> = distinct.into_values().collect();
    edges.sort_by(|a, b| {
        let rank = |edge: &Edge| {
            (
                edge.child.clone(),
                edge.child_columns.clone(),
                edge.inside.clone(),
                edge.parent.clone(),
                edge.name.clone(),
                edge.when.clone(),
            )
        };
        rank(a).cmp(&rank(b))
    });
    for (id, edge) in (0_u32..).zip(&mut edges) {
        edge.id = EdgeId(id);
    }
    edges
}

/// The foreign keys that [`build_edges`] leaves out because their parent is in no catalog.
#[must_use]
pub fn outside_references(catalogs: &[Catalog]) -> Vec<OutsideReference> {
    let tables = tables_by_name(catalogs);
    let mut outside = Vec::new();
    for table in tables.values() {
        for key in &table.foreign_keys {
            if !tables.contains_key(&key.parent) {
                outside.push(OutsideReference {
                    child: table.name.clone(),
                    name: key.name.clone(),
                    parent: key.parent.clone(),
                });
            }
        }
    }
    outside
}

/// The identity columns of every table that has some; what the evaluator needs of the catalogs. Rows of
/// all other tables are told by locators (docs/design/keyless.md).
#[must_use]
pub fn identities(catalogs: &[Catalog]) -> BTreeMap<TableRef, Vec<String>> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    tables
        .filter_map(|table| Some((table.name.clone(), table.identity()?.to_vec())))
        .collect()
}

/// Whether the link of that edge was declared `owns = false`.
pub(crate) fn is_followed_up_only(edge: &Edge, links: &[ResolvedLink]) -> bool {
    edge.origin == EdgeOrigin::Link
        && links
            .iter()
            .filter(|link| {
                link.child == edge.child
                    && link.parent == edge.parent
                    && pairs(&link.child_columns, &link.parent_columns)
                        == pairs(&edge.child_columns, &edge.parent_columns)
                    && link.when == edge.when
                    && link.inside == edge.inside
            })
            .any(|link| !link.owns || link.inside.is_some())
}

pub(crate) fn tables_by_name(catalogs: &[Catalog]) -> BTreeMap<&TableRef, &Table> {
    let tables = catalogs.iter().flat_map(|catalog| &catalog.tables);
    tables.map(|table| (&table.name, table)).collect()
}

/// What makes two references the same one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct EdgeShape {
    child: TableRef,
    parent: TableRef,
    pairs: BTreeSet<(String, String)>,
    inside: Option<Inside>,
    when: Vec<(String, Vec<String>)>,
}

impl EdgeShape {
    fn of(edge: &Edge) -> Self {
        Self {
            child: edge.child.clone(),
            parent: edge.parent.clone(),
            pairs: pairs(&edge.child_columns, &edge.parent_columns),
            inside: edge.inside.clone(),
            when: edge.when.clone(),
        }
    }
}

fn pairs(child: &[String], parent: &[String]) -> BTreeSet<(String, String)> {
    child.iter().cloned().zip(parent.iter().cloned()).collect()
}

fn add_foreign_key(distinct: &mut BTreeMap<EdgeShape, Edge>, table: &Table, key: &ForeignKey) {
    let nullable = nullable_columns(table, &key.columns);
    let edge = Edge {
        id: EdgeId(0),
        name: key.name.clone(),
        origin: if key.validated {
            EdgeOrigin::ForeignKey
        } else {
            EdgeOrigin::NotValid
        },
        child: table.name.clone(),
        child_columns: key.columns.clone(),
        parent: key.parent.clone(),
        parent_columns: key.parent_columns.clone(),
        mandatory: nullable.is_empty(),
        nullable_columns: nullable,
        on_delete_cascade: key.on_delete_cascade,
        when: key.when.clone(),
        inside: None,
        always: false,
        policy: None,
    };
    let known = distinct
        .entry(EdgeShape::of(&edge))
        .or_insert_with(|| edge.clone());
    known.on_delete_cascade |= edge.on_delete_cascade;
    if known.origin == EdgeOrigin::NotValid && edge.origin == EdgeOrigin::ForeignKey {
        known.origin = edge.origin;
        known.name = edge.name;
    }
}

fn link_edge(child: &Table, link: &ResolvedLink) -> Edge {
    // What stands inside of a value can become NULL there, whether the column can or not.
    let nullable = match link.inside {
        Some(_) => link.child_columns.clone(),
        None => nullable_columns(child, &link.child_columns),
    };
    let place = link.inside.as_ref().map(ToString::to_string);
    Edge {
        id: EdgeId(0),
        name: format!(
            "({}{})",
            link.child_columns.join(", "),
            place.unwrap_or_default()
        ),
        origin: EdgeOrigin::Link,
        child: link.child.clone(),
        child_columns: link.child_columns.clone(),
        parent: link.parent.clone(),
        parent_columns: link.parent_columns.clone(),
        mandatory: nullable.is_empty(),
        nullable_columns: nullable,
        on_delete_cascade: false,
        when: link.when.clone(),
        inside: link.inside.clone(),
        always: false,
        policy: None,
    }
}

fn nullable_columns(table: &Table, columns: &[String]) -> Vec<String> {
    let is_nullable = |name: &&String| table.column(name).is_none_or(|column| column.nullable);
    columns.iter().filter(is_nullable).cloned().collect()
}
