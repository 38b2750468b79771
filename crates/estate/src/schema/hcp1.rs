//! Tables of HCP1.

use crate::schema::{StoreId, TableSpec};

pub(crate) static CONTENT_ITEMS: TableSpec = TableSpec {
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
    ..TableSpec::base(StoreId::Hcp1, "content_items")
};

pub(crate) static ASSIGNMENTS: TableSpec = TableSpec {
    columns: &[
        "id",
        "ids_course_id",
        "section_no",
        "content_item_id",
        "title",
        "due_on",
        "instructions",
    ],
    key: &["id"],
    nullable: &["instructions"],
    ..TableSpec::base(StoreId::Hcp1, "assignments")
};

pub(crate) static LEARNERS: TableSpec = TableSpec {
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
    ..TableSpec::base(StoreId::Hcp1, "learners")
};

pub(crate) static SUBMISSIONS: TableSpec = TableSpec {
    columns: &[
        "id",
        "learner_id",
        "assignment_id",
        "submitted_at",
        "score",
        "body",
    ],
    key: &["id"],
    nullable: &["score"],
    is_serial: true,
    ..TableSpec::base(StoreId::Hcp1, "submissions")
};

pub(crate) static ATTACHMENTS: TableSpec = TableSpec {
    columns: &[
        "id",
        "submission_id",
        "file_name",
        "media_type",
        "byte_count",
        "content",
    ],
    key: &["id"],
    ..TableSpec::base(StoreId::Hcp1, "attachments")
};
