//! Reads a CHECK expression by recursive descent.

use super::lexer::{Token, tokens};
use super::value::{Decimal, Unsupported, Value};

/// A CHECK expression of the common forms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Literal(Value),
    Column(String),
    List(Vec<Self>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    IsNull(Box<Self>),
    /// `IS TRUE`, `IS FALSE`.
    IsBool(Box<Self>, bool),
    IsDistinct(Box<Self>, Box<Self>),
    Compare(&'static str, Box<Self>, Box<Self>),
    /// Equal to one of the list.
    In(Box<Self>, Box<Self>),
    /// Compares with some member (`ANY`) or with every member (`ALL`) of a list.
    Quantified {
        symbol: &'static str,
        left: Box<Self>,
        list: Box<Self>,
        is_all: bool,
    },
    Like(Box<Self>, Box<Self>),
    /// Every member of the first list is in the second.
    Within(Box<Self>, Box<Self>),
    Arithmetic(&'static str, Box<Self>, Box<Self>),
    Concatenate(Box<Self>, Box<Self>),
    Call(Function, Vec<Self>),
    Cast(Box<Self>, CastTo),
}

impl Expression {
    /// The columns it names.
    pub(crate) fn columns(&self) -> Vec<&str> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Column(name) => vec![name],
            Self::List(all) | Self::Call(_, all) => all.iter().flat_map(Self::columns).collect(),
            Self::Not(inner)
            | Self::IsNull(inner)
            | Self::IsBool(inner, _)
            | Self::Cast(inner, _) => inner.columns(),
            Self::And(left, right)
            | Self::Or(left, right)
            | Self::IsDistinct(left, right)
            | Self::Compare(_, left, right)
            | Self::In(left, right)
            | Self::Like(left, right)
            | Self::Within(left, right)
            | Self::Arithmetic(_, left, right)
            | Self::Concatenate(left, right)
            | Self::Quantified {
                left, list: right, ..
            } => {
                let mut columns = left.columns();
                columns.extend(right.columns());
                columns
            }
        }
    }
}

/// The functions that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Length,
    Lower,
    Upper,
    Trim,
    Coalesce,
    Abs,
    Cardinality,
    /// Of the first dimension.
    ArrayLength,
    IsEmpty,
    IsLowerInfinite,
    IsUpperInfinite,
    HasLower,
    HasUpper,
}

/// What a cast makes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CastTo {
    Text,
    Number,
    Date,
    Bool,
    Money,
    /// A type of the user (an enum): the text stays.
    Other,
}

type Parsed = Result<Expression, Unsupported>;

/// Reads an expression; `CHECK (…)` may stand around it. `is_text` says of a quoted name that it is no
/// name but a text (SQLite takes `"a"` for `'a'` where there is no such column).
pub(crate) fn parse(text: &str, is_text: &dyn Fn(&str) -> bool) -> Parsed {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        is_text,
    };
    parser.take_word("check");
    let expression = parser.or()?;
    if parser.at == parser.tokens.len() {
        Ok(expression)
    } else {
        Err(Unsupported("an expression outside the common forms"))
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    is_text: &'a dyn Fn(&str) -> bool,
}

const COMPARISONS: [&str; 8] = ["=", "<>", "<=", ">=", "<", ">", "!=", "=="];
const MAX_DEPTH: u32 = 100;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, symbol: &'static str) -> bool {
        let is_next = self.peek() == Some(&Token::Symbol(symbol));
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), Unsupported> {
        if self.take(symbol) {
            Ok(())
        } else {
            Err(Unsupported("a bracket or comma elsewhere than expected"))
        }
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.tokens.get(self.at + ahead), Some(Token::Word(next)) if next == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(0, word);
        self.at += usize::from(is_next);
        is_next
    }

    fn one_of(&mut self, symbols: &[&'static str]) -> Option<&'static str> {
        symbols.iter().copied().find(|symbol| self.take(symbol))
    }

    fn or(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unsupported("an expression nested too deep"));
        }
        let mut left = self.and()?;
        while self.take_word("or") {
            left = Expression::Or(left.into(), self.and()?.into());
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Parsed {
        let mut left = self.not()?;
        while self.take_word("and") {
            left = Expression::And(left.into(), self.not()?.into());
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed {
        let mut is_negated = false;
        while self.take_word("not") {
            is_negated = !is_negated;
        }
        let inner = self.predicate()?;
        Ok(if is_negated {
            Expression::Not(inner.into())
        } else {
            inner
        })
    }

    fn predicate(&mut self) -> Parsed {
        let mut left = self.sum()?;
        loop {
            left = if self.take_word("is") {
                self.is(left)?
            } else if let Some(symbol) = self.one_of(&COMPARISONS) {
                self.comparison(left, symbol)?
            } else if self.take("<@") {
                Expression::Within(left.into(), self.sum()?.into())
            } else if self.take("@>") {
                Expression::Within(self.sum()?.into(), left.into())
            } else if self.take("~~") || self.take_word("like") {
                Expression::Like(left.into(), self.sum()?.into())
            } else if self.take("!~~") {
                Expression::Not(Expression::Like(left.into(), self.sum()?.into()).into())
            } else if self.is_word(0, "in") || self.is_word(0, "between") {
                self.range_or_list(left)?
            } else if self.is_word(0, "not") && !self.is_word(1, "null") {
                self.at += 1;
                if self.take_word("like") {
                    Expression::Not(Expression::Like(left.into(), self.sum()?.into()).into())
                } else {
                    Expression::Not(self.range_or_list(left)?.into())
                }
            } else {
                return Ok(left);
            };
        }
    }

    fn is(&mut self, left: Expression) -> Parsed {
        let is_negated = self.take_word("not");
        let test = if self.take_word("null") {
            Expression::IsNull(left.into())
        } else if self.take_word("true") {
            Expression::IsBool(left.into(), true)
        } else if self.take_word("false") {
            Expression::IsBool(left.into(), false)
        } else if self.take_word("distinct") && self.take_word("from") {
            Expression::IsDistinct(left.into(), self.sum()?.into())
        } else {
            return Err(Unsupported(
                "an IS other than NULL, TRUE, FALSE, DISTINCT FROM",
            ));
        };
        Ok(if is_negated {
            Expression::Not(test.into())
        } else {
            test
        })
    }

    fn comparison(&mut self, left: Expression, symbol: &'static str) -> Parsed {
        let symbol = match symbol {
            "==" => "=",
            "!=" => "<>",
            other => other,
        };
        for (word, is_all) in [("any", false), ("some", false), ("all", true)] {
            if self.is_word(0, word) {
                self.at += 1;
                self.expect("(")?;
                let list = self.or()?.into();
                self.expect(")")?;
                return Ok(Expression::Quantified {
                    symbol,
                    left: left.into(),
                    list,
                    is_all,
                });
            }
        }
        Ok(Expression::Compare(symbol, left.into(), self.sum()?.into()))
    }

    fn range_or_list(&mut self, left: Expression) -> Parsed {
        if self.take_word("in") {
            self.expect("(")?;
            let list = Expression::List(self.list(")")?);
            return Ok(Expression::In(left.into(), list.into()));
        }
        if !self.take_word("between") {
            return Err(Unsupported("a NOT outside the common forms"));
        }
        let low = self.sum()?;
        if !self.take_word("and") {
            return Err(Unsupported("a BETWEEN without AND"));
        }
        let high = self.sum()?;
        let from = Expression::Compare(">=", left.clone().into(), low.into());
        let to = Expression::Compare("<=", left.into(), high.into());
        Ok(Expression::And(from.into(), to.into()))
    }

    fn sum(&mut self) -> Parsed {
        let mut left = self.product()?;
        while let Some(symbol) = self.one_of(&["+", "-", "||"]) {
            let right = self.product()?;
            left = match symbol {
                "||" => Expression::Concatenate(left.into(), right.into()),
                symbol => Expression::Arithmetic(symbol, left.into(), right.into()),
            };
        }
        Ok(left)
    }

    fn product(&mut self) -> Parsed {
        let mut left = self.cast()?;
        while self.take("*") {
            left = Expression::Arithmetic("*", left.into(), self.cast()?.into());
        }
        Ok(left)
    }

    fn cast(&mut self) -> Parsed {
        if self.take("-") {
            let zero = Expression::Literal(Value::Number(Decimal::of(0)));
            return Ok(Expression::Arithmetic(
                "-",
                zero.into(),
                self.cast()?.into(),
            ));
        }
        let mut inner = self.primary()?;
        while self.take("::") {
            inner = Expression::Cast(inner.into(), self.type_name()?);
        }
        Ok(inner)
    }

    fn primary(&mut self) -> Parsed {
        let token = self
            .peek()
            .cloned()
            .ok_or(Unsupported("an expression that ends early"))?;
        self.at += 1;
        match token {
            Token::Text(text) => Ok(Expression::Literal(Value::Text(text))),
            Token::Number(text) => Ok(Expression::Literal(Value::Number(Decimal::parse(&text)?))),
            Token::Symbol("(") => {
                let inner = self.or()?;
                if self.take(",") {
                    let mut all = vec![inner];
                    all.extend(self.list(")")?);
                    return Ok(Expression::List(all));
                }
                self.expect(")")?;
                Ok(inner)
            }
            Token::Quoted(name) if (self.is_text)(&name) => {
                Ok(Expression::Literal(Value::Text(name)))
            }
            Token::Quoted(name) => self.column(name),
            Token::Word(word) => self.word(word),
            Token::Symbol(_) => Err(Unsupported("an operator outside the common forms")),
        }
    }

    fn word(&mut self, word: String) -> Parsed {
        match word.as_str() {
            "null" => return Ok(Expression::Literal(Value::Null)),
            "true" => return Ok(Expression::Literal(Value::Bool(true))),
            "false" => return Ok(Expression::Literal(Value::Bool(false))),
            "array" if self.take("[") => return Ok(Expression::List(self.list("]")?)),
            "case" | "select" | "exists" | "current_date" | "current_timestamp" | "glob" => {
                return Err(Unsupported("CASE, a query, GLOB or the clock"));
            }
            "cast" if self.take("(") => {
                let inner = self.or()?;
                if !self.take_word("as") {
                    return Err(Unsupported("a CAST without AS"));
                }
                let to = self.type_name()?;
                self.expect(")")?;
                return Ok(Expression::Cast(inner.into(), to));
            }
            _ => {}
        }
        if !self.take("(") {
            return self.column(word);
        }
        let function = match word.as_str() {
            "length" | "char_length" | "character_length" => Function::Length,
            "lower" => Function::Lower,
            "upper" => Function::Upper,
            "trim" | "btrim" => Function::Trim,
            "coalesce" => Function::Coalesce,
            "abs" => Function::Abs,
            "cardinality" => Function::Cardinality,
            "array_length" => Function::ArrayLength,
            "isempty" => Function::IsEmpty,
            "lower_inf" => Function::IsLowerInfinite,
            "upper_inf" => Function::IsUpperInfinite,
            "lower_inc" => Function::HasLower,
            "upper_inc" => Function::HasUpper,
            _ => return Err(Unsupported("a function outside the common ones")),
        };
        let arguments = self.list(")")?;
        let first = Expression::Literal(Value::Number(Decimal::of(1)));
        let is_fitting = match function {
            Function::Coalesce => true,
            Function::ArrayLength => arguments.len() == 2 && arguments[1] == first,
            _ => arguments.len() == 1,
        };
        if !is_fitting {
            return Err(Unsupported("a function with more arguments than one"));
        }
        Ok(Expression::Call(function, arguments))
    }

    fn column(&mut self, name: String) -> Parsed {
        if self.peek() == Some(&Token::Symbol(".")) || self.is_word(0, "collate") {
            return Err(Unsupported("a qualified name or a collation"));
        }
        Ok(Expression::Column(name))
    }

    fn list(&mut self, end: &'static str) -> Result<Vec<Expression>, Unsupported> {
        let mut all = Vec::new();
        loop {
            all.push(self.or()?);
            if self.take(end) {
                return Ok(all);
            }
            self.expect(",")?;
        }
    }

    /// A type name after `::` or `AS`: words, a schema before a dot, an array's brackets. A length or
    /// precision would change values, so it is refused.
    fn type_name(&mut self) -> Result<CastTo, Unsupported> {
        let mut name = String::new();
        let mut is_quoted = false;
        match self.peek().cloned() {
            Some(Token::Word(word)) => name = word,
            Some(Token::Quoted(_)) => is_quoted = true,
            _ => return Err(Unsupported("a cast without a type")),
        }
        self.at += 1;
        while self.take(".") {
            self.at += 1;
            is_quoted = true;
        }
        for word in ["varying", "precision", "without", "with", "time", "zone"] {
            self.take_word(word);
        }
        if self.peek() == Some(&Token::Symbol("(")) {
            return Err(Unsupported("a cast with a length or precision"));
        }
        while self.take("[") {
            self.expect("]")?;
        }
        Ok(match name.as_str() {
            _ if is_quoted => CastTo::Other,
            "text" | "character" | "varchar" | "bpchar" | "char" | "name" => CastTo::Text,
            "smallint" | "integer" | "bigint" | "numeric" | "int" | "decimal" | "real"
            | "double" => CastTo::Number,
            "date" | "timestamp" => CastTo::Date,
            "boolean" | "bool" => CastTo::Bool,
            "money" => CastTo::Money,
            "interval" | "time" | "json" | "jsonb" | "bytea" => {
                return Err(Unsupported("a cast to a type that is not compared here"));
            }
            _ => CastTo::Other,
        })
    }
}
