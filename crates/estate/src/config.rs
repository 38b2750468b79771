//! The `redistrict.toml` for an estate: what a user would write by hand, and no more. Decisions that
//! the product must infer are not in it.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::error::EstateError;
use crate::estate::Estate;
use crate::schema::{EstateKind, GUARDIANS, StoreId, TableSpec};

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

/// Where the URLs of both stores and both sides are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLocations {
    pub ids_source: UrlPlace,
    pub ids_target: UrlPlace,
    pub hcp1_source: UrlPlace,
    pub hcp1_target: UrlPlace,
}

impl StoreLocations {
    /// `IDS_PROD_URL`, `IDS_CERT_URL`, `HCP1_PROD_URL`, `HCP1_CERT_URL`.
    #[must_use]
    pub fn environment() -> Self {
        let env = |name: &str| UrlPlace::Env(name.to_owned());
        Self {
            ids_source: env("IDS_PROD_URL"),
            ids_target: env("IDS_CERT_URL"),
            hcp1_source: env("HCP1_PROD_URL"),
            hcp1_target: env("HCP1_CERT_URL"),
        }
    }

    fn of(&self, store: StoreId) -> (&UrlPlace, &UrlPlace) {
        match store {
            StoreId::Ids => (&self.ids_source, &self.ids_target),
            StoreId::Hcp1 => (&self.hcp1_source, &self.hcp1_target),
        }
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
/// Besides tenant, stores and the one link it holds only what nobody can infer: that the district's
/// name is public, that the states'
/// names are no persons', that guardians are persons where they are too few to measure, and what
/// happens at the boundary of transfers where there are any.
#[must_use]
pub fn config_toml(estate: &Estate, kind: EstateKind, locations: &StoreLocations) -> String {
    let mut text =
        String::from("[tenant]\nroot = \"ids.districts\"\nkey = \"id\"\nname = \"name\"\n");
    for store in StoreId::ALL {
        let (source, target) = locations.of(store);
        let lines = [
            format!("\n[store.{}]", store.as_str()),
            format!("kind = \"{}\"", kind.as_str()),
            format!("source = {}", place(source)),
            format!("target = {}\n", place(target)),
        ];
        text.push_str(&lines.join("\n"));
    }
    text.push_str(LINK);
    text.push_str(CONFIRMED);
    if !measures_as_shared(estate, &GUARDIANS) {
        text.push_str(SHARED);
    }
    if estate.options.with_transfers {
        text.push_str(TRANSFERS);
    }
    text
}

const LINK: &str = r#"
[[link]]
from = "hcp1.learners(ids_student_id)"
to = "ids.students(id)"
owns = true
"#;

const CONFIRMED: &str = r#"
[column."ids.districts.name"]
mask = "keep"
public = true
reason = "the name of an organisation, not of a person"

[table."ids.states"]
confirmed = "names of states, not of people"
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

    fn config(options: EstateOptions, locations: &StoreLocations) -> toml::Table {
        let estate = Estate::generate(options);
        config_toml(&estate, EstateKind::Sqlite, locations)
            .parse()
            .unwrap()
    }

    #[test]
    fn the_configuration_of_the_default_estate_leaves_guardians_to_measurement() {
        let config = config(EstateOptions::default(), &StoreLocations::environment());
        assert_eq!(config["tenant"]["root"].as_str(), Some("ids.districts"));
        let source = &config["store"]["hcp1"]["source"];
        assert_eq!(source["env"].as_str(), Some("HCP1_PROD_URL"));
        let tables = config["table"].as_table().unwrap();
        assert_eq!(tables.keys().collect::<Vec<_>>(), ["ids.states"]);
        assert_eq!(config["link"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn small_estates_and_transfers_get_the_lines_they_need() {
        let options = EstateOptions {
            students_per_district: 2,
            with_transfers: true,
            ..EstateOptions::default()
        };
        let config = config(options, &StoreLocations::environment());
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
        let locations = StoreLocations {
            ids_source: UrlPlace::File(odd.to_owned()),
            ids_target: UrlPlace::Command(vec!["print".to_owned(), odd.to_owned()]),
            ..StoreLocations::environment()
        };
        let config = config(EstateOptions::default(), &locations);
        let ids = &config["store"]["ids"];
        assert_eq!(ids["source"]["file"].as_str(), Some(odd));
        assert_eq!(ids["target"]["command"][1].as_str(), Some(odd));
    }

    #[cfg(unix)]
    #[test]
    fn url_files_are_for_their_owner_only_and_never_replaced() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ids.url");
        write_url_file(&path, "sqlite:/x/ids.db").unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "sqlite:/x/ids.db\n"
        );
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(write_url_file(&path, "other").is_err());
    }
}
