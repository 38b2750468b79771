//! The hostile texts: the same for the same seed. Each role gets as many as every other.

use std::collections::{BTreeMap, BTreeSet};

use super::place::Kind;

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
    "{n}`) WITH count(*) AS c CREATE (:Inj{n}) //",
    "{n}`: 1}) WITH count(*) AS c CREATE (:Inj{n}) //",
    "{n}`]->() WITH count(*) AS c CREATE (:Inj{n}) //",
    "{n}' WITH count(*) AS c CREATE (:Inj{n}) //",
    "{n}\\u0060) WITH count(*) AS c CREATE (:Inj{n}) //",
    "{n}\\u0027 WITH count(*) AS c CREATE (:Inj{n}) //",
    "{n}\"; create schema injected{n}; --",
    "{n}\"; create role injected{n}; --",
    "{n}'; create role injected{n}; --",
    "{n}\"; drop table injected; --",
    "{n}'; drop table injected; --",
    "E'\\'{n}; create table injected{n}(i int); --'",
    "U&\"\\0022{n}\"",
    "$(touch {m}{n})",
    "`touch {m}{n}`",
    "{n}; touch {m}{n}; #",
    "'; touch {m}{n}; '",
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
    "{n}\"\nforged{n} = \"\"\"",
    "{n}'\nforged{n} = \'\'\'",
    "redistrict rollback {n}",
    "{n}\",\"status\":\"SUCCESS\",\"x\":\"",
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
    "redistrict_environment",
    "REDISTRICT_Run",
    "redistrict_stage_1",
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
    "NUL",
    "con",
    "aux.{n}.txt",
    "{n}.",
    ".{n}",
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
    // Letters that look like others.
    "рublic{n}",
    "nοde{n}",
    "\u{ff02}; drop table injected; --{n}",
    "\u{ff40}{n}\u{2032}\u{2bc}",
    "ﬁ{n}",
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

/// Only where a server keeps longer names, or empty ones: [`holds`] says where.
const UNUSUAL: &[&str] = &["", "{n}<<x", "{n}<<é", "{n}<<\"", "{n}<<`", "../{n}<</"];

/// A long one, in bytes.
const LONG: usize = 300;

/// Whether a kind of store can have something with this name.
pub(super) fn holds(kind: Kind, role: Role, text: &str) -> bool {
    match kind {
        _ if role == Role::DistrictKey => true,
        Kind::Sqlite => true,
        Kind::Postgres => !text.is_empty() && text.len() <= LIMIT,
        Kind::Neo4j => !text.is_empty(),
    }
}

/// How many texts there are of all forms that a name of any role may have.
pub(super) fn all() -> usize {
    FORMS.iter().map(|form| texts_of(form, 1, "/m").len()).sum()
}

/// Texts of each role, `count` of each, with numbers from `number` on; beyond them, where a kind of store
/// can have them, the unusual ones. `marker` begins the paths that payloads write to.
pub(super) fn generate(
    seed: u64,
    count: usize,
    mut number: usize,
    marker: &str,
) -> BTreeMap<Role, Vec<String>> {
    let mut of_role = |role: Role| {
        let mut random = Random(seed.wrapping_mul(1_000).wrapping_add(role.number() + 1));
        let mut texts: Vec<String> = Vec::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        while texts.len() < count {
            for form in alternating(role, random.shuffled(FORMS)) {
                number += 1;
                for text in texts_of(form, number, marker) {
                    if texts.len() < count && known.insert(text.clone()) {
                        texts.push(text);
                    }
                }
            }
        }
        for form in UNUSUAL {
            number += 1;
            let of_form = texts_of(form, number, marker).into_iter();
            texts.extend(of_form.filter(|text| is_somewhere(role, text)));
        }
        texts
    };
    Role::ALL.map(|role| (role, of_role(role))).into()
}

/// Forms that are made for the language of the role's stores take turns with the others, so that each role
/// gets many of both.
fn alternating(role: Role, forms: Vec<&'static str>) -> Vec<&'static str> {
    let marks: &[&str] = match role {
        Role::NodeLabel | Role::RelationshipType | Role::Property => {
            &["`", "\\u", "CREATE", ":", "Redistrict"]
        }
        _ => &["\"", "'", "$", "redistrict", "injected"],
    };
    let is_meant = |form: &&str| marks.iter().any(|mark| form.contains(mark));
    let (meant, others): (Vec<_>, Vec<_>) = forms.into_iter().partition(is_meant);
    let mut out = Vec::new();
    let (mut meant, mut others) = (meant.into_iter(), others.into_iter());
    loop {
        let pair = [meant.next(), others.next()];
        if pair == [None, None] {
            return out;
        }
        out.extend(pair.into_iter().flatten());
    }
}

fn is_somewhere(role: Role, text: &str) -> bool {
    let kinds = Kind::ALL.into_iter();
    let mut having = kinds.filter(|kind| role == Role::DistrictKey || kind.roles().contains(&role));
    having.any(|kind| holds(kind, role, text))
}

fn texts_of(form: &str, number: usize, marker: &str) -> Vec<String> {
    let filled = |form: &str| {
        let text = form.replace("{m}", marker);
        text.replace("{n}", &format!("n{number}"))
    };
    let padded = |begin: &str, padding: &str, limit: usize| {
        let mut text = filled(begin);
        while text.len() + padding.len() <= limit {
            text.push_str(padding);
        }
        text
    };
    if let Some((begin, padding)) = form.split_once("<<") {
        return vec![padded(begin, padding, LONG)];
    }
    match form.split_once('<') {
        Some(("{n}", padding)) => vec![padded("{n}", padding, LIMIT)],
        _ => match form.split_once('|') {
            Some((one, other)) if form.matches("{n}").count() == 2 && !form.contains(' ') => {
                vec![cut(&filled(one)), cut(&filled(other))]
            }
            _ => vec![cut(&filled(form))],
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

    fn shuffled(&mut self, forms: &[&'static str]) -> Vec<&'static str> {
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
        let names = generate(7, 250, 0, "/m");
        assert_eq!(names.len(), 10);
        for (role, texts) in &names {
            let different: BTreeSet<&String> = texts.iter().collect();
            assert_eq!(texts.len(), different.len(), "{role:?}");
            let usual = &texts[..250];
            assert!(
                usual
                    .iter()
                    .all(|text| !text.is_empty() && text.len() <= LIMIT)
            );
            assert!(usual.iter().any(|text| text.len() == LIMIT), "{role:?}");
            assert!(usual.iter().any(|text| text.contains('`')));
            for text in texts {
                assert!(is_somewhere(*role, text), "{role:?} {text:?}");
            }
        }
        let has = |role: Role, text: &str| names[&role].iter().any(|one| one == text);
        assert!(has(Role::Table, "") && has(Role::DistrictKey, ""));
        assert!(!has(Role::Schema, "") && !has(Role::NodeLabel, ""));
        let is_long = |role: Role| names[&role].iter().any(|text| text.len() > LIMIT);
        assert!(is_long(Role::NodeLabel) && !is_long(Role::EnumLabel));
        assert_eq!(names, generate(7, 250, 0, "/m"));
        assert_ne!(names, generate(8, 250, 0, "/m"));
    }

    #[test]
    fn a_name_of_each_form_is_there_and_no_payload_is_cut() {
        let names = generate(7, all(), 20_000, "/tmp/.tmpAbCdEf/w/");
        for (role, texts) in &names {
            for payload in ["drop table injected; --", "touch /tmp", "CREATE (:Inj"] {
                let is_there = texts.iter().any(|text| text.contains(payload));
                assert!(is_there, "{role:?} {payload}");
            }
            let ends = ["//", "--"];
            let created = texts.iter().filter(|text| text.contains("(:Inj"));
            for text in created {
                let is_whole = ends.iter().any(|end| text.ends_with(end));
                assert!(is_whole, "{text:?}");
            }
        }
    }

    #[test]
    fn texts_that_fold_to_one_come_together() {
        assert_eq!(texts_of("Fold{n}|fOLD{n}", 3, ""), ["Foldn3", "fOLDn3"]);
        assert_eq!(texts_of("| {n} |", 3, ""), ["| n3 |"]);
        assert_eq!(texts_of("{n}<字", 3, "")[0].len(), 62);
        assert_eq!(texts_of("{n}<<é", 3, "")[0].len(), 300);
        assert_eq!(texts_of("<x {n}>", 3, ""), ["<x n3>"]);
        assert_eq!(texts_of("", 3, ""), [""]);
    }
}
