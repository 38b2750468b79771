//! Databases of the demo's own on servers that may be somebody's: made with a mark, looked for by the
//! mark, made anew. Must not change or drop what does not carry it.

mod address;
mod graph;
mod postgres;

use crate::config::StoreSide;
use crate::databases::{Databases, blocking};
use crate::error::EstateError;
use crate::schema::{StoreId, StoreKinds};
use graph::Found;
use postgres::Admin;

const SIDES: [StoreSide; 2] = [StoreSide::Prod, StoreSide::Cert];

/// One of the servers that are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneServer {
    Postgres,
    /// Neo4j Community has one database a server, so that PROD and CERT are two.
    Graph(StoreSide),
}

impl OneServer {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::Postgres,
        Self::Graph(StoreSide::Prod),
        Self::Graph(StoreSide::Cert),
    ];
}

impl std::fmt::Display for OneServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Postgres => "the PostgreSQL server",
            Self::Graph(StoreSide::Prod) => "the graph of PROD",
            Self::Graph(StoreSide::Cert) => "the graph of CERT",
        })
    }
}

/// A PostgreSQL server and two graphs on this machine. URLs may hold passwords: there is no `Debug`.
pub struct Servers {
    postgres: String,
    graphs: [String; 2],
}

impl Servers {
    /// The URL of each server; connects to nobody. The role of PostgreSQL's must be allowed to create
    /// databases.
    ///
    /// # Errors
    /// A URL that is none, or is one of another machine: nothing is sent in plain text over a network.
    pub fn new(url: impl Fn(OneServer) -> String) -> Result<Self, EstateError> {
        let postgres = url(OneServer::Postgres);
        address::check_postgres(&postgres)?;
        let graphs = SIDES.map(|side| url(OneServer::Graph(side)));
        for (side, url) in SIDES.into_iter().zip(&graphs) {
            address::check_graph(url, OneServer::Graph(side))?;
        }
        Ok(Self { postgres, graphs })
    }

    /// Looks whether every place is free or the demo's, and keeps other demos away until the value is
    /// dropped. Changes nothing.
    ///
    /// # Errors
    /// [`EstateError::NotOurs`] with the first place that is somebody's, [`EstateError::Busy`], or what
    /// a server refused.
    pub async fn look(self) -> Result<OwnDatabases, EstateError> {
        let admin = Admin::open(&self.postgres).await?;
        let existing = admin.existing(&names()).await?;
        let mut found = [Found::Empty; 2];
        for ((side, url), found) in SIDES.into_iter().zip(&self.graphs).zip(&mut found) {
            let url = url.clone();
            *found = blocking(move || graph::look(&url, side)).await?;
        }
        Ok(OwnDatabases {
            servers: self,
            admin,
            existing,
            found,
        })
    }
}

/// Four databases of PostgreSQL and a graph on each side, which are the demo's to make and to drop.
pub struct OwnDatabases {
    servers: Servers,
    /// Its session keeps other demos away.
    admin: Admin,
    existing: Vec<String>,
    found: [Found; 2],
}

impl OwnDatabases {
    /// Drops what an earlier demo made and makes all of it anew, without tables.
    ///
    /// # Errors
    /// What a server refused: no right to create databases, somebody is connected to one of them.
    pub async fn make(&self) -> Result<(), EstateError> {
        for name in &self.existing {
            self.admin.drop(name).await?;
        }
        for name in names() {
            self.admin.create(&name).await?;
        }
        for ((side, url), found) in SIDES.into_iter().zip(&self.servers.graphs).zip(self.found) {
            let url = url.clone();
            blocking(move || graph::make(&url, side, found)).await?;
        }
        Ok(())
    }

    /// The databases of one side.
    #[must_use]
    pub fn databases(&self, side: StoreSide) -> Databases {
        let urls = StoreId::ALL.map(|store| match store {
            StoreId::Sp => self.servers.graphs[side as usize].clone(),
            _ => address::with_database(&self.servers.postgres, &name(side, store)),
        });
        Databases::new(StoreKinds::postgres_and_graph(), urls)
    }
}

/// What the demo calls the database of a store.
fn name(side: StoreSide, store: StoreId) -> String {
    format!("redistrict_demo_{}_{}", side.as_str(), store.as_str())
}

fn names() -> Vec<String> {
    let relational = || StoreId::ALL.into_iter().filter(|one| *one != StoreId::Sp);
    let of_side = |side| relational().map(move |store| name(side, store));
    SIDES.into_iter().flat_map(of_side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_named_by_side_and_store() {
        let names = names();
        assert_eq!(names.len(), 8);
        assert_eq!(names[0], "redistrict_demo_prod_ids");
        assert_eq!(names[7], "redistrict_demo_cert_adb");
    }
}
