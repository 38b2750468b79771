//! Does a row of CERT belong to the district? Drives the closure's labeller over what CERT holds now.
//! Only reads keys.

use std::collections::HashSet;

use redistrict_closure::{ClosureError, Labeller, evaluable};
use redistrict_model::{DistrictId, ErrorKind, Key, Ownership, TableRef};
use redistrict_store::{KeyRequest, Selector, StoreError, StoreErrorKind};

use crate::readers::Readers;

/// Those of the rows whose label is the district.
pub(crate) async fn belonging(
    readers: &mut Readers<'_>,
    ownership: &Ownership,
    district: &DistrictId,
    table: &TableRef,
    keys: Vec<Key>,
) -> Result<HashSet<Key>, StoreError> {
    let failed = |error: ClosureError| label_failed(table, &error);
    let district = district_key(ownership, district);
    let rows: Vec<(TableRef, Key)> = keys
        .iter()
        .map(|key| (table.clone(), key.clone()))
        .collect();
    let made = evaluable(ownership, readers.identities());
    let labeller = Labeller::new(&made.ownership, &made.identities, &district, &rows);
    let mut labeller = labeller.map_err(failed)?;
    loop {
        let fetches = labeller.step().map_err(failed)?;
        if fetches.is_empty() {
            break;
        }
        for fetch in fetches {
            let request = KeyRequest {
                table: fetch.table.clone(),
                columns: fetch.columns.clone(),
                selector: Selector::Matching {
                    columns: fetch.by.clone(),
                    keys: fetch.keys.clone(),
                },
            };
            let found = if readers.has(&fetch.table) {
                readers.keys(&request).await?
            } else {
                Vec::new()
            };
            labeller.absorb(&fetch, &found).map_err(failed)?;
        }
    }
    let labels = labeller.finish().map_err(failed)?;
    let labelled = keys.into_iter().zip(labels);
    Ok(labelled
        .filter(|(_, label)| label.as_ref() == Some(&district))
        .map(|(key, _)| key)
        .collect())
}

/// A composite key is joined by commas, a single one is any text.
fn district_key(ownership: &Ownership, district: &DistrictId) -> Key {
    match ownership.root_key.len() {
        0 | 1 => Key::of(district.as_str()),
        _ => Key::new(district.as_str().split(',').map(str::trim)),
    }
}

fn label_failed(table: &TableRef, error: &ClosureError) -> StoreError {
    let kind = match error.kind() {
        ErrorKind::Usage | ErrorKind::Config => StoreErrorKind::Config,
        ErrorKind::Data => StoreErrorKind::Data,
        _ => StoreErrorKind::Bug,
    };
    StoreError::new(kind, format!("tell whose rows CERT has: {error}")).at(table)
}
