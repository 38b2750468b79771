//! A proxy that can swallow what the server answers: the reply to a commit is lost, the commit is not.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

/// Forwards to one server until told otherwise.
pub(crate) struct Proxy {
    port: u16,
    login: String,
    /// The next commit is to be swallowed.
    armed: Arc<AtomicBool>,
    swallows: Arc<AtomicBool>,
    /// Hears of each commit that is passed on.
    commits: Option<Receiver<()>>,
}

/// COMMIT as one chunk: a structure without fields, signature 0x12.
const COMMIT: [u8; 6] = [0x00, 0x02, 0xb0, 0x12, 0x00, 0x00];

impl Proxy {
    /// Stands before the server of a URL.
    pub(crate) fn before(url: &str) -> Self {
        let (login, place) = url.rsplit_once('@').expect("a URL with a login");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (armed, swallows) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let to = place.trim_end_matches('/').to_owned();
        let (arm, swallow) = (Arc::clone(&armed), Arc::clone(&swallows));
        let (heard, commits) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&to) else {
                    return;
                };
                let (arm, lose) = (Arc::clone(&arm), Arc::clone(&swallow));
                let heard = heard.clone();
                forward(&client, &server, move |bytes| {
                    let is_commit = bytes.windows(COMMIT.len()).any(|window| window == COMMIT);
                    if is_commit && arm.load(Ordering::SeqCst) {
                        lose.store(true, Ordering::SeqCst);
                    }
                    // A test that does not listen has its own way of ending.
                    !is_commit || heard.send(()).is_ok()
                });
                let swallow = Arc::clone(&swallow);
                forward(&server, &client, move |_| !swallow.load(Ordering::SeqCst));
            }
        });
        Self {
            port,
            login: login.to_owned(),
            armed,
            swallows,
            commits: Some(commits),
        }
    }

    /// The URL of the server by way of the proxy.
    pub(crate) fn url(&self) -> String {
        format!("{}@127.0.0.1:{}", self.login, self.port)
    }

    /// Gets a word for each commit, right before it is passed on.
    pub(crate) fn commits(&mut self) -> Receiver<()> {
        self.commits.take().expect("one listener")
    }

    /// The answer to the next commit ends the connection and does not arrive.
    pub(crate) fn swallow_commit(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    /// From now on the first answer of the server ends the connection and does not arrive.
    pub(crate) fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }
}

/// Copies what comes until the end, or until something is not to be passed on.
fn forward(
    from: &TcpStream,
    to: &TcpStream,
    mut passes: impl FnMut(&[u8]) -> bool + Send + 'static,
) {
    let mut from = from.try_clone().expect("a socket");
    let mut to = to.try_clone().expect("a socket");
    std::thread::spawn(move || {
        let mut bytes = [0; 1 << 16];
        loop {
            let read = from.read(&mut bytes).unwrap_or(0);
            let bytes = &bytes[..read];
            if read == 0 || !passes(bytes) || to.write_all(bytes).is_err() {
                drop(to.shutdown(Shutdown::Both));
                drop(from.shutdown(Shutdown::Both));
                return;
            }
        }
    });
}
