//! The demo's stores as SQLite files under its directory.

use std::path::Path;

use redistrict_artifact::create_private_dir;
use redistrict_estate::{Databases, SqliteFiles, StoreId, StoreKinds, sqlite_url};

use crate::failure::CommandResult;

/// PROD's and CERT's, each in a directory of its own; the files are not there yet.
pub(super) fn databases(dir: &Path) -> CommandResult<(Databases, Databases)> {
    Ok((side(dir, "prod")?, side(dir, "cert")?))
}

fn side(dir: &Path, name: &str) -> CommandResult<Databases> {
    let dir = dir.join(name);
    create_private_dir(&dir)?;
    let absolute = std::path::absolute(&dir).unwrap_or(dir);
    let files = SqliteFiles::in_directory(&absolute);
    let urls = StoreId::ALL.map(|store| sqlite_url(&files.of(store)));
    Ok(Databases::new(StoreKinds::sqlite(), urls))
}
