//! CERT's side: lease, staging, merge, ledger, all in schemas of our own beside the data.

mod apply;
mod delete;
mod layout;
mod lease;
mod ledger;
mod merge;
mod obstacles;
mod path;
mod refusal;
mod sequences;
mod stage;
mod staging;
mod store;
mod texts;
mod view;

pub use store::PostgresTarget;
