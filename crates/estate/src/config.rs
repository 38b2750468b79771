//! The `redistrict.toml` for an estate: what a user would write by hand, and no more. Decisions that
//! the product must infer are not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::error::EstateError;
use crate::estate::Estate;
use crate::schema::{
    EstateKind, GUARDIANS, LINKS, Link, STATES, Side, StoreId, StoreKinds, TableSpec,
};

/// Where a store's URL is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlPlace {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file (mode 0600) that holds the URL.
    File(String),
    /// A program and its arguments that print the URL.
    Command(Vec<String>),
}

/// A side of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreSide {
    Prod,
    Cert,
}

impl StoreSide {
    /// In lower case, as parts of names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Cert => "cert",
        }
    }
}

/// Where the URLs of all stores and both sides are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLocations(BTreeMap<(StoreId, StoreSide), UrlPlace>);

impl StoreLocations {
    /// What `place` says for each store and side, in the order of [`StoreId::ALL`], PROD first.
    ///
    /// # Errors
    /// The first of `place`.
    pub fn of_each<E>(
        mut place: impl FnMut(StoreId, StoreSide) -> Result<UrlPlace, E>,
    ) -> Result<Self, E> {
        let mut places = BTreeMap::new();
        for store in StoreId::ALL {
            for side in [StoreSide::Prod, StoreSide::Cert] {
                places.insert((store, side), place(store, side)?);
            }
        }
        Ok(Self(places))
    }

    /// `IDS_PROD_URL`, `IDS_CERT_URL`, `HCP1_PROD_URL` and so on.
    #[must_use]
    pub fn environment() -> Self {
        let name = |store: StoreId, side: StoreSide| {
            let name = format!("{}_{}_url", store.as_str(), side.as_str());
            Ok::<_, std::convert::Infallible>(UrlPlace::Env(name.to_uppercase()))
        };
        match Self::of_each(name) {
            Ok(locations) => locations,
            Err(never) => match never {},
        }
    }

    /// The place of a store's URL.
    #[must_use]
    pub fn of(&self, store: StoreId, side: StoreSide) -> &UrlPlace {
        &self.0[&(store, side)]
    }
}

/// Writes a URL into a new file that only its owner may read, for [`UrlPlace::File`].
///
/// # Errors
/// When the file is there already or cannot be written.
pub fn write_url_file(path: &Path, url: &str) -> Result<(), EstateError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| writeln!(file, "{url}"))
        .map_err(|source| EstateError::File {
            operation: "write",
            path: path.to_owned(),
            source,
        })
}

/// The configuration of an estate.
///
/// Besides tenant, stores and links it holds only what nobody can infer: that the district's name is
/// public, that the names in lists are no persons', that guardians are persons where they are too few to
/// measure, and what happens at the boundary of transfers where there are any.
#[must_use]
pub fn config_toml(estate: &Estate, kinds: &StoreKinds, locations: &StoreLocations) -> String {
    let mut text =
        String::from("[tenant]\nroot = \"ids.districts\"\nkey = \"id\"\nname = \"name\"\n");
    for store in StoreId::ALL {
        let lines = [
            format!("\n[store.{}]", store.as_str()),
            format!("kind = \"{}\"", kinds.of(store).as_str()),
            format!("source = {}", place(locations.of(store, StoreSide::Prod))),
            format!("target = {}\n", place(locations.of(store, StoreSide::Cert))),
        ];
        text.push_str(&lines.join("\n"));
    }
    let links = LINKS.iter().filter(|link| !link.is_declared_in(kinds));
    text.extend(links.map(|link| link_toml(link, kinds)));
    text.push_str(PUBLIC);
    for (table, reason) in CONFIRMED {
        let name = table.name_in(kinds.of(table.store));
        let lines = [
            String::new(),
            format!("[table.{}]", quoted(&name)),
            format!("confirmed = {}\n", quoted(reason)),
        ];
        text.push_str(&lines.join("\n"));
    }
    if kinds.of(StoreId::Sp) != EstateKind::Neo4j {
        text.push_str(ENDS);
    }
    if !measures_as_shared(estate, &GUARDIANS) {
        text.push_str(SHARED);
    }
    if estate.options.with_transfers {
        text.push_str(TRANSFERS);
    }
    text
}

fn link_toml(link: &Link, kinds: &StoreKinds) -> String {
    let name = |side: &Side| quoted(&side.name_in(kinds.of(side.table.store)));
    let mut lines = vec![
        "\n[[link]]".to_owned(),
        format!("from = {}", name(&link.from)),
        format!("to = {}", name(&link.to)),
    ];
    if let Some((column, text)) = link.when {
        lines.push(format!("when = {{ {column} = [{}] }}", quoted(text)));
    }
    if link.owns {
        lines.push("owns = true".to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}

const PUBLIC: &str = r#"
[column."ids.districts.name"]
mask = "keep"
public = true
reason = "the name of an organisation, not of a person"
"#;

/// Lists with names, and whose they are.
static CONFIRMED: [(&TableSpec, &str); 1] = [(&STATES, "names of states, not of people")];

/// What a graph has as labels: what the links depend on, which is about no person.
const ENDS: &str = r#"
[column."sp.part_of.start_label"]
mask = "keep"
public = true
reason = "the kind of thing that the row refers to"

[column."sp.part_of.end_label"]
mask = "keep"
public = true
reason = "the kind of thing that the row refers to"
"#;

const SHARED: &str = r#"
[table."ids.guardians"]
shared = true # people; too few of them to tell by measuring
"#;

const TRANSFERS: &str = r#"
[table."ids.transfers"]
owner = ["(from_district_id)"]
boundary = { "(to_district_id)" = "stub" }
"#;

/// The bar of docs/design/closure.md §4.3, computed from the answer key.
fn measures_as_shared(estate: &Estate, table: &TableSpec) -> bool {
    let name = table.full_name();
    let answers = || {
        let districts = estate.answer_key.districts.values();
        districts.filter_map(|district| district.tables.get(&name))
    };
    let used: BTreeSet<_> = answers().flat_map(|answer| &answer.shared).collect();
    let uses: usize = answers().map(|answer| answer.shared.len()).sum();
    let rows = estate.row_counts()[&name];
    rows >= 10 && uses * 10 <= used.len() * 11 && used.len() * 10 >= rows * 9
}

fn place(place: &UrlPlace) -> String {
    match place {
        UrlPlace::Env(name) => format!("{{ env = {} }}", quoted(name)),
        UrlPlace::File(path) => format!("{{ file = {} }}", quoted(path)),
        UrlPlace::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("{{ command = [{}] }}", words.join(", "))
        }
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => quoted.extend(format!("\\u{:04X}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EstateOptions;

    fn config(
        options: EstateOptions,
        kinds: StoreKinds,
        locations: &StoreLocations,
    ) -> toml::Table {
        let estate = Estate::generate(options);
        config_toml(&estate, &kinds, locations).parse().unwrap()
    }

    fn of_default(kinds: StoreKinds) -> toml::Table {
        config(
            EstateOptions::default(),
            kinds,
            &StoreLocations::environment(),
        )
    }

    #[test]
    fn the_configuration_of_the_default_estate_leaves_guardians_to_measurement() {
        let config = of_default(StoreKinds::sqlite());
        assert_eq!(config["tenant"]["root"].as_str(), Some("ids.districts"));
        let source = &config["store"]["hcp1"]["source"];
        assert_eq!(source["env"].as_str(), Some("HCP1_PROD_URL"));
        let tables = config["table"].as_table().unwrap();
        assert!(!tables.contains_key("ids.guardians"));
        assert_eq!(config["link"].as_array().unwrap().len(), LINKS.len());
    }

    #[test]
    fn a_graph_has_names_of_its_own_and_declares_its_ends() {
        let config = of_default(StoreKinds::postgres_and_graph());
        assert_eq!(config["store"]["sp"]["kind"].as_str(), Some("neo4j"));
        let links = config["link"].as_array().unwrap();
        assert_eq!(links.len(), LINKS.len() - 4);
        let from = |text: &str| links.iter().any(|link| link["from"].as_str() == Some(text));
        assert!(from("sp.node.Person(student_id)") && from("hcp2.licences(district_id)"));
        assert!(links.iter().any(|link| link.get("when").is_some()));
    }

    #[test]
    fn kinds_may_be_mixed() {
        let kinds = StoreKinds::sqlite().with(StoreId::Adb, EstateKind::Postgres);
        let config = of_default(kinds);
        assert_eq!(config["store"]["adb"]["kind"].as_str(), Some("postgres"));
        assert_eq!(config["store"]["sp"]["kind"].as_str(), Some("sqlite"));
    }

    #[test]
    fn small_estates_and_transfers_get_the_lines_they_need() {
        let options = EstateOptions {
            students_per_district: 2,
            with_transfers: true,
            ..EstateOptions::default()
        };
        let config = config(
            options,
            StoreKinds::sqlite(),
            &StoreLocations::environment(),
        );
        assert_eq!(
            config["table"]["ids.guardians"]["shared"].as_bool(),
            Some(true)
        );
        let boundary = &config["table"]["ids.transfers"]["boundary"];
        assert_eq!(boundary["(to_district_id)"].as_str(), Some("stub"));
    }

    #[test]
    fn any_path_survives_quoting() {
        let odd = "/tmp/a \"b\"\\c\u{7f}/ü.url";
        let locations = StoreLocations::of_each(|store, side| {
            Ok::<_, ()>(match (store, side) {
                (StoreId::Ids, StoreSide::Prod) => UrlPlace::File(odd.to_owned()),
                _ => UrlPlace::Command(vec!["print".to_owned(), odd.to_owned()]),
            })
        });
        let config = config(
            EstateOptions::default(),
            StoreKinds::sqlite(),
            &locations.unwrap(),
        );
        let store = &config["store"]["ids"];
        assert_eq!(store["source"]["file"].as_str(), Some(odd));
        assert_eq!(store["target"]["command"][1].as_str(), Some(odd));
    }
}
