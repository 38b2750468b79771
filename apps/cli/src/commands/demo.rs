//! `redistrict demo`: the whole journey on the reference estate, without any configuration; on
//! SQLite files, or on real servers.

mod files;
mod servers;

use std::path::{Path, PathBuf};

use redistrict_artifact::create_private_dir;
use redistrict_estate::{
    Databases, Estate, EstateError, EstateOptions, OwnDatabases, StoreLocations, StoreSide,
    UrlPlace, config_toml, write_url_file,
};
use redistrict_journal::RunOptions;
use redistrict_model::ErrorKind;

use crate::args;
use crate::commands::{enroll, migrate};
use crate::digests;
use crate::exit::Exit;
use crate::failure::{CommandResult, Failure};
use crate::output::{self, Format};
use crate::runner;
use crate::session::Session;
use crate::wire::Workspace;

/// The district that moves, and the one that CERT has already.
const DISTRICT: &str = "2";
const NEIGHBOUR: u32 = 3;
/// Marks a directory as ours, so that it may be made anew.
const MARK: &str = ".redistrict-demo";

/// Makes the estate, migrates, and shows that nothing else was touched.
pub(crate) async fn run(session: &Session, arguments: &args::Demo) -> CommandResult<Exit> {
    let made = Box::pin(make(arguments)).await?;
    let config = &made.config;
    output::made(config);
    let workspace = Workspace::open(config, &session.arguments.state_dir)?;
    output::note(format!(
        "Made the reference estate {}: three districts, five stores (IDS, HCP1, HCP2, ADB, SP), PROD and CERT.{}\n\
         CERT already holds district {NEIGHBOUR} and rows made by hand.\n",
        made.place, made.stores
    ));
    enroll::enroll(session, &workspace, &workspace.store_names(), "demo").await?;
    if arguments.prepare_only {
        if session.format() != Format::Text {
            output::json(&serde_json::json!({ "config": config.display().to_string() }));
        }
        return Ok(Exit::Done);
    }
    let key = workspace.root_key()?;
    let targets = session.targets(&workspace)?;
    let before = digests::of_targets(&targets, &key).await?;
    let others = digests::others(&targets, &key).await?;
    let others_before = digests::of_others(&targets, &key, &others).await?;
    output::note(format!("CERT digest before: {before}\n"));

    let ask = args::AskBefore::default();
    let prepared = migrate::prepare(session, &workspace, DISTRICT, &ask).await?;
    let (parts, summary) = prepared.start(session, RunOptions::default()).await?;
    let exit = runner::conclude(session, &parts, &summary)?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    let others_after = digests::of_others(&targets, &key, &others).await?;
    untouched(others.count(), &others_before, &others_after)?;
    output::note(format!(
        "The undo brings all of CERT back to the digest {before}, as it was before; it prints it."
    ));
    Ok(Exit::Done)
}

fn untouched(count: u64, before: &str, after: &str) -> CommandResult {
    if before != after {
        return Err(Failure::new(
            Exit::Unexpected,
            format!(
                "leave the other districts' rows in CERT alone: their digest was {before} and is {after}"
            ),
        ));
    }
    output::note(format!(
        "\nThe {} rows of others in CERT are untouched: digest {before} before and after.",
        output::thousands(count)
    ));
    Ok(())
}

/// An estate with its configuration.
struct Made {
    config: PathBuf,
    /// Where it is, in words.
    place: String,
    /// What its stores are, as a line of its own where that has to be said.
    stores: String,
    /// Keeps other demos away from the servers until this one has ended.
    _own: Option<OwnDatabases>,
}

/// Looks at everything before it changes anything, then makes the directory and the estate.
async fn make(arguments: &args::Demo) -> CommandResult<Made> {
    let dir = &arguments.dir;
    check_directory(dir)?;
    let own = match arguments.servers {
        true => Some(servers::look().await?),
        false => None,
    };
    make_directory(dir)?;
    let (prod, cert) = match &own {
        Some(own) => servers::databases(own).await?,
        None => files::databases(dir)?,
    };
    let estate = Estate::generate(EstateOptions {
        students_per_district: arguments.students,
        with_transfers: true,
        ..EstateOptions::default()
    });
    let written = write_estate(&estate, &prod, &cert).await;
    let config = written.and_then(|()| write_config(dir, &estate, &prod, &cert));
    let (place, stores) = match &own {
        Some(_) => ("on the servers".to_owned(), servers::stores(dir)),
        None => (format!("in {}", dir.display()), String::new()),
    };
    Ok(Made {
        config: config.map_err(servers::failure)?,
        place,
        stores,
        _own: own,
    })
}

/// The directory is a demo's, or is not there.
fn check_directory(dir: &Path) -> CommandResult {
    if dir.exists() && !dir.join(MARK).exists() {
        return Err(Failure::usage(format!(
            "make the demo in {}: the directory is there and is not a demo's",
            dir.display()
        ))
        .with_hint("redistrict demo --dir ANOTHER"));
    }
    Ok(())
}

fn make_directory(dir: &Path) -> CommandResult {
    if dir.exists() {
        std::fs::remove_dir_all(dir)
            .map_err(|_| Failure::prerequisite(format!("make {} anew", dir.display())))?;
    }
    create_private_dir(dir)?;
    redistrict_artifact::write_atomic(&dir.join(MARK), b"made by redistrict demo\n")?;
    Ok(())
}

async fn write_estate(
    estate: &Estate,
    prod: &Databases,
    cert: &Databases,
) -> Result<(), EstateError> {
    prod.write_estate(estate).await?;
    cert.write_schema().await?;
    cert.write_cert_neighbours(estate, NEIGHBOUR).await
}

/// Writes the configuration, and each URL into a file of its own; gives the configuration's path.
fn write_config(
    dir: &Path,
    estate: &Estate,
    prod: &Databases,
    cert: &Databases,
) -> Result<PathBuf, EstateError> {
    let locations = StoreLocations::of_each(|store, side| -> Result<UrlPlace, EstateError> {
        let databases = match side {
            StoreSide::Prod => prod,
            StoreSide::Cert => cert,
        };
        let name = format!("{}-{}.url", store.as_str(), side.as_str());
        write_url_file(&dir.join(&name), databases.url(store))?;
        Ok(UrlPlace::File(name))
    })?;
    let config = dir.join("redistrict.toml");
    let text = config_toml(estate, &prod.kinds(), &locations);
    redistrict_artifact::write_atomic(&config, text.as_bytes()).map_err(|_| EstateError::File {
        operation: "write",
        path: config.clone(),
        source: std::io::Error::other("configuration"),
    })?;
    Ok(config)
}

/// A failure while the estate was made that asks for nothing special.
fn cannot_make(kind: ErrorKind, error: &EstateError) -> Failure {
    Failure::because(kind, "make the estate", error)
}
