//! The columns that move, with everything the catalogs of both sides say about each.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    Check, Column, ColumnRef, ColumnType, Edge, ExtractSection, Inside, Role, StoreKind, Table,
    TableRef, TableRole, TargetTable,
};

use super::scalars::scalar_type;

/// A column that moves.
pub(crate) struct Field<'a> {
    pub(crate) column: ColumnRef,
    pub(crate) source: &'a Column,
    /// As CERT has it, where CERT has it.
    pub(crate) target: Option<&'a Column>,
    pub(crate) role: Role,
    /// Several districts may bring one row of its table: persons, catalogues, and what hangs on them.
    pub(crate) is_common: bool,
    /// Its table is reference, and may be of persons all the same.
    pub(crate) in_doubt: bool,
    /// Part of a key of either side, or referred to.
    pub(crate) is_unique: bool,
    /// One of the columns that identify a row, or referred to.
    pub(crate) is_key: bool,
    /// Part of the tenant root's key.
    pub(crate) is_tenant_key: bool,
    /// Refers to another column that moves.
    pub(crate) is_child: bool,
    /// Refers to a table that does not move.
    pub(crate) refers_outside: bool,
    /// CHECKs of both sides that name it.
    pub(crate) checks: Vec<&'a Check>,
    /// One of the columns that a graph's tables have beside their properties.
    pub(crate) is_graph_column: bool,
    /// References lead from members of its documents.
    pub(crate) has_linked_members: bool,
    /// The texts that references count by, where the column is the condition of some.
    pub(crate) conditions: BTreeSet<String>,
}

impl Field<'_> {
    pub(crate) fn sides(&self) -> impl Iterator<Item = &Column> {
        std::iter::once(self.source).chain(self.target)
    }

    /// NULL may be written.
    pub(crate) fn is_nullable(&self) -> bool {
        self.sides().all(|side| side.nullable)
    }

    /// The types on both sides, each once; of arrays those of their elements.
    pub(crate) fn types(&self) -> Vec<ColumnType> {
        let mut types: Vec<ColumnType> = Vec::new();
        for side in self.sides() {
            let one = scalar_type(side);
            if !types.contains(&one) {
                types.push(one);
            }
        }
        types
    }

    /// The type at the source; of an array that of its elements.
    pub(crate) fn column_type(&self) -> ColumnType {
        scalar_type(self.source)
    }

    pub(crate) fn is_array(&self) -> bool {
        self.source.column_type == ColumnType::Array
    }
}

/// The fields in column order, and the place of each.
pub(crate) struct Fields<'a> {
    pub(crate) list: Vec<Field<'a>>,
    pub(crate) by_column: BTreeMap<ColumnRef, usize>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(extract: &'a ExtractSection, targets: &'a [TargetTable]) -> Self {
        let referred = referred_columns(extract);
        let all = extract.catalogs.iter().flat_map(|catalog| &catalog.tables);
        let sources: BTreeMap<&TableRef, &Table> = all.map(|table| (&table.name, table)).collect();
        let targets = targets.iter().map(|target| &target.table);
        let targets: BTreeMap<&TableRef, &Table> =
            targets.map(|table| (&table.name, table)).collect();
        let roles = extract.ownership.tables.iter();
        let roles: BTreeMap<&TableRef, &TableRole> = roles.map(|one| (&one.table, one)).collect();
        let mut list = Vec::new();
        for moved in &extract.tables {
            let Some(source) = sources.get(&moved.table).copied() else {
                continue;
            };
            let target = targets.get(&moved.table).copied();
            let role = roles.get(&moved.table).copied();
            for name in &moved.columns {
                if let Some(column) = source.column(name) {
                    let mut field = field(extract, source, target, column, role);
                    let is_referred = referred.contains(&field.column);
                    field.is_unique |= is_referred;
                    field.is_key = is_referred || moved.identity.contains(name);
                    list.push(field);
                }
            }
        }
        let by_column = list
            .iter()
            .enumerate()
            .map(|(at, field)| (field.column.clone(), at))
            .collect();
        let mut fields = Self { list, by_column };
        fields.mark_references(&extract.ownership.edges);
        fields
    }

    fn mark_references(&mut self, edges: &[Edge]) {
        let tables: BTreeSet<&TableRef> =
            self.by_column.keys().map(|column| &column.table).collect();
        let tables: BTreeSet<TableRef> = tables.into_iter().cloned().collect();
        for (child, parent) in pairs(edges) {
            let Some(at) = self.by_column.get(&child).copied() else {
                continue;
            };
            if tables.contains(&parent.table) {
                self.list[at].is_child |= child != parent;
            } else {
                self.list[at].refers_outside = true;
            }
        }
    }
}

/// Child and parent column of every reference by which the values of both are the same: those of columns,
/// and of elements of arrays, which are masked each as a column of their type is. A document is no value of
/// what its members refer to.
pub(crate) fn pairs(edges: &[Edge]) -> impl Iterator<Item = (ColumnRef, ColumnRef)> + '_ {
    let is_alike = |edge: &&Edge| !matches!(edge.inside, Some(Inside::Members(_)));
    all_pairs(edges.iter().filter(is_alike))
}

fn all_pairs<'e>(
    edges: impl Iterator<Item = &'e Edge>,
) -> impl Iterator<Item = (ColumnRef, ColumnRef)> {
    edges.flat_map(|edge| {
        let columns = edge.child_columns.iter().zip(&edge.parent_columns);
        columns.map(|(child, parent)| (edge.child.column(child), edge.parent.column(parent)))
    })
}

fn referred_columns(extract: &ExtractSection) -> BTreeSet<ColumnRef> {
    all_pairs(extract.ownership.edges.iter())
        .map(|(_, parent)| parent)
        .collect()
}

fn field<'a>(
    extract: &'a ExtractSection,
    source: &'a Table,
    target: Option<&'a Table>,
    column: &'a Column,
    role: Option<&TableRole>,
) -> Field<'a> {
    let ownership = &extract.ownership;
    let is_graph = extract
        .catalogs
        .iter()
        .any(|catalog| catalog.store == source.name.store && catalog.kind == StoreKind::Neo4j);
    let sides = || std::iter::once(source).chain(target);
    Field {
        column: source.name.column(&column.name),
        source: column,
        target: target.and_then(|table| table.column(&column.name)),
        role: role.map_or(Role::Unknown, |role| role.role),
        is_common: role.is_some_and(is_common),
        in_doubt: role.is_some_and(|role| role.in_doubt),
        is_unique: sides().any(|table| is_in_key(table, &column.name)),
        is_key: false,
        is_tenant_key: ownership.root == source.name && ownership.root_key.contains(&column.name),
        is_child: false,
        refers_outside: false,
        checks: sides()
            .flat_map(|table| {
                let named = move |check: &&Check| super::checks::names(check, table, &column.name);
                table.checks.iter().filter(named)
            })
            .collect(),
        is_graph_column: is_graph && column.name.starts_with(':'),
        has_linked_members: ownership.edges.iter().any(|edge| {
            edge.child == source.name
                && matches!(edge.inside, Some(Inside::Members(_)))
                && edge.child_columns.contains(&column.name)
        }),
        conditions: super::switches::conditions(
            &ownership.edges,
            &source.name.column(&column.name),
        ),
    }
}

/// Rows of tier 0 are mostly those of one district.
fn is_common(role: &TableRole) -> bool {
    let hangs = || role.owners.iter().any(|owner| owner.kind.hangs());
    matches!(role.role, Role::Shared | Role::Reference) || role.tier != Some(0) && hangs()
}

fn is_in_key(table: &Table, column: &str) -> bool {
    let is_in = |columns: &[String]| columns.iter().any(|own| own == column);
    table.primary_key.as_deref().is_some_and(is_in)
        || table.uniques.iter().any(|unique| is_in(&unique.columns))
}
