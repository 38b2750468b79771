//! The mark that makes a graph a target, and our own nodes in it: their constraints are made here, once,
//! by a person. Must not be called by a run.

use neo4j::ValueSend;
use redistrict_store::{Enrolment, Fingerprint, StoreError};

use super::lease;
use super::transactions::{commit, parameters};
use crate::bolt::{Access, Begin, Bolt, Parameters, Transaction};
use crate::error::{Context as _, bug, config};
use crate::record::Fields;

/// The version of our own nodes. A graph with a newer one is left alone.
const FORMAT: i64 = 1;

/// Without names, so that no object of others can have taken them.
const CONSTRAINTS: [&str; 5] = [
    "CREATE CONSTRAINT IF NOT EXISTS FOR (n:RedistrictEnvironment) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT IF NOT EXISTS FOR (n:RedistrictLease) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT IF NOT EXISTS FOR (n:RedistrictRun) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT IF NOT EXISTS FOR (n:RedistrictPart) REQUIRE (n.run, n.number) IS UNIQUE",
    "CREATE CONSTRAINT IF NOT EXISTS FOR (n:RedistrictJournal) REQUIRE (n.run, n.position) IS UNIQUE",
];
const WRITE: &str = "MERGE (e:RedistrictEnvironment {id: 1}) \
                     SET e.format = $format, e.uuid = $uuid, e.name = $name, e.at = $at, \
                     e.fingerprint = $fingerprint \
                     MERGE (l:RedistrictLease {id: 1}) ON CREATE SET l.epoch = 0";
const READ: &str = "MATCH (e:RedistrictEnvironment {id: 1}) \
                    RETURN e.format, e.uuid, e.name, e.at, e.fingerprint";

/// Makes our constraints, each in a transaction of its own as the server wants it, then writes the mark.
/// May be called again.
pub(super) async fn write(bolt: &Bolt, mark: &Enrolment) -> Result<(), StoreError> {
    let what = "enroll a graph";
    let begin = || Begin::new(Access::Write, lease::SHORT);
    let mut transaction = bolt.begin(begin()).await.doing(what)?;
    read(&mut transaction).await?;
    transaction.rollback().await.doing(what)?;
    for constraint in CONSTRAINTS {
        let mut transaction = bolt.begin(begin()).await.doing(what)?;
        let made = transaction.all(constraint, Parameters::new()).await;
        made.doing("make the constraints of our own nodes")?;
        commit(transaction, what).await?;
    }
    let mut transaction = bolt.begin(begin()).await.doing(what)?;
    let values = parameters([
        ("format", ValueSend::Integer(FORMAT)),
        ("uuid", mark.uuid.as_str().into()),
        ("name", mark.name.as_str().into()),
        ("at", mark.at.as_str().into()),
        ("fingerprint", mark.fingerprint.0.as_str().into()),
    ]);
    transaction.all(WRITE, values).await.doing(what)?;
    commit(transaction, what).await
}

/// The mark, if there is one.
pub(super) async fn read(transaction: &mut Transaction) -> Result<Option<Enrolment>, StoreError> {
    let what = "read the enrolment of a graph";
    let records = transaction.all(READ, Parameters::new()).await.doing(what)?;
    let Some(record) = records.into_iter().next() else {
        return Ok(None);
    };
    let mut fields = Fields::of(record);
    let mut take = || {
        let format = fields.integer()?;
        let mark = Enrolment {
            uuid: fields.text()?,
            name: fields.text()?,
            at: fields.text()?,
            fingerprint: Fingerprint(fields.text()?),
        };
        Some((format, mark))
    };
    match take() {
        Some((format, _)) if format > FORMAT => Err(config(
            "use a graph that a newer version of redistrict has enrolled",
        )),
        Some((_, mark)) => Ok(Some(mark)),
        None => Err(bug(what)),
    }
}

/// The error of writing to a graph that nobody has marked.
pub(super) fn not_enrolled() -> StoreError {
    config("write a graph that was never enrolled")
        .with_hint("a person enrolls a target once: redistrict enroll STORE --name NAME")
}
