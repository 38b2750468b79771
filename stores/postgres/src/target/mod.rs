//! CERT's side: lease, staging, merge, ledger, all in schemas of our own beside the data.

mod apply;
mod delete;
mod lease;
mod ledger;
mod merge;
mod path;
mod sequences;
mod stage;
mod store;
mod view;

pub use store::PostgresTarget;
