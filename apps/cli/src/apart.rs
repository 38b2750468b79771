//! Which databases the targets are: none of PROD's, and each of one store only.

use redistrict_model::StoreName;
use redistrict_store::Fingerprint;

use crate::failure::{CommandResult, Failure};

/// The targets so far, and what must not be one.
pub(crate) struct Apart<'a> {
    sources: &'a [Fingerprint],
    denied: Vec<Fingerprint>,
    seen: Vec<(StoreName, Fingerprint)>,
}

impl<'a> Apart<'a> {
    /// Nothing seen yet.
    pub(crate) fn new(sources: &'a [Fingerprint], denied: Vec<Fingerprint>) -> Self {
        Self {
            sources,
            denied,
            seen: Vec::new(),
        }
    }

    /// Adds the target of a store.
    ///
    /// # Errors
    /// `PREREQUISITE`: it is one of the sources, denied, or the target of another store. Two stores in one
    /// database would wait for each other's lease, and each would take the other's rows for those of
    /// somebody else.
    pub(crate) fn add(&mut self, store: &StoreName, target: &Fingerprint) -> CommandResult<()> {
        if self.sources.contains(target) {
            return Err(Failure::prerequisite(format!(
                "tell PROD and CERT apart: the target of store {store} is a database that is also a source"
            ))
            .with_hint(format!("point [store.{store}] target at the certification database")));
        }
        if let Some(other) = self.other(target) {
            return Err(Failure::prerequisite(format!(
                "use the targets of stores {other} and {store}: they are the same database"
            ))
            .with_hint(format!(
                "a database is one store: name all its schemas in one [store.…], or point [store.{store}] target at a database of its own"
            )));
        }
        if self.denied.contains(target) {
            return Err(Failure::prerequisite(format!(
                "use the target of store {store}: its fingerprint is in deny"
            )));
        }
        self.seen.push((store.clone(), target.clone()));
        Ok(())
    }

    /// The store that was added with this target.
    fn other(&self, target: &Fingerprint) -> Option<&StoreName> {
        let mut seen = self.seen.iter();
        seen.find(|(_, known)| known == target)
            .map(|(store, _)| store)
    }
}
