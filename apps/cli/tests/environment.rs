//! A directory of its own for each test, the binary, and plain clients to look at what it left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use redistrict_testkit::postgres::query;

/// A directory with a configuration, and variables for the binary.
pub(crate) struct Environment {
    pub(crate) dir: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

/// How the binary ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Environment {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redistrict"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .envs(&self.variables);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }

    /// Runs it; anything but exit 0 fails the test with what it said.
    pub(crate) fn must(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}\n{}\n{}", ended.out, ended.err);
        ended
    }

    /// Runs it with `--output json`; gives the last object and the exit code.
    pub(crate) fn json(&self, arguments: &[&str]) -> (serde_json::Value, i32) {
        let ended = self.run(&[arguments, &["--output", "json"]].concat());
        let last = ended.out.lines().last().unwrap_or_default();
        let value = serde_json::from_str(last);
        (
            value.unwrap_or_else(|_| panic!("{arguments:?}: {}\n{}", ended.out, ended.err)),
            ended.code,
        )
    }
}

fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The shared sample data; without it these tests cannot run, and they say so.
pub(crate) fn sample(name: &str) -> PathBuf {
    let shared = std::env::var_os("REDISTRICT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let file = shared.join("data").join(name);
    assert!(
        file.exists(),
        "the sample database {name} is not there: set REDISTRICT_SHARED to the folder that holds data/{name} (looked at {})",
        file.display()
    );
    file
}

/// Files below a directory that hold the bytes of a text.
pub(crate) fn holding(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(text.len())
            .any(|window| window == text.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Restores a plain-SQL dump with psql.
pub(crate) fn restore(dump: &Path, url: &str) {
    let script = format!(
        "gunzip -c '{}' | psql -X -q -v ON_ERROR_STOP=1 '{url}'",
        dump.display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every row of every table of schema `public`, as text, sorted, by table.
pub(crate) async fn rows(url: &str) -> BTreeMap<String, Vec<String>> {
    let tables =
        "select quote_ident(tablename) from pg_tables where schemaname = 'public' order by 1";
    let mut all = BTreeMap::new();
    for table in query(url, tables)
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .flatten()
    {
        let found = query(url, &format!("select t::text from public.{table} t"))
            .await
            .unwrap();
        let mut rows: Vec<String> = found.into_iter().flatten().flatten().collect();
        rows.sort();
        all.insert(table, rows);
    }
    all
}

/// The same of these schemas.
pub(crate) async fn rows_of(url: &str, schemas: &[&str]) -> BTreeMap<String, Vec<String>> {
    let names: Vec<String> = schemas
        .iter()
        .map(|schema| format!("'{}'", schema.replace('\'', "''")))
        .collect();
    let tables = format!(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ({}) order by 1",
        names.join(", ")
    );
    let mut all = BTreeMap::new();
    let found = query(url, &tables).await.unwrap();
    for table in found.into_iter().flatten().flatten() {
        let sql = format!("select t::text from {table} t order by 1");
        let rows = query(url, &sql).await.unwrap();
        all.insert(table, rows.into_iter().flatten().flatten().collect());
    }
    all
}

/// One number.
pub(crate) async fn count(url: &str, sql: &str) -> u64 {
    let rows = query(url, sql).await.unwrap();
    rows[0][0].as_ref().unwrap().parse().unwrap()
}
