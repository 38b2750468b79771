//! Which mask a name means.

use std::collections::BTreeMap;
use std::sync::Arc;

use redistrict_model::{ColumnClass, ColumnType, MaskName};

use super::address::AddressMask;
use super::bits::BitsMask;
use super::bytes::BytesMask;
use super::composite::CompositeMask;
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
use super::range::RangeMask;
use super::surname::SurnameMask;
use super::text::TextMask;
use super::timestamp::TimestampMask;
use super::uuid::UuidMask;
use super::verbatim::VerbatimMask;
use super::xml::XmlMask;

/// The masks by name. The default has the real ones; a test may put one of its own in their place,
/// the binary has no way to.
#[derive(Clone)]
pub struct MaskRegistry {
    masks: BTreeMap<MaskName, Arc<dyn Mask>>,
    /// Masks that go by the name of another where all columns are of their type.
    by_type: Vec<Arc<dyn Mask>>,
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
            by_type: vec![
                Arc::new(InetMask),
                Arc::new(BitsMask),
                Arc::new(CompositeMask),
                Arc::new(XmlMask),
                Arc::new(VerbatimMask),
                Arc::new(RangeMask(MaskName::Date)),
                Arc::new(RangeMask(MaskName::Timestamp)),
                Arc::new(RangeMask(MaskName::Number)),
                Arc::new(RangeMask(MaskName::Text)),
            ],
        };
        for mask in masks {
            registry = registry.with(mask);
        }
        registry.with(Arc::new(NullMask))
    }
}

impl MaskRegistry {
    /// Puts a mask in the place of the one of its name; of a mask that takes one of the special types only,
    /// in the place of the one of its name and type.
    #[must_use]
    pub fn with(mut self, mask: Arc<dyn Mask>) -> Self {
        let new = mask.definition();
        let is_same = |own: &&mut Arc<dyn Mask>| {
            let own = own.definition();
            own.name == new.name && own.types == new.types
        };
        match self.by_type.iter_mut().find(is_same) {
            Some(own) => *own = mask,
            None => {
                self.masks.insert(new.name, mask);
            }
        }
        self
    }

    /// The mask of that name for columns of these types; none where no such mask exists: `keep` is
    /// none, and booleans are kept.
    #[must_use]
    pub fn get(&self, name: MaskName, types: &[ColumnType]) -> Option<&Arc<dyn Mask>> {
        let by_type = self.by_type.iter().find(|mask| {
            let known = mask.definition();
            known.name == name && known.types.iter().any(|one| types.contains(one))
        });
        by_type.or_else(|| self.masks.get(&name))
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
        } else if has(ColumnType::Verbatim) {
            MaskName::Null
        } else if has(ColumnType::Uuid) {
            MaskName::Uuid
        } else if any(&[
            ColumnType::Int16,
            ColumnType::Int32,
            ColumnType::Int64,
            ColumnType::Float32,
            ColumnType::Float64,
            ColumnType::Numeric,
            ColumnType::Money,
        ]) {
            MaskName::Number
        } else if has(ColumnType::Date) {
            MaskName::Date
        } else if any(&[
            ColumnType::Timestamp,
            ColumnType::TimestampTz,
            ColumnType::Time,
            ColumnType::Interval,
            ColumnType::DateTimeText,
        ]) {
            MaskName::Timestamp
        } else if has(ColumnType::Json) {
            MaskName::Json
        } else if any(&[ColumnType::Bytes, ColumnType::Bits]) {
            MaskName::Bytes
        } else {
            MaskName::Text
        },
    )
}
