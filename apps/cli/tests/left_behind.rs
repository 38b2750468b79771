//! Rows that refer to nothing but what comes, and stay: counted in PROD by something that knows nothing of owners, told as
//! a warning and in the report. Rows that refer to a neighbour's are none of them.

use redistrict_testkit::postgres::{TestServer, execute};

use crate::environment::Environment;

const TABLES: &str = "create table districts (id int primary key);
    create table students (id int primary key, district int not null references districts);
    create table courses (id int primary key, district int not null references districts);
    create table grades (id int primary key, student int not null references students,
        course int references courses, seen_by int references students);";
/// The student of six grades is the district's. One of these is in a neighbour's course, one was seen by a
/// neighbour's student, and of two nobody knows the course.
const ROWS: &str = "insert into districts values (1), (2);
    insert into students values (10, 1), (11, 1), (20, 2);
    insert into courses values (100, 1), (200, 2);
    insert into grades values (1, 10, 100, null), (2, 11, 100, 10), (3, 10, 200, null), (4, 10, null, 20),
        (5, 10, null, null), (6, 11, null, 10), (7, 20, null, null), (8, 20, 200, null);";

struct World {
    environment: Environment,
    kind: &'static str,
}

impl World {
    async fn postgres() -> Self {
        let server = TestServer::start();
        let mut environment = Environment::new();
        for (side, rows) in [("PROD", ROWS), ("CERT", "")] {
            let url = server.create_database().await;
            execute(&url, &format!("{TABLES}{rows}")).await.unwrap();
            environment.set(&format!("DB_{side}_URL"), &url);
        }
        let kind = "postgres";
        Self { environment, kind }
    }

    fn sqlite() -> Self {
        let mut environment = Environment::new();
        for (side, rows) in [("PROD", ROWS), ("CERT", "")] {
            let path = environment.path(&format!("{side}.sqlite"));
            let database = rusqlite::Connection::open(&path).unwrap();
            database.execute_batch(&format!("{TABLES}{rows}")).unwrap();
            environment.set(
                &format!("DB_{side}_URL"),
                &format!("sqlite:{}", path.display()),
            );
        }
        let kind = "sqlite";
        Self { environment, kind }
    }

    /// What the report of a migration says: tables and rows looked at, rows left behind by table, warnings.
    fn left_behind(&self, lines: &str) -> (u64, u64, serde_json::Value, Vec<String>) {
        let text = format!(
            "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\n[store.db]\nkind = \"{}\"\n\
             source = {{ env = \"DB_PROD_URL\" }}\ntarget = {{ env = \"DB_CERT_URL\" }}\n{lines}",
            self.kind
        );
        self.environment.write("redistrict.toml", &text);
        self.environment.must(&["enroll", "--name", "test"]);
        let (done, exit) = self.environment.json(&["migrate", "1"]);
        assert_eq!(exit, 0, "{done:#}");
        let report = done["reports"].as_array().unwrap().iter();
        let file = report
            .filter_map(|one| one.as_str())
            .find(|one| one.ends_with(".json"));
        let report = self.environment.read(file.unwrap());
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let left = &report["left_behind"];
        let warnings = report["findings"].as_array().unwrap().iter();
        let warnings = warnings
            .filter(|one| one["code"] == "left-behind")
            .map(|one| format!("{} {}", one["subject"].as_str().unwrap(), one["count"]));
        let number = |name: &str| left[name].as_u64().unwrap();
        let warnings = warnings.collect();
        (
            number("tables"),
            number("examined"),
            left["rows"].clone(),
            warnings,
        )
    }

    fn shows(&self, schema: &str) {
        let grades = format!("db.{schema}.grades");
        let decided = "[table.\"db.grades\"]\nowner = [\"(course)\"]\n\
                       boundary = { \"(seen_by)\" = \"null\", \"(student)\" = \"stub\" }\n";
        let (tables, examined, rows, warnings) = self.left_behind(decided);
        assert_eq!((tables, examined), (3, 3 + 6));
        assert_eq!(rows, serde_json::json!({ grades.as_str(): 2 }));
        assert_eq!(warnings, [format!("{grades} 2")]);
        // By their student all six come.
        let decided = "[table.\"db.grades\"]\nowner = [\"(student)\"]\n\
                       boundary = { \"(seen_by)\" = \"null\", \"(course)\" = \"null\" }\n";
        let (tables, examined, rows, warnings) = self.left_behind(decided);
        assert_eq!((tables, examined), (3, 3 + 6));
        assert_eq!(rows, serde_json::json!({}));
        assert_eq!(warnings, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_refer_to_nothing_else_and_stay_are_told_on_postgres() {
    World::postgres().await.shows("public");
}

#[test]
fn rows_that_refer_to_nothing_else_and_stay_are_told_on_sqlite() {
    World::sqlite().shows("main");
}
