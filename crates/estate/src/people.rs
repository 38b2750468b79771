//! Invents what identifies people: names, addresses, numbers. Everything looks real (no reserved
//! number ranges, no example domains), and what points at one person points at one only.
//!
//! Nothing is remembered: a person's number decides, through keyed permutations, so that any person
//! can be made again at any time and an estate of any size needs no more memory than these lists.

use unicode_normalization::UnicodeNormalization as _;

use crate::permutation::Permutation;
use crate::pools::{self, PlaceName};
use crate::rng::{Rng, fnv1a, mix};

/// A given and a family name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    /// How many people with the same name came before.
    lap: u64,
}

impl Name {
    pub(crate) fn full(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// Family name first.
    pub(crate) fn reversed(&self) -> String {
        format!("{}, {}", self.last, self.first)
    }

    /// `first.last`, with a number from the second of the same name on.
    pub(crate) fn login(&self) -> String {
        let number = match self.lap {
            0 => String::new(),
            lap => (lap + 1).to_string(),
        };
        format!("{}.{}{number}", slug(self.first), slug(self.last))
    }

    pub(crate) fn email(&self, domain: &str) -> String {
        format!("{}@{domain}", self.login())
    }

    /// A mailbox at a provider of the region.
    pub(crate) fn private_email(&self) -> String {
        const DOMAINS: [&str; 5] = [
            "cascademail.net",
            "pugetwave.com",
            "highdesertlink.net",
            "bitterrootmail.com",
            "snakeriver.net",
        ];
        let login = self.login();
        let mut rng = Rng::at(fnv1a(login.as_bytes()), "provider", 0);
        format!("{login}@{}", rng.pick(&DOMAINS))
    }
}

/// People that a family has names for: two adults and two children.
pub(crate) const FAMILY_SIZE: u64 = 4;

/// Gives out names and numbers, each only once.
#[derive(Clone, Debug)]
pub(crate) struct Registry {
    seed: u64,
    first_names: Vec<&'static str>,
    surnames: Vec<&'static str>,
    streets: Vec<&'static str>,
}

impl Registry {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            first_names: pools::first_names(),
            surnames: pools::surnames(),
            streets: pools::streets(),
        }
    }

    /// The name of a member of a family; all members have the same family name. Full names repeat
    /// only after 20,000 families.
    pub(crate) fn family_name(&self, family: usize, member: u64) -> Name {
        let (block, surname) = self.surname("family", wide(family));
        let place = block * FAMILY_SIZE + member;
        let for_families = self.first_names_of_families();
        self.name(surname, place % for_families, place / for_families)
    }

    /// A name that no family has.
    pub(crate) fn lone_name(&self, person: usize) -> Name {
        let (block, surname) = self.surname("lone", wide(person));
        let for_families = self.first_names_of_families();
        let rest = wide(self.first_names.len()) - for_families;
        self.name(surname, for_families + block % rest, block / rest)
    }

    /// Each family name once before any comes again: how often it came before, and which it is.
    fn surname(&self, whose: &str, number: u64) -> (u64, u64) {
        let count = wide(self.surnames.len());
        let (block, place) = (number / count, number % count);
        (block, self.permutation(whose, block, count).at(place))
    }

    fn first_names_of_families(&self) -> u64 {
        wide(self.first_names.len()) * 4 / 5
    }

    fn name(&self, surname: u64, place: u64, lap: u64) -> Name {
        let count = wide(self.first_names.len());
        let first = self.permutation("first name", surname, count).at(place);
        Name {
            first: self.first_names[index(first)],
            last: self.surnames[index(surname)],
            lap,
        }
    }

    /// A number of the area in one of the usual notations; never of the exchange 555 or of a
    /// service code. From the eight millionth person on with an extension.
    pub(crate) fn phone(&self, area: &str, person: usize) -> String {
        let exchanges: u64 = 791;
        let size = exchanges * 10_000;
        let number = wide(person);
        let found = self.permutation("phone", 0, size).at(number % size);
        let line = found % 10_000;
        let exchange = exchange(found / 10_000);
        let extension = match number / size {
            0 => String::new(),
            lap => format!(" x{lap}"),
        };
        match mix(found) % 4 {
            0 => format!("({area}) {exchange}-{line:04}{extension}"),
            1 => format!("{area}-{exchange}-{line:04}{extension}"),
            2 => format!("{area}.{exchange}.{line:04}{extension}"),
            _ => format!("+1 {area} {exchange} {line:04}{extension}"),
        }
    }

    /// A social security number of the issued ranges.
    pub(crate) fn national_id(&self, student: usize) -> String {
        let (areas, groups, serials) = (771, 99, 9_999);
        let permutation = self.permutation("national id", 0, areas * groups * serials);
        let found = permutation.at(wide(student) % (areas * groups * serials));
        let area = match found / (groups * serials) + 1 {
            area if area >= 666 => area + 1,
            area => area,
        };
        let group = found / serials % groups + 1;
        format!("{area:03}-{group:02}-{:04}", found % serials + 1)
    }

    /// House, street, place, state, zip. With a unit number where the houses run out.
    pub(crate) fn address(&self, place: &PlaceName, family: usize) -> String {
        const ENDINGS: [&str; 6] = ["Rd", "St", "Ave NE", "Ln", "Dr SW", "Ct"];
        let (streets, endings) = (wide(self.streets.len()), wide(ENDINGS.len()));
        let size = 19_799 * streets * endings;
        let number = wide(family);
        let found = self.permutation("address", 0, size).at(number % size);
        let house = found / (streets * endings) + 101;
        let street = self.streets[index(found / endings % streets)];
        let ending = ENDINGS[index(found % endings)];
        let unit = match number / size {
            0 => String::new(),
            lap => format!(" Unit {}", lap + 1),
        };
        let (name, state, zip) = (place.name, place.state, place.zip);
        format!("{house} {street} {ending}{unit}, {name}, {state} {zip}")
    }

    /// Ten digits, of which the last nine differ from those of every other student, so that the first
    /// may be replaced.
    pub(crate) fn student_number(&self, student: usize) -> String {
        let size = 1_000_000_000;
        let found = self.permutation("student number", 0, size);
        let found = found.at(wide(student) % size);
        format!("{}{found:09}", mix(found) % 9 + 1)
    }

    fn permutation(&self, purpose: &str, part: u64, size: u64) -> Permutation {
        let key = mix(self.seed ^ fnv1a(purpose.as_bytes())) ^ mix(part);
        Permutation::new(size, key)
    }
}

/// The exchanges from 200 on without 555 and the service codes 211, 311, …, 911.
fn exchange(number: u64) -> u64 {
    let mut exchange = 200 + number;
    for reserved in [211, 311, 411, 511, 555, 611, 711, 811, 911] {
        if exchange >= reserved {
            exchange += 1;
        }
    }
    exchange
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).expect("a usize fits u64")
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("an index of a list")
}

/// Lower-case ASCII letters of a name.
pub(crate) fn slug(name: &str) -> String {
    name.nfd()
        .flat_map(|c| match c {
            'ø' | 'Ø' => Some('o'),
            'ł' | 'Ł' => Some('l'),
            'đ' | 'Đ' => Some('d'),
            c if c.is_ascii_alphanumeric() => Some(c.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_name_lists_are_long_varied_and_fit_their_columns() {
        let (first, last) = (pools::first_names(), pools::surnames());
        assert!(first.len() >= 200 && last.len() >= 300);
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
        assert_eq!(last.iter().collect::<BTreeSet<_>>().len(), last.len());
        assert!(first.iter().all(|name| name.chars().count() <= 14));
        assert!(last.iter().all(|name| name.chars().count() <= 24));
        assert!(first.iter().chain(&last).all(|name| !slug(name).is_empty()));
    }

    #[test]
    fn mailboxes_keep_the_letters_of_names_with_accents() {
        assert_eq!(slug("Søren"), "soren");
        assert_eq!(slug("Zúñiga"), "zuniga");
        assert_eq!(slug("O'Brien"), "obrien");
        assert_eq!(slug("de la Cruz"), "delacruz");
    }

    #[test]
    fn numbers_look_issued_and_never_repeat() {
        let registry = Registry::new(1);
        let all = |make: &dyn Fn(usize) -> String| -> Vec<String> {
            let made: Vec<String> = (0..3000).map(make).collect();
            assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), made.len());
            made
        };
        let ids = all(&|number| registry.national_id(number));
        assert!(
            ids.iter()
                .all(|id| !["000", "666"].contains(&&id[..3]) && !id.starts_with('9'))
        );
        assert!(ids.iter().all(|id| &id[4..6] != "00" && &id[7..] != "0000"));
        let phones = all(&|number| registry.phone("425", number));
        let digits =
            |phone: &String| -> String { phone.chars().filter(char::is_ascii_digit).collect() };
        let exchange = |phone| {
            let digits = digits(phone);
            digits[digits.len() - 7..digits.len() - 4].to_owned()
        };
        assert!(phones.iter().all(|phone| exchange(phone) != "555"));
        assert!(phones.iter().all(|phone| !exchange(phone).ends_with("11")));
        let tails: BTreeSet<String> = phones.iter().map(digits).collect();
        assert_eq!(tails.len(), phones.len(), "not by notation only");
        all(&|number| registry.address(&pools::places()[0], number));
        all(&|number| registry.student_number(number)[1..].to_owned());
    }

    #[test]
    fn exchanges_end_where_numbers_do() {
        assert_eq!((exchange(0), exchange(790)), (200, 999));
        let all: BTreeSet<u64> = (0..791).map(exchange).collect();
        assert_eq!(all.len(), 791);
        assert!(all.iter().all(|one| one % 100 != 11 && *one != 555));
    }

    #[test]
    fn names_repeat_late_and_mailboxes_never() {
        let registry = Registry::new(1);
        let families = (0..60_000).flat_map(|family| {
            let registry = &registry;
            (0..FAMILY_SIZE).map(move |member| registry.family_name(family, member))
        });
        let lone = (0..60_000).map(|person| registry.lone_name(person));
        let (mut names, mut logins) = (BTreeSet::new(), BTreeSet::new());
        for (count, name) in families.chain(lone).enumerate() {
            assert!(logins.insert(name.login()), "{count}");
            if name.lap == 0 {
                assert!(names.insert(name.full()));
            }
        }
        assert!(names.len() > 100_000, "{}", names.len());
        let one = |member| registry.family_name(7, member).last;
        assert_eq!(one(0), one(3));
    }
}
