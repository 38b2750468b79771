//! The tables of the estate: names, columns, keys, and the DDL of each kind. What stands here is
//! checked against the catalog that the DDL makes.

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// The kind of database an estate is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EstateKind {
    Sqlite,
    Postgres,
}

impl EstateKind {
    /// As `kind` in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A store of the estate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreId {
    Ids,
    Hcp1,
}

impl StoreId {
    /// Both, in the order in which they are configured.
    pub const ALL: [Self; 2] = [Self::Ids, Self::Hcp1];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ids => "ids",
            Self::Hcp1 => "hcp1",
        }
    }
}

/// A table. Identified by store and name.
#[derive(Debug)]
pub struct TableSpec {
    pub store: StoreId,
    pub name: &'static str,
    /// In catalog order.
    pub columns: &'static [&'static str],
    /// The primary key's columns, in its order.
    pub key: &'static [&'static str],
    /// Columns that may be NULL.
    pub nullable: &'static [&'static str],
    /// A column that closes a cycle of foreign keys: written after all rows are there.
    pub late: Option<&'static str>,
    /// The key comes from a sequence in PostgreSQL.
    pub is_serial: bool,
}

impl PartialEq for TableSpec {
    fn eq(&self, other: &Self) -> bool {
        (self.store, self.name) == (other.store, other.name)
    }
}

impl Eq for TableSpec {}

impl TableSpec {
    /// `store.table`, as the configuration names it.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.store.as_str(), self.name)
    }

    /// The position of a column.
    ///
    /// # Panics
    /// If the table has no such column.
    #[must_use]
    pub fn index(&self, column: &str) -> usize {
        self.columns
            .iter()
            .position(|one| *one == column)
            .expect("the estate names columns of the table")
    }

    /// The canonical texts of the key of a row.
    ///
    /// # Panics
    /// If a key value is NULL.
    #[must_use]
    pub fn key_of(&self, values: &[Value]) -> Vec<String> {
        self.key
            .iter()
            .map(|column| {
                values[self.index(column)]
                    .text()
                    .expect("keys are NOT NULL")
            })
            .collect()
    }
}

/// The DDL of a store: several statements, for an empty database.
#[must_use]
pub fn schema_sql(kind: EstateKind, store: StoreId) -> &'static str {
    match (kind, store) {
        (EstateKind::Sqlite, StoreId::Ids) => include_str!("../sql/ids.sqlite.sql"),
        (EstateKind::Sqlite, StoreId::Hcp1) => include_str!("../sql/hcp1.sqlite.sql"),
        (EstateKind::Postgres, StoreId::Ids) => include_str!("../sql/ids.postgres.sql"),
        (EstateKind::Postgres, StoreId::Hcp1) => include_str!("../sql/hcp1.postgres.sql"),
    }
}

/// Every table, parents before children but for the late columns.
pub static TABLES: [&TableSpec; 17] = [
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
    &CONTENT_ITEMS,
    &LEARNERS,
    &SUBMISSIONS,
];

pub(crate) static STATES: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "states",
    columns: &["id", "code", "name"],
    key: &["id"],
    nullable: &[],
    late: None,
    is_serial: false,
};

pub(crate) static DISTRICTS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "districts",
    columns: &["id", "state_id", "name", "nces_code", "opened_on", "active"],
    key: &["id"],
    nullable: &["opened_on"],
    late: None,
    is_serial: false,
};

pub(crate) static SCHOOLS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "schools",
    columns: &[
        "id",
        "district_id",
        "principal_id",
        "name",
        "level",
        "capacity",
    ],
    key: &["id"],
    nullable: &["principal_id", "capacity"],
    late: Some("principal_id"),
    is_serial: false,
};

pub(crate) static STAFF: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "staff",
    columns: &[
        "id",
        "school_id",
        "manager_id",
        "first_name",
        "last_name",
        "email",
        "phone",
        "position",
        "hired_on",
        "created_at",
    ],
    key: &["id"],
    nullable: &["manager_id", "phone"],
    late: None,
    is_serial: true,
};

pub(crate) static SUBJECTS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "subjects",
    columns: &["id", "code", "title", "credits"],
    key: &["id"],
    nullable: &[],
    late: None,
    is_serial: false,
};

pub(crate) static COURSES: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "courses",
    columns: &["id", "school_id", "subject_id", "title"],
    key: &["id"],
    nullable: &[],
    late: None,
    is_serial: false,
};

pub(crate) static SECTIONS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "sections",
    columns: &["course_id", "section_no", "teacher_id", "room"],
    key: &["course_id", "section_no"],
    nullable: &["room"],
    late: None,
    is_serial: false,
};

pub(crate) static STUDENTS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "students",
    columns: &[
        "id",
        "school_id",
        "student_number",
        "first_name",
        "last_name",
        "birth_date",
        "national_id",
        "email",
        "phone",
        "address",
        "grade_code",
        "active",
        "profile",
        "notes",
    ],
    key: &["id"],
    nullable: &["national_id", "phone", "address", "notes"],
    late: None,
    is_serial: true,
};

pub(crate) static GUARDIANS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "guardians",
    columns: &["id", "first_name", "last_name", "email", "phone", "address"],
    key: &["id"],
    nullable: &["email", "address"],
    late: None,
    is_serial: false,
};

pub(crate) static STUDENT_GUARDIANS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "student_guardians",
    columns: &["student_id", "guardian_id", "relation_code", "is_primary"],
    key: &["student_id", "guardian_id"],
    nullable: &[],
    late: None,
    is_serial: false,
};

pub(crate) static ENROLLMENTS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "enrollments",
    columns: &[
        "course_id",
        "section_no",
        "student_id",
        "enrolled_on",
        "withdrawn_on",
    ],
    key: &["course_id", "section_no", "student_id"],
    nullable: &["withdrawn_on"],
    late: None,
    is_serial: false,
};

pub(crate) static ATTENDANCE: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "attendance",
    columns: &[
        "id",
        "student_id",
        "recorded_by",
        "day",
        "status",
        "minutes",
        "remark",
    ],
    key: &["id"],
    nullable: &["recorded_by", "minutes", "remark"],
    late: None,
    is_serial: true,
};

pub(crate) static GRADES: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "grades",
    columns: &[
        "course_id",
        "section_no",
        "student_id",
        "term",
        "points",
        "comment",
    ],
    key: &["course_id", "section_no", "student_id", "term"],
    nullable: &["comment"],
    late: None,
    is_serial: false,
};

pub(crate) static TRANSFERS: TableSpec = TableSpec {
    store: StoreId::Ids,
    name: "transfers",
    columns: &[
        "id",
        "student_id",
        "from_district_id",
        "to_district_id",
        "moved_on",
        "reason",
    ],
    key: &["id"],
    nullable: &["to_district_id", "reason"],
    late: None,
    is_serial: false,
};

pub(crate) static CONTENT_ITEMS: TableSpec = TableSpec {
    store: StoreId::Hcp1,
    name: "content_items",
    columns: &[
        "id",
        "code",
        "title",
        "minutes",
        "thumbnail",
        "published_on",
    ],
    key: &["id"],
    nullable: &["minutes", "thumbnail"],
    late: None,
    is_serial: false,
};

pub(crate) static LEARNERS: TableSpec = TableSpec {
    store: StoreId::Hcp1,
    name: "learners",
    columns: &[
        "id",
        "ids_student_id",
        "display_name",
        "login",
        "avatar",
        "active",
        "last_seen_at",
    ],
    key: &["id"],
    nullable: &["avatar", "last_seen_at"],
    late: None,
    is_serial: false,
};

pub(crate) static SUBMISSIONS: TableSpec = TableSpec {
    store: StoreId::Hcp1,
    name: "submissions",
    columns: &[
        "id",
        "learner_id",
        "content_item_id",
        "submitted_at",
        "score",
        "body",
    ],
    key: &["id"],
    nullable: &["score"],
    late: None,
    is_serial: true,
};
