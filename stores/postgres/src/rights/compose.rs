//! From what the catalogs say to statements. Pure.

use std::collections::BTreeMap;

use redistrict_store::{Right, Rights};

use super::text::{identifier, literal, qualified, unless};

/// Sessions that the reader has at once: planning keeps its view while the extraction has its own, and
/// somebody may run `doctor` meanwhile.
const READER_SESSIONS: u32 = 10;
/// Sessions that the loader has at once, those that stage side by side included.
const LOADER_SESSIONS: u32 = 20;

/// A table or a sequence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Relation {
    pub(super) schema: String,
    pub(super) name: String,
}

impl Relation {
    pub(super) fn new(schema: &str, name: &str) -> Self {
        Self {
            schema: schema.to_owned(),
            name: name.to_owned(),
        }
    }

    fn text(&self) -> String {
        qualified(&self.schema, &self.name)
    }
}

/// A table that is read or written.
#[derive(Clone, Debug)]
pub(super) struct TableFacts {
    pub(super) name: Relation,
    pub(super) has_row_security: bool,
    /// Schemas of types that statements name.
    pub(super) type_schemas: Vec<String>,
}

/// What the rights depend on.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) database: String,
    pub(super) tables: Vec<TableFacts>,
    /// Tables, not among those, whose rows may refer to a row that an undo deletes.
    pub(super) referring: Vec<Relation>,
    pub(super) sequences: Vec<Relation>,
    /// Tables of ours that another role made.
    pub(super) of_others: Vec<Relation>,
    /// Triggers that fire.
    pub(super) triggers: Vec<String>,
}

/// For the role that reads.
pub(super) fn of_reader(role: &str, facts: &Facts) -> Rights {
    let mut made = Composing::new(role, facts);
    made.role(READER_SESSIONS);
    made.always(
        format!(
            "alter role {} set default_transaction_read_only = on",
            made.role
        ),
        "a second lock: its sessions begin read-only, whatever it is granted by mistake",
    );
    made.connect();
    made.schemas("read");
    for table in &facts.tables {
        made.always(
            format!(
                "grant select on table {} to {}",
                table.name.text(),
                made.role
            ),
            "counted, sampled and read by keys",
        );
    }
    made.row_security();
    made.fingerprint();
    made.rights
}

/// For the role that writes.
pub(super) fn of_loader(role: &str, facts: &Facts) -> Rights {
    let mut made = Composing::new(role, facts);
    made.role(LOADER_SESSIONS);
    made.connect();
    made.own_schemas();
    made.schemas("written");
    for table in &facts.tables {
        made.always(
            format!(
                "grant select, insert, update, delete on table {} to {}",
                table.name.text(),
                made.role
            ),
            "compared, loaded, updated or locked (which takes UPDATE), taken out again by an undo",
        );
    }
    for table in &facts.referring {
        made.always(
            format!("grant select on table {} to {}", table.text(), made.role),
            "does not move, but its rows may refer to some that an undo deletes: it looks first",
        );
    }
    for sequence in &facts.sequences {
        made.always(
            format!("grant select, update on sequence {} to {}", sequence.text(), made.role),
            "raised to the largest value that was loaded, so that the application's next row finds a free one",
        );
    }
    made.row_security();
    made.triggers();
    made.fingerprint();
    made.rights
}

struct Composing<'a> {
    /// Quoted.
    role: String,
    /// As it is.
    name: &'a str,
    facts: &'a Facts,
    rights: Rights,
}

impl<'a> Composing<'a> {
    fn new(name: &'a str, facts: &'a Facts) -> Self {
        let place = format!("the PostgreSQL database {}", facts.database);
        Self {
            role: identifier(name),
            name,
            facts,
            rights: Rights {
                place,
                comment: "--",
                remarks: Vec::new(),
                statements: Vec::new(),
            },
        }
    }

    fn always(&mut self, statement: String, reason: &str) {
        self.rights
            .statements
            .push(Right::always(statement, reason));
    }

    fn sometimes(&mut self, statement: String, reason: &str) {
        self.rights
            .statements
            .push(Right::sometimes(statement, reason));
    }

    fn role(&mut self, sessions: u32) {
        self.rights.remarks.push(format!(
            "Give the role a password afterwards, in psql: \\password {} (nothing here holds one). A role that is there already keeps what it has: `redistrict doctor` tells what is too much.",
            self.role
        ));
        let there = format!(
            "exists (select from pg_catalog.pg_roles where rolname = {})",
            literal(self.name)
        );
        self.always(
            unless(&there, &format!("create role {} login", self.role)),
            "the role, without any right to make roles or databases, to replicate or to bypass anything",
        );
        self.always(
            format!("alter role {} connection limit {sessions}", self.role),
            "more sessions are never open at once",
        );
    }

    fn connect(&mut self) {
        self.always(
            format!(
                "grant connect on database {} to {}",
                identifier(&self.facts.database),
                self.role
            ),
            "log in; every role has it unless it was taken from PUBLIC",
        );
    }

    /// The schemas of everything that statements name.
    fn schemas(&mut self, what: &str) {
        let mut reasons: BTreeMap<&str, String> = BTreeMap::new();
        let facts = self.facts;
        let tables = facts.tables.iter().map(|one| one.name.schema.as_str());
        let types = facts.tables.iter().flat_map(|one| &one.type_schemas);
        let kinds = [
            (tables.collect::<Vec<_>>(), format!("its tables are {what}")),
            (
                types.map(String::as_str).collect(),
                "its types are those of columns of the tables below".to_owned(),
            ),
            (
                facts
                    .referring
                    .iter()
                    .map(|one| one.schema.as_str())
                    .collect(),
                "its tables refer to those that are written".to_owned(),
            ),
            (
                facts
                    .sequences
                    .iter()
                    .map(|one| one.schema.as_str())
                    .collect(),
                "its sequences feed columns of the tables below".to_owned(),
            ),
        ];
        for (schemas, reason) in kinds {
            for schema in schemas {
                reasons.entry(schema).or_insert_with(|| reason.clone());
            }
        }
        for (schema, reason) in reasons {
            self.always(
                format!(
                    "grant usage on schema {} to {}",
                    identifier(schema),
                    self.role
                ),
                &reason,
            );
        }
    }

    /// The schemas of ours: the administrator makes them, so that the role need not be able to make others.
    fn own_schemas(&mut self) {
        for (schema, holds) in [
            (
                "redistrict_meta",
                "the mark of a certification database, the lease, the ledger of what was written",
            ),
            (
                "redistrict_stage",
                "rows that wait to be written; empty between runs",
            ),
        ] {
            self.always(
                format!("create schema if not exists {schema}"),
                &format!("beside the data: {holds}"),
            );
            self.always(
                format!("grant usage, create on schema {schema} to {}", self.role),
                "the role makes its tables there, and nowhere else",
            );
        }
        for table in &self.facts.of_others {
            self.always(
                format!("alter table {} owner to {}", table.text(), self.role),
                "another role enrolled this database: what it made there has to be this role's",
            );
        }
    }

    fn row_security(&mut self) {
        let secured = self.facts.tables.iter().filter(|one| one.has_row_security);
        let names: Vec<String> = secured.map(|one| one.name.text()).collect();
        if names.is_empty() {
            return;
        }
        self.always(
            format!("alter role {} bypassrls", self.role),
            &format!(
                "row security is on for {}: a role that sees some of the rows only is refused, whatever the policies say (a superuser runs this; or leave the tables out by `excluded`)",
                names.join(", ")
            ),
        );
    }

    fn triggers(&mut self) {
        if self.facts.triggers.is_empty() {
            return;
        }
        self.rights.remarks.push(format!(
            "Triggers that fire for rows that are written run with this role's rights, unless their functions are SECURITY DEFINER: where they are to fire (`triggers = \"fire\"`, or without the right to switch them off), grant what they touch: {}.",
            self.facts.triggers.join(", ")
        ));
        self.sometimes(
            format!(
                "grant set on parameter session_replication_role to {}",
                self.role
            ),
            "switches the triggers of these tables off for our own statements, so that an undo is exact; it lets the role write without any trigger and without the server's checks of foreign keys, which are done by queries instead (PostgreSQL 15 and later, by a superuser; before that only superusers may)",
        );
    }

    fn fingerprint(&mut self) {
        self.sometimes(
            format!(
                "grant execute on function pg_catalog.pg_control_system() to {}",
                self.role
            ),
            "only where it was taken from PUBLIC: it tells one server from another, so that PROD and CERT are never mixed up",
        );
    }
}
