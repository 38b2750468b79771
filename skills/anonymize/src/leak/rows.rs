//! The rows of a raw and of a masked table side by side, in slices of equal length.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use redistrict_artifact::ArtifactError;
use redistrict_model::{Membership, TableRef};

use crate::error::AnonymizeError;

type Rows = (RecordBatch, Vec<Membership>);

/// A slice of raw rows and the masked rows at the same positions.
pub(crate) struct Pair {
    pub(crate) raw: RecordBatch,
    pub(crate) masked: RecordBatch,
}

/// Calls `see` with all rows of both, in order.
///
/// # Errors
/// A file that cannot be read; another number of rows or another membership on one side.
pub(crate) fn paired(
    table: &TableRef,
    raw: impl Iterator<Item = Result<Rows, ArtifactError>>,
    masked: impl Iterator<Item = Result<Rows, ArtifactError>>,
    mut see: impl FnMut(&Pair) -> Result<(), AnonymizeError>,
) -> Result<(), AnonymizeError> {
    let differ = || {
        AnonymizeError::ProofFailed(format!(
            "the rows of {table} are not those of the raw artifact"
        ))
    };
    let mut sides = (Side::new(raw), Side::new(masked));
    loop {
        let available = (sides.0.fill()?, sides.1.fill()?);
        let count = available.0.min(available.1);
        if count == 0 {
            return if available == (0, 0) {
                Ok(())
            } else {
                Err(differ())
            };
        }
        let (raw, raw_members) = sides.0.take(count);
        let (masked, masked_members) = sides.1.take(count);
        if raw_members != masked_members || raw.num_columns() != masked.num_columns() {
            return Err(differ());
        }
        see(&Pair { raw, masked })?;
    }
}

struct Side<I> {
    rest: I,
    batch: VecDeque<Rows>,
}

impl<I: Iterator<Item = Result<Rows, ArtifactError>>> Side<I> {
    fn new(rest: I) -> Self {
        Self {
            rest,
            batch: VecDeque::new(),
        }
    }

    /// Rows that can be taken at once; 0 at the end.
    fn fill(&mut self) -> Result<usize, ArtifactError> {
        while self
            .batch
            .front()
            .is_none_or(|(batch, _)| batch.num_rows() == 0)
        {
            self.batch.pop_front();
            match self.rest.next() {
                Some(next) => self.batch.push_back(next?),
                None => return Ok(0),
            }
        }
        Ok(self.batch.front().map_or(0, |(batch, _)| batch.num_rows()))
    }

    fn take(&mut self, count: usize) -> Rows {
        let (batch, members) = self.batch.pop_front().expect("filled before");
        let rest = batch.num_rows() - count;
        if rest > 0 {
            let later = (batch.slice(count, rest), members[count..].to_vec());
            self.batch.push_front(later);
        }
        (batch.slice(0, count), members[..count].to_vec())
    }
}
