//! CHECK expressions as PostgreSQL and SQLite print them: the common forms are read and evaluated on
//! the rows of an artifact; any other form is refused, never guessed.

mod evaluate;
mod lexer;
mod parser;
mod value;

pub(crate) use evaluate::{Dialect, truth};
pub(crate) use parser::{Expression, parse};
pub(crate) use value::{Decimal, Unsupported, Value, money, range_value};
