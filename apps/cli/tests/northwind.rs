//! A real third-party database, whose tenant is a customer: northwind, ALFKI.

use redistrict_testkit::postgres::{RoleKind, TestServer, execute, query};

use crate::environment::{Environment, count, restore, rows, sample};

/// What `docs/design/closure.md` §8 expects of ALFKI, as plain SQL over PROD.
const EXPECTED: [(&str, &str); 11] = [
    (
        "customers",
        "select count(*) from customers where customer_id = 'ALFKI'",
    ),
    (
        "orders",
        "select count(*) from orders where customer_id = 'ALFKI'",
    ),
    (
        "order_details",
        "select count(*) from order_details join orders using (order_id) where customer_id = 'ALFKI'",
    ),
    (
        "products",
        "select count(distinct product_id) from order_details join orders using (order_id) \
         where customer_id = 'ALFKI'",
    ),
    (
        "suppliers",
        "select count(distinct supplier_id) from products where product_id in \
         (select product_id from order_details join orders using (order_id) where customer_id = 'ALFKI')",
    ),
    (
        "categories",
        "select count(distinct category_id) from products where product_id in \
         (select product_id from order_details join orders using (order_id) where customer_id = 'ALFKI')",
    ),
    (
        "employees",
        "with recursive e as (select employee_id from orders where customer_id = 'ALFKI' union \
         select reports_to from employees join e using (employee_id) where reports_to is not null) \
         select count(*) from e",
    ),
    (
        "employee_territories",
        "with recursive e as (select employee_id from orders where customer_id = 'ALFKI' union \
         select reports_to from employees join e using (employee_id) where reports_to is not null) \
         select count(*) from employee_territories join e using (employee_id)",
    ),
    (
        "territories",
        "with recursive e as (select employee_id from orders where customer_id = 'ALFKI' union \
         select reports_to from employees join e using (employee_id) where reports_to is not null) \
         select count(distinct territory_id) from employee_territories join e using (employee_id)",
    ),
    (
        "region",
        "with recursive e as (select employee_id from orders where customer_id = 'ALFKI' union \
         select reports_to from employees join e using (employee_id) where reports_to is not null) \
         select count(distinct region_id) from employee_territories join e using (employee_id) \
         join territories using (territory_id)",
    ),
    (
        "shippers",
        "select count(distinct ship_via) from orders where customer_id = 'ALFKI'",
    ),
];

/// CERT keeps one other customer with its orders and what they need.
const KEEP_ANATR: &str = "
    delete from order_details where order_id not in (select order_id from orders where customer_id = 'ANATR');
    delete from orders where customer_id is distinct from 'ANATR';
    delete from customers where customer_id <> 'ANATR';
    delete from employee_territories;
    delete from territories; delete from region;
    delete from products where product_id not in (select product_id from order_details);
    delete from suppliers where supplier_id not in (select supplier_id from products);
    delete from categories where category_id not in (select category_id from products);
    delete from us_states;
";

const FOREIGN_KEYS: &str = "
    select format('select count(*) from %s c where %s and not exists (select 1 from %s p where %s)',
        conrelid::regclass,
        (select string_agg(format('c.%I is not null', a.attname), ' and ')
           from unnest(conkey) k join pg_attribute a on a.attrelid = conrelid and a.attnum = k),
        confrelid::regclass,
        (select string_agg(format('p.%I = c.%I', pa.attname, ca.attname), ' and ')
           from unnest(conkey, confkey) as k(c, p)
           join pg_attribute ca on ca.attrelid = conrelid and ca.attnum = k.c
           join pg_attribute pa on pa.attrelid = confrelid and pa.attnum = k.p))
    from pg_constraint where contype = 'f'";

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_of_northwind_moves_is_complete_and_can_be_taken_out_again() {
    let server = TestServer::start();
    let (prod, cert) = (
        server.create_database().await,
        server.create_database().await,
    );
    let dump = sample("northwind.sql.gz");
    restore(&dump, &prod);
    restore(&dump, &cert);
    execute(&cert, KEEP_ANATR).await.unwrap();
    let reader = server.create_role(&prod, RoleKind::Plain).await;
    execute(&prod, "grant usage on schema public to public; grant select on all tables in schema public to public")
        .await
        .unwrap();
    let (prod_before, cert_before) = (rows(&prod).await, rows(&cert).await);

    let mut environment = Environment::new();
    environment.set("NW_PROD_URL", &reader);
    environment.set("NW_CERT_URL", &cert);
    environment.must(&[
        "init",
        "--store",
        "nw=postgres:NW_PROD_URL:NW_CERT_URL",
        "--root",
        "nw.customers",
    ]);
    // A table with rows and no reference at all is a question, with the lines that answer it.
    let unknown = environment.run(&["plan", "ALFKI"]);
    assert_eq!(unknown.code, 3, "{}", unknown.err);
    let lines = "[table.\"nw.public.us_states\"]\nexcluded = ";
    assert!(unknown.err.contains(lines), "{}", unknown.err);
    let edits = decide(&environment);
    assert!(edits <= 10, "{edits} places had to be edited");
    environment.must(&["config", "check"]);
    environment.must(&["enroll", "--name", "northwind cert"]);

    let (first, code) = environment.json(&["migrate", "ALFKI"]);
    assert_eq!(
        (code, &first["status"]),
        (0, &"SUCCESS".into()),
        "{first:#}"
    );
    let tables = first["tables"].as_array().unwrap();
    let mut total = 0;
    for (table, sql) in EXPECTED {
        let expected = count(&prod, sql).await;
        let entry = tables
            .iter()
            .find(|entry| entry["table"] == format!("nw.public.{table}"))
            .unwrap_or_else(|| panic!("{table} is not in the report"));
        let extracted = entry["own"].as_u64().unwrap() + entry["shared"].as_u64().unwrap();
        assert_eq!(extracted, expected, "{table}");
        total += expected;
    }
    assert_eq!(total, 113);
    assert_eq!(first["extracted"], 113);
    assert_eq!(first["leaks"], 0);

    for check in query(&cert, FOREIGN_KEYS)
        .await
        .unwrap()
        .into_iter()
        .flatten()
        .flatten()
    {
        assert_eq!(count(&cert, &check).await, 0, "{check}");
    }
    let cert_after = rows(&cert).await;
    for (table, before) in &cert_before {
        for row in before {
            assert!(
                cert_after[table].contains(row),
                "a row of others in {table} changed"
            );
        }
    }
    let (second, code) = environment.json(&["migrate", "ALFKI"]);
    assert_eq!((code, &second["loaded"]), (0, &0.into()), "{second:#}");
    assert_eq!(rows(&cert).await, cert_after);

    let run = first["run"].as_str().unwrap();
    environment.must(&["rollback", run, "--dry-run"]);
    assert_eq!(rows(&cert).await, cert_after, "a dry run wrote something");
    environment.must(&["rollback", run]);
    assert_eq!(rows(&cert).await, cert_before);
    assert_eq!(rows(&prod).await, prod_before);
}

/// Uncomments each decision that init left open and writes a reason; gives the number of places.
fn decide(environment: &Environment) -> usize {
    let text = environment.read("redistrict.toml");
    let mut places = 0;
    let mut inside = false;
    let mut edited = Vec::new();
    for line in text.lines() {
        if line.starts_with("# ---- To decide") {
            inside = true;
        } else if line.starts_with("# ---- Inferred") {
            inside = false;
        }
        let decision = line
            .strip_prefix("# ")
            .filter(|rest| inside && (rest.starts_with('[') || rest.contains(" = ")));
        match decision {
            Some(rest) => {
                places += usize::from(rest.starts_with('['));
                edited.push(rest.replace("…the reason…", "decided by the test"));
            }
            None => edited.push(line.to_owned()),
        }
    }
    environment.write("redistrict.toml", &edited.join("\n"));
    places
}
