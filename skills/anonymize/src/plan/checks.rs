//! What a CHECK constraint demands, as far as its text is one of a few simple forms: a list of
//! values, bounds of a number, an order of columns. Anything else is not understood, and said so.

use std::collections::BTreeSet;

use redistrict_model::{Check, ColumnRef, Plan, Table};

use crate::masks::{Bounds, number_of_money};

/// A CHECK, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// The one column has one of a list of values.
    List,
    /// The one column lies within bounds.
    Within(Bounds),
    /// The one column is a text of at most so many characters.
    MaxLength(u32),
    /// Nothing but comparisons of columns with each other and with NULL: holds under a common shift.
    Order,
    /// Texts are not empty, or not NULL: every mask keeps that.
    Present,
    NotUnderstood,
}

/// Whether the CHECK speaks of the column.
pub(crate) fn names(check: &Check, table: &Table, column: &str) -> bool {
    if !check.columns.is_empty() {
        return check.columns.iter().any(|own| own == column);
    }
    named_columns(check, table).contains(&column)
}

/// The values that CHECKs of either side list for a column, else those that references count by; none if
/// nothing lists any.
pub(crate) fn allowed_values(plan: &Plan, column: &ColumnRef) -> Option<BTreeSet<String>> {
    let targets = plan.sections.load.tables.iter().map(|one| &one.table);
    let sides = plan
        .sections
        .extract
        .catalog_table(&column.table)
        .into_iter()
        .chain(targets.filter(|table| table.name == column.table));
    let mut listed: Option<BTreeSet<String>> = None;
    for table in sides {
        let checks = table
            .checks
            .iter()
            .filter(|check| names(check, table, &column.column));
        for check in checks.filter(|check| demand(&check.expression) == Demand::List) {
            let literals = simplify(tokens(&check.expression)).into_iter();
            let texts = literals.filter_map(|token| match token {
                Token::Text(text) | Token::Number(text) => Some(text),
                _ => None,
            });
            listed.get_or_insert_default().extend(texts);
        }
    }
    listed.or_else(|| {
        let conditions =
            super::switches::conditions(&plan.sections.extract.ownership.edges, column);
        (!conditions.is_empty()).then_some(conditions)
    })
}

/// The columns that a CHECK speaks of.
pub(crate) fn named_columns<'a>(check: &Check, table: &'a Table) -> Vec<&'a str> {
    let tokens = tokens(&check.expression);
    let is_named = |name: &str| {
        check.columns.iter().any(|own| own == name)
            || check.columns.is_empty()
                && tokens.iter().any(|token| match token {
                    Token::Word(word) => word.eq_ignore_ascii_case(name),
                    Token::Quoted(word) => word == name,
                    _ => false,
                })
    };
    table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .filter(|name| is_named(name))
        .collect()
}

/// Functions of arrays, ranges and bits that tell nothing but how much there is of them.
const SIZES: [&str; 12] = [
    "array_length",
    "array_lower",
    "array_ndims",
    "array_upper",
    "bit_length",
    "cardinality",
    "isempty",
    "lower_inc",
    "lower_inf",
    "octet_length",
    "upper_inc",
    "upper_inf",
];

/// The CHECK asks how long or how empty its one column is, and nothing else: a mask that keeps the
/// number of elements, the bounds that are infinite, the number of bits, keeps it. `is_bits`: then the
/// length is such a size too.
pub(crate) fn asks_for_size(expression: &str, is_bits: bool) -> bool {
    let tokens = simplify(tokens(expression));
    let is_size = |word: &str| SIZES.contains(&word) || is_bits && word == "length";
    let rest: Vec<&Token> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Word(word) if is_size(word)))
        .collect();
    let mut columns: Vec<&Token> = Vec::new();
    for token in &rest {
        match token {
            Token::Word(word)
                if ["and", "or", "is", "not", "null", "coalesce"].contains(&word.as_str()) => {}
            Token::Word(word) if is_keyword(word) => return false,
            Token::Word(_) | Token::Quoted(_) if !columns.contains(token) => columns.push(token),
            Token::Word(_) | Token::Quoted(_) | Token::Number(_) => {}
            Token::Text(_) => return false,
            Token::Sign(sign) => {
                let known = ["<", "<=", ">", ">=", "=", "<>", "!=", "(", ")", ","];
                if !known.contains(&sign.as_str()) {
                    return false;
                }
            }
        }
    }
    columns.len() == 1 && rest.len() < tokens.len()
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// In lower case.
    Word(String),
    Quoted(String),
    Text(String),
    Number(String),
    Sign(String),
}

/// What the CHECK demands.
pub(crate) fn demand(expression: &str) -> Demand {
    let tokens = simplify(tokens(expression));
    let columns: Vec<&Token> = distinct_columns(&tokens);
    let is_literal = |token: &Token| matches!(token, Token::Text(_) | Token::Number(_));
    let has_literal = tokens.iter().any(is_literal);
    let words = |allowed: &[&str]| {
        tokens.iter().all(|token| match token {
            Token::Word(word) => !is_keyword(word) || allowed.contains(&word.as_str()),
            _ => true,
        })
    };
    let signs = |allowed: &[&str]| {
        tokens.iter().all(|token| match token {
            Token::Sign(sign) => allowed.contains(&sign.as_str()),
            _ => true,
        })
    };
    if columns.len() == 1 && has_literal {
        if words(&["in", "any", "array", "or", "is", "null"])
            && signs(&["=", "(", ")", "[", "]", ","])
        {
            return Demand::List;
        }
        if let Some(bounds) = bounds(&tokens) {
            return Demand::Within(bounds);
        }
        if is_not_empty(&tokens) {
            return Demand::Present;
        }
        if let Some(demand) = length(&tokens) {
            return demand;
        }
    }
    if !has_literal
        && words(&["and", "or", "is", "not", "null"])
        && signs(&["<", "<=", ">", ">=", "=", "<>", "!=", "(", ")"])
    {
        return if columns.len() == 1 {
            Demand::Present
        } else {
            Demand::Order
        };
    }
    Demand::NotUnderstood
}

fn is_keyword(word: &str) -> bool {
    [
        "in",
        "any",
        "array",
        "or",
        "and",
        "is",
        "not",
        "null",
        "between",
        "like",
        "ilike",
        "similar",
        "all",
        "case",
        "when",
        "then",
        "else",
        "end",
        "true",
        "false",
        "length",
        "char_length",
        "character_length",
        "lower",
        "upper",
        "collate",
        "glob",
        "regexp",
        "exists",
        "select",
    ]
    .contains(&word)
}

fn distinct_columns(tokens: &[Token]) -> Vec<&Token> {
    let mut columns: Vec<&Token> = Vec::new();
    for token in tokens {
        let is_column = match token {
            Token::Word(word) => !is_keyword(word),
            Token::Quoted(_) => true,
            _ => false,
        };
        if is_column && !columns.contains(&token) {
            columns.push(token);
        }
    }
    columns
}

/// `x > 0`, `x >= 0 and x <= 100`, `x between 0 and 100`, with any parentheses.
fn bounds(tokens: &[Token]) -> Option<Bounds> {
    let flat: Vec<&Token> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Sign(sign) if sign == "(" || sign == ")"))
        .collect();
    let mut bounds = Bounds::default();
    let mut rest = flat.as_slice();
    loop {
        rest = match rest {
            [
                Token::Word(_) | Token::Quoted(_),
                Token::Word(between),
                Token::Number(low),
                Token::Word(and),
                Token::Number(high),
                rest @ ..,
            ] if between == "between" && and == "and" => {
                bound(&mut bounds, ">=", low)?;
                bound(&mut bounds, "<=", high)?;
                rest
            }
            [
                Token::Word(_) | Token::Quoted(_),
                Token::Sign(sign),
                Token::Number(number),
                rest @ ..,
            ] => {
                bound(&mut bounds, sign, number)?;
                rest
            }
            [
                Token::Word(_) | Token::Quoted(_),
                Token::Sign(sign),
                Token::Text(amount),
                rest @ ..,
            ] => {
                bound(&mut bounds, sign, &number_of_money(amount)?)?;
                rest
            }
            _ => return None,
        };
        match rest {
            [] => return Some(bounds),
            [Token::Word(and), after @ ..] if and == "and" => rest = after,
            _ => return None,
        }
    }
}

fn bound(bounds: &mut Bounds, sign: &str, number: &str) -> Option<()> {
    let whole = number.split_once('.').map_or(number, |(whole, fraction)| {
        if fraction.bytes().all(|byte| byte == b'0') {
            whole
        } else {
            ""
        }
    });
    let value: i64 = whole.parse().ok()?;
    match sign {
        ">" | ">=" => (bounds.low, bounds.low_open) = (Some(value), sign == ">"),
        "<" | "<=" => (bounds.high, bounds.high_open) = (Some(value), sign == "<"),
        _ => return None,
    }
    Some(())
}

/// `length(x) <= 20`, `length(x) > 0 and length(x) < 21`: at most so many characters, not empty.
fn length(tokens: &[Token]) -> Option<Demand> {
    let flat: Vec<&Token> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Sign(sign) if sign == "(" || sign == ")"))
        .collect();
    let is_and = |token: &&Token| matches!(token, Token::Word(word) if word == "and");
    let mut longest: Option<u32> = None;
    for term in flat.split(is_and) {
        let [
            Token::Word(function),
            Token::Word(_) | Token::Quoted(_),
            Token::Sign(sign),
            Token::Number(number),
        ] = term
        else {
            return None;
        };
        let functions = ["length", "char_length", "character_length"];
        let number: u32 = number.parse().ok()?;
        match (functions.contains(&function.as_str()), sign.as_str()) {
            (true, ">") if number == 0 => {}
            (true, ">=") if number <= 1 => {}
            (true, "<=") => longest = Some(longest.map_or(number, |own| own.min(number))),
            (true, "<") => {
                let most = number.checked_sub(1)?;
                longest = Some(longest.map_or(most, |own| own.min(most)));
            }
            _ => return None,
        }
    }
    Some(longest.map_or(Demand::Present, Demand::MaxLength))
}

/// `x <> ''`.
fn is_not_empty(tokens: &[Token]) -> bool {
    let flat: Vec<&Token> = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Sign(sign) if sign == "(" || sign == ")"))
        .collect();
    matches!(
        flat.as_slice(),
        [Token::Word(_) | Token::Quoted(_), Token::Sign(sign), Token::Text(text)]
            if (sign == "<>" || sign == "!=") && text.is_empty()
    )
}

/// Drops casts (`::character varying(10)[]`) and the word CHECK; quoted numbers that are cast stay
/// texts; a sign before a number joins it.
fn simplify(tokens: Vec<Token>) -> Vec<Token> {
    let mut output: Vec<Token> = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            Token::Sign(sign) if sign == "::" => {
                while rest
                    .next_if(|next| {
                        matches!(next, Token::Word(word) if !is_keyword(word))
                            || matches!(next, Token::Quoted(_))
                            || matches!(next, Token::Sign(sign) if sign == ".")
                    })
                    .is_some()
                {}
                // The length of a type and the brackets of an array type.
                skip_group(&mut rest, "(", ")");
                skip_group(&mut rest, "[", "]");
            }
            Token::Word(word) if word == "check" && output.is_empty() => {}
            Token::Sign(sign) if sign == "-" => match rest.next() {
                Some(Token::Number(number)) => output.push(Token::Number(format!("-{number}"))),
                other => {
                    output.push(Token::Sign(sign));
                    output.extend(other);
                }
            },
            other => output.push(other),
        }
    }
    output
}

fn skip_group(rest: &mut std::iter::Peekable<std::vec::IntoIter<Token>>, open: &str, close: &str) {
    let is = |token: &Token, wanted: &str| matches!(token, Token::Sign(sign) if sign == wanted);
    if rest.next_if(|next| is(next, open)).is_some() {
        for token in rest.by_ref() {
            if is(&token, close) {
                return;
            }
        }
    }
}

fn tokens(expression: &str) -> Vec<Token> {
    let chars: Vec<char> = expression.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        let (token, end) = match c {
            '\'' => {
                let (text, end) = quoted(&chars, at, '\'');
                (Some(Token::Text(text)), end)
            }
            '"' | '`' => {
                let (text, end) = quoted(&chars, at, c);
                (Some(Token::Quoted(text)), end)
            }
            c if c.is_ascii_digit() => {
                let end = run(&chars, at, |c| c.is_ascii_digit() || c == '.');
                (Some(Token::Number(chars[at..end].iter().collect())), end)
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = run(&chars, at, |c| c.is_alphanumeric() || c == '_' || c == '$');
                let word: String = chars[at..end].iter().collect();
                (Some(Token::Word(word.to_lowercase())), end)
            }
            c if c.is_whitespace() => (None, at + 1),
            _ => {
                let two: String = chars[at..(at + 2).min(chars.len())].iter().collect();
                let length = if ["<=", ">=", "<>", "!=", "::", "~~", "||"].contains(&two.as_str()) {
                    2
                } else {
                    1
                };
                let sign = chars[at..at + length].iter().collect();
                (Some(Token::Sign(sign)), at + length)
            }
        };
        tokens.extend(token);
        at = end;
    }
    tokens
}

fn quoted(chars: &[char], begin: usize, quote: char) -> (String, usize) {
    let mut text = String::new();
    let mut at = begin + 1;
    while let Some(c) = chars.get(at).copied() {
        at += 1;
        if c == quote {
            if chars.get(at) != Some(&quote) {
                break;
            }
            at += 1;
        }
        text.push(c);
    }
    (text, at)
}

fn run(chars: &[char], begin: usize, holds: impl Fn(char) -> bool) -> usize {
    let length = chars[begin..].iter().take_while(|c| holds(**c)).count();
    begin + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(low: Option<i64>, high: Option<i64>) -> Demand {
        Demand::Within(Bounds {
            low,
            high,
            ..Bounds::default()
        })
    }

    #[test]
    fn lists_are_recognised_as_both_kinds_of_servers_print_them() {
        for text in [
            "level in ('elementary', 'middle')",
            "CHECK (((level)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[])))",
            "((level)::text = ANY (ARRAY[('a'::character varying)::text, ('b'::character varying(10))::text]))",
            "rating = 1 or rating = 2 or rating is null",
            "\"odd name\" in (1, -2)",
        ] {
            assert_eq!(demand(text), Demand::List, "{text}");
        }
    }

    #[test]
    fn bounds_orders_and_presence_are_recognised() {
        assert_eq!(
            demand("(points >= 0) AND (points <= 100)"),
            within(Some(0), Some(100))
        );
        assert_eq!(demand("term between 1 and 4"), within(Some(1), Some(4)));
        assert_eq!(demand("x > (-1)"), {
            Demand::Within(Bounds {
                low: Some(-1),
                low_open: true,
                ..Bounds::default()
            })
        });
        assert_eq!(demand("((price >= (0)::numeric))"), within(Some(0), None));
        assert_eq!(
            demand("(end_date IS NULL) OR (end_date > begin_date)"),
            Demand::Order
        );
        assert_eq!(demand("x is not null"), Demand::Present);
        assert_eq!(demand("((name)::text <> ''::text)"), Demand::Present);
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        for text in [
            "length(code) = 5",
            "email like '%@%'",
            "((email)::text ~~ '%@%'::text)",
            "level not in ('a')",
            "a = 'x' or b = 'y'",
            "x >= 0.5",
            "x > 0 or x < -5",
            "birth_date > '1900-01-01'::date",
            "x <> 'a'",
            "start + 1 < finish",
        ] {
            assert_eq!(demand(text), Demand::NotUnderstood, "{text}");
        }
    }

    #[test]
    fn sizes_are_told_from_what_is_inside() {
        for text in [
            "(cardinality(tags) <= 5)",
            "((array_length(tags, 1) > 0) AND (array_length(tags, 1) < 9))",
            "(NOT isempty(during))",
            "(upper_inf(during) OR lower_inc(during))",
            "COALESCE(array_length(tags, 1), 0) = 3",
        ] {
            assert!(asks_for_size(text, false), "{text}");
        }
        assert!(asks_for_size("(length(flags) = 8)", true));
        for text in [
            "(length(flags) = 8)",
            "cardinality(tags) = cardinality(others)",
            "(cardinality(tags) < 5) and ('a' = any (tags))",
            "tags is not null",
            "cardinality(tags) < 5 and upper(tags) = 4",
        ] {
            assert!(!asks_for_size(text, false), "{text}");
        }
    }

    #[test]
    fn amounts_of_money_are_bounds() {
        assert_eq!(demand("(fee >= '$0.00'::money)"), within(Some(0), None));
        assert_eq!(
            demand("((fee >= '-$5.00'::money) AND (fee <= '$1,000.00'::money))"),
            within(Some(-5), Some(1000))
        );
        assert_eq!(demand("fee >= '$0.50'::money"), Demand::NotUnderstood);
    }

    #[test]
    fn lengths_are_recognised_where_they_bound_from_above_only() {
        for (text, expected) in [
            ("length(nick) < 20", Demand::MaxLength(19)),
            ("(char_length((nick)::text) <= 20)", Demand::MaxLength(20)),
            (
                "length(nick) > 0 and length(nick) <= 8",
                Demand::MaxLength(8),
            ),
            ("(length(btrim) >= 1)", Demand::Present),
            ("length(nick) = 9", Demand::NotUnderstood),
            ("length(nick) > 4", Demand::NotUnderstood),
            ("length(nick) < 9 or other = 1", Demand::NotUnderstood),
            ("length(trim(nick)) < 9", Demand::NotUnderstood),
        ] {
            assert_eq!(demand(text), expected, "{text}");
        }
    }
}
