//! The characters of staged texts, kept where the database may lack some: only after the server has refused
//! a text is it asked which column it was in. It does not say.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::DataType;
use redistrict_store::{StoreError, StoreErrorKind};

use crate::connect::{Session, Target};
use crate::encoding::{Encoding, beyond_ascii};
use crate::error::failed;
use crate::live::LiveTable;

/// The characters beyond ASCII that each column has.
pub(super) struct Texts<'a> {
    encoding: &'a Encoding,
    chars: BTreeMap<String, BTreeSet<char>>,
}

impl<'a> Texts<'a> {
    pub(super) fn new(encoding: &'a Encoding) -> Self {
        Self {
            encoding,
            chars: BTreeMap::new(),
        }
    }

    /// Looks at what is about to be written.
    pub(super) fn see(&mut self, batch: &RecordBatch) {
        if !matches!(self.encoding, Encoding::Other(_)) {
            return;
        }
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            if *field.data_type() != DataType::Utf8 {
                continue;
            }
            let texts = column.as_string::<i32>().iter().flatten();
            let chars = self.chars.entry(field.name().clone()).or_default();
            chars.extend(texts.flat_map(beyond_ascii));
        }
    }

    /// Whether the error is about a character that the database does not have.
    pub(super) fn may_explain(&self, error: &StoreError) -> bool {
        let code = error.code.as_deref().unwrap_or_default();
        code.starts_with("22P05") && !self.chars.is_empty()
    }

    /// The error with the columns in which such characters are. Ends the transaction that failed.
    pub(super) async fn explain(
        &self,
        session: &Session<Target>,
        table: &LiveTable,
        error: StoreError,
    ) -> Result<StoreError, StoreError> {
        let restarted = session.client().batch_execute("rollback; begin").await;
        restarted.map_err(|error| failed("look for what could not be written", &error))?;
        let mut columns = Vec::new();
        for (column, chars) in &self.chars {
            if !session.lacks(chars).await?.is_empty() {
                columns.push(table.entry.name.column(column).to_string());
            }
        }
        if columns.is_empty() {
            return Ok(error);
        }
        let what = format!(
            "write characters that the encoding {} of CERT's database does not have in {}",
            self.encoding.name(),
            columns.join(", ")
        );
        let hint = "mask the column, or make CERT's database anew with the encoding UTF8";
        Ok(StoreError::new(StoreErrorKind::Data, what).with_hint(hint))
    }
}
