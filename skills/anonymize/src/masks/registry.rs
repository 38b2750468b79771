//! Which mask a name means.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_model::{ColumnClass, ColumnType, MaskName};

use super::address::AddressMask;
use super::bytes::BytesMask;
use super::date::DateMask;
use super::definition::Mask;
use super::email::EmailMask;
use super::first_name::FirstNameMask;
use super::full_name::FullNameMask;
use super::inet::InetMask;
use super::json::JsonMask;
use super::national_id::NationalIdMask;
use super::null::NullMask;
use super::number::NumberMask;
use super::phone::PhoneMask;
use super::surname::SurnameMask;
use super::text::TextMask;
use super::timestamp::TimestampMask;
use super::uuid::UuidMask;

/// The masks by name. The default has the real ones; a test may put one of its own in their place,
/// the binary has no way to.
#[derive(Clone)]
pub struct MaskRegistry {
    masks: BTreeMap<MaskName, Arc<dyn Mask>>,
    inet: Arc<dyn Mask>,
}

impl Default for MaskRegistry {
    fn default() -> Self {
        let masks: [Arc<dyn Mask>; 14] = [
            Arc::new(FirstNameMask),
            Arc::new(SurnameMask),
            Arc::new(FullNameMask),
            Arc::new(EmailMask),
            Arc::new(PhoneMask),
            Arc::new(NationalIdMask),
            Arc::new(AddressMask),
            Arc::new(DateMask),
            Arc::new(TextMask),
            Arc::new(NumberMask),
            Arc::new(TimestampMask),
            Arc::new(BytesMask),
            Arc::new(JsonMask),
            Arc::new(UuidMask),
        ];
        let mut registry = Self {
            masks: BTreeMap::new(),
            inet: Arc::new(InetMask),
        };
        for mask in masks {
            registry = registry.with(mask);
        }
        registry.with(Arc::new(NullMask))
    }
}

impl MaskRegistry {
    /// Puts a mask in the place of the one of its name.
    #[must_use]
    pub fn with(mut self, mask: Arc<dyn Mask>) -> Self {
        self.masks.insert(mask.definition().name, mask);
        self
    }

    /// The mask of that name for columns of these types; none where no such mask exists: `keep` is
    /// none, and booleans are kept.
    #[must_use]
    pub fn get(&self, name: MaskName, types: &[ColumnType]) -> Option<&Arc<dyn Mask>> {
        if name == MaskName::Text && types.contains(&ColumnType::Inet) {
            return Some(&self.inet);
        }
        self.masks.get(&name)
    }
}

/// The mask of a personal class; none for classes that go by type.
pub(crate) fn mask_of_class(class: ColumnClass) -> Option<MaskName> {
    Some(match class {
        ColumnClass::FirstName => MaskName::FirstName,
        ColumnClass::Surname => MaskName::Surname,
        ColumnClass::FullName => MaskName::FullName,
        ColumnClass::Email => MaskName::Email,
        ColumnClass::Phone => MaskName::Phone,
        ColumnClass::NationalId => MaskName::NationalId,
        ColumnClass::Address => MaskName::Address,
        ColumnClass::BirthDate | ColumnClass::Date => MaskName::Date,
        ColumnClass::Credential => MaskName::Null,
        _ => return None,
    })
}

/// The default mask of the types of a domain: the type that allows least decides.
pub(crate) fn mask_of_types(types: &[ColumnType]) -> Option<MaskName> {
    let has = |one: ColumnType| types.contains(&one);
    let any = |some: &[ColumnType]| some.iter().any(|one| has(*one));
    Some(
        if any(&[ColumnType::Other, ColumnType::Bool, ColumnType::Enum]) {
            return None;
        } else if has(ColumnType::Uuid) {
            MaskName::Uuid
        } else if any(&[
            ColumnType::Int16,
            ColumnType::Int32,
            ColumnType::Int64,
            ColumnType::Float32,
            ColumnType::Float64,
            ColumnType::Numeric,
        ]) {
            MaskName::Number
        } else if has(ColumnType::Date) {
            MaskName::Date
        } else if any(&[
            ColumnType::Timestamp,
            ColumnType::TimestampTz,
            ColumnType::Time,
            ColumnType::Interval,
        ]) {
            MaskName::Timestamp
        } else if has(ColumnType::Json) {
            MaskName::Json
        } else if has(ColumnType::Bytes) {
            MaskName::Bytes
        } else {
            MaskName::Text
        },
    )
}
