//! What fits into the target's columns: text lengths in characters, integer ranges, the digits of
//! `numeric(p,s)`.

use redistrict_model::{CheckResult, Column, ColumnType, Severity, Table, TableRef};

use super::{RowCheck, TableView, Tally, locator};
use crate::cells::{Cell, Cells, TableBatch};

/// What one column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Characters(usize),
    /// `char(n)`: trailing spaces do not count.
    Padded(usize),
    Integer {
        low: i64,
        high: i64,
    },
    /// Digits before the point; the server rounds what is behind it.
    Digits(usize),
    /// `bit(n)` has that many bits, `bit varying(n)` at most that many.
    Bits {
        length: usize,
        is_exact: bool,
    },
}

impl Limit {
    /// Of an array, what one element takes.
    fn of(column: &Column) -> Option<Self> {
        let is_array = column.column_type == ColumnType::Array;
        let column_type = if is_array {
            column.element?
        } else {
            column.column_type
        };
        let source_type = if is_array {
            column.source_type.trim_end_matches("[]")
        } else {
            &column.source_type
        };
        let is_text = matches!(column_type, ColumnType::Text | ColumnType::Char);
        // Catalogs tell the length of texts; that of elements stands in the type's name.
        let of_element = || {
            inside(source_type)?
                .parse()
                .ok()
                .filter(|_| is_array && is_text)
        };
        let length = column
            .max_length
            .and_then(|length| usize::try_from(length).ok())
            .or_else(of_element);
        match (column_type, length) {
            (ColumnType::Bits, _) => bits(source_type),
            (ColumnType::Char, Some(length)) => Some(Self::Padded(length)),
            (_, Some(length)) => Some(Self::Characters(length)),
            (ColumnType::Int16, None) => Some(range::<i16>(i16::MIN, i16::MAX)),
            (ColumnType::Int32, None) => Some(range::<i32>(i32::MIN, i32::MAX)),
            (ColumnType::Numeric, None) => whole_digits(source_type).map(Self::Digits),
            _ => None,
        }
    }

    fn holds(self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Characters(length), Cell::Text(text)) => text.chars().count() <= length,
            (Self::Padded(length), Cell::Text(text)) => {
                text.trim_end_matches(' ').chars().count() <= length
            }
            (Self::Integer { low, high }, Cell::Int(value)) => (low..=high).contains(&value),
            // An element of an array.
            (Self::Integer { low, high }, Cell::Text(text)) => text
                .parse::<i64>()
                .is_ok_and(|value| (low..=high).contains(&value)),
            (Self::Bits { length, is_exact }, Cell::Text(text)) => {
                text.len() == length || !is_exact && text.len() < length
            }
            (Self::Digits(digits), Cell::Text(text)) => {
                let whole = text
                    .trim_start_matches('-')
                    .split('.')
                    .next()
                    .unwrap_or_default();
                whole.trim_start_matches('0').len() <= digits || !whole.starts_with(is_digit)
            }
            _ => true,
        }
    }

    fn describe(self, column: &str) -> String {
        match self {
            Self::Bits { length, is_exact } => {
                let most = if is_exact { "" } else { "at most " };
                format!("{column} has {most}{length} bits")
            }
            Self::Characters(length) | Self::Padded(length) => {
                format!("{column} has at most {length} characters")
            }
            Self::Integer { low, high } => format!("{column} lies between {low} and {high}"),
            Self::Digits(digits) => {
                format!("{column} has at most {digits} digits before the point")
            }
        }
    }
}

fn range<T: Into<i64>>(low: T, high: T) -> Limit {
    Limit::Integer {
        low: low.into(),
        high: high.into(),
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// What stands in brackets behind the name of a type.
fn inside(source_type: &str) -> Option<&str> {
    source_type.split_once('(')?.1.strip_suffix(')')
}

fn bits(source_type: &str) -> Option<Limit> {
    let is_exact = !source_type.starts_with("bit varying") && !source_type.starts_with("varbit");
    let length = match inside(source_type) {
        Some(length) => length.parse().ok()?,
        None if source_type == "bit" => 1,
        None => return None,
    };
    Some(Limit::Bits { length, is_exact })
}

/// Digits before the point of `numeric(p,s)`.
fn whole_digits(source_type: &str) -> Option<usize> {
    let inside = inside(source_type)?;
    let (precision, scale) = inside.split_once(',').unwrap_or((inside, "0"));
    let precision: i64 = precision.trim().parse().ok()?;
    let scale: i64 = scale.trim().parse().ok()?;
    usize::try_from(precision - scale).ok()
}

/// The limits of one table's columns.
pub(crate) struct Lengths {
    table: TableRef,
    source: Table,
    columns: Vec<(String, Limit, Tally)>,
}

impl Lengths {
    /// None if nothing in the table has a limit that a value of the artifact could break.
    pub(crate) fn of(view: &TableView<'_>) -> Option<Self> {
        let columns: Vec<_> = view
            .target_columns()
            .filter_map(|column| Some((column.name.clone(), Limit::of(column)?, Tally::default())))
            .collect();
        (!columns.is_empty()).then(|| Self {
            table: view.name().clone(),
            source: view.source.clone(),
            columns,
        })
    }
}

impl RowCheck for Lengths {
    fn look(&mut self, batch: &TableBatch<'_>) {
        for (column, limit, tally) in &mut self.columns {
            let Some(cells) = Cells::of(batch.rows, column, &self.source) else {
                continue;
            };
            for row in 0..batch.len() {
                let cell = cells.cell(row);
                if cell == Cell::Null {
                    continue;
                }
                tally.examined += 1;
                let is_fine = match cells.element_type() {
                    Some(_) => cells
                        .single_texts(row)
                        .is_ok_and(|all| all.iter().all(|one| limit.holds(Cell::Text(one)))),
                    None => limit.holds(cell),
                };
                if !is_fine {
                    tally.fail(|| locator(&self.table, batch.place(row)));
                }
            }
        }
    }

    fn finish(self: Box<Self>) -> Vec<CheckResult> {
        let Self { table, columns, .. } = *self;
        columns
            .into_iter()
            .map(|(column, limit, tally)| {
                let subject = table.column(&column).to_string();
                tally.result("length", subject, limit.describe(&column), Severity::Error)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_characters_and_padding_is_none() {
        assert!(Limit::Characters(3).holds(Cell::Text("äöü")));
        assert!(!Limit::Characters(3).holds(Cell::Text("abc ")));
        assert!(Limit::Padded(3).holds(Cell::Text("abc   ")));
    }

    #[test]
    fn bits_are_as_many_as_the_type_says() {
        let exact = bits("bit(3)").unwrap();
        let most = bits("bit varying(3)").unwrap();
        assert!(exact.holds(Cell::Text("101")) && !exact.holds(Cell::Text("10")));
        assert!(most.holds(Cell::Text("10")) && !most.holds(Cell::Text("1010")));
        assert_eq!(bits("bit varying"), None);
        let byte = range::<i16>(i16::MIN, i16::MAX);
        assert!(byte.holds(Cell::Text("-32768")) && !byte.holds(Cell::Text("32768")));
    }

    #[test]
    fn numbers_have_room_for_the_digits_the_type_says() {
        assert_eq!(whole_digits("numeric(10,2)"), Some(8));
        assert_eq!(whole_digits("DECIMAL(5)"), Some(5));
        assert_eq!(whole_digits("numeric"), None);
        assert!(Limit::Digits(2).holds(Cell::Text("-99.999")));
        assert!(!Limit::Digits(2).holds(Cell::Text("100")));
        assert!(Limit::Digits(0).holds(Cell::Text("0.5")));
    }
}
