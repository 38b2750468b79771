//! What somebody could write into a configuration or type as an argument to make PROD do something.

/// What PostgreSQL was seen to do inside of a transaction that only reads, or to get out of one.
/// `{marker}` is a file that must not come to be.
pub(super) const COMMANDS: [&str; 20] = [
    "insert into canary values (666)",
    "update canary set id = 666",
    "delete from canary",
    "truncate canary",
    "drop table canary",
    "create table stolen as select * from districts",
    "set default_transaction_read_only = off",
    "set transaction read write",
    "commit; begin read write; insert into canary values (666)",
    "begin read write",
    "reset all",
    "copy canary to program 'touch {marker}'",
    "copy canary to '{marker}'",
    "copy canary from program 'echo 666'",
    "select pg_import_system_collations('public')",
    "select lo_create(666)",
    "select pg_notify('canary', '666')",
    "select pg_switch_wal(), pg_stat_reset()",
    "alter role postgres set default_transaction_read_only = off",
    "do $$ begin execute 'delete from canary'; end $$",
];

/// How it gets out of where it stands.
const FRAMES: [(&str, &str); 3] = [
    ("1; ", "; --"),
    ("1}'::text[]); ", "; --"),
    ("\"; ", "; /*"),
];

/// All commands in all frames.
pub(super) fn all(marker: &str) -> Vec<String> {
    let framed = FRAMES.iter().flat_map(|(begin, end)| {
        let commands = COMMANDS.iter();
        commands.map(move |command| format!("{begin}{command}{end}"))
    });
    framed
        .map(|text| text.replace("{marker}", marker))
        .collect()
}

/// A configuration with one place for the attack: `@` in a TOML text, `@@` inside of a name in double quotes
/// in one, `@%` in a URL.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) config: &'static str,
}

/// Every key of the configuration that takes a text.
pub(super) const FIELDS: [Field; 31] = [
    Field {
        name: "tenant.root",
        config: "[tenant]\nroot = \"@\"\nkey = \"id\"\n{store}",
    },
    Field {
        name: "tenant.root, a name in quotes",
        config: "[tenant]\nroot = \"db.@@\"\nkey = \"id\"\n{store}",
    },
    Field {
        name: "tenant.key",
        config: "[tenant]\nroot = \"db.districts\"\nkey = \"@\"\n{store}",
    },
    Field {
        name: "tenant.key, several",
        config: "[tenant]\nroot = \"db.districts\"\nkey = [\"id\", \"@\"]\n{store}",
    },
    Field {
        name: "tenant.name",
        config: "[tenant]\nroot = \"db.districts\"\nkey = \"id\"\nname = \"@\"\n{store}",
    },
    Field {
        name: "store name",
        config: "{tenant}[store.\"@\"]\nkind = \"postgres\"\nsource = { env = \"PROD\" }\ntarget = { env = \"CERT\" }\n",
    },
    Field {
        name: "store.kind",
        config: "{tenant}[store.db]\nkind = \"@\"\nsource = { env = \"PROD\" }\ntarget = { env = \"CERT\" }\n",
    },
    Field {
        name: "store.schemas",
        config: "{tenant}{store}schemas = [\"public\", \"@\"]\n",
    },
    Field {
        name: "store.connections",
        config: "{tenant}{store}connections = \"@\"\n",
    },
    Field {
        name: "store.deny",
        config: "{tenant}{store}deny = [\"@\"]\n",
    },
    Field {
        name: "store.source",
        config: "{tenant}[store.db]\nkind = \"postgres\"\nsource = { env = \"@\" }\ntarget = { env = \"CERT\" }\n",
    },
    Field {
        name: "link.from",
        config: "{tenant}{store}[[link]]\nfrom = \"db.notes(@@)\"\nto = \"db.districts(id)\"\n",
    },
    Field {
        name: "link.to",
        config: "{tenant}{store}[[link]]\nfrom = \"db.notes(district)\"\nto = \"db.@@(id)\"\n",
    },
    Field {
        name: "link.when, a value",
        config: "{tenant}{store}[[link]]\nfrom = \"db.notes(district)\"\nto = \"db.districts(id)\"\nowns = true\nwhen = { kind = [\"@\"] }\n",
    },
    Field {
        name: "link.when, a column",
        config: "{tenant}{store}[[link]]\nfrom = \"db.notes(district)\"\nto = \"db.districts(id)\"\nwhen = { \"@\" = [\"a\"] }\n",
    },
    Field {
        name: "table name",
        config: "{tenant}{store}{notes}[table.\"@\"]\nexcluded = \"x\"\n",
    },
    Field {
        name: "table name in quotes",
        config: "{tenant}{store}{notes}[table.\"db.@@\"]\nexcluded = \"x\"\n",
    },
    Field {
        name: "table.excluded",
        config: "{tenant}{store}[table.\"db.notes\"]\nexcluded = \"@\"\n",
    },
    Field {
        name: "table.owner",
        config: "{tenant}{store}{notes}[table.\"db.schools\"]\nowner = [\"@\"]\n",
    },
    Field {
        name: "table.confirmed",
        config: "{tenant}{store}{notes}[table.\"db.schools\"]\nconfirmed = \"@\"\n",
    },
    Field {
        name: "table.boundary",
        config: "{tenant}{store}{notes}[table.\"db.schools\"]\nboundary = { \"@\" = \"stub\" }\n",
    },
    Field {
        name: "table.boundary, the policy",
        config: "{tenant}{store}{notes}[table.\"db.schools\"]\nboundary = { \"(district)\" = \"@\" }\n",
    },
    Field {
        name: "column name",
        config: "{tenant}{store}{notes}[column.\"db.schools.@@\"]\nmask = \"null\"\n",
    },
    Field {
        name: "column.mask",
        config: "{tenant}{store}{notes}[column.\"db.schools.title\"]\nmask = \"@\"\n",
    },
    Field {
        name: "column.class",
        config: "{tenant}{store}{notes}[column.\"db.schools.title\"]\nclass = \"@\"\n",
    },
    Field {
        name: "column.domain",
        config: "{tenant}{store}{notes}[column.\"db.schools.title\"]\ndomain = \"@\"\n",
    },
    Field {
        name: "column.reason",
        config: "{tenant}{store}{notes}[column.\"db.schools.title\"]\nmask = \"keep\"\npublic = true\nreason = \"@\"\n",
    },
    Field {
        name: "select.priority",
        config: "{tenant}{store}{notes}[select]\npriority = { \"@\" = 10 }\n",
    },
    Field {
        name: "approvals.before",
        config: "{tenant}{store}{notes}[approvals]\nbefore = [\"@\"]\n",
    },
    Field {
        name: "retention.raw",
        config: "{tenant}{store}{notes}[retention]\nraw = \"@\"\n",
    },
    Field {
        name: "masking.unknown",
        config: "{tenant}{store}{notes}[masking]\nunknown = \"@\"\n",
    },
];

/// Commands with a place for the attack, `@`, each a word.
pub(super) const ARGUMENTS: [&[&str]; 16] = [
    &["plan", "@", "--exact"],
    &["plan", "@", "--sql"],
    &["migrate", "@", "--dry-run"],
    &["extract", "@"],
    &["anonymize", "@"],
    &["classify", "@"],
    &["why", "db.schools", "@", "--district", "1"],
    &["why", "db.schools", "10", "--district", "@"],
    &["why", "@", "10", "--district", "1"],
    &["why", "db.schools", "10", "--district", "1", "--by", "@"],
    &["init", "--force", "--root", "@"],
    &["init", "--force", "--store", "@"],
    &["init", "--grants", "--reader", "@"],
    &["init", "--grants", "--loader", "@"],
    &["report", "@"],
    &["status", "@"],
];

/// Ends of the URL of PROD, behind the database: the options of a session are the server's to take.
pub(super) const URLS: [&str; 6] = [
    "?options=-c%20default_transaction_read_only%3Doff",
    "?options=-c%20row_security%3Don%20-c%20search_path%3Dpublic",
    "?options=-c%20session_preload_libraries%3D%2Ftmp%2Fx.so",
    "?application_name=%27%3B%20delete%20from%20canary%3B%20--",
    "?target_session_attrs=read-write",
    "?options=-c%20restrict_nonsystem_relation_kind%3D",
];
