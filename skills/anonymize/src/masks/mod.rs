//! The masks, one per file, and the registry that names them.

mod address;
mod bits;
mod bytes;
mod calendar;
mod composite;
mod date;
mod definition;
mod email;
mod first_name;
mod full_name;
mod inet;
mod interval;
mod json;
mod json_text;
mod leaf;
mod money;
mod national_id;
mod null;
mod number;
mod phone;
mod quoted;
mod range;
mod range_text;
mod registry;
mod row_text;
mod surname;
mod text;
mod text_format;
mod timestamp;
mod uuid;
mod verbatim;
mod xml;
mod xml_text;

pub use definition::{Bounds, Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
pub use registry::MaskRegistry;

pub(crate) use text::keeps_format;
pub(crate) use text_format::permute_text;

pub(crate) use registry::{mask_of_class, mask_of_types};

pub(crate) use calendar::{
    DAY_MICROS, Notation, PrintedDate, format_date, is_sentinel, parse_date, printed_date,
};
pub(crate) use composite::is_nobodys;
pub(crate) use json::replace as replace_in_document;
pub(crate) use json_text::{JsonPart, walk};
pub(crate) use leaf::mask_text as mask_leaf;
pub(crate) use money::number_of_money;
pub(crate) use number::{is_number, segments_are_enough};
pub(crate) use range::{has_nobodys_bounds, mask_of_range};
pub(crate) use range_text::Ranges;
pub(crate) use row_text::fields as row_fields;
pub(crate) use verbatim::{neutral, pieces};
pub(crate) use xml::is_namespace;
pub(crate) use xml_text::{XmlPart, walk as walk_xml};
