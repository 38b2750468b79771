//! `docs/reference/exit-codes.md`.

use crate::exit::Exit;

const HEAD: &str = "# Exit codes

Generated from `apps/cli/src/exit.rs`; write it anew with `cargo xtask docs`.

Every command ends with one of these codes. They are published and never change their meaning; new ones may be added.
With `--output json` the object of a failure has the code as `exit`, together with `error`, `causes` and `hints`.

| code | name | meaning | what to do next |
|---|---|---|---|
";

/// The whole page.
pub(crate) fn page() -> String {
    let rows = Exit::ALL.map(|exit| {
        let (name, meaning, next) = (exit.name(), exit.meaning(), exit.next());
        format!("| {} | `{name}` | {meaning} | {next} |\n", exit as u8)
    });
    format!("{HEAD}{}", rows.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// README's table has two codes per line, and one cell with two codes.
    #[test]
    fn the_table_of_the_readme_says_the_same() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
        let mut said: Vec<(u8, String)> = Vec::new();
        for line in readme.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            for pair in cells.chunks(2) {
                let codes = pair[0].split(", ").map(str::parse::<u8>);
                let (Ok(codes), Some(meaning)) =
                    (codes.collect::<Result<Vec<_>, _>>(), pair.get(1))
                else {
                    continue;
                };
                said.extend(codes.into_iter().map(|code| (code, (*meaning).to_owned())));
            }
        }
        said.sort();
        let table = Exit::ALL.map(|exit| (exit as u8, exit.meaning().to_owned()));
        assert_eq!(said, table);
    }
}
