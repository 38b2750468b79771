//! Masks batches of rows: one batch in, one of the same schema out, row by row in the same order.
//! Deterministic for any batch size, worker count and order of rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use redistrict_artifact::RootKey;
use redistrict_model::{
    ColumnDecision, ColumnRef, ColumnType, DistrictId, MaskKind, MaskName, MaskSection, Plan,
    TableRef,
};

use crate::cells::{Cell, cell, column};
use crate::error::AnonymizeError;
use crate::masks::{Field, FieldShape, Mask, MaskRegistry, Masked, Unmaskable, Value};
use crate::plan::shapes;
use crate::pseudonym::{Pseudonymizer, TableCache};

/// The masks of a plan, ready to be applied to its tables.
pub(crate) struct Engine {
    decisions: BTreeMap<ColumnRef, Arc<ColumnMask>>,
}

/// What is done with one column.
pub(crate) struct ColumnMask {
    pub(crate) decision: ColumnDecision,
    pub(crate) column_type: ColumnType,
    /// None for kept columns.
    pub(crate) action: Option<Action>,
    /// The real mask of a reserved column, whatever stands in its place: only it may say which
    /// values are nobody's.
    pub(crate) reserved: Option<Arc<dyn Mask>>,
}

/// A mask with the demands and the key of its domain.
pub(crate) struct Action {
    pub(crate) mask: Arc<dyn Mask>,
    pub(crate) field: Arc<Field>,
}

impl Engine {
    /// Makes the masks of a plan.
    pub(crate) fn new(
        plan: &Plan,
        root: &RootKey,
        registry: &MaskRegistry,
    ) -> Result<Self, AnonymizeError> {
        let section = &plan.sections.anonymize;
        let extract = &plan.sections.extract;
        let shapes = shapes(extract, &plan.sections.load.tables, &section.columns);
        let mut domains: BTreeMap<&str, Arc<Field>> = BTreeMap::new();
        let (cache, real) = (TableCache::default(), MaskRegistry::default());
        let mut decisions = BTreeMap::new();
        for decision in &section.columns {
            let source = extract
                .catalog_table(&decision.column.table)
                .and_then(|table| table.column(&decision.column.column));
            let undecided = || AnonymizeError::Undecided {
                column: decision.column.to_string(),
            };
            let column_type = source.ok_or_else(undecided)?.column_type;
            let action = if decision.mask == MaskName::Keep {
                None
            } else {
                let shape = shapes.get(&decision.domain).ok_or_else(undecided)?;
                let field = domains.entry(&decision.domain).or_insert_with(|| {
                    let mut field = field(shape, decision, section, root, &plan.district);
                    field.key = field.key.with_cache(&cache);
                    Arc::new(field)
                });
                let mask = registry.get(decision.mask, &shape.types);
                Some(Action {
                    mask: Arc::clone(mask.ok_or_else(|| wrong_type(decision))?),
                    field: Arc::clone(field),
                })
            };
            let reserved = action
                .as_ref()
                .filter(|_| decision.kind == MaskKind::Reserved)
                .and_then(|action| real.get(decision.mask, &action.field.shape.types));
            let one = ColumnMask {
                decision: decision.clone(),
                column_type,
                reserved: reserved.map(Arc::clone),
                action,
            };
            decisions.insert(decision.column.clone(), Arc::new(one));
        }
        Ok(Self { decisions })
    }

    /// The masks of a table's columns, in the order of a batch's columns.
    pub(crate) fn columns(
        &self,
        table: &TableRef,
        names: impl IntoIterator<Item = String>,
    ) -> Result<Vec<Arc<ColumnMask>>, AnonymizeError> {
        names
            .into_iter()
            .map(|name| {
                let column = table.column(&name);
                let decided = self.decisions.get(&column).map(Arc::clone);
                decided.ok_or_else(|| AnonymizeError::Undecided {
                    column: column.to_string(),
                })
            })
            .collect()
    }

    /// All columns of the plan.
    pub(crate) fn all(&self) -> impl Iterator<Item = &ColumnMask> {
        self.decisions.values().map(AsRef::as_ref)
    }
}

fn field(
    shape: &FieldShape,
    decision: &ColumnDecision,
    section: &MaskSection,
    root: &RootKey,
    district: &DistrictId,
) -> Field {
    let (scope, version) = (decision.scope, section.key_version);
    Field {
        key: Pseudonymizer::new(root, scope, district, &decision.domain, version),
        shape: shape.clone(),
    }
}

fn wrong_type(decision: &ColumnDecision) -> AnonymizeError {
    AnonymizeError::WrongType {
        column: decision.column.to_string(),
        mask: format!("{:?}", decision.mask).to_lowercase(),
    }
}

impl ColumnMask {
    /// The text lies where no value of a real person does.
    pub(crate) fn is_reserved(&self, text: &str) -> bool {
        match (&self.reserved, &self.action) {
            (Some(mask), Some(action)) => mask.is_output(text.trim_end(), &action.field.shape),
            _ => false,
        }
    }
}

/// Masks the columns of a batch; `columns` are in the order of the batch's.
pub(crate) fn mask_batch(
    table: &TableRef,
    columns: &[Arc<ColumnMask>],
    batch: &RecordBatch,
) -> Result<RecordBatch, AnonymizeError> {
    let masked: Result<Vec<ArrayRef>, AnonymizeError> = columns
        .iter()
        .zip(batch.columns())
        .map(|(mask, array)| match &mask.action {
            None => Ok(Arc::clone(array)),
            Some(action) => mask_column(mask, action, array.as_ref()),
        })
        .collect();
    RecordBatch::try_new(batch.schema(), masked?).map_err(|source| AnonymizeError::Arrow {
        table: table.to_string(),
        source,
    })
}

fn mask_column(
    mask: &ColumnMask,
    action: &Action,
    array: &dyn Array,
) -> Result<ArrayRef, AnonymizeError> {
    // Equal values of a batch are masked once; nothing is kept beyond the batch.
    let mut seen: HashMap<String, Masked> = HashMap::new();
    let mut values = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let masked = match cell(array, row) {
            None => None,
            Some(Cell::Text(text)) => match seen.get(text.as_ref()) {
                Some(masked) => Some(masked.clone()),
                None => {
                    let masked = mask_text(mask, action, &text)?;
                    seen.insert(text.into_owned(), masked.clone());
                    Some(masked)
                }
            },
            Some(other) => match other.value() {
                Some(value) => Some(apply(mask, action, value)?),
                // A boolean that the user wants cleared.
                None => Some(Masked::Null),
            },
        };
        values.push(masked);
    }
    column(array.data_type(), values).map_err(|_| wrong_type(&mask.decision))
}

/// Empty texts stay. Padded texts of `char(n)` are masked without their padding and padded again.
fn mask_text(mask: &ColumnMask, action: &Action, text: &str) -> Result<Masked, AnonymizeError> {
    let is_float = matches!(mask.column_type, ColumnType::Float32 | ColumnType::Float64);
    let bare = match mask.column_type {
        ColumnType::Char => text.trim_end_matches(' '),
        _ => text,
    };
    if bare.is_empty() && mask.decision.mask != MaskName::Null {
        return Ok(Masked::Text(text.to_owned()));
    }
    let masked = apply(mask, action, Value::Text(bare))?;
    match masked {
        Masked::Text(made) if bare.len() < text.len() => {
            let width = text.chars().count();
            Ok(Masked::Text(format!("{made:<width$}")))
        }
        Masked::Text(made) if is_float => Ok(Masked::Text(finite(&made, bare))),
        other => Ok(other),
    }
}

/// A float that has become too large for its type gets the smallest mantissa instead.
fn finite(made: &str, own: &str) -> String {
    let is_own_finite = own.parse::<f32>().is_ok_and(f32::is_finite);
    let is_made_finite = made.parse::<f32>().is_ok_and(f32::is_finite);
    match made.find('e') {
        Some(at) if is_own_finite && !is_made_finite => format!("1.25{}", &made[at..]),
        _ => made.to_owned(),
    }
}

fn apply(mask: &ColumnMask, action: &Action, value: Value<'_>) -> Result<Masked, AnonymizeError> {
    if let Value::Bytes([]) = value {
        return Ok(Masked::Bytes(Vec::new()));
    }
    let result = action.mask.mask(value, &action.field);
    result.map_err(|Unmaskable(why)| AnonymizeError::Unmaskable {
        column: mask.decision.column.to_string(),
        why,
    })
}
