//! Values of unique keys that move from one row of the run to another. The server compares with every row as it
//! stands when one is written, so what gives a value up has to give it up first. Must not touch rows that the run does
//! not update.

use std::collections::HashSet;

use neo4j::ValueSend;
use redistrict_model::{Key, Unique};
use redistrict_store::{Action, StoreError};

use super::apply::{Applying, staged_columns};
use super::locked::LockedRows;
use super::merge::{key_of, key_parameters};
use super::pages::{Page, RowMaker, named};
use super::stage;
use super::staged::Marked;
use super::writes::{StagedColumn, Writes, properties};
use crate::error::{Context as _, bug};
use crate::live::LiveTable;
use crate::record::Fields;
use crate::types::Form;

/// Lets rows that are updated give up the unique values that other staged rows get: a property that is not there
/// is in nobody's way. What is written afterwards finds every value free that the run frees.
pub(super) async fn give_up_values(
    applying: &mut Applying<'_>,
    marked: &Marked,
    locked: &mut LockedRows,
) -> Result<(), StoreError> {
    let updated = marked.keys(|action| action == Action::Update);
    if updated.is_empty() {
        return Ok(());
    }
    let table = applying.tables.table(applying.name)?;
    let columns = staged_columns(table, marked)?;
    for unique in &table.entry.uniques {
        let is_key = |name: &&String| marked.table.identity.contains(*name);
        let Some(property) = unique.columns.iter().find(|name| !is_key(name)) else {
            continue;
        };
        let Some(forms) = forms(&columns, unique) else {
            continue;
        };
        let moving = Moving {
            table,
            columns: &columns,
            unique: &forms,
            key: &key_of(table, &marked.table.identity)?,
        };
        let wanted = moving.holders(applying, marked).await?;
        if wanted.is_empty() {
            continue;
        }
        let places = locked.places(applying.transaction, applying.tables, table, &updated);
        let mut givers = places.await?;
        givers.retain(|place| wanted.contains(place));
        moving.give_up(applying, property, &givers).await?;
    }
    Ok(())
}

/// The staged properties of a key with their forms; none where one of them is not staged.
fn forms(columns: &[StagedColumn], unique: &Unique) -> Option<Vec<(String, Form)>> {
    let form = |name: &String| {
        let mut staged = properties(columns);
        let staged = staged.find(|(staged, _)| *staged == name);
        staged.map(|(_, form)| (name.clone(), form))
    };
    unique.columns.iter().map(form).collect()
}

/// One unique key of one table.
struct Moving<'a> {
    table: &'a LiveTable,
    columns: &'a [StagedColumn],
    unique: &'a [(String, Form)],
    /// What tells the rows.
    key: &'a [(String, Form)],
}

impl Moving<'_> {
    fn writes<'w>(&'w self, applying: &'w Applying<'_>) -> Writes<'w> {
        Writes {
            table: self.table,
            constraints: &applying.tables.constraints,
        }
    }

    /// Where the rows are that hold a value which another staged row gets.
    async fn holders(
        &self,
        applying: &mut Applying<'_>,
        marked: &Marked,
    ) -> Result<HashSet<String>, StoreError> {
        let text = self
            .writes(applying)
            .holders(self.columns, self.unique, self.key);
        let identity = marked.table.identity_places();
        let maker = RowMaker {
            table: applying.name,
            columns: self.columns,
        };
        let (mut found, mut page) = (HashSet::new(), Page::default());
        for chunk in &marked.table.chunks {
            let batch =
                stage::rows(applying.transaction, applying.run, applying.name, *chunk).await?;
            for row in 0..batch.num_rows() {
                let key = super::cells::key(&batch, &identity, row, applying.name)?;
                if marked.action(&key) == Action::Leave {
                    continue;
                }
                if let Some(rows) = page.push(maker.row(&batch, row, None)?) {
                    self.ask(applying, &text, rows, &mut found).await?;
                }
            }
        }
        self.ask(applying, &text, page.take(), &mut found).await?;
        Ok(found)
    }

    async fn ask(
        &self,
        applying: &mut Applying<'_>,
        text: &str,
        rows: Vec<ValueSend>,
        found: &mut HashSet<String>,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let what = "look for values that move";
        let mut values = key_parameters(self.table);
        values.insert("rows".to_owned(), ValueSend::List(rows));
        let records = applying.transaction.all(text, values).await;
        for record in records.doing_at(what, applying.name)? {
            let place = Fields::of(record).text();
            found.insert(place.ok_or_else(|| bug(what).at(applying.name))?);
        }
        Ok(())
    }

    /// Takes the property off the rows at these places.
    async fn give_up(
        &self,
        applying: &mut Applying<'_>,
        property: &str,
        places: &[String],
    ) -> Result<(), StoreError> {
        let text = self.writes(applying).give_up(property);
        let places: Vec<Key> = places.iter().map(|place| Key::of(place.as_str())).collect();
        for rows in named(&places, None, applying.name)? {
            let mut values = key_parameters(self.table);
            values.insert("rows".to_owned(), ValueSend::List(rows));
            let done = applying.transaction.all(text.as_str(), values).await;
            done.doing_at("move values of unique keys", applying.name)?;
        }
        Ok(())
    }
}
