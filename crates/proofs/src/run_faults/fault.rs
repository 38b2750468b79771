//! Lets a store fail while a migration works, until two of its attempts have failed, or to its end.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use redistrict_estate::{StoreId, StoreSide, write_url_file};
use redistrict_testkit::postgres;
use redistrict_testkit::proxy::{Proxy, Weather};

use super::DISTRICT;
use super::cases::{Case, Fault};
use crate::child::Ended;
use crate::servers::{Servers, Which};
use crate::world::World;

/// A run that is not over by then hangs.
const LONGEST: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(20);

/// The world's way to the store: by the proxy from now on.
pub(super) struct Way {
    proxy: Proxy,
    /// A superuser's URL of the database, past the proxy.
    url: String,
}

impl Way {
    pub(super) fn by_proxy(case: &Case, world: &World) -> Result<Self> {
        let urls = match case.side {
            StoreSide::Prod => &world.sources,
            StoreSide::Cert => &world.targets,
        };
        let url = &urls[case.store as usize];
        let proxy = Proxy::before(url).context("start a proxy")?;
        let name = format!("{}-{}.url", case.store.as_str(), case.side.as_str());
        let file = world.dir.join(name);
        std::fs::remove_file(&file).context("replace a URL")?;
        write_url_file(&file, &proxy.url(url))?;
        Ok(Self {
            proxy,
            url: url.clone(),
        })
    }

    /// How many connections were cut.
    pub(super) fn cuts(&self) -> u64 {
        self.proxy.cuts()
    }

    /// All is well again.
    pub(super) fn mend(&self) {
        self.proxy.set(Weather::Fair);
    }

    /// Runs a migration in which the fault happens; its end, or none if it never came to the fault.
    pub(super) fn migrate(
        &self,
        case: &Case,
        world: &World,
        servers: Option<&mut Servers>,
        superuser: &str,
        runtime: &tokio::runtime::Runtime,
    ) -> Result<Option<Ended>> {
        let product = world.faulty(&format!("at:{}", case.point()))?;
        let servers = std::cell::RefCell::new(servers);
        let locked = std::cell::RefCell::new(None);
        let begin = || match case.fault {
            Fault::Weather(weather) => {
                self.proxy.set(weather);
                Ok(())
            }
            Fault::Terminated | Fault::Cancelled => {
                let url = self.as_superuser(superuser);
                *locked.borrow_mut() = Some(runtime.block_on(Lock::take(&url))?);
                Ok(())
            }
            Fault::Killed => match servers.borrow_mut().as_deref_mut() {
                Some(servers) => servers.kill(server_of(case)),
                None => bail!("no server can be killed here"),
            },
        };
        let go_on = || -> Result<()> {
            let strike = || match (case.fault, locked.borrow().as_ref()) {
                (Fault::Terminated, Some(lock)) => {
                    runtime.block_on(lock.strike("pg_terminate_backend"))
                }
                (Fault::Cancelled, Some(lock)) => {
                    runtime.block_on(lock.strike("pg_cancel_backend"))
                }
                _ => Ok(()),
            };
            wait_for(case, &world.dir, strike)?;
            self.mend();
            if let Some(lock) = locked.borrow_mut().take() {
                runtime.block_on(lock.release())?;
            }
            match (case.fault, servers.borrow_mut().as_deref_mut()) {
                (Fault::Killed, Some(servers)) => servers.start_again(server_of(case)),
                _ => Ok(()),
            }
        };
        let (ended, was_paused) = product.run_paused(&["migrate", DISTRICT], begin, go_on)?;
        Ok(was_paused.then_some(ended))
    }

    /// The same database with the superuser's login.
    fn as_superuser(&self, superuser: &str) -> String {
        let database = self.url.rsplit('/').next().unwrap_or_default();
        let server = superuser
            .rfind('/')
            .map_or(superuser, |at| &superuser[..at]);
        format!("{server}/{database}")
    }
}

fn server_of(case: &Case) -> Which {
    match (case.side, case.store) {
        (StoreSide::Prod, StoreId::Sp) => Which::ProdGraph,
        (StoreSide::Prod, _) => Which::ProdPostgres,
        (StoreSide::Cert, StoreId::Sp) => Which::CertGraph,
        (StoreSide::Cert, _) => Which::CertPostgres,
    }
}

/// Until two attempts have failed, or the run has ended: the migration's log says so.
fn wait_for(case: &Case, dir: &Path, strike: impl Fn() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < LONGEST {
        strike()?;
        let log = log_of(dir)?;
        let has_passed = log.contains("attempt 2 of ") && !case.stays;
        if has_passed || log.contains(" ended: ") {
            return Ok(());
        }
        std::thread::sleep(LOOK);
    }
    bail!("the run did not end within {} s", LONGEST.as_secs())
}

/// The log of the one migration of a world; empty before it has one.
pub(super) fn log_of(dir: &Path) -> Result<String> {
    let logs = dir.join("logs/migrations");
    let Ok(entries) = std::fs::read_dir(&logs) else {
        return Ok(String::new());
    };
    let mut text = String::new();
    for entry in entries {
        text.push_str(&std::fs::read_to_string(entry?.path()).context("read a log")?);
    }
    Ok(text)
}

/// A lock on every table of a database, so that whoever reads waits.
struct Lock {
    url: String,
    holder: tokio::task::JoinHandle<()>,
}

const OURS: &str = "application_name like 'redistrict/%' and wait_event_type = 'Lock' \
                    and datname = current_database()";

impl Lock {
    async fn take(url: &str) -> Result<Self> {
        let lock = "do $$ declare t text; begin for t in select format('%I.%I', schemaname, tablename) \
                    from pg_tables where schemaname not in ('pg_catalog', 'information_schema') \
                    loop execute 'lock table ' || t || ' in access exclusive mode'; end loop; end $$";
        let text = format!("begin; {lock}; select pg_sleep(600)");
        let held = url.to_owned();
        #[expect(clippy::disallowed_methods, reason = "its owner ends and awaits it")]
        let holder = tokio::spawn(async move {
            // It ends with an error: its session is terminated.
            drop(postgres::execute(&held, &text).await);
        });
        let is_held = "select 1 from pg_stat_activity where wait_event = 'PgSleep' \
                       and datname = current_database()";
        while postgres::query(url, is_held).await?.is_empty() {
            if holder.is_finished() {
                bail!("the tables cannot be locked");
            }
        }
        Ok(Self {
            url: url.to_owned(),
            holder,
        })
    }

    /// Ends or cancels what waits for the lock.
    async fn strike(&self, function: &str) -> Result<()> {
        let sql = format!("select {function}(pid) from pg_stat_activity where {OURS}");
        postgres::query(&self.url, &sql).await?;
        Ok(())
    }

    async fn release(self) -> Result<()> {
        let end = "select pg_terminate_backend(pid, 10000) from pg_stat_activity \
                   where wait_event = 'PgSleep' and datname = current_database()";
        postgres::query(&self.url, end).await?;
        self.holder.await.context("end the session that locks")
    }
}
