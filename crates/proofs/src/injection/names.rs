//! The hostile texts: the same for the same seed. Each role gets as many as every other.

use std::collections::{BTreeMap, BTreeSet};

/// What a text is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Schema,
    Table,
    Column,
    EnumLabel,
    Type,
    /// A value, not a name.
    DistrictKey,
    NodeLabel,
    RelationshipType,
    Property,
    Constraint,
}

impl Role {
    pub(super) const ALL: [Self; 10] = [
        Self::Schema,
        Self::Table,
        Self::Column,
        Self::EnumLabel,
        Self::Type,
        Self::DistrictKey,
        Self::NodeLabel,
        Self::RelationshipType,
        Self::Property,
        Self::Constraint,
    ];

    fn number(self) -> u64 {
        Self::ALL.iter().position(|one| *one == self).unwrap_or(0) as u64
    }
}

/// The longest name that PostgreSQL keeps whole, in bytes.
const LIMIT: usize = 63;

/// `{n}` is a number that no other text has, `{m}` the beginning of a path that nobody may write to.
const FORMS: &[&str] = &[
    // Quotes.
    "a\"b{n}",
    "{n}\"",
    "\"{n}\"\"",
    "a'b{n}",
    "'{n}''",
    "a`b{n}",
    "`{n}``",
    "{n}\"'`",
    // Escapes that a language may resolve before it looks at quotes.
    "\\u0060 {n}",
    "\\u0027 {n}",
    "\\\\u0060 {n}",
    "\\U00000060{n}",
    "{n}\\u005Cu0060",
    "\\x27{n}",
    "\\{n}",
    "{n}\\",
    "\\\"{n}\\",
    "$${n}$$",
    "$a${n}$a$",
    "\\0{n}",
    "%00{n}",
    "\u{1}{n}\u{7f}",
    // Statements.
    "{n}\"; create table injected{n}(i int); --",
    "{n}'; create table injected{n}(i int); --",
    "{n}\"); drop table injected; /*",
    "{n}\"; delete from pg_class; --",
    "{n}' or '1'='1",
    "{n}\" or \"\"=\"",
    "{n}'; copy(select 1)to'{m}{n}'; --",
    "{n}\"; attach '{m}{n}' as p{n}; --",
    "{n}'; vacuum into '{m}{n}'; --",
    "$${n}; create table injected{n}(i int); $$",
    "{n}`}) CREATE (:Injected{n}) //",
    "{n}`) DETACH DELETE n //",
    "{n}\\u0060) CREATE (:Injected{n}) //",
    "{n}\\u0027}) CREATE (:Injected{n}) //",
    "{n}'}) CREATE (:Injected{n}) //",
    "{n}`]->() CREATE (:Injected{n}) //",
    "{n}`: 1}) SET n.injected = {n} //",
    "{n};",
    "{n} -- x",
    "{n} /* x",
    "*/ {n}",
    "// {n}",
    // Lines, terminals.
    "{n}\nERROR forged {n}",
    "{n}\r\nforged {n}",
    "{n}\t\u{b}x",
    "\u{1b}[31m{n}\u{1b}[2J",
    "\u{9b}31m{n}",
    "{n}\u{2028}forged",
    "{n}\n[table.\"x{n}\"]\nexcluded = \"y\"",
    // Placeholders.
    "%s%n{n}",
    "$1{n}",
    "?1 {n}",
    ":p{n}",
    "@p{n}",
    "{}{n}",
    "{0:?}{n}",
    "{{{n}}}",
    "${n}",
    // Names of ours.
    "redistrict_{n}",
    "redistrict_stage_{n}",
    "REDISTRICT_meta{n}",
    "redistrict_lease",
    "redistrict_meta",
    "redistrict_stage",
    "RedistrictRun",
    "RedistrictPart",
    "Redistrict{n}",
    ":labels",
    ":start",
    ":start_label",
    ":other",
    ":membership",
    "__membership",
    "NULL",
    // Words of the languages.
    "select",
    "table",
    "user",
    "CREATE",
    "Match",
    "rowid",
    "oid",
    "public",
    "main",
    "node",
    "rel",
    // Paths.
    "../{n}",
    "../../../../{m}{n}",
    "{m}{n}",
    "C:\\{n}",
    "~{n}",
    ".",
    "..",
    "*{n}",
    "[a-z]{n}",
    "%{n}_",
    // The grammar of the configuration.
    "a.b{n}",
    "\"a\".\"b{n}\"",
    "(a, b{n})",
    "a, b{n}",
    "{n} -> a.b",
    "# {n}",
    "= {n}",
    " {n} ",
    " ",
    // Markup.
    "<script>alert({n})</script>",
    "<img src=x onerror=alert({n})>",
    "]({n}) [x](javascript:{n})",
    "| {n} |",
    "```\n# {n}",
    "**{n}**",
    "\"]; {n} [label=\"",
    "</text></svg><x {n}>",
    "&lt;{n}&#60;",
    "=cmd|{n}!A1",
    "--config={n}",
    "-{n}",
    // Scripts.
    "\u{202e}{n}gpj.exe",
    "\u{2066}{n}\u{2069}",
    "שלום{n}",
    "e\u{301}{n}",
    "\u{e9}{n}",
    "İ{n}",
    "ı{n}",
    "ß{n}",
    "\u{feff}{n}",
    "\u{200b}{n}",
    "a\u{a0}{n}",
    "'\u{2019}{n}\u{ff07}",
    "\u{1f468}\u{200d}\u{1f469}{n}",
    // One text after the case is folded.
    "Fold{n}|fOLD{n}",
    "UPPER{n}|upper{n}",
    "É{n}|é{n}",
    // As long as a name may be.
    "{n}<x",
    "{n}<字",
    "{n}<é",
    "{n}<\u{1f600}",
    "{n}<\"",
    "{n}<`",
];

/// Texts of each role, `count` of each. `marker` begins the paths that payloads write to.
pub(super) fn generate(seed: u64, count: usize, marker: &str) -> BTreeMap<Role, Vec<String>> {
    let mut number = 0;
    let mut of_role = |role: Role| {
        let mut random = Random(seed.wrapping_mul(1_000).wrapping_add(role.number() + 1));
        let mut texts: Vec<String> = Vec::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        while texts.len() < count {
            for form in random.shuffled(FORMS) {
                number += 1;
                for text in texts_of(form, number, marker) {
                    if texts.len() < count && known.insert(text.clone()) {
                        texts.push(text);
                    }
                }
            }
        }
        texts
    };
    Role::ALL.map(|role| (role, of_role(role))).into()
}

fn texts_of(form: &str, number: u64, marker: &str) -> Vec<String> {
    let filled = |form: &str| {
        let text = form.replace("{m}", marker);
        cut(&text.replace("{n}", &format!("n{number}")))
    };
    match form.split_once('<') {
        Some(("{n}", padding)) => {
            let mut text = filled("{n}");
            while text.len() + padding.len() <= LIMIT {
                text.push_str(padding);
            }
            vec![text]
        }
        _ => match form.split_once('|') {
            Some((one, other)) if form.matches("{n}").count() == 2 && !form.contains(' ') => {
                vec![filled(one), filled(other)]
            }
            _ => vec![filled(form)],
        },
    }
}

fn cut(text: &str) -> String {
    let fits = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=LIMIT.min(text.len())).rev().find(fits).unwrap_or(0);
    text[..end].to_owned()
}

/// A small generator: what it gives needs no quality but to be the same again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn shuffled<'a>(&mut self, forms: &[&'a str]) -> Vec<&'a str> {
        let mut left = forms.to_vec();
        let mut out = Vec::new();
        while !left.is_empty() {
            let at = self.below(left.len());
            out.push(left.swap_remove(at));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_as_many_different_texts_of_a_legal_length() {
        let names = generate(7, 250, "/m");
        assert_eq!(names.len(), 10);
        for (role, texts) in &names {
            let different: BTreeSet<&String> = texts.iter().collect();
            assert_eq!((texts.len(), different.len()), (250, 250), "{role:?}");
            assert!(
                texts
                    .iter()
                    .all(|text| !text.is_empty() && text.len() <= LIMIT)
            );
            assert!(texts.iter().any(|text| text.len() == LIMIT), "{role:?}");
            assert!(texts.iter().any(|text| text.contains('`')));
        }
        assert_eq!(names, generate(7, 250, "/m"));
        assert_ne!(names, generate(8, 250, "/m"));
    }

    #[test]
    fn texts_that_fold_to_one_come_together() {
        assert_eq!(texts_of("Fold{n}|fOLD{n}", 3, ""), ["Foldn3", "fOLDn3"]);
        assert_eq!(texts_of("| {n} |", 3, ""), ["| n3 |"]);
        assert_eq!(texts_of("{n}<字", 3, "")[0].len(), 62);
        assert_eq!(texts_of("<x {n}>", 3, ""), ["<x n3>"]);
    }
}
