//! Tables of SP: of nodes and of relationships.

use crate::schema::{End, GraphTable, StoreId, TableSpec};

pub(crate) static SP_STATES: TableSpec = TableSpec {
    columns: &["code", "name"],
    key: &["code"],
    graph: Some(GraphTable::Node {
        label: "State",
        labels: None,
    }),
    ..TableSpec::base(StoreId::Sp, "states")
};

pub(crate) static SP_DISTRICTS: TableSpec = TableSpec {
    columns: &["district_id", "name"],
    key: &["district_id"],
    graph: Some(GraphTable::Node {
        label: "District",
        labels: None,
    }),
    ..TableSpec::base(StoreId::Sp, "districts")
};

pub(crate) static SP_SCHOOLS: TableSpec = TableSpec {
    columns: &["school_id", "name", "level"],
    key: &["school_id"],
    graph: Some(GraphTable::Node {
        label: "School",
        labels: None,
    }),
    ..TableSpec::base(StoreId::Sp, "schools")
};

pub(crate) static PEOPLE: TableSpec = TableSpec {
    columns: &[
        "person_id",
        "labels",
        "student_id",
        "staff_id",
        "guardian_id",
        "display_name",
        "email",
        "phone",
        "nicknames",
        "born_on",
    ],
    key: &["person_id"],
    nullable: &[
        "student_id",
        "staff_id",
        "guardian_id",
        "email",
        "phone",
        "nicknames",
        "born_on",
    ],
    graph: Some(GraphTable::Node {
        label: "Person",
        labels: Some("labels"),
    }),
    ..TableSpec::base(StoreId::Sp, "people")
};

pub(crate) static SKILLS: TableSpec = TableSpec {
    columns: &["code", "title"],
    key: &["code"],
    graph: Some(GraphTable::Node {
        label: "Skill",
        labels: None,
    }),
    ..TableSpec::base(StoreId::Sp, "skills")
};

pub(crate) static PART_OF: TableSpec = TableSpec {
    columns: &["start_label", "start_id", "end_label", "end_id"],
    graph: Some(GraphTable::Relationship {
        kind: "PART_OF",
        start: End::Any {
            label: "start_label",
            column: "start_id",
        },
        end: End::Any {
            label: "end_label",
            column: "end_id",
        },
        key: None,
    }),
    ..TableSpec::base(StoreId::Sp, "part_of")
};

pub(crate) static ENROLLED_IN: TableSpec = TableSpec {
    columns: &["enrolment_no", "person_id", "school_id", "since", "grade"],
    key: &["enrolment_no"],
    graph: Some(GraphTable::Relationship {
        kind: "ENROLLED_IN",
        start: End::Of {
            column: "person_id",
            label: "Person",
        },
        end: End::Of {
            column: "school_id",
            label: "School",
        },
        key: Some("enrolment_no"),
    }),
    ..TableSpec::base(StoreId::Sp, "enrolled_in")
};

pub(crate) static WORKS_AT: TableSpec = TableSpec {
    columns: &["person_id", "school_id", "position", "since"],
    key: &["person_id", "school_id"],
    graph: Some(GraphTable::Relationship {
        kind: "WORKS_AT",
        start: End::Of {
            column: "person_id",
            label: "Person",
        },
        end: End::Of {
            column: "school_id",
            label: "School",
        },
        key: None,
    }),
    ..TableSpec::base(StoreId::Sp, "works_at")
};

pub(crate) static GUARDIAN_OF: TableSpec = TableSpec {
    columns: &["guardian_id", "child_id", "relation", "has_custody"],
    key: &["guardian_id", "child_id"],
    graph: Some(GraphTable::Relationship {
        kind: "GUARDIAN_OF",
        start: End::Of {
            column: "guardian_id",
            label: "Person",
        },
        end: End::Of {
            column: "child_id",
            label: "Person",
        },
        key: None,
    }),
    ..TableSpec::base(StoreId::Sp, "guardian_of")
};

pub(crate) static HAS_SKILL: TableSpec = TableSpec {
    columns: &["person_id", "skill_code", "level", "assessed_on"],
    key: &["person_id", "skill_code"],
    nullable: &["assessed_on"],
    graph: Some(GraphTable::Relationship {
        kind: "HAS_SKILL",
        start: End::Of {
            column: "person_id",
            label: "Person",
        },
        end: End::Of {
            column: "skill_code",
            label: "Skill",
        },
        key: None,
    }),
    ..TableSpec::base(StoreId::Sp, "has_skill")
};

pub(crate) static KNOWS: TableSpec = TableSpec {
    columns: &["person_id", "other_id", "since", "how"],
    nullable: &["since", "how"],
    graph: Some(GraphTable::Relationship {
        kind: "KNOWS",
        start: End::Of {
            column: "person_id",
            label: "Person",
        },
        end: End::Of {
            column: "other_id",
            label: "Person",
        },
        key: None,
    }),
    ..TableSpec::base(StoreId::Sp, "knows")
};

pub(crate) static REFERRED: TableSpec = TableSpec {
    columns: &["person_id", "child_id", "referred_on", "note"],
    nullable: &["note"],
    graph: Some(GraphTable::Relationship {
        kind: "REFERRED",
        start: End::Of {
            column: "person_id",
            label: "Person",
        },
        end: End::Of {
            column: "child_id",
            label: "Person",
        },
        key: None,
    }),
    ..TableSpec::base(StoreId::Sp, "referred")
};
