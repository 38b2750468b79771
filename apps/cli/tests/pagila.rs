//! A real third-party database whose references disagree about half of the rows: pagila, stores 1 and 2. Its
//! payments are partitioned, and foreign keys stand on the partitions alone.

use redistrict_testkit::postgres::execute;

use crate::environment::{count, rows};
use crate::samples::{Sample, expected, total};

const BY_CUSTOMER: &str = r#"
[table."db.public.rental"]
owner = ["(customer_id)"]
boundary = { "(inventory_id)" = "stub", "(staff_id)" = "stub" }
[table."db.public.payment"]
owner = ["(customer_id)"]
boundary = { "(rental_id)" = "stub", "(staff_id)" = "stub" }
"#;
const BY_INVENTORY: &str = r#"
[table."db.public.rental"]
owner = ["(inventory_id)"]
boundary = { "(customer_id)" = "stub", "(staff_id)" = "stub" }
[table."db.public.payment"]
owner = ["(rental_id)"]
boundary = { "(customer_id)" = "stub", "(staff_id)" = "stub" }
"#;
const EXCLUDING: &str = r#"
[table."db.public.rental"]
owner = ["(customer_id)"]
boundary = { "(inventory_id)" = "exclude", "(staff_id)" = "stub" }
[table."db.public.payment"]
owner = ["(customer_id)"]
boundary = { "(rental_id)" = "exclude", "(staff_id)" = "stub" }
"#;
/// The decision on the reference that no catalog declares and `init` finds.
const MANAGER: &str = r#"
[table."db.public.store"]
boundary = { "(manager_staff_id)" = "stub" }
"#;

/// The staff of other stores whom rows of store 1 name, and the managers of whoever is reached.
const MANAGERS_ELSEWHERE: &str = "
    with recursive reached (staff_id) as (
        select manager_staff_id from store where store_id = 1
        union select staff_id from rental join customer using (customer_id) where store_id = 1
        union select staff_id from payment join customer using (customer_id) where store_id = 1
        union select manager_staff_id
          from reached join staff using (staff_id) join store using (store_id)
    )
    select count(*) from reached join staff using (staff_id) where store_id <> 1";

/// Decision, district, rows of each table, all rows: docs/design/closure.md §8.
const ROWS: [(&str, &str, &str, u64); 4] = [
    (
        BY_CUSTOMER,
        "1",
        "customer 326, inventory 2_270+2_108, rental 8_747, payment 8_748, staff 6+2, store 1+3, \
         film 759+198, film_actor 4_139, film_category 1_798, actor 200, category 16, language 6, \
         address 328+1, city 328+1, country 81+1",
        30_067,
    ),
    (
        BY_INVENTORY,
        "1",
        "customer 326+273, inventory 2_270, rental 7_923, payment 7_928, staff 6+2, store 1+3, \
         film 759, film_actor 4_139, film_category 1_798, actor 200, category 16, language 6, \
         address 328+271, city 328+269, country 81+27",
        26_954,
    ),
    (
        EXCLUDING,
        "1",
        "customer 326, inventory 2_270, rental 4_326, payment 4_327, staff 6+2, store 1+2, \
         film 759, film_actor 4_139, film_category 1_798, actor 200, category 16, language 6, \
         address 328, city 328, country 81",
        18_915,
    ),
    (
        BY_CUSTOMER,
        "2",
        "customer 273+1, inventory 2_311+1_927, rental 7_297+1, payment 7_301, staff 0+2, store 1+3, \
         film 762+196, film_actor 4_196, film_category 1_798, actor 200, category 16, language 6, \
         address 273+5, city 273+5, country 81+1",
        26_929,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_pagila_has_the_rows_that_its_decisions_say() {
    let sample = Sample::new("pagila.sql.gz", "store").await.without_links();
    let asked = sample.undecided("1");
    for said in [
        "who owns 12344 rows of db.public.rental",
        "(customer_id) 8747, (inventory_id) 7923, (staff_id) 0",
        "owner = [\"(customer_id)\", \"(inventory_id)\", \"(staff_id)\"] # ",
        "boundary = { \"(inventory_id)\" = \"stub\", \"(staff_id)\" = \"stub\" }",
    ] {
        assert!(asked.err.contains(said), "{said}\n{}", asked.err);
    }
    // A partition is no table of its own, and its foreign keys are the table's.
    assert!(!asked.out.contains("payment_p2022"), "{}", asked.out);
    for (decision, district, row, all) in ROWS {
        sample.decide(decision);
        let counts = sample.counts(district);
        assert_eq!(counts, expected(row), "store {district}{decision}");
        assert_eq!(total(&counts), all, "store {district}{decision}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_pagila_moves_with_the_link_that_was_found_and_can_be_taken_out_again() {
    let sample = Sample::new("pagila.sql.gz", "store").await;
    let link = "from = \"db.public.store(manager_staff_id)\"\nto = \"db.public.staff(staff_id)\"";
    assert!(sample.configuration().contains(link));
    // Masked, a date may be one that no partition takes.
    let other = "create table payment_other partition of payment default";
    execute(&sample.cert, other).await.unwrap();
    let before = rows(&sample.cert).await;
    sample.decide(&format!("{BY_CUSTOMER}{MANAGER}"));
    sample.environment.must(&["enroll", "--name", "pagila"]);
    let (report, extracted) = sample.migrate("1");
    assert_eq!(report["leaks"], 0);
    let link_too = sample.counts("1");
    assert_eq!((extracted, total(&link_too)), (30_102, 30_102));
    let managers = count(&sample.prod, MANAGERS_ELSEWHERE).await;
    assert_eq!(link_too["staff"], (6, managers));
    for (table, (full, stubs)) in &link_too {
        let found = count(&sample.cert, &format!("select count(*) from {table}")).await;
        assert_eq!(found, full + stubs, "{table}");
    }
    sample.foreign_keys_hold(36).await;
    let run = report["run"].as_str().unwrap();
    sample.environment.must(&["rollback", run]);
    assert_eq!(rows(&sample.cert).await, before);
}
