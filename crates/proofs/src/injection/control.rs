//! The controls of the proof. A careless client, who puts names between quotes as they are, has to change
//! something that the comparison sees, with names of every role: otherwise the payloads or the comparison
//! are broken. And a plain world tells which objects of its own the product leaves in CERT.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, ensure};

use super::before::Before;
use super::journey::Journey;
use super::names::Role;
use super::place::{Kind, Place, Servers};
use super::shape::{Batch, PLAIN_KEYS};

/// What was seen of the careless client: changes by role.
pub(super) fn careless(
    kind: Kind,
    names: &BTreeMap<Role, Vec<String>>,
    dir: &Path,
    servers: &Servers<'_>,
) -> Result<BTreeMap<Role, usize>> {
    let place = Place::make(kind, &mut Batch::default(), dir, servers)?;
    let mut seen = BTreeMap::new();
    let mut before = Before::look(&place)?;
    for role in kind.roles().iter().chain(&[Role::DistrictKey]) {
        for (number, text) in names[role]
            .iter()
            .filter(|text| is_payload(text))
            .enumerate()
        {
            let is_cert = number % 2 == 1;
            place.run_careless(is_cert, &statement(kind, *role, text));
        }
        let now = Before::look(&place)?;
        seen.insert(*role, before.changes(&now, &|_| false).len());
        before = now;
    }
    Ok(seen)
}

/// It would do something. A catalog without tables is no place to look at afterwards.
fn is_payload(text: &str) -> bool {
    let verbs = ["create", "CREATE", "drop", "copy(", "vacuum", "DELETE"];
    verbs.iter().any(|verb| text.contains(verb)) && !text.contains("pg_class")
}

/// A statement with a name as it is between quotes.
fn statement(kind: Kind, role: Role, text: &str) -> String {
    match (kind, role) {
        (Kind::Neo4j, Role::NodeLabel) => format!("match (n:`{text}`) return n"),
        (Kind::Neo4j, Role::RelationshipType) => format!("match ()-[r:`{text}`]->() return r"),
        (Kind::Neo4j, Role::Property) => format!("match (n {{`{text}`: 1}}) return n"),
        (Kind::Neo4j, _) => format!("match (n) where n.name = '{text}' return n"),
        (_, Role::DistrictKey | Role::EnumLabel) => format!("select '{text}'"),
        _ => format!("select 1 as \"{text}\""),
    }
}

/// The objects that enrolment, a run and its undo leave in a CERT whose names are all plain.
pub(super) fn own_objects(
    kind: Kind,
    dir: &Path,
    servers: &Servers<'_>,
) -> Result<BTreeSet<String>> {
    let place = Place::make(kind, &mut Batch::default(), dir, servers)?;
    let before = Before::look(&place)?;
    let mut journey = Journey::new(&place, Vec::new(), None)?;
    let refused = journey.run(&[PLAIN_KEYS[0].to_owned()])?;
    ensure!(refused.is_none(), "a plain world is refused: {refused:?}");
    let problems = &journey.outcome.problems;
    ensure!(problems.is_empty(), "a plain world: {problems:?}");
    let now = place.objects(true)?;
    Ok(now.difference(&before.cert_objects).cloned().collect())
}
