//! Writes the staged rows of one table: nodes as they are, relationships between nodes that have to be
//! there. Must not change what no staged row says.

use std::collections::{BTreeMap, HashMap};

use arrow::array::RecordBatch;
use neo4j::ValueSend;
use redistrict_model::{RunId, TableRef};
use redistrict_store::{Action, Applied, StoreError, StoreErrorKind};

use super::cells;
use super::merge::{key_of, key_parameters};
use super::pages::{Page, RowMaker};
use super::stage;
use super::staged::Marked;
use super::writes::{EndKey, StagedColumn, Writes};
use crate::bolt::{Record, Transaction};
use crate::error::{Context as _, bug, config};
use crate::live::{End, LiveTable, LiveTables, NODE, Role, Shape};
use crate::record::{Fields, one_count};
use crate::types::Form;

/// The labels of both ends.
type Ends = (String, String);

/// What writes one table.
pub(super) struct Applying<'a> {
    pub(super) transaction: &'a mut Transaction,
    pub(super) tables: &'a LiveTables,
    pub(super) run: &'a RunId,
    pub(super) name: &'a TableRef,
}

impl Applying<'_> {
    /// Writes the rows by their actions.
    pub(super) async fn apply(&mut self, marked: &Marked) -> Result<Applied, StoreError> {
        let table = self.tables.table(self.name)?;
        if marked.table.chunks.is_empty() {
            return Ok(Applied {
                table: self.name.clone(),
                inserted: 0,
                updated: 0,
            });
        }
        let columns = staged_columns(table, marked)?;
        let key = match marked.is_keyless() {
            true => Vec::new(),
            false => key_of(table, &marked.table.identity)?,
        };
        require_same_key(&columns, &key, self.name)?;
        let writes = Writes {
            table,
            constraints: &self.tables.constraints,
        };
        let is_node = matches!(table.shape, Shape::Node { .. });
        let mut writer = Writer {
            applying: self,
            writes,
            columns,
            key,
            is_node,
            starts: HashMap::new(),
            ends: HashMap::new(),
            inserts: BTreeMap::new(),
            updates: BTreeMap::new(),
            applied: Applied {
                table: writes.table.entry.name.clone(),
                inserted: 0,
                updated: 0,
            },
        };
        for chunk in &marked.table.chunks {
            let applying = &mut writer.applying;
            let batch =
                stage::rows(applying.transaction, applying.run, applying.name, *chunk).await?;
            for row in 0..batch.num_rows() {
                let key = match marked.is_keyless() {
                    true => chunk.staged_key(row),
                    false => {
                        let places = marked.table.identity_places();
                        cells::key(&batch, &places, row, writer.applying.name)?
                    }
                };
                writer.write(&batch, row, marked.action(&key)).await?;
            }
        }
        writer.finish().await
    }
}

struct Writer<'w, 'a> {
    applying: &'w mut Applying<'a>,
    writes: Writes<'w>,
    columns: Vec<StagedColumn>,
    key: Vec<(String, Form)>,
    is_node: bool,
    /// The tables that came up at each end, by label.
    starts: HashMap<String, EndKey>,
    ends: HashMap<String, EndKey>,
    /// By the labels of the ends; nodes have none.
    inserts: BTreeMap<Option<Ends>, Page>,
    updates: BTreeMap<Option<Ends>, Page>,
    applied: Applied,
}

impl Writer<'_, '_> {
    async fn write(
        &mut self,
        batch: &RecordBatch,
        row: usize,
        action: Action,
    ) -> Result<(), StoreError> {
        if action == Action::Leave {
            return Ok(());
        }
        let name = self.applying.name;
        let columns = std::mem::take(&mut self.columns);
        let maker = RowMaker {
            table: name,
            columns: &columns,
        };
        let made = self.row(&maker, batch, row);
        self.columns = columns;
        let (ends, values) = made?;
        let pages = match action {
            Action::Insert => &mut self.inserts,
            _ => &mut self.updates,
        };
        let full = pages.entry(ends.clone()).or_default().push(values);
        match full {
            Some(rows) => self.send(ends.as_ref(), rows, action).await,
            None => Ok(()),
        }
    }

    fn row(
        &mut self,
        maker: &RowMaker<'_>,
        batch: &RecordBatch,
        row: usize,
    ) -> Result<(Option<Ends>, ValueSend), StoreError> {
        if self.is_node {
            return Ok((None, maker.row(batch, row, None)?));
        }
        let start = maker.end_label(batch, row, End::Start)?;
        let end = maker.end_label(batch, row, End::End)?;
        for (known, of, label) in [
            (&mut self.starts, End::Start, &start),
            (&mut self.ends, End::End, &end),
        ] {
            if !known.contains_key(label) {
                let key = end_key(self.applying.tables, self.writes.table, of, label)?;
                known.insert(label.clone(), key);
            }
        }
        let (Some(a), Some(b)) = (self.starts.get(&start), self.ends.get(&end)) else {
            return Err(bug("find the tables of a relationship").at(self.applying.name));
        };
        let values = maker.row(batch, row, Some((a, b)))?;
        Ok((Some((start, end)), values))
    }

    async fn finish(mut self) -> Result<Applied, StoreError> {
        for (action, pages) in [
            (Action::Update, std::mem::take(&mut self.updates)),
            (Action::Insert, std::mem::take(&mut self.inserts)),
        ] {
            for (ends, mut page) in pages {
                let rows = page.take();
                if !rows.is_empty() {
                    self.send(ends.as_ref(), rows, action).await?;
                }
            }
        }
        Ok(self.applied)
    }

    async fn send(
        &mut self,
        ends: Option<&Ends>,
        rows: Vec<ValueSend>,
        action: Action,
    ) -> Result<(), StoreError> {
        let wanted = rows.len() as u64;
        match action {
            Action::Insert => {
                let written = self.insert(ends, rows).await?;
                self.applied.inserted += written;
                if written == wanted {
                    return Ok(());
                }
                Err(bug("insert each row once").at(self.applying.name))
            }
            _ => {
                let written = self.update(ends, rows).await?;
                self.applied.updated += written;
                if written == wanted {
                    return Ok(());
                }
                Err(bug("update rows that are not there").at(self.applying.name))
            }
        }
    }

    async fn insert(
        &mut self,
        ends: Option<&Ends>,
        rows: Vec<ValueSend>,
    ) -> Result<u64, StoreError> {
        let what = "insert rows";
        let Some(ends) = ends else {
            let text = self.writes.create_nodes(&self.columns);
            return self.run_inside(what, text, rows).await;
        };
        let (a, b) = self.keys(ends)?;
        let text = self.writes.create_relationships(&self.columns, a, b);
        let missing = self.writes.missing_ends(&self.columns, a, b);
        let wanted = rows.len() as u64;
        let written = self.run(what, text, rows.clone()).await?;
        if written != wanted {
            self.require_ends(missing, rows).await?;
        }
        Ok(written)
    }

    async fn update(
        &mut self,
        ends: Option<&Ends>,
        rows: Vec<ValueSend>,
    ) -> Result<u64, StoreError> {
        let what = "update rows";
        if self.key.is_empty() {
            return Err(bug("update rows of a table without a key").at(self.applying.name));
        }
        if let Some(ends) = ends {
            let (a, b) = self.keys(ends)?;
            let missing = self.writes.missing_ends(&self.columns, a, b);
            let moved = self
                .writes
                .move_relationships(&self.columns, &self.key, a, b);
            self.require_ends(missing, rows.clone()).await?;
            self.run(what, moved, rows.clone()).await?;
        }
        let text = self.writes.update(&self.columns, &self.key);
        self.run_inside(what, text, rows).await
    }

    fn keys(&self, (start, end): &Ends) -> Result<(&EndKey, &EndKey), StoreError> {
        let unknown = || bug("find the tables of a relationship").at(self.applying.name);
        let start = self.starts.get(start).ok_or_else(unknown)?;
        Ok((start, self.ends.get(end).ok_or_else(unknown)?))
    }

    /// Refuses rows of which an end is not there.
    async fn require_ends(&mut self, text: String, rows: Vec<ValueSend>) -> Result<(), StoreError> {
        let missing = self
            .run("look for the ends of relationships", text, rows)
            .await?;
        if missing == 0 {
            return Ok(());
        }
        let what = format!("write relationships: {missing} rows have an end that is not there");
        Err(StoreError::new(StoreErrorKind::Constraint, what)
            .at(self.applying.name)
            .with_hint("the nodes at both ends have to be in the target or be loaded with them"))
    }

    /// Runs a statement that tells a number.
    async fn run(
        &mut self,
        what: &str,
        text: String,
        rows: Vec<ValueSend>,
    ) -> Result<u64, StoreError> {
        let records = self.records(what, text, rows).await?;
        one_count(records).ok_or_else(|| bug(what).at(self.applying.name))
    }

    /// Runs a statement that tells how many rows it wrote and how many of them stand in another table.
    async fn run_inside(
        &mut self,
        what: &str,
        text: String,
        rows: Vec<ValueSend>,
    ) -> Result<u64, StoreError> {
        let mut records = self.records(what, text, rows).await?;
        let name = self.applying.name;
        let mut fields = Fields::of(records.pop().unwrap_or_default());
        let (Some(written), Some(astray)) = (fields.count(), fields.count()) else {
            return Err(bug(what).at(name));
        };
        if astray == 0 {
            return Ok(written);
        }
        let what = format!(
            "{what}: {astray} of them would stand in the table of another of their labels, on which \
             only the target has a uniqueness constraint"
        );
        Err(StoreError::new(StoreErrorKind::Constraint, what)
            .at(name)
            .with_hint(
                "drop the target's uniqueness constraint on the other label, or make it in PROD, \
                 too, and analyze again",
            ))
    }

    async fn records(
        &mut self,
        what: &str,
        text: String,
        rows: Vec<ValueSend>,
    ) -> Result<Vec<Record>, StoreError> {
        let mut values = key_parameters(self.writes.table);
        values.insert("rows".to_owned(), ValueSend::List(rows));
        let name = self.applying.name;
        let records = self
            .applying
            .transaction
            .all(text, values)
            .await
            .doing_at(what, name)?;
        Ok(records)
    }
}

/// The staged columns with what they stand for; properties are written with the types that were staged.
pub(super) fn staged_columns(
    table: &LiveTable,
    marked: &Marked,
) -> Result<Vec<StagedColumn>, StoreError> {
    let live = table.columns(&marked.table.columns)?;
    let staged = live
        .into_iter()
        .zip(&marked.table.forms)
        .map(|(column, form)| StagedColumn {
            name: column.name.clone(),
            role: match column.role {
                Role::Property(_) => Role::Property(*form),
                role => role,
            },
        });
    Ok(staged.collect())
}

/// A key whose values in the target are of other types than the staged ones would be found by no text.
fn require_same_key(
    columns: &[StagedColumn],
    key: &[(String, Form)],
    name: &TableRef,
) -> Result<(), StoreError> {
    for (property, form) in key {
        let is_same = |column: &StagedColumn| {
            column.name == *property && column.role == Role::Property(*form)
        };
        if !columns.iter().any(is_same) {
            let what = format!(
                "write rows by key {property:?}: its values in the target are of other types"
            );
            return Err(config(what).at(name));
        }
    }
    Ok(())
}

/// The key by which relationships name the nodes of a label: that of its table, else what the
/// relationships' own foreign keys tell of it, else the label's first uniqueness constraint.
fn end_key(
    tables: &LiveTables,
    table: &LiveTable,
    end: End,
    label: &str,
) -> Result<EndKey, StoreError> {
    let name = TableRef::new(&table.entry.name.store, NODE, label);
    let label = label.to_owned();
    if let Ok(nodes) = tables.table(&name) {
        let no_key = || bug("write relationships to nodes without a key").at(&name);
        let identity = nodes.entry.identity().ok_or_else(no_key)?;
        let key = key_of(nodes, identity)?;
        return Ok(EndKey { label, key });
    }
    let known = table.shape.end_tables(end).iter();
    let known = known
        .filter(|one| one.label == label)
        .map(|one| one.key.clone());
    let constraints = tables.constraints.nodes.get(&label).into_iter().flatten();
    let constrained = constraints.map(|one| {
        let properties = one.properties.iter();
        properties
            .map(|property| (property.clone(), None))
            .collect()
    });
    let typed = |key: Vec<(String, Option<Form>)>| {
        let part = |(part, (property, form)): (usize, (String, Option<Form>))| {
            Some((property, form.or_else(|| form_of_part(table, end, part))?))
        };
        key.into_iter()
            .enumerate()
            .map(part)
            .collect::<Option<Vec<_>>>()
    };
    match known.chain(constrained).find_map(typed) {
        Some(key) => Ok(EndKey { label, key }),
        None => {
            let what = "write relationships whose ends are in a table that is not there";
            Err(StoreError::new(StoreErrorKind::Constraint, what).at(&name))
        }
    }
}

/// What the values of a part of an end's key travel as.
fn form_of_part(table: &LiveTable, end: End, part: usize) -> Option<Form> {
    table.columns.iter().find_map(|column| match column.role {
        Role::Key(of, number, form) if of == end && number == part => Some(form),
        _ => None,
    })
}
