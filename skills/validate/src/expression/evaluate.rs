//! Evaluates a CHECK expression on one row, in three-valued logic.

use std::cmp::Ordering;

use super::parser::{CastTo, Expression, Function};
use super::value::{Bounds, Decimal, Unsupported, Value, compare, date, money};

/// Where servers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Postgres,
    Sqlite,
}

type Evaluated = Result<Value, Unsupported>;
/// True, false or unknown.
pub(crate) type Truth = Result<Option<bool>, Unsupported>;

/// Whether an expression is true, false or unknown in a row; `column` gives a column's value there.
pub(crate) fn truth(
    expression: &Expression,
    dialect: Dialect,
    column: &dyn Fn(&str) -> Evaluated,
) -> Truth {
    Row { dialect, column }.truth(expression)
}

struct Row<'a> {
    dialect: Dialect,
    column: &'a dyn Fn(&str) -> Evaluated,
}

impl Row<'_> {
    fn value(&self, expression: &Expression) -> Evaluated {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Column(name) => (self.column)(name),
            Expression::List(all) => Ok(Value::List(
                all.iter()
                    .map(|one| self.value(one))
                    .collect::<Result<_, _>>()?,
            )),
            Expression::Arithmetic(symbol, left, right) => {
                arithmetic(symbol, &self.value(left)?, &self.value(right)?)
            }
            Expression::Concatenate(left, right) => match (self.value(left)?, self.value(right)?) {
                (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
                (Value::Text(left), Value::Text(right)) => Ok(Value::Text(left + &right)),
                _ => Err(Unsupported("a concatenation of other things than texts")),
            },
            Expression::Call(function, arguments) => self.call(*function, arguments),
            Expression::Cast(inner, to) => cast(self.value(inner)?, *to),
            _ => Ok(self.truth(expression)?.map_or(Value::Null, Value::Bool)),
        }
    }

    fn truth(&self, expression: &Expression) -> Truth {
        match expression {
            Expression::Not(inner) => Ok(self.truth(inner)?.map(|truth| !truth)),
            Expression::And(left, right) => Ok(match (self.truth(left)?, self.truth(right)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            }),
            Expression::Or(left, right) => Ok(any([self.truth(left)?, self.truth(right)?])),
            Expression::IsNull(inner) => Ok(Some(self.value(inner)? == Value::Null)),
            Expression::IsBool(inner, wanted) => Ok(Some(self.truth(inner)? == Some(*wanted))),
            Expression::IsDistinct(left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Ok(Some(match (&left, &right) {
                    (Value::Null, Value::Null) => false,
                    (Value::Null, _) | (_, Value::Null) => true,
                    _ => self.compare("=", &left, &right)? != Some(true),
                }))
            }
            Expression::Compare(symbol, left, right) => {
                self.compare(symbol, &self.value(left)?, &self.value(right)?)
            }
            Expression::In(left, list) => self.quantified("=", left, list, false),
            Expression::Quantified {
                symbol,
                left,
                list,
                is_all,
            } => self.quantified(symbol, left, list, *is_all),
            Expression::Like(left, pattern) => self.like(left, pattern),
            Expression::Within(left, list) => match (self.value(left)?, self.value(list)?) {
                (Value::Null, _) | (_, Value::Null) => Ok(None),
                (Value::List(members), Value::List(list)) => self.is_within(&members, &list),
                _ => Err(Unsupported("an operator of other things than lists")),
            },
            other => match self.value(other)? {
                Value::Null => Ok(None),
                Value::Bool(truth) => Ok(Some(truth)),
                Value::Number(number) if self.dialect == Dialect::Sqlite => {
                    Ok(Some(number.digits != 0))
                }
                _ => Err(Unsupported("a value where a condition is expected")),
            },
        }
    }

    fn compare(&self, symbol: &str, left: &Value, right: &Value) -> Truth {
        let is_equality = matches!(symbol, "=" | "<>");
        let has_binary_order = self.dialect == Dialect::Sqlite;
        let ordering = compare(left, right, is_equality, has_binary_order)?;
        Ok(ordering.map(|ordering| match symbol {
            "=" => ordering == Ordering::Equal,
            "<>" => ordering != Ordering::Equal,
            "<" => ordering == Ordering::Less,
            "<=" => ordering != Ordering::Greater,
            ">" => ordering == Ordering::Greater,
            _ => ordering != Ordering::Less,
        }))
    }

    fn quantified(
        &self,
        symbol: &str,
        left: &Expression,
        list: &Expression,
        is_all: bool,
    ) -> Truth {
        let left = self.value(left)?;
        let members = match self.value(list)? {
            Value::Null => return Ok(None),
            Value::List(members) => members,
            _ => return Err(Unsupported("a list that is not written out")),
        };
        let truths: Vec<Option<bool>> = members
            .iter()
            .map(|member| self.compare(symbol, &left, member))
            .collect::<Result<_, _>>()?;
        Ok(if is_all {
            any(truths.into_iter().map(|truth| truth.map(|truth| !truth))).map(|truth| !truth)
        } else {
            any(truths)
        })
    }

    /// A NULL among the members is in no list.
    fn is_within(&self, members: &[Value], list: &[Value]) -> Truth {
        for member in members {
            let mut is_found = false;
            for one in list {
                is_found |= self.compare("=", member, one)? == Some(true);
            }
            if !is_found {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }

    fn like(&self, left: &Expression, pattern: &Expression) -> Truth {
        match (self.value(left)?, self.value(pattern)?) {
            (Value::Null, _) | (_, Value::Null) => Ok(None),
            (Value::Text(_), Value::Text(pattern)) if pattern.contains('\\') => {
                Err(Unsupported("a LIKE with escapes"))
            }
            (Value::Text(text), Value::Text(pattern)) if self.dialect == Dialect::Sqlite => {
                Ok(Some(is_like(
                    &text.to_ascii_lowercase(),
                    &pattern.to_ascii_lowercase(),
                )))
            }
            (Value::Text(text), Value::Text(pattern)) => Ok(Some(is_like(&text, &pattern))),
            _ => Err(Unsupported("a LIKE of other things than texts")),
        }
    }

    fn call(&self, function: Function, arguments: &[Expression]) -> Evaluated {
        if function == Function::Coalesce {
            for argument in arguments {
                let value = self.value(argument)?;
                if value != Value::Null {
                    return Ok(value);
                }
            }
            return Ok(Value::Null);
        }
        let argument = arguments
            .first()
            .map_or(Ok(Value::Null), |one| self.value(one))?;
        match (function, argument) {
            (_, Value::Null) => Ok(Value::Null),
            (Function::Length, Value::Text(text)) => {
                let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                Ok(Value::Number(Decimal::of(length)))
            }
            (Function::Lower, Value::Text(text)) if text.is_ascii() => {
                Ok(Value::Text(text.to_ascii_lowercase()))
            }
            (Function::Upper, Value::Text(text)) if text.is_ascii() => {
                Ok(Value::Text(text.to_ascii_uppercase()))
            }
            (Function::Trim, Value::Text(text)) => {
                Ok(Value::Text(text.trim_matches(' ').to_owned()))
            }
            (Function::Cardinality, Value::List(members)) => Ok(count(members.len())),
            (Function::ArrayLength, Value::List(members)) if members.is_empty() => Ok(Value::Null),
            (Function::ArrayLength, Value::List(members)) => Ok(count(members.len())),
            (function, Value::Range(bounds)) => of_range(function, bounds.as_deref()),
            (Function::Abs, Value::Number(number)) => Ok(Value::Number(Decimal {
                digits: number.digits.saturating_abs(),
                ..number
            })),
            _ => Err(Unsupported("a function of a value it is not evaluated for")),
        }
    }
}

fn count(number: usize) -> Value {
    Value::Number(Decimal::of(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// What a function says of a range; nothing is infinite or included in the empty one.
fn of_range(function: Function, bounds: Option<&Bounds>) -> Evaluated {
    let is_null = |value: &Value| *value == Value::Null;
    let truth = |holds: &dyn Fn(&Bounds) -> bool| Ok(Value::Bool(bounds.is_some_and(holds)));
    let bound =
        |get: fn(&Bounds) -> &Value| Ok(bounds.map_or(Value::Null, |bounds| get(bounds).clone()));
    match function {
        Function::IsEmpty => Ok(Value::Bool(bounds.is_none())),
        Function::Lower => bound(|bounds| &bounds.low),
        Function::Upper => bound(|bounds| &bounds.high),
        Function::IsLowerInfinite => truth(&|bounds| is_null(&bounds.low)),
        Function::IsUpperInfinite => truth(&|bounds| is_null(&bounds.high)),
        Function::HasLower => truth(&|bounds| bounds.has_low),
        Function::HasUpper => truth(&|bounds| bounds.has_high),
        _ => Err(Unsupported("a function of a value it is not evaluated for")),
    }
}

/// True if any is true, else unknown if any is unknown, else false.
fn any(truths: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(false);
    for truth in truths {
        match truth {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

fn arithmetic(symbol: &str, left: &Value, right: &Value) -> Evaluated {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => Ok(Value::Null),
        (Value::Number(left), Value::Number(right)) => {
            left.combine(*right, symbol).map(Value::Number)
        }
        _ => Err(Unsupported(
            "arithmetic with other things than exact numbers",
        )),
    }
}

fn cast(value: Value, to: CastTo) -> Evaluated {
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::List(members), to) => Ok(Value::List(
            members
                .into_iter()
                .map(|one| cast(one, to))
                .collect::<Result<_, _>>()?,
        )),
        (value @ Value::Text(_), CastTo::Text | CastTo::Other)
        | (value @ (Value::Number(_) | Value::Float(_)), CastTo::Number)
        | (value @ (Value::Date(_) | Value::Stamp(_)), CastTo::Date)
        | (value @ Value::Bool(_), CastTo::Bool) => Ok(value),
        (value @ Value::Number(_), CastTo::Money) => Ok(value),
        (Value::Text(text), CastTo::Money) => money(&text).map(Value::Number),
        (Value::Text(text), CastTo::Number) => Decimal::parse(&text).map(Value::Number),
        (Value::Text(text), CastTo::Date) => date(&text),
        (Value::Text(text), CastTo::Bool) => match text.as_str() {
            "t" | "true" => Ok(Value::Bool(true)),
            "f" | "false" => Ok(Value::Bool(false)),
            _ => Err(Unsupported("a cast that is not evaluated")),
        },
        _ => Err(Unsupported("a cast that is not evaluated")),
    }
}

/// `%` any text, `_` any character.
fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for c in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match c {
                '%' => reachable[at] || (at > 0 && next[at - 1]),
                '_' => at > 0 && reachable[at - 1],
                c => at > 0 && reachable[at - 1] && text[at - 1] == c,
            };
        }
        reachable = next;
    }
    reachable[text.len()]
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::super::value::range_value;
    use super::*;

    fn holds(text: &str, columns: &[(&str, Value)]) -> Result<Option<bool>, Unsupported> {
        let column = |name: &str| {
            let found = columns.iter().find(|(known, _)| *known == name);
            found
                .map(|(_, value)| value.clone())
                .ok_or(Unsupported("no such column"))
        };
        let is_text = |name: &str| name == "no column";
        truth(&parse(text, &is_text)?, Dialect::Postgres, &column)
    }

    fn number(value: i64) -> Value {
        Value::Number(Decimal::of(value))
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn lists_as_postgres_prints_them_are_evaluated() {
        let list = "CHECK (((status)::text = ANY ((ARRAY['new'::character varying, 'it''s'::character varying])::text[])))";
        assert_eq!(holds(list, &[("status", text("it's"))]), Ok(Some(true)));
        assert_eq!(holds(list, &[("status", text("New"))]), Ok(Some(false)));
        assert_eq!(holds(list, &[("status", Value::Null)]), Ok(None));
        let not_in = "(kind <> ALL (ARRAY['a'::bpchar, 'b'::bpchar]))";
        assert_eq!(holds(not_in, &[("kind", text("b"))]), Ok(Some(false)));
        assert_eq!(holds(not_in, &[("kind", text("c"))]), Ok(Some(true)));
    }

    #[test]
    fn ranges_negation_and_unknown_follow_three_valued_logic() {
        let row = [("a", number(3)), ("b", Value::Null)];
        for (expression, expected) in [
            ("a between 1 and 4", Some(true)),
            ("a not between 1 and 4", Some(false)),
            ("((a >= 1) AND (a <= 2))", Some(false)),
            ("a > 5 OR b > 5", None),
            ("a < 5 OR b > 5", Some(true)),
            ("NOT (b = 1)", None),
            ("b IS NULL AND a IS NOT NULL", Some(true)),
            ("a in (1, 2)", Some(false)),
            ("a not in (1, NULL)", None),
            ("a + 1 = 2 * 2", Some(true)),
            ("a = '-3'::integer + 6", Some(true)),
            ("a > '2.5'::numeric", Some(true)),
            ("b IS DISTINCT FROM a", Some(true)),
            ("(a = 3) IS TRUE", Some(true)),
            ("coalesce(b, 0) = 0", Some(true)),
        ] {
            assert_eq!(holds(expression, &row), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn texts_and_dates_are_measured_and_compared() {
        let row = [
            ("t", text("Öl ")),
            ("d", Value::Date(19_782)),
            ("Odd Name", text("x")),
            ("endless", Value::Date(i32::MAX.into())),
            ("ever", Value::Stamp(i64::MAX)),
        ];
        for (expression, expected) in [
            ("length(t) = 3", true),
            ("char_length(btrim((t)::text)) = 2", true),
            ("d > '2024-02-28'::date", true),
            ("d = '2024-02-29'::date", true),
            (
                "d < '2024-02-29 00:00:00'::timestamp without time zone",
                false,
            ),
            (
                "endless = 'infinity'::date AND endless > '5874897-12-31'::date",
                true,
            ),
            ("d > '0044-03-15 BC'::date AND d > '-infinity'::date", true),
            ("ever = endless", true),
            ("ever = 'infinity'::timestamp with time zone", true),
            ("ever < '10000-01-01'::date", false),
            ("t ~~ '_l%'", true),
            ("t LIKE 'l%'", false),
            ("\"Odd Name\" <> ''::text", true),
            ("[Odd Name] = 'x' and [t] <> 'y'", true),
            ("`Odd Name` in (\"no column\", 'x')", true),
            ("t <> \"no column\"", true),
        ] {
            assert_eq!(holds(expression, &row), Ok(Some(expected)), "{expression}");
        }
    }

    #[test]
    fn lists_ranges_and_money_are_evaluated() {
        let list = |members: &[&str]| Value::List(members.iter().map(|one| text(one)).collect());
        let row = [
            ("tags", list(&["a", "b"])),
            ("none", list(&[])),
            ("holes", Value::List(vec![Value::Null])),
            ("fee", Value::Number(money("-$1,234.50").unwrap())),
            ("term", range_value("[2024-02-28,2024-03-01)")),
            ("seats", range_value("(,7]")),
            ("nothing", range_value("empty")),
        ];
        for (expression, expected) in [
            ("(cardinality(tags) <= 2)", Some(true)),
            ("(array_length(tags, 1) > 2)", Some(false)),
            ("(array_length(none, 1) > 2)", None),
            ("('b'::text = ANY (tags))", Some(true)),
            (
                "(tags <@ ARRAY['a'::text, 'b'::text, 'c'::text])",
                Some(true),
            ),
            ("(tags @> ARRAY['c'::text])", Some(false)),
            ("(holes <@ ARRAY['c'::text])", Some(false)),
            ("(fee < '$0.00'::money)", Some(true)),
            ("(fee >= (- '$1,234.50'::money))", Some(true)),
            ("(NOT isempty(term))", Some(true)),
            ("(isempty(nothing))", Some(true)),
            ("(lower(term) < '2024-02-29'::date)", Some(true)),
            ("(upper_inf(term) OR lower_inf(seats))", Some(true)),
            ("(upper_inc(seats) AND NOT upper_inc(term))", Some(true)),
            ("(upper(seats) = 7)", Some(true)),
            ("(upper(nothing) = 7)", None),
        ] {
            assert_eq!(holds(expression, &row), Ok(expected), "{expression}");
        }
        for expression in [
            "term @> '2024-02-29'::date",
            "array_length(tags, 2) = 1",
            "tags = ARRAY['a'::text]",
            "lower(tags) = 'a'",
            "'{[1,2)}'::int4multirange @> seats",
        ] {
            assert!(holds(expression, &row).is_err(), "{expression}");
        }
        for odd in ["{[1,2)}", "[a,b)", "[\"2024-01-01 10:00:00\",)"] {
            assert_eq!(range_value(odd), Value::Opaque, "{odd}");
        }
    }

    #[test]
    fn what_is_not_evaluated_exactly_is_refused() {
        let row = [
            ("t", text("a")),
            ("f", Value::Float(0.5)),
            ("o", Value::Opaque),
        ];
        for expression in [
            "t ~ '^[a-z]+$'",
            "t < 'b'",
            "o = 'x'",
            "CASE WHEN t = 'a' THEN true ELSE false END",
            "my_function(t)",
            "t = 1",
            "(t)::character varying(2) = 'a'",
            "t = 'a' COLLATE \"C\"",
            "f + 1 > 0",
            "t = 'a",
            "t =",
            "(t = 'a'",
            "length(t, 'UTF8') = 1",
        ] {
            assert!(holds(expression, &row).is_err(), "{expression}");
        }
        assert_eq!(holds("o IS NOT NULL", &row), Ok(Some(true)));
        assert!(parse(&"(".repeat(100_000), &|_| false).is_err());
    }
}
