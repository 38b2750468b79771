//! The demo's stores on a PostgreSQL server and two Neo4j: where they are, and what to do when they
//! cannot be had.

use std::path::Path;

use redistrict_estate::{Databases, EstateError, OneServer, OwnDatabases, Servers, StoreSide};
use redistrict_model::{ErrorKind, StoreName};
use redistrict_neo4j::Neo4jTarget;
use redistrict_postgres::PostgresTarget;
use redistrict_store::{Fingerprint, StoreError, TargetStore};

use super::cannot_make;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output;
use crate::secrets;

const START: &str = "`cargo xtask servers up` starts servers on this machine and prints such lines";
/// SQLSTATEs.
const IN_USE: &str = "55006";
const WRONG_PASSWORD: &str = "28P01";
const NO_SUCH_LOGIN: &str = "28000";
const NO_SUCH_DATABASE: &str = "3D000";

/// The variable with a server's URL. None ends in `_PROD_URL`, which would make it a store of `init`.
fn variable(server: OneServer) -> &'static str {
    match server {
        OneServer::Postgres => "REDISTRICT_DEMO_POSTGRES",
        OneServer::Graph(StoreSide::Prod) => "REDISTRICT_DEMO_NEO4J_PROD",
        OneServer::Graph(StoreSide::Cert) => "REDISTRICT_DEMO_NEO4J_CERT",
    }
}

/// What a URL looks like.
fn example(server: OneServer) -> &'static str {
    match server {
        OneServer::Postgres => "postgres://USER:PASSWORD@127.0.0.1:5432/postgres",
        OneServer::Graph(StoreSide::Prod) => "bolt://USER:PASSWORD@127.0.0.1:7687",
        OneServer::Graph(StoreSide::Cert) => "bolt://USER:PASSWORD@127.0.0.1:7688",
    }
}

/// Finds the servers and looks whether their places are free or the demo's. Changes nothing.
pub(super) async fn look() -> CommandResult<OwnDatabases> {
    check_variables()?;
    let url = |server| secrets::environment(variable(server)).unwrap_or_default();
    let servers = Servers::new(url).map_err(failure)?;
    let mut graphs = Vec::new();
    for server in OneServer::ALL {
        let fingerprint = fingerprint(server, url(server)).await?;
        if server != OneServer::Postgres {
            graphs.push(fingerprint);
        }
    }
    if graphs.first() == graphs.last() {
        let [prod, cert] = [StoreSide::Prod, StoreSide::Cert].map(OneServer::Graph);
        let (prod, cert) = (variable(prod), variable(cert));
        return Err(Failure::prerequisite(format!(
            "keep PROD and CERT apart: {prod} and {cert} name the same graph"
        ))
        .with_hint("Neo4j Community has one database a server: two servers are needed")
        .with_hint(START));
    }
    servers.look().await.map_err(failure)
}

/// All that are missing at once.
fn check_variables() -> CommandResult {
    let is_missing = |server: &OneServer| secrets::environment(variable(*server)).is_none();
    let missing: Vec<OneServer> = OneServer::ALL.into_iter().filter(is_missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|server| variable(*server)).collect();
    let are = if names.len() == 1 {
        "the variable is"
    } else {
        "the variables are"
    };
    let export =
        |server: &OneServer| format!("export {}='{}'", variable(*server), example(*server));
    Err(Failure::new(
        Exit::Credentials,
        format!(
            "find the servers of the demo: {are} not set: {}",
            names.join(", ")
        ),
    )
    .with_hints(missing.iter().map(export))
    .with_hint(START))
}

/// Asks a server who it is, the way a migration does: so that is also how it refuses.
async fn fingerprint(server: OneServer, url: String) -> CommandResult<Fingerprint> {
    let store = StoreName::new("demo");
    let target: Box<dyn TargetStore> = match server {
        OneServer::Postgres => Box::new(PostgresTarget::new(store.clone(), url, Vec::new())),
        OneServer::Graph(_) => Box::new(Neo4jTarget::new(store.clone(), url, Vec::new())),
    };
    let fingerprint = target.fingerprint(&store).await;
    fingerprint.map_err(|error| not_usable(server, error))
}

fn not_usable(server: OneServer, error: StoreError) -> Failure {
    let name = variable(server);
    // PostgreSQL's own refusals come without a hint.
    let hint = match error.code.as_deref() {
        Some(WRONG_PASSWORD | NO_SUCH_LOGIN) => Some(format!("check user and password in {name}")),
        Some(NO_SUCH_DATABASE) => Some(format!(
            "the URL in {name} names a database that is not there: postgres is there as a rule"
        )),
        _ => None,
    };
    let failure = Failure::from(error);
    Failure {
        message: format!("use {server} ({name}): {}", failure.message),
        ..failure
    }
    .with_hints(hint)
    .with_hint(START)
}

/// Makes the places of PROD and CERT, and says so: it takes a while.
pub(super) async fn databases(own: &OwnDatabases) -> CommandResult<(Databases, Databases)> {
    output::note("Making databases of its own on the servers...");
    own.make().await.map_err(failure)?;
    output::note("Filling them...");
    let of_side = |side| own.databases(side);
    Ok((of_side(StoreSide::Prod), of_side(StoreSide::Cert)))
}

/// What the stores are, as a line.
pub(super) fn stores(dir: &Path) -> String {
    format!(
        "\nIDS to ADB are the databases redistrict_demo_prod_… and redistrict_demo_cert_…, SP is the two graphs; \
         {} holds the configuration.",
        dir.display()
    )
}

/// What a refusal means for the person.
pub(super) fn failure(error: EstateError) -> Failure {
    match &error {
        EstateError::ServerUrl(server) => {
            let message = format!("read the URL of {server} in {}", variable(*server));
            Failure::prerequisite(message).with_hint(format!("expected {}", example(*server)))
        }
        EstateError::NotLocal(server) => Failure::prerequisite(format!(
            "make the demo on {server} ({}): it is on another machine, and the demo is made without TLS",
            variable(*server)
        ))
        .with_hint(START),
        EstateError::NotOurs(place) => Failure::prerequisite(format!(
            "make the demo in the {}: what is there was not made by a demo",
            place.trim_start_matches("the ")
        ))
        .with_hint("nothing was changed: take it away if nobody needs it, or name another server")
        .with_hint(
            "servers of `cargo xtask servers up` are empty again after `cargo xtask servers down \
             --remove`, which takes away everything in them",
        ),
        EstateError::Busy => Failure::new(Exit::LeaseHeld, error.to_string())
            .with_hint("wait until it has ended"),
        EstateError::MayNotCreate => {
            let variable = variable(OneServer::Postgres);
            let message = format!("create databases: the role of {variable} may not");
            Failure::new(Exit::Credentials, message)
                .with_hint("as a superuser: alter role … createdb")
        }
        EstateError::OfAnotherRole(_) => Failure::new(Exit::Credentials, error.to_string())
            .with_hint(format!(
                "name that role in {}, or drop it as that role",
                variable(OneServer::Postgres)
            )),
        EstateError::Postgres {
            operation: "drop database",
            table,
            sqlstate: Some(state),
        } if state == IN_USE => Failure::new(
            Exit::LeaseHeld,
            format!("drop database {table} of an earlier demo: somebody is connected to it"),
        )
        .with_hint("end that session, then again: redistrict demo --servers"),
        EstateError::Postgres { sqlstate: None, .. } | EstateError::Graph { code: None, .. } => {
            cannot_make(ErrorKind::Unreachable, &error).with_hint(START)
        }
        _ => cannot_make(ErrorKind::Config, &error),
    }
}
