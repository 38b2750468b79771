//! The tables of the estate: names, columns, keys, links between stores, and the DDL of each kind.
//! What stands here is checked against the catalog that the DDL makes.

mod adb;
mod graph;
mod hcp1;
mod hcp2;
mod ids;
mod kind;
mod links;
mod sp;
mod table;

pub use graph::{End, GraphTable};
pub use kind::{EstateKind, StoreId, StoreKinds};
pub use links::{LINKS, Link, Side};
pub use table::{NULL_TEXT, TableSpec};

pub(crate) use adb::{ASSESSMENTS, RESPONSES, RESULTS, TEST_EVENTS, TEST_TAKERS};
pub(crate) use hcp1::{ASSIGNMENTS, ATTACHMENTS, CONTENT_ITEMS, LEARNERS, SUBMISSIONS};
pub(crate) use hcp2::{DEVICES, LICENCES, PRODUCTS, USAGE_EVENTS};
pub(crate) use ids::{
    ACCOUNTS, ATTENDANCE, AUDIT_LOG, COURSES, CUSTOM_FIELD_VALUES, CUSTOM_FIELDS, DISTRICTS,
    ENROLLMENTS, GRADES, GUARDIANS, SCHOOLS, SECTIONS, SESSIONS, STAFF, STATES, STUDENT_GUARDIANS,
    STUDENTS, SUBJECTS, TRANSFERS,
};
pub(crate) use links::LinkName;
pub(crate) use sp::{
    ENROLLED_IN, GUARDIAN_OF, HAS_SKILL, KNOWS, PART_OF, PEOPLE, REFERRED, SKILLS, SP_DISTRICTS,
    SP_SCHOOLS, SP_STATES, WORKS_AT,
};

/// Every table, store by store, parents before children but for the late columns.
pub static TABLES: [&TableSpec; 45] = [
    &STATES,
    &DISTRICTS,
    &SCHOOLS,
    &STAFF,
    &SUBJECTS,
    &COURSES,
    &SECTIONS,
    &STUDENTS,
    &GUARDIANS,
    &STUDENT_GUARDIANS,
    &ENROLLMENTS,
    &ATTENDANCE,
    &GRADES,
    &TRANSFERS,
    &CUSTOM_FIELDS,
    &CUSTOM_FIELD_VALUES,
    &ACCOUNTS,
    &SESSIONS,
    &AUDIT_LOG,
    &CONTENT_ITEMS,
    &ASSIGNMENTS,
    &LEARNERS,
    &SUBMISSIONS,
    &ATTACHMENTS,
    &PRODUCTS,
    &LICENCES,
    &DEVICES,
    &USAGE_EVENTS,
    &ASSESSMENTS,
    &TEST_TAKERS,
    &TEST_EVENTS,
    &RESULTS,
    &RESPONSES,
    &SP_STATES,
    &SP_DISTRICTS,
    &SP_SCHOOLS,
    &PEOPLE,
    &SKILLS,
    &PART_OF,
    &ENROLLED_IN,
    &WORKS_AT,
    &GUARDIAN_OF,
    &HAS_SKILL,
    &KNOWS,
    &REFERRED,
];

/// The DDL of a store: several statements, for an empty database. Cypher where the kind is a graph.
///
/// Only `sp` has a graph form; for the others the answer is that of PostgreSQL, which
/// [`StoreKinds::with`] does not let happen.
#[must_use]
pub fn schema_sql(kind: EstateKind, store: StoreId) -> &'static str {
    match (kind, store) {
        (EstateKind::Sqlite, StoreId::Ids) => include_str!("../../sql/ids.sqlite.sql"),
        (EstateKind::Sqlite, StoreId::Hcp1) => include_str!("../../sql/hcp1.sqlite.sql"),
        (EstateKind::Sqlite, StoreId::Hcp2) => include_str!("../../sql/hcp2.sqlite.sql"),
        (EstateKind::Sqlite, StoreId::Adb) => include_str!("../../sql/adb.sqlite.sql"),
        (EstateKind::Sqlite, StoreId::Sp) => include_str!("../../sql/sp.sqlite.sql"),
        (EstateKind::Neo4j, StoreId::Sp) => include_str!("../../sql/sp.neo4j.cypher"),
        (_, StoreId::Ids) => include_str!("../../sql/ids.postgres.sql"),
        (_, StoreId::Hcp1) => include_str!("../../sql/hcp1.postgres.sql"),
        (_, StoreId::Hcp2) => include_str!("../../sql/hcp2.postgres.sql"),
        (_, StoreId::Adb) => include_str!("../../sql/adb.postgres.sql"),
        (EstateKind::Postgres, StoreId::Sp) => include_str!("../../sql/sp.postgres.sql"),
    }
}
