//! References inside of values, for evaluation: the items of a column are a table of their own, a part of
//! the table that holds the column (docs/design/nested-links.md). No catalog and no artifact has that
//! table; whoever answers a fetch reads it out of its host.

use std::collections::BTreeMap;

use redistrict_model::{
    Edge, EdgeId, EdgeOrigin, Inside, Owner, OwnerKind, Ownership, Role, TableRef, TableRole,
};

/// The items of one link that leads from inside of values: a row for each row of the host and each key that
/// stands in its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items {
    /// Its name; no catalog has a table of that name. Its columns are those of the host, and the item.
    pub table: TableRef,
    /// The table whose rows hold the values.
    pub host: TableRef,
    /// What tells rows of the host apart. Behind it the item: what tells the items apart.
    pub host_key: Vec<String>,
    /// The host's column.
    pub column: String,
    pub inside: Inside,
    /// The name of the column that holds the key; the host has none of that name.
    pub item: String,
    /// The link. It is the same in both ownerships.
    pub edge: EdgeId,
}

/// An ownership that can be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluable {
    /// Each link from inside of values leads from its [`Items`] now, under the same id. Behind all edges
    /// stand those from the items to their hosts.
    pub ownership: Ownership,
    /// With those of the items.
    pub identities: BTreeMap<TableRef, Vec<String>>,
    /// By edge.
    pub items: Vec<Items>,
}

/// Makes a table of what is linked inside of values. `identities` are those of
/// [`identities`](crate::identities). Without such links nothing changes.
///
/// An item belongs to its row, and to nobody else: it says nothing about whose rows are, and is no evidence
/// of who uses what. A link from a table without a key stays as it is: rows of it cannot be told apart, and
/// whoever reads the configuration refuses it.
#[must_use]
pub fn evaluable(ownership: &Ownership, identities: &BTreeMap<TableRef, Vec<String>>) -> Evaluable {
    let mut made = Evaluable {
        ownership: ownership.clone(),
        identities: identities.clone(),
        items: Vec::new(),
    };
    for place in 0..ownership.edges.len() {
        let edge = &ownership.edges[place];
        let host_key = identities.get(&edge.child);
        if let (Some(inside), Some(host_key)) = (&edge.inside, host_key) {
            let items = items_of(edge, inside, host_key, &made.identities);
            made.add(place, items);
        }
    }
    made.ownership.tables.sort_by(|a, b| a.table.cmp(&b.table));
    made
}

fn items_of(
    edge: &Edge,
    inside: &Inside,
    host_key: &[String],
    known: &BTreeMap<TableRef, Vec<String>>,
) -> Items {
    let column = edge.child_columns.first().cloned().unwrap_or_default();
    let mut item = format!("{column}{inside}");
    let [_, schema, table] = edge.child.parts();
    let named = |item: &str| TableRef::new(&edge.child.store, schema, format!("{table}.{item}"));
    let is_taken = |item: &String| {
        let when = edge.when.iter().any(|(name, _)| name == item);
        when || host_key.contains(item) || *item == column || known.contains_key(&named(item))
    };
    while is_taken(&item) {
        item.push('*');
    }
    Items {
        table: named(&item),
        host: edge.child.clone(),
        host_key: host_key.to_vec(),
        column,
        inside: inside.clone(),
        item,
        edge: edge.id,
    }
}

impl Evaluable {
    fn add(&mut self, place: usize, items: Items) {
        let part = EdgeId(u32::try_from(self.ownership.edges.len()).unwrap_or(u32::MAX));
        let own = &mut self.ownership.edges[place];
        own.child = items.table.clone();
        own.child_columns = vec![items.item.clone()];
        own.nullable_columns.clone_from(&own.child_columns);
        own.inside = None;
        self.ownership.edges.push(Edge {
            id: part,
            name: format!("({})", items.host_key.join(", ")),
            origin: EdgeOrigin::Link,
            child: items.table.clone(),
            child_columns: items.host_key.clone(),
            parent: items.host.clone(),
            parent_columns: items.host_key.clone(),
            // Each item has it. But it is no evidence of who uses the row that holds it.
            mandatory: false,
            nullable_columns: Vec::new(),
            on_delete_cascade: true,
            when: Vec::new(),
            inside: None,
            always: false,
            policy: None,
        });
        let owner = |kind| Owner {
            edge: part,
            kind,
            reason: "stands in the row".to_owned(),
        };
        self.ownership.tables.push(TableRole {
            table: items.table.clone(),
            role: Role::Owned,
            owners: vec![owner(OwnerKind::Path), owner(OwnerKind::Hang)],
            org: None,
            tier: None,
            decided: true,
            pair: false,
            measured: None,
            in_doubt: false,
            whole: false,
            reason: "what stands in a column".to_owned(),
        });
        let mut identity = items.host_key.clone();
        identity.push(items.item.clone());
        self.identities.insert(items.table.clone(), identity);
        self.items.push(items);
    }
}
