//! Looks at the names of all documents while V is collected, and decides which of them are structure. Plain
//! names are counted by the place that they stand at; all others are values from the start.

use std::collections::{BTreeMap, HashMap, HashSet};

use redistrict_model::{ColumnRef, Finding, Severity};

use super::decided::{Decided, may_be_structure, said};
use super::says_nothing;
use super::walk::{self, Object, Place, Step, Way, below, named, root};
use crate::engine::ColumnMask;
use crate::leak::{Builder, Digester, IntoValues, Likeness, Normal, data_name};
use crate::plan::{FEWEST_SHARERS, MOST_CODES};

/// Names of one place that are counted; a place with more has no vocabulary.
const MOST_NAMES: usize = 4096;
/// Places of a column that are told apart; what stands at others is data.
const MOST_PLACES: usize = 1 << 16;

/// The names seen so far.
pub(crate) struct Measure {
    digester: Digester,
    columns: BTreeMap<ColumnRef, Column>,
    /// Names that are data by their form, and their words.
    odd: HashSet<u64>,
}

struct Column {
    root: Place,
    said: HashSet<u64>,
    places: HashMap<Place, Seen>,
    odd: HashSet<u64>,
}

/// The names at a place, as long as nobody knows which of those on the way to it are data.
#[derive(Default)]
struct Seen {
    depth: usize,
    from: Option<Step>,
    vocabulary: Vocabulary,
    last_row: u64,
}

/// What is known of the names at a place.
#[derive(Default)]
pub(super) struct Vocabulary {
    /// Rows that have an object there.
    rows: u64,
    names: HashMap<u64, Name>,
    /// More names than are counted.
    is_over: bool,
}

#[derive(Clone)]
pub(super) struct Name {
    text: Box<str>,
    rows: u64,
    last_row: u64,
}

impl Measure {
    pub(crate) fn new(digester: Digester) -> Self {
        Self {
            digester,
            columns: BTreeMap::new(),
            odd: HashSet::new(),
        }
    }

    /// Looks at a document of a row. Names that are data by their form become members of V.
    pub(crate) fn add(&mut self, column: &ColumnMask, text: &str, row: u64, into: &mut Builder) {
        let digester = &self.digester;
        let name = &column.decision.column;
        let seen = self.columns.entry(name.clone()).or_insert_with(|| Column {
            root: root(digester, &name.to_string()),
            said: said(digester, column).into_iter().collect(),
            places: HashMap::new(),
            odd: HashSet::new(),
        });
        let mut way: Way<()> = Way::new();
        let mut odd: Vec<String> = Vec::new();
        walk::walk(column.scalar_type, text, &mut |spot, name| {
            let object = way.object(digester, seen.root, spot);
            let own = digester.exact(name.as_bytes());
            let at = named(digester, object.place, own);
            let is_told = seen.visit(object, row);
            object.last = None;
            if !says_nothing(name) {
                let is_counted = is_told
                    && may_be_structure(&seen.said, at, name)
                    && seen.count(object.place, row, own, name);
                if is_counted {
                    object.last = Some(own);
                } else {
                    odd.push(name.to_owned());
                }
            }
            None
        });
        into.begin_names();
        for name in odd {
            data_name(&name, &mut IntoValues { builder: into, row });
            let whole = digester.whole(&Normal::of(&name));
            seen.odd.insert(whole);
            self.odd.insert(whole);
            for word in name.split_whitespace() {
                self.odd.insert(digester.whole(&Normal::of(word)));
            }
        }
    }

    /// Which names are structure, and the columns whose values the others are; names that are data are
    /// members of V from now on. With a finding for each column that has such names. `is_personal`: the
    /// column's values say who somebody is.
    pub(crate) fn finish(
        self,
        into: &mut Builder,
        is_personal: impl Fn(&ColumnRef) -> bool,
    ) -> (Decided, Vec<Finding>) {
        let (mut decided, mut findings) = (Decided::default(), Vec::new());
        let mut known = self.odd;
        let personal = into.columns_that(is_personal);
        let mut data: Vec<Name> = Vec::new();
        for (column, seen) in self.columns {
            let odd = seen.odd.len();
            let names = seen.decide(&self.digester, &mut decided, |name| {
                Likeness::of(name, into, &personal)
            });
            let count = (odd + names.len()) as u64;
            if count > 0 {
                findings.push(finding(&column, count));
            }
            data.extend(names);
        }
        into.begin_names();
        for name in data {
            let normal = Normal::of(&name.text);
            known.insert(self.digester.whole(&normal));
            into.add_low(&normal, name.last_row);
        }
        let columns = into.columns();
        let of_column = |digest| {
            let (_, number) = into.known(digest)?;
            Some((digest, columns.get(&number)?.clone()))
        };
        decided.known = known.into_iter().filter_map(of_column).collect();
        (decided, findings)
    }
}

fn finding(column: &ColumnRef, count: u64) -> Finding {
    Finding {
        severity: Severity::Info,
        ..Finding::warning(
            "member-names",
            column.to_string(),
            "names of members are values here (they vary from row to row, equal values that are masked, or \
             have no form of a name), and are masked like values",
            count,
        )
    }
}

impl Column {
    /// Counts an object of a row; false if its place is not told from others any more.
    fn visit(&mut self, object: &Object<()>, row: u64) -> bool {
        if self.places.len() >= MOST_PLACES && !self.places.contains_key(&object.place) {
            return false;
        }
        let seen = self.places.entry(object.place).or_insert_with(|| Seen {
            depth: object.depth,
            from: object.from,
            ..Seen::default()
        });
        if seen.last_row != row {
            seen.last_row = row;
            seen.vocabulary.rows += 1;
        }
        true
    }

    /// Counts a name at a place; false where names are not counted any more.
    fn count(&mut self, place: Place, row: u64, own: u64, name: &str) -> bool {
        let Some(seen) = self.places.get_mut(&place) else {
            return false;
        };
        let vocabulary = &mut seen.vocabulary;
        if vocabulary.names.len() >= MOST_NAMES && !vocabulary.names.contains_key(&own) {
            vocabulary.is_over = true;
            return false;
        }
        let counted = vocabulary.names.entry(own).or_insert_with(|| Name {
            text: name.into(),
            rows: 0,
            last_row: 0,
        });
        if counted.last_row != row {
            (counted.last_row, counted.rows) = (row, counted.rows + 1);
        }
        true
    }

    /// Decides place by place, from the outermost on: below names that are data all places are one. Gives the
    /// counted names that are data.
    fn decide(
        self,
        digester: &Digester,
        decided: &mut Decided,
        likeness: impl Fn(&str) -> Likeness,
    ) -> Vec<Name> {
        let mut by_depth: BTreeMap<usize, Vec<(Place, Seen)>> = BTreeMap::new();
        for (place, seen) in self.places {
            by_depth.entry(seen.depth).or_default().push((place, seen));
        }
        let mut finals: HashMap<Place, Place> = HashMap::new();
        let mut data = Vec::new();
        for (depth, places) in by_depth {
            let mut groups: BTreeMap<Place, Vocabulary> = BTreeMap::new();
            for (place, seen) in places {
                let own = match seen.from {
                    None => place,
                    Some((around, name)) => {
                        let around = finals.get(&around).copied().unwrap_or(around);
                        let is_kept = |name: &u64| {
                            let at = named(digester, around, *name);
                            decided.structure.contains(&at) || self.said.contains(&at)
                        };
                        below(digester, around, depth - 1, name.filter(is_kept))
                    }
                };
                finals.insert(place, own);
                groups.entry(own).or_default().merge(seen.vocabulary);
            }
            for (place, vocabulary) in groups {
                let (structure, others) = vocabulary.split(&likeness);
                let at = |own: u64| named(digester, place, own);
                decided.structure.extend(structure.into_iter().map(at));
                let others = others.into_iter();
                let others = others.filter(|(own, _)| !self.said.contains(&at(*own)));
                data.extend(others.map(|(_, name)| name));
            }
        }
        data
    }
}

impl Vocabulary {
    fn merge(&mut self, other: Self) {
        self.rows += other.rows;
        self.is_over |= other.is_over;
        for (own, name) in other.names {
            match self.names.get_mut(&own) {
                Some(known) => known.rows += name.rows,
                None => {
                    self.names.insert(own, name);
                }
            }
        }
    }

    /// The names vary from row to row: most of them stand in one row only, or there are more of them than
    /// codes may be and each, on average, is shared by fewer rows than codes are.
    fn varies(&self) -> bool {
        let names = self.names.len() as u64;
        let members: u64 = self.names.values().map(|name| name.rows).sum();
        let single = self.names.values().filter(|name| name.rows == 1).count() as u64;
        let is_open = self.rows >= 2 && single * 2 > members;
        let is_wide = self.names.len() > MOST_CODES && members < names * FEWEST_SHARERS;
        self.is_over || is_open || is_wide
    }

    /// The names that are structure, and those that are data.
    fn split(self, likeness: impl Fn(&str) -> Likeness) -> (Vec<u64>, Vec<(u64, Name)>) {
        let (varies, rows) = (self.varies(), self.rows);
        let names: Vec<(u64, Name, Likeness)> = self
            .names
            .into_iter()
            .map(|(own, name)| {
                let like = likeness(&name.text);
                (own, name, like)
            })
            .collect();
        let persons = names.iter().filter(|(_, _, like)| like.is_of_persons());
        let is_roster = persons.count() * 2 >= names.len();
        let (mut structure, mut data) = (Vec::new(), Vec::new());
        for (own, name, like) in names {
            let is_common = name.rows >= FEWEST_SHARERS && name.rows * 2 >= rows;
            let is_vocabulary = !varies && !is_roster;
            let is_kept = match like {
                Likeness::Nothing => is_common || is_vocabulary,
                Likeness::Word { .. } => is_common && is_vocabulary,
                Likeness::Somebody => false,
            };
            if is_kept {
                structure.push(own);
            } else {
                data.push((own, name));
            }
        }
        (structure, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names with the number of rows that have them; those with a capital are values of V.
    fn kept(rows: u64, names: &[(&str, u64)]) -> Vec<String> {
        let mut vocabulary = Vocabulary {
            rows,
            ..Vocabulary::default()
        };
        let texts: Vec<String> = names.iter().map(|(text, _)| (*text).to_owned()).collect();
        for (own, (text, rows)) in (0..).zip(names) {
            let name = Name {
                text: (*text).into(),
                rows: *rows,
                last_row: 0,
            };
            vocabulary.names.insert(own, name);
        }
        let (structure, _) = vocabulary.split(|text| match text.chars().next() {
            Some('!') => Likeness::Somebody,
            Some('P') => Likeness::Word { is_personal: true },
            Some('W') => Likeness::Word { is_personal: false },
            _ => Likeness::Nothing,
        });
        let mut kept: Vec<String> = (structure.into_iter())
            .map(|own| texts[usize::try_from(own).unwrap()].clone())
            .collect();
        kept.sort();
        kept
    }

    #[test]
    fn names_that_rows_share_are_structure_and_names_that_vary_are_data() {
        assert_eq!(kept(1, &[("a", 1), ("b", 1)]), ["a", "b"]);
        assert_eq!(kept(3, &[("a", 3), ("b", 2), ("c", 1)]), ["a", "b", "c"]);
        assert!(kept(2, &[("a", 1), ("b", 1), ("c", 1)]).is_empty());
        assert!(kept(9, &[("a", 2), ("b", 1), ("c", 1), ("d", 1)]).is_empty());
    }

    #[test]
    fn many_names_that_few_rows_share_are_data() {
        let texts: Vec<String> = (0..65).map(|n| format!("n{n}")).collect();
        let names =
            |rows| -> Vec<(&str, u64)> { texts.iter().map(|t| (t.as_str(), rows)).collect() };
        assert!(kept(200, &names(10)).is_empty());
        assert_eq!(kept(200, &names(11)).len(), 65);
        assert_eq!(kept(200, &names(10)[..64]).len(), 64);
    }

    #[test]
    fn a_name_that_is_a_value_is_structure_only_as_a_word_that_most_rows_have() {
        let others = [("a", 20), ("b", 20), ("c", 20)];
        let with = |name, rows| kept(20, &[&others[..], &[(name, rows)]].concat());
        assert_eq!(with("Word", 20), ["Word", "a", "b", "c"]);
        assert_eq!(with("Price", 11), ["Price", "a", "b", "c"]);
        assert_eq!(with("Price", 10), ["a", "b", "c"]);
        assert_eq!(with("!anna_smith", 20), ["a", "b", "c"]);
        let few = kept(10, &[("a", 10), ("b", 10), ("c", 10), ("Word", 10)]);
        assert_eq!(few, ["a", "b", "c"]);
    }

    #[test]
    fn where_half_of_the_names_are_persons_only_words_that_most_rows_have_are_structure() {
        let roster = [("Pa", 200), ("Pb", 200), ("total", 200), ("rare", 99)];
        assert_eq!(kept(200, &roster), ["total"]);
        let words = kept(200, &[("Wa", 200), ("Wb", 200), ("total", 200)]);
        assert_eq!(words, ["Wa", "Wb", "total"]);
    }
}
