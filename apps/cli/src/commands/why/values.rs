//! Which values of keys an answer may say (docs/design/what-is-repeated.md): those that were typed, those
//! that are equal to them because a reference holds them, and those of columns that are kept. All others
//! are about persons, or may be.

use std::collections::BTreeSet;

use redistrict_closure::{How, Step};
use redistrict_model::{Edge, MaskKind, MaskSection, Ownership, TableRef};

/// What was asked to be shown, and what is decided about columns.
pub(super) struct Visible<'a> {
    pub(super) shows_all: bool,
    pub(super) masks: Option<&'a MaskSection>,
}

impl Visible<'_> {
    /// Whether values of a column may be said, whoever typed them.
    pub(super) fn is_public(&self, table: &TableRef, column: &str) -> bool {
        let decisions = self
            .masks
            .into_iter()
            .flat_map(|masks| masks.of_table(table));
        let mut of_column = decisions.filter(|decision| decision.column.column == column);
        self.shows_all || of_column.any(|decision| decision.kind == MaskKind::Kept)
    }
}

/// The columns of the rows of a chain whose values are known to the person who asks: by the row's place in
/// the chain.
pub(super) fn known(
    chain: &[Step],
    ownership: &Ownership,
    typed: &[String],
) -> BTreeSet<(usize, String)> {
    let mut known: BTreeSet<(usize, String)> =
        typed.iter().map(|column| (0, column.clone())).collect();
    let last = chain.len().saturating_sub(1);
    known.extend(
        ownership
            .root_key
            .iter()
            .map(|column| (last, column.clone())),
    );
    // A chain is a path: once there and once back is enough.
    let there: Vec<usize> = (0..last).collect();
    for place in there.iter().chain(there.iter().rev()) {
        let Some((child, parent, edge)) = sides(chain, *place, ownership) else {
            continue;
        };
        // A value is not what stands inside of it.
        let pairs = edge.child_columns.iter().zip(&edge.parent_columns);
        for (from, to) in pairs.filter(|_| edge.inside.is_none()) {
            let (from, to) = ((child, from.clone()), (parent, to.clone()));
            if known.contains(&from) {
                known.insert(to);
            } else if known.contains(&to) {
                known.insert(from);
            }
        }
    }
    known
}

/// The places of the row that refers and of the row it refers to, of a row and the next one.
pub(super) fn sides<'o>(
    chain: &[Step],
    place: usize,
    ownership: &'o Ownership,
) -> Option<(usize, usize, &'o Edge)> {
    match chain.get(place)?.how {
        How::Root | How::Whole => None,
        How::BelongsTo(edge) => Some((place, place + 1, ownership.edge(edge))),
        How::BaseOf(edge) | How::ReferredTo(edge) | How::StubFor(edge) => {
            Some((place + 1, place, ownership.edge(edge)))
        }
    }
}

#[cfg(test)]
mod tests {
    use redistrict_model::{EdgeId, EdgeOrigin, Key, StoreName};

    use super::*;

    fn table(name: &str) -> TableRef {
        TableRef::new(&StoreName::new("s"), "main", name)
    }

    fn edge(id: u32, child: (&str, &[&str]), parent: (&str, &[&str])) -> Edge {
        let all = |names: &[&str]| names.iter().map(|one| (*one).to_owned()).collect();
        Edge {
            id: EdgeId(id),
            name: "e".to_owned(),
            origin: EdgeOrigin::ForeignKey,
            child: table(child.0),
            child_columns: all(child.1),
            parent: table(parent.0),
            parent_columns: all(parent.1),
            mandatory: true,
            nullable_columns: Vec::new(),
            on_delete_cascade: false,
            when: Vec::new(),
            inside: None,
            always: false,
            policy: None,
        }
    }

    fn step(name: &str, how: How) -> Step {
        Step {
            table: table(name),
            key: Key::of("1"),
            how,
            over: Vec::new(),
        }
    }

    #[test]
    fn what_was_typed_is_known_as_far_as_references_carry_it() {
        let ownership = Ownership {
            root: table("root"),
            root_key: vec!["code".to_owned()],
            tables: Vec::new(),
            edges: vec![
                edge(0, ("visit", &["who", "root"]), ("person", &["no", "root"])),
                edge(1, ("person", &["root"]), ("root", &["code"])),
            ],
        };
        let chain = [
            step("visit", How::BelongsTo(EdgeId(0))),
            step("person", How::BelongsTo(EdgeId(1))),
            step("root", How::Root),
        ];
        let known = known(&chain, &ownership, &["id".to_owned()]);
        let expected = [(0, "id"), (0, "root"), (1, "root"), (2, "code")];
        let expected = expected.map(|(place, column)| (place, column.to_owned()));
        assert_eq!(known, expected.into(), "the person's number is not");
    }
}
