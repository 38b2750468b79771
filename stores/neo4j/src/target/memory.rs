//! Whether a merge fits into the server's transaction memory. A transaction is held there until it is
//! committed, and committing takes as much again; what does not fit fails at the end of the work.

use redistrict_model::{Finding, StoreName};
use redistrict_store::{StoreError, TableSize};

use crate::bolt::{Parameters, Transaction};
use crate::error::{Context as _, bug};
use crate::live::NODE;
use crate::record::Fields;

/// Measured on 5.26 Community by the largest transaction that commits (docs/design/graph.md): a node
/// with a unique key …
const NODE_BYTES: u64 = 2_400;
/// … a relationship between nodes …
const RELATIONSHIP_BYTES: u64 = 2_500;
/// … each property …
const PROPERTY_BYTES: u64 = 500;
/// … and each byte of its value.
const VALUE_FACTOR: u64 = 4;
/// Keys and hashes of a row in the ledger, and the lock on it.
const LEDGER_BYTES: u64 = 300;

/// One part in so many is left to others: the limit of all transactions is theirs, too, and what a node
/// takes varies with how the server lays it out.
const SPARE: u64 = 8;

/// Columns of ours that are no properties.
const NODE_COLUMNS: usize = 2;
const RELATIONSHIP_COLUMNS: usize = 5;

/// Limits of a transaction, then of all of them together; 0 is none.
const SETTINGS: [&str; 3] = [
    "db.memory.transaction.max",
    "db.memory.transaction.total.max",
    "dbms.memory.transaction.total.max",
];
const READ_SETTINGS: &str = "SHOW SETTINGS YIELD name, value WHERE name IN $names \
                             RETURN name, value";

/// A limit of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    setting: String,
    bytes: u64,
}

/// What stands against writing so much in one transaction; none where it fits or where the server sets no
/// limit.
pub(super) async fn check(
    transaction: &mut Transaction,
    store: &StoreName,
    sizes: &[TableSize],
) -> Result<Option<Finding>, StoreError> {
    let what = "read the limits of transaction memory";
    let names = SETTINGS.map(Into::into).to_vec();
    let names = Parameters::from([("names".to_owned(), neo4j::ValueSend::List(names))]);
    let records = transaction.all(READ_SETTINGS, names).await.doing(what)?;
    let mut limits = Vec::new();
    for record in records {
        let mut fields = Fields::of(record);
        let (Some(setting), Some(value)) = (fields.text(), fields.optional_text()) else {
            return Err(bug(what));
        };
        let value = value.unwrap_or_default();
        let bytes = bytes_of(&value).ok_or_else(|| bug(format!("{what}: {setting}")))?;
        limits.push(Limit { setting, bytes });
    }
    Ok(decide(store, sizes, limits))
}

/// Pure.
fn decide(store: &StoreName, sizes: &[TableSize], limits: Vec<Limit>) -> Option<Finding> {
    let limits = limits.into_iter().filter(|limit| limit.bytes > 0);
    let lowest = limits.min_by_key(|limit| limit.bytes)?;
    let own = sizes.iter().map(needed).fold(0, u64::saturating_add);
    let needed = own.saturating_add(own / SPARE);
    if needed <= lowest.bytes {
        return None;
    }
    let rows: u64 = sizes.iter().map(|size| size.rows).sum();
    let message = format!(
        "{rows} rows need about {} MiB of transaction memory in one transaction, {} allows {} MiB: \
         raise it (it is a part of the heap, server.memory.heap.max_size) and restart the server",
        mebibytes(needed),
        lowest.setting,
        lowest.bytes >> 20,
    );
    let mut finding = Finding::error("transaction-memory", store.as_str(), message, rows);
    finding.lines = vec![format!("{}={}m", lowest.setting, mebibytes(needed))];
    Some(finding)
}

fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// The memory that writing a table takes at most.
fn needed(size: &TableSize) -> u64 {
    let (row, own) = if size.table.schema == NODE {
        (NODE_BYTES, NODE_COLUMNS)
    } else {
        (RELATIONSHIP_BYTES, RELATIONSHIP_COLUMNS)
    };
    let properties = u64::try_from(size.columns.saturating_sub(own)).unwrap_or(u64::MAX);
    let row = (row + LEDGER_BYTES).saturating_add(PROPERTY_BYTES.saturating_mul(properties));
    let values = VALUE_FACTOR.saturating_mul(size.bytes);
    row.saturating_mul(size.rows).saturating_add(values)
}

/// `346.46MiB`, `512.00KiB`, `0B` as bytes, rounded down.
fn bytes_of(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit {
        "B" | "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let hundredths: u64 = format!("{fraction:0<2}").get(..2)?.parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    let unit = 1_u64 << shift;
    whole
        .checked_mul(unit)?
        .checked_add(unit / 100 * hundredths)
}

#[cfg(test)]
mod tests {
    use redistrict_model::TableRef;

    use super::*;

    fn limits(values: &[(&str, u64)]) -> Vec<Limit> {
        let limit = |(setting, bytes): &(&str, u64)| Limit {
            setting: (*setting).to_owned(),
            bytes: *bytes,
        };
        values.iter().map(limit).collect()
    }

    #[test]
    fn sizes_of_settings_are_read_with_their_units() {
        for (text, bytes) in [
            ("0B", Some(0)),
            ("512.00KiB", Some(512 << 10)),
            ("346.46MiB", Some((346 << 20) + (1 << 20) / 100 * 46)),
            ("2.00GiB", Some(2 << 30)),
            ("1.5TiB", Some((1 << 40) + (1 << 40) / 100 * 50)),
            ("7", Some(7)),
            ("7 bananas", None),
            ("", None),
        ] {
            assert_eq!(bytes_of(text), bytes, "{text}");
        }
    }

    #[test]
    fn the_lowest_limit_counts_and_none_is_no_limit() {
        let store = StoreName::new("sp");
        let size = TableSize {
            table: TableRef::new(&store, NODE, "Pupil"),
            rows: 100_000,
            columns: 6,
            bytes: 4_000_000,
        };
        let all = |values| decide(&store, std::slice::from_ref(&size), limits(values));
        assert_eq!(all(&[("a", 0), ("b", 0)]), None);
        assert_eq!(all(&[("a", 1 << 40), ("b", 0)]), None);
        let finding = all(&[("a", 1 << 40), ("b", 64 << 20)]).unwrap();
        assert_eq!(finding.count, 100_000);
        assert!(
            finding.message.contains("b allows 64 MiB"),
            "{}",
            finding.message
        );
        assert_eq!(finding.lines, ["b=522m"]);
    }
}
