//! Documents part by part, where it does not matter in which members the parts stand.

use redistrict_model::json_text::{self, JsonToken};

pub(crate) use redistrict_model::json_text::JsonPart;

/// Shows each part to `look`, which may give another text for it, and gives the document with the
/// replacements; none if the text is no JSON document. What replaces a number is written as it is.
pub(crate) fn walk(
    document: &str,
    look: &mut dyn FnMut(JsonPart<'_>) -> Option<String>,
) -> Option<String> {
    json_text::walk(document, &mut |_, part| {
        let is_number = matches!(part, JsonPart::Number { .. });
        look(part).map(|text| {
            if is_number {
                JsonToken::Bare(text)
            } else {
                JsonToken::Text(text)
            }
        })
    })
}
