//! A proxy before a server that keeps what clients send, and takes the statements out of it: of PostgreSQL's
//! protocol and of Bolt. It judges nothing.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something a client asked a server to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sent {
    /// One statement with its values apart: PostgreSQL's extended protocol, a RUN of Bolt.
    Statement(String),
    /// A text that may hold several statements: PostgreSQL's simple protocol.
    Simple(String),
    /// A message by which rows are written or functions called, by its letter.
    Other(char),
    /// Bytes that are no message of the protocol.
    Unread,
}

/// A proxy before one server; it works until the process ends.
#[derive(Debug)]
pub struct Recorder {
    port: u16,
    connections: Arc<Mutex<Vec<Kept>>>,
}

/// The bytes of one connection, from the client.
type Kept = Arc<Mutex<Vec<u8>>>;

impl Recorder {
    /// Stands before the server of a URL with a login: `SCHEME://user:password@host:port…`.
    ///
    /// # Errors
    /// The URL has no such place, or no port can be had.
    pub fn before(url: &str) -> std::io::Result<Self> {
        let (from, to) = place(url).ok_or(std::io::ErrorKind::InvalidInput)?;
        let server = url[from..to].to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let connections = Arc::<Mutex<Vec<Kept>>>::default();
        let all = Arc::clone(&connections);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // One that cannot be passed on is closed by being dropped.
                let _closed = pass_on(&all, client, &server);
            }
        });
        Ok(Self { port, connections })
    }

    /// The same URL by way of the recorder.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let Some((from, to)) = place(url) else {
            return url.to_owned();
        };
        format!("{}127.0.0.1:{}{}", &url[..from], self.port, &url[to..])
    }

    /// What PostgreSQL was sent since this was asked last. Connections that are open are asked again from
    /// their begin.
    #[must_use]
    pub fn take_postgres(&self) -> Vec<Sent> {
        self.take(postgres_messages)
    }

    /// What a server of Bolt was sent since this was asked last.
    #[must_use]
    pub fn take_bolt(&self) -> Vec<Sent> {
        self.take(|bytes| {
            bolt_messages(bytes)
                .iter()
                .filter_map(|one| run_of(one))
                .collect()
        })
    }

    fn take(&self, read: impl Fn(&[u8]) -> Vec<Sent>) -> Vec<Sent> {
        let connections = std::mem::take(&mut *lock(&self.connections));
        let read = |kept: &Kept| read(&lock(kept));
        connections.iter().flat_map(read).collect()
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

fn pass_on(all: &Mutex<Vec<Kept>>, client: TcpStream, server: &str) -> std::io::Result<()> {
    let server = TcpStream::connect(server)?;
    let kept = Kept::default();
    lock(all).push(Arc::clone(&kept));
    let (back, from) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || forward(client, server, Some(&kept)));
    std::thread::spawn(move || forward(from, back, None));
    Ok(())
}

/// Copies bytes until one side closes; keeps them before they are passed on.
fn forward(mut from: TcpStream, mut to: TcpStream, kept: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if let Some(kept) = kept {
            lock(kept).extend_from_slice(&buffer[..count]);
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

/// Messages behind the start of a session: a letter, a length, the content.
fn postgres_messages(bytes: &[u8]) -> Vec<Sent> {
    let mut sent = Vec::new();
    let Some((mut rest, is_session)) = after_start(bytes) else {
        return sent;
    };
    while is_session && !rest.is_empty() {
        let Some((letter, content, more)) = message(rest) else {
            // The last message of a connection that was cut, or is still being written.
            break;
        };
        let text = |bytes: &[u8]| bytes.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
        let text = |bytes: &[u8]| text(bytes).and_then(|bytes| String::from_utf8(bytes).ok());
        sent.extend(match letter {
            b'Q' => Some(text(content).map_or(Sent::Unread, Sent::Simple)),
            b'P' => {
                let name = content.iter().position(|byte| *byte == 0);
                let statement = name.and_then(|end| text(&content[end + 1..]));
                Some(statement.map_or(Sent::Unread, Sent::Statement))
            }
            // Bind, describe, execute, close, flush, sync, password, terminate: of statements told already.
            b'B' | b'D' | b'E' | b'C' | b'H' | b'S' | b'p' | b'X' => None,
            other => Some(Sent::Other(char::from(other))),
        });
        rest = more;
    }
    sent
}

/// Behind the start message; whether a session begins. Others cancel a statement.
fn after_start(bytes: &[u8]) -> Option<(&[u8], bool)> {
    const CANCEL: [u8; 4] = 80_877_102_u32.to_be_bytes();
    const TLS: [u8; 4] = 80_877_103_u32.to_be_bytes();
    let length = usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()?;
    let (start, rest) = bytes.split_at_checked(length)?;
    match start.get(4..8)? {
        code if code == TLS => after_start(rest),
        code => Some((rest, code != CANCEL)),
    }
}

fn message(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (letter, rest) = bytes.split_first()?;
    let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
    let (whole, more) = rest.split_at_checked(length)?;
    Some((*letter, whole.get(4..)?, more))
}

/// The messages behind the handshake, the first of which is HELLO: chunks with their length in front, an
/// empty one at the end.
fn bolt_messages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let is_hello = |at: &usize| bytes[at + 2..].starts_with(&[0xB1, 0x01]);
    let Some(start) = (20..bytes.len().saturating_sub(3)).find(is_hello) else {
        return Vec::new();
    };
    let (mut rest, mut message, mut all) = (&bytes[start..], Vec::new(), Vec::new());
    while let Some((length, more)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 {
            all.extend(Some(std::mem::take(&mut message)).filter(|one| !one.is_empty()));
        }
        let Some((chunk, more)) = more.split_at_checked(length) else {
            break;
        };
        message.extend_from_slice(chunk);
        rest = more;
    }
    all
}

/// The text of a RUN message.
fn run_of(message: &[u8]) -> Option<Sent> {
    let text = message.strip_prefix(&[0xB3, 0x10])?;
    let (length, text) = match text {
        [short @ 0x80..=0x8F, text @ ..] => (usize::from(short & 0x0F), text),
        [0xD0, length, text @ ..] => (usize::from(*length), text),
        [0xD1, a, b, text @ ..] => (usize::from(u16::from_be_bytes([*a, *b])), text),
        [0xD2, a, b, c, d, text @ ..] => {
            let length = u32::from_be_bytes([*a, *b, *c, *d]);
            (usize::try_from(length).ok()?, text)
        }
        _ => return Some(Sent::Unread),
    };
    let text = text.get(..length).map(<[u8]>::to_vec);
    let text = text.and_then(|text| String::from_utf8(text).ok());
    Some(text.map_or(Sent::Unread, Sent::Statement))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::{TestServer, query, with_client};

    #[tokio::test]
    async fn statements_of_both_protocols_are_told_apart() {
        let server = TestServer::start();
        let url = server.create_database().await;
        let recorder = Recorder::before(&url).unwrap();
        let by_recorder = recorder.url(&url);
        query(&by_recorder, "select 1; select 2").await.unwrap();
        let asked = with_client(&by_recorder, async |client| {
            client.query_one("select $1::int4 + 1", &[&4_i32]).await
        });
        assert_eq!(asked.await.unwrap().get::<_, i32>(0), 5);
        let mut sent = recorder.take_postgres();
        sent.sort();
        assert_eq!(
            sent,
            [
                Sent::Statement("select $1::int4 + 1".to_owned()),
                Sent::Simple("select 1; select 2".to_owned()),
            ]
        );
        assert_eq!(recorder.take_postgres(), []);
    }

    #[test]
    fn what_writes_is_told_by_its_letter() {
        let mut bytes = vec![0, 0, 0, 8, 0, 3, 0, 0];
        bytes.extend([b'd', 0, 0, 0, 5, 1]);
        bytes.extend([b'F', 0, 0, 0, 4]);
        bytes.extend([b'X', 0, 0, 0, 4]);
        let sent = postgres_messages(&bytes);
        assert_eq!(sent, [Sent::Other('d'), Sent::Other('F')]);
    }
}
