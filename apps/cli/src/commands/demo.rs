//! `redistrict demo`: the whole journey on the reference estate, as SQLite files, without any
//! configuration.

use std::path::{Path, PathBuf};

use redistrict_artifact::create_private_dir;
use redistrict_estate::{
    Estate, EstateError, EstateOptions, StoreKinds, StoreLocations, StoreSide, UrlPlace,
    config_toml, sqlite_url, write_cert_neighbours_sqlite, write_schema_sqlite, write_sqlite,
    write_url_file,
};
use redistrict_journal::RunOptions;

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
    let config = make(&arguments.dir, arguments.students)?;
    output::made(&config);
    let workspace = Workspace::open(&config, &session.arguments.state_dir)?;
    output::note(format!(
        "Made the reference estate in {}: three districts, five stores (IDS, HCP1, HCP2, ADB, SP), PROD and CERT.\n\
         CERT already holds district {NEIGHBOUR} and rows made by hand.\n",
        arguments.dir.display()
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

    let prepared = migrate::prepare(session, &workspace, DISTRICT).await?;
    let (parts, summary) = prepared.start(session, RunOptions::default()).await?;
    let exit = runner::conclude(session, &parts, &summary)?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    let others_after = digests::of_others(&targets, &key, &others).await?;
    untouched(others.count(), &others_before, &others_after)?;
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
    output::note("The undo brings CERT back to the digest above; it prints it.");
    Ok(())
}

/// Makes the files; gives the configuration's path.
fn make(dir: &Path, students: u32) -> CommandResult<PathBuf> {
    if dir.exists() {
        if !dir.join(MARK).exists() {
            return Err(Failure::usage(format!(
                "make the demo in {}: the directory is there and is not a demo's",
                dir.display()
            ))
            .with_hint("redistrict demo --dir ANOTHER"));
        }
        std::fs::remove_dir_all(dir).map_err(|_| cannot_make(dir))?;
    }
    create_private_dir(dir)?;
    redistrict_artifact::write_atomic(&dir.join(MARK), b"made by redistrict demo\n")?;
    let estate = Estate::generate(EstateOptions {
        students_per_district: students,
        with_transfers: true,
        ..EstateOptions::default()
    });
    write_estate(dir, &estate).map_err(|error| {
        Failure::because(
            redistrict_model::ErrorKind::Config,
            "make the estate",
            &error,
        )
    })
}

fn write_estate(dir: &Path, estate: &Estate) -> Result<PathBuf, EstateError> {
    let (prod, cert) = (dir.join("prod"), dir.join("cert"));
    for made in [&prod, &cert] {
        create_private_dir(made).map_err(|_| EstateError::File {
            operation: "make",
            path: made.clone(),
            source: std::io::Error::other("directory"),
        })?;
    }
    let sources = write_sqlite(estate, &prod)?;
    let targets = write_schema_sqlite(&cert)?;
    write_cert_neighbours_sqlite(estate, &targets, NEIGHBOUR)?;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let locations = StoreLocations::of_each(|store, side| -> Result<UrlPlace, EstateError> {
        let files = match side {
            StoreSide::Prod => &sources,
            StoreSide::Cert => &targets,
        };
        let name = format!("{}-{}.url", store.as_str(), side.as_str());
        write_url_file(&dir.join(&name), &sqlite_url(&absolute(&files.of(store))))?;
        Ok(UrlPlace::File(name))
    })?;
    let config = dir.join("redistrict.toml");
    let text = config_toml(estate, &StoreKinds::sqlite(), &locations);
    redistrict_artifact::write_atomic(&config, text.as_bytes()).map_err(|_| EstateError::File {
        operation: "write",
        path: config.clone(),
        source: std::io::Error::other("configuration"),
    })?;
    Ok(config)
}

fn cannot_make(dir: &Path) -> Failure {
    Failure::prerequisite(format!("make {} anew", dir.display()))
}
