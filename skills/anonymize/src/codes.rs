//! Columns that are kept as codes, looked at over all rows that move: the plan decided from a sample.
//! Keeps digests of values, never a value.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use redistrict_model::{ColumnClass, ColumnRef, ColumnType, Finding, MaskName, Plan};

use crate::cells::{Cell, cell};
use crate::engine::ColumnMask;
use crate::leak::Digester;
use crate::plan::{
    FEWEST_SHARERS, MOST_CODES, allowed_values, header, is_no_code, public_lines, scalar_type,
};

/// What is seen of the kept columns whose values must be of a closed set.
pub(crate) struct KeptCodes {
    digester: Digester,
    columns: BTreeMap<ColumnRef, Seen>,
}

struct Seen {
    rule: Rule,
    column_type: ColumnType,
    /// By digest; at most one more than codes there may be.
    values: HashMap<u64, Value>,
    /// Cells of further values that may not be kept.
    wrong: u64,
}

#[derive(Default)]
struct Value {
    is_wrong: bool,
    rows: u64,
    /// A row has it that also has it as a name.
    is_name: bool,
}

enum Rule {
    /// Few values, none of them like a person's.
    Codes,
    /// Digests of the values that a CHECK lists.
    Listed(HashSet<u64>),
}

impl KeptCodes {
    /// The columns of the plan that are kept as codes, or because a CHECK of one side lists values.
    pub(crate) fn new(plan: &Plan, digester: Digester) -> Self {
        let mut columns = BTreeMap::new();
        let kept = plan.sections.anonymize.columns.iter();
        for decision in kept.filter(|one| one.mask == MaskName::Keep) {
            let Some(source) = plan
                .sections
                .extract
                .catalog_table(&decision.column.table)
                .and_then(|table| table.column(&decision.column.column))
            else {
                continue;
            };
            let rule = match decision.class {
                ColumnClass::Code => Rule::Codes,
                ColumnClass::Enumeration if can_be_listed(source.column_type) => {
                    let Some(listed) = allowed_values(plan, &decision.column) else {
                        continue;
                    };
                    let digest = |text: &String| digester.exact(folded(text).as_bytes());
                    Rule::Listed(listed.iter().map(digest).collect())
                }
                _ => continue,
            };
            let seen = Seen {
                rule,
                column_type: scalar_type(source),
                values: HashMap::new(),
                wrong: 0,
            };
            columns.insert(decision.column.clone(), seen);
        }
        Self { digester, columns }
    }

    /// Looks at rows; `columns` are in the order of the batch's.
    pub(crate) fn add(&mut self, columns: &[Arc<ColumnMask>], batch: &RecordBatch) {
        for (column, array) in columns.iter().zip(batch.columns()) {
            let Some(seen) = self.columns.get_mut(&column.decision.column) else {
                continue;
            };
            for row in 0..batch.num_rows() {
                if let Some(Cell::Text(text)) = cell(array.as_ref(), row) {
                    column.each_text(&text, &mut |text| {
                        let is_name =
                            || names_of(columns, batch, row).any(|name| is_part(text, &name));
                        seen.add(&self.digester, text, is_name);
                    });
                }
            }
        }
    }

    /// What may not be kept after all: one ERROR per column, with the lines that mask it.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let findings = self.columns.iter().filter_map(|(column, seen)| {
            let (message, count) = seen.verdict()?;
            let is_text = matches!(seen.column_type, ColumnType::Text | ColumnType::Char);
            let lines = match &seen.rule {
                // No mask gives what the CHECK lists.
                Rule::Listed(_) => public_lines(column).to_vec(),
                Rule::Codes if is_text => vec![header(column), "mask = \"text\"".to_owned()],
                Rule::Codes => vec![header(column), "mask = \"number\"".to_owned()],
            };
            let finding = Finding::error("kept-no-code", column.to_string(), message, count);
            Some(finding.with_lines(lines))
        });
        findings.collect()
    }
}

impl Seen {
    fn add(&mut self, digester: &Digester, text: &str, is_name: impl FnOnce() -> bool) {
        let text = folded(text);
        let digest = digester.exact(text.as_bytes());
        let rule = &self.rule;
        let is_wrong = || match rule {
            Rule::Codes => is_no_code(&text),
            Rule::Listed(listed) => !listed.contains(&digest),
        };
        if self.values.len() > MOST_CODES && !self.values.contains_key(&digest) {
            self.wrong += u64::from(is_wrong());
            return;
        }
        let value = self.values.entry(digest).or_insert_with(|| Value {
            is_wrong: is_wrong(),
            ..Value::default()
        });
        value.rows += 1;
        value.is_name |= !value.is_name && is_name();
    }

    /// Rows whose value may not be kept: one that no code has, or one of few rows that is a name of
    /// one of them.
    fn wrong_rows(&self) -> u64 {
        let is_rare_name = |value: &Value| {
            matches!(self.rule, Rule::Codes) && value.is_name && value.rows < FEWEST_SHARERS
        };
        let wrong = self
            .values
            .values()
            .filter(|value| value.is_wrong || is_rare_name(value));
        self.wrong + wrong.map(|value| value.rows).sum::<u64>()
    }

    fn verdict(&self) -> Option<(String, u64)> {
        let wrong = self.wrong_rows();
        match &self.rule {
            _ if wrong > 0 => {
                let what = match &self.rule {
                    Rule::Codes => "hold what no code is: a name, a contact, a long number or text",
                    Rule::Listed(_) => {
                        "hold what its CHECK does not list; correct them, or keep it openly"
                    }
                };
                Some((format!("{wrong} rows {what}"), wrong))
            }
            Rule::Codes if self.values.len() > MOST_CODES => {
                let count = self.values.len() as u64;
                let message =
                    format!("it holds {count} values or more, codes have {MOST_CODES} at most");
                Some((message, count))
            }
            _ => None,
        }
    }
}

/// Types whose values and literals are written alike; labels of an enum type are the catalog's.
fn can_be_listed(column_type: ColumnType) -> bool {
    matches!(
        column_type,
        ColumnType::Text
            | ColumnType::Char
            | ColumnType::Int16
            | ColumnType::Int32
            | ColumnType::Int64
    )
}

/// Without the padding of `char(n)`; a collation may make upper and lower case equal.
fn folded(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

/// What a row has in columns of names.
fn names_of<'a>(
    columns: &'a [Arc<ColumnMask>],
    batch: &'a RecordBatch,
    row: usize,
) -> impl Iterator<Item = String> + 'a {
    let cells = columns.iter().zip(batch.columns());
    cells.filter_map(move |(column, array)| match column.decision.class {
        ColumnClass::FirstName | ColumnClass::Surname | ColumnClass::FullName => {
            match cell(array.as_ref(), row) {
                Some(Cell::Text(text)) => Some(text.into_owned()),
                _ => None,
            }
        }
        _ => None,
    })
}

/// The text is the name or a word of it, of three letters or more.
fn is_part(text: &str, name: &str) -> bool {
    let (text, name) = (folded(text.trim()), folded(name));
    text.chars().count() >= 3
        && text.chars().any(char::is_alphabetic)
        && (text == name.trim() || name.split_whitespace().any(|word| word == text))
}
