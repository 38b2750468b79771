//! The masks, one per file, and the registry that names them.

mod address;
mod bytes;
mod calendar;
mod date;
mod definition;
mod email;
mod first_name;
mod full_name;
mod inet;
mod json;
mod json_text;
mod national_id;
mod null;
mod number;
mod phone;
mod registry;
mod surname;
mod text;
mod text_format;
mod timestamp;
mod uuid;

pub use definition::{Bounds, Field, FieldShape, Mask, MaskDefinition, Masked, Unmaskable, Value};
pub use registry::MaskRegistry;

pub(crate) use text::keeps_format;

pub(crate) use registry::{mask_of_class, mask_of_types};

pub(crate) use calendar::{is_sentinel, parse_date};
pub(crate) use json::is_plain_key;
pub(crate) use json_text::{JsonPart, walk};
pub(crate) use number::segments_are_enough;
