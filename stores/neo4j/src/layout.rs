//! Which expressions a statement returns for the columns of a table, and how its records are read.

use neo4j::ValueReceive;
use redistrict_model::array_text;

use crate::bolt::Record;
use crate::live::{End, EndTable, LiveColumn, LiveTable, LiveTables, Role, Side};
use crate::statement::{self, property, read_value};
use crate::types::Form;
use crate::values::{self, Refusal};

/// Where the value of a column stands in a record.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    /// A value as `statement::read_value` gives it.
    Value(usize, Form),
    Labels(usize),
    Other(usize),
    EndLabel(usize, End),
    EndKey(usize, End, usize, Form),
}

/// What a statement returns, and what of it makes each column.
#[derive(Clone, Debug)]
pub(crate) struct Layout<'a> {
    table: &'a LiveTable,
    side: Side,
    /// The expressions of RETURN, in order.
    pub(crate) fields: Vec<String>,
    cells: Vec<Cell>,
}

/// What a record holds for a column.
pub(crate) enum Field<'r> {
    Null,
    /// As the server gave it; the form says what it has to be.
    Value(Form, &'r ValueReceive),
    Text(String),
}

impl<'a> Layout<'a> {
    /// The columns of a statement that has the row as `n`, and the ends of a relationship as `a` and
    /// `b`.
    pub(crate) fn new(table: &'a LiveTable, tables: &LiveTables, columns: &[&LiveColumn]) -> Self {
        let mut made = Self {
            table,
            side: tables.side,
            fields: Vec::new(),
            cells: Vec::new(),
        };
        let mut ends: Vec<(End, usize)> = Vec::new();
        for column in columns {
            let cell = match column.role {
                Role::Property(form) => {
                    let place = made.push(read_value(form, &property("n", &column.name)));
                    Cell::Value(place, form)
                }
                Role::Labels => Cell::Labels(made.push("labels(n)".to_owned())),
                Role::Other => Cell::Other(made.push(statement::other())),
                Role::Label(end) | Role::Key(end, ..) => {
                    let known = ends.iter().find(|(one, _)| *one == end);
                    let place = match known {
                        Some((_, place)) => *place,
                        None => {
                            let row = (table, &tables.constraints);
                            made.push(statement::end_value(row, variable(end), end))
                        }
                    };
                    ends.push((end, place));
                    match column.role {
                        Role::Key(_, part, form) => Cell::EndKey(place, end, part, form),
                        _ => Cell::EndLabel(place, end),
                    }
                }
            };
            made.cells.push(cell);
        }
        made
    }

    /// Adds an expression; gives its place in the record.
    pub(crate) fn push(&mut self, expression: String) -> usize {
        self.fields.push(expression);
        self.fields.len() - 1
    }

    /// What a record holds for the column at a place of the request.
    pub(crate) fn field<'r>(
        &self,
        column: usize,
        record: &'r Record,
    ) -> Result<Field<'r>, Refusal> {
        let cell = self.cells.get(column).ok_or(Refusal::OtherType)?;
        let at = |place: usize| record.get(place).ok_or(Refusal::OtherType);
        match cell {
            Cell::Value(place, form) => Ok(value(*form, at(*place)?)),
            Cell::Labels(place) => labels_text(self.table, at(*place)?).map(Field::Text),
            Cell::Other(place) => other_text(at(*place)?),
            Cell::EndLabel(place, end) => Ok(match self.end(*end, at(*place)?)? {
                Some((table, _)) => Field::Text(table.label.clone()),
                None => Field::Null,
            }),
            Cell::EndKey(place, end, part, form) => {
                let Some((table, parts)) = self.end(*end, at(*place)?)? else {
                    return Ok(Field::Null);
                };
                let Some(key) = table.key.get(*part) else {
                    return Ok(Field::Null);
                };
                let found = parts.get(*part).ok_or(Refusal::OtherType)?;
                if found.is_null() {
                    return Err(Refusal::NoEnd);
                }
                if *form != Form::Text || key.1 == Some(Form::Text) {
                    return Ok(Field::Value(*form, found));
                }
                let text = match key.1 {
                    Some(form) => values::text_of(form, found)?,
                    None => values::plain_text(found)?,
                };
                text.map(Field::Text).ok_or(Refusal::NoEnd)
            }
        }
    }

    /// The canonical text of a column; none is NULL.
    pub(crate) fn text(&self, column: usize, record: &Record) -> Result<Option<String>, Refusal> {
        match self.field(column, record)? {
            Field::Null => Ok(None),
            Field::Value(form, value) => values::text_of(form, value),
            Field::Text(text) => Ok(Some(text)),
        }
    }

    /// The table and the key parts of an end; none in a target where it is in no table.
    fn end<'r>(
        &self,
        end: End,
        value: &'r ValueReceive,
    ) -> Result<Option<(&'a EndTable, &'r [ValueReceive])>, Refusal> {
        let tables = self.table.shape.end_tables(end);
        let (place, parts) = value
            .as_list()
            .and_then(|list| list.split_first())
            .ok_or(Refusal::NoEnd)?;
        let place = place.as_int().and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| tables.get(place)) {
            Some(table) => Ok(Some((table, parts))),
            None if self.side == Side::Target => Ok(None),
            None => Err(Refusal::NoEnd),
        }
    }
}

/// The variable of an end.
pub(crate) fn variable(end: End) -> &'static str {
    match end {
        End::Start => "a",
        End::End => "b",
    }
}

fn value(form: Form, value: &ValueReceive) -> Field<'_> {
    if value.is_null() {
        Field::Null
    } else {
        Field::Value(form, value)
    }
}

/// The labels without the table's own, sorted by their bytes.
fn labels_text(table: &LiveTable, value: &ValueReceive) -> Result<String, Refusal> {
    let mut labels = crate::live::texts(value).ok_or(Refusal::OtherType)?;
    labels.retain(|label| *label != table.entry.name.table);
    labels.sort();
    Ok(array_text::array_of(
        labels.iter().map(|label| Some(label.as_str())),
    ))
}

/// A JSON object: property → value with its type before it. NULL without any.
fn other_text(value: &ValueReceive) -> Result<Field<'static>, Refusal> {
    let pairs = value.as_list().ok_or(Refusal::OtherType)?;
    if pairs.is_empty() {
        return Ok(Field::Null);
    }
    let mut found = serde_json::Map::new();
    for pair in pairs {
        let Some([name, value]) = pair.as_list().map(Vec::as_slice) else {
            return Err(Refusal::OtherType);
        };
        let name = name.as_string().ok_or(Refusal::OtherType)?;
        let text = values::text_of(Form::Tagged, value)?.ok_or(Refusal::OtherType)?;
        found.insert(name.clone(), text.into());
    }
    found.sort_keys();
    Ok(Field::Text(serde_json::Value::Object(found).to_string()))
}

/// The properties in a text of `:other` with their values; none if it is no such text.
pub(crate) fn other_values(text: &str) -> Option<Vec<(String, String)>> {
    let serde_json::Value::Object(found) = serde_json::from_str(text).ok()? else {
        return None;
    };
    let pair =
        |(name, value): (String, serde_json::Value)| Some((name, value.as_str()?.to_owned()));
    found.into_iter().map(pair).collect()
}
