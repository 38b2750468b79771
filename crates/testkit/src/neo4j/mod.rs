//! A real Neo4j Community for tests: one database per server, so PROD and CERT are two servers.
//!
//! [`Neo4jPair::take`] is what a test wants: two emptied databases that nobody else uses until the value
//! is dropped. The servers behind it are started once per process, or are those that
//! [`SHARED_SERVERS_VARIABLE`] names. They live in temporary directories and belong to supervising
//! shells that wait for the end of this process: nothing is left behind, not even after `kill -9`.
//! [`Neo4jServer::launch`] starts one for a test of its own: with other settings, or to be killed.
//!
//! Must not know the product: the plain client is the driver itself.

mod graph;
mod pair;
mod server;

pub use graph::{Graph, Parameters, quoted_name};
pub use pair::{Neo4jPair, SHARED_SERVERS_VARIABLE};
pub use server::{HOME_VARIABLE, INSTALL_COMMAND, Neo4jError, Neo4jServer};

pub use neo4j::value_map;
pub use neo4j::{ValueReceive, ValueSend};
