//! The run records: there if and only if a run's data is there, the same row in every file.

use redistrict_model::RunId;
use redistrict_store::{Epoch, RunOrigin, RunRecord, RunState, StoreError};
use rusqlite::{Connection, Row, params};

use super::enrolment::is_current;
use crate::error::{Context, bug};
use crate::names::quote;

/// Writes the record into every file, inside the open transaction.
pub(crate) fn insert(
    connection: &Connection,
    aliases: &[String],
    record: &RunRecord,
) -> Result<(), StoreError> {
    let what = "write the record of a run";
    for alias in aliases {
        let table = format!("{}.redistrict_run", quote(alias));
        let is_there: bool = connection
            .query_row(
                &format!("select count(*) from {table} where run_id = ?1"),
                [record.run.as_str()],
                |row| row.get(0),
            )
            .doing(what)?;
        if is_there {
            return Err(bug(format!(
                "commit run {}: it is committed already",
                record.run
            )));
        }
        let sql = format!(
            "insert into {table} (run_id, parent, epoch, plan_digest, state, district, key_id) \
             values (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        );
        let origin = record.origin.as_ref();
        let values = params![
            record.run.as_str(),
            record.parent.as_ref().map(RunId::as_str),
            record.epoch.0,
            record.plan_digest,
            record.state.as_str(),
            origin.map(|one| one.district.as_str()),
            origin.map(|one| one.key.as_str())
        ];
        connection.execute(&sql, values).doing(what)?;
    }
    Ok(())
}

/// Changes the state of a record in every file that has it, inside the open transaction.
pub(crate) fn set_state(
    connection: &Connection,
    aliases: &[String],
    run: &RunId,
    state: RunState,
) -> Result<(), StoreError> {
    let mut changed = 0;
    for alias in aliases {
        let sql = format!(
            "update {}.redistrict_run set state = ?1 where run_id = ?2",
            quote(alias)
        );
        changed += connection
            .execute(&sql, params![state.as_str(), run.as_str()])
            .doing("change the state of a run")?;
    }
    if changed == 0 {
        return Err(bug(format!(
            "change the state of run {run}: it has no record"
        )));
    }
    Ok(())
}

/// All records, oldest first: those of every file, because a group may have had fewer files once.
pub(crate) fn read(
    connection: &Connection,
    aliases: &[String],
) -> Result<Vec<RunRecord>, StoreError> {
    let mut records: Vec<RunRecord> = Vec::new();
    for alias in aliases {
        if !is_current(connection, alias)? {
            continue;
        }
        for record in read_file(connection, alias)? {
            match records.iter().find(|known| known.run == record.run) {
                None => records.push(record),
                Some(known) if *known == record => {}
                Some(_) => {
                    let what = format!("read run {}: the files of its group differ", record.run);
                    return Err(bug(what));
                }
            }
        }
    }
    records.sort_by(|a, b| (a.epoch, &a.run).cmp(&(b.epoch, &b.run)));
    Ok(records)
}

fn read_file(connection: &Connection, alias: &str) -> Result<Vec<RunRecord>, StoreError> {
    let what = "read the runs of a SQLite target";
    let sql = format!(
        "select run_id, parent, epoch, plan_digest, state, district, key_id \
         from {}.redistrict_run order by position",
        quote(alias)
    );
    let mut statement = connection.prepare(&sql).doing(what)?;
    let rows = statement.query_map([], record).doing(what)?;
    rows.map(|row| {
        let (mut record, state) = row.doing(what)?;
        record.state = RunState::parse(&state).ok_or_else(|| bug("read the state of a run"))?;
        Ok(record)
    })
    .collect()
}

fn record(row: &Row<'_>) -> Result<(RunRecord, String), rusqlite::Error> {
    let origin = |(district, key)| RunOrigin { district, key };
    let district: Option<String> = row.get(5)?;
    let record = RunRecord {
        run: RunId::new(row.get::<_, String>(0)?),
        parent: row.get::<_, Option<String>>(1)?.map(RunId::new),
        epoch: Epoch(row.get(2)?),
        plan_digest: row.get(3)?,
        state: RunState::Committed,
        origin: district.zip(row.get(6)?).map(origin),
    };
    Ok((record, row.get(4)?))
}
