//! Proposes what a column is and what is done with it, without the user's word: catalog, name,
//! content, codes, catalogue tables, type, in that order.

use std::collections::{BTreeMap, BTreeSet};

use redistrict_model::{
    ColumnClass, ColumnRef, ColumnType, MaskKind, MaskName, Provenance, Role, TableRef,
};

use super::checks::{Demand, demand};
use super::classify::{class_of_column, is_person_number};
use super::content::{class_of_values, is_code};
use super::fields::Field;
use super::scalars::{is_special, sampled, scalar_source_type};
use crate::masks::{MaskRegistry, mask_of_class, mask_of_range, mask_of_types};

/// Sampled source values as text, by column.
pub(crate) type Samples = BTreeMap<ColumnRef, Vec<Option<Box<str>>>>;

/// What a column is and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) class: ColumnClass,
    pub(crate) provenance: Provenance,
    pub(crate) reason: String,
    /// The mask that the user or a rule asked for; else class and types decide.
    pub(crate) mask: Option<MaskName>,
}

impl Proposal {
    pub(crate) fn new(class: ColumnClass, provenance: Provenance, reason: &str) -> Self {
        Self {
            class,
            provenance,
            reason: reason.to_owned(),
            mask: None,
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.mask == Some(MaskName::Keep) || self.mask.is_none() && is_kept_class(self.class)
    }
}

/// Columns of these classes stay as they are.
pub(crate) fn is_kept_class(class: ColumnClass) -> bool {
    matches!(
        class,
        ColumnClass::SurrogateKey
            | ColumnClass::TenantKey
            | ColumnClass::Reference
            | ColumnClass::Boolean
            | ColumnClass::Enumeration
            | ColumnClass::Code
            | ColumnClass::Catalogue
            | ColumnClass::Public
    )
}

/// Classes that say something about a person.
pub(crate) fn is_personal(class: ColumnClass) -> bool {
    matches!(
        class,
        ColumnClass::FirstName
            | ColumnClass::Surname
            | ColumnClass::FullName
            | ColumnClass::Email
            | ColumnClass::Phone
            | ColumnClass::NationalId
            | ColumnClass::Address
            | ColumnClass::BirthDate
            | ColumnClass::Credential
    )
}

/// The proposal for a column. `personal` are the reference tables with columns about persons.
pub(crate) fn propose(
    field: &Field<'_>,
    samples: &Samples,
    personal: &BTreeSet<TableRef>,
) -> Proposal {
    let samples = sampled(field, samples);
    by_graph(field)
        .or_else(|| by_condition(field, &samples))
        .or_else(|| by_linked_members(field))
        .or_else(|| by_catalog(field))
        .or_else(|| by_name(field))
        .or_else(|| by_content(field, &samples))
        .or_else(|| by_catalogue_table(field, personal))
        .or_else(|| by_code(field, &samples))
        .unwrap_or_else(|| by_type(field))
}

/// Labels are the graph's schema; what stands in no column never moves. The ends of relationships are
/// references like others.
fn by_graph(field: &Field<'_>) -> Option<Proposal> {
    let name = field.column.column.as_str();
    match name {
        _ if !field.is_graph_column => None,
        ":labels" | ":start_label" | ":end_label" => Some(Proposal::new(
            ColumnClass::Enumeration,
            Provenance::Catalog,
            "labels of the graph, which are its schema",
        )),
        ":other" => Some(Proposal {
            mask: Some(MaskName::Null),
            ..Proposal::new(
                ColumnClass::Unknown,
                Provenance::Catalog,
                "what stands in no column does not move",
            )
        }),
        _ => None,
    }
}

/// What says which table a row refers to is kept where it holds nothing but the texts that the
/// references name; all rows are looked at again while they are masked.
fn by_condition(field: &Field<'_>, samples: &[Option<Box<str>>]) -> Option<Proposal> {
    let mut values = samples.iter().flatten();
    let is_closed = !field.conditions.is_empty() && !field.is_array();
    (is_closed && values.all(|value| field.conditions.contains(value.as_ref()))).then(|| {
        Proposal::new(
            ColumnClass::Enumeration,
            Provenance::User,
            "it says which table the row refers to, by the texts that links name",
        )
    })
}

/// A column of texts that links lead from as from documents.
fn by_linked_members(field: &Field<'_>) -> Option<Proposal> {
    let is_text = field.column_type() != ColumnType::Json;
    (field.has_linked_members && is_text && !field.is_array()).then(|| Proposal {
        mask: Some(MaskName::Json),
        ..Proposal::new(
            ColumnClass::Unknown,
            Provenance::User,
            "documents, as the links say that lead from their members",
        )
    })
}

fn by_catalog(field: &Field<'_>) -> Option<Proposal> {
    let column_type = field.column_type();
    let proposal = |class, reason| Some(Proposal::new(class, Provenance::Catalog, reason));
    if field.is_tenant_key {
        return proposal(ColumnClass::TenantKey, "the district's own key");
    }
    let is_opaque = matches!(
        column_type,
        ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Uuid
    ) && !field.is_array()
        && !is_person_number(&field.column.column);
    if is_opaque && field.is_key {
        return proposal(
            ColumnClass::SurrogateKey,
            "an opaque key: a number or UUID that identifies rows",
        );
    }
    if is_opaque && field.refers_outside {
        return proposal(
            ColumnClass::Reference,
            "refers to an opaque key of a table that does not move",
        );
    }
    let is_one_bit = column_type == ColumnType::Bits
        && matches!(scalar_source_type(field.source), "bit" | "bit(1)");
    if column_type == ColumnType::Bool || is_one_bit {
        return proposal(ColumnClass::Boolean, "true or false");
    }
    if column_type == ColumnType::Enum {
        return proposal(ColumnClass::Enumeration, "one of the labels of its type");
    }
    let is_plain = !field.is_array() && !is_special(column_type);
    let has_list = field
        .checks
        .iter()
        .any(|check| is_plain && demand(&check.expression) == Demand::List);
    if has_list {
        return proposal(ColumnClass::Enumeration, "one of the values of its CHECK");
    }
    None
}

fn by_name(field: &Field<'_>) -> Option<Proposal> {
    let name = &field.column.column;
    let class_of =
        |name: &str| class_of_column(name, &field.column.table.table, field.column_type());
    let class = class_of(name).or_else(|| {
        // `first_names` holds what `first_name` does.
        let one = singular(name).filter(|_| field.is_array())?;
        class_of(&one)
    })?;
    let mut proposal = Proposal::new(class, Provenance::Name, "its name says so");
    if class == ColumnClass::NationalId && !is_social_security(name) {
        // No range of such numbers is known to be free.
        proposal.mask = Some(MaskName::Text);
    }
    Some(proposal)
}

fn singular(name: &str) -> Option<String> {
    let stem = name.strip_suffix(['s', 'S'])?;
    Some(match stem.strip_suffix("sse") {
        Some(root) => format!("{root}ss"),
        None => stem.to_owned(),
    })
}

fn is_social_security(name: &str) -> bool {
    let words = super::tokens::tokens(name);
    let others = ["passport", "license", "nino", "tax", "itin"];
    !words.iter().any(|word| others.contains(&word.as_str()))
}

fn by_content(field: &Field<'_>, samples: &[Option<Box<str>>]) -> Option<Proposal> {
    let is_text = matches!(field.column_type(), ColumnType::Text | ColumnType::Char);
    let class = class_of_values(samples).filter(|_| is_text)?;
    Some(Proposal::new(
        class,
        Provenance::Content,
        "four of five sampled values look like it",
    ))
}

fn by_catalogue_table(field: &Field<'_>, personal: &BTreeSet<TableRef>) -> Option<Proposal> {
    let is_sure = field.role == Role::Reference && !field.in_doubt;
    (is_sure && !personal.contains(&field.column.table)).then(|| {
        Proposal::new(
            ColumnClass::Catalogue,
            Provenance::Catalog,
            "its reference table is about no person",
        )
    })
}

fn by_code(field: &Field<'_>, samples: &[Option<Box<str>>]) -> Option<Proposal> {
    (!field.is_unique && is_code(samples, field.column_type())).then(|| {
        Proposal::new(
            ColumnClass::Code,
            Provenance::Content,
            "at most 64 values, each in 11 or more sampled rows, none a name",
        )
    })
}

fn by_type(field: &Field<'_>) -> Proposal {
    match field.column_type() {
        ColumnType::Date | ColumnType::Timestamp | ColumnType::TimestampTz => {
            Proposal::new(ColumnClass::Date, Provenance::Type, "a date or time")
        }
        ColumnType::DateTimeText => {
            Proposal::new(ColumnClass::Date, Provenance::Type, "a date or time")
        }
        ColumnType::Range if !matches!(range_of(field), MaskName::Number | MaskName::Text) => {
            Proposal::new(
                ColumnClass::Date,
                Provenance::Type,
                "a range of dates or times",
            )
        }
        ColumnType::Verbatim => Proposal::new(
            ColumnClass::Unknown,
            Provenance::Type,
            "nothing is known of its type: sensitive as a whole",
        ),
        _ if field.in_doubt => Proposal::new(
            ColumnClass::Unknown,
            Provenance::Type,
            "nothing recognises it, and its reference table may be about persons: sensitive",
        ),
        _ => Proposal::new(
            ColumnClass::Unknown,
            Provenance::Type,
            "nothing recognises it: sensitive",
        ),
    }
}

fn range_of(field: &Field<'_>) -> MaskName {
    mask_of_range(scalar_source_type(field.source))
}

/// The reference tables that have columns about persons, with these columns.
pub(crate) fn personal_tables(
    fields: &[Field<'_>],
    samples: &Samples,
    is_declared_public: impl Fn(&ColumnRef) -> bool,
) -> BTreeMap<TableRef, Vec<String>> {
    let mut tables: BTreeMap<TableRef, Vec<String>> = BTreeMap::new();
    for field in fields {
        if field.role != Role::Reference || is_declared_public(&field.column) {
            continue;
        }
        let samples = sampled(field, samples);
        let proposal = by_graph(field)
            .or_else(|| by_catalog(field))
            .or_else(|| by_name(field))
            .or_else(|| by_content(field, &samples));
        if proposal.is_some_and(|proposal| is_personal(proposal.class)) {
            tables
                .entry(field.column.table.clone())
                .or_default()
                .push(field.column.column.clone());
        }
    }
    tables
}

/// What the columns of a domain can hold together.
#[derive(Clone, Copy)]
pub(crate) struct Holds<'a> {
    pub(crate) types: &'a [ColumnType],
    pub(crate) source_types: &'a [String],
    /// NULL may be written into all of them.
    pub(crate) all_nullable: bool,
}

/// The mask that a proposal means for a domain; none if no mask takes all of its types.
pub(crate) fn mask_for(
    proposal: &Proposal,
    holds: Holds<'_>,
    registry: &MaskRegistry,
) -> Option<MaskName> {
    if proposal.is_kept() {
        return Some(MaskName::Keep);
    }
    let takes = |name: &MaskName| is_taken(*name, holds, registry);
    if let Some(asked) = proposal.mask {
        return Some(asked).filter(takes);
    }
    mask_of_class(proposal.class)
        .filter(takes)
        .filter(|name| *name != MaskName::Null || holds.all_nullable)
        .or_else(|| default_of(holds).filter(takes))
}

/// The user gave a class whose mask cannot be had for one of the types that have masks of their own.
pub(crate) fn is_foreign_class(proposal: &Proposal, holds: Holds<'_>, mask: MaskName) -> bool {
    let is_given = proposal.provenance == Provenance::User && proposal.mask.is_none();
    let is_date = |name| matches!(name, MaskName::Date | MaskName::Timestamp);
    let is_alike = |wanted| wanted == mask || is_date(wanted) && is_date(mask);
    is_given
        && holds.types.iter().copied().any(is_special)
        && mask_of_class(proposal.class)
            .is_some_and(|wanted| wanted != MaskName::Null && !is_alike(wanted))
}

fn is_taken(name: MaskName, holds: Holds<'_>, registry: &MaskRegistry) -> bool {
    let is_range = holds.types.contains(&ColumnType::Range);
    let is_date = |name| matches!(name, MaskName::Date | MaskName::Timestamp);
    let bounds = |one: &String| match mask_of_range(one) {
        MaskName::Number => !is_date(name),
        own if is_date(own) => name != MaskName::Number,
        _ => true,
    };
    registry.get(name, holds.types).is_some_and(|mask| {
        let taken = mask.definition().types;
        holds.types.iter().all(|one| taken.contains(one))
    }) && (!is_range || holds.source_types.iter().all(bounds))
}

fn default_of(holds: Holds<'_>) -> Option<MaskName> {
    match mask_of_types(holds.types)? {
        MaskName::Text if holds.types == [ColumnType::Range] => {
            let mut masks = holds.source_types.iter().map(|one| mask_of_range(one));
            let first = masks.next()?;
            Some(if masks.all(|other| other == first) {
                first
            } else {
                MaskName::Text
            })
        }
        // One neutral value where there must be one.
        MaskName::Null if !holds.all_nullable => Some(MaskName::Text),
        other => Some(other),
    }
}

/// How the proof of a mask is made.
pub(crate) fn kind_of(
    mask: MaskName,
    class: ColumnClass,
    is_unique: bool,
    types: &[ColumnType],
    registry: &MaskRegistry,
) -> MaskKind {
    if mask == MaskName::Keep {
        return MaskKind::Kept;
    }
    let known = registry.get(mask, types).map(|mask| mask.definition());
    let is_of_texts = known.is_some_and(|known| known.types.contains(&ColumnType::Text));
    let is_permuted = is_unique || class == ColumnClass::NationalId;
    if mask == MaskName::Text && is_of_texts && is_permuted {
        return MaskKind::InFormat;
    }
    known.map_or(MaskKind::Synthetic, |known| known.kind)
}
