//! Masks batches of rows: one batch in, one of the same schema out, row by row in the same order.
//! Deterministic for any batch size, worker count and order of rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use redistrict_artifact::RootKey;
use redistrict_model::{
    ColumnDecision, ColumnRef, ColumnType, DistrictId, Edge, Inside, MaskKind, MaskName,
    MaskSection, Plan, TableRef, array_text,
};

use crate::cells::{Cell, cell, column};
use crate::documents::{self, Linked};
use crate::elements::{self, Element};
use crate::error::AnonymizeError;
use crate::leak::{Digester, class_of};
use crate::masks::{Field, FieldShape, Mask, MaskRegistry, Masked, Unmaskable, Value};
use crate::names::{Decided, Names, has_names};
use crate::plan::{Way, is_personal, scalar_type, shapes, switches};
use crate::pseudonym::{Pseudonymizer, TableCache};

/// The masks of a plan, ready to be applied to its tables.
pub(crate) struct Engine {
    decisions: BTreeMap<ColumnRef, Arc<ColumnMask>>,
}

/// What is done with one column.
#[derive(Clone)]
pub(crate) struct ColumnMask {
    pub(crate) decision: ColumnDecision,
    pub(crate) column_type: ColumnType,
    /// The type of its single values: of an array that of its elements.
    pub(crate) scalar_type: ColumnType,
    /// None for kept columns.
    pub(crate) action: Option<Action>,
    /// The real mask of a reserved column, whatever stands in its place: only it may say which
    /// values are nobody's.
    pub(crate) reserved: Option<Arc<dyn Mask>>,
    /// What is done in rows that meet a condition, in place of this.
    pub(crate) variants: Vec<Variant>,
    /// The members of its documents that refer to rows.
    pub(crate) linked: Vec<Linked>,
    /// Which names of members in its documents are structure; none before they were measured.
    pub(crate) names: Option<Arc<Names>>,
}

/// What is done with a column in the rows where each named column has one of the texts.
#[derive(Clone)]
pub(crate) struct Variant {
    when: Vec<(String, Vec<String>)>,
    mask: ColumnMask,
}

/// A mask with the demands and the key of its domain.
#[derive(Clone)]
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
            let source = source.ok_or_else(undecided)?;
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
                column_type: source.column_type,
                // Texts that are masked as documents are looked at as documents.
                scalar_type: match decision.mask {
                    MaskName::Json => ColumnType::Json,
                    _ => scalar_type(source),
                },
                reserved: reserved.map(Arc::clone),
                action,
                variants: Vec::new(),
                linked: Vec::new(),
                names: None,
            };
            decisions.insert(decision.column.clone(), one);
        }
        add_variants(&mut decisions, &switches(&extract.ownership.edges));
        add_linked(&mut decisions, &extract.ownership.edges);
        let decisions = decisions.into_iter();
        Ok(Self {
            decisions: decisions.map(|(name, one)| (name, Arc::new(one))).collect(),
        })
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

    /// The same masks, which know about the names of members in documents.
    pub(crate) fn with_names(&self, digester: Digester, decided: Decided) -> Self {
        let names = Arc::new(Names::new(digester, decided, &self.decisions));
        let named = |own: &Arc<ColumnMask>| {
            if !has_names(own) {
                return Arc::clone(own);
            }
            let names = Some(Arc::clone(&names));
            Arc::new(ColumnMask {
                names,
                ..ColumnMask::clone(own)
            })
        };
        let decisions = self.decisions.iter();
        Self {
            decisions: decisions
                .map(|(name, own)| (name.clone(), named(own)))
                .collect(),
        }
    }

    /// The values of the column say who somebody is: of a personal class, or unique.
    pub(crate) fn is_of_persons(&self, column: &ColumnRef) -> bool {
        self.decisions
            .get(column)
            .is_some_and(|own| own.decision.unique || is_personal(class_of(own)))
    }

    /// All columns of the plan.
    pub(crate) fn all(&self) -> impl Iterator<Item = &ColumnMask> {
        self.decisions.values().map(AsRef::as_ref)
    }
}

/// Rows of a switch are masked as what they refer to.
fn add_variants(
    decisions: &mut BTreeMap<ColumnRef, ColumnMask>,
    switches: &BTreeMap<ColumnRef, Vec<Way>>,
) {
    for (column, ways) in switches {
        let variants = ways.iter().filter_map(|way| {
            let (own, parent) = (decisions.get(column)?, decisions.get(&way.parent)?);
            let decision = ColumnDecision {
                column: column.clone(),
                class: own.decision.class,
                ..parent.decision.clone()
            };
            Some(Variant {
                when: way.when.clone(),
                mask: ColumnMask {
                    decision,
                    column_type: own.column_type,
                    scalar_type: own.scalar_type,
                    action: parent.action.clone(),
                    reserved: parent.reserved.clone(),
                    variants: Vec::new(),
                    linked: Vec::new(),
                    names: None,
                },
            })
        });
        let variants = variants.collect();
        if let Some(own) = decisions.get_mut(column) {
            own.variants = variants;
        }
    }
}

/// Members of documents that refer to rows are masked as the columns that they refer to. In the column of
/// texts that holds them, what is a document is looked at as one.
fn add_linked(decisions: &mut BTreeMap<ColumnRef, ColumnMask>, edges: &[Edge]) {
    for edge in edges {
        let (Some(Inside::Members(members)), Some(column), Some(referred)) = (
            &edge.inside,
            edge.child_columns.first(),
            edge.parent_columns.first(),
        ) else {
            continue;
        };
        let Some(parent) = decisions.get(&edge.parent.column(referred)) else {
            continue;
        };
        let mask = ColumnMask {
            decision: parent.decision.clone(),
            column_type: parent.scalar_type,
            scalar_type: parent.scalar_type,
            action: parent.action.clone(),
            reserved: parent.reserved.clone(),
            variants: Vec::new(),
            linked: Vec::new(),
            names: None,
        };
        if let Some(own) = decisions.get_mut(&edge.child.column(column)) {
            own.scalar_type = ColumnType::Json;
            own.linked.push(Linked {
                members: members.clone(),
                mask,
            });
        }
    }
}

/// What is done with the column at that place in one row of a batch of originals; `columns` are in the
/// order of the batch's.
pub(crate) fn in_row<'a>(
    columns: &'a [Arc<ColumnMask>],
    at: usize,
    batch: &RecordBatch,
    row: usize,
) -> &'a ColumnMask {
    let own = columns[at].as_ref();
    let has = |name: &str, texts: &[String]| {
        let place = columns
            .iter()
            .position(|one| one.decision.column.column == name);
        match place.and_then(|place| cell(batch.column(place).as_ref(), row)) {
            Some(Cell::Text(text)) => {
                let text = text.trim_end_matches(' ');
                texts.iter().any(|one| one.trim_end_matches(' ') == text)
            }
            _ => false,
        }
    };
    let is_met = |variant: &&Variant| variant.when.iter().all(|(name, texts)| has(name, texts));
    let variant = own.variants.iter().find(is_met);
    variant.map_or(own, |variant| &variant.mask)
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
    /// Its values are arrays of single values that are masked each by itself.
    pub(crate) fn is_list(&self) -> bool {
        self.column_type == ColumnType::Array && self.scalar_type != ColumnType::Verbatim
    }

    /// A text of the column without the padding of `char(n)`; blanks at the end of other texts belong to them.
    pub(crate) fn unpadded<'a>(&self, text: &'a str) -> &'a str {
        match self.scalar_type {
            ColumnType::Char => text.trim_end_matches(' '),
            _ => text,
        }
    }

    /// Shows each single value of a cell: the elements of an array, else the whole.
    pub(crate) fn each_text(&self, text: &str, look: &mut dyn FnMut(&str)) {
        match array_text::elements(text).filter(|_| self.is_list()) {
            Some(elements) => elements.iter().flatten().for_each(|element| look(element)),
            None => look(text),
        }
    }

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
    let one = |at: usize| {
        let (mask, array) = (&columns[at], batch.column(at));
        match &mask.action {
            _ if !mask.variants.is_empty() => mask_by_row(columns, at, batch),
            None if mask.linked.iter().any(|one| one.mask.action.is_some()) => {
                mask_linked(mask, array.as_ref())
            }
            None => Ok(Arc::clone(array)),
            Some(action) => mask_column(mask, action, array.as_ref()),
        }
    };
    let masked: Result<Vec<ArrayRef>, AnonymizeError> = (0..columns.len().min(batch.num_columns()))
        .map(one)
        .collect();
    RecordBatch::try_new(batch.schema(), masked?).map_err(|source| AnonymizeError::Arrow {
        table: table.to_string(),
        source,
    })
}

/// Each row of a switch by itself.
fn mask_by_row(
    columns: &[Arc<ColumnMask>],
    at: usize,
    batch: &RecordBatch,
) -> Result<ArrayRef, AnonymizeError> {
    let array = batch.column(at);
    let mut values = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let mask = in_row(columns, at, batch, row);
        let masked = match (cell(array.as_ref(), row), &mask.action) {
            (None, _) => None,
            (Some(Cell::Text(text)), Some(action)) => Some(mask_text(mask, action, &text)?),
            (Some(other), Some(action)) => match other.value() {
                Some(value) => Some(apply(mask, action, value)?),
                None => Some(Masked::Null),
            },
            (Some(own), None) => Some(kept(&own).ok_or_else(|| wrong_type(&mask.decision))?),
        };
        values.push(masked);
    }
    column(array.data_type(), values).map_err(|_| wrong_type(&columns[at].decision))
}

/// A column of documents that is kept, but for what its members refer to.
fn mask_linked(mask: &ColumnMask, array: &dyn Array) -> Result<ArrayRef, AnonymizeError> {
    let mut values = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        values.push(match cell(array, row) {
            None => None,
            Some(Cell::Text(text)) => {
                let made = documents::masked(mask, &text)?;
                Some(Masked::Text(made.unwrap_or_else(|| text.into_owned())))
            }
            Some(own) => Some(kept(&own).ok_or_else(|| wrong_type(&mask.decision))?),
        });
    }
    column(array.data_type(), values).map_err(|_| wrong_type(&mask.decision))
}

fn kept(cell: &Cell<'_>) -> Option<Masked> {
    Some(match cell.value()? {
        Value::Text(text) => Masked::Text(text.to_owned()),
        Value::Days(days) => Masked::Days(days),
        Value::Micros(micros) => Masked::Micros(micros),
        Value::Bytes(bytes) => Masked::Bytes(bytes.to_vec()),
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

fn mask_text(mask: &ColumnMask, action: &Action, text: &str) -> Result<Masked, AnonymizeError> {
    if mask.is_list() && mask.decision.mask != MaskName::Null {
        return mask_list(mask, action, text);
    }
    if !mask.linked.is_empty()
        && mask.decision.mask == MaskName::Json
        && let Some(made) = documents::masked(mask, text)?
    {
        return mask_names(mask, action, made);
    }
    mask_scalar(mask, action, text)
}

/// A masked document, whose names still are the original's.
fn mask_names(mask: &ColumnMask, action: &Action, made: String) -> Result<Masked, AnonymizeError> {
    let named = match &mask.names {
        Some(names) => names.masked(mask, action, &made)?,
        None => None,
    };
    Ok(Masked::Text(named.unwrap_or(made)))
}

/// Element by element.
fn mask_list(mask: &ColumnMask, action: &Action, text: &str) -> Result<Masked, AnonymizeError> {
    let mut failure = None;
    let masked = array_text::map_elements(text, |element| {
        mask_element(mask, action, element).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            None
        })
    });
    match (failure, masked) {
        (Some(error), _) => Err(error),
        (None, Some(masked)) => Ok(Masked::Text(masked)),
        (None, None) => Err(unmaskable(mask, "it is no array")),
    }
}

/// A single value of the column, as an array or a document holds it; none is NULL.
pub(crate) fn mask_element(
    mask: &ColumnMask,
    action: &Action,
    text: &str,
) -> Result<Option<String>, AnonymizeError> {
    let element = mask.scalar_type;
    let own = elements::read(element, text)
        .ok_or_else(|| unmaskable(mask, "an element is no value of its type"))?;
    let masked = match &own {
        Element::Nobodys => return Ok(Some(text.to_owned())),
        Element::Text(text) => mask_scalar(mask, action, text)?,
        Element::Day(days, _) => apply(mask, action, Value::Days(*days))?,
        Element::Midnight(micros, _) => apply(mask, action, Value::Micros(*micros))?,
        Element::Bytes(bytes) => apply(mask, action, Value::Bytes(bytes))?,
    };
    elements::write(element, &own, masked).ok_or_else(|| wrong_type(&mask.decision))
}

/// Empty texts stay. Padded texts of `char(n)` are masked without their padding and padded again.
fn mask_scalar(mask: &ColumnMask, action: &Action, text: &str) -> Result<Masked, AnonymizeError> {
    let is_float = matches!(mask.scalar_type, ColumnType::Float32 | ColumnType::Float64);
    let bare = mask.unpadded(text);
    let is_whole = mask.scalar_type == ColumnType::Verbatim;
    if bare.is_empty() && mask.decision.mask != MaskName::Null && !is_whole {
        return Ok(Masked::Text(text.to_owned()));
    }
    let masked = apply(mask, action, Value::Text(bare))?;
    match masked {
        Masked::Text(made) if bare.len() < text.len() => {
            let width = text.chars().count();
            Ok(Masked::Text(format!("{made:<width$}")))
        }
        Masked::Text(made) if is_float => Ok(Masked::Text(finite(&made, bare))),
        Masked::Text(made) => mask_names(mask, action, made),
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
    result.map_err(|Unmaskable(why)| unmaskable(mask, why))
}

fn unmaskable(mask: &ColumnMask, why: &'static str) -> AnonymizeError {
    AnonymizeError::Unmaskable {
        column: mask.decision.column.to_string(),
        why,
    }
}
