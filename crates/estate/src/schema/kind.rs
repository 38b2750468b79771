//! Stores of the estate and the kinds of database they may be.

use serde::{Deserialize, Serialize};

/// The kind of database a store is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EstateKind {
    Sqlite,
    Postgres,
    /// For `sp` only.
    Neo4j,
}

impl EstateKind {
    /// As `kind` in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Neo4j => "neo4j",
        }
    }
}

/// A store of the estate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreId {
    /// Identity and rostering.
    Ids,
    /// Learning content.
    Hcp1,
    /// Licences and devices.
    Hcp2,
    /// Assessments.
    Adb,
    /// Relationships between people, schools and skills.
    Sp,
}

impl StoreId {
    /// In the order in which they are configured.
    pub const ALL: [Self; 5] = [Self::Ids, Self::Hcp1, Self::Hcp2, Self::Adb, Self::Sp];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ids => "ids",
            Self::Hcp1 => "hcp1",
            Self::Hcp2 => "hcp2",
            Self::Adb => "adb",
            Self::Sp => "sp",
        }
    }
}

/// The kind of each store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreKinds([EstateKind; 5]);

impl StoreKinds {
    /// All five alike.
    #[must_use]
    pub fn sqlite() -> Self {
        Self([EstateKind::Sqlite; 5])
    }

    /// All five alike.
    #[must_use]
    pub fn postgres() -> Self {
        Self([EstateKind::Postgres; 5])
    }

    /// Four databases of PostgreSQL and a graph.
    #[must_use]
    pub fn postgres_and_graph() -> Self {
        Self::postgres().with(StoreId::Sp, EstateKind::Neo4j)
    }

    /// One store of another kind.
    ///
    /// # Panics
    /// If a store other than `sp` is to be a graph: the estate has no such form of it.
    #[must_use]
    pub fn with(mut self, store: StoreId, kind: EstateKind) -> Self {
        assert!(
            store == StoreId::Sp || kind != EstateKind::Neo4j,
            "only sp has a graph form"
        );
        self.0[store as usize] = kind;
        self
    }

    /// The kind of a store.
    #[must_use]
    pub fn of(&self, store: StoreId) -> EstateKind {
        self.0[store as usize]
    }
}
