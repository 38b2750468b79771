//! What is decided about columns, and what stops the plan.

use redistrict_model::config::Unknown;
use redistrict_model::{
    ColumnClass, ColumnDecision, EdgeOrigin, Inside, MaskKind, MaskName, MaskScope, Provenance,
    Role,
};
use serde_json::json;

use crate::support::{Estate, check, column, column_ref, table, unique};

/// Northwind's tables as far as they differ in kind; the customer is the tenant.
fn northwind() -> Estate {
    let customers = table(
        "customers",
        &["customer_id"],
        &[
            "customer_id:varchar(5)!",
            "company_name:varchar(40)!",
            "contact_name:varchar(30)",
            "address:varchar(60)",
            "city:varchar(15)",
            "phone:varchar(24)",
        ],
    );
    let employees = table(
        "employees",
        &["employee_id"],
        &[
            "employee_id:int2!",
            "last_name:varchar(20)!",
            "first_name:varchar(10)!",
            "birth_date:date",
            "hire_date:date",
            "home_phone:varchar(24)",
            "photo:bytes",
            "notes:text",
            "reports_to:int2",
        ],
    );
    let orders = table(
        "orders",
        &["order_id"],
        &[
            "order_id:int2!",
            "customer_id:varchar(5)",
            "employee_id:int2",
            "order_date:date",
            "freight:real",
            "ship_address:varchar(60)",
        ],
    );
    let territories = table(
        "territories",
        &["territory_id"],
        &[
            "territory_id:varchar(20)!",
            "territory_description:varchar(60)!",
        ],
    );
    let employee_territories = table(
        "employee_territories",
        &["employee_id", "territory_id"],
        &["employee_id:int2!", "territory_id:varchar(20)!"],
    );
    let shippers = table(
        "shippers",
        &["shipper_id"],
        &[
            "shipper_id:int2!",
            "company_name:varchar(40)!",
            "phone:varchar(24)",
        ],
    );
    Estate::new(vec![
        (Role::Root, customers),
        (Role::Shared, employees),
        (Role::Owned, orders),
        (Role::Reference, territories),
        (Role::Shared, employee_territories),
        (Role::Reference, shippers),
    ])
    .reference("orders.customer_id", "customers.customer_id")
    .reference("orders.employee_id", "employees.employee_id")
    .reference("employees.reports_to", "employees.employee_id")
    .reference("employee_territories.employee_id", "employees.employee_id")
    .reference(
        "employee_territories.territory_id",
        "territories.territory_id",
    )
}

fn decision(estate: &Estate, name: &str) -> ColumnDecision {
    let (section, _) = estate.plan().unwrap();
    let column = column_ref(name);
    let found: Vec<_> = section
        .columns
        .into_iter()
        .filter(|one| one.column == column)
        .collect();
    assert_eq!(found.len(), 1, "{name}");
    found.into_iter().next().unwrap()
}

#[test]
fn a_reference_table_in_doubt_keeps_nothing_that_is_not_recognised() {
    let text = |estate: &Estate, name: &str| {
        let one = decision(estate, name);
        (one.class, one.mask, one.kind)
    };
    let name = "territories.territory_description";
    let sure = northwind().confirm("shippers");
    assert_eq!(
        text(&sure, name),
        (ColumnClass::Catalogue, MaskName::Keep, MaskKind::Kept)
    );
    let in_doubt = northwind().confirm("shippers").doubt("territories");
    assert_eq!(
        text(&in_doubt, name),
        (ColumnClass::Unknown, MaskName::Text, MaskKind::Synthetic)
    );
    let why = decision(&in_doubt, name).reason;
    assert!(why.contains("may be about persons"), "{why}");
    // Its key is what others refer to: they are masked alike.
    let key = text(&in_doubt, "territories.territory_id");
    assert_ne!(key.1, MaskName::Keep);
    let reference = decision(&in_doubt, "employee_territories.territory_id");
    assert_eq!(reference.mask, key.1);
}

#[test]
fn northwind_is_decided_column_by_column() {
    let estate = northwind().confirm("shippers");
    for line in [
        "customers.customer_id tenant_key keep kept",
        "orders.customer_id reference keep kept",
        "customers.company_name unknown text synthetic",
        "customers.contact_name full_name full_name reserved",
        "customers.city unknown text synthetic",
        "customers.phone phone phone reserved",
        "orders.ship_address address address reserved",
        "orders.freight unknown number in-format",
        "orders.order_date date date synthetic",
        "employees.employee_id surrogate_key keep kept",
        "employees.reports_to reference keep kept",
        "employees.home_phone phone phone reserved",
        "employees.birth_date birth_date date synthetic",
        "employees.photo unknown bytes synthetic",
        "employees.notes unknown text synthetic",
        "territories.territory_id catalogue keep kept",
        "territories.territory_description catalogue keep kept",
        "employee_territories.territory_id reference keep kept",
        "shippers.phone phone phone reserved",
        "shippers.company_name unknown text synthetic",
    ] {
        let (name, _) = line.split_once(' ').unwrap();
        let one = decision(&estate, name);
        let word = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        let (class, mask, kind) = (json!(one.class), json!(one.mask), json!(one.kind));
        let decided = [name.to_owned(), word(class), word(mask), word(kind)];
        assert_eq!(decided.join(" "), line);
        let is_kept = one.mask == MaskName::Keep;
        assert_eq!(one.sensitive, !is_kept, "{name}");
        assert_eq!(one.keep_reason.is_some(), is_kept, "{name}");
    }
    assert_eq!(
        decision(&estate, "employees.notes").scope,
        MaskScope::Estate
    );
    assert_eq!(
        decision(&estate, "customers.phone").scope,
        MaskScope::District
    );
}

/// A survey of another district that one of ours answered comes as a stub: it has to be the row that the other
/// district brings. And two keys of two districts must not become one.
#[test]
fn keys_and_what_hangs_on_shared_rows_have_the_pseudonyms_of_the_estate() {
    let customers = table(
        "customers",
        &["customer_id"],
        &["customer_id:int4!", "remark:text"],
    );
    let surveys = table(
        "surveys",
        &["code"],
        &["code:text!", "customer_id:int4!", "topic:text"],
    );
    let answers = table(
        "answers",
        &["id"],
        &["id:int4!", "survey:text", "body:text"],
    );
    let estate = Estate::new(vec![
        (Role::Root, customers),
        (Role::Owned, surveys),
        (Role::Owned, answers),
    ])
    .reference("surveys.customer_id", "customers.customer_id")
    .reference("answers.survey", "surveys.code");
    let scope = |estate: &Estate, name: &str| decision(estate, name).scope;
    for name in ["surveys.code", "answers.survey"] {
        assert_eq!(scope(&estate, name), MaskScope::Estate, "{name}");
    }
    for name in ["customers.remark", "surveys.topic", "answers.body"] {
        assert_eq!(scope(&estate, name), MaskScope::District, "{name}");
    }
    let hanging = estate.hang("answers", 1);
    assert_eq!(scope(&hanging, "answers.body"), MaskScope::Estate);
    assert_eq!(scope(&hanging, "surveys.topic"), MaskScope::District);
}

#[test]
fn every_column_has_one_decision_and_the_same_each_time() {
    let estate = northwind().confirm("shippers");
    let (section, _) = estate.plan().unwrap();
    let moved: usize = estate
        .extract
        .tables
        .iter()
        .map(|table| table.columns.len())
        .sum();
    assert_eq!(section.columns.len(), moved);
    assert_eq!(estate.plan().unwrap().0, section);
}

#[test]
fn a_reference_table_with_persons_must_be_confirmed() {
    let findings = northwind().plan().unwrap_err().findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "reference-with-persons");
    assert!(findings[0].message.contains("phone"));
    assert_eq!(findings[0].lines[0], "[table.\"ids.main.shippers\"]");
    let public = northwind().setting(
        "shippers.phone",
        json!({"mask": "keep", "public": true, "reason": "a company's number"}),
    );
    assert_eq!(
        decision(&public, "shippers.phone").class,
        ColumnClass::Public
    );
}

fn students(columns: &[&str]) -> Estate {
    let mut all = vec!["id:int8!", "school_id:int8"];
    all.extend(columns);
    Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (Role::Owned, table("students", &["id"], &all)),
    ])
}

#[test]
fn text_keys_are_masked_the_same_way_in_every_column_that_refers_to_them() {
    let estate = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (
            Role::Owned,
            table(
                "students",
                &["id"],
                &["id:int8!", "student_number:varchar(10)!"],
            ),
        ),
        (
            Role::Owned,
            table("meals", &["id"], &["id:int8!", "number:int8"]),
        ),
    ])
    .with("students", |table| {
        table.uniques.push(unique("u", &["student_number"]));
    })
    .reference("meals.number", "students.student_number");
    let (parent, child) = (
        decision(&estate, "students.student_number"),
        decision(&estate, "meals.number"),
    );
    assert_eq!(parent.domain, child.domain);
    assert_eq!(
        (parent.mask, child.mask),
        (MaskName::Number, MaskName::Number)
    );
    assert!(parent.unique && child.unique && child.sensitive);
    assert_eq!(child.class, ColumnClass::Reference);
}

#[test]
fn numbers_of_persons_are_masked_even_as_keys() {
    let estate = Estate::new(vec![
        (Role::Root, table("districts", &["id"], &["id:int8!"])),
        (
            Role::Owned,
            table("students", &["student_number"], &["student_number:int8!"]),
        ),
    ]);
    assert_eq!(
        decision(&estate, "students.student_number").mask,
        MaskName::Number
    );
}

#[test]
fn lists_enums_and_booleans_are_kept_whatever_their_name() {
    let estate = students(&["phone_kind:varchar(8)", "sex:enum", "has_email:bool"]).with(
        "students",
        |table| {
            table
                .checks
                .push(check("c", "phone_kind in ('home', 'cell')"));
        },
    );
    assert_eq!(
        decision(&estate, "students.phone_kind").class,
        ColumnClass::Enumeration
    );
    assert_eq!(
        decision(&estate, "students.sex").class,
        ColumnClass::Enumeration
    );
    assert_eq!(
        decision(&estate, "students.has_email").class,
        ColumnClass::Boolean
    );
}

#[test]
fn content_and_codes_are_recognised_in_samples() {
    let estate = students(&["custom_1:text", "custom_2:text", "custom_3:text"])
        .sample(
            "students.custom_1",
            &["123-45-6789", "223-45-6789", "323-45-6789"],
        )
        .sample("students.custom_2", &["A", "B"].repeat(11))
        .sample("students.custom_3", &["Maria", "B"].repeat(11));
    let one = decision(&estate, "students.custom_1");
    assert_eq!(
        (one.class, one.provenance),
        (ColumnClass::NationalId, Provenance::Content)
    );
    assert_eq!(
        decision(&estate, "students.custom_2").class,
        ColumnClass::Code
    );
    assert_eq!(
        decision(&estate, "students.custom_3").class,
        ColumnClass::Unknown
    );
    let (section, _) = estate.plan().unwrap();
    let text = serde_json::to_string(&section).unwrap();
    assert!(!text.contains("123-45") && !text.contains("Maria"));
}

#[test]
fn credentials_become_null_where_null_is_allowed_on_both_sides() {
    let estate = students(&["password_hash:text", "mfa_secret:text!"]);
    assert_eq!(
        decision(&estate, "students.password_hash").mask,
        MaskName::Null
    );
    assert_eq!(
        decision(&estate, "students.mfa_secret").mask,
        MaskName::Text
    );
    let estate = estate.with_target("students", |table| {
        table
            .columns
            .iter_mut()
            .for_each(|column| column.nullable = false);
    });
    assert_eq!(
        decision(&estate, "students.password_hash").mask,
        MaskName::Text
    );
}

#[test]
fn keeping_a_sensitive_column_needs_a_reason() {
    let kept = students(&["email:text"]).setting("students.email", json!({"mask": "keep"}));
    let findings = kept.plan().unwrap_err().findings;
    assert_eq!(findings[0].code, "keep-sensitive");
    assert_eq!(findings[0].lines[0], "[column.\"ids.main.students.email\"]");
    assert!(findings[0].lines.contains(&"public = true".to_owned()));
    let blank = json!({"mask": "keep", "public": true, "reason": " "});
    let blank = students(&["email:text"]).setting("students.email", blank);
    assert_eq!(blank.stops().len(), 1);
    let public = json!({"public": true, "reason": "in the phone book"});
    let public = students(&["email:text"]).setting("students.email", public);
    let one = decision(&public, "students.email");
    assert_eq!(
        (one.class, one.mask, one.sensitive),
        (ColumnClass::Public, MaskName::Keep, false)
    );
    assert_eq!(one.provenance, Provenance::User);
}

#[test]
fn the_users_word_comes_first_and_joins_domains() {
    let estate = students(&["login:varchar(80)", "contact:varchar(40)", "ident:text"])
        .setting(
            "students.contact",
            json!({"class": "email", "domain": "login"}),
        )
        .setting("students.login", json!({"domain": "login"}))
        .setting("students.ident", json!({"mask": "national_id"}));
    let (login, contact) = (
        decision(&estate, "students.login"),
        decision(&estate, "students.contact"),
    );
    assert_eq!(login.domain, contact.domain);
    assert_eq!(
        (login.mask, contact.mask),
        (MaskName::Email, MaskName::Email)
    );
    assert_eq!(
        decision(&estate, "students.ident").mask,
        MaskName::NationalId
    );
}

#[test]
fn what_cannot_be_satisfied_stops_all_at_once() {
    let estate = students(&[
        "email:varchar(8)",
        "token:text!",
        "ssn:char(11)",
        "code:varchar(20)",
        "wage:int4",
        "avatar:text",
        "extra:json",
        "born:date",
        "hired:date",
    ])
    .with("students", |table| {
        table.uniques.push(unique("u", &["ssn"]));
        table.checks.push(check("like", "code like 'A%'"));
        table.checks.push(check("one", "wage between 5 and 5"));
        table.checks.push(check("born", "hired > born"));
    })
    .setting("students.token", json!({"mask": "null"}))
    .setting("students.ssn", json!({"mask": "national_id"}))
    .setting(
        "students.avatar",
        json!({"mask": {"kind": "date_shift", "days": 30}}),
    )
    .setting("students.extra", json!({"paths": {"$.a": "email"}}))
    .setting("students.born", json!({"class": "birth_date"}))
    .setting("students.nothing", json!({"mask": "email"}));
    let expected = [
        ("mask-capacity", "ssn"),
        ("mask-check", "code"),
        ("mask-check", "wage"),
        ("mask-column-unknown", "nothing"),
        ("mask-length", "email"),
        ("mask-not-available", "avatar"),
        ("mask-not-available", "extra"),
        ("mask-not-null", "token"),
    ];
    let expected: Vec<(String, String)> = expected
        .iter()
        .map(|(code, column)| ((*code).to_owned(), format!("ids.main.students.{column}")))
        .collect();
    assert_eq!(estate.stops(), expected);
    let findings = estate.plan().unwrap_err().findings;
    let satisfiable = findings.iter().filter(|finding| {
        matches!(
            finding.code.as_str(),
            "mask-capacity" | "mask-check" | "mask-length"
        )
    });
    assert!(
        satisfiable
            .into_iter()
            .all(|finding| !finding.lines.is_empty())
    );
}

#[test]
fn orders_of_dates_hold_under_the_common_shift_only() {
    let dates = || {
        students(&["begin_date:date", "end_date:date"]).with("students", |table| {
            table
                .checks
                .push(check("order", "end_date is null or end_date >= begin_date"));
        })
    };
    assert_eq!(dates().stops(), []);
    let estate = dates().setting("students.begin_date", json!({"class": "birth_date"}));
    assert_eq!(estate.stops().len(), 1);
}

#[test]
fn the_constraints_of_both_sides_count() {
    let estate = students(&["email:varchar(80)", "note:text"]);
    assert_eq!(estate.stops(), []);
    let shorter = students(&["email:varchar(80)"]).with_target("students", |table| {
        *table.columns.last_mut().unwrap() = column("email:varchar(9)");
    });
    assert_eq!(shorter.stops().len(), 1);
    let checked = students(&["note:text"]).with_target("students", |table| {
        table.checks.push(check("c", "note ~ '^[A-Z]'"));
    });
    assert_eq!(checked.stops().len(), 1);
}

#[test]
fn unknown_columns_stop_where_that_is_asked_for() {
    let mut estate = students(&["shoe:text", "email:text", "seen:date"]);
    estate.unknown = Unknown::Stop;
    let stops = estate.stops();
    let subjects: Vec<&str> = stops.iter().map(|(_, subject)| subject.as_str()).collect();
    assert_eq!(
        subjects,
        ["ids.main.students.school_id", "ids.main.students.shoe"]
    );
}

#[test]
fn the_tenants_key_cannot_be_masked() {
    let estate = students(&[]).setting("districts.id", json!({"mask": "number"}));
    assert_eq!(estate.stops()[0].0, "mask-tenant-key");
}

#[test]
fn odd_names_are_quoted_in_the_lines_to_paste() {
    let estate = Estate::new(vec![
        (Role::Root, table("d", &["id"], &["id:int8!"])),
        (
            Role::Owned,
            table("T \"x\"", &["id"], &["id:int8!", "E-Mail:text"]),
        ),
    ]);
    let mut estate = estate;
    estate.columns.insert(
        crate::support::table_ref("T \"x\"").column("E-Mail"),
        serde_json::from_value(json!({"mask": "keep"})).unwrap(),
    );
    let line = &estate.plan().unwrap_err().findings[0].lines[0];
    assert_eq!(line, "[column.'ids.main.\"T \"\"x\"\"\".\"E-Mail\"']");
}

#[test]
fn a_unique_national_id_is_permuted_within_its_format_in_text_and_in_number() {
    let estate = students(&[
        "ssn:char(11)",
        "taxpayer_ssn:int8!",
        "guardian_ssn:char(11)",
    ])
    .with("students", |table| {
        table.uniques.push(unique("u", &["ssn"]));
        table.uniques.push(unique("v", &["taxpayer_ssn"]));
    });
    for (column, mask, kind) in [
        ("ssn", MaskName::Text, MaskKind::InFormat),
        ("taxpayer_ssn", MaskName::Number, MaskKind::InFormat),
        ("guardian_ssn", MaskName::NationalId, MaskKind::Reserved),
    ] {
        let decision = decision(&estate, &format!("students.{column}"));
        assert_eq!((decision.mask, decision.kind), (mask, kind), "{column}");
        assert_eq!(decision.class, ColumnClass::NationalId, "{column}");
        assert!(decision.sensitive, "{column}");
    }
}

#[test]
fn a_check_on_the_length_of_a_text_bounds_its_mask() {
    let estate = students(&["nick:text", "email:text", "short:text"]).with("students", |table| {
        table.checks.push(check("n", "length(nick) < 200"));
        table.checks.push(check("e", "length(email) <= 8"));
        table.checks.push(check("s", "length(short) = 9"));
    });
    let expected = [("mask-check", "short"), ("mask-length", "email")]
        .map(|(code, column)| (code.to_owned(), format!("ids.main.students.{column}")));
    assert_eq!(estate.stops(), expected);
}

#[test]
fn unique_documents_that_links_lead_from_get_one_advice_whatever_their_mask() {
    let linked = |doc: &str| {
        let docs = table("docs", &["id"], &["id:int8!", doc]);
        let mut estate = Estate::new(vec![
            (Role::Root, table("districts", &["id"], &["id:int8!"])),
            (Role::Owned, docs),
            (Role::Owned, table("people", &["code"], &["code:text!"])),
        ])
        .with("docs", |table| table.uniques.push(unique("d", &["doc"])))
        .reference("docs.doc", "people.code");
        let edge = &mut estate.extract.ownership.edges[0];
        edge.origin = EdgeOrigin::Link;
        edge.inside = Some(Inside::Members(vec!["id".to_owned()]));
        estate
    };
    for estate in [
        linked("doc:text"),
        linked("doc:json"),
        linked("doc:text").setting("docs.doc", json!({"mask": "text"})),
        linked("doc:text").setting("docs.doc", json!({"mask": "json"})),
    ] {
        let findings = estate.plan().unwrap_err().findings;
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].code, "mask-linked-document");
        // It can be followed: the column is kept openly.
        assert!(findings[0].lines.contains(&"mask = \"keep\"".to_owned()));
        let keep = json!({"mask": "keep", "public": true, "reason": "about nobody"});
        estate.setting("docs.doc", keep).plan().unwrap();
    }
    // Without links it is the type that says what can be done.
    let mut alone = linked("doc:json");
    alone.extract.ownership.edges.clear();
    let findings = alone.plan().unwrap_err().findings;
    assert_eq!(findings[0].code, "mask-capacity");
    assert!(
        findings[0]
            .lines
            .iter()
            .all(|line| !line.contains("\"text\""))
    );
}
