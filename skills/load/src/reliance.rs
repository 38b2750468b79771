//! Which rows of a run other runs rely on, and which rows earlier undos left standing for others: what an undo may
//! take out. Pure. The rules: docs/adr/015-whose-row-it-is-and-who-relies-on-it.md.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use redistrict_model::{Key, RunId, TableRef};
use redistrict_skill::SkillError;
use redistrict_store::{Ledger, LedgerEntry, LedgerOperation, RunOrigin, RunRecord};

use crate::inverse::{InverseRow, TableInverse};
use crate::ledger::{is_stub, root_of, standing_loads, standing_undos};
use crate::multiset::Hash;
use crate::origin::{Writer, writer};
use crate::shape::Shape;

/// What is done with rows that other runs rely on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedRows {
    /// The undo refuses and names the runs.
    #[default]
    Refuse,
    /// They are left standing and listed.
    Retain,
}

/// Who relies on which row, and which rows were retained; seen from one run, whose own are told apart.
#[derive(Debug, Default)]
pub(crate) struct Reliance {
    relied: HashMap<TableRef, HashMap<Key, Vec<Reliant>>>,
    retained: HashMap<TableRef, HashMap<Key, Retained>>,
    /// What the load relied on itself.
    own: HashMap<TableRef, Vec<Key>>,
    runs: Vec<RunId>,
}

#[derive(Clone, Copy, Debug)]
struct Reliant {
    /// Its place in `runs`.
    run: usize,
    is_stub: bool,
    /// It is of the same district: what that brings and takes back comes and goes together.
    is_same_district: bool,
}

#[derive(Clone, Copy, Debug)]
struct Retained {
    run: usize,
    is_stub: bool,
    after: Hash,
}

/// What became of rows that are not the run's alone.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Rows that cannot be taken out, by who relies on them.
    pub(crate) relied: BTreeMap<(TableRef, RunId), Vec<Key>>,
    /// Rows that are left standing, by who relies on them.
    pub(crate) kept: BTreeMap<(TableRef, RunId), Vec<Key>>,
    /// The undos whose retained rows nobody else relies on any more: they go now.
    pub(crate) adopted: BTreeSet<RunId>,
    /// Rows that must be there for the run to come back.
    pub(crate) needed: BTreeMap<TableRef, Vec<Key>>,
}

/// The runs whose ledgers [`Reliance`] is made of: other loads that stand, what their undos retained, and the load
/// that `undone` goes back to.
pub(crate) fn concerned<'r>(
    records: &'r [RunRecord],
    undone: &'r RunId,
) -> impl Iterator<Item = &'r RunId> {
    let root = root_of(records, undone);
    let others = standing_loads(records).chain(standing_undos(records));
    let others = others.filter(move |record| root_of(records, &record.run) != root);
    others.map(|record| &record.run).chain([root])
}

impl Reliance {
    /// From the ledgers of [`concerned`] runs; `now` is the origin of the undo.
    pub(crate) fn of<'l>(
        records: &[RunRecord],
        undone: &RunId,
        now: &RunOrigin,
        ledgers: impl Iterator<Item = (&'l RunId, &'l Ledger)>,
    ) -> Self {
        let root = root_of(records, undone);
        let mut reliance = Self::default();
        for (run, ledger) in ledgers {
            let at = reliance.runs.len();
            reliance.runs.push(run.clone());
            let record = records.iter().find(|record| record.run == *run);
            let is_same_district =
                record.is_some_and(|record| writer(record, now) == Writer::ThisDistrict);
            for entry in ledger {
                let (table, is_stub) = (entry.table.clone(), is_stub(entry.part));
                match entry.operation {
                    LedgerOperation::Relied if run == root => {
                        let own = reliance.own.entry(table).or_default();
                        own.extend(entry.keys.iter().cloned());
                    }
                    LedgerOperation::Relied => {
                        let rows = reliance.relied.entry(table).or_default();
                        for key in &entry.keys {
                            let reliants = rows.entry(key.clone()).or_default();
                            reliants.push(Reliant {
                                run: at,
                                is_stub,
                                is_same_district,
                            });
                        }
                    }
                    LedgerOperation::Retained => {
                        let rows = reliance.retained.entry(table).or_default();
                        let each = entry.keys.iter().zip(&entry.after);
                        rows.extend(each.map(|(key, after)| {
                            let (run, after) = (at, *after);
                            (
                                key.clone(),
                                Retained {
                                    run,
                                    is_stub,
                                    after,
                                },
                            )
                        }));
                    }
                    // By an undo that came later: what was retained is gone.
                    LedgerOperation::Deleted => {
                        if let Some(rows) = reliance.retained.get_mut(&table) {
                            for key in &entry.keys {
                                rows.remove(key);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        reliance
    }

    /// Takes the rows out of the inverse that stay because others rely on them, and adds those that nobody but this
    /// run relies on any more.
    ///
    /// # Errors
    /// A table that the plan has not.
    pub(crate) fn take_out(
        &self,
        shape_of: &dyn Fn(&TableRef) -> Result<Shape, SkillError>,
        inverse: &mut Vec<TableInverse>,
        shared: SharedRows,
    ) -> Result<Settled, SkillError> {
        let mut settled = Settled::default();
        for table in inverse.iter_mut() {
            self.sort(table, shared, &mut settled);
        }
        for (name, keys) in &self.own {
            self.adopt(shape_of, name, keys, inverse, &mut settled)?;
        }
        Ok(settled)
    }

    /// As [`take_out`](Self::take_out), of a run that brings its load back: nothing is retained, and what the load
    /// relied on has to be there.
    pub(crate) fn bring_back(&self, inverse: &mut [TableInverse]) -> Settled {
        let mut settled = Settled::default();
        let mut back: HashMap<&TableRef, HashSet<&Key>> = HashMap::new();
        for table in inverse.iter_mut() {
            self.sort(table, SharedRows::Refuse, &mut settled);
        }
        for table in inverse.iter() {
            let keys = table.reinsert.iter().map(|row| &row.key);
            back.insert(table.shape.name(), keys.collect());
        }
        for (name, keys) in &self.own {
            let back = back.get(name);
            let is_back = |key: &&Key| back.is_some_and(|back| back.contains(*key));
            let needed: Vec<Key> = keys.iter().filter(|key| !is_back(key)).cloned().collect();
            if !needed.is_empty() {
                settled.needed.insert(name.clone(), needed);
            }
        }
        settled
    }

    /// Rows that were retained, by who relies on them.
    pub(crate) fn kept(&self, retained: &[LedgerEntry]) -> BTreeMap<(TableRef, RunId), Vec<Key>> {
        let mut kept = BTreeMap::new();
        for entry in retained {
            for key in &entry.keys {
                let reliants = others(self.reliants(&entry.table, key));
                self.name(&entry.table, key, &reliants, &mut kept);
            }
        }
        kept
    }

    fn sort(&self, table: &mut TableInverse, shared: SharedRows, settled: &mut Settled) {
        let name = table.shape.name().clone();
        for row in std::mem::take(&mut table.delete) {
            let all = self.reliants(&name, &row.key);
            if !all.is_empty() && self.retained(&name, &row.key).is_some() {
                // An earlier undo left it for all who rely on it: it stays without a word.
                continue;
            }
            let reliants = &others(all);
            if reliants.is_empty() {
                table.delete.push(row);
            } else if shared == SharedRows::Retain {
                self.name(&name, &row.key, reliants, &mut settled.kept);
                table.kept.push(row);
            } else {
                self.name(&name, &row.key, reliants, &mut settled.relied);
                table.delete.push(row);
            }
        }
        // A stub only has to be there; a full row has to stay one.
        for row in &table.restore {
            let mut full = others(self.reliants(&name, &row.key));
            full.retain(|one| !one.is_stub);
            self.name(&name, &row.key, &full, &mut settled.relied);
        }
    }

    /// Rows that an undo retained, that this load relied on, and nobody else.
    fn adopt(
        &self,
        shape_of: &dyn Fn(&TableRef) -> Result<Shape, SkillError>,
        name: &TableRef,
        keys: &[Key],
        inverse: &mut Vec<TableInverse>,
        settled: &mut Settled,
    ) -> Result<(), SkillError> {
        let at = inverse.iter().position(|one| one.shape.name() == name);
        let known = at.and_then(|at| inverse.get(at)).map(TableInverse::keys);
        let known: HashSet<Key> = known.into_iter().flatten().collect();
        let mut adopted = Vec::new();
        for key in keys.iter().filter(|key| !known.contains(*key)) {
            let Some(retained) = self.retained(name, key) else {
                continue;
            };
            if self.reliants(name, key).is_empty() {
                settled.adopted.extend(self.runs.get(retained.run).cloned());
                adopted.push(InverseRow {
                    key: key.clone(),
                    is_stub: retained.is_stub,
                    after: Some(retained.after),
                });
            }
        }
        if adopted.is_empty() {
            return Ok(());
        }
        match at.and_then(|at| inverse.get_mut(at)) {
            Some(table) => table.delete.extend(adopted),
            None => inverse.push(TableInverse {
                delete: adopted,
                ..TableInverse::empty(shape_of(name)?)
            }),
        }
        Ok(())
    }

    fn reliants(&self, table: &TableRef, key: &Key) -> &[Reliant] {
        let rows = self.relied.get(table);
        let reliants = rows.and_then(|rows| rows.get(key));
        reliants.map(Vec::as_slice).unwrap_or_default()
    }

    fn retained(&self, table: &TableRef, key: &Key) -> Option<Retained> {
        self.retained.get(table)?.get(key).copied()
    }

    fn name(
        &self,
        table: &TableRef,
        key: &Key,
        reliants: &[Reliant],
        into: &mut BTreeMap<(TableRef, RunId), Vec<Key>>,
    ) {
        let runs: BTreeSet<&RunId> = reliants
            .iter()
            .filter_map(|one| self.runs.get(one.run))
            .collect();
        for run in runs {
            let rows = into.entry((table.clone(), run.clone())).or_default();
            rows.push(key.clone());
        }
    }
}

/// Of other districts.
fn others(reliants: &[Reliant]) -> Vec<Reliant> {
    let others = reliants.iter().filter(|one| !one.is_same_district);
    others.copied().collect()
}

#[cfg(test)]
mod tests {
    use redistrict_model::{Column, ColumnType, Generated, StoreName, Table};
    use redistrict_store::RunState;

    use crate::fixtures;

    use super::*;

    fn table() -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", "t")
    }

    fn shape() -> Shape {
        let column = Column {
            name: "id".into(),
            source_type: "int".into(),
            column_type: ColumnType::Int64,
            nullable: false,
            generated: Generated::No,
            has_default: false,
            max_length: None,
            labels: Vec::new(),
            element: None,
        };
        let table = Table {
            columns: vec![column],
            primary_key: Some(vec!["id".into()]),
            ..Table::empty(table())
        };
        Shape {
            table,
            columns: vec!["id".into()],
            identity: vec!["id".into()],
            references: Vec::new(),
            image: vec!["id".into()],
            conversions: Vec::new(),
        }
    }

    fn record(run: &str, parent: Option<&str>, state: RunState) -> RunRecord {
        let district = run.trim_start_matches("rb-").trim_start_matches("rr-");
        RunRecord {
            origin: Some(origin(district)),
            ..fixtures::record(run, parent, state)
        }
    }

    fn origin(district: &str) -> RunOrigin {
        RunOrigin {
            district: district.into(),
            key: "k".into(),
        }
    }

    fn entry(run: &str, operation: LedgerOperation, is_stub: bool, keys: &[&str]) -> LedgerEntry {
        let after = operation != LedgerOperation::Relied;
        LedgerEntry {
            run: RunId::new(run),
            table: table(),
            part: if is_stub { 1 << 30 } else { 0 },
            operation,
            keys: keys.iter().map(|key| Key::of(*key)).collect(),
            after: keys.iter().filter(|_| after).map(|_| [7; 16]).collect(),
            before: None,
        }
    }

    fn rows(keys: &[&str]) -> Vec<InverseRow> {
        let rows = keys.iter().map(|key| InverseRow {
            key: Key::of(*key),
            is_stub: false,
            after: Some([7; 16]),
        });
        rows.collect()
    }

    fn inverse(delete: &[&str], restore: &[&str]) -> Vec<TableInverse> {
        vec![TableInverse {
            delete: rows(delete),
            restore: rows(restore),
            ..TableInverse::empty(shape())
        }]
    }

    fn texts<'k>(keys: impl IntoIterator<Item = &'k Key>) -> Vec<String> {
        keys.into_iter().map(|key| key.parts().join("/")).collect()
    }

    fn deleted(inverse: &[TableInverse]) -> Vec<String> {
        texts(inverse[0].delete.iter().map(|row| &row.key))
    }

    fn named(rows: &BTreeMap<(TableRef, RunId), Vec<Key>>) -> Vec<String> {
        let lines = rows
            .iter()
            .map(|((_, run), keys)| format!("{run}: {}", texts(keys).join(" ")));
        lines.collect()
    }

    /// Loads a, b and c stand; a brought rows 1 to 4, b relies on 1 and 2, c on 2 and, as a stub, on 3.
    fn three() -> (Vec<RunRecord>, Vec<LedgerEntry>) {
        use LedgerOperation::Relied;
        let loads = ["a", "b", "c"].map(|run| record(run, None, RunState::Committed));
        let entries = vec![
            entry("b", Relied, false, &["1", "2"]),
            entry("c", Relied, false, &["2"]),
            entry("c", Relied, true, &["3"]),
        ];
        (loads.to_vec(), entries)
    }

    fn seen_from(undone: &str, records: &[RunRecord], entries: &[LedgerEntry]) -> Reliance {
        let undone = RunId::new(undone);
        let now = records.iter().find(|record| record.run == undone);
        let now = now.and_then(|record| record.origin.clone()).unwrap();
        let runs = concerned(records, &undone);
        let ledgers: Vec<(&RunId, Ledger)> = runs
            .map(|run| {
                let of_run = entries.iter().filter(|entry| entry.run == *run);
                (run, of_run.cloned().collect())
            })
            .collect();
        let ledgers = ledgers.iter().map(|(run, ledger)| (*run, ledger));
        Reliance::of(records, &undone, &now, ledgers)
    }

    fn shape_of(_: &TableRef) -> Result<Shape, SkillError> {
        Ok(shape())
    }

    #[test]
    fn rows_that_others_rely_on_are_named_or_kept() {
        let (records, entries) = three();
        let reliance = seen_from("a", &records, &entries);
        let mut refused = inverse(&["1", "2", "3", "4"], &[]);
        let settled = reliance.take_out(&shape_of, &mut refused, SharedRows::Refuse);
        let settled = settled.unwrap();
        assert_eq!(named(&settled.relied), ["b: 1 2", "c: 2 3"]);
        assert!(settled.kept.is_empty());

        let mut kept = inverse(&["1", "2", "3", "4"], &[]);
        let settled = reliance.take_out(&shape_of, &mut kept, SharedRows::Retain);
        let settled = settled.unwrap();
        assert_eq!(named(&settled.kept), ["b: 1 2", "c: 2 3"]);
        assert!(settled.relied.is_empty());
        assert_eq!(deleted(&kept), ["4"]);
        assert_eq!(
            texts(kept[0].kept.iter().map(|row| &row.key)),
            ["1", "2", "3"]
        );
    }

    #[test]
    fn a_full_row_stays_one_for_who_relies_on_it_as_such() {
        let (records, entries) = three();
        let reliance = seen_from("a", &records, &entries);
        for shared in [SharedRows::Refuse, SharedRows::Retain] {
            let mut inverse = inverse(&[], &["1", "3", "4"]);
            let settled = reliance.take_out(&shape_of, &mut inverse, shared).unwrap();
            assert_eq!(named(&settled.relied), ["b: 1"], "{shared:?}");
        }
    }

    #[test]
    fn another_load_of_the_same_district_refuses_nothing_but_keeps_what_was_retained() {
        let (mut records, entries) = three();
        records[1].origin = Some(origin("a"));
        let mut of_a = inverse(&["1", "2"], &[]);
        let reliance = seen_from("a", &records, &entries);
        let settled = reliance.take_out(&shape_of, &mut of_a, SharedRows::Refuse);
        assert_eq!(named(&settled.unwrap().relied), ["c: 2"]);

        let (mut records, entries) = retained();
        records[1].origin = Some(origin("c"));
        let mut of_c = inverse(&["8"], &[]);
        let reliance = seen_from("c", &records, &entries);
        reliance
            .take_out(&shape_of, &mut of_c, SharedRows::Refuse)
            .unwrap();
        assert_eq!(
            deleted(&of_c),
            ["8", "3"],
            "b, of the same district, relies on 2"
        );
    }

    #[test]
    fn loads_that_are_taken_back_rely_on_nothing() {
        let (mut records, entries) = three();
        records[1].state = RunState::Undone;
        records.push(record("rb-b", Some("b"), RunState::Committed));
        let reliance = seen_from("a", &records, &entries);
        let mut inverse = inverse(&["1", "2"], &[]);
        let settled = reliance.take_out(&shape_of, &mut inverse, SharedRows::Refuse);
        assert_eq!(named(&settled.unwrap().relied), ["c: 2"]);
    }

    /// a was taken back and left rows 1 to 3.
    fn retained() -> (Vec<RunRecord>, Vec<LedgerEntry>) {
        let (mut records, mut entries) = three();
        records[0].state = RunState::Undone;
        records.push(record("rb-a", Some("a"), RunState::Committed));
        entries.push(entry(
            "rb-a",
            LedgerOperation::Retained,
            false,
            &["1", "2", "3"],
        ));
        (records, entries)
    }

    #[test]
    fn retained_rows_go_with_the_last_load_that_relies_on_them() {
        let (mut records, entries) = retained();
        let mut of_b = inverse(&["9"], &[]);
        let reliance = seen_from("b", &records, &entries);
        let settled = reliance.take_out(&shape_of, &mut of_b, SharedRows::Refuse);
        assert_eq!(texts_of_runs(&settled.unwrap()), ["rb-a"]);
        assert_eq!(deleted(&of_b), ["9", "1"], "c relies on 2");

        records[1].state = RunState::Undone;
        records.push(record("rb-b", Some("b"), RunState::Committed));
        let mut of_c = inverse(&["8"], &[]);
        let reliance = seen_from("c", &records, &entries);
        reliance
            .take_out(&shape_of, &mut of_c, SharedRows::Refuse)
            .unwrap();
        assert_eq!(deleted(&of_c), ["8", "2", "3"]);
    }

    fn texts_of_runs(settled: &Settled) -> Vec<String> {
        settled.adopted.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn of_rows_that_an_earlier_undo_retained_those_others_need_stay_without_a_word() {
        let (mut records, entries) = retained();
        records[1].state = RunState::Undone;
        records.push(record("rb-b", Some("b"), RunState::Undone));
        records.push(record("rr-b", Some("rb-b"), RunState::Committed));
        records[1].state = RunState::Committed;
        // The redo brought row 1 and 2 again, by its ledger.
        let mut of_redo = inverse(&["1", "2", "9"], &[]);
        let reliance = seen_from("rr-b", &records, &entries);
        let settled = reliance.take_out(&shape_of, &mut of_redo, SharedRows::Refuse);
        assert!(settled.unwrap().relied.is_empty());
        assert_eq!(deleted(&of_redo), ["1", "9"]);
    }

    #[test]
    fn a_load_that_comes_back_needs_what_it_relied_on_but_for_what_comes_with_it() {
        let (mut records, entries) = retained();
        records[1].state = RunState::Undone;
        records.push(record("rb-b", Some("b"), RunState::Committed));
        let mut inverse = inverse(&[], &[]);
        inverse[0].reinsert = rows(&["1"]);
        let settled = seen_from("rb-b", &records, &entries).bring_back(&mut inverse);
        assert_eq!(texts(&settled.needed[&table()]), ["2"]);
    }
}
