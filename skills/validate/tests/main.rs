//! Every defect is caught by the check that is for it, and by no other.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on may panic, and one of these damages files on purpose"
)]

mod fixture;
mod keyless;

use fixture::{
    DISTRICTS, ENROLLMENTS, Files, Fixture, GUARDIANS, KINDS, LEARNERS, NOTES, PAIRS, SECTIONS,
    STUDENTS, V, check, column, offences, strings, student, t, table,
};
use redistrict_artifact::DanglingEntry;
use redistrict_model::{
    CheckOutcome, Column, ColumnType, EdgeId, EdgeOrigin, ErrorKind, ForeignKey, Generated,
    MaskKind, MaskName, Membership, OrgPart, Owner, OwnerKind, Role, Severity, Unique, Verdict,
    VerdictReport,
};
use redistrict_skill::Cancel;

/// Runs a fixture that has one defect; the offences and the report.
async fn defect(change: impl FnOnce(&mut Fixture)) -> (Vec<String>, VerdictReport) {
    let mut fixture = Fixture::clean();
    change(&mut fixture);
    let (outcome, report) = fixture.run().await;
    let report = report.unwrap();
    match report.verdict {
        Verdict::Failed => {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Validation);
            assert!(!error.causes.is_empty());
        }
        _ => assert_eq!(
            outcome.unwrap().facts,
            serde_json::to_value(&report).unwrap()
        ),
    }
    (offences(&report), report)
}

/// The one check that must have failed, with severity ERROR and so many rows.
async fn caught(change: impl FnOnce(&mut Fixture), offence: &str, rows: u64) -> VerdictReport {
    let (offences, report) = defect(change).await;
    assert_eq!(offences, [offence]);
    assert_eq!(report.verdict, Verdict::Failed);
    let failed = report
        .checks
        .iter()
        .find(|check| !check.is_passed())
        .unwrap();
    assert_eq!(failed.outcome, CheckOutcome::Failed { rows }, "{failed:?}");
    assert_eq!(failed.severity, Severity::Error);
    report
}

fn locators(report: &VerdictReport) -> Vec<&str> {
    let failed = report.checks.iter().filter(|check| !check.is_passed());
    failed
        .flat_map(|check| check.locators.iter().map(String::as_str))
        .collect()
}

#[tokio::test]
async fn a_clean_artifact_passes_and_every_check_says_what_it_examined() {
    let (offences, report) = defect(|_| {}).await;
    assert_eq!(offences, Vec::<String>::new());
    assert_eq!(report.verdict, Verdict::Passed);
    let examined = |name: &str| {
        let of_name = report.checks.iter().filter(|check| check.check == name);
        of_name.map(|check| check.examined).sum::<u64>()
    };
    for (name, expected) in [
        ("counts", 19),
        ("primary-key", 19),
        ("unique-key", 2),
        // Districts 3, mentor 1, kind 2, student 2, guardian 2, district 2, student 2, section 1, learner 2.
        ("foreign-key", 17),
        ("link", 4),
        ("not-null", 19),
        ("enum", 3),
        ("check", 6),
        ("isolation-root", 2),
        ("isolation-own", 13),
        ("isolation-shared", 3),
        ("isolation-reason", 5),
        ("privacy-proof", 12),
        ("privacy-range", 6),
        ("columns", 9),
    ] {
        assert_eq!(examined(name), expected, "{name}");
    }
}

#[tokio::test]
async fn a_missing_parent_is_caught_by_its_reference() {
    let report = caught(
        |f| f.rows(PAIRS)[1].1[1] = V::I(77),
        "foreign-key ids.public.student_guardians(guardian_id) -> ids.public.guardians(id)",
        1,
    )
    .await;
    assert_eq!(locators(&report), ["ids.public.student_guardians row 2"]);
    // A row that has lost its only way to the district is isolation's to name as well.
    let (offences, _) = defect(|f| f.rows(ENROLLMENTS)[1].1[1] = V::I(77)).await;
    assert_eq!(
        offences,
        [
            "foreign-key ids.public.enrollments(student_id) -> ids.public.students(id)",
            "isolation-own ids.public.districts",
        ]
    );
}

#[tokio::test]
async fn a_composite_reference_counts_only_when_whole() {
    caught(
        |f| f.rows(ENROLLMENTS)[0].1[3] = V::I(9),
        "foreign-key ids.public.enrollments(course, no) -> ids.public.sections(course, no)",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_self_reference_to_nobody_is_caught() {
    caught(
        |f| f.rows(STUDENTS)[1].1[6] = V::I(404),
        "foreign-key ids.public.students(mentor_id) -> ids.public.students(id)",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_reference_into_a_table_that_does_not_come_is_caught() {
    caught(
        |f| {
            f.edge(
                EdgeOrigin::ForeignKey,
                ENROLLMENTS,
                &["student_id"],
                DISTRICTS,
                &["id"],
            );
            let edge = f.edges.last_mut().unwrap();
            edge.parent = "ids.public.excluded".parse().unwrap();
        },
        "foreign-key ids.public.enrollments(student_id) -> ids.public.excluded(id)",
        2,
    )
    .await;
}

#[tokio::test]
async fn dangling_links_are_warnings_as_far_as_the_manifest_lists_them() {
    let dangle = |listed: u64| {
        move |f: &mut Fixture| {
            f.rows(NOTES)[1].1[1] = t("pupil");
            let reference = "hcp1.public.notes(owner_id) -> ids.public.students".to_owned();
            f.table(NOTES).dangling = vec![DanglingEntry {
                reference,
                rows: listed,
            }];
        }
    };
    let link = "link hcp1.public.notes(owner_id) -> ids.public.students(id)";
    let (offences, report) = defect(dangle(1)).await;
    assert_eq!(offences, [link]);
    assert_eq!(report.verdict, Verdict::PassedWithWarnings);
    let warning = report
        .checks
        .iter()
        .find(|check| !check.is_passed())
        .unwrap();
    assert_eq!(warning.outcome, CheckOutcome::Failed { rows: 1 });
    caught(dangle(0), link, 1).await;
}

#[tokio::test]
async fn a_missing_link_partner_of_another_type_is_an_error_when_nothing_is_listed() {
    let (offences, report) = defect(|f| f.rows(LEARNERS)[1].1[1] = t("011")).await;
    let link = "link hcp1.public.learners(ids_student_id) -> ids.public.students(id)";
    assert_eq!(offences[0], link);
    assert_eq!(report.verdict, Verdict::Failed);
    let failed = report
        .checks
        .iter()
        .find(|check| check.check == "link" && !check.is_passed());
    assert_eq!(failed.unwrap().severity, Severity::Error);
}

#[tokio::test]
async fn a_not_valid_key_may_dangle_and_a_valid_one_may_not() {
    let change = |origin: EdgeOrigin| {
        move |f: &mut Fixture| {
            f.edges[9].origin = origin;
            f.rows(NOTES)[1].1[3] = V::I(404);
            let reference = "hcp1.public.notes(learner_id)".to_owned();
            f.table(NOTES).dangling = vec![DanglingEntry { reference, rows: 1 }];
        }
    };
    // The row loses its way to the district with the reference: that is isolation's to say.
    let key = "foreign-key hcp1.public.notes(learner_id) -> hcp1.public.learners(id)";
    let (offences, report) = defect(change(EdgeOrigin::NotValid)).await;
    assert_eq!(offences, [key, "isolation-own ids.public.districts"]);
    let severity = |report: &VerdictReport| {
        report
            .checks
            .iter()
            .find(|check| !check.is_passed())
            .unwrap()
            .severity
    };
    assert_eq!(severity(&report), Severity::Warning);
    let (_, report) = defect(change(EdgeOrigin::ForeignKey)).await;
    assert_eq!(severity(&report), Severity::Error);
}

#[tokio::test]
async fn a_duplicate_key_is_caught_in_any_partition_and_across_batches() {
    for key_memory in [64 << 20, 16, 1] {
        let report = caught(
            |f| {
                f.key_memory = key_memory;
                let copy = f.rows(PAIRS)[0].clone();
                f.rows(PAIRS).push(copy);
            },
            "primary-key ids.public.student_guardians(student_id, guardian_id)",
            1,
        )
        .await;
        assert_eq!(locators(&report), ["ids.public.student_guardians row 3"]);
        let keys = report
            .checks
            .iter()
            .find(|check| !check.is_passed())
            .unwrap();
        assert_eq!(keys.examined, 3);
    }
}

#[tokio::test]
async fn a_unique_key_takes_nulls_as_distinct() {
    let nulls = |f: &mut Fixture| {
        for row in 0..2 {
            f.rows(STUDENTS)[row].1[2] = V::N;
        }
    };
    assert!(defect(nulls).await.0.is_empty());
    caught(
        |f| f.rows(STUDENTS)[1].1[2] = t("s10@example.org"),
        "unique-key ids.public.students(district_id, email)",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_key_that_only_the_target_has_is_checked_too() {
    let unique = |f: &mut Fixture| {
        f.table(STUDENTS).target().uniques[0].columns = strings(&["phone"]);
    };
    caught(unique, "unique-key ids.public.students(phone)", 1).await;
    let foreign = |f: &mut Fixture| {
        f.rows(SECTIONS)[1].1[1] = V::I(44);
        f.table(SECTIONS).target().foreign_keys = vec![ForeignKey {
            name: "only_here".into(),
            columns: strings(&["no"]),
            parent: "ids.public.districts".parse().unwrap(),
            parent_columns: strings(&["id"]),
            on_delete_cascade: false,
            deferrable: false,
            validated: true,
            when: Vec::new(),
        }];
    };
    let (offences, report) = defect(foreign).await;
    assert_eq!(
        offences,
        ["foreign-key-target ids.public.sections(no) -> ids.public.districts(id)"]
    );
    assert_eq!(report.verdict, Verdict::PassedWithWarnings);
}

#[tokio::test]
async fn a_unique_key_over_a_column_that_no_new_row_fills_holds_and_over_a_filled_one_is_not_known()
{
    let unique = |change: fn(&mut Column)| {
        move |f: &mut Fixture| {
            let target = f.table(STUDENTS).target();
            let mut new = column("only_here", ColumnType::Text, true);
            change(&mut new);
            target.columns.push(new);
            target.uniques[0].columns = strings(&["only_here"]);
        }
    };
    let subject = "unique-key ids.public.students(only_here)";
    let (offences, report) = defect(unique(|_| ())).await;
    assert!(offences.is_empty(), "{offences:?}");
    let check = report
        .checks
        .iter()
        .find(|one| one.is_passed() && format!("{} {}", one.check, one.subject) == subject);
    assert_eq!(check.map(|one| one.examined), Some(3));
    let filled = unique(|column| column.has_default = true);
    assert!(defect(filled).await.0.contains(&subject.to_owned()));
    // An open schema has no column where no row of the target has the property.
    let absent = |f: &mut Fixture| {
        f.table(STUDENTS).target().uniques[0].columns = strings(&["only_here"]);
    };
    assert!(defect(absent).await.0.is_empty());
}

#[tokio::test]
async fn a_unique_key_over_a_computed_column_holds_where_its_inputs_are_kept_and_prod_has_it() {
    let with = |in_prod: bool, is_masked: bool| {
        move |f: &mut Fixture| {
            let mut uri = column("uri", ColumnType::Text, false);
            uri.generated = Generated::Stored;
            let key = Unique {
                name: "by_uri".to_owned(),
                columns: strings(&["uri"]),
            };
            let kinds = f.table(KINDS);
            kinds.both(|table| table.columns.push(uri.clone()));
            kinds.target().uniques.push(key.clone());
            if in_prod {
                kinds.source.uniques.push(key);
            }
            let name = format!("{KINDS}.code");
            f.masks.retain(|(known, ..)| *known != name);
            let mask = if is_masked {
                MaskName::Text
            } else {
                MaskName::Keep
            };
            let kind = if is_masked {
                MaskKind::InFormat
            } else {
                MaskKind::Kept
            };
            f.masks.push((name, mask, kind));
        }
    };
    let subject = format!("unique-key {KINDS}(uri)");
    for (in_prod, is_masked) in [(true, false), (true, true), (false, false)] {
        let holds = in_prod && !is_masked;
        let (offences, _) = defect(with(in_prod, is_masked)).await;
        assert_eq!(!offences.contains(&subject), holds, "{offences:?}");
        let mut fixture = Fixture::clean();
        with(in_prod, is_masked)(&mut fixture);
        let told = redistrict_validate::checks_that_cannot_run(&fixture.plan().sections);
        assert_eq!(told.is_empty(), holds, "{told:?}");
    }
}

#[tokio::test]
async fn counts_that_differ_from_the_manifest_are_caught() {
    caught(
        |f| {
            f.table(GUARDIANS).lie = Some(Box::new(|entry| {
                entry.own = 1;
                entry.shared = 0;
            }));
        },
        "counts ids.public.guardians",
        2,
    )
    .await;
    caught(
        |f| f.table(GUARDIANS).lie = Some(Box::new(|entry| entry.rows = 2)),
        "counts ids.public.guardians",
        2,
    )
    .await;
}

#[tokio::test]
async fn counts_that_differ_from_what_was_extracted_are_caught() {
    caught(|f| f.raw_lie = true, "counts-extracted manifest.json", 1).await;
}

#[tokio::test]
async fn what_cannot_be_compared_with_the_extraction_counts_as_failed() {
    let (offences, report) = defect(|f| f.raw_is_there = false).await;
    assert_eq!(offences, ["counts-extracted manifest.json"]);
    assert_eq!(report.verdict, Verdict::Failed);
}

#[tokio::test]
async fn a_part_of_the_plan_that_is_not_in_the_manifest_is_caught() {
    let renamed = |entry: &mut redistrict_artifact::ManifestTable| {
        entry.columns.swap(0, 1);
    };
    caught(
        |f| f.table(PAIRS).lie = Some(Box::new(renamed)),
        "columns manifest.json",
        1,
    )
    .await;
    caught(
        |f| f.plan_digest_in_manifest = "d0".into(),
        "artifact manifest.json",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_strangers_root_row_is_caught() {
    let report = caught(
        |f| f.rows(DISTRICTS)[1].0 = Membership::Shared,
        "isolation-root ids.public.districts",
        1,
    )
    .await;
    assert_eq!(locators(&report), ["ids.public.districts row 2"]);
}

#[tokio::test]
async fn the_districts_own_root_row_must_be_there_in_full() {
    let (offences, _) = defect(|f| f.rows(DISTRICTS)[0].0 = Membership::Stub).await;
    assert_eq!(offences, ["isolation-root ids.public.districts"]);
}

#[tokio::test]
async fn a_strangers_row_is_caught_whether_it_calls_itself_own_or_shared() {
    caught(
        |f| f.rows(STUDENTS).push(student(Membership::Own, 13, 3, None)),
        "isolation-own ids.public.districts",
        1,
    )
    .await;
    let shared = |f: &mut Fixture| {
        f.rows(STUDENTS)
            .push(student(Membership::Shared, 13, 3, None));
        // Referred to, so that it has a reason to be here.
        f.rows(ENROLLMENTS).push((
            Membership::Own,
            vec![V::I(3), V::I(13), V::I(7), V::I(1), V::N],
        ));
    };
    caught(shared, "isolation-shared ids.public.districts", 1).await;
}

#[tokio::test]
async fn a_strangers_row_of_a_table_that_nobody_refers_to_is_caught() {
    caught(
        |f| {
            let row = vec![V::I(3), V::I(12), V::N, V::N, V::N];
            f.rows(ENROLLMENTS).push((Membership::Own, row));
        },
        "isolation-own ids.public.districts",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_person_whom_nobody_needs_is_caught_and_a_catalogue_entry_is_not() {
    caught(
        |f| {
            f.rows(GUARDIANS)
                .push((Membership::Shared, vec![V::I(6), V::N]));
        },
        "isolation-reason ids.public.districts",
        1,
    )
    .await;
    let entry = |f: &mut Fixture| f.rows(KINDS).push((Membership::Shared, vec![t("night")]));
    assert!(defect(entry).await.0.is_empty());
}

#[tokio::test]
async fn a_stub_that_nothing_refers_to_is_caught() {
    caught(
        |f| {
            f.rows(DISTRICTS)
                .push((Membership::Stub, vec![V::I(4), t("masked")]));
        },
        "isolation-reason ids.public.districts",
        1,
    )
    .await;
}

/// Organisations above districts: each district has its row of the same key in them.
fn with_organizations(f: &mut Fixture) {
    const ORGANIZATIONS: &str = "ids.public.organizations";
    let columns = vec![
        column("id", ColumnType::Int32, false),
        column("parent_id", ColumnType::Int32, true),
    ];
    let mut organizations = table(ORGANIZATIONS, Role::Owned, columns, &["id"]);
    organizations.rows = vec![
        (Membership::Own, vec![V::I(2), V::I(100)]),
        (Membership::Stub, vec![V::I(3), V::N]),
        (Membership::Stub, vec![V::I(100), V::N]),
    ];
    f.tables.push(organizations);
    f.edge(
        EdgeOrigin::ForeignKey,
        DISTRICTS,
        &["id"],
        ORGANIZATIONS,
        &["id"],
    );
    f.edge(
        EdgeOrigin::ForeignKey,
        ORGANIZATIONS,
        &["parent_id"],
        ORGANIZATIONS,
        &["id"],
    );
    f.change_role = Some(|role| {
        if role.table.table == "organizations" {
            role.org = Some(OrgPart::Base);
        }
    });
}

#[tokio::test]
async fn a_base_row_belongs_to_the_district_that_is_the_same_thing() {
    assert_eq!(defect(with_organizations).await.0, Vec::<String>::new());
    let stranger = |f: &mut Fixture| {
        with_organizations(f);
        f.rows("ids.public.organizations")[1].0 = Membership::Own;
    };
    caught(stranger, "isolation-own ids.public.districts", 1).await;
}

/// A department is an organisation below the district's one; nothing refers to departments.
fn with_a_department(f: &mut Fixture) {
    const DEPARTMENTS: &str = "ids.public.departments";
    with_organizations(f);
    f.rows("ids.public.organizations")
        .push((Membership::Own, vec![V::I(50), V::N]));
    let columns = vec![
        column("id", ColumnType::Int32, false),
        column("parent_id", ColumnType::Int32, false),
    ];
    let mut departments = table(DEPARTMENTS, Role::Owned, columns, &["id"]);
    departments.rows = vec![(Membership::Own, vec![V::I(50), V::I(2)])];
    f.tables.push(departments);
    for column in ["id", "parent_id"] {
        let parent = "ids.public.organizations";
        f.edge(
            EdgeOrigin::ForeignKey,
            DEPARTMENTS,
            &[column],
            parent,
            &["id"],
        );
    }
}

#[tokio::test]
async fn a_base_row_belongs_to_the_district_by_a_row_that_nothing_refers_to() {
    assert_eq!(defect(with_a_department).await.0, Vec::<String>::new());
    let lost = |f: &mut Fixture| {
        with_a_department(f);
        f.rows("ids.public.departments").clear();
    };
    caught(lost, "isolation-own ids.public.districts", 1).await;
}

#[tokio::test]
async fn roots_below_the_district_are_its_own_only_in_a_declared_tree() {
    let sub_district = |f: &mut Fixture| {
        f.table(DISTRICTS).both(|table| {
            table
                .columns
                .push(column("parent_id", ColumnType::Int32, true));
        });
        for (_, row) in f.rows(DISTRICTS) {
            row.push(V::N);
        }
        f.rows(DISTRICTS)
            .push((Membership::Own, vec![V::I(21), t("Sub"), V::I(2)]));
        f.rows(STUDENTS)
            .push(student(Membership::Own, 30, 21, None));
        f.edge(
            EdgeOrigin::ForeignKey,
            DISTRICTS,
            &["parent_id"],
            DISTRICTS,
            &["id"],
        );
    };
    let (offences, _) = defect(sub_district).await;
    // Without the tree both the row and what hangs below it are strangers.
    assert_eq!(
        offences,
        [
            "isolation-root ids.public.districts",
            "isolation-own ids.public.districts"
        ]
    );
    let tree = |f: &mut Fixture| {
        sub_district(f);
        f.change_role = Some(|role| {
            if role.role == Role::Root {
                role.owners = vec![Owner {
                    edge: EdgeId(11),
                    kind: OwnerKind::Path,
                    reason: "declared".into(),
                }];
            }
        });
    };
    assert_eq!(defect(tree).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_row_whose_owner_a_person_decided_may_point_elsewhere() {
    let shared = |f: &mut Fixture| {
        f.rows(STUDENTS)
            .push(student(Membership::Shared, 13, 3, None));
        let row = vec![V::I(3), V::I(13), V::I(7), V::I(1), V::N];
        f.rows(ENROLLMENTS).push((Membership::Own, row));
        f.change_role = Some(|role| role.decided = role.table.table == "students");
    };
    assert_eq!(defect(shared).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_long_chain_of_references_ends() {
    let chain = |f: &mut Fixture| {
        f.batch_rows = 500;
        for id in 1_000..3_000 {
            f.rows(STUDENTS)
                .insert(0, student(Membership::Own, id, 2, Some(id + 1)));
        }
        f.rows(STUDENTS)
            .push(student(Membership::Own, 3_000, 2, Some(1_000)));
    };
    assert!(defect(chain).await.0.is_empty());
}

#[tokio::test]
async fn a_text_that_is_too_long_in_characters_is_caught() {
    let fits = |f: &mut Fixture| f.rows(STUDENTS)[0].1[4] = t("öü3");
    assert!(defect(fits).await.0.is_empty());
    caught(
        |f| f.table(STUDENTS).target().columns[2].max_length = Some(14),
        "length ids.public.students.email",
        2,
    )
    .await;
}

#[tokio::test]
async fn an_integer_outside_the_targets_range_is_caught() {
    caught(
        |f| {
            f.table(ENROLLMENTS).target().columns[0].column_type = ColumnType::Int16;
            f.rows(ENROLLMENTS)[1].1[0] = V::I(40_000);
        },
        "length ids.public.enrollments.id",
        1,
    )
    .await;
}

#[tokio::test]
async fn a_null_the_target_forbids_is_caught_also_in_a_column_that_does_not_come() {
    let report = caught(
        |f| f.table(ENROLLMENTS).target().columns[4].nullable = false,
        "not-null ids.public.enrollments",
        1,
    )
    .await;
    assert_eq!(locators(&report), ["ids.public.enrollments row 2 (remark)"]);
    let added = |has_default: bool| {
        move |f: &mut Fixture| {
            let mut extra = column("extra", ColumnType::Text, false);
            extra.has_default = has_default;
            f.table(LEARNERS).target().columns.push(extra);
        }
    };
    caught(added(false), "not-null hcp1.public.learners", 2).await;
    assert!(defect(added(true)).await.0.is_empty());
}

#[tokio::test]
async fn a_label_the_target_has_not_is_caught() {
    caught(
        |f| f.table(STUDENTS).target().columns[5].labels = strings(&["left"]),
        "enum ids.public.students.status",
        3,
    )
    .await;
}

#[tokio::test]
async fn a_check_of_the_target_is_evaluated() {
    caught(
        |f| f.rows(STUDENTS)[1].1[8] = V::I(-1),
        "check ids.public.students points_check",
        1,
    )
    .await;
    caught(
        |f| f.rows(STUDENTS)[1].1[4] = t("09"),
        "check ids.public.students grade_check",
        1,
    )
    .await;
}

#[tokio::test]
async fn an_odd_check_passes_only_where_nothing_was_changed() {
    let odd = || check("odd", "CHECK ((remark ~ '^[a-z]*$'::text))", &["remark"]);
    let only_target = |f: &mut Fixture| f.table(ENROLLMENTS).target().checks = vec![odd()];
    let (offences, report) = defect(only_target).await;
    assert_eq!(offences, ["check ids.public.enrollments odd"]);
    assert_eq!(report.verdict, Verdict::Failed);
    let masked = |f: &mut Fixture| {
        f.table(ENROLLMENTS)
            .both(|table| table.checks = vec![odd()]);
    };
    assert_eq!(defect(masked).await.0, ["check ids.public.enrollments odd"]);
    let kept = |f: &mut Fixture| {
        masked(f);
        f.masks.retain(|(name, ..)| !name.ends_with("remark"));
    };
    let (offences, report) = defect(kept).await;
    assert_eq!(offences, Vec::<String>::new());
    let argued = report
        .checks
        .iter()
        .find(|check| check.subject.ends_with(" odd"))
        .unwrap();
    assert!(
        argued
            .definition
            .ends_with("(unchanged from PROD, which enforces it)")
    );
    // A stub has lost its nullable columns: unchanged it is not.
    let stubbed = |f: &mut Fixture| {
        let odd = || check("odd", "CHECK ((email ~ '@'::text))", &["email"]);
        f.table(STUDENTS).both(|table| table.checks.push(odd()));
        f.masks.retain(|(name, ..)| !name.ends_with("email"));
    };
    assert_eq!(defect(stubbed).await.0, ["check ids.public.students odd"]);
}

#[tokio::test]
async fn a_proof_that_is_absent_or_found_something_fails() {
    let absent = |f: &mut Fixture| f.facts = serde_json::Value::Null;
    assert_eq!(defect(absent).await.0, ["privacy-proof manifest.json"]);
    caught(
        |f| f.facts["proof"]["survivors"] = 3.into(),
        "privacy-proof manifest.json",
        3,
    )
    .await;
}

#[tokio::test]
async fn a_masked_value_outside_its_reserved_range_is_caught() {
    caught(
        |f| f.rows(STUDENTS)[0].1[2] = t("priscilla@k12.tx.us"),
        "privacy-range ids.public.students.email",
        1,
    )
    .await;
    caught(
        |f| f.rows(STUDENTS)[0].1[3] = t("512-867-5309"),
        "privacy-range ids.public.students.phone",
        1,
    )
    .await;
    caught(
        |f| f.rows(GUARDIANS)[0].1[1] = t("123-45-6789"),
        "privacy-range ids.public.guardians.national_id",
        1,
    )
    .await;
    caught(
        |f| f.rows(ENROLLMENTS)[0].1[4] = t("write to mum@gmail.com"),
        "privacy-range ids.public.enrollments.remark",
        1,
    )
    .await;
}

#[tokio::test]
async fn no_value_of_a_row_is_in_the_verdict_or_the_error() {
    let mut fixture = Fixture::clean();
    fixture.rows(STUDENTS)[0].1[2] = t("priscilla@k12.tx.us");
    fixture.rows(STUDENTS)[0].1[4] = t("Featherstonehaugh");
    let (outcome, report) = fixture.run().await;
    let texts = format!(
        "{:?} {}",
        outcome.unwrap_err(),
        serde_json::to_string(&report).unwrap()
    );
    for value in ["priscilla", "Feather", "555-0142", "900-01-0001"] {
        assert!(!texts.contains(value), "{value}");
    }
}

#[tokio::test]
async fn a_table_the_target_has_not_cannot_be_checked_unless_it_is_empty() {
    let (offences, report) = defect(|f| f.table(NOTES).target = None).await;
    assert_eq!(offences, ["target-catalog hcp1.public.notes"]);
    assert_eq!(report.verdict, Verdict::Failed);
    let empty = |f: &mut Fixture| {
        f.rows(NOTES).clear();
        f.rows(DISTRICTS).pop();
        f.rows(STUDENTS).pop();
        f.table(NOTES).target = None;
    };
    assert_eq!(defect(empty).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_check_left_out_by_decision_is_seen_and_some_are_never_left_out() {
    let skip = |f: &mut Fixture| {
        f.rows(STUDENTS)[1].1[8] = V::I(-1);
        f.rows(STUDENTS)[0].1[2] = t("p@k12.us");
        f.skipped = vec![
            "check ids.public.students points_check: CERT drops it".into(),
            "privacy-range ids.public.students.email: no".into(),
        ];
    };
    let (offences, report) = defect(skip).await;
    assert_eq!(
        offences,
        [
            "check ids.public.students points_check",
            "privacy-range ids.public.students.email"
        ]
    );
    let bad: Vec<_> = report
        .checks
        .iter()
        .filter(|check| !check.is_passed())
        .collect();
    assert_eq!(
        (bad[0].severity, bad[1].severity),
        (Severity::Warning, Severity::Error)
    );
}

#[tokio::test]
async fn masks_that_reach_null_or_kept_columns_need_no_range() {
    let null = |f: &mut Fixture| {
        f.masks[0] = (
            format!("{STUDENTS}.email"),
            MaskName::Null,
            MaskKind::Synthetic,
        );
        f.rows(STUDENTS)[0].1[2] = V::N;
    };
    assert!(defect(null).await.0.is_empty());
}

#[tokio::test]
async fn an_artifact_that_is_not_sealed_or_was_changed_has_no_verdict() {
    let files = Files::new();
    let fixture = Fixture::clean();
    let (outcome, report) = files.run(&fixture).await;
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Corrupt);
    assert_eq!(report, None);
    fixture.write(&files);
    let part = files.artifact().manifest().tables[2].parts[0].file.clone();
    let path = files.masked().join(part);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (outcome, report) = files.run(&fixture).await;
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Corrupt);
    assert_eq!(report, None);
}

#[tokio::test]
async fn an_interruption_stops_between_batches() {
    let files = Files::new();
    let fixture = Fixture::clean();
    fixture.write(&files);
    let cancel = Cancel::default();
    cancel.cancel();
    let (outcome, report) = files.run_cancelled(&fixture, cancel).await;
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Interrupted);
    assert_eq!(report, None);
}

/// Gives the two learners a column with these values.
fn with_column(f: &mut Fixture, new: &Column, values: [&str; 2]) {
    f.table(LEARNERS)
        .both(|table| table.columns.push(new.clone()));
    for (row, value) in f.rows(LEARNERS).iter_mut().zip(values) {
        row.1.push(t(value));
    }
}

#[tokio::test]
async fn elements_of_arrays_have_to_fit_one_by_one() {
    let array = |element, source_type: &str| Column {
        source_type: source_type.to_owned(),
        element: Some(element),
        ..column("extra", ColumnType::Array, true)
    };
    let mut moods = array(ColumnType::Enum, "mood[]");
    moods.labels = strings(&["happy", "so so"]);
    let texts = array(ColumnType::Text, "character varying(4)[]");
    let small = array(ColumnType::Int16, "smallint[]");
    let exact = array(ColumnType::Numeric, "numeric(4,2)[]");
    let bits = Column {
        source_type: "bit(3)".to_owned(),
        ..column("extra", ColumnType::Bits, true)
    };
    for (new, check, fits, wrong) in [
        (&moods, "enum", "[0:1]={happy,\"so so\"}", "{happy,so}"),
        (&moods, "enum", "{{happy},{NULL}}", "happy"),
        (&texts, "length", "{\"a\\\"bc\",NULL,\"\"}", "{abcd,abcde}"),
        (&small, "length", "{32767,NULL,-1}", "{1,32768}"),
        (&exact, "length", "{99.999,-1}", "{100}"),
        (&bits, "length", "101", "1011"),
    ] {
        let clean = defect(|f| with_column(f, new, [fits, fits])).await;
        assert_eq!(clean.0, Vec::<String>::new(), "{fits}");
        let report = caught(
            |f| with_column(f, new, [fits, wrong]),
            &format!("{check} hcp1.public.learners.extra"),
            1,
        )
        .await;
        assert_eq!(locators(&report), ["hcp1.public.learners row 2"]);
    }
}

#[tokio::test]
async fn checks_on_arrays_ranges_and_money_are_evaluated_or_said_not_to_be() {
    let list = Column {
        element: Some(ColumnType::Text),
        ..column("extra", ColumnType::Array, true)
    };
    let range = column("extra", ColumnType::Range, true);
    let money = column("extra", ColumnType::Money, true);
    let opaque = column("extra", ColumnType::Verbatim, true);
    for (new, expression, fits, wrong) in [
        (&list, "((cardinality(extra) <= 2))", "{a,b}", "{a,b,c}"),
        (
            &list,
            "((extra <@ ARRAY['a'::text, 'b'::text]))",
            "{b}",
            "{b,d}",
        ),
        (&range, "((NOT isempty(extra)))", "[1,3)", "empty"),
        (&range, "((lower(extra) >= 0))", "[0,3)", "[-1,3)"),
        (&money, "((extra >= '$0.00'::money))", "$1,000.00", "-$0.01"),
    ] {
        let with = |values: [&'static str; 2]| {
            move |f: &mut Fixture| {
                with_column(f, new, values);
                let odd = check("c", expression, &["extra"]);
                f.table(LEARNERS).target().checks.push(odd);
            }
        };
        assert_eq!(defect(with([fits, fits])).await.0, Vec::<String>::new());
        caught(with([fits, wrong]), "check hcp1.public.learners c", 1).await;
    }
    let (offences, report) = defect(|f| {
        with_column(f, &opaque, ["'a':1", "'b':1"]);
        let odd = check("c", "(length(extra) > 0)", &["extra"]);
        f.table(LEARNERS).target().checks.push(odd);
    })
    .await;
    assert_eq!(offences, ["check hcp1.public.learners c"]);
    let failed = report.checks.iter().find(|check| !check.is_passed());
    let outcome = &failed.unwrap().outcome;
    assert!(
        matches!(outcome, CheckOutcome::CouldNotRun { .. }),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn addresses_inside_of_arrays_have_to_be_reserved() {
    let mails = Column {
        element: Some(ColumnType::Text),
        ..column("extra", ColumnType::Array, true)
    };
    let with = |values: [&'static str; 2]| {
        let mails = mails.clone();
        move |f: &mut Fixture| {
            with_column(f, &mails, values);
            let name = format!("{LEARNERS}.extra");
            f.masks.push((name, MaskName::Email, MaskKind::Reserved));
        }
    };
    let fine = with(["{a@example.org,NULL}", "{}"]);
    assert_eq!(defect(fine).await.0, Vec::<String>::new());
    let wrong = with(["{a@example.org}", "{a@example.org,\"b@k12\\.us\"}"]);
    caught(wrong, "privacy-range hcp1.public.learners.extra", 1).await;
}

#[test]
fn a_check_that_only_cert_has_and_nobody_can_evaluate_is_told_before_there_are_rows() {
    let told = |change: &dyn Fn(&mut Fixture)| -> Vec<String> {
        let mut fixture = Fixture::clean();
        change(&mut fixture);
        let findings = redistrict_validate::checks_that_cannot_run(&fixture.plan().sections);
        assert!(findings.iter().all(|one| one.severity == Severity::Error));
        findings
            .into_iter()
            .map(|one| format!("{}: {}", one.subject, one.message))
            .collect()
    };
    let odd = || check("odd", "((name)::text ~ '^x'::text)", &["name"]);
    let elsewhere = check("more", "(only_here > 0)", &["only_here"]);
    let fine = check("fine", "(id > 0)", &["id"]);
    assert_eq!(told(&|_| {}), [""; 0]);
    assert_eq!(
        told(&|fixture| fixture
            .table(STUDENTS)
            .both(|table| table.checks.push(odd()))),
        [""; 0]
    );
    let found = told(&|fixture| {
        let target = fixture.table(STUDENTS).target();
        target
            .checks
            .extend([odd(), elsewhere.clone(), fine.clone()]);
    });
    let [first, second] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert!(
        first.starts_with("ids.public.students: CHECK odd of CERT"),
        "{first}"
    );
    assert!(second.ends_with("only_here does not move"), "{second}");
}
