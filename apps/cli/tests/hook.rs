//! A webhook for tests: a real HTTP server that answers as it is told and keeps what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How one request is answered.
#[derive(Clone)]
pub(crate) enum Reply {
    Status(u16),
    /// With a header line.
    With(u16, String),
    /// Not at all, as long as the server is there.
    Never,
}

/// The server; it ends with its owner.
pub(crate) struct Hook {
    address: SocketAddr,
    received: Arc<Mutex<Vec<serde_json::Value>>>,
    /// Connections that brought no message.
    refused: Arc<Mutex<usize>>,
    /// Hears of each request before it is answered.
    pub(crate) arrivals: Receiver<()>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    scheme: &'static str,
}

impl Hook {
    /// Answers the first requests by the script, and 200 after it.
    pub(crate) fn start(script: &[Reply]) -> Self {
        Self::of(script, None)
    }

    /// Speaks TLS with a certificate of its own, which is written into the folder as `hook.crt`.
    pub(crate) fn start_with_tls(script: &[Reply], folder: &Path) -> Self {
        Self::of(script, Some(Arc::new(tls_of(folder))))
    }

    fn of(script: &[Reply], tls: Option<Arc<ServerConfig>>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let refused = Arc::new(Mutex::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, arrivals) = channel();
        let server = Server {
            listener,
            script: script.to_vec(),
            received: Arc::clone(&received),
            refused: Arc::clone(&refused),
            tell,
            stop: Arc::clone(&stop),
            tls,
        };
        Self {
            address,
            received,
            refused,
            arrivals,
            stop,
            thread: Some(std::thread::spawn(move || server.serve())),
            scheme,
        }
    }

    /// Its URL; the path is the secret of a real one.
    pub(crate) fn url(&self, secret: &str) -> String {
        format!("{}://{}/services/{secret}", self.scheme, self.address)
    }

    /// The bodies so far, in order.
    pub(crate) fn received(&self) -> Vec<serde_json::Value> {
        self.received.lock().unwrap().clone()
    }

    /// How many connections brought no message.
    pub(crate) fn refused(&self) -> usize {
        *self.refused.lock().unwrap()
    }

    /// Which moments were told, in order, each attempt for itself.
    pub(crate) fn events(&self) -> Vec<String> {
        let event = |body: &serde_json::Value| {
            let event = body["redistrict"]["event"].as_str();
            event.unwrap_or("none").to_owned()
        };
        self.received().iter().map(event).collect()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

struct Server {
    listener: TcpListener,
    script: Vec<Reply>,
    received: Arc<Mutex<Vec<serde_json::Value>>>,
    refused: Arc<Mutex<usize>>,
    tell: Sender<()>,
    stop: Arc<AtomicBool>,
    tls: Option<Arc<ServerConfig>>,
}

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

impl Server {
    fn speaking(&self, stream: TcpStream) -> Box<dyn Stream> {
        match &self.tls {
            None => Box::new(stream),
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                Box::new(StreamOwned::new(connection, stream))
            }
        }
    }

    fn serve(&self) {
        let mut silent = Vec::new();
        for (number, stream) in self.listener.incoming().enumerate() {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let mut stream = self.speaking(stream.unwrap());
            let Some(body) = body_of(stream.as_mut()) else {
                *self.refused.lock().unwrap() += 1;
                let _gone = stream.write_all(b"HTTP/1.1 400 No Request\r\n\r\n");
                continue;
            };
            self.received.lock().unwrap().push(body);
            let _nobody_listens = self.tell.send(());
            let (code, header) = match self.script.get(number) {
                None => (200, String::new()),
                Some(Reply::Status(code)) => (*code, String::new()),
                Some(Reply::With(code, header)) => (*code, format!("{header}\r\n")),
                Some(Reply::Never) => {
                    silent.push(stream);
                    continue;
                }
            };
            let answer = format!(
                "HTTP/1.1 {code} Answer\r\n{header}Content-Length: 5\r\nConnection: close\r\n\r\nvalue"
            );
            // The client may have gone.
            let _gone = stream.write_all(answer.as_bytes());
        }
    }
}

/// A certificate for 127.0.0.1 that nobody has signed but itself.
fn tls_of(folder: &Path) -> ServerConfig {
    let made = Command::new("openssl")
        .args("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hook".split(' '))
        .args("-addext subjectAltName=IP:127.0.0.1 -keyout hook.key -out hook.crt".split(' '))
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let certificate = CertificateDer::from_pem_file(folder.join("hook.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("hook.key")).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// None of a connection that sends no request.
fn body_of(stream: &mut dyn Stream) -> Option<serde_json::Value> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
