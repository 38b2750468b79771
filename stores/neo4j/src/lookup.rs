//! Which statements find the rows that have given keys: by the index of a uniqueness constraint where
//! there is one, else by one pass with a bound list, else by one pass that is compared here. Pure.

use std::collections::HashSet;

use neo4j::ValueSend;
use redistrict_model::Key;
use redistrict_store::StoreError;

use crate::bolt::Parameters;
use crate::dates;
use crate::error::bug;
use crate::live::{Constraint, Constraints, End, LiveColumn, LiveTable, Role, Shape};
use crate::statement::{self, Anchor, Condition, ReadText};
use crate::types::Form;
use crate::values;

/// So many keys go into a statement that looks each up by an index, …
const KEYS_PER_SEEK: usize = 10_000;
/// … and into one that passes over a whole label or type.
const KEYS_PER_PASS: usize = 200_000;

/// One statement of a lookup.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probe {
    pub(crate) text: ReadText,
    pub(crate) parameters: Parameters,
    /// The rows that come are more than those that match: compare them with the keys.
    pub(crate) is_loose: bool,
}

/// What a lookup is about.
pub(crate) struct Lookup<'a> {
    pub(crate) table: &'a LiveTable,
    pub(crate) constraints: &'a Constraints,
    /// The columns of the keys, in the order of the parts.
    pub(crate) by: &'a [&'a LiveColumn],
    /// What each statement returns.
    pub(crate) fields: &'a [String],
}

/// A part of the keys that a statement compares: the place in the key, the property, its form.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    place: usize,
    property: &'a str,
    form: Option<Form>,
}

impl Lookup<'_> {
    /// The statements. Together they give every row that matches, each once; what a loose one gives has
    /// to be compared. Keys that cannot be values of the columns match nothing.
    pub(crate) fn probes(&self, keys: &[Key]) -> Result<Vec<Probe>, StoreError> {
        let is_wrong = |key: &Key| key.parts().len() != self.by.len();
        if self.by.is_empty() || keys.iter().any(is_wrong) {
            let error = bug("read by keys of another number of parts");
            return Err(error.at(&self.table.entry.name));
        }
        Ok(match &self.table.shape {
            Shape::Node { label } => self.by_properties(keys, label),
            Shape::Relationship { .. } if self.has(End::Start) => self.by_end(keys, End::Start),
            Shape::Relationship { .. } if self.has(End::End) => self.by_end(keys, End::End),
            Shape::Relationship { kind, .. } => self.by_properties(keys, kind),
        })
    }

    fn has(&self, end: End) -> bool {
        self.by
            .iter()
            .any(|column| matches!(column.role, Role::Key(one, 0, _) if one == end))
    }

    fn by_properties(&self, keys: &[Key], label: &str) -> Vec<Probe> {
        let part = |(place, column): (usize, &&'_ LiveColumn)| match column.role {
            Role::Property(form) => Some((place, column.name.clone(), form)),
            _ => None,
        };
        let found: Vec<(usize, String, Form)> =
            self.by.iter().enumerate().filter_map(part).collect();
        let parts: Vec<Part<'_>> = found
            .iter()
            .map(|(place, property, form)| Part {
                place: *place,
                property,
                form: Some(*form),
            })
            .collect();
        let is_loose = parts.len() < self.by.len();
        let seeks = is_key(&parts, &self.table.constraints);
        let anchor = match self.table.shape {
            Shape::Node { .. } => Anchor::Node,
            Shape::Relationship { .. } => Anchor::Relationship,
        };
        self.probes_of(
            anchor,
            label,
            &parts,
            seeks,
            is_loose,
            keys.iter().collect(),
        )
    }

    /// One lookup for each table at the end.
    fn by_end(&self, keys: &[Key], end: End) -> Vec<Probe> {
        let mut probes = Vec::new();
        for table in self.table.shape.end_tables(end) {
            let mut parts = Vec::new();
            let mut is_loose = false;
            let mut label_place = None;
            let mut is_too_long = false;
            for (place, column) in self.by.iter().enumerate() {
                match column.role {
                    Role::Key(one, part, _) if one == end => match table.key.get(part) {
                        Some((property, form)) => {
                            parts.push(Part {
                                place,
                                property,
                                form: *form,
                            });
                        }
                        None => is_too_long = true,
                    },
                    Role::Label(one) if one == end => label_place = Some(place),
                    _ => is_loose = true,
                }
            }
            if is_too_long {
                continue;
            }
            let of_label =
                |key: &&Key| label_place.is_none_or(|place| *key.parts()[place] == *table.label);
            let keys: Vec<&Key> = keys.iter().filter(of_label).collect();
            let none = Vec::new();
            let constraints = self.constraints.nodes.get(&table.label).unwrap_or(&none);
            let seeks = is_key(&parts, constraints);
            let anchor = Anchor::End(end);
            probes.extend(self.probes_of(anchor, &table.label, &parts, seeks, is_loose, keys));
        }
        probes
    }

    fn probes_of(
        &self,
        anchor: Anchor,
        label: &str,
        parts: &[Part<'_>],
        seeks: bool,
        is_loose: bool,
        keys: Vec<&Key>,
    ) -> Vec<Probe> {
        let compares = compares(parts);
        let bound = bound(parts, &compares, &keys);
        if bound.is_empty() {
            return Vec::new();
        }
        let properties: Vec<(&str, Option<Form>)> = parts
            .iter()
            .map(|part| (part.property, part.form))
            .collect();
        let text = |condition| {
            let row = (self.table, self.constraints);
            statement::matching(row, anchor, label, &condition, self.fields)
        };
        let label = ("label".to_owned(), ValueSend::String(label.to_owned()));
        if compares.contains(&Compare::Here) || parts.is_empty() {
            return vec![Probe {
                text: text(Condition::All),
                parameters: Parameters::from([label]),
                is_loose: true,
            }];
        }
        let is_native = compares.iter().all(|one| *one == Compare::Native);
        let (text, size) = if seeks && is_native {
            (text(Condition::Seek(&properties)), KEYS_PER_SEEK)
        } else {
            (text(Condition::Pass(&properties)), KEYS_PER_PASS)
        };
        let probe = |keys: &[ValueSend]| {
            let keys = ("keys".to_owned(), ValueSend::List(keys.to_vec()));
            Probe {
                text: text.clone(),
                parameters: Parameters::from([keys, label.clone()]),
                is_loose,
            }
        };
        bound.chunks(size).map(probe).collect()
    }
}

/// The parts are all of a uniqueness constraint.
fn is_key(parts: &[Part<'_>], constraints: &[Constraint]) -> bool {
    let names: Vec<&str> = parts.iter().map(|part| part.property).collect();
    constraints
        .iter()
        .any(|constraint| constraint.is_over(&names))
}

/// Where a part of a key is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    /// By the server, as a value: equal values have equal texts.
    Native,
    /// By the server, as the text that it gives.
    AsText,
    /// By us: the server calls values equal that differ (0.0 and -0.0, 1 and 1.0, bytes and integers),
    /// or nobody knows the type.
    Here,
}

fn compares(parts: &[Part<'_>]) -> Vec<Compare> {
    let compare = |part: &Part<'_>| match part.form {
        Some(Form::Bool | Form::Int | Form::Text) => Compare::Native,
        Some(Form::Date | Form::Time | Form::DateTime | Form::Interval) => Compare::AsText,
        Some(Form::Float | Form::Bytes | Form::List(_) | Form::Tagged) | None => Compare::Here,
    };
    parts.iter().map(compare).collect()
}

/// The keys to bind, each once: one value, or a list of them for several parts. Those that are no values of
/// the columns are left out.
fn bound(parts: &[Part<'_>], compares: &[Compare], keys: &[&Key]) -> Vec<ValueSend> {
    let mut seen: HashSet<Vec<&str>> = HashSet::with_capacity(keys.len());
    let mut bound = Vec::new();
    for key in keys {
        let texts: Vec<&str> = parts.iter().map(|part| &*key.parts()[part.place]).collect();
        if seen.contains(&texts) {
            continue;
        }
        let values: Option<Vec<ValueSend>> = parts
            .iter()
            .zip(compares)
            .zip(&texts)
            .map(|((part, compare), text)| match (compare, part.form) {
                (Compare::Native, Some(form)) => values::bound(form, text).ok(),
                // What the server gives is compared, not what we make of it.
                (Compare::AsText, Some(Form::Date)) => {
                    dates::served(text).map(|text| ValueSend::String(text.into_owned()))
                }
                _ => Some(ValueSend::String((*text).to_owned())),
            })
            .collect();
        seen.insert(texts);
        if let Some(mut values) = values {
            bound.push(match values.len() {
                1 => values.remove(0),
                _ => ValueSend::List(values),
            });
        }
    }
    bound
}
