//! The rows of a district as a person who knows the schema would ask for them: the owner path of each
//! table as SQL. Must not use anything of the planner.

use redistrict_estate::StoreId;

/// Keys of IDS that another store's owner paths need: a temporary table there, filled from here.
pub(crate) struct Keys {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static str,
    /// What fills it, on IDS.
    pub(crate) query: String,
}

/// What a store needs of IDS.
pub(crate) fn keys(store: StoreId, district: u32) -> Vec<Keys> {
    let schools = format!("(select id from schools where district_id = {district})");
    let key = |table, columns, query| Keys {
        table,
        columns,
        query,
    };
    match store {
        StoreId::Hcp1 => vec![
            key(
                "our_students",
                "id text",
                format!("select id::text from students where school_id in {schools}"),
            ),
            key(
                "our_courses",
                "id text",
                format!("select id::text from courses where school_id in {schools}"),
            ),
        ],
        StoreId::Adb => vec![
            key(
                "our_students",
                "student_number text",
                format!("select student_number from students where school_id in {schools}"),
            ),
            key(
                "our_schools",
                "id integer",
                format!("select id from schools where district_id = {district}"),
            ),
        ],
        StoreId::Ids | StoreId::Hcp2 | StoreId::Sp => Vec::new(),
    }
}

/// The condition for the rows of a district in a table of a relational store; none for tables that this
/// does not know, and for graphs.
pub(crate) fn condition(store: StoreId, table: &str, district: u32) -> Option<String> {
    match store {
        StoreId::Ids => ids(table, district),
        StoreId::Hcp1 => hcp1(table),
        StoreId::Hcp2 => hcp2(table, district),
        StoreId::Adb => adb(table),
        StoreId::Sp => None,
    }
}

fn ids(table: &str, district: u32) -> Option<String> {
    let schools = format!("(select id from schools where district_id = {district})");
    let staff = format!("(select id from staff where school_id in {schools})");
    let students = format!("(select id from students where school_id in {schools})");
    let courses = format!("(select id from courses where school_id in {schools})");
    let of_accounts = format!("student_id in {students} or staff_id in {staff}");
    Some(match table {
        "states" => format!("id in (select state_id from districts where id = {district})"),
        "districts" => format!("id = {district}"),
        "schools" => format!("district_id = {district}"),
        "staff" | "courses" | "students" => format!("school_id in {schools}"),
        "subjects" => {
            format!("id in (select subject_id from courses where school_id in {schools})")
        }
        "sections" => format!("course_id in {courses}"),
        "guardians" => format!(
            "id in (select guardian_id from student_guardians where student_id in {students})"
        ),
        "student_guardians" | "enrollments" | "attendance" | "grades" | "custom_field_values" => {
            format!("student_id in {students}")
        }
        "transfers" => format!("from_district_id = {district}"),
        "custom_fields" => format!(
            "id in (select field_id from custom_field_values where student_id in {students})"
        ),
        "accounts" => of_accounts,
        "sessions" => format!("account_id in (select id from accounts where {of_accounts})"),
        "audit_log" => format!(
            "(entity = 'students' and entity_id in {students}) \
             or (entity = 'staff' and entity_id in {staff})"
        ),
        _ => return None,
    })
}

fn hcp1(table: &str) -> Option<String> {
    let learners =
        "(select id from learners where ids_student_id in (select id from our_students))";
    Some(match table {
        "content_items" => "id in (select content_item_id from assignments \
                            where ids_course_id in (select id from our_courses))"
            .to_owned(),
        "assignments" => "ids_course_id in (select id from our_courses)".to_owned(),
        "learners" => "ids_student_id in (select id from our_students)".to_owned(),
        "submissions" => format!("learner_id in {learners}"),
        "attachments" => {
            format!("submission_id in (select id from submissions where learner_id in {learners})")
        }
        _ => return None,
    })
}

fn hcp2(table: &str, district: u32) -> Option<String> {
    Some(match table {
        "products" => {
            format!("id in (select product_id from licences where district_id = {district})")
        }
        "licences" | "devices" => format!("district_id = {district}"),
        "usage_events" => {
            format!("licence_id in (select id from licences where district_id = {district})")
        }
        _ => return None,
    })
}

fn adb(table: &str) -> Option<String> {
    let ours = "state_student_id in (select student_number from our_students)";
    let schools = "school_id in (select id from our_schools)";
    Some(match table {
        "assessments" => format!(
            "code in (select assessment_code from results where {ours} \
             union all select assessment_code from test_events where {schools})"
        ),
        "test_takers" | "results" | "responses" => ours.to_owned(),
        "test_events" => schools.to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use redistrict_estate::TABLES;

    use super::*;

    #[test]
    fn every_relational_table_of_the_estate_has_an_owner_path() {
        for table in TABLES {
            let has_path = condition(table.store, table.name, 2).is_some();
            assert_eq!(
                has_path,
                table.store != StoreId::Sp,
                "{}",
                table.full_name()
            );
        }
    }
}
