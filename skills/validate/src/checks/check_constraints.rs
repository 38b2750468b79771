//! CHECK constraints of the target, evaluated on the rows. One in another form than the common ones
//! passes only by argument: every column it names is kept unchanged from PROD, whose table has the
//! same constraint. Otherwise the check could not run, which counts as failed.

use redistrict_model::{
    BoundaryPolicy, Check, CheckResult, ColumnType, MaskKind, Severity, StoreKind, Table, TableRef,
};

use super::{RowCheck, TableView, Tally, could_not_run, locator};
use crate::cells::{Cell, Cells, TableBatch};
use crate::expression::{Decimal, Dialect, Expression, Unsupported, Value, evaluate, parse};

const CHECK: &str = "check";

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
        tally: Tally::default(),
    }
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
            constraint.tally.examined += batch.len() as u64;
            let Way::Evaluate(expression) = &constraint.way else {
                continue;
            };
            for row in 0..batch.len() {
                let value = |name: &str| cell_value(&columns, name, row);
                match evaluate(expression, self.dialect, &value) {
                    Ok(Value::Bool(true) | Value::Null) => {}
                    Ok(Value::Bool(false)) => {
                        constraint
                            .tally
                            .fail(|| locator(&self.table, batch.place(row)));
                    }
                    Ok(Value::Number(_)) if self.dialect == Dialect::Sqlite => {}
                    Ok(_) => {
                        constraint.way = Way::Cannot("it is not a condition".to_owned());
                        break;
                    }
                    Err(_) if constraint.is_unchanged => {
                        constraint.way = Way::Unchanged;
                        break;
                    }
                    Err(Unsupported(why)) => {
                        constraint.way = Way::Cannot(format!("it has {why}"));
                        break;
                    }
                }
            }
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
                match way {
                    Way::Evaluate(_) => {
                        tally.result(CHECK, subject, check.expression, Severity::Error)
                    }
                    Way::Unchanged => {
                        let examined = tally.examined;
                        let definition = format!(
                            "{} (unchanged from PROD, which enforces it)",
                            check.expression
                        );
                        let tally = Tally::of(examined);
                        tally.result(CHECK, subject, definition, Severity::Error)
                    }
                    Way::Cannot(why) => could_not_run(CHECK, subject, check.expression, why),
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

fn cell_value(
    columns: &[(&str, Option<Cells<'_>>)],
    name: &str,
    row: usize,
) -> Result<Value, Unsupported> {
    let found = columns
        .iter()
        .find(|(column, _)| *column == name)
        .or_else(|| {
            columns
                .iter()
                .find(|(column, _)| column.eq_ignore_ascii_case(name))
        });
    let Some((_, Some(cells))) = found else {
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
        (Cell::Text(_) | Cell::Bytes(_), _) => Value::Opaque,
    })
}

/// Every column the check names is kept, none of its values was nulled on the way (by a stub or a
/// boundary), and the source has the same constraint.
fn is_unchanged(check: &Check, view: &TableView<'_>) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let same = |other: &Check| squeezed(&other.expression) == squeezed(&check.expression);
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
        let is_boundary = edges.iter().any(|edge| {
            edge.child == *view.name()
                && edge.policy == Some(BoundaryPolicy::Null)
                && edge.child_columns.iter().any(|one| one == column)
        });
        is_nullable && (view.entry.stubs > 0 || is_boundary)
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
