//! What stands wrong in `redistrict.toml`.

use super::table::{CONFIG, KIND, MIGRATE, Row, SOURCE, add, changed, more, row};

/// What stands where a reference to a secret belongs.
#[expect(clippy::too_many_lines, reason = "one table, a row for each input")]
pub(super) fn references() -> Vec<Row> {
    let literal = (3, "a secret is never written here", "{ env = \"NAME\" }");
    vec![
        changed(
            "a URL in the configuration",
            literal,
            SOURCE,
            "source = \"postgres://u:SECRET@h/d\"",
        ),
        more(
            "a key in the configuration",
            literal,
            "[masking]\nkey = \"SECRET\"",
        ),
        changed(
            "a command that is no list",
            (
                3,
                "invalid type: string, expected a list",
                "a list is written",
            ),
            SOURCE,
            "source = { command = \"psql SECRET\" }",
        ),
        changed(
            "a URL as the name of a variable",
            (4, "is no name of a variable", "export NAME=…"),
            SOURCE,
            "source = { env = \"postgres://u:SECRET@h/d\" }",
        ),
        changed(
            "a password as the name of a variable",
            (4, "is not set", "export NAME=…"),
            SOURCE,
            "source = { env = \"SECRET\" }",
        ),
        changed(
            "a variable that is not set",
            (
                4,
                "the variable NOT_SET_ANYWHERE is not set",
                "export NOT_SET_ANYWHERE=…",
            ),
            SOURCE,
            "source = { env = \"NOT_SET_ANYWHERE\" } # SECRET",
        ),
        changed(
            "a password as the name of a file",
            (4, "is no file", "mode 0600"),
            SOURCE,
            "source = { file = \"SECRET\" }",
        ),
        row(
            "a file with a secret that others can read",
            &MIGRATE,
            (4, "others can read the file", "chmod 600"),
            |place| {
                let text = format!("postgres://u:{}@127.0.0.1/d", place.secret);
                place.write("ids-prod.url", &text);
                place.open_to_others("ids-prod.url");
            },
        ),
        changed(
            "a password as a program",
            (4, "its program cannot be started", "by hand"),
            SOURCE,
            "source = { command = [\"SECRET\"] }",
        ),
        row(
            "a command that fails and tells why",
            &MIGRATE,
            (4, "it ended with exit status: 3", "by hand"),
            |place| {
                let script = format!("echo {0}; echo {0} >&2; exit 3", place.secret);
                place.write("vault.sh", &script);
                let vault = "source = { command = [\"sh\", \"redistrict-demo/vault.sh\"] }";
                let text = place.config().replacen(SOURCE, vault, 1);
                place.write(CONFIG, &text);
            },
        ),
        row(
            "a command that prints nothing",
            &MIGRATE,
            (4, "it prints nothing", "by hand"),
            |place| {
                let text = place
                    .config()
                    .replacen(SOURCE, "source = { command = [\"true\"] }", 1);
                place.write(CONFIG, &text);
                let secret = place.secret.clone();
                place.set("UNUSED", &secret);
            },
        ),
        row(
            "a masking key that is too short",
            &MIGRATE,
            (3, "use the root key", "openssl rand"),
            |place| {
                add(place, "[masking]\nkey = { env = \"THE_KEY\" }");
                let secret = place.secret.clone();
                place.set("THE_KEY", &secret);
            },
        ),
    ]
}

/// Keys, words and values that are none.
#[expect(clippy::too_many_lines, reason = "one table, a row for each input")]
pub(super) fn configurations() -> Vec<Row> {
    let steps = "the steps are: extract";
    vec![
        changed(
            "a key that nobody knows",
            (3, "line 8: a key that is not known here", "config check"),
            KIND,
            "[store.ids]\nkind = \"sqlite\"\nSECRET = 1\n",
        ),
        changed(
            "a slip of the pen",
            (3, "unknown field `sorce`", "did you mean `source`?"),
            SOURCE,
            "sorce = { env = \"X\" } # SECRET",
        ),
        more(
            "a section that nobody knows",
            (3, "a key that is not known here", "config check"),
            "[SECRET]\nx = 1",
        ),
        changed(
            "a kind that nobody knows",
            (3, "a word that is not known here", "config check"),
            KIND,
            "[store.ids]\nkind = \"SECRET\"\n",
        ),
        more(
            "a line that is no TOML",
            (3, "key with no value", "config check"),
            "SECRET",
        ),
        more(
            "a text without its end",
            (3, "invalid basic string", "config check"),
            "[run]\ndata_dir = \"SECRET",
        ),
        more(
            "a text without quotes",
            (3, "must be quoted", "config check"),
            "[run]\ndata_dir = SECRET",
        ),
        more(
            "a key that is there twice",
            (3, "duplicate key", "config check"),
            "[run]\n\"SECRET\" = 1\n\"SECRET\" = 2",
        ),
        more(
            "a text where a number belongs",
            (3, "invalid type: string, expected u32", "config check"),
            "[run]\nworkers = \"SECRET\"",
        ),
        more(
            "a list where a text belongs",
            (3, "invalid type: list, expected a string", "config check"),
            "[run]\ndata_dir = [\"SECRET\"]",
        ),
        changed(
            "a number where a name belongs",
            (3, "it must be a text, or a list of texts", "key = \"id\""),
            "key = \"id\"",
            "key = 7 # SECRET",
        ),
        more(
            "a mask that nobody knows",
            (3, "no mask is called that", "the masks are: "),
            "[column.\"ids.students.id\"]\nmask = \"SECRET\"",
        ),
        more(
            "a class that nobody knows",
            (3, "a word that is not known here", "config check"),
            "[column.\"ids.students.id\"]\nclass = \"SECRET\"",
        ),
        more(
            "a time that is none",
            (
                3,
                "read [retention] raw: it is no duration",
                "a number and a unit",
            ),
            "[retention]\nraw = \"SECRET\"",
        ),
        more(
            "a step that is none",
            (3, "a word there is no step", steps),
            "[approvals]\nbefore = [\"SECRET\"]",
        ),
        more(
            "an approval that counts for no time",
            (3, "valid_for: it is no duration", "24h"),
            "[approvals]\nbefore = [\"load\"]\nvalid_for = \"SECRET\"",
        ),
        more(
            "a moment that is none",
            (3, "a word that is not known here", "config check"),
            "[notify]\nurl = { env = \"X\" }\non = [\"SECRET\"]",
        ),
        more(
            "a link to no table",
            (
                3,
                "[[link]] 21: could not read it as a name",
                "config check",
            ),
            "[[link]]\nfrom = \"SECRET\"\nto = \"ids.students(id)\"",
        ),
        changed(
            "a tenant root that is no name",
            (
                3,
                "[tenant] root: could not read it as a name",
                "config check",
            ),
            "root = \"ids.districts\"",
            "root = \"SECRET\"",
        ),
        changed(
            "a kind of store that is planned",
            (2, "is not available yet", "CHANGELOG"),
            KIND,
            "# SECRET\n[store.ids]\nkind = \"mysql\"\n",
        ),
    ]
}
