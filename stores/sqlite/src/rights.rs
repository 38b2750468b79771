//! What files a role has to be able to read and to write: a SQLite file has no rights of its own, its file
//! and its directory have. Nothing is to be run; all is told.

use async_trait::async_trait;
use redistrict_store::{LeastRights, Rights, RightsRequest, StoreError};

use crate::source::SqliteSource;
use crate::target::SqliteTarget;

#[async_trait]
impl LeastRights for SqliteSource {
    async fn least_rights(&self, _request: &RightsRequest) -> Result<Rights, StoreError> {
        Ok(told(
            &[self.path().display().to_string()],
            "SQLite has no roles: the rights are those of the files. The user that runs redistrict needs to read the file; it is opened read-only. If it is in WAL mode, the files NAME-wal and NAME-shm beside it have to be readable, and while nobody else has it open the directory writable, because a reader makes them.",
        ))
    }
}

#[async_trait]
impl LeastRights for SqliteTarget {
    async fn least_rights(&self, _request: &RightsRequest) -> Result<Rights, StoreError> {
        Ok(told(
            &self.paths(),
            "SQLite has no roles: the rights are those of the files. The user that runs redistrict needs to read and write the file, and to make files in its directory, where the journal of a transaction lies beside it.",
        ))
    }
}

fn told(paths: &[String], remark: &str) -> Rights {
    Rights {
        place: format!("the file {}", paths.join(", ")),
        comment: "--",
        remarks: vec![remark.to_owned()],
        statements: Vec::new(),
    }
}
