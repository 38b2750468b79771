//! What stands in the place of names that are data: what the same value has elsewhere where that is known,
//! else another name of the same form; two names of one object never become one.

use std::collections::{HashMap, HashSet};

use redistrict_model::{ColumnClass, ColumnType};

use super::decided::{Kind, Names};
use crate::engine::{Action, ColumnMask, mask_element};
use crate::error::AnonymizeError;
use crate::leak::Normal;
use crate::masks::permute_text;

/// So often another name is looked for before one is made longer.
const ATTEMPTS: usize = 64;

/// The names of an object that were replaced.
#[derive(Default)]
struct Made {
    by_own: HashMap<String, String>,
    given: HashSet<String>,
}

impl Names {
    /// The document with its names masked; none if the text is no document.
    pub(crate) fn masked(
        &self,
        column: &ColumnMask,
        action: &Action,
        text: &str,
    ) -> Result<Option<String>, AnonymizeError> {
        let mut failure = None;
        let made = self.walk::<Made>(column, text, &mut |kind, name, place, object| {
            if kind != Kind::Data {
                return None;
            }
            if let Some(made) = object.by_own.get(name) {
                return Some(made.clone());
            }
            let first = self
                .pseudonym(column, action, name)
                .unwrap_or_else(|error| {
                    failure.get_or_insert(error);
                    name.to_owned()
                });
            let is_free = |made: &str| {
                made != name && !object.given.contains(made) && !self.is_kept_at(place, made)
            };
            let made = free(first, is_free, |made| permute_text(&action.field.key, made));
            object.by_own.insert(name.to_owned(), made.clone());
            object.given.insert(made.clone());
            Some(made)
        });
        failure.map_or(Ok(made), Err)
    }

    fn pseudonym(
        &self,
        column: &ColumnMask,
        action: &Action,
        name: &str,
    ) -> Result<String, AnonymizeError> {
        let by_form = |text: &str| permute_text(&action.field.key, text);
        // In XML a name has no blanks.
        if column.scalar_type == ColumnType::Xml {
            return Ok(by_form(name));
        }
        let is_one_word = !name.contains(char::is_whitespace);
        if let Some(known) = self.known_as(name)
            && (is_one_word || !is_word_of_name(known))
        {
            let made = elsewhere(known, name)?;
            return Ok(made.unwrap_or_else(|| by_form(name)));
        }
        if is_one_word {
            return Ok(by_form(name));
        }
        // A full name: its words as they are masked in their columns.
        let words: Result<Vec<String>, AnonymizeError> = name
            .split_inclusive(char::is_whitespace)
            .map(|piece| {
                let word = piece.trim_end().trim_matches([',', ';', '.']);
                let made = match self.known_as(word) {
                    Some(known) => elsewhere(known, word)?,
                    None => None,
                };
                let made = made.unwrap_or_else(|| by_form(word));
                Ok(if word.is_empty() {
                    piece.to_owned()
                } else {
                    piece.replacen(word, &made, 1)
                })
            })
            .collect();
        Ok(words?.concat())
    }

    fn known_as(&self, text: &str) -> Option<&ColumnMask> {
        let whole = self.digester.whole(&Normal::of(text));
        self.known.get(&whole).map(AsRef::as_ref)
    }
}

/// What the value has in its column; none where that has no other text for it.
fn elsewhere(column: &ColumnMask, value: &str) -> Result<Option<String>, AnonymizeError> {
    let Some(action) = &column.action else {
        return Ok(None);
    };
    let made = mask_element(column, action, value)?;
    Ok(made.filter(|made| made != value && !made.is_empty()))
}

fn is_word_of_name(column: &ColumnMask) -> bool {
    matches!(
        column.decision.class,
        ColumnClass::FirstName | ColumnClass::Surname
    )
}

/// The first of a row of texts, each made of the one before, that is free.
fn free(first: String, is_free: impl Fn(&str) -> bool, next: impl Fn(&str) -> String) -> String {
    let mut made = first;
    for _ in 0..ATTEMPTS {
        if is_free(&made) {
            return made;
        }
        made = next(&made);
    }
    let longer = (1_u32..).map(|number| format!("{made}x{number}"));
    let mut longer = longer.filter(|made| is_free(made));
    longer.next().expect("an object has few names")
}

#[cfg(test)]
mod tests {
    use super::free;

    #[test]
    fn a_name_that_is_taken_gives_way_to_the_next_and_at_last_to_a_longer_one() {
        let next = |made: &str| if made == "b" { "c" } else { "a" }.to_owned();
        assert_eq!(free("b".into(), |made| made != "b", next), "c");
        assert_eq!(free("a".into(), |made| made.len() > 1, next), "ax1");
    }
}
