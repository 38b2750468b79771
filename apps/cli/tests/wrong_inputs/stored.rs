//! What stands wrong where the configuration refers to: URLs, and the files of a run.

use super::place::Place;
use super::table::{MIGRATE, Row, add, row, url};

/// URLs of stores.
#[expect(clippy::too_many_lines, reason = "one table, a row for each input")]
pub(super) fn urls() -> Vec<Row> {
    let expected = "percent-encoded";
    let form = "postgres://user:password@host:port/database";
    vec![
        url(
            "a URL of PostgreSQL for a SQLite store",
            (3, "it names no SQLite file", "expected sqlite:PATH"),
            "sqlite",
            "postgres://u:SECRET@127.0.0.1/d",
        ),
        url(
            "a word where a path belongs",
            (3, "it names no SQLite file", "expected sqlite:PATH"),
            "sqlite",
            "SECRET",
        ),
        url(
            "a SQLite file that is not there",
            (
                3,
                "open the SQLite file redistrict-demo/nowhere/x.db",
                "doctor",
            ),
            "sqlite",
            "sqlite:nowhere/x.db",
        ),
        url(
            "a URL of another kind",
            (3, "read the connection URL", form),
            "postgres",
            "mysql://u:SECRET@127.0.0.1/d",
        ),
        url(
            "an @ in a password",
            (3, "read the connection URL", "%40"),
            "postgres",
            "postgres://u:p@SECRET@127.0.0.1:1/d",
        ),
        url(
            "a / and an @ in a password",
            (3, "read the connection URL", "%40"),
            "postgres",
            "postgres://u:p/x@SECRET@127.0.0.1:1/d",
        ),
        url(
            "a parameter that nobody knows",
            (3, "read the connection URL", form),
            "postgres",
            "postgres://u:p@127.0.0.1:1/d?SECRET=1",
        ),
        url(
            "certificates that are not there",
            (
                3,
                "read root certificates from the file that the connection URL names",
                "sslrootcert",
            ),
            "postgres",
            "postgres://u:SECRET@127.0.0.1:1/d?sslrootcert=SECRET",
        ),
        url(
            "plaintext to another machine",
            (
                3,
                "accept a plaintext connection to another machine",
                "TLS is verified by default",
            ),
            "postgres",
            "postgres://u:SECRET@192.0.2.1/d?sslmode=disable",
        ),
        url(
            "a host that nobody knows",
            (8, "is not known to this machine", expected),
            "postgres",
            "postgres://u:p@SECRET.invalid/d",
        ),
        url(
            "a port on which nobody listens",
            (
                8,
                "reach the database server at 127.0.0.1:1",
                "is the host of [store.ids] source up",
            ),
            "postgres",
            "postgres://SECRET:SECRET@127.0.0.1:1/SECRET",
        ),
        url(
            "a URL of PostgreSQL for a graph",
            (3, "read the connection URL", "bolt+s://"),
            "neo4j",
            "postgres://u:SECRET@127.0.0.1:1/d",
        ),
        url(
            "a graph on a host that nobody knows",
            (8, "which is not known to this machine", "check host, port"),
            "neo4j",
            "bolt+s://u:p@SECRET.invalid",
        ),
        url(
            "a graph on a port on which nobody listens",
            (
                8,
                "no Bolt server answers at 127.0.0.1:1",
                "is the host of [store.ids] source up",
            ),
            "neo4j",
            "bolt://SECRET:SECRET@127.0.0.1:1/SECRET",
        ),
    ]
}

/// The URL of `[notify]`.
pub(super) fn webhooks() -> Vec<Row> {
    const TEST: [&str; 2] = ["notify", "test"];
    let hook = |input, end, url: &'static str| {
        row(input, &TEST, end, move |place: &mut Place| {
            add(place, "[notify]\nurl = { env = \"WEBHOOK\" }");
            let url = url.replace("SECRET", &place.secret);
            place.set("WEBHOOK", &url);
            place.set("NO_PROXY", "127.0.0.1");
        })
    };
    vec![
        hook(
            "a webhook that is no web address",
            (3, "no http or https URL", "[notify] url"),
            "ftp://127.0.0.1/SECRET",
        ),
        hook(
            "a webhook that nobody answers",
            (8, "the host cannot be reached", "HTTPS_PROXY"),
            "http://127.0.0.1:1/services/SECRET",
        ),
        row(
            "a proxy that nobody answers",
            &TEST,
            (8, "the host cannot be reached", "HTTPS_PROXY"),
            |place| {
                add(place, "[notify]\nurl = { env = \"WEBHOOK\" }");
                let secret = place.secret.clone();
                place.set("WEBHOOK", &format!("https://hook.invalid/{secret}"));
                place.set("HTTPS_PROXY", &format!("http://u:{secret}@127.0.0.1:1"));
                place.set("NO_PROXY", "nothing.example");
            },
        ),
        row(
            "no webhook at all",
            &TEST,
            (3, "has no [notify]", "url = { env"),
            |place| {
                let secret = place.secret.clone();
                place.set("WEBHOOK", &secret);
            },
        ),
    ]
}

/// What lies in the folders of a run.
pub(super) fn files() -> Vec<Row> {
    vec![
        row(
            "a key that is none",
            &MIGRATE,
            (3, "use the root key", "openssl rand"),
            |place| {
                let secret = place.secret.clone();
                place.write(".redistrict/key", &secret);
            },
        ),
        row(
            "a key that others can read",
            &MIGRATE,
            (4, "others can read the file", "chmod 600"),
            |place| {
                place.open_to_others(".redistrict/key");
            },
        ),
        row(
            "a key that is gone, and artifacts made with it",
            &MIGRATE,
            (4, "it is gone", "bring"),
            |place| {
                place.remove(".redistrict/key");
            },
        ),
        row(
            "to anonymize with a key that is gone",
            &["anonymize", "2"],
            (4, "it is gone", "bring"),
            |place| {
                place.remove(".redistrict/key");
            },
        ),
        row(
            "to anonymize what was not extracted",
            &["anonymize", "1"],
            (3, "there is no sealed one", "redistrict extract"),
            |_| {},
        ),
        row(
            "to go without extraction where there was none",
            &["migrate", "1", "--skip-extraction"],
            (3, "there is no sealed one", "migrate"),
            |_| {},
        ),
        row(
            "to load what was not anonymized",
            &["load", "1"],
            (3, "there is no sealed one", "anonymize"),
            |_| {},
        ),
        row(
            "a journal that is none",
            &["runs"],
            (3, "use the journal", "from a copy"),
            |place| {
                let secret = place.secret.repeat(200);
                place.write(".redistrict/journal.db", &secret);
            },
        ),
        row(
            "a manifest that was changed",
            &["artifacts", "verify"],
            (3, "verify", "redistrict"),
            |place| {
                let name = place.find("data/anonymized", "manifest.json");
                let text = place.read(&name);
                let text = text.replacen("\"masked\"", &format!("\"{}\"", place.secret), 1);
                place.write(&name, &text);
            },
        ),
        row(
            "an option that is planned",
            &["rollback", "RUN", "--keep-foreign-changes"],
            (2, "not available yet", "CHANGELOG"),
            |_| {},
        ),
    ]
}
