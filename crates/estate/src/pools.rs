//! The lists that values are drawn from. Data only; the order of the lists is part of the seed.

const FIRST_NAMES: &str = include_str!("../data/first_names.txt");
const SURNAMES: &str = include_str!("../data/surnames.txt");
const STREETS: &str = include_str!("../data/streets.txt");
const PLACES: &str = include_str!("../data/places.txt");

/// Given names from many languages, each at most 14 characters.
pub(crate) fn first_names() -> Vec<&'static str> {
    FIRST_NAMES.lines().collect()
}

/// Family names from many languages, each at most 24 characters.
pub(crate) fn surnames() -> Vec<&'static str> {
    SURNAMES.lines().collect()
}

pub(crate) fn streets() -> Vec<&'static str> {
    STREETS.lines().collect()
}

/// A place that a district is named after.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaceName {
    pub(crate) name: &'static str,
    pub(crate) state: &'static str,
    pub(crate) zip: &'static str,
    pub(crate) area_code: &'static str,
}

pub(crate) fn places() -> Vec<PlaceName> {
    PLACES
        .lines()
        .filter_map(|line| {
            let mut parts = line.split('|');
            Some(PlaceName {
                name: parts.next()?,
                state: parts.next()?,
                zip: parts.next()?,
                area_code: parts.next()?,
            })
        })
        .collect()
}

/// Code and name of the states; the last ones have no district.
pub(crate) const STATES: [(&str, &str); 9] = [
    ("AZ", "Arizona"),
    ("ID", "Idaho"),
    ("MT", "Montana"),
    ("NV", "Nevada"),
    ("OR", "Oregon"),
    ("WA", "Washington"),
    ("WY", "Wyoming"),
    ("HI", "Hawaii"),
    ("AK", "Alaska"),
];

/// Code, title and credits in quarters of the subjects that courses are given in.
pub(crate) const SUBJECTS: [(&str, &str, u8); 18] = [
    ("ELA", "English Language Arts", 4),
    ("MATH", "Mathematics", 4),
    ("ALG", "Algebra", 4),
    ("GEOM", "Geometry", 4),
    ("BIO", "Biology", 4),
    ("CHEM", "Chemistry", 4),
    ("PHYS", "Physics", 4),
    ("USHIST", "United States History", 4),
    ("CIVICS", "Civics", 2),
    ("GEOG", "Geography", 2),
    ("SPAN", "Spanish", 4),
    ("MAND", "Mandarin", 4),
    ("ART", "Visual Arts", 2),
    ("MUSIC", "Music", 2),
    ("PE", "Physical Education", 1),
    ("HEALTH", "Health", 1),
    ("CS", "Computer Science", 3),
    ("READ", "Reading Workshop", 2),
];

/// Subjects of the catalogue that nobody teaches.
pub(crate) const UNUSED_SUBJECTS: [(&str, &str, u8); 6] = [
    ("LATIN", "Latin", 4),
    ("ASTRO", "Astronomy", 2),
    ("WELD", "Welding", 2),
    ("AVIAT", "Aviation", 2),
    ("MARINE", "Marine Biology", 3),
    ("DEBATE", "Debate", 1),
];

pub(crate) const CONTENT_TOPICS: [&str; 12] = [
    "Fractions",
    "Water Cycle",
    "Paragraph Writing",
    "Ecosystems",
    "Map Skills",
    "Linear Equations",
    "Poetry",
    "Energy Transfer",
    "Constitution",
    "Ratios",
    "Cells",
    "Narrative Voice",
];
