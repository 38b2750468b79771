//! The write order of tables: parents first, tables that refer to each other together. Pure.

use std::collections::{BTreeSet, HashMap};

use redistrict_model::{Table, TableRef};

/// The strongly connected components of the foreign keys among these tables, parents first; ties in
/// the order given (Tarjan, "Depth-first search and linear graph algorithms", 1972: components come out
/// in reverse topological order of child → parent).
pub(crate) fn write_order(tables: &[&Table]) -> Vec<Vec<TableRef>> {
    let position: HashMap<&TableRef, usize> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| (&table.name, at))
        .collect();
    let parents = tables
        .iter()
        .map(|table| {
            let keys = table.foreign_keys.iter();
            let parents: BTreeSet<usize> = keys
                .filter_map(|key| position.get(&key.parent).copied())
                .collect();
            parents.into_iter().collect()
        })
        .collect();
    let mut search = Search {
        parents,
        index: vec![None; tables.len()],
        low: vec![0; tables.len()],
        is_on_stack: vec![false; tables.len()],
        stack: Vec::new(),
        next: 0,
        components: Vec::new(),
    };
    for table in 0..tables.len() {
        if search.index[table].is_none() {
            search.visit(table);
        }
    }
    let name = |at: &usize| tables[*at].name.clone();
    let components = search.components.iter();
    components
        .map(|component| component.iter().map(name).collect())
        .collect()
}

struct Search {
    parents: Vec<Vec<usize>>,
    index: Vec<Option<usize>>,
    low: Vec<usize>,
    is_on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    components: Vec<Vec<usize>>,
}

impl Search {
    /// Iterative, so that a long chain of tables cannot exhaust the thread's stack.
    fn visit(&mut self, start: usize) {
        let mut path = vec![(start, 0)];
        self.enter(start);
        while let Some((table, done)) = path.last_mut() {
            let table = *table;
            if let Some(parent) = self.parents[table].get(*done).copied() {
                *done += 1;
                match self.index[parent] {
                    None => {
                        self.enter(parent);
                        path.push((parent, 0));
                    }
                    Some(index) if self.is_on_stack[parent] => {
                        self.low[table] = self.low[table].min(index);
                    }
                    Some(_) => {}
                }
            } else {
                path.pop();
                if let Some((child, _)) = path.last() {
                    self.low[*child] = self.low[*child].min(self.low[table]);
                }
                if self.index[table] == Some(self.low[table]) {
                    self.leave(table);
                }
            }
        }
    }

    fn enter(&mut self, table: usize) {
        self.index[table] = Some(self.next);
        self.low[table] = self.next;
        self.next += 1;
        self.stack.push(table);
        self.is_on_stack[table] = true;
    }

    fn leave(&mut self, root: usize) {
        let mut component = Vec::new();
        while let Some(table) = self.stack.pop() {
            self.is_on_stack[table] = false;
            component.push(table);
            if table == root {
                break;
            }
        }
        component.sort_unstable();
        self.components.push(component);
    }
}

#[cfg(test)]
mod tests {
    use redistrict_model::{ForeignKey, StoreName};

    use super::*;

    fn table(name: &str, parents: &[&str]) -> Table {
        let store = StoreName::new("s");
        Table {
            foreign_keys: parents
                .iter()
                .map(|parent| ForeignKey {
                    name: format!("{name}_{parent}"),
                    columns: vec!["x".into()],
                    parent: TableRef::new(&store, "main", *parent),
                    parent_columns: vec!["id".into()],
                    on_delete_cascade: false,
                    deferrable: false,
                    validated: true,
                    when: Vec::new(),
                })
                .collect(),
            ..Table::empty(TableRef::new(&store, "main", name))
        }
    }

    fn order(tables: &[Table]) -> Vec<Vec<String>> {
        let tables: Vec<&Table> = tables.iter().collect();
        write_order(&tables)
            .into_iter()
            .map(|set| set.into_iter().map(|one| one.table).collect())
            .collect()
    }

    #[test]
    fn parents_come_first_cycles_together_and_outsiders_do_not_count() {
        let tables = [
            table("grade", &["student", "course"]),
            table("student", &["school", "student", "elsewhere"]),
            table("school", &["principal"]),
            table("principal", &["school"]),
            table("course", &[]),
        ];
        assert_eq!(
            order(&tables),
            [
                vec!["school", "principal"],
                vec!["student"],
                vec!["course"],
                vec!["grade"]
            ]
        );
    }

    #[test]
    fn a_chain_of_many_tables_does_not_exhaust_the_stack() {
        let names: Vec<String> = (0..50_000).map(|n| format!("t{n}")).collect();
        let tables: Vec<Table> = names
            .iter()
            .enumerate()
            .map(|(at, name)| match names.get(at + 1) {
                Some(parent) => table(name, &[parent]),
                None => table(name, &[]),
            })
            .collect();
        let order = order(&tables);
        assert_eq!(order.len(), 50_000);
        assert_eq!(order[0], ["t49999"]);
    }
}
