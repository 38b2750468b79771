//! The answer: what `why` prints, as text and as JSON.

use std::collections::BTreeSet;

use redistrict_closure::{Reason, Step, Tie, WhyNot};
use redistrict_model::{Edge, ExtractSection, Key, Membership, shown};
use serde_json::{Value, json};

use super::ask::{Asked, Common, Found};
use super::checks::{Check, Checks, Finds, Side};
use super::values::{Visible, known, sides};
use super::words;
use crate::output::thousands;

/// Everything that is printed, decided.
pub(super) struct Report {
    table: String,
    key: Vec<(String, String)>,
    district: String,
    common: (usize, usize),
    answer: Answer,
}

enum Answer {
    Comes {
        how: Membership,
        lines: Vec<Line>,
        hides: bool,
    },
    DoesNot {
        code: &'static str,
        lines: Vec<Missing>,
        sentence: String,
        of_district: Option<String>,
        referred: Vec<(String, u64, String)>,
        check: Option<Check>,
    },
}

/// A row of the chain.
struct Line {
    table: String,
    /// Columns of its key; none for a value that is not said.
    key: Vec<(String, Option<String>)>,
    rule: words::Rule,
    reference: Option<String>,
    checks: Vec<Check>,
}

/// A row of the branch that does not come.
struct Missing {
    table: String,
    words: &'static str,
    /// The table of the next row.
    next: String,
    reference: String,
}

impl Report {
    pub(super) fn new(
        section: &ExtractSection,
        district: &Key,
        asked: &Asked,
        found: &Found,
        visible: &Visible<'_>,
    ) -> Self {
        let (common, answer) = match found {
            Found::Comes { how, chain, common } => {
                (common, comes(section, asked, *how, chain, visible))
            }
            Found::DoesNot { why, common } => (common, does_not(section, asked, why)),
        };
        let Common { matching, open } = common;
        let values = asked.values.parts().iter().map(ToString::to_string);
        Self {
            table: asked.table.to_string(),
            key: asked.by.iter().cloned().zip(values).collect(),
            district: district.parts().join(","),
            common: (*matching, *open),
            answer,
        }
    }

    /// What is to be known beside the answer.
    pub(super) fn notes(&self) -> Vec<String> {
        let (matching, open) = self.common;
        let mut notes = Vec::new();
        if matching > 1 {
            notes.push(format!(
                "note: {} rows have these values; this is about one of them",
                thousands(matching as u64)
            ));
        }
        if open > 0 {
            notes.push(format!(
                "note: {open} decisions are open, which a migration would ask for: `redistrict plan {} --exact`",
                redistrict_model::shell_argument(&self.district)
            ));
        }
        if let Answer::Comes { hides: true, .. } = &self.answer {
            notes.push(
                "note: … stands for values that are masked; --show-keys prints them and makes the statements exact"
                    .to_owned(),
            );
        }
        notes
    }

    pub(super) fn text(&self) -> String {
        let key: Vec<(String, Option<String>)> = (self.key.iter())
            .map(|(column, value)| (column.clone(), Some(value.clone())))
            .collect();
        let row = format!("{} {}", shown(&self.table), key_text(&key));
        let district = shown(&self.district);
        match &self.answer {
            Answer::Comes { how, lines, .. } => {
                let how = match how {
                    Membership::Own => "as a row of its own",
                    Membership::Shared => "as a shared row",
                    Membership::Stub => "as a stub (key and mandatory columns only)",
                };
                let mut parts = vec![format!("{row}\ncomes with district {district} {how}.")];
                parts.extend((1..).zip(lines).map(|(place, line)| line.text(place)));
                parts.join("\n\n")
            }
            Answer::DoesNot {
                lines,
                sentence,
                referred,
                check,
                ..
            } => {
                let mut parts = vec![format!("{row}\ndoes not come with district {district}.\n")];
                for (place, line) in lines.iter().enumerate() {
                    let subject = if place == 0 { "It" } else { "That row" };
                    let (words, next) = (line.words, &line.next);
                    let over = &line.reference;
                    parts.push(format!(
                        "{subject} {words} a row of {next},\n  over {over}."
                    ));
                }
                let subject = if lines.is_empty() { "It" } else { "That row" };
                parts.push(format!("{subject} {sentence}."));
                for (reference, rows, becomes) in referred {
                    let refer = match rows {
                        1 => "1 row that comes refers".to_owned(),
                        many => format!("{} rows that come refer", thousands(*many)),
                    };
                    parts.push(format!("\n{refer} to it over {reference}: {becomes}"));
                }
                if let Some(check) = check {
                    parts.push(format!("\n{}", check_text(check)));
                }
                parts.join("\n")
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        let key: serde_json::Map<String, Value> = (self.key.iter())
            .map(|(column, value)| (column.clone(), json!(value)))
            .collect();
        let (comes, chain, why_not) = match &self.answer {
            Answer::Comes { how, lines, .. } => {
                let lines: Vec<Value> = lines.iter().map(Line::json).collect();
                (json!(how), lines, Value::Null)
            }
            Answer::DoesNot {
                code,
                lines,
                sentence,
                of_district,
                referred,
                check,
            } => {
                let steps: Vec<Value> = lines
                    .iter()
                    .map(|line| {
                        json!({
                            "table": line.table, "words": line.words, "next": line.next,
                            "reference": line.reference,
                        })
                    })
                    .collect();
                let referred: Vec<Value> = referred
                    .iter()
                    .map(|(reference, rows, becomes)| {
                        json!({ "reference": reference, "rows": rows, "becomes": becomes })
                    })
                    .collect();
                let why = json!({
                    "reason": code, "words": sentence, "belongs_to": of_district, "steps": steps,
                    "referred": referred, "check": check.as_ref().map(check_json),
                });
                (json!("no"), Vec::new(), why)
            }
        };
        json!({
            "district": self.district, "table": self.table, "key": key, "comes": comes,
            "chain": chain, "why_not": why_not, "matching": self.common.0,
            "open_decisions": self.common.1,
        })
    }
}

impl Line {
    fn text(&self, place: usize) -> String {
        let mut lines = vec![format!("{place}. {} {}", self.table, key_text(&self.key))];
        lines.push(match &self.reference {
            None => format!("   {}", self.rule.words()),
            Some(over) => format!("   {} {}, over {over}", self.rule.words(), place + 1),
        });
        let checks = self.checks.iter();
        lines.extend(checks.map(|check| format!("   {}", check_text(check))));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let key: serde_json::Map<String, Value> = (self.key.iter())
            .map(|(column, value)| (column.clone(), json!(value)))
            .collect();
        json!({
            "table": self.table, "key": key, "rule": self.rule.code(), "words": self.rule.words(),
            "reference": self.reference,
            "checks": self.checks.iter().map(check_json).collect::<Vec<_>>(),
        })
    }
}

fn key_text(key: &[(String, Option<String>)]) -> String {
    if key.is_empty() {
        return "(no key)".to_owned();
    }
    let parts: Vec<String> = key
        .iter()
        .map(|(column, value)| {
            let value = value.as_deref().map_or_else(|| "…".to_owned(), shown);
            format!("{} = {value}", shown(column))
        })
        .collect();
    format!("({})", parts.join(", "))
}

fn check_text(check: &Check) -> String {
    let gives = match check.finds {
        Finds::Rows => "look".to_owned(),
        finds => format!("gives {}", finds.words()),
    };
    let statement = shown(&check.statement);
    let store = shown(check.store.as_str());
    if statement == check.statement {
        format!("check in {store}, {gives}: {statement}")
    } else {
        // Written otherwise it would be another statement.
        format!(
            "check in {store}, {gives}: it holds characters that a terminal does not show; `--output json` has it \
             as it is to be sent"
        )
    }
}

fn check_json(check: &Check) -> Value {
    json!({ "store": check.store, "statement": check.statement, "finds": check.finds.words() })
}

fn comes(
    section: &ExtractSection,
    asked: &Asked,
    how: Membership,
    chain: &[Step],
    visible: &Visible<'_>,
) -> Answer {
    let ownership = &section.ownership;
    let known = known(chain, ownership, &asked.by);
    let may_say = |place: usize, column: &str| {
        let table = chain.get(place).map(|step| &step.table);
        known.contains(&(place, column.to_owned()))
            || table.is_some_and(|table| visible.is_public(table, column))
    };
    let mut hides = false;
    let checks = Checks { section };
    let mut lines = Vec::new();
    for (place, step) in chain.iter().enumerate() {
        let key: Vec<(String, Option<String>)> = identity(section, step)
            .map(|(column, value)| {
                let value = may_say(place, &column).then_some(value);
                (column, value)
            })
            .collect();
        hides |= key.iter().any(|(_, value)| value.is_none());
        let (reference, statements) = match sides(chain, place, ownership) {
            None => {
                let row = side(section, chain, place, &[], &may_say);
                (None, checks.row(&row))
            }
            Some((child, parent, edge)) => {
                let over = Reference::of(edge, step);
                let child = side(section, chain, child, &over.of_child, &may_say);
                let parent = side(section, chain, parent, &over.of_parent, &may_say);
                let reference = shown(&edge.describe());
                (Some(reference), checks.reference(&child, &parent, edge))
            }
        };
        lines.push(Line {
            table: shown(&step.table.to_string()),
            key,
            rule: words::rule(step.how, section),
            reference,
            checks: statements,
        });
    }
    Answer::Comes { how, lines, hides }
}

type Columns = Vec<(String, String)>;

/// The values over which two rows refer to each other, by the columns of either side.
struct Reference {
    of_child: Columns,
    of_parent: Columns,
}

impl Reference {
    fn of(edge: &Edge, step: &Step) -> Self {
        let of_child: Columns = (step.over.iter())
            .map(|(column, value)| (column.clone(), value.to_string()))
            .collect();
        let value = |column: &String| of_child.iter().find(|(name, _)| name == column);
        let pairs = edge.child_columns.iter().zip(&edge.parent_columns);
        let of_parent = pairs
            .filter_map(|(from, to)| Some((to.clone(), value(from)?.1.clone())))
            .collect();
        Self {
            of_child,
            of_parent,
        }
    }
}

/// The row at a place, with those values that may be said.
fn side<'a>(
    section: &ExtractSection,
    chain: &'a [Step],
    place: usize,
    over: &[(String, String)],
    may_say: &dyn Fn(usize, &str) -> bool,
) -> Side<'a> {
    let step = &chain[place];
    let key: Columns = identity(section, step).collect();
    let has_key = !key.is_empty();
    let all = key.len();
    let mut seen = BTreeSet::new();
    let mut said = 0;
    let mut values = Vec::new();
    for (position, (column, value)) in key.into_iter().chain(over.iter().cloned()).enumerate() {
        if seen.insert(column.clone()) && may_say(place, &column) {
            said += usize::from(position < all);
            values.push((column, value));
        }
    }
    Side {
        table: &step.table,
        values,
        is_whole: has_key && said == all,
    }
}

/// The columns of a row's key; nothing for a keyless table, whose locators are nobody's business.
fn identity<'s>(
    section: &'s ExtractSection,
    step: &'s Step,
) -> impl Iterator<Item = (String, String)> + 's {
    let table = section.catalog_table(&step.table);
    let key = table.and_then(|table| table.identity()).unwrap_or_default();
    let values = step.key.parts().iter().map(ToString::to_string);
    key.iter().cloned().zip(values)
}

fn does_not(section: &ExtractSection, asked: &Asked, why: &WhyNot) -> Answer {
    let ownership = &section.ownership;
    let next = why.steps.iter().skip(1).map(|step| &step.table);
    let lines = (why.steps.iter())
        .zip(next.chain([&why.table]))
        .map(|(step, next)| Missing {
            table: shown(&step.table.to_string()),
            words: words::tie(step.tie, section),
            next: shown(&next.to_string()),
            reference: shown(&ownership.edge(step.tie.edge()).describe()),
        })
        .collect();
    let referred = (why.referred.iter())
        .map(|referred| {
            (
                shown(&ownership.edge(referred.edge).describe()),
                referred.rows,
                words::policy(referred.policy, referred.leads),
            )
        })
        .collect();
    let values = asked.values.parts().iter().map(ToString::to_string);
    let from = Side {
        table: &asked.table,
        values: asked.by.iter().cloned().zip(values).collect(),
        is_whole: true,
    };
    let branch: Vec<(&Edge, bool)> = (why.steps.iter())
        .map(|step| {
            let is_up = !matches!(step.tie, Tie::BaseOf(_));
            (ownership.edge(step.tie.edge()), is_up)
        })
        .collect();
    let is_at_root = why.table == ownership.root;
    let select: &[String] = if is_at_root { &ownership.root_key } else { &[] };
    Answer::DoesNot {
        code: words::code(&why.reason),
        lines,
        sentence: words::reason(why, section),
        of_district: match &why.reason {
            Reason::AnotherDistrict(district) => Some(district.parts().join(",")),
            _ => None,
        },
        referred,
        check: Checks { section }.branch(&from, &branch, select),
    }
}
