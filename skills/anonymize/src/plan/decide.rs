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
use crate::masks::MaskRegistry;
use crate::masks::{mask_of_class, mask_of_types};

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
    let samples = samples.get(&field.column).map_or(&[][..], Vec::as_slice);
    by_catalog(field)
        .or_else(|| by_name(field))
        .or_else(|| by_content(field, samples))
        .or_else(|| by_catalogue_table(field, personal))
        .or_else(|| by_code(field, samples))
        .unwrap_or_else(|| by_type(field))
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
    ) && !is_person_number(&field.column.column);
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
    if column_type == ColumnType::Bool {
        return proposal(ColumnClass::Boolean, "true or false");
    }
    if column_type == ColumnType::Enum {
        return proposal(ColumnClass::Enumeration, "one of the labels of its type");
    }
    let has_list = field
        .checks
        .iter()
        .any(|check| demand(&check.expression) == Demand::List);
    if has_list {
        return proposal(ColumnClass::Enumeration, "one of the values of its CHECK");
    }
    None
}

fn by_name(field: &Field<'_>) -> Option<Proposal> {
    let name = &field.column.column;
    let class = class_of_column(name, &field.column.table.table, field.column_type())?;
    let mut proposal = Proposal::new(class, Provenance::Name, "its name says so");
    if class == ColumnClass::NationalId && !is_social_security(name) {
        // No range of such numbers is known to be free.
        proposal.mask = Some(MaskName::Text);
    }
    Some(proposal)
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
    (field.role == Role::Reference && !personal.contains(&field.column.table)).then(|| {
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
        _ => Proposal::new(
            ColumnClass::Unknown,
            Provenance::Type,
            "nothing recognises it: sensitive",
        ),
    }
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
        let samples = samples.get(&field.column).map_or(&[][..], Vec::as_slice);
        let proposal = by_catalog(field)
            .or_else(|| by_name(field))
            .or_else(|| by_content(field, samples));
        if proposal.is_some_and(|proposal| is_personal(proposal.class)) {
            tables
                .entry(field.column.table.clone())
                .or_default()
                .push(field.column.column.clone());
        }
    }
    tables
}

/// The mask that a proposal means for a domain of these types; none if no mask takes all of them.
pub(crate) fn mask_for(
    proposal: &Proposal,
    types: &[ColumnType],
    all_nullable: bool,
    registry: &MaskRegistry,
) -> Option<MaskName> {
    if proposal.is_kept() {
        return Some(MaskName::Keep);
    }
    let takes = |name: &MaskName| {
        registry.get(*name, types).is_some_and(|mask| {
            let taken = mask.definition().types;
            types.iter().all(|one| taken.contains(one))
        })
    };
    if let Some(asked) = proposal.mask {
        return Some(asked).filter(takes);
    }
    mask_of_class(proposal.class)
        .filter(takes)
        .filter(|name| *name != MaskName::Null || all_nullable)
        .or_else(|| mask_of_types(types).filter(takes))
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
    let is_network = types.contains(&ColumnType::Inet);
    if mask == MaskName::Text && !is_network && (is_unique || class == ColumnClass::NationalId) {
        return MaskKind::InFormat;
    }
    registry
        .get(mask, types)
        .map_or(MaskKind::Synthetic, |mask| mask.definition().kind)
}
