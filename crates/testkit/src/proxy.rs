//! A TCP proxy before a server that can be away, cut connections in the middle of rows, and swallow a commit
//! or the answer to one. It knows as much of the protocols as that takes (PostgreSQL; Bolt for commits).

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What becomes of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// All is passed on.
    #[default]
    Fair,
    /// Connections that there are are cut, new ones are closed at once.
    Away,
    /// A `copy … to stdout` is cut after so many bytes of the answer.
    InCopyOut(u32),
    /// A `copy … from stdin` is cut after so many bytes of rows.
    InCopyIn(u32),
    /// A commit is not passed on, and its connection is cut.
    BeforeCommit,
    /// A commit is passed on; its answer is not, and its connection is cut.
    AfterCommit,
}

/// A proxy before one server; it works until the process ends.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    weather: Mutex<Weather>,
    /// Both ends of every connection.
    ends: Mutex<Vec<TcpStream>>,
    cuts: AtomicU64,
}

/// What is known of one connection.
#[derive(Debug)]
struct Link {
    shared: Arc<Shared>,
    /// Bytes that are passed on still; negative: no end is set.
    out_left: AtomicI64,
    in_left: AtomicI64,
    is_answer_lost: AtomicBool,
}

const NO_END: i64 = -1;

impl Proxy {
    /// Stands before the server of a URL with a login: `SCHEME://user:password@host:port…`.
    ///
    /// # Errors
    /// The URL has no such place, or no port can be had.
    pub fn before(url: &str) -> std::io::Result<Self> {
        let (from, to) = place(url).ok_or(std::io::ErrorKind::InvalidInput)?;
        let server = url[from..to].to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::<Shared>::default();
        let passed = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // One that cannot be passed on is closed by being dropped.
                let _closed = pass_on(&passed, client, &server);
            }
        });
        Ok(Self { port, shared })
    }

    /// The same URL by way of the proxy.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let Some((from, to)) = place(url) else {
            return url.to_owned();
        };
        format!("{}127.0.0.1:{}{}", &url[..from], self.port, &url[to..])
    }

    /// From now on.
    pub fn set(&self, weather: Weather) {
        *lock(&self.shared.weather) = weather;
        if weather == Weather::Away {
            for end in lock(&self.shared.ends).drain(..) {
                drop(end.shutdown(Shutdown::Both));
            }
        }
    }

    /// How many connections were cut or closed on purpose.
    #[must_use]
    pub fn cuts(&self) -> u64 {
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

/// Where host and port stand in a URL.
fn place(url: &str) -> Option<(usize, usize)> {
    let from = url.rfind('@')? + 1;
    let end = url[from..].find(['/', '?']).unwrap_or(url.len() - from);
    Some((from, from + end))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass_on(shared: &Arc<Shared>, client: TcpStream, server: &str) -> std::io::Result<()> {
    if *lock(&shared.weather) == Weather::Away {
        shared.cuts.fetch_add(1, Ordering::SeqCst);
        return Ok(());
    }
    let server = TcpStream::connect(server)?;
    lock(&shared.ends).extend([client.try_clone()?, server.try_clone()?]);
    let link = Arc::new(Link {
        shared: Arc::clone(shared),
        out_left: AtomicI64::new(NO_END),
        in_left: AtomicI64::new(NO_END),
        is_answer_lost: AtomicBool::new(false),
    });
    let (one, other) = (Arc::clone(&link), link);
    let (to_server, to_client) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || forward(client, to_server, |bytes| one.of_client(bytes)));
    std::thread::spawn(move || forward(server, to_client, |bytes| other.of_server(bytes)));
    Ok(())
}

/// So much of what came is passed on; whether the connection goes on after that.
type Passed = (usize, bool);

impl Link {
    fn of_client(&self, bytes: &[u8]) -> Passed {
        let all = (bytes.len(), true);
        let passed = match *lock(&self.shared.weather) {
            Weather::Fair => all,
            Weather::Away => (0, false),
            Weather::InCopyOut(end) => {
                if has(bytes, b"copy (") {
                    self.out_left.store(i64::from(end), Ordering::SeqCst);
                }
                all
            }
            Weather::InCopyIn(end) => {
                if has(bytes, b" from stdin") {
                    self.in_left.store(i64::from(end), Ordering::SeqCst);
                    return all;
                }
                up_to(&self.in_left, bytes)
            }
            Weather::BeforeCommit if is_commit(bytes) => (0, false),
            Weather::AfterCommit if is_commit(bytes) => {
                self.is_answer_lost.store(true, Ordering::SeqCst);
                all
            }
            Weather::BeforeCommit | Weather::AfterCommit => all,
        };
        self.count(passed)
    }

    fn of_server(&self, bytes: &[u8]) -> Passed {
        self.count(match self.is_answer_lost.load(Ordering::SeqCst) {
            true => (0, false),
            false => up_to(&self.out_left, bytes),
        })
    }

    fn count(&self, passed: Passed) -> Passed {
        if !passed.1 {
            self.shared.cuts.fetch_add(1, Ordering::SeqCst);
        }
        passed
    }
}

fn up_to(left: &AtomicI64, bytes: &[u8]) -> Passed {
    let now = left.load(Ordering::SeqCst);
    let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    if now == NO_END {
        return (bytes.len(), true);
    }
    if length <= now {
        left.store(now - length, Ordering::SeqCst);
        return (bytes.len(), true);
    }
    (usize::try_from(now).unwrap_or(0), false)
}

/// A simple query of PostgreSQL; COMMIT of Bolt as one chunk (a structure without fields, signature 0x12).
fn is_commit(bytes: &[u8]) -> bool {
    has(bytes, b"commit\0") || has(bytes, &[0x00, 0x02, 0xb0, 0x12, 0x00, 0x00])
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Copies what comes until the end, or until it is not to be passed on any more.
fn forward(mut from: TcpStream, mut to: TcpStream, passes: impl Fn(&[u8]) -> Passed) {
    let mut bytes = [0; 1 << 16];
    loop {
        let read = from.read(&mut bytes).unwrap_or(0);
        let (count, goes_on) = match read {
            0 => (0, false),
            _ => passes(&bytes[..read]),
        };
        if to.write_all(&bytes[..count]).is_err() || !goes_on {
            drop(to.shutdown(Shutdown::Both));
            drop(from.shutdown(Shutdown::Both));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::{TestServer, execute, query};

    #[tokio::test]
    async fn weather_comes_and_goes() {
        let server = TestServer::start();
        let url = server.create_database().await;
        let proxy = Proxy::before(&url).unwrap();
        let by_proxy = proxy.url(&url);
        execute(
            &by_proxy,
            "create table t as select g from generate_series(1, 5000) g",
        )
        .await
        .unwrap();
        assert_eq!(proxy.cuts(), 0);
        proxy.set(Weather::Away);
        assert!(query(&by_proxy, "select 1").await.is_err());
        assert!(query(&url, "select 1").await.is_ok());
        for (weather, rows) in [
            (Weather::BeforeCommit, "5000"),
            (Weather::AfterCommit, "5001"),
        ] {
            proxy.set(weather);
            let cuts = proxy.cuts();
            let insert = crate::postgres::with_client(&by_proxy, async |client| {
                client
                    .batch_execute("begin; insert into t values (0)")
                    .await?;
                client.batch_execute("commit").await
            });
            assert!(insert.await.is_err(), "{weather:?}");
            assert_eq!(proxy.cuts(), cuts + 1);
            // The server may still be busy with a transaction whose client is gone.
            let left = "select count(*) from pg_stat_activity where state <> 'idle' \
                        and datname = current_database() and pid <> pg_backend_pid()";
            while server.scalar(&url, left).await != "0" {}
            assert_eq!(server.scalar(&url, "select count(*) from t").await, rows);
        }
        proxy.set(Weather::Fair);
        assert_eq!(
            server.scalar(&by_proxy, "select count(*) from t").await,
            "5001"
        );
    }
}
