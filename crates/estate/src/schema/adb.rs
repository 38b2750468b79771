//! Tables of ADB.

use crate::schema::{StoreId, TableSpec};

pub(crate) static ASSESSMENTS: TableSpec = TableSpec {
    columns: &[
        "code",
        "title",
        "subject",
        "grade",
        "max_score",
        "cut_scores",
        "standards",
    ],
    key: &["code"],
    ..TableSpec::base(StoreId::Adb, "assessments")
};

pub(crate) static TEST_TAKERS: TableSpec = TableSpec {
    columns: &[
        "state_student_id",
        "school_id",
        "first_name",
        "last_name",
        "birth_date",
        "accommodations",
        "contact_emails",
    ],
    key: &["state_student_id"],
    nullable: &["contact_emails"],
    generated: &["full_name"],
    ..TableSpec::base(StoreId::Adb, "test_takers")
};

pub(crate) static TEST_EVENTS: TableSpec = TableSpec {
    columns: &[
        "id",
        "school_id",
        "assessment_code",
        "room_no",
        "during",
        "proctor_id",
    ],
    key: &["id"],
    nullable: &["proctor_id"],
    is_serial: true,
    ..TableSpec::base(StoreId::Adb, "test_events")
};

pub(crate) static RESULTS: TableSpec = TableSpec {
    columns: &[
        "state_student_id",
        "assessment_code",
        "attempt",
        "event_id",
        "taken_on",
        "raw_score",
        "level",
        "item_scores",
        "domain_scores",
        "is_final",
    ],
    key: &["state_student_id", "assessment_code", "attempt"],
    nullable: &["event_id", "domain_scores"],
    generated: &["scaled_score"],
    ..TableSpec::base(StoreId::Adb, "results")
};

pub(crate) static RESPONSES: TableSpec = TableSpec {
    columns: &[
        "state_student_id",
        "assessment_code",
        "attempt",
        "item_no",
        "points",
        "answer",
    ],
    key: &["state_student_id", "assessment_code", "attempt", "item_no"],
    nullable: &["points", "answer"],
    ..TableSpec::base(StoreId::Adb, "responses")
};
