//! Worked examples and the mistakes of docs/design/closure.md §9, each with its own small world.

mod support;

use redistrict_closure::{ClosureError, Decisions, Draft, How, Leads, Measurements, Members};
use redistrict_model::{BoundaryPolicy, Role};

use support::{World, key, print, role, table_ref};

fn stops(members: &Members, draft: &Draft) -> Vec<String> {
    let stops = members.stops.iter();
    stops
        .map(|stop| {
            let edge = draft.ownership.edge(stop.edge);
            format!("{} {}", edge.describe(), stop.rows)
        })
        .collect()
}

fn nulled(members: &Members, draft: &Draft) -> Vec<String> {
    let nulled = members.nulled.iter();
    nulled
        .map(|one| {
            let keys: Vec<String> = one.rows.iter().map(|key| key.parts().join(",")).collect();
            format!(
                "{} {}",
                draft.ownership.edge(one.edge).describe(),
                keys.join(" ")
            )
        })
        .collect()
}

const NORTHWIND: &str = "
    root customers(customer_id)
    table customers(customer_id*, company_name)
    table orders(order_id*, customer_id?, employee_id?, ship_via?)
    table order_details(order_id*, product_id*, quantity)
    table products(product_id*, supplier_id?, category_id?)
    table suppliers(supplier_id*)
    table categories(category_id*)
    table employees(employee_id*, reports_to?)
    table employee_territories(employee_id*, territory_id*)
    table territories(territory_id*, region_id)
    table region(region_id*)
    table shippers(shipper_id*)
    table customer_demographics(customer_type_id*)
    table customer_customer_demo(customer_id*, customer_type_id*)
    table us_states(state_id*)
    fk orders(customer_id) -> customers(customer_id)
    fk orders(employee_id) -> employees(employee_id)
    fk orders(ship_via) -> shippers(shipper_id)
    fk order_details(order_id) -> orders(order_id)
    fk order_details(product_id) -> products(product_id)
    fk products(supplier_id) -> suppliers(supplier_id)
    fk products(category_id) -> categories(category_id)
    fk employees(reports_to) -> employees(employee_id)
    fk employee_territories(employee_id) -> employees(employee_id)
    fk employee_territories(territory_id) -> territories(territory_id)
    fk territories(region_id) -> region(region_id)
    fk customer_customer_demo(customer_id) -> customers(customer_id)
    fk customer_customer_demo(customer_type_id) -> customer_demographics(customer_type_id)
    row customers ALFKI Alfreds
    row customers ANATR Ana
    row employees 1 2
    row employees 2 ~
    row employees 3 2
    row region 1
    row region 2
    row territories 10 1
    row territories 11 1
    row territories 12 2
    row employee_territories 1 10
    row employee_territories 2 11
    row employee_territories 3 12
    row suppliers 1
    row suppliers 2
    row categories 1
    row products 100 1 1
    row products 101 2 1
    row shippers 1
    row shippers 2
    row orders 500 ALFKI 1 1
    row orders 501 ANATR 3 2
    row orders 502 ~ 3 2
    row order_details 500 100 1
    row order_details 501 100 1
    row order_details 501 101 1
    row order_details 502 101 1
    row us_states 1
";

#[test]
fn northwind_s_customer_comes_with_orders_catalogue_and_the_managers_above() {
    let world = World::read(NORTHWIND);
    let draft = world.infer(&Decisions::default());
    assert_eq!(draft.problems, []);
    assert_eq!(role(&draft, "customers"), "root 0: ");
    assert_eq!(role(&draft, "orders"), "owned 1: path (customer_id)");
    assert_eq!(
        role(&draft, "order_details"),
        "owned 1: path (order_id), hang (order_id)"
    );
    assert_eq!(
        role(&draft, "employee_territories"),
        "reference: hang (employee_id)"
    );
    for table in [
        "products",
        "suppliers",
        "employees",
        "territories",
        "region",
        "shippers",
    ] {
        assert_eq!(role(&draft, table), "reference: ", "{table}");
    }
    assert_eq!(
        role(&draft, "customer_customer_demo"),
        "owned 0: path (customer_id)"
    );
    assert_eq!(role(&draft, "us_states"), "unknown: ");

    let members = world.members(&draft.ownership, "ALFKI");
    assert!(members.is_decided());
    assert_eq!(print(&members, "customers"), "own ALFKI");
    assert_eq!(print(&members, "orders"), "own 500");
    assert_eq!(print(&members, "order_details"), "own 500,100");
    assert_eq!(print(&members, "products"), "shared 100");
    assert_eq!(print(&members, "employees"), "shared 1 2");
    assert_eq!(print(&members, "employee_territories"), "shared 1,10 2,11");
    assert_eq!(print(&members, "territories"), "shared 10 11");
    assert_eq!(print(&members, "region"), "shared 1");
    assert_eq!(print(&members, "shippers"), "shared 1");
    assert_eq!(print(&members, "us_states"), "none");
}

const FORCED_CONTACT: &str = "
    root districts(id)
    table orgs(id*)
    table districts(id*)
    table agencies(id*)
    table schools(id*, district_id?)
    table students(id*)
    table enrolments(student_id*, school_id*)
    table contacts(id*)
    table contact_addresses(contact_id*, no*)
    table student_contacts(student_id*, contact_id*)
    table teachers(id*)
    table employments(teacher_id*, org_id*)
    table assessments(student_id*, no*, school_id?)
    table assessment_items(student_id*, no*, item*)
    table programs(org_id*, no*)
    table participations(student_id*, org_id*, no*)
    table entries(code*, school_id?)
    table student_entries(student_id*, code*)
    fk districts(id) -> orgs(id) cascade
    fk agencies(id) -> orgs(id) cascade
    fk schools(id) -> orgs(id) cascade
    fk schools(district_id) -> districts(id)
    fk enrolments(student_id) -> students(id)
    fk enrolments(school_id) -> schools(id)
    fk contact_addresses(contact_id) -> contacts(id) cascade
    fk student_contacts(student_id) -> students(id)
    fk student_contacts(contact_id) -> contacts(id)
    fk employments(teacher_id) -> teachers(id)
    fk employments(org_id) -> orgs(id)
    fk assessments(student_id) -> students(id)
    fk assessments(school_id) -> schools(id)
    fk assessment_items(student_id, no) -> assessments(student_id, no) cascade
    fk programs(org_id) -> orgs(id)
    fk participations(student_id) -> students(id)
    fk participations(org_id, no) -> programs(org_id, no)
    fk entries(school_id) -> schools(id)
    fk student_entries(student_id) -> students(id)
    fk student_entries(code) -> entries(code)
    row orgs 1
    row orgs 2
    row orgs 9
    row orgs 11
    row orgs 21
    row districts 1
    row districts 2
    row agencies 9
    row schools 11 1
    row schools 21 2
    row students 100
    row students 101
    row students 102
    row enrolments 100 11
    row enrolments 100 21
    row enrolments 101 11
    row enrolments 102 21
    row contacts 500
    row contacts 501
    row contact_addresses 500 1
    row contact_addresses 501 1
    row student_contacts 101 500
    row student_contacts 102 500
    row student_contacts 102 501
    row teachers 700
    row teachers 701
    row employments 700 11
    row employments 700 21
    row employments 701 21
    row assessments 100 1 11
    row assessments 100 2 21
    row assessments 100 3 ~
    row assessment_items 100 1 1
    row assessment_items 100 2 1
    row assessment_items 100 3 1
    row programs 9 1
    row participations 101 9 1
    row participations 102 9 1
    row entries E1 11
    row student_entries 101 E1
    row student_entries 102 E1
";

fn forced_contact() -> (World, Draft) {
    let world = World::read(FORCED_CONTACT);
    let decisions = world.decide(&[
        "shared students true",
        "shared contacts true",
        "shared teachers true",
        "boundary student_entries(code) stub",
    ]);
    let draft = world.infer(&decisions);
    assert_eq!(draft.problems, []);
    (world, draft)
}

#[test]
fn forced_contact_rows_come_once_or_twice_as_they_should() {
    let (world, draft) = forced_contact();
    assert_eq!(role(&draft, "student_contacts"), "owned: hang (student_id)");
    assert_eq!(
        role(&draft, "contact_addresses"),
        "owned: hang (contact_id)"
    );
    assert_eq!(
        role(&draft, "assessments"),
        "owned 1: path (school_id), hang (student_id)"
    );
    let one = world.members(&draft.ownership, "1");
    let two = world.members(&draft.ownership, "2");
    assert!(
        one.is_decided() && two.is_decided(),
        "{:?}",
        stops(&two, &draft)
    );
    for (table, of_one, of_two) in [
        // A student of both comes twice, the others once.
        ("students", "shared 100 101", "shared 100 102"),
        ("enrolments", "own 100,11 101,11", "own 100,21 102,21"),
        // An assessment goes with its reporter, the one nobody reported comes twice.
        (
            "assessments",
            "own 100,1 | shared 100,3",
            "own 100,2 | shared 100,3",
        ),
        (
            "assessment_items",
            "own 100,1,1 | shared 100,3,1",
            "own 100,2,1 | shared 100,3,1",
        ),
        // The contact of siblings comes twice, each child once.
        ("contacts", "shared 500", "shared 500 501"),
        ("contact_addresses", "shared 500,1", "shared 500,1 501,1"),
        (
            "student_contacts",
            "shared 101,500",
            "shared 102,500 102,501",
        ),
        ("teachers", "shared 700", "shared 700 701"),
        ("employments", "own 700,11", "own 700,21 701,21"),
        // Of the agency's program each brings its own student's participation only.
        ("participations", "shared 101,9,1", "shared 102,9,1"),
        ("programs", "shared 9,1", "shared 9,1"),
        ("agencies", "none", "none"),
        ("orgs", "own 1 11 | stub 9", "own 2 21 | stub 9"),
        // The natural key that both use: full in its own district, a stub in the other.
        ("entries", "own E1", "stub E1"),
        ("schools", "own 11", "own 21 | stub 11"),
    ] {
        let of_two = if table == "schools" { "own 21" } else { of_two };
        assert_eq!(print(&one, table), of_one, "{table} of district 1");
        assert_eq!(print(&two, table), of_two, "{table} of district 2");
    }
}

#[test]
fn a_district_has_the_same_rows_with_fewer_neighbours() {
    let (world, draft) = forced_contact();
    let with = world.members(&draft.ownership, "1");
    let mut alone = world;
    let drop = |world: &mut World, table: &str, column: &str, values: &[&str]| {
        let rows = world.rows.get_mut(&table_ref(table)).expect("a table");
        rows.retain(|row| !row[column].as_deref().is_some_and(|v| values.contains(&v)));
    };
    for (table, column, values) in [
        ("enrolments", "school_id", &["21"][..]),
        ("employments", "org_id", &["21"]),
        ("assessment_items", "no", &["2"]),
        ("assessments", "school_id", &["21"]),
        ("student_contacts", "student_id", &["102"]),
        ("participations", "student_id", &["102"]),
        ("student_entries", "student_id", &["102"]),
        ("students", "id", &["102"]),
        ("schools", "id", &["21"]),
        ("districts", "id", &["2"]),
        ("orgs", "id", &["2", "21"]),
    ] {
        drop(&mut alone, table, column, values);
    }
    let without = alone.members(&draft.ownership, "1");
    assert_eq!(with.rows, without.rows);
}

const RENTALS: &str = "
    root stores(id)
    table stores(id*, manager_id)
    table staff(id*, store_id)
    table customers(id*, store_id)
    table films(id*)
    table actors(id*)
    table film_actors(actor_id*, film_id*)
    table inventory(id*, store_id, film_id)
    table rentals(id*, customer_id, inventory_id, staff_id)
    fk stores(manager_id) -> staff(id)
    fk staff(store_id) -> stores(id)
    fk customers(store_id) -> stores(id)
    fk inventory(store_id) -> stores(id)
    fk inventory(film_id) -> films(id)
    fk film_actors(actor_id) -> actors(id)
    fk film_actors(film_id) -> films(id)
    fk rentals(customer_id) -> customers(id)
    fk rentals(inventory_id) -> inventory(id)
    fk rentals(staff_id) -> staff(id)
    row stores 1 1
    row stores 2 2
    row staff 1 1
    row staff 2 2
    row customers 11 1
    row customers 12 2
    row films 7
    row films 8
    row actors 3
    row actors 4
    row film_actors 3 7
    row film_actors 4 8
    row inventory 21 1 7
    row inventory 22 2 8
    row rentals 100 11 21 1
    row rentals 101 11 22 1
    row rentals 102 12 21 2
    row rentals 103 12 22 2
";

#[test]
fn two_owners_that_disagree_are_asked_with_the_count_under_each() {
    let world = World::read(RENTALS);
    let draft = world.infer(&Decisions::default());
    assert_eq!(role(&draft, "film_actors"), "reference: hang (film_id)");
    assert_eq!(
        role(&draft, "rentals"),
        "owned 0: path (customer_id), path (inventory_id), path (staff_id)"
    );
    let members = world.members(&draft.ownership, "1");
    assert!(!members.is_decided());
    let [rentals] = members.undecided.as_slice() else {
        panic!("one undecided table: {:?}", members.undecided);
    };
    assert_eq!(rentals.table, table_ref("rentals"));
    assert_eq!((rentals.any, rentals.all), (3, 1));
    let counts: Vec<u64> = rentals.candidates.iter().map(|one| one.rows).collect();
    assert_eq!(counts, [2, 2, 2]);
    assert_eq!(rentals.lines[0], "[table.\"ids.main.rentals\"]");
    // All of them: one that leads nowhere passes the question on.
    let owners = "owner = [\"(customer_id)\", \"(inventory_id)\", \"(staff_id)\"] # ";
    assert!(rentals.lines[1].starts_with(owners), "{:?}", rentals.lines);
    assert_eq!(stops(&members, &draft), [""; 0]);
}

#[test]
fn the_owner_line_that_is_printed_loses_no_row_whose_first_owner_is_empty() {
    let world = World::read(
        "
        root districts(id)
        table districts(id*)
        table schools(id*, district_id)
        table persons(id*, school_id)
        table events(id*, from_id?, to_id?, who_id?)
        fk schools(district_id) -> districts(id)
        fk persons(school_id) -> schools(id)
        fk events(from_id) -> schools(id)
        fk events(to_id) -> schools(id)
        fk events(who_id) -> persons(id)
        row districts 1
        row districts 2
        row schools 1 1
        row schools 2 2
        row persons 31 1
        row persons 32 2
        row events 1 1 2 ~
        row events 2 ~ 1 ~
        row events 3 ~ ~ 31
        row events 4 ~ ~ 32
        ",
    );
    let draft = world.infer(&Decisions::default());
    let asked = world.members(&draft.ownership, "1");
    let line = &asked.undecided[0].lines[1];
    assert!(
        line.starts_with("owner = [\"(from_id)\", \"(to_id)\", \"(who_id)\"] # "),
        "{line}"
    );
    let pasted = world.decide(&[
        "owner events (from_id) (to_id) (who_id)",
        "boundary events(to_id) stub",
    ]);
    let draft = world.infer(&pasted);
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "events"), "own 1 2 3");
}

fn decided_rentals(inventory: &str) -> (World, Draft, Members) {
    let world = World::read(RENTALS);
    let boundary = format!("boundary rentals(inventory_id) {inventory}");
    let decisions = world.decide(&["owner rentals (customer_id)", &boundary]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    (world, draft, members)
}

#[test]
fn a_decided_owner_is_not_asked_again_and_the_rest_is_a_boundary() {
    let (_, draft, members) = decided_rentals("stub");
    assert!(members.is_decided(), "{:?}", stops(&members, &draft));
    assert_eq!(print(&members, "rentals"), "own 100 101");
    assert_eq!(print(&members, "inventory"), "own 21 | stub 22");
    // A stub brings what it must refer to as stubs, and nothing hangs on these.
    assert_eq!(print(&members, "stores"), "own 1 | stub 2");
    assert_eq!(print(&members, "staff"), "own 1 | stub 2");
    assert_eq!(print(&members, "films"), "shared 7 | stub 8");
    assert_eq!(print(&members, "film_actors"), "shared 3,7");
    assert_eq!(members.boundaries.len(), 1);
    assert_eq!(members.boundaries[0].policy, BoundaryPolicy::Stub);
}

#[test]
fn without_a_policy_a_reference_to_another_district_stops_with_its_count() {
    let (_, draft, members) = decided_rentals("stop");
    assert_eq!(
        stops(&members, &draft),
        ["ids.main.rentals(inventory_id) 1"]
    );
    assert_eq!(members.stops[0].leads, Leads::AnotherDistrict);
    assert_eq!(members.stops[0].lines[0], "[table.\"ids.main.rentals\"]");
    assert!(members.stops[0].lines[1].contains("\"(inventory_id)\" = \"stub\""));
}

#[test]
fn exclude_is_computed_before_the_closure_and_takes_dependents_out() {
    let text = format!(
        "{RENTALS}
        table payments(id*, rental_id)
        table notes(id*, rental_id?, store_id)
        fk payments(rental_id) -> rentals(id)
        fk notes(rental_id) -> rentals(id)
        fk notes(store_id) -> stores(id)
        row payments 900 100
        row payments 901 101
        row notes 950 101 1"
    );
    let world = World::read(&text);
    let decisions = world.decide(&[
        "owner rentals (customer_id)",
        "owner notes (store_id)",
        "boundary rentals(inventory_id) exclude",
    ]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided());
    assert_eq!(print(&members, "rentals"), "own 100");
    assert_eq!(print(&members, "payments"), "own 900");
    assert_eq!(print(&members, "inventory"), "own 21");
    // An optional reference to what was taken out is nulled, and the row stays.
    assert_eq!(print(&members, "notes"), "own 950");
    assert_eq!(nulled(&members, &draft), ["ids.main.notes(rental_id) 950"]);
    assert_eq!(members.taken_out[&table_ref("rentals")], 1);
    assert_eq!(members.taken_out[&table_ref("payments")], 1);
}

const TWO_DISTRICTS: &str = "
    root districts(id)
    table districts(id*)
    table schools(id*, district_id)
    table students(id*, guardian_id?)
    table enrolments(student_id*, school_id*)
    table guardians(id*)
    table guardian_phones(guardian_id*, no*)
    fk schools(district_id) -> districts(id)
    fk students(guardian_id) -> guardians(id)
    fk enrolments(student_id) -> students(id)
    fk enrolments(school_id) -> schools(id)
    fk guardian_phones(guardian_id) -> guardians(id) cascade
    row districts 1
    row districts 2
    row schools 11 1
    row schools 21 2
    row guardians 50
    row guardians 51
    row guardian_phones 50 1
    row guardian_phones 51 1
    row students 100 50
    row students 200 50
    row students 201 51
    row enrolments 100 11
    row enrolments 200 21
    row enrolments 201 21
";

#[test]
fn a_guardian_of_two_districts_comes_to_both_and_only_with_the_own_child() {
    let world = World::read(TWO_DISTRICTS);
    let decisions = world.decide(&["shared students true", "shared guardians true"]);
    let draft = world.infer(&decisions);
    let one = world.members(&draft.ownership, "1");
    assert_eq!(print(&one, "guardians"), "shared 50");
    assert_eq!(print(&one, "guardian_phones"), "shared 50,1");
    assert_eq!(print(&one, "students"), "shared 100");
    let two = world.members(&draft.ownership, "2");
    assert_eq!(print(&two, "guardians"), "shared 50 51");
    assert_eq!(print(&two, "students"), "shared 200 201");
}

/// §9.1 and §9.2: what a stub refers to optionally, and what hangs on it, stays away.
#[test]
fn nothing_hangs_on_a_stub_and_its_optional_references_are_not_followed() {
    let text = format!(
        "{TWO_DISTRICTS}
        table mentors(id*, school_id, student_id?)
        fk mentors(school_id) -> schools(id)
        fk mentors(student_id) -> students(id)
        row mentors 1 11 200"
    );
    let world = World::read(&text);
    let shared = ["shared students true", "shared guardians true"];
    let draft = world.infer(&world.decide(&shared));
    let members = world.members(&draft.ownership, "1");
    assert_eq!(stops(&members, &draft), ["ids.main.mentors(student_id) 1"]);

    let with_stub = [shared[0], shared[1], "boundary mentors(student_id) stub"];
    let draft = world.infer(&world.decide(&with_stub));
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided());
    assert_eq!(print(&members, "students"), "shared 100 | stub 200");
    assert_eq!(print(&members, "enrolments"), "own 100,11");
    assert_eq!(print(&members, "guardians"), "shared 50");

    let with_null = [shared[0], shared[1], "boundary mentors(student_id) null"];
    let draft = world.infer(&world.decide(&with_null));
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "students"), "shared 100");
    assert_eq!(nulled(&members, &draft), ["ids.main.mentors(student_id) 1"]);
}

/// §9.3: a shared row that is used elsewhere only is a boundary, one that nobody uses is taken.
#[test]
fn a_person_known_in_other_districts_only_is_elsewhere_and_one_nobody_knows_is_not() {
    let text = format!(
        "{TWO_DISTRICTS}
        row students 300 ~
        table mentors(id*, school_id, student_id?)
        fk mentors(school_id) -> schools(id)
        fk mentors(student_id) -> students(id)
        row mentors 1 11 201
        row mentors 2 11 300"
    );
    let world = World::read(&text);
    let decisions = world.decide(&["shared students true", "shared guardians true"]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "students"), "shared 100 300");
    assert_eq!(stops(&members, &draft), ["ids.main.mentors(student_id) 1"]);
}

/// §9.3: an organisation above all districts is a stub by default, and nothing below it comes.
#[test]
fn nothing_comes_down_from_an_organisation_above_all_districts() {
    let (world, draft) = forced_contact();
    let members = world.members(&draft.ownership, "1");
    let above: Vec<_> = members
        .boundaries
        .iter()
        .filter(|one| one.leads == Leads::AboveAllDistricts)
        .collect();
    assert_eq!(above.len(), 1);
    assert_eq!(above[0].policy, BoundaryPolicy::Stub);
    let participations = &members.rows[&table_ref("participations")];
    assert_eq!(participations.shared.to_vec(), [key("101,9,1")]);
}

/// §9.4: the first owner leads nowhere, the second decides.
#[test]
fn an_owner_that_leads_nowhere_passes_the_question_on() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table offices(id*, district_id?)
        table events(id*, office_id, district_id?)
        fk offices(district_id) -> districts(id)
        fk events(office_id) -> offices(id)
        fk events(district_id) -> districts(id)
        row districts 1
        row districts 2
        row offices 10 ~
        row offices 11 2
        row events 100 10 1
        row events 101 11 ~
        row events 102 10 ~",
    );
    let decisions = world.decide(&["owner events (office_id) (district_id)"]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided());
    // The event of nobody hangs on the office of nobody, which the own event brings.
    assert_eq!(print(&members, "events"), "own 100 | shared 102");
    assert_eq!(print(&members, "offices"), "shared 10");
}

/// §9.5: the base row has the label of its subclass row, so what refers to the base is found.
#[test]
fn rows_below_a_base_table_of_the_root_are_found() {
    let (world, draft) = forced_contact();
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "orgs"), "own 1 11 | stub 9");
    assert_eq!(print(&members, "employments"), "own 700,11");
}

/// §9.9: the edge says which columns to null: all that may be.
#[test]
fn a_nulled_composite_reference_names_all_its_nullable_columns() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table rooms(district_id*, no*)
        table desks(id*, district_id, room_district?, room_no?)
        fk rooms(district_id) -> districts(id)
        fk desks(district_id) -> districts(id)
        fk desks(room_district, room_no) -> rooms(district_id, no)
        row districts 1
        row districts 2
        row rooms 2 7
        row desks 100 1 2 7",
    );
    let decisions = world.decide(&[
        "owner desks (district_id)",
        "boundary desks(room_district,room_no) null",
    ]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "1");
    assert_eq!(
        nulled(&members, &draft),
        ["ids.main.desks(room_district, room_no) 100"]
    );
    let edge = draft.ownership.edge(members.nulled[0].edge);
    assert_eq!(edge.nullable_columns, ["room_district", "room_no"]);
    assert_eq!(print(&members, "rooms"), "none");
}

#[test]
fn a_reference_into_an_excluded_table_is_nulled_if_it_may_be_and_a_problem_if_not() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table logs(id*)
        table notes(id*, district_id, log_id?)
        table audits(id*, district_id, log_id)
        fk notes(district_id) -> districts(id)
        fk notes(log_id) -> logs(id)
        fk audits(district_id) -> districts(id)
        fk audits(log_id) -> logs(id)
        row districts 1
        row logs 5
        row notes 10 1 5
        row audits 20 1 5",
    );
    let draft = world.infer(&world.decide(&["excluded logs"]));
    let problems: Vec<String> = draft.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("ids.main.logs"), "{problems:?}");
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "logs"), "none");
    assert_eq!(nulled(&members, &draft), ["ids.main.notes(log_id) 10"]);
    assert_eq!(stops(&members, &draft), ["ids.main.audits(log_id) 1"]);
    assert_eq!(members.stops[0].leads, Leads::ExcludedTable);
}

#[test]
fn links_lead_across_stores_and_their_dangling_references_are_counted() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table students(id*, district_id)
        table hcp.learners(id*, ids_id?)
        table hcp.scores(id*, learner_id)
        table hcp.files(id*, kind, about)
        fk students(district_id) -> districts(id)
        fk hcp.scores(learner_id) -> hcp.learners(id)
        link hcp.learners(ids_id) -> students(id) owns
        link hcp.files(about) -> students(id) owns when kind=student
        row districts 1
        row districts 2
        row students 100 1
        row students 200 2
        row hcp.learners 10 100
        row hcp.learners 20 200
        row hcp.learners 30 999
        row hcp.scores 1 10
        row hcp.scores 2 20
        row hcp.scores 3 30
        row hcp.files 1 student 100
        row hcp.files 2 teacher 100
        row hcp.files 3 student 200",
    );
    let draft = world.infer(&Decisions::default());
    assert_eq!(role(&draft, "hcp.learners"), "owned 1: path (ids_id)");
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided());
    assert_eq!(print(&members, "hcp.learners"), "own 10");
    assert_eq!(print(&members, "hcp.scores"), "own 1");
    assert_eq!(print(&members, "hcp.files"), "own 1");

    // A link that may not own leads up only.
    let mut upward = world;
    upward.links[0].owns = false;
    let draft = upward.infer(&Decisions::default());
    let members = upward.members(&draft.ownership, "1");
    assert_eq!(print(&members, "hcp.learners"), "none");
    assert_eq!(role(&draft, "hcp.learners"), "unknown: ");
}

#[test]
fn a_member_whose_link_has_no_partner_is_counted_as_dangling() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table students(id*, district_id, photo_id?)
        table hcp.photos(id*)
        fk students(district_id) -> districts(id)
        link students(photo_id) -> hcp.photos(id)
        row districts 1
        row students 100 1 7
        row students 101 1 8
        row hcp.photos 7",
    );
    let draft = world.infer(&Decisions::default());
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided());
    assert_eq!(print(&members, "hcp.photos"), "shared 7");
    assert_eq!(members.dangling.len(), 1);
    assert_eq!(members.dangling[0].rows, 1);
    assert_eq!(members.findings[0].code, "dangling-reference");
}

/// A key that was never validated may lead to nothing, which CERT would refuse: what its policy says holds then,
/// too. Of a link, which nobody enforces, nothing is changed.
#[test]
fn what_leads_nowhere_over_a_key_that_was_never_validated_is_nulled_or_left_out() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table badges(id*)
        table students(id*, district_id, badge_id?, locker_id?)
        table notes(id*, student_id)
        fk students(district_id) -> districts(id)
        fk students(badge_id) -> badges(id) not valid
        fk notes(student_id) -> students(id)
        link students(locker_id) -> badges(id)
        row districts 1
        row badges 7
        row students 100 1 7 8
        row students 101 1 8 ~
        row notes 5 100
        row notes 6 101",
    );
    let dangling =
        |members: &Members| -> Vec<u64> { members.dangling.iter().map(|one| one.rows).collect() };
    let with = |policy: &str| {
        let of = |columns: &str| format!("boundary students({columns}) {policy}");
        let decisions = world.decide(&[
            "owner students (district_id)",
            &of("badge_id"),
            &of("locker_id"),
        ]);
        let draft = world.infer(&decisions);
        let members = world.members(&draft.ownership, "1");
        assert!(members.is_decided(), "{policy}");
        (draft, members)
    };
    let (_, stubs) = with("stub");
    assert_eq!(dangling(&stubs), [1, 1]);
    assert_eq!(print(&stubs, "students"), "own 100 101");

    let (draft, nulls) = with("null");
    assert_eq!(nulled(&nulls, &draft), ["ids.main.students(badge_id) 101"]);
    assert_eq!(nulls.boundaries[0].leads, Leads::NoRow);
    assert_eq!(dangling(&nulls), [1]);

    let (_, out) = with("exclude");
    assert_eq!(print(&out, "students"), "own 100");
    assert_eq!(print(&out, "notes"), "own 5");
    assert_eq!(out.taken_out.values().sum::<u64>(), 2);
    assert_eq!(
        (out.boundaries[0].leads, out.boundaries[0].rows),
        (Leads::NoRow, 1)
    );
    assert_eq!(dangling(&out), [1]);
}

#[test]
fn a_tenant_key_decides_even_where_the_rest_of_a_composite_reference_is_null() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table rooms(district_id*, no*)
        table desks(id*, district_id, room_no?)
        fk rooms(district_id) -> districts(id)
        fk desks(district_id, room_no) -> rooms(district_id, no)
        row districts 1
        row districts 2
        row rooms 1 7
        row desks 100 1 7
        row desks 101 1 ~
        row desks 102 2 ~",
    );
    let draft = world.infer(&Decisions::default());
    assert_eq!(
        role(&draft, "desks"),
        "owned 0: path (district_id), path (district_id, room_no)"
    );
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided());
    assert_eq!(print(&members, "desks"), "own 100 101");
}

#[test]
fn a_shared_parent_beats_an_optional_path() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table sections(id*, district_id)
        table entries(id*, section_id?)
        table students(id*)
        table enrolments(student_id*, section_id*)
        table marks(student_id*, entry_id*)
        fk sections(district_id) -> districts(id)
        fk entries(section_id) -> sections(id)
        fk enrolments(student_id) -> students(id)
        fk enrolments(section_id) -> sections(id)
        fk marks(student_id) -> students(id)
        fk marks(entry_id) -> entries(id)
        row districts 1
        row districts 2
        row sections 10 1
        row sections 20 2
        row students 100
        row students 200
        row enrolments 100 10
        row enrolments 200 20
        row entries 7 10
        row marks 100 7
        row marks 200 7",
    );
    let draft = world.infer(&world.decide(&["shared students true"]));
    assert_eq!(role(&draft, "marks"), "owned 1: hang (student_id)");
    let one = world.members(&draft.ownership, "1");
    assert_eq!(print(&one, "marks"), "shared 100,7");
    assert_eq!(print(&one, "students"), "shared 100");
    let two = world.members(&draft.ownership, "2");
    assert_eq!(stops(&two, &draft), ["ids.main.marks(entry_id) 1"]);
}

#[test]
fn a_detail_of_reference_with_an_uncovered_number_in_its_key_is_unknown() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table orders(id*, district_id, film_id)
        table films(id*)
        table film_texts(film_id*, tenant*)
        fk orders(district_id) -> districts(id)
        fk orders(film_id) -> films(id)
        fk film_texts(film_id) -> films(id)
        row districts 1
        row films 7
        row orders 1 1 7
        row film_texts 7 99",
    );
    let draft = world.infer(&Decisions::default());
    let texts = draft
        .ownership
        .table(&table_ref("film_texts"))
        .expect("a table");
    assert_eq!(texts.role, Role::Unknown);
    assert_eq!(
        print(&world.members(&draft.ownership, "1"), "film_texts"),
        "none"
    );
}

/// A person keyed by a code of a catalogue is looked up, not a detail of that code: strangers with
/// the same code stay away.
#[test]
fn what_is_looked_up_does_not_hang_on_a_code_in_its_key() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table staff(id*, district_id, person_no?, person_system?)
        table systems(id*)
        table system_names(system_id*, name*)
        table persons(no*, system_id*)
        fk staff(district_id) -> districts(id)
        fk staff(person_no, person_system) -> persons(no, system_id)
        fk persons(system_id) -> systems(id)
        fk system_names(system_id) -> systems(id)
        row districts 1
        row systems 7
        row persons 100 7
        row persons 200 7
        row system_names 7 1
        row staff 1 1 100 7",
    );
    let draft = world.infer(&Decisions::default());
    assert_eq!(role(&draft, "persons"), "reference: ");
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "persons"), "shared 100,7");
}

#[test]
fn a_part_s_only_owner_is_its_whole_even_where_nobody_refers_to_that() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table staff(id*, district_id, code?)
        table codes(id*)
        table mappings(name*)
        table mapping_codes(name*, code_id*)
        fk staff(district_id) -> districts(id)
        fk staff(code) -> codes(id)
        fk mapping_codes(name) -> mappings(name) cascade
        fk mapping_codes(code_id) -> codes(id)
        row districts 1",
    );
    let draft = world.infer(&Decisions::default());
    assert_eq!(role(&draft, "mapping_codes"), "unknown: ");
    assert_eq!(role(&draft, "mappings"), "unknown: ");
}

#[test]
fn a_part_of_a_reference_row_comes_with_it_unless_it_names_another_district() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table courses(id*, district_id, standard_id)
        table standards(id*)
        table contents(standard_id*, no*, district_id?)
        fk courses(district_id) -> districts(id)
        fk courses(standard_id) -> standards(id)
        fk contents(standard_id) -> standards(id) cascade
        fk contents(district_id) -> districts(id)
        row districts 1
        row districts 2
        row standards 5
        row courses 1 1 5
        row contents 5 1 ~
        row contents 5 2 1
        row contents 5 3 2",
    );
    let draft = world.infer(&Decisions::default());
    assert_eq!(
        role(&draft, "contents"),
        "owned 1: path (district_id), hang (standard_id)"
    );
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "contents"), "own 5,2 | shared 5,1");
}

#[test]
fn a_tree_of_the_root_brings_what_stands_below_and_not_what_stands_above() {
    let world = World::read(
        "root employees(id)
        table employees(id*, manager_id?)
        table customers(id*, employee_id?)
        fk employees(manager_id) -> employees(id)
        fk customers(employee_id) -> employees(id)
        row employees 1 ~
        row employees 2 1
        row employees 3 2
        row employees 4 1
        row customers 100 3
        row customers 101 4",
    );
    let decisions = world.decide(&["boundary employees(manager_id) stub"]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "2");
    assert_eq!(print(&members, "employees"), "own 2 | stub 1");
    assert_eq!(print(&members, "customers"), "none");

    let decisions = world.decide(&[
        "tree employees (manager_id)",
        "boundary employees(manager_id) stub",
    ]);
    let draft = world.infer(&decisions);
    let members = world.members(&draft.ownership, "2");
    assert_eq!(print(&members, "employees"), "own 2 3 | stub 1");
    assert_eq!(print(&members, "customers"), "own 100");
}

#[test]
fn two_mandatory_shared_parents_of_equal_rank_are_asked() {
    let text = format!(
        "{TWO_DISTRICTS}
        table tutors(id*)
        table contracts(tutor_id*, school_id*)
        table lessons(id*, student_id, tutor_id)
        fk contracts(tutor_id) -> tutors(id)
        fk contracts(school_id) -> schools(id)
        fk lessons(student_id) -> students(id)
        fk lessons(tutor_id) -> tutors(id)"
    );
    let world = World::read(&text);
    let shared = [
        "shared students true",
        "shared tutors true",
        "shared guardians true",
    ];
    let draft = world.infer(&world.decide(&shared));
    let problems: Vec<String> = draft.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("lessons(student_id)"), "{problems:?}");
    assert_eq!(draft.problems[0].table(), &table_ref("lessons"));

    let decided = [
        shared[0],
        shared[1],
        shared[2],
        "owner lessons (student_id)",
    ];
    let draft = world.infer(&world.decide(&decided));
    assert_eq!(draft.problems, []);
    assert_eq!(role(&draft, "lessons"), "owned: hang (student_id)");
}

#[test]
fn pairs_hang_only_if_both_parents_come() {
    let text = format!(
        "{TWO_DISTRICTS}
        table siblings(student_a*, student_b*)
        fk siblings(student_a) -> students(id)
        fk siblings(student_b) -> students(id)
        row students 101 ~
        row enrolments 101 11
        row siblings 100 101
        row siblings 100 200"
    );
    let world = World::read(&text);
    let decisions = world.decide(&["shared students true", "shared guardians true"]);
    let draft = world.infer(&decisions);
    assert!(
        draft
            .ownership
            .table(&table_ref("siblings"))
            .expect("a table")
            .pair
    );
    let members = world.members(&draft.ownership, "1");
    assert!(members.is_decided());
    assert_eq!(print(&members, "siblings"), "shared 100,101");
    assert_eq!(print(&members, "students"), "shared 100 101");
}

#[test]
fn rows_that_own_each_other_in_a_ring_belong_to_nobody_and_are_reported() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table units(id*, district_id?, unit_id?)
        table posts(id*, district_id, unit_id?)
        fk units(district_id) -> districts(id)
        fk units(unit_id) -> units(id)
        fk posts(district_id) -> districts(id)
        fk posts(unit_id) -> units(id)
        row districts 1
        row units 10 1 ~
        row units 11 ~ 10
        row units 12 ~ 13
        row units 13 ~ 12
        row posts 1 1 12",
    );
    let draft = world.infer(&world.decide(&["tree units (unit_id)"]));
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "units"), "own 10 11 | shared 12 13");
    assert_eq!(members.findings[0].code, "owner-cycle");
    assert_eq!(members.findings[0].count, 2);
}

/// A row without label that hangs on a row of another district goes with that row.
#[test]
fn what_hangs_on_a_row_of_another_district_is_elsewhere() {
    let text = format!(
        "{FORCED_CONTACT}
        table reviews(student_id*, no*, org_id)
        table minutes(id*, school_id, student_id, no)
        fk reviews(org_id) -> orgs(id)
        fk reviews(student_id, no) -> assessments(student_id, no)
        fk minutes(school_id) -> schools(id)
        fk minutes(student_id, no) -> reviews(student_id, no)
        row reviews 100 2 9
        row reviews 100 3 9
        row minutes 1 11 100 2
        row minutes 2 11 100 3"
    );
    let world = World::read(&text);
    let decisions = world.decide(&[
        "shared students true",
        "shared contacts true",
        "shared teachers true",
        "owner minutes (school_id)",
    ]);
    let draft = world.infer(&decisions);
    assert_eq!(
        role(&draft, "reviews"),
        "owned 0: path (org_id), hang (student_id, no)"
    );
    let members = world.members(&draft.ownership, "1");
    assert_eq!(print(&members, "reviews"), "shared 100,3");
    assert_eq!(
        stops(&members, &draft),
        ["ids.main.minutes(student_id, no) 1"]
    );
}

#[test]
fn why_prints_the_shortest_chain() {
    let (world, draft) = forced_contact();
    let (closure, _) = world
        .try_close(&draft.ownership, &key("1"), 0)
        .expect("a closure");
    let chain = closure
        .why(&table_ref("contact_addresses"), &key("500,1"))
        .expect("a chain");
    let tables: Vec<&str> = chain.iter().map(|step| step.table.table.as_str()).collect();
    assert_eq!(
        tables,
        [
            "districts",
            "schools",
            "enrolments",
            "students",
            "student_contacts",
            "contacts",
            "contact_addresses"
        ]
    );
    assert_eq!(chain[0].how, How::Root);
    assert!(matches!(chain[3].how, How::ReferredTo(_)));
    assert!(matches!(chain[4].how, How::BelongsTo(_)));
    assert_eq!(closure.why(&table_ref("students"), &key("102")), None);
    assert_eq!(closure.why(&table_ref("students"), &key("none")), None);
}

#[test]
fn an_unknown_district_is_an_error_and_not_an_empty_district() {
    let (world, draft) = forced_contact();
    let error = world.try_close(&draft.ownership, &key("77"), 0).err();
    let root = table_ref("districts");
    assert_eq!(error, Some(ClosureError::UnknownDistrict { root }));
    let error = world.try_close(&draft.ownership, &key("1,2"), 0).err();
    assert!(
        matches!(error, Some(ClosureError::WrongKey { .. })),
        "{error:?}"
    );
}

#[test]
fn two_rows_under_one_referenced_key_are_an_error() {
    let world = World::read(
        "root districts(id)
        table districts(id*)
        table notes(id*, district_id, code)
        table codes(id*, code)
        fk notes(district_id) -> districts(id)
        link notes(code) -> codes(code)
        row districts 1
        row notes 1 1 x
        row codes 1 x
        row codes 2 x",
    );
    let draft = world.infer_with(&Decisions::default(), &Measurements::new());
    let problems: Vec<String> = draft.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].contains("ids.main.codes(code)"), "{problems:?}");
    let error = world.try_close(&draft.ownership, &key("1"), 0).err();
    assert!(
        matches!(error, Some(ClosureError::NotUnique { .. })),
        "{error:?}"
    );
}
