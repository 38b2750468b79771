//! Leaves of documents: texts and numbers that have a name but no column of their own. Masked by the
//! class that the name suggests, else by what they look like.

use std::sync::LazyLock;

use redistrict_model::{ColumnClass, ColumnType, MaskKind, MaskName};

use super::calendar::parse_date;
use super::definition::{Bounds, Field, FieldShape, Mask as _, Masked, Value};
use super::number::{NumberMask, is_number};
use super::registry::{MaskRegistry, mask_of_class};
use super::text_format::permute_text;
use crate::plan::class_of_name;

static REGISTRY: LazyLock<MaskRegistry> = LazyLock::new(MaskRegistry::default);

/// Another text for the text of that name.
pub(crate) fn mask_text(field: &Field, name: &str, text: &str) -> String {
    let class = class_of_name(name).filter(|class| *class != ColumnClass::Credential);
    let class = match class {
        None if parse_date(text).is_some() => Some(ColumnClass::Date),
        other => other,
    };
    let class = class.unwrap_or(ColumnClass::Unknown);
    let mask = mask_of_class(class).unwrap_or(MaskName::Text);
    let leaf = leaf(field, class, ColumnType::Text);
    let masked = REGISTRY
        .get(mask, &leaf.shape.types)
        .map(|mask| mask.mask(Value::Text(text), &leaf));
    match masked {
        Some(Ok(Masked::Text(masked))) => masked,
        _ => permute_text(&field.key, text),
    }
}

/// Another number of the same form.
pub(crate) fn mask_number(field: &Field, text: &str) -> String {
    let leaf = leaf(field, ColumnClass::Unknown, ColumnType::Numeric);
    match NumberMask.mask(Value::Text(text), &leaf) {
        Ok(Masked::Text(masked)) => masked,
        _ => "0".to_owned(),
    }
}

/// Another text where numbers, times and truths are written as texts: numbers stay numbers, truths stay.
/// Blanks around it stay too.
pub(crate) fn mask_printed(field: &Field, name: &str, text: &str) -> String {
    let core = text.trim();
    if !core.chars().any(char::is_alphanumeric) || matches!(core, "true" | "false") {
        return text.to_owned();
    }
    let made = if class_of_name(name).is_none() && is_number(core) {
        mask_number(field, core)
    } else {
        mask_text(field, name, core)
    };
    let begin = text.len() - text.trim_start().len();
    format!("{}{made}{}", &text[..begin], &text[begin + core.len()..])
}

/// A field of its own with the same key.
pub(crate) fn leaf(field: &Field, class: ColumnClass, column_type: ColumnType) -> Field {
    Field {
        key: field.key.clone(),
        shape: FieldShape {
            class,
            kind: MaskKind::Synthetic,
            unique: false,
            max_length: None,
            types: vec![column_type],
            source_types: Vec::new(),
            bounds: Bounds::default(),
        },
    }
}
