//! The rows of the artifact as CERT holds them: a column that CERT has in another type is turned into the type
//! that both can hold exactly. Reads the artifact only.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use redistrict_artifact::Artifact;
use redistrict_model::Membership;
use redistrict_skill::SkillError;
use redistrict_store::{StoreError, TargetStore, arrow_schema};

use crate::error::{artifact_failed, store_failed};
use crate::rows::text_of_keys;
use crate::shape::{Conversion, Shape};

/// One table of the artifact.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) artifact: &'a Artifact,
    pub(crate) shape: &'a Shape,
    pub(crate) target: &'a dyn TargetStore,
}

impl<'a> Rows<'a> {
    /// All rows with their memberships, in the order of the parts.
    pub(crate) fn each(
        self,
    ) -> impl Iterator<Item = Result<(RecordBatch, Vec<Membership>), SkillError>> + Send + 'a {
        self.artifact.rows(self.shape.name()).map(move |batch| {
            let (batch, membership) =
                batch.map_err(|error| artifact_failed("read the masked artifact", &error))?;
            let batch = as_held(&batch, self.shape, self.target)
                .map_err(|error| store_failed(format!("load {}", self.shape.name()), &error))?;
            Ok((batch, membership))
        })
    }
}

/// The rows with the types that the shape has.
pub(crate) fn as_held(
    batch: &RecordBatch,
    shape: &Shape,
    target: &dyn TargetStore,
) -> Result<RecordBatch, StoreError> {
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    for (place, conversion) in &shape.conversions {
        let Some(values) = columns.get_mut(*place) else {
            continue;
        };
        *values = match conversion {
            Conversion::KeyText(source) => {
                text_of_keys(values, source).map_err(|error| error.at(shape.name()))?
            }
            Conversion::Verbatim(source) => target
                .verbatim(source, values)
                .map_err(|error| error.at(shape.name()))?,
        };
    }
    let schema = arrow_schema(&shape.table, &shape.columns);
    RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|_| {
        let what = "read the artifact: its columns are not those of CERT";
        StoreError::new(redistrict_store::StoreErrorKind::Data, what).at(shape.name())
    })
}
