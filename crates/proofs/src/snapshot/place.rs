//! PROD with a version of each district that every transaction raises, and what was extracted of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use redistrict_artifact::{Artifact, Layout, RootKey, keys_of, sha256_hex};
use redistrict_estate::write_url_file;
use redistrict_model::DistrictId;
use redistrict_testkit::postgres::{self, RoleKind, TestServer};
use tokio::runtime::Runtime;

use crate::child::Product;

/// The district that is extracted.
pub(super) const DISTRICT: &str = "1";

/// Tables that move, and their columns as the digest has them.
const TABLES: [(&str, &[&str]); 3] = [
    ("accounts", &["id", "v"]),
    ("halves_a", &["id", "account", "v"]),
    ("halves_b", &["id", "a", "v"]),
];

const SCHEMA: &str = "
    create table districts (id int primary key);
    create table versions (district int primary key references districts, n bigint not null);
    create table accounts (id int primary key, district int not null references districts, v int not null);
    create table halves_a (
      id int generated always as identity primary key, account int not null references accounts, v int not null);
    create index on halves_a (account);
    create table halves_b (
      id int generated always as identity primary key, a int not null references halves_a, v int not null);
    create index on halves_b (a);
";

/// What district 1 is now, by its version, at the end of every transaction.
pub(super) const REMEMBER: &str = "
    insert into kept.log select n, kept.state(1) from versions where district = 1;
";

const KEPT: &str = "
    create schema kept;
    create table kept.log (n bigint primary key, digest text not null);
    create function kept.state(d int) returns text language sql stable as $$
      select encode(sha256(convert_to(
        (select coalesce(string_agg(id || ',' || v, ';' order by id::text collate \"C\"), '')
         from accounts where district = d)
        || '|' ||
        (select coalesce(string_agg(h.id || ',' || h.account || ',' || h.v, ';' order by h.id::text collate \"C\"), '')
         from halves_a as h join accounts as a on a.id = h.account where a.district = d)
        || '|' ||
        (select coalesce(string_agg(b.id || ',' || b.a || ',' || b.v, ';' order by b.id::text collate \"C\"), '')
         from halves_b as b join halves_a as h on h.id = b.a join accounts as a on a.id = h.account
         where a.district = d),
        'UTF8')), 'hex')
    $$;
";

const CONFIGURATION: &str = "
[tenant]
root = \"db.districts\"
key = \"id\"
[store.db]
kind = \"postgres\"
schemas = [\"public\"]
source = { file = \"prod.url\" }
target = { file = \"cert.url\" }
";

/// A PROD on a server of its own, and where the product works.
pub(super) struct Place<'a> {
    dir: PathBuf,
    server: TestServer,
    prod: String,
    reader: String,
    cert: String,
    accounts: usize,
    runtime: &'a Runtime,
}

/// What an artifact holds.
pub(super) struct Extracted {
    /// The version of the district that came with its rows.
    pub(super) version: u64,
    pub(super) digest: String,
    pub(super) rows: u64,
}

impl<'a> Place<'a> {
    pub(super) fn make(dir: &Path, accounts: usize, runtime: &'a Runtime) -> Result<Self> {
        let server = TestServer::launch_private().context("start PostgreSQL")?;
        let (prod, cert, reader) = runtime.block_on(async {
            let (prod, cert) = (server.create_database().await, server.create_database().await);
            let rows = format!(
                "insert into districts values (1), (2);
                 insert into versions values (1, 0), (2, 0);
                 insert into accounts select g, 1 + g % 2, g from generate_series(1, {accounts}) as g;
                 insert into halves_a (account, v) select 1 + g % {accounts}, g from generate_series(1, {accounts} * 3) as g;
                 insert into halves_b (a, v) select id, v from halves_a;
                 {KEPT}{REMEMBER}"
            );
            postgres::execute(&prod, &format!("{SCHEMA}{rows}")).await?;
            postgres::execute(&cert, SCHEMA).await?;
            let reader = server.create_role(&prod, RoleKind::Reader).await;
            anyhow::Ok((prod, cert, reader))
        })?;
        let place = Self {
            dir: dir.to_path_buf(),
            server,
            prod,
            reader,
            cert,
            accounts,
            runtime,
        };
        place.configure(&place.dir, &place.reader)?;
        let product = Product::real(&place.dir.join("redistrict.toml"))?;
        product.must(&["enroll", "--name", "proof"])?;
        Ok(place)
    }

    /// A directory for the product that reads from this URL.
    fn configure(&self, dir: &Path, source: &str) -> Result<()> {
        std::fs::create_dir_all(dir).context("make a directory")?;
        write_url_file(&dir.join("prod.url"), source)?;
        write_url_file(&dir.join("cert.url"), &self.cert)?;
        #[expect(clippy::disallowed_methods, reason = "the proof's own file")]
        std::fs::write(dir.join("redistrict.toml"), CONFIGURATION)
            .context("write the configuration")?;
        Ok(())
    }

    /// The same PROD seen through another server, with a directory of its own.
    pub(super) fn through(&self, dir: &Path, server: &TestServer) -> Result<Through<'_, 'a>> {
        let database = self.reader.rsplit('/').next().unwrap_or_default();
        let there = server.url_of(database);
        let host = |url: &str| url.rsplit('@').next().unwrap_or_default().to_owned();
        let login = self.reader.trim_end_matches(&host(&self.reader));
        self.configure(dir, &format!("{login}{}", host(&there)))?;
        Ok(Through {
            place: self,
            dir: dir.to_path_buf(),
        })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn server(&self) -> &TestServer {
        &self.server
    }

    pub(super) fn runtime(&self) -> &'a Runtime {
        self.runtime
    }

    pub(super) fn version(&self) -> &str {
        self.server.version()
    }

    /// The superuser's URL.
    pub(super) fn prod(&self) -> &str {
        &self.prod
    }

    pub(super) fn accounts(&self) -> usize {
        self.accounts
    }

    pub(super) fn product(&self, fault: &str) -> Result<Product> {
        Product::faulty(&self.dir.join("redistrict.toml"), fault)
    }

    pub(super) fn extracted(&self) -> Result<Extracted> {
        extracted(&self.dir)
    }

    /// What the district was at that version; none if it never was.
    pub(super) fn digest_at(&self, version: u64) -> Result<Option<String>> {
        let sql = format!("select digest from kept.log where n = {version}");
        let rows = self.runtime.block_on(postgres::query(&self.prod, &sql))?;
        Ok(rows.into_iter().flatten().flatten().next())
    }

    pub(super) fn version_now(&self) -> Result<u64> {
        let sql = "select n from versions where district = 1";
        let now = self.runtime.block_on(self.server.scalar(&self.prod, sql));
        now.parse().context("read the version")
    }
}

/// The same PROD, seen through another server.
pub(super) struct Through<'p, 'a> {
    place: &'p Place<'a>,
    dir: PathBuf,
}

impl Through<'_, '_> {
    pub(super) fn product(&self, fault: &str) -> Result<Product> {
        Product::faulty(&self.dir.join("redistrict.toml"), fault)
    }

    pub(super) fn extracted(&self) -> Result<Extracted> {
        extracted(&self.dir)
    }

    pub(super) fn place(&self) -> &Place<'_> {
        self.place
    }
}

fn layout(dir: &Path) -> Layout {
    Layout {
        data_dir: dir.join("data"),
        log_dir: dir.join("logs"),
        state_dir: dir.join(".redistrict"),
    }
}

fn root_key(dir: &Path) -> Result<RootKey> {
    let text = std::fs::read(dir.join(".redistrict/key")).context("read the key")?;
    Ok(RootKey::new(&text)?)
}

/// The newest artifact, as the log of PROD writes it down.
fn extracted(dir: &Path) -> Result<Extracted> {
    let key = root_key(dir)?;
    let parent = layout(dir).raw_of(&DistrictId::new(DISTRICT), &key);
    let newest = Artifact::newest(&parent).context("no raw artifact was sealed")?;
    let artifact = Artifact::open(&newest, &key)?;
    artifact.verify()?;
    let rows_of = |name: &str, columns: &[&str]| -> Result<Vec<Vec<String>>> {
        let mut rows = Vec::new();
        let tables = artifact.manifest().tables.iter();
        for table in tables.filter(|table| table.table.table == name) {
            let columns: Vec<String> = columns.iter().map(|one| (*one).to_owned()).collect();
            for part in artifact.rows(&table.table) {
                let (batch, _) = part?;
                for key in keys_of(&batch, &columns) {
                    let key = key.context("a row without a value")?;
                    rows.push(key.parts().iter().map(ToString::to_string).collect());
                }
            }
        }
        rows.sort();
        Ok(rows)
    };
    let mut texts = Vec::new();
    let mut count = 0;
    for (name, columns) in TABLES {
        let rows = rows_of(name, columns)?;
        count += rows.len() as u64;
        let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
        texts.push(rows.join(";"));
    }
    let version = rows_of("versions", &["n"])?;
    let version = version.first().and_then(|row| row.first());
    Ok(Extracted {
        version: version.context("no version came")?.parse()?,
        digest: sha256_hex(texts.join("|").as_bytes()),
        rows: count,
    })
}
