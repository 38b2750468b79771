//! Tables of IDS.

use crate::schema::{StoreId, TableSpec};

pub(crate) static STATES: TableSpec = TableSpec {
    columns: &["id", "code", "name"],
    key: &["id"],
    ..TableSpec::base(StoreId::Ids, "states")
};

pub(crate) static DISTRICTS: TableSpec = TableSpec {
    columns: &["id", "state_id", "name", "nces_code", "opened_on", "active"],
    key: &["id"],
    nullable: &["opened_on"],
    ..TableSpec::base(StoreId::Ids, "districts")
};

pub(crate) static SCHOOLS: TableSpec = TableSpec {
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
    ..TableSpec::base(StoreId::Ids, "schools")
};

pub(crate) static STAFF: TableSpec = TableSpec {
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
    is_serial: true,
    ..TableSpec::base(StoreId::Ids, "staff")
};

pub(crate) static SUBJECTS: TableSpec = TableSpec {
    columns: &["id", "code", "title", "credits"],
    key: &["id"],
    ..TableSpec::base(StoreId::Ids, "subjects")
};

pub(crate) static COURSES: TableSpec = TableSpec {
    columns: &["id", "school_id", "subject_id", "title"],
    key: &["id"],
    ..TableSpec::base(StoreId::Ids, "courses")
};

pub(crate) static SECTIONS: TableSpec = TableSpec {
    columns: &["course_id", "section_no", "teacher_id", "room"],
    key: &["course_id", "section_no"],
    nullable: &["room"],
    ..TableSpec::base(StoreId::Ids, "sections")
};

pub(crate) static STUDENTS: TableSpec = TableSpec {
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
    is_serial: true,
    ..TableSpec::base(StoreId::Ids, "students")
};

pub(crate) static GUARDIANS: TableSpec = TableSpec {
    columns: &["id", "first_name", "last_name", "email", "phone", "address"],
    key: &["id"],
    nullable: &["email", "address"],
    ..TableSpec::base(StoreId::Ids, "guardians")
};

pub(crate) static STUDENT_GUARDIANS: TableSpec = TableSpec {
    columns: &["student_id", "guardian_id", "relation_code", "is_primary"],
    key: &["student_id", "guardian_id"],
    ..TableSpec::base(StoreId::Ids, "student_guardians")
};

pub(crate) static ENROLLMENTS: TableSpec = TableSpec {
    columns: &[
        "course_id",
        "section_no",
        "student_id",
        "enrolled_on",
        "withdrawn_on",
    ],
    key: &["course_id", "section_no", "student_id"],
    nullable: &["withdrawn_on"],
    ..TableSpec::base(StoreId::Ids, "enrollments")
};

pub(crate) static ATTENDANCE: TableSpec = TableSpec {
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
    is_serial: true,
    ..TableSpec::base(StoreId::Ids, "attendance")
};

pub(crate) static GRADES: TableSpec = TableSpec {
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
    ..TableSpec::base(StoreId::Ids, "grades")
};

pub(crate) static TRANSFERS: TableSpec = TableSpec {
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
    ..TableSpec::base(StoreId::Ids, "transfers")
};

pub(crate) static CUSTOM_FIELDS: TableSpec = TableSpec {
    columns: &["id", "label", "data_type", "position"],
    key: &["id"],
    ..TableSpec::base(StoreId::Ids, "custom_fields")
};

pub(crate) static CUSTOM_FIELD_VALUES: TableSpec = TableSpec {
    columns: &["student_id", "field_id", "value", "updated_on"],
    key: &["student_id", "field_id"],
    nullable: &["updated_on"],
    ..TableSpec::base(StoreId::Ids, "custom_field_values")
};

pub(crate) static ACCOUNTS: TableSpec = TableSpec {
    columns: &[
        "id",
        "student_id",
        "staff_id",
        "user_name",
        "password_hash",
        "last_session_id",
        "created_at",
    ],
    key: &["id"],
    nullable: &["student_id", "staff_id", "password_hash", "last_session_id"],
    late: Some("last_session_id"),
    is_serial: true,
    ..TableSpec::base(StoreId::Ids, "accounts")
};

pub(crate) static SESSIONS: TableSpec = TableSpec {
    columns: &[
        "id",
        "account_id",
        "token",
        "ip_address",
        "user_agent",
        "started_at",
        "ended_at",
    ],
    key: &["id"],
    nullable: &["token", "ip_address", "ended_at"],
    is_serial: true,
    ..TableSpec::base(StoreId::Ids, "sessions")
};

pub(crate) static AUDIT_LOG: TableSpec = TableSpec {
    columns: &[
        "id",
        "logged_at",
        "entity",
        "entity_id",
        "action",
        "actor_id",
        "old_values",
        "new_values",
    ],
    key: &["id", "logged_at"],
    nullable: &["actor_id", "old_values", "new_values"],
    ..TableSpec::base(StoreId::Ids, "audit_log")
};
