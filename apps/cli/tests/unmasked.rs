//! `doctor` notices a CERT that holds rows of PROD as they are there.

use crate::environment::Environment;

const TABLES: &str = "
    create table districts (id int not null primary key, name text not null);
    create table grades (id int not null primary key, label text not null);
    create table students (id int not null primary key, district_id int not null references districts,
        grade_id int not null references grades, email text, nick text);";

const ROWS: &str = "
    insert into districts values (1, 'Lakeside'), (2, 'Hillside');
    insert into grades values (1, 'Kindergarten'), (2, 'First grade');
    insert into students
      with recursive n (n) as (select 1 union all select n + 1 from n where n < 20)
      select n, 1 + n % 2, 1 + n % 2, 'kid' || n || '@school.test', 'k' || n from n;";

const CONFIG: &str = r#"
[tenant]
root = "ids.districts"
key = "id"
[store.ids]
kind = "sqlite"
source = { env = "PROD" }
target = { env = "CERT" }
"#;

struct Place {
    environment: Environment,
}

impl Place {
    fn new() -> Self {
        let mut environment = Environment::new();
        for name in ["prod", "cert"] {
            let path = environment.path(&format!("{name}.db"));
            let url = format!("sqlite:{}", path.display());
            environment.set(&name.to_uppercase(), &url);
        }
        environment.write("redistrict.toml", CONFIG);
        let place = Self { environment };
        place.sql("prod", &format!("{TABLES} {ROWS}"));
        place.sql("cert", TABLES);
        place.environment.must(&["enroll", "--name", "here"]);
        place
    }

    fn sql(&self, database: &str, sql: &str) {
        let path = self.environment.path(&format!("{database}.db"));
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// What the doctor warns of, by table.
    fn unmasked(&self) -> Vec<(String, u64)> {
        let (said, code) = self.environment.json(&["doctor"]);
        assert_eq!(code, 0, "{said:#}");
        let looked = said["items"].as_array().unwrap().last().unwrap();
        assert_eq!(looked["what"], "rows of PROD in CERT", "{said:#}");
        let findings = said["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["code"] == "unmasked-rows")
            .map(|finding| {
                let table = finding["subject"].as_str().unwrap().to_owned();
                (table, finding["count"].as_u64().unwrap())
            })
            .collect()
    }
}

#[test]
fn a_cert_that_was_refreshed_from_prod_is_noticed_and_a_loaded_one_is_not() {
    let place = Place::new();
    assert_eq!(place.unmasked(), []);
    place.environment.must(&["migrate", "1"]);
    assert_eq!(place.unmasked(), []);
    place.sql(
        "cert",
        "delete from students; delete from grades; delete from districts;",
    );
    place.sql("cert", ROWS);
    let found = place.unmasked();
    assert_eq!(found, [("ids.main.students".to_owned(), 20)]);
    let said = place.environment.must(&["doctor"]);
    let told = said.out + &said.err;
    assert!(told.contains("refreshed from a copy of PROD"), "{told}");
    assert!(
        !told.contains("@school.test") && !told.contains("kid"),
        "{told}"
    );
    place.sql("cert", "update students set email = null where id > 2");
    assert_eq!(place.unmasked(), [], "two may have been typed in by hand");
}

#[test]
fn where_nothing_is_decided_yet_the_doctor_says_that_it_could_not_look() {
    let place = Place::new();
    let kept = "[column.\"ids.students.email\"]\nmask = \"keep\"\n";
    place
        .environment
        .write("redistrict.toml", &format!("{CONFIG}{kept}"));
    let (said, code) = place.environment.json(&["doctor"]);
    assert_eq!(code, 3, "{said:#}");
    let looked = said["items"].as_array().unwrap().last().unwrap();
    let hint = looked["hints"][0].as_str().unwrap();
    assert!(hint.ends_with("redistrict config check"), "{said:#}");
}
