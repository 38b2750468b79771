//! Documents whose members refer to rows: these members are masked as the keys that they are, all others
//! as parts of documents are.

use redistrict_model::json_text::{self, JsonPart, JsonPlace, JsonToken};
use redistrict_model::{document_key, fits};

use crate::engine::{ColumnMask, mask_element};
use crate::error::AnonymizeError;
use crate::masks::{mask_leaf, replace_in_document};

/// The members at one path of a column's documents, and what they refer to.
#[derive(Clone)]
pub(crate) struct Linked {
    pub(crate) members: Vec<String>,
    /// What is done with the column that they refer to.
    pub(crate) mask: ColumnMask,
}

/// A document without what stands in the place of linked members, and that, whether it can be a key or not.
pub(crate) struct Parted<'a> {
    pub(crate) rest: String,
    pub(crate) linked: Vec<(&'a ColumnMask, String)>,
}

impl ColumnMask {
    fn linked_at(&self, place: JsonPlace<'_>) -> Option<&Self> {
        let linked = self.linked.iter().find(|one| place.is(&one.members));
        linked.map(|one| &one.mask)
    }

    /// Takes a document apart; none where nothing is linked in the column, or the text is no document.
    pub(crate) fn parted(&self, text: &str) -> Option<Parted<'_>> {
        if self.linked.is_empty() {
            return None;
        }
        let mut linked = Vec::new();
        let rest = json_text::walk(text, &mut |place, part| {
            let mask = self.linked_at(place)?;
            linked.push((mask, document_key(part)?));
            Some(JsonToken::Bare("null".to_owned()))
        })?;
        Some(Parted { rest, linked })
    }
}

/// Whether the text can be a key of the column: all others were written by somebody for something else.
pub(crate) fn is_key_of(mask: &ColumnMask, key: &str) -> bool {
    fits(key, mask.scalar_type)
}

/// The document with everything masked; none if the text is no document.
pub(crate) fn masked(mask: &ColumnMask, text: &str) -> Result<Option<String>, AnonymizeError> {
    let mut failure = None;
    let made = json_text::walk(text, &mut |place, part| {
        let linked = mask.linked_at(place).zip(document_key(part));
        let token = match linked {
            Some((linked, key)) if is_key_of(linked, &key) => linked_token(linked, part, &key),
            // Somebody wrote something else there: it is masked like all else, also where keys are kept.
            Some((linked, key)) => Ok(own_token(mask, part).or_else(|| unread_token(linked, &key))),
            None => Ok(own_token(mask, part)),
        };
        token.unwrap_or_else(|error| {
            failure.get_or_insert(error);
            None
        })
    });
    failure.map_or(Ok(made), Err)
}

/// A part of the document that refers to nothing; none where documents are kept.
fn own_token(mask: &ColumnMask, part: JsonPart<'_>) -> Option<JsonToken> {
    let text = replace_in_document(part, &mask.action.as_ref()?.field)?;
    Some(match part {
        JsonPart::Number { .. } => JsonToken::Bare(text),
        JsonPart::Key(_) | JsonPart::Text { .. } => JsonToken::Text(text),
    })
}

/// What can be no key, in a document that is kept, in the place of keys that are not.
fn unread_token(linked: &ColumnMask, key: &str) -> Option<JsonToken> {
    let action = linked.action.as_ref()?;
    Some(JsonToken::Text(mask_leaf(&action.field, "", key)))
}

/// A key in a document, as the column is masked that it refers to. A number stays one where it can.
fn linked_token(
    linked: &ColumnMask,
    part: JsonPart<'_>,
    key: &str,
) -> Result<Option<JsonToken>, AnonymizeError> {
    let Some(action) = &linked.action else {
        return Ok(None);
    };
    let is_bare = matches!(part, JsonPart::Number { .. });
    Ok(Some(match mask_element(linked, action, key)? {
        Some(text) if is_bare && is_json_number(&text) => JsonToken::Bare(text),
        Some(text) => JsonToken::Text(text),
        None => JsonToken::Bare("null".to_owned()),
    }))
}

/// Zeros in front are none of JSON's.
fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}
