//! Reads `redistrict.toml`: the grammar is `redistrict_model::config`; here are the file, the hints
//! and the list of what is not available yet.

mod refusal;

use std::path::{Path, PathBuf};

use redistrict_model::config::Config;
use redistrict_model::{StoreKind, toml_key};

use crate::failure::{CommandResult, Failure};

/// A configuration with the place it came from.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// Relative paths of the configuration start here.
    pub(crate) base: PathBuf,
}

/// Reads and checks a configuration file.
pub(crate) fn load(path: &Path) -> CommandResult<Loaded> {
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let config = parse(&text).map_err(|failure| at_path(failure, path))?;
    Ok(Loaded {
        config,
        base: base_of(path),
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let shown = path.display();
    let failure =
        |why: &str| Failure::prerequisite(format!("read the configuration {shown}: {why}"));
    match error.kind() {
        std::io::ErrorKind::NotFound => failure("there is no such file").with_hints(
            [
                "`redistrict init` writes one; `redistrict demo` needs none",
                "--config FILE names one that lies elsewhere",
            ]
            .map(str::to_owned),
        ),
        std::io::ErrorKind::PermissionDenied => {
            failure("permission denied").with_hint(format!("ls -l {shown}"))
        }
        std::io::ErrorKind::IsADirectory => failure("it is a directory").with_hint(format!(
            "--config {}",
            path.join("redistrict.toml").display()
        )),
        std::io::ErrorKind::InvalidData => failure("it is not UTF-8 text"),
        _ => failure(&error.to_string()),
    }
}

/// The directory that relative paths of a configuration start from.
pub(crate) fn base_of(path: &Path) -> PathBuf {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_path_buf()
}

fn at_path(mut failure: Failure, path: &Path) -> Failure {
    failure.message = format!("read {}: {}", path.display(), failure.message);
    failure
}

/// Parses the text: the whole grammar, with the nearest known key for an unknown one.
pub(crate) fn parse(text: &str) -> CommandResult<Config> {
    let config: Config = toml::from_str(text).map_err(|error| refusal::refusal(text, &error))?;
    if let Some(raw) = &config.retention.raw {
        retention(raw)?;
    }
    refuse_unavailable(&config)?;
    Ok(config)
}

/// `[retention] raw`: how long raw artifacts are kept.
pub(crate) fn retention(text: &str) -> CommandResult<std::time::Duration> {
    duration(text).ok_or_else(|| {
        Failure::prerequisite("read [retention] raw: it is no duration")
            .with_hint("write a number and a unit: 90s, 30m, 24h, 7d")
    })
}

/// What the grammar has and this version has not.
fn refuse_unavailable(config: &Config) -> CommandResult {
    let mut missing: Vec<String> = Vec::new();
    for (name, store) in &config.store.0 {
        if store.kind == StoreKind::Mysql {
            missing.push(format!(
                "[store.{}] kind = \"{}\"",
                toml_key(name.as_str()),
                store.kind
            ));
        }
        let unavailable = [
            (store.bypass_rls, "bypass_rls"),
            (store.max_snapshot_age.is_some(), "max_snapshot_age"),
            (store.statement_timeout.is_some(), "statement_timeout"),
        ];
        for (_, key) in unavailable.iter().filter(|(is_set, _)| *is_set) {
            missing.push(format!("[store.{}] {key}", toml_key(name.as_str())));
        }
    }
    for (name, table) in &config.table {
        if table.strategy.is_some() {
            missing.push(format!("[table.{}] strategy", toml_key(name)));
        }
    }
    for (name, _) in config
        .column
        .iter()
        .filter(|(_, column)| !column.paths.is_empty())
    {
        missing.push(format!("[column.{}] paths", toml_key(name)));
    }
    missing.extend(
        config
            .person
            .keys()
            .map(|name| format!("[person.{}]", toml_key(name))),
    );
    let unavailable = [
        (!config.masking.pack.is_empty(), "[masking] pack"),
        (
            config.masking.test_credential.is_some(),
            "[masking] test_credential",
        ),
        (
            config.privacy != redistrict_model::config::Privacy::default(),
            "[privacy]",
        ),
        (!config.validation.pack.is_empty(), "[validation] pack"),
        (config.retention.undo.is_some(), "[retention] undo"),
        (config.run.memory.is_some(), "[run] memory"),
        (
            config.run.workers.is_some_and(|workers| workers > 1),
            "[run] workers",
        ),
    ];
    missing.extend(
        unavailable
            .iter()
            .filter(|(is_set, _)| *is_set)
            .map(|(_, key)| (*key).to_owned()),
    );
    if missing.is_empty() {
        return Ok(());
    }
    let verb = if missing.len() == 1 { "is" } else { "are" };
    Err(
        Failure::usage(format!("{} {verb} not available yet", missing.join(", ")))
            .with_hint("take the line out, or wait for the version that has it (CHANGELOG.md)"),
    )
}

/// A duration as the configuration writes it: `90s`, `30m`, `24h`, `30d`.
pub(crate) fn duration(text: &str) -> Option<std::time::Duration> {
    let unit = text.chars().last()?;
    let number: u64 = text
        .get(..text.len() - unit.len_utf8())?
        .trim()
        .parse()
        .ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    Some(std::time::Duration::from_secs(number.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    const SMALL: &str = "[tenant]\nroot = \"ids.districts\"\nkey = \"id\"\n\
        [store.ids]\nkind = \"sqlite\"\nsource = { env = \"A\" }\n";

    #[test]
    fn an_unknown_key_is_an_error_with_the_nearest_known_one() {
        let text = format!("{SMALL}taget = {{ env = \"B\" }}\n");
        let failure = parse(&text).err().unwrap();
        assert_eq!(failure.exit, Exit::Prerequisite);
        assert!(failure.message.contains("line 7"), "{}", failure.message);
        assert_eq!(failure.hints, ["did you mean `target`?"]);
    }

    #[test]
    fn the_whole_grammar_is_read_and_what_is_missing_is_said() {
        let text = format!(
            "{SMALL}[[link]]\nfrom = \"a.b(c)\"\nto = \"a.d(e)\"\nowns = true\n\
             when = {{ t = [\"x\"] }}\n[table.'a.b']\nstrategy = \"remap\"\n\
             [person.'a.b']\nfirst = \"f\"\n[retention]\nundo = \"30d\"\n"
        );
        let failure = parse(&text).err().unwrap();
        assert_eq!(failure.exit, Exit::Usage);
        for part in ["strategy", "person", "undo", "not available yet"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }

    #[test]
    fn a_table_in_a_message_is_named_as_it_could_be_pasted() {
        let heading = "[table.\"a'\\u000Ab\"]";
        let text = format!("{SMALL}{heading}\nstrategy = \"remap\"\n");
        let failure = parse(&text).err().unwrap();
        assert!(failure.message.contains(heading), "{}", failure.message);
    }

    #[test]
    fn a_secret_in_the_place_of_a_reference_is_not_repeated() {
        for wrong in [
            SMALL.replace("{ env = \"A\" }", "\"postgres://u:s3cret@h/d\""),
            format!("{SMALL}[masking]\nkey = \"s3cret\"\n"),
            SMALL.replace("[store.ids]", "[store]\nx = \"s3cret\"\n[store.ids]"),
            SMALL.replace("{ env = \"A\" }", "{ command = \"psql s3cret\" }"),
        ] {
            let failure = parse(&wrong).err().unwrap();
            let shown = format!("{failure:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(failure.message.contains("line "), "{shown}");
        }
    }

    #[test]
    fn stores_keep_the_order_of_the_file() {
        let text = format!(
            "{SMALL}[store.b]\nkind = \"sqlite\"\nsource = {{ file = \"f\" }}\n\
            [store.a]\nkind = \"sqlite\"\nsource = {{ command = [\"c\"] }}\n"
        );
        let config = parse(&text).unwrap();
        let names: Vec<&str> = config
            .store
            .0
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["ids", "b", "a"]);
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("24h").unwrap().as_secs(), 86_400);
        assert_eq!(duration("24"), None);
        assert_eq!(duration("h"), None);
    }
}
