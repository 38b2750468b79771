//! What every kind of store promises: reading a source, writing a target.
//!
//! Two contracts. [`SourceStore`] reads PROD: catalogs through closed statements, rows inside one
//! consistent cut, values only ever bound. [`TargetStore`] writes CERT: one *commit group*, that is
//! one or more stores that commit in one transaction. Data moves as Arrow `RecordBatch`es whose
//! schema is [`arrow_schema`] of the table; keys move as canonical text ([`Key`](redistrict_model::Key)).
//!
//! Nothing here knows what a district is.

mod arrow_types;
mod error;
mod lease;
mod ledger;
mod listing;
pub mod packing;
mod passing;
mod rights;
mod secret;
mod source;
mod tally;
mod target;
mod two_phase;
mod unmatched;

pub use arrow_types::{
    COLUMN_TYPE_METADATA, ELEMENT_TYPE_METADATA, SOURCE_TYPE_METADATA, arrow_field, arrow_schema,
    arrow_type, column_type, element_type,
};
pub use error::{StoreError, StoreErrorKind};
pub use lease::{
    BEAT_EVERY, BEAT_FRESH, Epoch, Lease, LeaseClaim, LeaseOutcome, LeaseStanding, Owner, Traces,
};
pub use ledger::{Ledger, LedgerEntry, LedgerOperation, RunOrigin, RunRecord, RunState};
pub use listing::{Listing, Told};
pub use passing::RowsWhere;
pub use rights::{LeastRights, Need, Right, Rights, RightsRequest};
pub use secret::Secret;
pub use source::{
    BatchStream, Cut, Fingerprint, KeyReader, KeyRequest, MAX_VALUE_BYTES, Probe, RowReader,
    RowRequest, Selector, SourceCut, SourceStore, Unfit, UnfitReason,
};
pub use tally::{Tallied, Tally, TallyRequest};
pub use target::{
    Action, Applied, CommitOutcome, Enrolment, FiresAnyway, Merge, RaisedSequence, StagePart,
    Staged, TableSize, TargetCapabilities, TargetRead, TargetStore, staged_key,
};
pub use two_phase::{Decision, PrepareOutcome, PreparedId, Preparing};
pub use unmatched::UnmatchedRequest;
