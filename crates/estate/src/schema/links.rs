//! References that no catalog declares: across stores, and by the name of an entity.

use crate::schema::{
    ASSIGNMENTS, AUDIT_LOG, DEVICES, DISTRICTS, EstateKind, GUARDIANS, LEARNERS, LICENCES, PART_OF,
    PEOPLE, SCHOOLS, SECTIONS, SP_DISTRICTS, SP_SCHOOLS, SP_STATES, STAFF, STUDENTS, StoreKinds,
    TEST_EVENTS, TEST_TAKERS, TableSpec,
};

/// Columns of a table.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    pub table: &'static TableSpec,
    pub columns: &'static [&'static str],
}

impl Side {
    /// `store.table(column, …)` as the configuration writes it for a store of that kind.
    #[must_use]
    pub fn name_in(&self, kind: EstateKind) -> String {
        let columns = self.columns.iter();
        let columns: Vec<&str> = columns
            .map(|column| self.table.column_in(kind, column))
            .collect();
        format!("{}({})", self.table.name_in(kind), columns.join(", "))
    }
}

/// An undeclared foreign key.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub from: Side,
    pub to: Side,
    /// The row that refers belongs to the row it refers to.
    pub owns: bool,
    /// It holds only where the column has this text.
    pub when: Option<(&'static str, &'static str)>,
}

impl Link {
    /// A store of that kind declares it by itself: the ends of a relationship.
    #[must_use]
    pub fn is_declared_in(&self, kinds: &StoreKinds) -> bool {
        kinds.of(self.from.table.store) == EstateKind::Neo4j && *self.from.table == PART_OF
    }
}

/// The position of a link in [`LINKS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkName {
    LearnerStudent,
    AssignmentSection,
    LicenceDistrict,
    DeviceDistrict,
    DeviceStudent,
    TakerStudent,
    TakerSchool,
    EventSchool,
    EventProctor,
    AuditStudent,
    AuditStaff,
    SpDistrict,
    SpSchool,
    PersonStudent,
    PersonStaff,
    PersonGuardian,
    PartSchool,
    PartDistrict,
    WholeDistrict,
    WholeState,
}

impl LinkName {
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

const fn side(table: &'static TableSpec, columns: &'static [&'static str]) -> Side {
    Side { table, columns }
}

const fn owning(from: Side, to: Side) -> Link {
    Link {
        from,
        to,
        owns: true,
        when: None,
    }
}

const fn mere(from: Side, to: Side) -> Link {
    Link {
        from,
        to,
        owns: false,
        when: None,
    }
}

const fn when(link: Link, column: &'static str, text: &'static str) -> Link {
    Link {
        when: Some((column, text)),
        ..link
    }
}

/// Every link, in the order of the stores.
pub static LINKS: [Link; 20] = [
    owning(
        side(&LEARNERS, &["ids_student_id"]),
        side(&STUDENTS, &["id"]),
    ),
    owning(
        side(&ASSIGNMENTS, &["ids_course_id", "section_no"]),
        side(&SECTIONS, &["course_id", "section_no"]),
    ),
    owning(side(&LICENCES, &["district_id"]), side(&DISTRICTS, &["id"])),
    owning(side(&DEVICES, &["district_id"]), side(&DISTRICTS, &["id"])),
    mere(side(&DEVICES, &["student_id"]), side(&STUDENTS, &["id"])),
    owning(
        side(&TEST_TAKERS, &["state_student_id"]),
        side(&STUDENTS, &["student_number"]),
    ),
    mere(side(&TEST_TAKERS, &["school_id"]), side(&SCHOOLS, &["id"])),
    owning(side(&TEST_EVENTS, &["school_id"]), side(&SCHOOLS, &["id"])),
    mere(side(&TEST_EVENTS, &["proctor_id"]), side(&STAFF, &["id"])),
    when(
        owning(side(&AUDIT_LOG, &["entity_id"]), side(&STUDENTS, &["id"])),
        "entity",
        "students",
    ),
    when(
        owning(side(&AUDIT_LOG, &["entity_id"]), side(&STAFF, &["id"])),
        "entity",
        "staff",
    ),
    owning(
        side(&SP_DISTRICTS, &["district_id"]),
        side(&DISTRICTS, &["id"]),
    ),
    owning(side(&SP_SCHOOLS, &["school_id"]), side(&SCHOOLS, &["id"])),
    owning(side(&PEOPLE, &["student_id"]), side(&STUDENTS, &["id"])),
    owning(side(&PEOPLE, &["staff_id"]), side(&STAFF, &["id"])),
    owning(side(&PEOPLE, &["guardian_id"]), side(&GUARDIANS, &["id"])),
    when(
        owning(
            side(&PART_OF, &["start_id"]),
            side(&SP_SCHOOLS, &["school_id"]),
        ),
        "start_label",
        "School",
    ),
    when(
        owning(
            side(&PART_OF, &["start_id"]),
            side(&SP_DISTRICTS, &["district_id"]),
        ),
        "start_label",
        "District",
    ),
    when(
        mere(
            side(&PART_OF, &["end_id"]),
            side(&SP_DISTRICTS, &["district_id"]),
        ),
        "end_label",
        "District",
    ),
    when(
        mere(side(&PART_OF, &["end_id"]), side(&SP_STATES, &["code"])),
        "end_label",
        "State",
    ),
];
