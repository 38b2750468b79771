//! What stands in a place: taken before the product comes and compared afterwards. Read by plain clients
//! that share nothing with the product.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Result;

use super::place::Place;
use super::shape::{State, minus};

/// All rows, everything with a name, and all files.
pub(super) struct Before {
    pub(super) prod: State,
    pub(super) cert: State,
    pub(super) prod_objects: BTreeSet<String>,
    pub(super) cert_objects: BTreeSet<String>,
    pub(super) files: BTreeSet<PathBuf>,
}

impl Before {
    pub(super) fn look(place: &Place<'_>) -> Result<Self> {
        Ok(Self {
            prod: place.state(false)?,
            cert: place.state(true)?,
            prod_objects: place.objects(false)?,
            cert_objects: place.objects(true)?,
            files: place.files()?,
        })
    }

    /// One line for each object and file, and for each table with other rows. `is_ours` tells what may be
    /// new in CERT.
    pub(super) fn changes(&self, now: &Self, is_ours: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut changes = Vec::new();
        for (side, old, new) in [
            ("PROD", &self.prod, &now.prod),
            ("CERT", &self.cert, &now.cert),
        ] {
            let tables: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for table in tables {
                let rows = |state: &State| state.get(table).cloned().unwrap_or_default();
                let lost = minus(&rows(old), &rows(new)).len();
                let more = minus(&rows(new), &rows(old)).len();
                if lost + more > 0 {
                    changes.push(format!(
                        "{side} has {more} rows more and {lost} less in {table:?}"
                    ));
                }
            }
        }
        let prod = self.prod_objects.symmetric_difference(&now.prod_objects);
        changes.extend(prod.map(|name| format!("{name:?} in PROD")));
        let is_foreign = |name: &&String| !(now.cert_objects.contains(*name) && is_ours(name));
        let cert = self.cert_objects.symmetric_difference(&now.cert_objects);
        changes.extend(
            cert.filter(is_foreign)
                .map(|name| format!("{name:?} in CERT")),
        );
        let files = self.files.symmetric_difference(&now.files);
        changes.extend(files.map(|path| format!("the file {path:?}")));
        changes
    }
}
