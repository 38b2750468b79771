//! CHECK constraints of the target, evaluated on the rows. One in another form than the common ones
//! passes only by argument: every column it names is kept unchanged from PROD, whose table has the
//! same constraint. Otherwise the check could not run, which counts as failed.

use std::collections::HashMap;

use redistrict_model::{
    BoundaryPolicy, Check, CheckResult, ColumnType, MaskKind, Severity, StoreKind, Table, TableRef,
    array_text,
};

use super::{RowCheck, TableView, Tally, could_not_run, locator};
use crate::cells::{Cell, Cells, TableBatch};
use crate::expression::{
    Decimal, Dialect, Expression, Unsupported, Value, money, parse, range_value, truth,
};
use crate::foresight::is_same;

const CHECK: &str = "check";
/// Values of a column whose outcome is remembered.
const MAX_KNOWN: usize = 4_096;

/// How one constraint is checked.
enum Way {
    Evaluate(Expression),
    /// By the argument that nothing was changed.
    Unchanged,
    Cannot(String),
}

struct Constraint {
    check: Check,
    way: Way,
    /// The argument would hold if evaluating fails on a value.
    is_unchanged: bool,
    /// Of a constraint on one column: what came out for a value (none for NULL).
    known: HashMap<Option<Vec<u8>>, bool>,
    tally: Tally,
}

/// The constraints of one table.
pub(crate) struct CheckConstraints {
    table: TableRef,
    source: Table,
    dialect: Dialect,
    constraints: Vec<Constraint>,
}

impl CheckConstraints {
    /// None if the target's table has no constraint.
    pub(crate) fn of(view: &TableView<'_>) -> Option<Self> {
        let checks = &view.target?.checks;
        let constraints: Vec<_> = checks.iter().map(|check| constraint(check, view)).collect();
        (!constraints.is_empty()).then(|| Self {
            table: view.name().clone(),
            source: view.source.clone(),
            dialect: dialect(view),
            constraints,
        })
    }
}

fn constraint(check: &Check, view: &TableView<'_>) -> Constraint {
    let is_unchanged = is_unchanged(check, view);
    let is_sqlite = dialect(view) == Dialect::Sqlite;
    let is_text = |name: &str| {
        let mut columns = view.source.columns.iter();
        is_sqlite && !columns.any(|column| column.name.eq_ignore_ascii_case(name))
    };
    let way = match parse(&check.expression, &is_text) {
        Ok(expression) => match unknown_column(&expression, view) {
            None => Way::Evaluate(expression),
            Some(_) if is_unchanged => Way::Unchanged,
            Some(column) => Way::Cannot(format!("the artifact does not carry {column}")),
        },
        Err(_) if is_unchanged => Way::Unchanged,
        Err(Unsupported(why)) => Way::Cannot(format!("it has {why}")),
    };
    Constraint {
        check: check.clone(),
        way,
        is_unchanged,
        known: HashMap::new(),
        tally: Tally::default(),
    }
}

impl Constraint {
    fn look(
        &mut self,
        batch: &TableBatch<'_>,
        columns: &[(&str, Option<Cells<'_>>)],
        dialect: Dialect,
        table: &TableRef,
    ) {
        self.tally.examined += batch.len() as u64;
        let Way::Evaluate(expression) = &self.way else {
            return;
        };
        let single = single_column(expression).and_then(|name| find(columns, name));
        for row in 0..batch.len() {
            let value = |name: &str| cell_value(columns, name, row);
            let key = single.map(|cells| {
                let mut key = Vec::new();
                cells.append(row, &mut key).then_some(key)
            });
            let known = key.as_ref().and_then(|key| self.known.get(key)).copied();
            let is_fine = match known {
                Some(is_fine) => Ok(is_fine),
                None => truth(expression, dialect, &value).map(|truth| truth != Some(false)),
            };
            match is_fine {
                Ok(is_fine) => {
                    if let Some(key) = key.filter(|_| self.known.len() < MAX_KNOWN) {
                        self.known.insert(key, is_fine);
                    }
                    if !is_fine {
                        self.tally.fail(|| locator(table, batch.place(row)));
                    }
                }
                Err(_) if self.is_unchanged && self.tally.failed == 0 => {
                    self.way = Way::Unchanged;
                    return;
                }
                Err(Unsupported(why)) => {
                    self.way = Way::Cannot(format!("it has {why}"));
                    return;
                }
            }
        }
    }
}

/// The one column that the expression names, if it is one.
fn single_column(expression: &Expression) -> Option<&str> {
    let columns = expression.columns();
    let first = *columns.first()?;
    columns.iter().all(|name| *name == first).then_some(first)
}

impl RowCheck for CheckConstraints {
    fn look(&mut self, batch: &TableBatch<'_>) {
        let columns: Vec<(&str, Option<Cells<'_>>)> = self
            .source
            .columns
            .iter()
            .map(|column| {
                (
                    column.name.as_str(),
                    Cells::of(batch.rows, &column.name, &self.source),
                )
            })
            .collect();
        for constraint in &mut self.constraints {
            constraint.look(batch, &columns, self.dialect, &self.table);
        }
    }

    fn finish(self: Box<Self>) -> Vec<CheckResult> {
        let table = self.table;
        self.constraints
            .into_iter()
            .map(|constraint| {
                let Constraint {
                    check, way, tally, ..
                } = constraint;
                let subject = format!("{table} {}", check.name);
                // Its text may list values, and reports are value-free; it stands in the catalog.
                let definition = format!("the constraint over ({})", check.columns.join(", "));
                match way {
                    Way::Evaluate(_) => tally.result(CHECK, subject, definition, Severity::Error),
                    Way::Unchanged => {
                        let examined = tally.examined;
                        let definition =
                            format!("{definition} (unchanged from PROD, which enforces it)");
                        let tally = Tally::of(examined);
                        tally.result(CHECK, subject, definition, Severity::Error)
                    }
                    Way::Cannot(why) => could_not_run(CHECK, subject, definition, why),
                }
            })
            .collect()
    }
}

fn dialect(view: &TableView<'_>) -> Dialect {
    let catalogs = &view.plan.sections.extract.catalogs;
    let kind = catalogs
        .iter()
        .find(|one| one.store == view.name().store)
        .map(|one| one.kind);
    if kind == Some(StoreKind::Sqlite) {
        Dialect::Sqlite
    } else {
        Dialect::Postgres
    }
}

/// A column by its name, else by its name in another case (SQLite).
fn find<'c, 'a>(columns: &'c [(&str, Option<Cells<'a>>)], name: &str) -> Option<&'c Cells<'a>> {
    let found = columns.iter().find(|(column, _)| *column == name);
    let (_, cells) = found.or_else(|| {
        columns
            .iter()
            .find(|(column, _)| column.eq_ignore_ascii_case(name))
    })?;
    cells.as_ref()
}

fn cell_value(
    columns: &[(&str, Option<Cells<'_>>)],
    name: &str,
    row: usize,
) -> Result<Value, Unsupported> {
    let Some(cells) = find(columns, name) else {
        return Err(Unsupported("a column that the artifact does not carry"));
    };
    Ok(match (cells.cell(row), cells.column_type()) {
        (Cell::Null, _) => Value::Null,
        (Cell::Bool(value), _) => Value::Bool(value),
        (Cell::Int(value), _) => Value::Number(Decimal::of(value)),
        (Cell::Float(value), _) => Value::Float(value),
        (Cell::Date(days), _) => Value::Date(days.into()),
        (Cell::Stamp(micros), _) => Value::Stamp(micros),
        (Cell::Text(text), ColumnType::Numeric) => Value::Number(Decimal::parse(text)?),
        (Cell::Text(text), ColumnType::Char) => Value::Text(text.trim_end_matches(' ').to_owned()),
        (Cell::Text(text), ColumnType::Text | ColumnType::Enum | ColumnType::Uuid) => {
            Value::Text(text.to_owned())
        }
        (Cell::Text(text), ColumnType::Money) => Value::Number(money(text)?),
        (Cell::Text(text), ColumnType::Bits) => Value::Text(text.to_owned()),
        (Cell::Text(text), ColumnType::Range) => range_value(text),
        (Cell::Text(text), ColumnType::Array) => list_value(text, cells.element_type())?,
        (Cell::Text(_) | Cell::Bytes(_), _) => Value::Opaque,
    })
}

/// An array of one dimension that begins at 1; any other, and one of elements that are not compared
/// here, can only be asked whether it is NULL.
fn list_value(text: &str, element: Option<ColumnType>) -> Result<Value, Unsupported> {
    let Some(elements) = array_text::elements(text) else {
        return Err(Unsupported("a value that is no array"));
    };
    if !text.starts_with('{') || text.starts_with("{{") {
        return Ok(Value::Opaque);
    }
    let value = |text: Option<String>| {
        let Some(text) = text else {
            return Ok(Value::Null);
        };
        Ok(match element {
            Some(
                ColumnType::Int16 | ColumnType::Int32 | ColumnType::Int64 | ColumnType::Numeric,
            ) => Value::Number(Decimal::parse(&text)?),
            Some(ColumnType::Text | ColumnType::Enum | ColumnType::Uuid) => Value::Text(text),
            Some(ColumnType::Char) => Value::Text(text.trim_end_matches(' ').to_owned()),
            Some(ColumnType::Bool) => Value::Bool(text == "t"),
            _ => Value::Opaque,
        })
    };
    let values: Result<Vec<Value>, Unsupported> = elements.into_iter().map(value).collect();
    values.map(Value::List)
}

/// Every column the check names is kept, none of its values was nulled on the way (by a stub or a
/// boundary), and the source has the same constraint.
fn is_unchanged(check: &Check, view: &TableView<'_>) -> bool {
    let same = |other: &Check| is_same(other, check);
    let named: Vec<&str> = if check.columns.is_empty() {
        view.source
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect()
    } else {
        check.columns.iter().map(String::as_str).collect()
    };
    let edges = &view.plan.sections.extract.ownership.edges;
    let is_kept = |column: &str| {
        let mut decisions = view.plan.sections.anonymize.of_table(view.name());
        decisions.any(|one| one.column.column == column && one.kind == MaskKind::Kept)
    };
    let may_be_nulled = |column: &str| {
        let is_nullable = view
            .source
            .column(column)
            .is_none_or(|column| column.nullable);
        let mut of_column = edges.iter().filter(|edge| {
            edge.child == *view.name() && edge.child_columns.iter().any(|one| one == column)
        });
        // What stands inside of a value may become NULL there, whether the column may be NULL or not.
        let is_boundary = of_column.any(|edge| {
            edge.inside.is_some() || is_nullable && edge.policy == Some(BoundaryPolicy::Null)
        });
        is_boundary || is_nullable && view.entry.stubs > 0
    };
    view.source.checks.iter().any(same)
        && named
            .iter()
            .all(|column| is_kept(column) && !may_be_nulled(column))
}

/// The first column of the expression that the artifact has not.
fn unknown_column<'e>(expression: &'e Expression, view: &TableView<'_>) -> Option<&'e str> {
    let carries = |name: &str| {
        view.entry
            .columns
            .iter()
            .any(|(column, _)| column.eq_ignore_ascii_case(name))
    };
    expression.columns().into_iter().find(|name| !carries(name))
}
