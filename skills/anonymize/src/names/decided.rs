//! What was decided about the names of all documents of a raw artifact, as keyed digests.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use redistrict_model::ColumnRef;
use serde::{Deserialize, Serialize};

use super::walk::{Place, Way, below, named, root, walk};
use super::{is_plain, says_nothing};
use crate::engine::ColumnMask;
use crate::leak::Digester;

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A link leads through it: somebody wrote it into the configuration.
    Said,
    Structure,
    Data,
}

/// As it is kept, encrypted, beside the raw artifact.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Decided {
    /// Names at places.
    pub(super) structure: BTreeSet<u64>,
    /// Names that are data and equal values of a column.
    pub(super) known: BTreeMap<u64, ColumnRef>,
}

/// What is done with the names of documents.
pub(crate) struct Names {
    pub(super) digester: Digester,
    structure: HashSet<u64>,
    said: HashSet<u64>,
    /// The columns whose values names equal.
    pub(super) known: HashMap<u64, Arc<ColumnMask>>,
}

impl Names {
    /// Of the columns of a plan, by their names.
    pub(crate) fn new(
        digester: Digester,
        decided: Decided,
        columns: &BTreeMap<ColumnRef, Arc<ColumnMask>>,
    ) -> Self {
        let known = decided.known.into_iter();
        Self {
            said: (columns.values())
                .flat_map(|column| said(&digester, column))
                .collect(),
            structure: decided.structure.into_iter().collect(),
            known: known
                .filter_map(|(digest, column)| Some((digest, Arc::clone(columns.get(&column)?))))
                .collect(),
            digester,
        }
    }

    /// Shows each name of a document, with what it is and the object that it stands in. None if the text is
    /// no document.
    pub(super) fn walk<T: Default>(
        &self,
        column: &ColumnMask,
        text: &str,
        look: &mut dyn FnMut(Kind, &str, Place, &mut T) -> Option<String>,
    ) -> Option<String> {
        let root = root(&self.digester, &column.decision.column.to_string());
        let mut way: Way<T> = Way::new();
        walk(column.scalar_type, text, &mut |spot, name| {
            let object = way.object(&self.digester, root, spot);
            let own = self.digester.exact(name.as_bytes());
            let at = named(&self.digester, object.place, own);
            let (is_said, is_kept) = (self.said.contains(&at), self.structure.contains(&at));
            object.last = (is_said || is_kept).then_some(own);
            let kind = match () {
                () if is_said => Kind::Said,
                () if is_kept || says_nothing(name) => Kind::Structure,
                () => Kind::Data,
            };
            look(kind, name, object.place, &mut object.kept)
        })
    }

    /// The name is kept at that place.
    pub(super) fn is_kept_at(&self, place: Place, name: &str) -> bool {
        let at = named(&self.digester, place, self.digester.exact(name.as_bytes()));
        self.structure.contains(&at) || self.said.contains(&at)
    }

    /// Shows each name of a document.
    pub(crate) fn each(&self, column: &ColumnMask, text: &str, look: &mut dyn FnMut(Kind, &str)) {
        self.walk::<()>(column, text, &mut |kind, name, _, ()| {
            look(kind, name);
            None
        });
    }

    /// Whether the names of the masked document are what they have to be: as many as in the original, the
    /// same where they are structure, others where they are data, and in no object fewer different ones.
    pub(crate) fn are_masked(&self, column: &ColumnMask, raw: &str, masked: &str) -> bool {
        let objects = |text: &str| {
            let mut all: Vec<(Kind, String, usize)> = Vec::new();
            let mut count = 0_usize;
            self.walk::<Option<usize>>(column, text, &mut |kind, name, _, object| {
                let number = *object.get_or_insert_with(|| {
                    count += 1;
                    count
                });
                all.push((kind, name.to_owned(), number));
                None
            })?;
            Some(all)
        };
        let Some(raw) = objects(raw) else {
            // It was no document.
            return true;
        };
        let masked = objects(masked).unwrap_or_default();
        let distinct = |all: &[(Kind, String, usize)]| {
            let names: HashSet<(&str, usize)> = all
                .iter()
                .map(|(_, name, at)| (name.as_str(), *at))
                .collect();
            names.len()
        };
        raw.len() == masked.len()
            && distinct(&raw) == distinct(&masked)
            && raw.iter().zip(&masked).all(|(own, made)| {
                own.2 == made.2 && own.0 == made.0 && (own.0 == Kind::Data) == (own.1 != made.1)
            })
    }
}

/// The names that links lead through, at their places.
pub(super) fn said(digester: &Digester, column: &ColumnMask) -> Vec<u64> {
    let root = root(digester, &column.decision.column.to_string());
    let mut said = Vec::new();
    for linked in &column.linked {
        let mut place = root;
        for (depth, member) in linked.members.iter().enumerate() {
            let own = digester.exact(member.as_bytes());
            said.push(named(digester, place, own));
            place = below(digester, place, depth, Some(own));
        }
    }
    said
}

/// Whether a name may be structure at all: it has the form of one, or somebody said so.
pub(super) fn may_be_structure(said: &HashSet<u64>, at: u64, name: &str) -> bool {
    said.contains(&at) || is_plain(name)
}
