//! CERT's side: lease, staging, merge, ledger, all in schemas of our own beside the data.

mod apply;
mod delete;
mod foreign;
mod layout;
mod lease;
mod ledger;
mod locks;
mod merge;
mod moves;
mod obstacles;
mod path;
mod prepared;
mod referring;
mod refusal;
mod sequences;
mod silence;
mod stage;
mod staging;
mod store;
mod texts;
mod view;

pub use store::PostgresTarget;
