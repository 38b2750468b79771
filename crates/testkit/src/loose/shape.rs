//! The tables and what refers to what.

use super::words::{LISTS, MISLEADING, PARTS, Part, ROLES, TRAPS, UNSAID, pascal, plural, short};
use super::{Column, Convention, Owned, Reference, Table};
use crate::types::Random;

/// So many references in a hundred are declared.
const DECLARED_IN_HUNDRED: usize = 38;

/// The tables that rows may be about, and what the column of kinds says of each.
type Kinds = [(usize, &'static str); 3];

/// A table on the way.
struct Thing {
    words: Vec<String>,
    part: &'static str,
    style: Convention,
    table: Table,
}

pub(super) fn tables(random: &mut Random) -> Vec<Table> {
    let mut maker = Maker {
        random,
        things: Vec::new(),
    };
    maker.core();
    for part in &PARTS {
        maker.part(part);
    }
    maker.by_kind();
    maker.of_nobody();
    maker.things.into_iter().map(|thing| thing.table).collect()
}

struct Maker<'a> {
    random: &'a mut Random,
    things: Vec<Thing>,
}

/// The tables that every part knows. The places of those that references lead to.
const SCHOOL: usize = 1 + LISTS.len();
const DEPARTMENT: usize = SCHOOL + 1;
const STAFF: usize = SCHOOL + 2;
const STUDENT: usize = SCHOOL + 3;
const COURSE: usize = SCHOOL + 4;
const GROUP: usize = SCHOOL + 5;

impl Maker<'_> {
    fn core(&mut self) {
        self.add("district", "", Convention::Snake, Owned::Root, false);
        for list in LISTS {
            self.add(list, "", Convention::Snake, Owned::Nobody, false);
        }
        for (name, owner) in [
            ("school", 0),
            ("department", 0),
            ("staff", SCHOOL),
            ("student", SCHOOL),
        ] {
            let at = self.add(name, "", Convention::Snake, Owned::ByDistrict, false);
            self.refer(at, owner, Convention::Snake, true, false);
        }
        let course = self.add("course", "", Convention::Snake, Owned::ByDistrict, false);
        self.refer(course, DEPARTMENT, Convention::Snake, false, false);
        self.refer(course, 2, Convention::Snake, true, true);
        // A key of two columns, of which one is declared.
        let group = self.add(
            "class group",
            "",
            Convention::Snake,
            Owned::ByDistrict,
            false,
        );
        self.refer(group, SCHOOL, Convention::Snake, true, false);
        let table = &mut self.things[group].table;
        table.columns[0].name = "group_no".to_owned();
        table.key = vec!["school_id".to_owned(), "group_no".to_owned()];
        for (at, column) in [(DEPARTMENT, "parent_department_id"), (STAFF, "manager_id")] {
            let convention = if at == STAFF {
                Convention::Unsaid
            } else {
                Convention::Itself
            };
            self.reference(at, at, column.to_owned(), convention, false, true);
        }
    }

    fn part(&mut self, part: &Part) {
        let first = self.things.len();
        for thing in part.things {
            let words = if part.is_prefixed {
                format!("{} {thing}", part.word)
            } else {
                (*thing).to_owned()
            };
            let is_called = |one: &Thing| one.words.join(" ") == words;
            let words = if self.things.iter().any(is_called) {
                format!("{} {thing}", part.word)
            } else {
                words
            };
            let is_short = part.style == Convention::Short;
            let at = self.add(&words, part.word, part.style, Owned::ByDistrict, is_short);
            let own = at - first;
            // What it belongs to: a table that every part knows, or one of its own part.
            let owner = if own == 0 || self.random.below(100) < 45 {
                [SCHOOL, STUDENT, STAFF, DEPARTMENT, COURSE, STUDENT][self.random.below(6)]
            } else {
                first + self.random.below(own)
            };
            if self.random.below(100) < 6 {
                self.by_group(at);
            } else {
                let is_declared = self.is_declared();
                self.refer(at, owner, part.style, is_declared, false);
            }
            self.more(at, first, part.style);
            self.mislead(at);
        }
    }

    /// More references of a table: to its own part, to what every part knows, to lists, to who did something.
    fn more(&mut self, at: usize, first: usize, style: Convention) {
        if self.random.below(100) < 45 {
            let own = at - first;
            let other = if own > 1 && self.random.below(2) == 0 {
                first + self.random.below(own)
            } else {
                [SCHOOL, STUDENT, STAFF, COURSE][self.random.below(4)]
            };
            let is_declared = self.is_declared();
            let is_optional = self.random.below(2) == 0;
            self.refer(at, other, style, is_declared, is_optional);
        }
        if self.random.below(100) < 35 {
            let list = 1 + self.random.below(LISTS.len());
            let is_declared = self.is_declared();
            self.refer(at, list, style, is_declared, true);
        }
        if self.random.below(100) < 12 {
            let column = UNSAID[self.random.below(UNSAID.len())].to_owned();
            let is_declared = self.is_declared();
            self.reference(at, STAFF, column, Convention::Unsaid, is_declared, true);
        }
    }

    fn mislead(&mut self, at: usize) {
        if self.random.below(100) < 30 {
            let name = MISLEADING[self.random.below(MISLEADING.len())];
            self.column(at, name, false, true);
        }
        if self.random.below(100) < 4 {
            let name = TRAPS[self.random.below(TRAPS.len())];
            self.column(at, name, false, true);
        }
        self.column(at, "remark", true, true);
    }

    /// To the table whose key has two columns: both beside each other, one of them sometimes declared on its own.
    fn by_group(&mut self, at: usize) {
        let is_declared = self.random.below(2) == 0;
        self.column(at, "school_id", false, false);
        self.column(at, "group_no", false, false);
        let both = vec!["school_id".to_owned(), "group_no".to_owned()];
        let reference =
            |columns: &[String], parent, parent_columns: &[String], convention, is_declared| {
                Reference {
                    columns: columns.to_vec(),
                    parent,
                    parent_columns: parent_columns.to_vec(),
                    is_declared,
                    when: None,
                    convention,
                    is_optional: false,
                }
            };
        let references = &mut self.things[at].table.references;
        references.push(reference(&both, GROUP, &both, Convention::Composite, false));
        if is_declared {
            let id = ["id".to_owned()];
            references.push(reference(&both[..1], SCHOOL, &id, Convention::Snake, true));
        }
    }

    /// Tables whose rows are about rows of several tables.
    fn by_kind(&mut self) {
        let texts: [(&str, &str, Kinds); 5] = [
            (
                "attachment",
                "owner",
                [(STUDENT, "Student"), (STAFF, "Staff"), (SCHOOL, "School")],
            ),
            (
                "note",
                "subject",
                [(STUDENT, "student"), (COURSE, "course"), (STAFF, "staff")],
            ),
            (
                "audit entry",
                "entity",
                [
                    (STUDENT, "students"),
                    (SCHOOL, "schools"),
                    (DEPARTMENT, "departments"),
                ],
            ),
            (
                "message",
                "sender",
                [
                    (STAFF, "App.Models.Staff"),
                    (STUDENT, "App.Models.Student"),
                    (SCHOOL, "App.Models.School"),
                ],
            ),
            (
                "tag",
                "taggable",
                [
                    (COURSE, "Course"),
                    (STUDENT, "Student"),
                    (DEPARTMENT, "Department"),
                ],
            ),
        ];
        for (name, word, kinds) in texts {
            let at = self.add(name, "", Convention::Snake, Owned::ByDistrict, false);
            let (id, kind) = (format!("{word}_id"), format!("{word}_type"));
            self.column(at, &id, false, false);
            self.column(at, &kind, true, false);
            for (parent, text) in kinds {
                self.things[at].table.references.push(Reference {
                    columns: vec![id.clone()],
                    parent,
                    parent_columns: vec!["id".to_owned()],
                    is_declared: false,
                    when: Some((kind.clone(), text.to_owned())),
                    convention: Convention::Kind,
                    is_optional: false,
                });
            }
            self.column(at, "payload", true, true);
        }
    }

    fn of_nobody(&mut self) {
        for name in ["import run", "feature flag", "schema version"] {
            let at = self.add(name, "", Convention::Snake, Owned::Nobody, false);
            self.column(at, "external_id", false, true);
        }
    }

    fn is_declared(&mut self) -> bool {
        self.random.below(100) < DECLARED_IN_HUNDRED
    }

    fn add(
        &mut self,
        name: &str,
        part: &'static str,
        style: Convention,
        owned: Owned,
        has_own_key: bool,
    ) -> usize {
        let words: Vec<String> = name.split(' ').map(str::to_owned).collect();
        let snake = words.join("_");
        let many = {
            let (last, before) = words.split_last().expect("a name has words");
            [before, &[plural(last)]].concat().join("_")
        };
        let (name, key) = match style {
            Convention::Camel => (pascal(&words), format!("{}ID", pascal(&words))),
            Convention::Prefixed => (format!("tbl_{snake}"), "id".to_owned()),
            Convention::Leading => (snake, "id".to_owned()),
            _ if has_own_key => (many, format!("{}_no", short(&words))),
            _ => (many, "id".to_owned()),
        };
        let key_column = Column {
            name: key.clone(),
            is_text: false,
            is_optional: false,
        };
        self.things.push(Thing {
            words,
            part,
            style,
            table: Table {
                name,
                columns: vec![key_column],
                key: vec![key],
                references: Vec::new(),
                owned,
                rows: Vec::new(),
            },
        });
        self.things.len() - 1
    }

    /// A reference by a column of its own, called as the style has it.
    fn refer(
        &mut self,
        child: usize,
        parent: usize,
        style: Convention,
        is_declared: bool,
        is_optional: bool,
    ) {
        let to = &self.things[parent];
        let (words, is_same_part) = (to.words.clone(), to.part == self.things[child].part);
        let snake = words.join("_");
        if parent == GROUP {
            return;
        }
        let is_in_part = is_same_part && words.len() > 1 && words[0] == to.part;
        let (mut name, mut convention) = match style {
            Convention::Camel => (format!("{}ID", pascal(&words)), style),
            Convention::Prefixed => (format!("fk_{snake}"), style),
            Convention::Leading => (format!("id_{snake}"), style),
            Convention::Bare => (snake, style),
            Convention::Short if to.style == Convention::Short => (to.table.key[0].clone(), style),
            Convention::Short => (format!("{}_id", short(&words)), style),
            _ if is_in_part && self.random.below(2) == 0 => {
                (format!("{}_id", words[1..].join("_")), Convention::Part)
            }
            _ => (format!("{snake}_id"), Convention::Snake),
        };
        if convention == Convention::Snake && child > GROUP && self.random.below(100) < 14 {
            let role = ROLES[self.random.below(ROLES.len())];
            name = format!("{role}_{name}");
            convention = Convention::Role;
        }
        self.reference(child, parent, name, convention, is_declared, is_optional);
    }

    fn reference(
        &mut self,
        child: usize,
        parent: usize,
        column: String,
        convention: Convention,
        is_declared: bool,
        is_optional: bool,
    ) {
        let parent_columns = self.things[parent].table.key.clone();
        let is_there = self.things[child]
            .table
            .columns
            .iter()
            .any(|one| one.name == column);
        if is_there || parent_columns.len() > 1 {
            return;
        }
        self.column(child, &column, false, is_optional);
        self.things[child].table.references.push(Reference {
            columns: vec![column],
            parent,
            parent_columns,
            is_declared,
            when: None,
            convention,
            is_optional,
        });
    }

    fn column(&mut self, at: usize, name: &str, is_text: bool, is_optional: bool) {
        let columns = &mut self.things[at].table.columns;
        if columns.iter().all(|one| one.name != name) {
            columns.push(Column {
                name: name.to_owned(),
                is_text,
                is_optional,
            });
        }
    }
}
