//! Invents what identifies people: names, addresses, numbers. Everything looks real (no reserved
//! number ranges, no example domains), and what points at one person points at one only.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use crate::pools::{self, PlaceName};
use crate::rng::Rng;

/// A given and a family name.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
}

impl Name {
    pub(crate) fn full(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// Family name first.
    pub(crate) fn reversed(&self) -> String {
        format!("{}, {}", self.last, self.first)
    }
}

/// Gives out names and numbers, each only once.
#[derive(Debug)]
pub(crate) struct Registry {
    rng: Rng,
    first_names: Vec<&'static str>,
    surnames: Vec<&'static str>,
    streets: Vec<&'static str>,
    names: BTreeSet<(&'static str, &'static str)>,
    emails: BTreeMap<String, u32>,
    numbers: BTreeSet<String>,
}

/// After so many tries a full name may repeat: 113,364 combinations are fewer than large estates
/// have people.
const NAME_TRIES: u32 = 40;

impl Registry {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed, "people"),
            first_names: pools::first_names(),
            surnames: pools::surnames(),
            streets: pools::streets(),
            names: BTreeSet::new(),
            emails: BTreeMap::new(),
            numbers: BTreeSet::new(),
        }
    }

    pub(crate) fn surname(&mut self) -> &'static str {
        self.rng.pick(&self.surnames)
    }

    /// A name that nobody has yet, with the family name if one is given.
    pub(crate) fn name(&mut self, last: Option<&'static str>) -> Name {
        for _ in 0..NAME_TRIES {
            let name = self.draw_name(last);
            if self.names.insert((name.first, name.last)) {
                return name;
            }
        }
        self.draw_name(last)
    }

    fn draw_name(&mut self, last: Option<&'static str>) -> Name {
        let first = self.rng.pick(&self.first_names);
        let last = last.unwrap_or_else(|| self.rng.pick(&self.surnames));
        Name { first, last }
    }

    /// `first.last@domain`, with a number from the second of the same name on.
    pub(crate) fn email(&mut self, name: &Name, domain: &str) -> String {
        let local = format!("{}.{}", slug(name.first), slug(name.last));
        let count = self.emails.entry(format!("{local}@{domain}")).or_insert(0);
        *count += 1;
        match *count {
            1 => format!("{local}@{domain}"),
            n => format!("{local}{n}@{domain}"),
        }
    }

    /// A mailbox at a provider of the region.
    pub(crate) fn private_email(&mut self, name: &Name) -> String {
        const DOMAINS: [&str; 5] = [
            "cascademail.net",
            "pugetwave.com",
            "highdesertlink.net",
            "bitterrootmail.com",
            "snakeriver.net",
        ];
        let domain = self.rng.pick(&DOMAINS);
        self.email(name, domain)
    }

    /// A number of the area in one of the usual notations; never of the exchange 555 or of a
    /// service code.
    pub(crate) fn phone(&mut self, area: &str) -> String {
        loop {
            let exchange = self.rng.between(200, 999);
            let line = self.rng.between(0, 9999);
            let digits = format!("{area}{exchange}{line:04}");
            if exchange == 555 || exchange % 100 == 11 || !self.numbers.insert(digits) {
                continue;
            }
            return match self.rng.below(4) {
                0 => format!("({area}) {exchange}-{line:04}"),
                1 => format!("{area}-{exchange}-{line:04}"),
                2 => format!("{area}.{exchange}.{line:04}"),
                _ => format!("+1 {area} {exchange} {line:04}"),
            };
        }
    }

    /// A social security number of the issued ranges.
    pub(crate) fn national_id(&mut self) -> String {
        loop {
            let area = self.rng.between(1, 772);
            let group = self.rng.between(1, 99);
            let serial = self.rng.between(1, 9999);
            let text = format!("{area:03}-{group:02}-{serial:04}");
            if area != 666 && self.numbers.insert(text.clone()) {
                return text;
            }
        }
    }

    /// House, street, place, state, zip. Falls back on a unit number where the houses run out.
    pub(crate) fn address(&mut self, place: &PlaceName) -> String {
        const ENDINGS: [&str; 6] = ["Rd", "St", "Ave NE", "Ln", "Dr SW", "Ct"];
        let mut unit = String::new();
        loop {
            let house = self.rng.between(101, 19_899);
            let street = self.rng.pick(&self.streets);
            let ending = self.rng.pick(&ENDINGS);
            let text = format!(
                "{house} {street} {ending}{unit}, {}, {} {}",
                place.name, place.state, place.zip
            );
            if self.numbers.insert(text.clone()) {
                return text;
            }
            unit = format!(" Unit {}", self.rng.between(2, 400));
        }
    }

    /// Ten digits.
    pub(crate) fn student_number(&mut self) -> String {
        loop {
            let text = self.rng.between(1_000_000_000, 9_999_999_999).to_string();
            // The last nine digits are unique too, so that the first may be replaced.
            if self.numbers.insert(format!("#{}", &text[1..])) {
                return text;
            }
        }
    }
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
        let mut registry = Registry::new(1);
        let ids: Vec<String> = (0..3000).map(|_| registry.national_id()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert!(
            ids.iter()
                .all(|id| !["000", "666"].contains(&&id[..3]) && !id.starts_with('9'))
        );
        assert!(ids.iter().all(|id| &id[4..6] != "00" && &id[7..] != "0000"));
        let phones: Vec<String> = (0..3000).map(|_| registry.phone("425")).collect();
        let exchange = |phone: &String| {
            let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
            digits[digits.len() - 7..digits.len() - 4].to_owned()
        };
        assert!(phones.iter().all(|phone| exchange(phone) != "555"));
    }
}
