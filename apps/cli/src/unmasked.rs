//! Whether CERT holds rows of PROD as they are there: a certification database that was refreshed from a
//! copy of production and never masked. Values are compared in memory; what leaves is a count per table.

use redistrict_model::{
    Catalog, ColumnType, Finding, Key, KeyRow, MaskKind, MaskSection, StoreName, Table,
};
use redistrict_store::{KeyRequest, Selector, TargetRead};

use crate::failure::{CommandResult, Failure};
use crate::planning::{self, Source};
use crate::session::Session;
use crate::wire::Workspace;

/// So many rows of a table are looked for.
const SAMPLE: u32 = 64;
/// A shorter value is equal by chance.
const LONG: usize = 6;
/// One or two may have been typed in by hand.
const SEVERAL: u64 = 3;

/// What was found.
pub(crate) struct Unmasked {
    /// Tables with columns about persons that were compared.
    pub(crate) tables: u64,
    /// One warning for each table that holds rows as they are in PROD.
    pub(crate) findings: Vec<Finding>,
}

/// Looks for a sample of PROD's rows in CERT, in every table of which a column is masked. A row is the
/// same if all such texts of it are, one of them long enough to be no chance. A target that is one of the
/// sources is left out.
///
/// # Errors
/// A configuration that does not decide the masks yet, a store that fails.
pub(crate) async fn look(session: &Session, workspace: &Workspace) -> CommandResult<Unmasked> {
    let mut source = planning::source_in_memory(workspace).await?;
    let masks = planning::source_masks(workspace, &mut source).await?;
    let masks = masks.map_err(|_| {
        Failure::prerequisite(
            "look for unmasked rows in CERT: the configuration is not decided yet",
        )
        .with_hint("redistrict config check")
    })?;
    let mut found = Unmasked {
        tables: 0,
        findings: Vec::new(),
    };
    let sources = source.fingerprints();
    for group in session.targets(workspace)? {
        for store in group.stores() {
            if sources.contains(&group.fingerprint(store).await?) {
                continue;
            }
            let catalog = group.catalog(store).await?;
            let tables = comparable(&source, &masks, store, &catalog);
            let read: Vec<Table> = tables.iter().map(|(table, _)| table.clone()).collect();
            let mut cert = group.read(&read).await?;
            for (table, columns) in &tables {
                let same = same_rows(&mut source, cert.as_mut(), table, columns).await?;
                found.tables += 1;
                if same >= SEVERAL {
                    found.findings.push(finding(table, same));
                }
            }
        }
    }
    Ok(found)
}

fn finding(table: &Table, same: u64) -> Finding {
    let message = format!(
        "CERT holds rows as they are in PROD, unmasked ({same} of at most {SAMPLE} that were looked for): \
         was it refreshed from a copy of PROD? Mask or remove them before anybody works there"
    );
    Finding::warning("unmasked-rows", table.name.to_string(), message, same)
}

/// Tables of the target that have what is compared, with the masked texts.
fn comparable(
    source: &Source,
    masks: &MaskSection,
    store: &StoreName,
    target: &Catalog,
) -> Vec<(Table, Vec<String>)> {
    let catalogs = source.catalogs.iter().filter(|one| one.store == *store);
    let mut all = Vec::new();
    for table in catalogs.flat_map(|catalog| &catalog.tables) {
        let twin = target.tables.iter().find(|one| one.name == table.name);
        let Some((twin, identity)) = twin.zip(table.identity()) else {
            continue;
        };
        let is_text = |column: &&str| {
            let column = table.column(column);
            column.is_some_and(|column| {
                matches!(column.column_type, ColumnType::Text | ColumnType::Char)
            })
        };
        let columns: Vec<String> = masks
            .of_table(&table.name)
            .filter(|decision| decision.sensitive && decision.kind != MaskKind::Kept)
            .map(|decision| decision.column.column.as_str())
            .filter(is_text)
            .map(str::to_owned)
            .collect();
        let has_all = columns
            .iter()
            .chain(identity)
            .all(|name| twin.column(name).is_some());
        if !columns.is_empty() && has_all && twin.identity() == Some(identity) {
            all.push((twin.clone(), columns));
        }
    }
    all
}

async fn same_rows(
    source: &mut Source,
    cert: &mut dyn TargetRead,
    table: &Table,
    columns: &[String],
) -> CommandResult<u64> {
    let Some(cut) = source.cuts.get_mut(&table.name.store) else {
        return Ok(0);
    };
    let request = |selector| KeyRequest {
        table: table.name.clone(),
        columns: columns.to_vec(),
        selector,
    };
    let rows = cut
        .keys(&request(Selector::Sample { limit: SAMPLE }))
        .await?;
    if rows.is_empty() {
        return Ok(0);
    }
    let keys: Vec<Key> = rows.iter().map(|row| row.id.clone()).collect();
    let identity = table.identity().unwrap_or_default().to_vec();
    let there = cert
        .keys(&request(Selector::Matching {
            columns: identity,
            keys,
        }))
        .await?;
    Ok(rows.iter().filter(|row| is_there(row, &there)).count() as u64)
}

fn is_there(row: &KeyRow, there: &[KeyRow]) -> bool {
    let texts = row.values.iter().flatten();
    let tells = texts.clone().any(|text| text.chars().count() >= LONG);
    tells && there.iter().any(|other| other == row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, texts: [Option<&str>; 2]) -> KeyRow {
        KeyRow {
            id: Key::of(id),
            values: texts.map(|text| text.map(Box::from)).into(),
        }
    }

    #[test]
    fn a_row_is_the_same_if_all_its_texts_are_and_one_is_no_chance() {
        let prod = row("7", [Some("Ada"), Some("ada@school.test")]);
        assert!(is_there(&prod, &[row("8", [None, None]), prod.clone()]));
        let masked = row("7", [Some("Ada"), Some("x1@example.org")]);
        assert!(!is_there(&prod, &[masked]));
        let short = row("7", [Some("Ada"), None]);
        assert!(!is_there(&short, std::slice::from_ref(&short)));
    }
}
