//! A real third-party database with foreign keys that form a ring and cannot be NULL: sakila, stores 1 and 2,
//! under each policy for references to the other store. Its payments have inheritance children.

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

/// Decision, district, rows of each table, all rows: docs/design/closure.md §8.
const ROWS: [(&str, &str, &str, u64); 4] = [
    (
        BY_CUSTOMER,
        "1",
        "customer 326, inventory 2_270+2_108, rental 8_747, payment 8_748, staff 1+1, store 1+1, \
         film 759+198, film_actor 4_139, film_category 759, actor 200, category 16, language 1, \
         address 328+2, city 327+1, country 80+1",
        29_014,
    ),
    (
        BY_INVENTORY,
        "1",
        "customer 326+273, inventory 2_270, rental 7_923, payment 7_928, staff 1+1, store 1+1, \
         film 759, film_actor 4_139, film_category 759, actor 200, category 16, language 1, \
         address 328+275, city 327+272, country 80+29",
        25_909,
    ),
    (
        EXCLUDING,
        "1",
        "customer 326, inventory 2_270, rental 4_326, payment 4_327, staff 1+1, store 1+1, \
         film 759, film_actor 4_139, film_category 759, actor 200, category 16, language 1, \
         address 328+2, city 327+1, country 80+1",
        17_866,
    ),
    (
        BY_CUSTOMER,
        "2",
        "customer 273+1, inventory 2_311+1_927, rental 7_297+1, payment 7_301, staff 1+1, store 1+1, \
         film 762+196, film_actor 4_196, film_category 762, actor 200, category 16, language 1, \
         address 275+3, city 274+2, country 82",
        25_884,
    ),
];

/// Writes to the parent go to the children by rules; a table with rules cannot be written. Where a trigger
/// changes rows that are updated, their undo is refused.
const NO_RULES: &str = "do $$ declare r record; begin
    for r in select tablename from pg_tables where schemaname = 'public' loop
        execute format('alter table %I disable trigger user', r.tablename); end loop;
    for r in select rulename, tablename from pg_rules where schemaname = 'public' loop
        execute format('alter table %I disable rule %I', r.tablename, r.rulename); end loop; end $$";

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_sakila_has_the_rows_that_its_decisions_say_under_each_policy() {
    let sample = Sample::new("sakila.sql.gz", "store").await;
    execute(&sample.cert, NO_RULES).await.unwrap();
    // Payments have six inheritance children with a CHECK each: one question about all of them.
    let heading = "[column.\"db.public.payment.payment_date\"]";
    assert!(sample.configuration().contains(heading));
    assert!(
        !sample
            .configuration()
            .contains("[column.\"db.public.payment_p2007")
    );

    // stop: what nobody decided, with the number of references under each candidate.
    let asked = sample.undecided("1");
    for said in [
        "(customer_id) 8747, (inventory_id) 7923, (staff_id) 8040",
        "(customer_id) 8748, (staff_id) 8057, (rental_id) 8751",
    ] {
        assert!(asked.err.contains(said), "{said}\n{}", asked.err);
    }
    // stub and exclude.
    for (decision, district, row, all) in ROWS {
        sample.decide(decision);
        let counts = sample.counts(district);
        assert_eq!(counts, expected(row), "store {district}{decision}");
        assert_eq!(total(&counts), all, "store {district}{decision}");
    }
    // null, where a payment may be without its rental: three payments of store 2 lose theirs, and the rental
    // that was there for them alone stays away, with whom it always refers to.
    let optional = "alter table payment alter rental_id drop not null";
    execute(&sample.prod, optional).await.unwrap();
    execute(&sample.cert, optional).await.unwrap();
    let nulled = BY_CUSTOMER.replace("\"(rental_id)\" = \"stub\"", "\"(rental_id)\" = \"null\"");
    sample.decide(&nulled);
    let mut without = expected(ROWS[3].2);
    without.insert("rental".to_owned(), (7_297, 0));
    for (table, counts) in [
        ("customer", (273, 0)),
        ("address", (275, 2)),
        ("city", (274, 1)),
    ] {
        without.insert(table.to_owned(), counts);
    }
    assert_eq!(sample.counts("2"), without);
    // A reference that cannot be NULL takes no such policy.
    let refused = BY_CUSTOMER.replace(
        "\"(inventory_id)\" = \"stub\"",
        "\"(inventory_id)\" = \"null\"",
    );
    sample.decide(&refused);
    let ended = sample.undecided("1");
    let why = "has the boundary policy null, but none of its columns can be NULL";
    assert!(ended.err.contains(why), "{}", ended.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_stores_of_sakila_move_one_after_the_other_and_stubs_become_rows() {
    let sample = Sample::new("sakila.sql.gz", "store").await;
    execute(&sample.cert, NO_RULES).await.unwrap();
    let empty = rows(&sample.cert).await;
    sample.decide(BY_CUSTOMER);
    sample.environment.must(&["enroll", "--name", "sakila"]);

    let (first, extracted) = sample.migrate("1");
    assert_eq!((extracted, &first["leaks"]), (29_014, &0.into()));
    sample.foreign_keys_hold(40).await;
    let one = rows(&sample.cert).await;
    let (second, extracted) = sample.migrate("2");
    assert_eq!((extracted, &second["leaks"]), (25_884, &0.into()));
    sample.foreign_keys_hold(40).await;
    // Each row once, whichever store brought it, and nobody's stub in place of it.
    for table in [
        "customer",
        "staff",
        "store",
        "rental",
        "payment",
        "inventory",
    ] {
        let sql = format!("select count(*) from {table}");
        let (there, here) = (
            count(&sample.prod, &sql).await,
            count(&sample.cert, &sql).await,
        );
        assert_eq!(here, there, "{table}");
    }
    let stubs = "select count(*) from staff where email is null";
    assert_eq!(count(&sample.cert, stubs).await, 0);

    for (report, before) in [(&second, &one), (&first, &empty)] {
        let run = report["run"].as_str().unwrap();
        sample.environment.must(&["rollback", run]);
        assert!(rows(&sample.cert).await == *before, "not as before");
    }
}
