//! The mark that makes a file a target, and our own objects in it.

use redistrict_store::{Enrolment, Fingerprint, StoreError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::error::{Context, config};
use crate::names::{OWN, quote};

/// The version of our own objects. A file with a newer one is left alone; one with an older one is enrolled again
/// before it is written.
const FORMAT: i64 = 3;
/// What a version has brought that an older file lacks: table, column, type.
const ADDED: [(&str, &str, &str); 5] = [
    ("redistrict_lease", "owner", "text"),
    ("redistrict_lease", "beat", "integer"),
    ("redistrict_lease", "journal_mode", "text"),
    ("redistrict_run", "district", "text"),
    ("redistrict_run", "key_id", "text"),
];

/// Makes our own objects and writes the mark, in one transaction.
pub(crate) fn write(connection: &mut Connection, enrolment: &Enrolment) -> Result<(), StoreError> {
    let what = "enroll a SQLite file";
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .doing(what)?;
    if read(&transaction, "main")?.is_none() {
        refuse_namesakes(&transaction)?;
    }
    transaction
        .execute_batch(include_str!("../sql/objects.sql"))
        .doing(what)?;
    add_columns(&transaction).doing(what)?;
    transaction
        .execute(
            include_str!("../sql/enroll.sql"),
            params![
                FORMAT,
                enrolment.uuid,
                enrolment.name,
                enrolment.at,
                enrolment.fingerprint.0
            ],
        )
        .doing(what)?;
    transaction.commit().doing(what)
}

/// To the objects of a file that an earlier version has enrolled.
fn add_columns(connection: &Connection) -> Result<(), rusqlite::Error> {
    for (table, column, column_type) in ADDED {
        let sql = "select count(*) from pragma_table_info(?1) where name = ?2";
        let is_there: bool = connection.query_row(sql, [table, column], |row| row.get(0))?;
        if !is_there {
            let sql = format!("alter table {table} add column {column} {column_type}");
            connection.execute(&sql, [])?;
        }
    }
    Ok(())
}

/// Something in the file has the name of one of our own objects and is none.
fn refuse_namesakes(connection: &Connection) -> Result<(), StoreError> {
    let what = "look for objects in a SQLite file that are named like ours";
    let mut statement = connection
        .prepare("select name from sqlite_schema where lower(name) = ?1")
        .doing(what)?;
    for own in OWN {
        let found: Option<String> = statement
            .query_row([own], |row| row.get(0))
            .optional()
            .doing(what)?;
        if let Some(name) = found {
            let what = format!("enroll a SQLite file that has a {name:?} of its own");
            return Err(config(what)
                .with_hint("the tool keeps its own record under this name: rename the other"));
        }
    }
    Ok(())
}

/// The mark of the file attached as `alias`, if there is one.
pub(crate) fn read(connection: &Connection, alias: &str) -> Result<Option<Enrolment>, StoreError> {
    Ok(read_with_format(connection, alias)?.map(|(_, mark)| mark))
}

fn read_with_format(
    connection: &Connection,
    alias: &str,
) -> Result<Option<(i64, Enrolment)>, StoreError> {
    let what = "read the enrolment of a SQLite file";
    if !is_enrolled(connection, alias).doing(what)? {
        return Ok(None);
    }
    let sql = format!(
        "select format, uuid, name, at, fingerprint from {}.redistrict_environment",
        quote(alias)
    );
    let found = connection
        .query_row(&sql, [], |row| {
            let mark = Enrolment {
                uuid: row.get(1)?,
                name: row.get(2)?,
                at: row.get(3)?,
                fingerprint: Fingerprint(row.get(4)?),
            };
            Ok((row.get::<_, i64>(0)?, mark))
        })
        .optional()
        .doing(what)?;
    match found {
        Some((format, _)) if format > FORMAT => Err(config(
            "use a target that a newer version of redistrict has enrolled",
        )),
        other => Ok(other),
    }
}

/// Refuses a file that nobody has marked as a target, or whose mark was made for another file.
pub(crate) fn require(
    connection: &Connection,
    alias: &str,
    fingerprint: &Fingerprint,
) -> Result<(), StoreError> {
    let hint = "a person enrolls a target once: redistrict enroll STORE --name NAME";
    match read_with_format(connection, alias)? {
        None => Err(config("write a target that was never enrolled").with_hint(hint)),
        Some((format, _)) if format < FORMAT => Err(older()),
        Some((_, mark)) if mark.fingerprint != *fingerprint => {
            let what = "write a target whose enrolment was made for another file";
            Err(config(what).with_hint(hint))
        }
        Some(_) => Ok(()),
    }
}

/// The file has our own objects, and they are of this version.
pub(crate) fn is_current(connection: &Connection, alias: &str) -> Result<bool, StoreError> {
    match read_with_format(connection, alias)? {
        None => Ok(false),
        Some((format, _)) if format < FORMAT => Err(older()),
        Some(_) => Ok(true),
    }
}

fn older() -> StoreError {
    config("use a target that an earlier version of redistrict has enrolled").with_hint(
        "a person enrolls it again, nothing of it is lost: redistrict enroll STORE --name NAME",
    )
}

/// The file has our own objects; a table of the same name with other columns is none of them.
pub(crate) fn is_enrolled(connection: &Connection, alias: &str) -> Result<bool, rusqlite::Error> {
    let sql = "select count(*) = 6 from pragma_table_info('redistrict_environment', ?1) \
               where name in ('only_row', 'format', 'uuid', 'name', 'at', 'fingerprint')";
    connection.query_row(sql, [alias], |row| row.get(0))
}
