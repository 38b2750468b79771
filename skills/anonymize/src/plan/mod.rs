//! Decides about every column before a row moves: what it is, what is done with it, who said so, and
//! whether the constraints of both sides can be kept. Pure.

mod checks;
mod classify;
mod constraints;
mod content;
mod decide;
mod domains;
mod fields;
mod scalars;
mod section;
mod settings;
mod switches;
mod tokens;

pub use section::{MaskInputs, plan};

pub(crate) use checks::allowed_values;
pub(crate) use classify::class_of_name;
pub(crate) use constraints::{required_bits, shapes};
pub(crate) use content::{FEWEST_SHARERS, MOST_CODES, class_of_text, is_no_code};
pub(crate) use decide::is_personal;
pub(crate) use scalars::scalar_type;
pub(crate) use settings::{header, public_lines};
pub(crate) use switches::{Way, switches};
