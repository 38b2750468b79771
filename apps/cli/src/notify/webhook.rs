//! Sends one message to the webhook and says what came back: a status code or a word, never a text
//! of the server and never the URL.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};
use zeroize::Zeroizing;

use crate::exit::Exit;

/// Of one attempt, from looking the host up to the head of the answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What came of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A status code; of one that asks to wait, how long.
    Status(u16, Option<Duration>),
    Timeout,
    /// The host cannot be found, or nobody listens.
    Unreachable,
    /// Its certificate is not trusted, or it speaks no TLS.
    NotTrusted,
    /// What came back is no HTTP.
    NotUnderstood,
}

impl Answer {
    pub(crate) fn is_delivered(self) -> bool {
        matches!(self, Self::Status(200..=299, _))
    }

    /// Whether a later attempt may succeed. A redirect is not followed: the message may not go to
    /// another host than the one that was configured.
    pub(crate) fn is_worth_another(self) -> bool {
        matches!(
            self,
            Self::Status(408 | 425 | 429 | 500..=599, _) | Self::Timeout | Self::Unreachable
        )
    }

    /// The exit code of `redistrict notify test`.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Self::Status(200..=299, _) => Exit::Done,
            // The URL is the credential.
            Self::Status(401 | 403 | 404 | 407 | 410, _) => Exit::Credentials,
            _ if self.is_worth_another() => Exit::Unreachable,
            _ => Exit::Prerequisite,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code @ 300..=399, _) => {
                write!(f, "it answered {code}: redirects are not followed")
            }
            Self::Status(code, _) => write!(f, "it answered {code}"),
            Self::Timeout => write!(f, "no answer in {} s", TIMEOUT.as_secs()),
            Self::Unreachable => f.write_str("the host cannot be reached"),
            Self::NotTrusted => f.write_str("its certificate is not trusted, or it speaks no TLS"),
            Self::NotUnderstood => f.write_str("what answers speaks no HTTP"),
        }
    }
}

/// Where messages go.
pub(crate) struct Webhook {
    url: Zeroizing<String>,
    agent: Agent,
}

impl Webhook {
    /// None if it is no http or https URL. Proxies of the environment (`HTTPS_PROXY`, `NO_PROXY` and
    /// the like) are used.
    pub(crate) fn new(url: Zeroizing<String>) -> Option<Self> {
        Self::with(url, Proxy::try_from_env(), TIMEOUT)
    }

    /// With this proxy and this time for an attempt.
    pub(crate) fn with(
        url: Zeroizing<String>,
        proxy: Option<Proxy>,
        timeout: Duration,
    ) -> Option<Self> {
        let parsed: ureq::http::Uri = url.parse().ok()?;
        parsed.host().filter(|host| !host.is_empty())?;
        let is_https = match parsed.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return None,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout))
            .max_idle_connections(0)
            .user_agent(concat!("redistrict/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(is_https))
            .proxy(proxy);
        Some(Self {
            url,
            agent: config.build().new_agent(),
        })
    }

    /// One attempt.
    pub(crate) fn send(&self, body: &Value) -> Answer {
        let request = self
            .agent
            .post(self.url.as_str())
            .header("Content-Type", "application/json");
        match request.send(body.to_string()) {
            Ok(answer) => {
                let wait = answer.headers().get("Retry-After");
                let wait = wait.and_then(|text| text.to_str().ok()?.trim().parse().ok());
                Answer::Status(answer.status().as_u16(), wait.map(Duration::from_secs))
            }
            Err(error) => answer_of(&error),
        }
    }
}

/// The machine's own certificates, on the one provider of this program.
fn tls(is_https: bool) -> TlsConfig {
    let certificates = match is_https {
        true => rustls_native_certs::load_native_certs().certs,
        false => Vec::new(),
    };
    let roots = certificates
        .iter()
        .map(|one| Certificate::from_der(one.as_ref()).to_owned());
    TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::from(roots))
        .build()
}

/// An error's own text may quote the URL: only its kind is kept.
fn answer_of(error: &ureq::Error) -> Answer {
    match error {
        ureq::Error::Timeout(_) => Answer::Timeout,
        ureq::Error::StatusCode(code) => Answer::Status(*code, None),
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => Answer::NotTrusted,
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => Answer::Timeout,
            std::io::ErrorKind::InvalidData => Answer::NotTrusted,
            _ => Answer::Unreachable,
        },
        ureq::Error::Http(_) | ureq::Error::Protocol(_) => Answer::NotUnderstood,
        _ => Answer::Unreachable,
    }
}
