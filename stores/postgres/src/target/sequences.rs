//! Sequences that feed columns: raised inside of the merge, so that they are above our rows before anybody sees
//! these; never lowered, whoever draws from them meanwhile. What is raised stays raised.

use redistrict_model::{Finding, TableRef};
use redistrict_store::{RaisedSequence, StoreError};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::error::{bug, failed, failed_at};
use crate::live::LiveTables;
use crate::statement::{SEQUENCES, column_of, quoted};

/// So many values are drawn one by one. Drawing never lowers, whoever else draws; setting would, if others drew
/// more values than this within that one statement.
const DRAWS: i64 = 10_000;

/// Raises each sequence to the largest value in its column; gives those that were moved.
pub(super) async fn raise(
    client: &Client,
    tables: &LiveTables,
    names: &[TableRef],
) -> Result<Vec<RaisedSequence>, StoreError> {
    let mut raised: Vec<RaisedSequence> = Vec::new();
    for (name, row) in of_tables(client, names).await? {
        let Some(one) = raise_one(client, tables, name, &row).await? else {
            continue;
        };
        // One sequence may feed several columns.
        match raised
            .iter_mut()
            .find(|known| known.sequence == one.sequence)
        {
            Some(known) => known.to = one.to,
            None => raised.push(one),
        }
    }
    Ok(raised)
}

/// An ERROR for each sequence that the role could not raise.
pub(super) async fn missing_rights(
    client: &Client,
    names: &[TableRef],
) -> Result<Vec<Finding>, StoreError> {
    let rows = of_tables(client, names).await?;
    let missing = rows
        .iter()
        .filter(|(_, row)| !row.get::<_, bool>("may_raise"));
    let findings = missing.map(|(name, row)| {
        let sequence = qualified(row);
        let message = format!(
            "the role may not raise sequence {sequence}, so that the application's next row would get the key of a \
             row that was loaded"
        );
        let role: &str = row.get("role");
        let schema = quoted(row.get("sequence_schema"));
        let lines = [
            format!("grant usage on schema {schema} to {role};     -- in CERT"),
            format!("grant select, update on sequence {sequence} to {role};     -- in CERT"),
        ];
        Finding::error("sequence-right", name.to_string(), message, 1).with_lines(lines)
    });
    Ok(findings.collect())
}

/// The sequences that feed columns of the tables, each with its table.
async fn of_tables<'n>(
    client: &Client,
    names: &'n [TableRef],
) -> Result<Vec<(&'n TableRef, Row)>, StoreError> {
    let schemas: Vec<&str> = names.iter().map(|name| name.schema.as_str()).collect();
    let relations: Vec<&str> = names.iter().map(|name| name.table.as_str()).collect();
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&schemas, Type::TEXT_ARRAY), (&relations, Type::TEXT_ARRAY)];
    let rows = client.query_typed(SEQUENCES.as_str(), &parameters).await;
    let rows = rows.map_err(|error| failed("find the sequences", &error))?;
    let named = rows.into_iter().filter_map(|row| {
        let (schema, relation): (&str, &str) = (row.get("schema_name"), row.get("table_name"));
        let is_it = |name: &&TableRef| name.schema == schema && name.table == relation;
        Some((names.iter().find(is_it)?, row))
    });
    Ok(named.collect())
}

fn qualified(row: &Row) -> String {
    let (schema, sequence): (&str, &str) = (row.get("sequence_schema"), row.get("sequence_name"));
    format!("{}.{}", quoted(schema), quoted(sequence))
}

async fn raise_one(
    client: &Client,
    tables: &LiveTables,
    name: &TableRef,
    row: &Row,
) -> Result<Option<RaisedSequence>, StoreError> {
    let sequence = qualified(row);
    let what = format!("raise sequence {sequence}");
    let refused = |error: tokio_postgres::Error| failed_at(&what, name, &error);
    let table = tables.table(name)?;
    let value = column_of("t", table.column(row.get("column_name"))?);
    // A value above its end, an infinity, NaN: the sequence will never come to it.
    let highest: i64 = row.get("highest");
    let sql = format!(
        "select max({value})::int8 from {} as t where {value} <= $1",
        table.relation()
    );
    let used = client.query_typed(&sql, &[(&highest, Type::INT8)]).await;
    let used = used.map_err(refused)?;
    let used: Option<i64> = used.first().and_then(|row| row.get(0));
    let before = Position::read(client, &sequence).await.map_err(refused)?;
    let before = before.ok_or_else(|| bug(&*what).at(name))?;
    let moved = match before.way_to(used, row.get("step"), highest) {
        Way::None => return Ok(None),
        Way::Draw(values) => {
            let sql = "select max(nextval($1::text::regclass)) from generate_series(1, $2)";
            let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                [(&sequence, Type::TEXT), (&values, Type::INT8)];
            client.query_typed(sql, &parameters).await
        }
        Way::Set(value) => {
            let sql = format!(
                "select setval($1::text::regclass, $2) from {sequence} as q where q.last_value < $2"
            );
            let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                [(&sequence, Type::TEXT), (&value, Type::INT8)];
            client.query_typed(&sql, &parameters).await
        }
    };
    moved.map_err(refused)?;
    let after = Position::read(client, &sequence).await.map_err(refused)?;
    let after = after.ok_or_else(|| bug(&*what).at(name))?;
    Ok(Some(RaisedSequence {
        sequence,
        from: before.is_called.then_some(before.last),
        to: after.last,
    }))
}

/// Where a sequence is.
#[derive(Clone, Copy, Debug)]
struct Position {
    last: i64,
    /// The last value was given; else it is the next one.
    is_called: bool,
}

/// How a sequence gets above a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is.
    None,
    /// By drawing so many values.
    Draw(i64),
    Set(i64),
}

impl Position {
    async fn read(client: &Client, sequence: &str) -> Result<Option<Self>, tokio_postgres::Error> {
        let sql = format!("select last_value, is_called from {sequence}");
        let rows = client.query_typed(&sql, &[]).await?;
        Ok(rows.first().map(|row| Self {
            last: row.get(0),
            is_called: row.get(1),
        }))
    }

    /// So that no value that comes is `used`. Values are drawn only where that many more have room: the last one
    /// of a sequence that cycles would begin it anew.
    fn way_to(self, used: Option<i64>, step: i64, highest: i64) -> Way {
        let Some(used) = used else { return Way::None };
        let (last, step) = (i128::from(self.last), i128::from(step));
        let next = if self.is_called { last + step } else { last };
        if i128::from(used) < next {
            return Way::None;
        }
        let draws = (i128::from(used) - next + step - 1) / step + 1;
        let room = next + (draws + i128::from(DRAWS)) * step;
        match i64::try_from(draws) {
            Ok(draws) if draws <= DRAWS && room <= i128::from(highest) => Way::Draw(draws),
            _ => Way::Set(used),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_gaps_are_drawn_and_wide_ones_set_and_nothing_is_lowered() {
        let way = |last, is_called, used, step, highest| {
            Position { last, is_called }.way_to(used, step, highest)
        };
        let end = i64::MAX;
        for (last, is_called, used, step, highest, expected) in [
            (1, false, None, 1, end, Way::None),
            (100, true, Some(41), 1, end, Way::None),
            (41, true, Some(41), 1, end, Way::None),
            (41, false, Some(41), 1, end, Way::Draw(1)),
            (1, false, Some(9), 1, end, Way::Draw(9)),
            (40, true, Some(41), 1, end, Way::Draw(1)),
            // 50 comes next, and no 45 ever.
            (40, true, Some(45), 10, end, Way::None),
            (40, true, Some(50), 10, end, Way::Draw(1)),
            (40, true, Some(51), 10, end, Way::Draw(2)),
            (1, false, Some(DRAWS), 1, end, Way::Draw(DRAWS)),
            (1, false, Some(DRAWS + 1), 1, end, Way::Set(DRAWS + 1)),
            (1, false, Some(30), 1, 100, Way::Set(30)),
            (-5, true, Some(end), 1, end, Way::Set(end)),
            (i64::MIN, false, Some(end), 1, end, Way::Set(end)),
        ] {
            let found = way(last, is_called, used, step, highest);
            assert_eq!(found, expected, "{last} {is_called} {used:?} {step}");
        }
    }
}
