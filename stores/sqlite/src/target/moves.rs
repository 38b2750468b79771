//! Values of unique keys that move from one row of the run to another. SQLite compares with every row as it stands
//! when one is written, so what gives a value up has to give it up first. Must not touch rows that the run does not
//! update.

use redistrict_model::{Generated, Unique};
use redistrict_store::{StoreError, StoreErrorKind};
use rusqlite::Connection;

use super::foreign::count;
use super::stage::Staging;
use crate::error::Context;
use crate::names::quote;
use crate::tables::Entry;

/// Lets rows that are updated give up the unique values that other staged rows get: by NULL where the key takes
/// one, else by their new values, those first whose new values are free. What is written afterwards finds every
/// value free that the run frees.
///
/// # Errors
/// `Constraint` where rows exchange the values of a key in a ring and none of its columns may be NULL.
pub(crate) fn give_up_values(
    connection: &Connection,
    entry: &Entry,
    staging: &Staging,
) -> Result<(), StoreError> {
    if staging.is_keyless() {
        return Ok(());
    }
    for unique in &entry.table.uniques {
        if let Some(moving) = Moving::new(entry, staging, unique) {
            moving.give_up(connection)?;
        }
    }
    Ok(())
}

/// One unique key of one table.
struct Moving<'a> {
    entry: &'a Entry,
    staging: &'a Staging,
    unique: &'a Unique,
    /// The columns of the key with their staged names.
    columns: Vec<(&'a String, String)>,
    /// Those that an update writes.
    changed: Vec<(&'a String, String)>,
}

impl<'a> Moving<'a> {
    /// None where no update changes the key.
    fn new(entry: &'a Entry, staging: &'a Staging, unique: &'a Unique) -> Option<Self> {
        let staged = |name: &'a String| Some((name, staging.staged(name)?));
        let columns: Vec<_> = unique.columns.iter().map(staged).collect::<Option<_>>()?;
        let is_written = |name: &String| {
            let column = entry.table.column(name);
            !staging.identity.contains(name)
                && column.is_some_and(|one| one.generated != Generated::Stored)
        };
        let changed = columns.iter().filter(|(name, _)| is_written(name));
        let changed: Vec<_> = changed.cloned().collect();
        (!changed.is_empty()).then_some(Self {
            entry,
            staging,
            unique,
            columns,
            changed,
        })
    }

    fn give_up(&self, connection: &Connection) -> Result<(), StoreError> {
        let table = &self.entry.table.name;
        let nullable = self.changed.iter().find(|(name, _)| {
            let column = self.entry.table.column(name);
            column.is_some_and(|one| one.nullable)
        });
        let run = |sql: &str| {
            let done = connection.execute(sql, []);
            done.doing_at("move values of unique keys", table)
        };
        if let Some((column, _)) = nullable {
            let set = format!("{} = null", quote(column));
            return run(&self.update(&set, "true")).map(drop);
        }
        let set: Vec<String> = self
            .changed
            .iter()
            .map(|(name, staged)| format!("{} = s.{staged}", quote(name)))
            .collect();
        let is_free = format!(
            "not exists (select 1 from {} as h where {})",
            self.entry.sql_name(),
            self.holds("h", "s")
        );
        let move_on = self.update(&set.join(", "), &is_free);
        while run(&move_on)? > 0 {}
        let left = format!("select count(*) from ({})", self.givers());
        let left = count(connection, &left, table)?;
        let is_settled = left == 0;
        if is_settled {
            return Ok(());
        }
        let what = format!(
            "update rows: {left} of them hold values of unique key {} ({}) that others of them get, and none can be written first",
            self.unique.name,
            self.unique.columns.join(", ")
        );
        let refused = StoreError::new(StoreErrorKind::Constraint, what).at(table);
        Err(refused.with_code("SQLITE_CONSTRAINT_UNIQUE").with_hint(
            "where rows exchange the values of a key in a ring, one of its columns has to take NULL in CERT",
        ))
    }

    /// Writes rows that hold a value which another row gets.
    fn update(&self, set: &str, condition: &str) -> String {
        format!(
            "update or abort {} as t set {set} from {} as s where s.ordinal in ({}) and {} and {condition}",
            self.entry.sql_name(),
            self.staging.sql_name(),
            self.givers(),
            self.staging.joined("t", "s")
        )
    }

    /// Row `row` of the table holds the value that staged row `staged` gets.
    fn holds(&self, row: &str, staged: &str) -> String {
        let tests = self.columns.iter();
        let tests: Vec<String> = tests
            .map(|(name, value)| format!("{row}.{} = {staged}.{value}", quote(name)))
            .collect();
        tests.join(" and ")
    }

    /// The staged rows to update that hold a value which another staged row gets. Found by the index of the key.
    fn givers(&self) -> String {
        let stage = self.staging.sql_name();
        format!(
            "select s.ordinal from {stage} as w join {} as t on {} join {stage} as s on {} \
             where w.action <> 'leave' and s.action = 'update' and s.ordinal <> w.ordinal",
            self.entry.sql_name(),
            self.holds("t", "w"),
            self.staging.joined("t", "s")
        )
    }
}
