//! Connections: whom to trust, how to name the session, which settings hold in it. Must not print
//! or keep a password, and must not fall back to plaintext.

use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redistrict_store::{Listing, Secret, StoreError, StoreErrorKind};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::task::JoinSet;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, CopyOutStream, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::encoding::{Encoding, KnownChars};
use crate::error::{STANDBY_HINT, failed, is_recovery_conflict};
use crate::statement::{self, Parameters, ReadText};
use crate::url::{self, Address, Tls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);

/// A session that can only read: it takes no SQL but [`ReadText`].
pub(crate) enum Source {}
/// A session of a target.
pub(crate) enum Target {}

/// Which settings a session starts with.
pub(crate) trait Side {
    const SETTINGS: ReadText;
}

impl Side for Source {
    const SETTINGS: ReadText = statement::SESSION_SOURCE;
}

impl Side for Target {
    const SETTINGS: ReadText = statement::SESSION_TARGET;
}

/// One connection. Dropping it closes the socket; the server rolls back what was open.
pub(crate) struct Session<S> {
    client: Client,
    /// Owns the task that moves the bytes.
    _driver: JoinSet<()>,
    /// A standby ended the connection between two statements.
    is_ended_by_standby: Arc<AtomicBool>,
    encoding: Encoding,
    known_chars: KnownChars,
    /// Where statements are noted; rows are not read then.
    listing: Option<Arc<Listing>>,
    side: PhantomData<fn() -> S>,
}

impl<S> std::fmt::Debug for Session<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl<S: Side> Session<S> {
    /// Connects and pins the settings. `label` is the session's application name.
    pub(crate) async fn open(url: &Secret, label: &str) -> Result<Self, StoreError> {
        Self::open_telling(url, label, None).await
    }

    /// The same; with a listing every statement is noted in it, and no row is read.
    pub(crate) async fn open_telling(
        url: &Secret,
        label: &str,
        listing: Option<Arc<Listing>>,
    ) -> Result<Self, StoreError> {
        let address = url::parse(url)?;
        let config = address.config.clone();
        let opening = tokio::time::timeout(SESSION_TIMEOUT, connect(address, label)).await;
        let opened = match opening {
            Ok(Ok(opened)) => opened,
            Ok(Err(Unopened::Ours(error))) => return Err(error),
            Ok(Err(Unopened::Drivers(error))) => {
                return Err(refused(&error, place(&config).await.as_deref()));
            }
            Err(_) => return Err(unreachable_server(place(&config).await.as_deref())),
        };
        let session = Self {
            client: opened.client,
            _driver: opened.driver,
            is_ended_by_standby: opened.is_ended_by_standby,
            encoding: opened.encoding,
            known_chars: KnownChars::default(),
            listing,
            side: PhantomData,
        };
        session
            .read(&S::SETTINGS, &[])
            .await
            .map_err(|error| failed("pin the session's settings", &error))?;
        Ok(session)
    }
}

impl<S> Session<S> {
    /// The database's encoding.
    pub(crate) fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// Characters that were asked for, see [`Session::lacks`].
    pub(crate) fn known_chars(&self) -> &KnownChars {
        &self.known_chars
    }

    /// With the settings to change where a standby ended the connection while no statement was under way:
    /// the statement after that fails without a word of the server.
    pub(crate) fn explained(&self, error: StoreError) -> StoreError {
        let is_silent = error.code.is_none() && error.kind == StoreErrorKind::Transient;
        if is_silent && self.is_ended_by_standby.load(Ordering::SeqCst) {
            return error.with_code("40001").with_hint(STANDBY_HINT);
        }
        error
    }

    /// The connection is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs one statement of the closed set and gives all its rows.
    pub(crate) async fn read(
        &self,
        text: &ReadText,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        self.note(text);
        self.client.query_typed(text.as_str(), parameters).await
    }

    fn note(&self, text: &ReadText) {
        if let Some(listing) = &self.listing {
            listing.note(text.shown(), text.purpose());
        }
    }

    /// The same, row by row.
    pub(crate) async fn read_stream(
        &self,
        text: &ReadText,
        parameters: Parameters<'_>,
    ) -> Result<tokio_postgres::RowStream, tokio_postgres::Error> {
        self.note(text);
        let parameters = parameters
            .iter()
            .map(|(value, kind)| (*value, kind.clone()));
        self.client.query_typed_raw(text.as_str(), parameters).await
    }

    /// Runs a `copy … to stdout` of the closed set; none where the session only tells.
    pub(crate) async fn copy_out(
        &self,
        text: &ReadText,
    ) -> Result<Option<CopyOutStream>, tokio_postgres::Error> {
        self.note(text);
        if self.listing.is_some() {
            return Ok(None);
        }
        self.client.copy_out(text.as_str()).await.map(Some)
    }
}

impl Session<Target> {
    /// The client itself: any SQL.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

struct Opened {
    client: Client,
    driver: JoinSet<()>,
    is_ended_by_standby: Arc<AtomicBool>,
    encoding: Encoding,
}

/// Why there is no session.
enum Unopened {
    Ours(StoreError),
    Drivers(tokio_postgres::Error),
}

/// The driver's parameter with the name of the database's encoding.
const ENCODING: &str = "server_encoding";

async fn connect(address: Address, label: &str) -> Result<Opened, Unopened> {
    let mut config = address.config;
    prepare(&mut config, label);
    let refused = Unopened::Drivers;
    let mut driver = JoinSet::new();
    let is_ended_by_standby = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&is_ended_by_standby);
    let (client, encoding) = match address.tls {
        Tls::Off => {
            config.ssl_mode(SslMode::Disable);
            let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
            let encoding = Encoding::of(connection.parameter(ENCODING));
            driver.spawn(drive(connection, mark));
            (client, encoding)
        }
        Tls::VerifyFull { root_certificates } => {
            config.ssl_mode(SslMode::Require);
            let certificates = client_config(root_certificates).map_err(Unopened::Ours)?;
            let tls = MakeRustlsConnect::new(certificates);
            let (client, connection) = config.connect(tls).await.map_err(refused)?;
            let encoding = Encoding::of(connection.parameter(ENCODING));
            driver.spawn(drive(connection, mark));
            (client, encoding)
        }
    };
    Ok(Opened {
        client,
        driver,
        is_ended_by_standby,
        encoding,
    })
}

/// Moves the bytes until the connection ends. The server's last word is noted before anybody who waits for an
/// answer learns that there is none.
async fn drive(
    mut connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Unpin,
    is_ended_by_standby: Arc<AtomicBool>,
) {
    let ended = (&mut connection).await;
    let last = ended.as_ref().err();
    let last = last.and_then(tokio_postgres::Error::as_db_error);
    if last.is_some_and(is_recovery_conflict) {
        is_ended_by_standby.store(true, Ordering::SeqCst);
    }
    drop(connection);
}

fn prepare(config: &mut Config, label: &str) {
    config.application_name(label);
    config.keepalives(true);
    config.keepalives_idle(Duration::from_secs(30));
    config.tcp_user_timeout(Duration::from_secs(60));
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
}

/// TLS with the certificate's chain and host name verified; the machine's roots unless a file is
/// named.
fn client_config(root_certificates: Option<PathBuf>) -> Result<ClientConfig, StoreError> {
    let mut roots = RootCertStore::empty();
    match root_certificates {
        Some(path) => {
            let unreadable = || {
                // A part of the URL: what stands there may be meant for another part.
                let what = "read root certificates from the file that the connection URL names";
                StoreError::new(StoreErrorKind::Config, what).with_hint(
                    "`sslrootcert=FILE` names a file of PEM certificates that can be read",
                )
            };
            let certificates = CertificateDer::pem_file_iter(&path).map_err(|_| unreadable())?;
            for certificate in certificates {
                let certificate = certificate.map_err(|_| unreadable())?;
                roots.add(certificate).map_err(|_| unreadable())?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let error = StoreError::new(StoreErrorKind::Config, "find any root certificate for TLS");
        return Err(error.with_hint("install ca-certificates, or name a file: `sslrootcert=…`"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| StoreError::new(StoreErrorKind::Bug, "set up TLS"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Host and port, for errors; user, password and database stay out. None where no machine is known by
/// that name: what stands there may be a password that was written in the wrong place.
async fn place(config: &Config) -> Option<String> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => return Some(format!("{}:{port}", path.display())),
        None => return Some(format!("its host:{port}")),
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_known = tokio::net::lookup_host((bare, port)).await.is_ok();
    is_known.then(|| format!("{host}:{port}"))
}

/// What a refused connection means. The driver tells its kinds apart by their fixed texts only.
fn refused(error: &tokio_postgres::Error, known_place: Option<&str>) -> StoreError {
    if error.as_db_error().is_some() {
        return failed("connect to the database", error);
    }
    let Some(place) = known_place else {
        return unreachable_server(known_place);
    };
    let text = error.to_string();
    if text.starts_with("error performing TLS handshake") {
        return StoreError::new(
            StoreErrorKind::Config,
            format!("establish a verified TLS connection to {place}"),
        )
        .with_hint(
            "the server must offer TLS with a certificate for this host name from a known \
                 authority; name a private authority by `sslrootcert=FILE`",
        );
    }
    if text.starts_with("authentication error") || text.starts_with("invalid configuration") {
        return StoreError::new(
            StoreErrorKind::Auth,
            format!("log in at {place}: the server asks for a password"),
        );
    }
    unreachable_server(known_place)
}

fn unreachable_server(known_place: Option<&str>) -> StoreError {
    match known_place {
        Some(place) => {
            let what = format!("reach the database server at {place}");
            StoreError::new(StoreErrorKind::Unreachable, what)
                .with_hint("check host, port and network of the connection URL")
        }
        None => StoreError::new(
            StoreErrorKind::Unreachable,
            "reach the database server: the host of the connection URL is not known to this machine",
        )
        .with_hint(
            "check the host of the connection URL; odd characters of user and password are \
             percent-encoded there (@ is %40, / is %2F, # is %23)",
        ),
    }
}

/// The application name of a session: `redistrict/{owner}/{epoch}`. The server keeps 63 bytes.
pub(crate) fn label(owner: &str, epoch: i64) -> String {
    format!("{}{epoch}", label_prefix(owner))
}

/// What all labels of an owner begin with. Long or odd names are shortened with a checksum.
pub(crate) fn label_prefix(owner: &str) -> String {
    let is_plain = owner.bytes().all(|b| b.is_ascii_graphic() && b != b'/');
    if is_plain && owner.len() <= 32 {
        return format!("redistrict/{owner}/");
    }
    let checksum = owner.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("redistrict/~{checksum:016x}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_fit_the_servers_limit_and_tell_owners_apart() {
        assert_eq!(
            label("mig-20250101T000000Z-1", 7),
            "redistrict/mig-20250101T000000Z-1/7"
        );
        let long = "x".repeat(80);
        assert!(label(&long, i64::MAX).len() <= 63);
        assert_ne!(label_prefix(&long), label_prefix(&"x".repeat(81)));
        assert_ne!(label_prefix("a/b"), label_prefix("a"));
    }
}
