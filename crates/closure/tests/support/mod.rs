//! Worlds for tests: catalogs and rows in memory, written as a few lines of text, and a driver
//! that answers fetches from them. Knows nothing of the rules.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod brute;
pub(crate) mod compare;
pub(crate) mod coverage;
pub(crate) mod neighbours;
pub(crate) mod random;
pub(crate) mod shrink;
pub(crate) mod streaming;

use std::collections::BTreeMap;

use redistrict_closure::{
    Closure, ClosureError, Decisions, Draft, Fetch, InferInput, KeyList, Labeller, Measurements,
    Measurer, Members, ResolvedLink, build_edges, identities, infer,
};
use redistrict_model::{
    BoundaryPolicy, Catalog, Column, ColumnType, Edge, EdgeId, ForeignKey, Generated, Key, KeyRow,
    Measured, OwnerKind, Ownership, StoreKind, StoreName, Table, TableRef, Unique,
};

/// A row by column name; `None` is NULL.
pub(crate) type Row = BTreeMap<String, Option<String>>;

/// Stores, tables and rows.
#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) catalogs: Vec<Catalog>,
    pub(crate) links: Vec<ResolvedLink>,
    pub(crate) rows: BTreeMap<TableRef, Vec<Row>>,
    pub(crate) root: Option<TableRef>,
    pub(crate) root_key: Vec<String>,
}

/// `name` or `store.name`; the schema is always `main`.
pub(crate) fn table_ref(name: &str) -> TableRef {
    let (store, table) = name.split_once('.').unwrap_or(("ids", name));
    TableRef::new(&StoreName::new(store), "main", table)
}

pub(crate) fn key(text: &str) -> Key {
    Key::new(text.split(','))
}

fn head_and_list(text: &str) -> (&str, Vec<String>, &str) {
    let (head, rest) = text.split_once('(').expect("a list in parentheses");
    let (list, tail) = rest.split_once(')').expect("a closed list");
    let list = list.split(',').map(|part| part.trim().to_owned());
    (
        head.trim(),
        list.filter(|part| !part.is_empty()).collect(),
        tail.trim(),
    )
}

/// `… when kind=s|t`.
fn condition(tail: &str) -> Vec<(String, Vec<String>)> {
    let when = tail.split_once("when ").map(|(_, condition)| {
        let (column, texts) = condition.split_once('=').expect("column=texts");
        let texts = texts.split('|').map(str::to_owned).collect();
        (column.trim().to_owned(), texts)
    });
    when.into_iter().collect()
}

impl World {
    /// Reads lines:
    /// `root districts(id)` · `table students(id*, name, school_id?)` (`*` primary key, `?` nullable,
    /// `!` unique) · `fk a(x) -> b(y) [cascade] [not valid] [when kind=s|t]` ·
    /// `link a(x) -> b(y) [owns] [when kind=s|t]` · `row students 1 Ann ~` (`~` is NULL).
    pub(crate) fn read(text: &str) -> Self {
        let mut world = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (word, rest) = line.split_once(' ').expect("a word and the rest");
            match word {
                "root" => {
                    let (name, columns, _) = head_and_list(rest);
                    world.root = Some(table_ref(name));
                    world.root_key = columns;
                }
                "table" => world.add_table(rest),
                "fk" => world.add_foreign_key(rest),
                "link" => world.add_link(rest),
                "row" => {
                    let mut words = rest.split_whitespace();
                    let name = words.next().expect("a table");
                    let values: Vec<&str> = words.collect();
                    world.insert(name, &values);
                }
                _ => panic!("an unknown line: {line}"),
            }
        }
        world
    }

    fn add_table(&mut self, text: &str) {
        let (name, specs, _) = head_and_list(text);
        let name = table_ref(name);
        let mut table = Table::empty(name.clone());
        let mut primary = Vec::new();
        for spec in &specs {
            let column = spec.trim_end_matches(['*', '?', '!']).to_owned();
            if spec.contains('*') {
                primary.push(column.clone());
            }
            if spec.contains('!') {
                table.uniques.push(Unique {
                    name: format!("{column}_key"),
                    columns: vec![column.clone()],
                });
            }
            table.columns.push(Column {
                name: column,
                source_type: "integer".into(),
                column_type: ColumnType::Int32,
                nullable: spec.contains('?'),
                generated: Generated::No,
                has_default: false,
                max_length: None,
                labels: Vec::new(),
                element: None,
            });
        }
        table.primary_key = (!primary.is_empty()).then_some(primary);
        self.rows.insert(name.clone(), Vec::new());
        let catalog = match self.catalogs.iter_mut().find(|one| one.store == name.store) {
            Some(catalog) => catalog,
            None => {
                self.catalogs.push(Catalog {
                    store: name.store.clone(),
                    kind: StoreKind::Sqlite,
                    version: "test".into(),
                    tables: Vec::new(),
                });
                self.catalogs.last_mut().expect("just pushed")
            }
        };
        catalog.tables.push(table);
        catalog.tables.sort_by(|a, b| a.name.cmp(&b.name));
    }

    pub(crate) fn table_mut(&mut self, name: &TableRef) -> &mut Table {
        self.catalogs
            .iter_mut()
            .flat_map(|catalog| &mut catalog.tables)
            .find(|table| table.name == *name)
            .expect("a table of the world")
    }

    pub(crate) fn table(&self, name: &TableRef) -> &Table {
        self.catalogs
            .iter()
            .find_map(|catalog| catalog.table(name))
            .expect("a table of the world")
    }

    fn add_foreign_key(&mut self, text: &str) {
        let (from, to) = text.split_once("->").expect("an arrow");
        let (child, columns, _) = head_and_list(from);
        let (parent, parent_columns, tail) = head_and_list(to);
        let key = ForeignKey {
            name: format!(
                "{}_{}_{}_fk",
                child.replace('.', "_"),
                columns.join("_"),
                parent.replace('.', "_")
            ),
            columns,
            parent: table_ref(parent),
            parent_columns,
            on_delete_cascade: tail.contains("cascade"),
            deferrable: false,
            validated: !tail.contains("not valid"),
            when: condition(tail),
        };
        self.table_mut(&table_ref(child)).foreign_keys.push(key);
    }

    fn add_link(&mut self, text: &str) {
        let (from, to) = text.split_once("->").expect("an arrow");
        let (child, child_columns, _) = head_and_list(from);
        let (parent, parent_columns, tail) = head_and_list(to);
        self.links.push(ResolvedLink {
            child: table_ref(child),
            child_columns,
            inside: None,
            parent: table_ref(parent),
            parent_columns,
            owns: tail.contains("owns"),
            when: condition(tail),
        });
    }

    pub(crate) fn insert(&mut self, name: &str, values: &[&str]) {
        let name = table_ref(name);
        let columns: Vec<String> = self
            .table(&name)
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        assert_eq!(columns.len(), values.len(), "values of {name}");
        let value = |text: &&str| (*text != "~").then(|| (*text).to_owned());
        let row = columns.into_iter().zip(values.iter().map(value)).collect();
        self.rows.get_mut(&name).expect("a table").push(row);
    }

    pub(crate) fn is_keyless(&self, table: &TableRef) -> bool {
        self.table(table).identity().is_none()
    }

    pub(crate) fn edges(&self) -> Vec<Edge> {
        build_edges(&self.catalogs, &self.links)
    }

    /// The edge `table(columns)`, to the first parent by name.
    pub(crate) fn edge(&self, text: &str) -> EdgeId {
        let (child, columns, _) = head_and_list(text);
        let edges = self.edges();
        let found = edges
            .iter()
            .find(|edge| edge.child == table_ref(child) && edge.child_columns == columns);
        found.unwrap_or_else(|| panic!("no edge {text}")).id
    }

    /// The key of a row of the world; of a keyless table its locator, which only the row itself has.
    pub(crate) fn identity_of(&self, table: &TableRef, row: &Row) -> Key {
        let Some(identity) = self.table(table).identity() else {
            let mut rows = self.rows[table].iter();
            let place = rows.position(|one| std::ptr::eq(one, row));
            return Key::of(format!("@{}", place.expect("a row of the world itself")));
        };
        Key::new(
            identity
                .iter()
                .map(|column| row[column].clone().expect("not NULL")),
        )
    }

    /// What a store would answer.
    pub(crate) fn answer(&self, fetch: &Fetch) -> Vec<KeyRow> {
        assert_eq!(fetch.keys.is_empty(), fetch.by.is_empty());
        let mut keys = fetch.keys.clone();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), fetch.keys.len(), "keys must stand once");
        let mut answer = Vec::new();
        for row in &self.rows[&fetch.table] {
            let values: Option<Vec<String>> =
                fetch.by.iter().map(|column| row[column].clone()).collect();
            let matches = |values| keys.binary_search(&Key::new(values)).is_ok();
            if fetch.by.is_empty() || values.is_some_and(matches) {
                answer.push(KeyRow {
                    id: self.identity_of(&fetch.table, row),
                    values: fetch
                        .columns
                        .iter()
                        .map(|column| row[column].as_deref().map(Into::into))
                        .collect(),
                });
            }
        }
        answer
    }

    pub(crate) fn infer_with(&self, decisions: &Decisions, measured: &Measurements) -> Draft {
        let input = InferInput {
            catalogs: &self.catalogs,
            links: &self.links,
            edges: &self.edges(),
            root: self.root.as_ref().expect("a root"),
            root_key: &self.root_key,
            decisions,
        };
        infer(&input, measured).expect("an ownership")
    }

    /// Infers, measuring on all rows as the driver would.
    pub(crate) fn infer(&self, decisions: &Decisions) -> Draft {
        let mut measured = Measurements::new();
        for _ in 0..100 {
            let draft = self.infer_with(decisions, &measured);
            if draft.to_measure.is_empty() {
                return draft;
            }
            for request in &draft.to_measure {
                let rows = &self.rows[&request.table];
                let sample: Vec<Key> = rows
                    .iter()
                    .map(|row| self.identity_of(&request.table, row))
                    .collect();
                let numbers = self.measure(&draft.ownership, &request.table, &sample);
                measured.insert(request.table.clone(), numbers);
            }
        }
        panic!("measuring does not end");
    }

    pub(crate) fn measure(
        &self,
        ownership: &Ownership,
        table: &TableRef,
        sample: &[Key],
    ) -> Measured {
        let identities = identities(&self.catalogs);
        let rows = sample.len() as u64;
        let mut measurer =
            Measurer::new(ownership, &identities, table, sample, rows).expect("a measurer");
        loop {
            let fetches = measurer.step().expect("a step");
            if fetches.is_empty() {
                return measurer.finish().expect("numbers");
            }
            for fetch in fetches {
                measurer.absorb(&fetch, &self.answer(&fetch)).expect("rows");
            }
        }
    }

    pub(crate) fn try_close(
        &self,
        ownership: &Ownership,
        district: &Key,
        shuffle: u64,
    ) -> Result<(Closure, usize), ClosureError> {
        let mut closure = Closure::new(ownership, &identities(&self.catalogs), district)?;
        let mut random = random::Random::new(shuffle);
        for round in 0..10_000 {
            let mut fetches = closure.step()?;
            if fetches.is_empty() {
                return Ok((closure, round));
            }
            if shuffle > 0 {
                random.shuffle(&mut fetches);
            }
            for fetch in fetches {
                let mut rows = self.answer(&fetch);
                if shuffle > 0 {
                    random.shuffle(&mut rows);
                }
                closure.absorb(&fetch, &rows)?;
            }
        }
        panic!("the closure does not end");
    }

    pub(crate) fn members(&self, ownership: &Ownership, district: &str) -> Members {
        let (closure, _) = self
            .try_close(ownership, &key(district), 0)
            .expect("a closure");
        closure.finish().expect("members")
    }

    pub(crate) fn labels(
        &self,
        ownership: &Ownership,
        district: &Key,
        rows: &[(TableRef, Key)],
    ) -> Vec<Option<Key>> {
        let identities = identities(&self.catalogs);
        let mut labeller = Labeller::new(ownership, &identities, district, rows).expect("labels");
        loop {
            let fetches = labeller.step().expect("a step");
            if fetches.is_empty() {
                return labeller.finish().expect("labels");
            }
            for fetch in fetches {
                labeller.absorb(&fetch, &self.answer(&fetch)).expect("rows");
            }
        }
    }

    /// Decisions by the texts of tables and edges.
    pub(crate) fn decide(&self, lines: &[&str]) -> Decisions {
        let mut decisions = Decisions::default();
        for line in lines {
            let words: Vec<&str> = line.splitn(3, ' ').collect();
            let [word, name, rest] = [words[0], words[1], words.get(2).copied().unwrap_or("")];
            match word {
                "excluded" => {
                    decisions
                        .excluded
                        .insert(table_ref(name), "a reason".into());
                }
                "shared" => {
                    decisions.shared.insert(table_ref(name), rest == "true");
                }
                "owner" => {
                    let edges = rest.split_whitespace();
                    let edges = edges.map(|columns| self.edge(&format!("{name}{columns}")));
                    decisions.owner.insert(table_ref(name), edges.collect());
                }
                "whole" => {
                    decisions.whole.insert(table_ref(name));
                }
                "always" => {
                    let text = format!("{name}{rest}");
                    let (child, columns, _) = head_and_list(&text);
                    let mut edges = self.edges();
                    edges.retain(|edge| {
                        edge.child == table_ref(child) && edge.child_columns == columns
                    });
                    decisions.always.extend(edges.iter().map(|edge| edge.id));
                }
                "tree" => {
                    let edge = self.edge(&format!("{name}{rest}"));
                    decisions.tree.insert(table_ref(name), edge);
                }
                "boundary" => {
                    let policy = match rest {
                        "stub" => BoundaryPolicy::Stub,
                        "null" => BoundaryPolicy::Null,
                        "exclude" => BoundaryPolicy::Exclude,
                        _ => BoundaryPolicy::Stop,
                    };
                    decisions.boundary.insert(self.edge(name), policy);
                }
                _ => panic!("an unknown decision: {line}"),
            }
        }
        decisions
    }
}

/// `own 1 2 | shared 3 | stub 4`: the members of a table, for comparison in tests.
pub(crate) fn print(members: &Members, table: &str) -> String {
    let Some(found) = members.table(&table_ref(table)) else {
        return "none".to_owned();
    };
    let list = |word: &str, keys: &KeyList| {
        let texts: Vec<String> = keys.iter().map(|key| key.parts().join(",")).collect();
        (!texts.is_empty()).then(|| format!("{word} {}", texts.join(" ")))
    };
    let parts = [
        list("own", &found.own),
        list("shared", &found.shared),
        list("stub", &found.stubs),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}

/// `owned 1: path (customer_id), hang (order_id)`: role, tier and owner list of a table.
pub(crate) fn role(draft: &Draft, table: &str) -> String {
    let role = draft.ownership.table(&table_ref(table)).expect("a table");
    let tier = role.tier.map_or(String::new(), |tier| format!(" {tier}"));
    format!("{}{tier}: {}", role.role, owners(draft, table))
}

/// `path (customer_id), hang (order_id)`: the owner list of a table.
pub(crate) fn owners(draft: &Draft, table: &str) -> String {
    let role = draft.ownership.table(&table_ref(table)).expect("a table");
    let owners = role.owners.iter().map(|owner| {
        let kind = match owner.kind {
            OwnerKind::Path => "path",
            OwnerKind::Hang => "hang",
            OwnerKind::HangUnclaimed => "unclaimed",
        };
        let edge = draft.ownership.edge(owner.edge);
        format!("{kind} ({})", edge.child_columns.join(", "))
    });
    owners.collect::<Vec<_>>().join(", ")
}
