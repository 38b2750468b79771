//! Ranges and multiranges as PostgreSQL writes them: `[1,5)`, `empty`, `(,"2011-03-05 10:00:00"]`,
//! `{[1,2),[4,)}`. The grammar is that of the manual, "Range Input and Output". Pure text.

use super::quoted::{push_value, take_value};

/// A range or a multirange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ranges {
    is_multi: bool,
    pub(crate) ranges: Vec<OneRange>,
}

/// One range; a bound that is not there is infinite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OneRange {
    Empty,
    Between {
        open: char,
        low: Option<String>,
        high: Option<String>,
        close: char,
    },
}

impl Ranges {
    /// Reads the text; none if it is no range.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some(inside) = text.strip_prefix('{') else {
            let (range, rest) = one(text)?;
            let ranges = vec![range];
            return rest.is_empty().then_some(Self {
                is_multi: false,
                ranges,
            });
        };
        let mut ranges = Vec::new();
        let mut rest = inside;
        while rest != "}" {
            let (range, after) = one(rest)?;
            ranges.push(range);
            rest = match after.strip_prefix(',') {
                Some(next) if next != "}" => next,
                None if after == "}" => after,
                _ => return None,
            };
        }
        Some(Self {
            is_multi: true,
            ranges,
        })
    }

    /// Its bounds that are there, from left to right.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = &str> {
        self.ranges.iter().flat_map(|range| match range {
            OneRange::Empty => [None, None].into_iter().flatten(),
            OneRange::Between { low, high, .. } => {
                [low.as_deref(), high.as_deref()].into_iter().flatten()
            }
        })
    }

    /// The same with other bounds, in the order of [`Ranges::bounds`].
    pub(crate) fn with_bounds(&self, bounds: impl IntoIterator<Item = String>) -> Self {
        let mut bounds = bounds.into_iter();
        let mut next = |own: &Option<String>| own.as_ref().and_then(|_| bounds.next());
        let ranges = self.ranges.iter().map(|range| match range {
            OneRange::Empty => OneRange::Empty,
            OneRange::Between {
                open,
                low,
                high,
                close,
            } => OneRange::Between {
                open: *open,
                low: next(low),
                high: next(high),
                close: *close,
            },
        });
        Self {
            is_multi: self.is_multi,
            ranges: ranges.collect(),
        }
    }

    /// Of the same kind, with nothing in it.
    pub(crate) fn nothing(&self) -> Self {
        let ranges = if self.is_multi {
            Vec::new()
        } else {
            vec![OneRange::Empty]
        };
        Self {
            is_multi: self.is_multi,
            ranges,
        }
    }

    /// As the server prints it.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (place, range) in self.ranges.iter().enumerate() {
            if place > 0 {
                out.push(',');
            }
            push_range(&mut out, range);
        }
        if self.is_multi {
            out = format!("{{{out}}}");
        }
        out
    }
}

const SPECIAL: [char; 5] = ['(', ')', '[', ']', ','];

fn one(text: &str) -> Option<(OneRange, &str)> {
    if let Some(rest) = text.strip_prefix("empty") {
        return Some((OneRange::Empty, rest));
    }
    let open = text.chars().next().filter(|c| matches!(c, '[' | '('))?;
    let (low, rest) = take_value(&text[1..], &[','])?;
    let (high, rest) = take_value(rest.strip_prefix(',')?, &[']', ')'])?;
    let close = rest.chars().next()?;
    let range = OneRange::Between {
        open,
        low,
        high,
        close,
    };
    Some((range, &rest[1..]))
}

fn push_range(out: &mut String, range: &OneRange) {
    let OneRange::Between {
        open,
        low,
        high,
        close,
    } = range
    else {
        out.push_str("empty");
        return;
    };
    let push = |out: &mut String, bound: &Option<String>| {
        if let Some(bound) = bound {
            push_value(out, bound, &SPECIAL);
        }
    };
    out.push(*open);
    push(out, low);
    out.push(',');
    push(out, high);
    out.push(*close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_the_server_come_back_as_they_were() {
        for text in [
            "empty",
            "(,)",
            "[1,5)",
            "(,5]",
            "[2011-03-05,)",
            r#"["2011-03-05 10:00:00+00","2011-03-06 10:00:00+00")"#,
            r#"["a""b","c\\d"]"#,
            r#"["",x)"#,
            "{}",
            "{[1,2),[4,)}",
        ] {
            let read = Ranges::parse(text).unwrap();
            assert_eq!(read.text(), text);
            let bounds: Vec<String> = read.bounds().map(str::to_owned).collect();
            assert_eq!(read.with_bounds(bounds), read);
        }
        let bounds = Ranges::parse(r#"{["a""b",c),(d,)}"#).unwrap();
        assert_eq!(bounds.bounds().collect::<Vec<_>>(), ["a\"b", "c", "d"]);
    }

    #[test]
    fn other_texts_are_no_ranges() {
        for text in [
            "", "[", "[1", "[1,", "[1,2", "[1,2)x", "{[1,2)", "{,}", "1,2", "{[1,2),}",
        ] {
            assert_eq!(Ranges::parse(text), None, "{text}");
        }
    }
}
