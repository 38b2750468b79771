//! Random schemas: surrogate and composite keys, parts, subclasses, associations, tables without a key,
//! rings of tables, references that depend on a kind, columns that stand in several references.

use std::fmt::Write;

use super::Random;

/// How a column of a table gets its value.
#[derive(Clone)]
pub(super) enum Fill {
    /// The row's number: unique.
    Number,
    /// A small number: 0 to 2.
    Small,
    /// A unique code, NULL at times.
    Code,
    /// `s` or `t`.
    Kind,
    /// Filled by a reference.
    Reference,
}

pub(super) struct Plan {
    pub(super) name: String,
    /// Name, marks (see `World::read`), value.
    pub(super) columns: Vec<(String, String, Fill)>,
    pub(super) references: Vec<Reference>,
}

#[derive(Clone)]
pub(super) struct Reference {
    pub(super) columns: Vec<String>,
    pub(super) parent: String,
    pub(super) parent_columns: Vec<String>,
    /// Percent of rows where nullable columns are NULL.
    pub(super) nulls: usize,
    /// Percent of rows that have no partner (links only).
    pub(super) dangling: usize,
    /// The kind of the rows that have it; other rows have another reference in the same columns.
    pub(super) kind: Option<&'static str>,
}

struct Maker<'a> {
    random: &'a mut Random,
    plans: Vec<Plan>,
    /// Lines of references.
    text: String,
}

/// A schema as text, and how its tables are filled, in that order.
pub(super) fn schema(random: &mut Random) -> (String, Vec<Plan>) {
    let mut maker = Maker {
        random,
        plans: Vec::new(),
        text: String::new(),
    };
    let root_key = maker.schema();
    let mut text = format!("root districts({root_key})\n");
    for plan in &maker.plans {
        let columns = plan.columns.iter();
        let columns: Vec<String> = columns
            .map(|(column, marks, _)| format!("{column}{marks}"))
            .collect();
        writeln!(text, "table {}({})", plan.name, columns.join(", ")).expect("text");
    }
    (text + &maker.text, maker.plans)
}

impl Maker<'_> {
    /// Makes the tables; gives the columns of the root's key.
    fn schema(&mut self) -> &'static str {
        let has_base = self.random.chance(45);
        let is_composite = !has_base && self.random.chance(25);
        if has_base && self.random.chance(25) {
            self.plan("bodies", &[("id", "*", Fill::Number)]);
        }
        let has_bodies = self.is_planned("bodies");
        let of_base = |is_there: bool| {
            if is_there {
                Fill::Reference
            } else {
                Fill::Number
            }
        };
        if has_base {
            self.plan("orgs", &[("id", "*", of_base(has_bodies))]);
            if has_bodies {
                self.refer("orgs", &["id"], "bodies", &["id"], 0, "");
            }
        }
        if is_composite {
            let state = ("state", "*", Fill::Small);
            self.plan("districts", &[state, ("id", "*", Fill::Number)]);
        } else {
            let code = ("code", "!", Fill::Number);
            self.plan("districts", &[("id", "*", of_base(has_base)), code]);
        }
        if has_base {
            self.refer("districts", &["id"], "orgs", &["id"], 0, "");
        }
        if !is_composite && self.random.chance(25) {
            self.add_column("districts", "parent_id", "?", Fill::Reference);
            self.refer("districts", &["parent_id"], "districts", &["id"], 60, "");
        }
        if has_base {
            self.sibling();
        }
        for number in 0..self.random.below(3) {
            self.people(number);
        }
        self.notes();
        let room = 12 - self.plans.len();
        let others = (1 + self.random.below(9)).min(room);
        for number in 0..others {
            self.table(number);
        }
        for _ in 0..self.random.below(3) {
            self.back_reference();
        }
        for number in 0..self.random.below(4).min(12 - self.plans.len()) {
            self.detail(number);
        }
        match self.random.below(4) {
            0 if is_composite => "id, state",
            _ if is_composite => "state, id",
            0 => "code",
            _ => "id",
        }
    }

    fn is_planned(&self, name: &str) -> bool {
        self.plans.iter().any(|plan| plan.name == name)
    }

    /// A reference from an earlier table to a later one: a ring of tables.
    fn back_reference(&mut self) {
        let later: Vec<String> = self.plans.iter().map(|plan| plan.name.clone()).collect();
        let child = self.random.below(later.len());
        let rest = &later[child + 1..];
        if rest.is_empty() || later[child] == "orgs" || later[child] == "bodies" {
            return;
        }
        let parent = rest[self.random.below(rest.len())].clone();
        if !self.has_unique(&parent) || self.is_across(&later[child], &parent) {
            return;
        }
        let columns = self.key_of(&parent, true);
        // A sixth of them is mandatory in both directions, if it comes so.
        let mark = if self.random.chance(35) && later[child] != "districts" {
            ""
        } else {
            "?"
        };
        let own: Vec<String> = columns.iter().map(|name| format!("b_{name}")).collect();
        if self.has_column(&later[child], &own[0]) {
            return;
        }
        for column in &own {
            self.add_column(&later[child], column, mark, Fill::Reference);
        }
        self.refer_owned(&later[child], &own, &parent, &columns, 30);
    }

    /// Details of a table that nothing else refers to: each row belongs to one of its rows, and to nothing else.
    fn detail(&mut self, number: usize) {
        let is_last = |name: &str| {
            let mut references = self.plans.iter().flat_map(|plan| &plan.references);
            !references.any(|reference| reference.parent == name)
        };
        let names = self.plans.iter().map(|plan| plan.name.clone());
        let parents: Vec<String> = names
            .filter(|name| name.trim_start_matches("hcp.").starts_with('t'))
            .filter(|name| self.has_unique(name) && is_last(name))
            .collect();
        if parents.is_empty() {
            return;
        }
        let parent = parents[self.random.below(parents.len())].clone();
        let store = if parent.starts_with("hcp.") {
            "hcp."
        } else {
            ""
        };
        let name = format!("{store}d{number}");
        self.plan(&name, &[("id", "*", Fill::Number)]);
        let columns = self.key_of(&parent, true);
        let mark = if self.random.chance(30) { "?" } else { "" };
        let own: Vec<String> = columns
            .iter()
            .map(|column| format!("of_{column}"))
            .collect();
        for column in &own {
            self.add_column(&name, column, mark, Fill::Reference);
        }
        self.refer_owned(&name, &own, &parent, &columns, 20);
        match self.random.below(5) {
            0 => self.reference(&name, 9),
            1 | 2 => self.loose_reference(&name),
            _ => {}
        }
    }

    /// A link that makes nobody an owner.
    fn loose_reference(&mut self, name: &str) {
        let parent = self.earlier(name);
        let columns = self.key_of(&parent, true);
        let own: Vec<String> = columns.iter().map(|column| format!("l_{column}")).collect();
        for column in &own {
            self.add_column(name, column, "?", Fill::Reference);
        }
        let (from, to) = (own.join(", "), columns.join(", "));
        writeln!(self.text, "link {name}({from}) -> {parent}({to})").expect("text");
        let plan = self.plans.iter_mut().find(|plan| plan.name == name);
        plan.expect("a planned table").references.push(Reference {
            columns: own,
            parent,
            parent_columns: columns,
            nulls: 20,
            dangling: 15,
            kind: None,
        });
    }

    fn is_across(&self, child: &str, parent: &str) -> bool {
        child.starts_with("hcp.") != parent.starts_with("hcp.")
    }

    fn has_column(&self, table: &str, name: &str) -> bool {
        let plan = self.plans.iter().find(|plan| plan.name == table);
        let columns = &plan.expect("a planned table").columns;
        columns.iter().any(|(column, ..)| column == name)
    }

    /// Tables without a reference to a district, at times one to another person.
    fn people(&mut self, number: usize) {
        let name = format!("p{number}");
        self.plan(&name, &[("id", "*", Fill::Number)]);
        if number > 0 && self.random.chance(40) {
            let mark = if self.random.chance(50) { "?" } else { "" };
            self.add_column(&name, "other_id", mark, Fill::Reference);
            self.refer(&name, &["other_id"], "p0", &["id"], 30, "");
        }
    }

    /// What somebody said of a person, and others look up.
    fn notes(&mut self) {
        if !self.is_planned("p0") || !self.random.chance(60) {
            return;
        }
        self.plan("n0", &[("id", "*", Fill::Number)]);
        self.add_column("n0", "of_id", "", Fill::Reference);
        self.refer("n0", &["of_id"], "p0", &["id"], 0, "");
    }

    fn sibling(&mut self) {
        self.plan("schools", &[("id", "*", Fill::Reference)]);
        self.refer("schools", &["id"], "orgs", &["id"], 0, "");
        for (column, parent) in [("district_id", "districts"), ("other_id", "orgs")] {
            if self.random.chance(60) {
                self.add_column("schools", column, "?", Fill::Reference);
                self.refer("schools", &[column], parent, &["id"], 30, "");
            }
        }
    }

    fn table(&mut self, number: usize) {
        let store = if self.random.chance(20) { "hcp." } else { "" };
        let name = format!("{store}t{number}");
        let shape = self.random.below(13);
        match shape {
            // A surrogate key.
            0..=4 => self.plan(&name, &[("id", "*", Fill::Number)]),
            // A composite key whose first column may be a district's.
            5 => self.plan(&name, &[("a", "*", Fill::Small), ("b", "*", Fill::Number)]),
            // A key that contains a parent's.
            6 | 7 => {
                self.plan(&name, &[]);
                let parent = if self.random.chance(35) && !self.is_across(&name, "districts") {
                    "districts".to_owned()
                } else {
                    self.earlier(&name)
                };
                self.key_reference(&name, &parent, "p");
                self.add_column(&name, "seq", "*", Fill::Number);
            }
            // A key that is a parent's.
            8 => {
                self.plan(&name, &[]);
                let parent = self.earlier(&name);
                self.key_reference(&name, &parent, "p");
            }
            // No key at all; equal rows.
            10..=12 => self.plan(&name, &[("small", "", Fill::Small)]),
            // An association of two parents, at times the same table.
            _ => {
                self.plan(&name, &[]);
                let parent = self.earlier(&name);
                self.key_reference(&name, &parent, "p");
                let other = if self.random.chance(40) {
                    parent
                } else {
                    self.earlier(&name)
                };
                self.key_reference(&name, &other, "q");
            }
        }
        if self.random.chance(15) {
            self.add_column(&name, "code", "?!", Fill::Code);
        }
        if self.random.chance(20) {
            self.add_column(&name, "kind", "", Fill::Kind);
        }
        for reference in 0..self.random.below(5) {
            self.reference(&name, reference);
        }
        if self.has_column(&name, "kind") && self.random.chance(50) {
            self.polymorphic(&name);
        }
    }

    /// One column that refers to one of two tables, as the kind of the row says.
    fn polymorphic(&mut self, name: &str) {
        let parents = [self.earlier(name), self.earlier(name)];
        let keys = parents.clone().map(|parent| self.key_of(&parent, false));
        if parents[0] == parents[1] || keys.iter().any(|key| key.len() != 1) {
            return;
        }
        let mark = if self.random.chance(50) { "?" } else { "" };
        self.add_column(name, "of_id", mark, Fill::Reference);
        let is_link =
            self.random.chance(50) || parents.iter().any(|parent| self.is_across(name, parent));
        let word = if is_link { "link" } else { "fk" };
        for ((parent, key), kind) in parents.iter().zip(&keys).zip(["s", "t"]) {
            writeln!(
                self.text,
                "{word} {name}(of_id) -> {parent}({}) owns when kind={kind}",
                key[0]
            )
            .expect("text");
            let plan = self.plans.iter_mut().find(|plan| plan.name == name);
            plan.expect("a planned table").references.push(Reference {
                columns: vec!["of_id".to_owned()],
                parent: parent.clone(),
                parent_columns: key.clone(),
                nulls: 30,
                dangling: 0,
                kind: Some(kind),
            });
        }
    }

    fn reference(&mut self, name: &str, number: usize) {
        // Later tables come by and by; what is later refers back, self references make rings.
        let tenants = self.tenants(name);
        let parent = if self.random.chance(12) && self.has_unique(name) {
            name.to_owned()
        } else if self.random.chance(20) && !tenants.is_empty() {
            tenants[self.random.below(tenants.len())].clone()
        } else if self.random.chance(30) {
            "districts".to_owned()
        } else if self.is_planned("n0") && self.random.chance(25) {
            "n0".to_owned()
        } else {
            self.earlier(name)
        };
        let columns = self.key_of(&parent, true);
        let is_nullable = parent == name || self.random.chance(50);
        let is_tied = self.random.chance(40);
        let mut own = Vec::new();
        for (position, column) in columns.iter().enumerate() {
            let known = self.same_meaning(name, &parent, column);
            if let Some(known) = known
                && columns.len() > 1
                && !own.contains(&known)
                && self.random.chance(60)
            {
                own.push(known);
                continue;
            }
            let is_first = position + 1 < columns.len();
            let suffix = if is_nullable && !(is_tied && is_first) {
                "?"
            } else {
                ""
            };
            let column = format!("r{number}_{column}");
            self.add_column(name, &column, suffix, Fill::Reference);
            own.push(column);
        }
        self.refer_owned(name, &own, &parent, &columns, 30);
    }

    /// Earlier tables whose key begins with the district's.
    fn tenants(&self, name: &str) -> Vec<String> {
        let is_tenant = |plan: &&Plan| {
            let mut references = plan.references.iter();
            plan.name != name
                && plan.columns.iter().any(|(column, ..)| column == "seq")
                && references
                    .any(|one| one.parent == "districts" && one.columns[0].starts_with("p_"))
        };
        let plans = self.plans.iter().filter(is_tenant);
        plans.map(|plan| plan.name.clone()).collect()
    }

    fn refer_owned(
        &mut self,
        child: &str,
        own: &[String],
        parent: &str,
        columns: &[String],
        nulls: usize,
    ) {
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        self.refer(child, &own, parent, &columns, nulls, "");
    }

    /// A column of a table that refers to the same key as that column of the parent does: the key of the
    /// tenant that stands in every table.
    fn same_meaning(&self, name: &str, parent: &str, column: &str) -> Option<String> {
        let plan = |name: &str| self.plans.iter().find(|plan| plan.name == name);
        let meanings = |plan: &Plan, column: &str| -> Vec<(String, String)> {
            let references = plan.references.iter();
            references
                .flat_map(|one| {
                    let pairs = one.columns.iter().zip(&one.parent_columns);
                    pairs.map(|(own, of)| (own, (one.parent.clone(), of.clone())))
                })
                .filter(|(own, _)| *own == column)
                .map(|(_, meaning)| meaning)
                .collect()
        };
        let mut wanted = meanings(plan(parent)?, column);
        wanted.push((parent.to_owned(), column.to_owned()));
        let own = plan(name)?;
        let candidates = own.columns.iter().filter(|(_, marks, _)| marks.is_empty());
        let mut candidates = candidates.map(|(column, ..)| column);
        let is_same = |column: &&String| {
            meanings(own, column)
                .iter()
                .any(|meaning| wanted.contains(meaning))
        };
        candidates.find(is_same).cloned()
    }

    /// A reference whose columns are part of the key.
    fn key_reference(&mut self, name: &str, parent: &str, prefix: &str) {
        let columns = self.key_of(parent, false);
        let mut own = Vec::new();
        for column in &columns {
            let column = format!("{prefix}_{column}");
            self.add_column(name, &column, "*", Fill::Reference);
            own.push(column);
        }
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let tail = if self.random.chance(40) {
            "cascade"
        } else {
            ""
        };
        self.refer(name, &own, parent, &columns, 0, tail);
    }

    fn marks(&self, table: &str) -> String {
        let plan = self.plans.iter().find(|plan| plan.name == table);
        let columns = &plan.expect("a planned table").columns;
        columns.iter().map(|(_, marks, _)| marks.as_str()).collect()
    }

    fn is_keyless(&self, table: &str) -> bool {
        !self.marks(table).contains('*')
    }

    fn has_unique(&self, table: &str) -> bool {
        self.marks(table).contains(['*', '!'])
    }

    fn earlier(&mut self, name: &str) -> String {
        let names: Vec<String> = self.plans.iter().map(|plan| plan.name.clone()).collect();
        let is_person = |other: &&String| other.starts_with('p');
        let can_be_referred = |other: &&String| *other != name && self.has_unique(other);
        let mut earlier: Vec<&String> = names.iter().filter(can_be_referred).collect();
        if earlier.iter().any(is_person) && self.random.chance(40) {
            earlier.retain(is_person);
        }
        earlier[self.random.below(earlier.len())].clone()
    }

    /// The primary key of a table, or at times another unique column. A keyless table has that only.
    fn key_of(&mut self, table: &str, may_be_code: bool) -> Vec<String> {
        let is_keyless = self.is_keyless(table);
        let is_code = is_keyless || may_be_code && self.random.chance(30);
        let plan = self.plans.iter().find(|plan| plan.name == table);
        let columns = &plan.expect("a planned table").columns;
        let of = |mark: char| -> Vec<String> {
            columns
                .iter()
                .filter(|(_, marks, _)| marks.contains(mark))
                .map(|(column, ..)| column.clone())
                .collect()
        };
        let unique = of('!');
        if is_code && !unique.is_empty() {
            return unique;
        }
        of('*')
    }

    fn plan(&mut self, name: &str, columns: &[(&str, &str, Fill)]) {
        self.plans.push(Plan {
            name: name.to_owned(),
            columns: columns
                .iter()
                .map(|(column, marks, fill)| {
                    ((*column).to_owned(), (*marks).to_owned(), fill.clone())
                })
                .collect(),
            references: Vec::new(),
        });
    }

    fn add_column(&mut self, table: &str, column: &str, marks: &str, fill: Fill) {
        let plan = self.plans.iter_mut().find(|plan| plan.name == table);
        let plan = plan.expect("a planned table");
        plan.columns
            .push((column.to_owned(), marks.to_owned(), fill));
    }

    fn refer(
        &mut self,
        child: &str,
        columns: &[&str],
        parent: &str,
        parent_columns: &[&str],
        nulls: usize,
        tail: &str,
    ) {
        let is_across = self.is_across(child, parent);
        let is_link = is_across || self.random.chance(5);
        let (from, to) = (columns.join(", "), parent_columns.join(", "));
        let plan = self.plans.iter_mut().find(|plan| plan.name == child);
        let plan = plan.expect("a planned table");
        let mut reference = Reference {
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            parent: parent.to_owned(),
            parent_columns: parent_columns
                .iter()
                .map(|column| (*column).to_owned())
                .collect(),
            nulls,
            dangling: 0,
            kind: None,
        };
        if is_link {
            let is_key = plan.columns.iter().any(|(column, marks, _)| {
                marks.contains('*') && reference.columns.contains(column)
            });
            let has_kind = plan.columns.iter().any(|(column, ..)| column == "kind");
            reference.dangling = if is_key { 0 } else { 15 };
            let owns = if self.random.chance(70) { "owns" } else { "" };
            let when = if has_kind && self.random.chance(60) {
                "when kind=s"
            } else {
                ""
            };
            writeln!(
                self.text,
                "link {child}({from}) -> {parent}({to}) {owns} {when}"
            )
            .expect("text");
        } else {
            let valid = if self.random.chance(10) {
                "not valid"
            } else {
                ""
            };
            let has_kind = plan.columns.iter().any(|(column, ..)| column == "kind");
            let when = if has_kind && self.random.chance(30) {
                "when kind=s"
            } else {
                ""
            };
            writeln!(
                self.text,
                "fk {child}({from}) -> {parent}({to}) {tail} {valid} {when}"
            )
            .expect("text");
        }
        plan.references.push(reference);
    }
}
