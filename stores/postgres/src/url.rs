//! Connection URLs and keyword strings: what they say about the server and about trust. Pure, apart
//! from nothing: connects to nobody, and no part of a URL gets into an error.

use std::net::IpAddr;
use std::path::PathBuf;

use redistrict_store::{Secret, StoreError, StoreErrorKind};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// Where to connect, and how to trust.
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Unix sockets and loopback only.
    Off,
    /// Certificate chain and host name are verified.
    VerifyFull { root_certificates: Option<PathBuf> },
}

/// The parameters that the driver does not know in our meaning.
#[derive(Debug, Default)]
struct Own {
    ssl_mode: Option<String>,
    root_certificates: Option<PathBuf>,
}

/// Reads `postgres://…` or `host=… dbname=…`.
///
/// `sslmode`: absent means verified TLS, but plaintext on unix sockets and loopback; `disable` is
/// refused elsewhere; every other mode means verified TLS.
pub(crate) fn parse(text: &Secret) -> Result<Address, StoreError> {
    let text = text.expose();
    let is_url = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let (rest, own) = if is_url {
        refuse_odd_login(text)?;
        split_url(text)
    } else {
        split_keywords(text)?
    };
    let config: Config = rest.parse().map_err(|_| unreadable())?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(StoreError::new(
            StoreErrorKind::Config,
            "find a host in the connection URL",
        ));
    }
    let tls = decide(is_local(&config), own)?;
    Ok(Address { config, tls })
}

fn unreadable() -> StoreError {
    StoreError::new(StoreErrorKind::Config, "read the connection URL")
        .with_hint("expected postgres://user:password@host:port/database or key=value pairs")
}

/// The driver takes what follows the first `@` for the host: the rest of a password would be looked up, and
/// told, as the name of a machine.
fn refuse_odd_login(text: &str) -> Result<(), StoreError> {
    let host = text.split_once('@').map_or("", |(_, rest)| rest);
    let end = host.find(['/', '?']).unwrap_or(host.len());
    match host[..end].contains('@') {
        false => Ok(()),
        true => Err(unreadable().with_hint(
            "odd characters of user and password are percent-encoded: @ is %40, / is %2F, # is %23",
        )),
    }
}

fn decide(is_local: bool, own: Own) -> Result<Tls, StoreError> {
    match own.ssl_mode.as_deref() {
        None if is_local && own.root_certificates.is_none() => Ok(Tls::Off),
        Some("disable") if is_local => Ok(Tls::Off),
        Some("disable") => {
            let what = "accept a plaintext connection to another machine";
            Err(StoreError::new(StoreErrorKind::Config, what)
                .with_hint("leave `sslmode` out: TLS is verified by default"))
        }
        None | Some("allow" | "prefer" | "require" | "verify-ca" | "verify-full") => {
            Ok(Tls::VerifyFull {
                root_certificates: own.root_certificates,
            })
        }
        Some(_) => Err(StoreError::new(
            StoreErrorKind::Config,
            "understand `sslmode`",
        )),
    }
}

/// Every named host is a socket or loopback, and so is every address.
fn is_local(config: &Config) -> bool {
    let is_local_host = |host: &Host| match host {
        Host::Tcp(name) => {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            bare == "localhost"
                || bare
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(is_local_host)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Takes our parameters out of a URL's query.
fn split_url(text: &str) -> (String, Own) {
    let after_login = text.find('@').unwrap_or_default();
    let Some(mark) = text[after_login..].find('?').map(|at| at + after_login) else {
        return (text.to_owned(), Own::default());
    };
    let mut own = Own::default();
    let kept: Vec<&str> = text[mark + 1..]
        .split('&')
        .filter(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            !own.take(name, percent_decoded(value))
        })
        .collect();
    let query = if kept.is_empty() {
        String::new()
    } else {
        format!("?{}", kept.join("&"))
    };
    (format!("{}{query}", &text[..mark]), own)
}

/// Takes our parameters out of a keyword string, by libpq's quoting rules.
fn split_keywords(text: &str) -> Result<(String, Own), StoreError> {
    let mut own = Own::default();
    let mut kept = String::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or_else(unreadable)?;
        let (value, after) = keyword_value(after.trim_start()).ok_or_else(unreadable)?;
        let name = name.trim();
        if !own.take(name, value.clone()) {
            let escaped = value.replace('\\', "\\\\").replace('\'', "\\'");
            kept.push_str(&format_pair(name, &escaped));
        }
        rest = after.trim_start();
    }
    Ok((kept, own))
}

fn format_pair(name: &str, escaped: &str) -> String {
    format!("{name}='{escaped}' ")
}

/// One value, quoted or bare, and what follows it.
fn keyword_value(text: &str) -> Option<(String, &str)> {
    let (is_quoted, body) = match text.strip_prefix('\'') {
        Some(body) => (true, body),
        None => (false, text),
    };
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' if is_quoted => return Some((value, &body[at + 1..])),
            c if !is_quoted && c.is_whitespace() => return Some((value, &body[at..])),
            c => value.push(c),
        }
    }
    (!is_quoted).then_some((value, ""))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match (
            first,
            pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()),
        ) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Own {
    /// Takes the parameter if it is one of ours.
    fn take(&mut self, name: &str, value: String) -> bool {
        match name {
            "sslmode" => self.ssl_mode = Some(value),
            "sslrootcert" if value == "system" => self.root_certificates = None,
            "sslrootcert" => self.root_certificates = Some(PathBuf::from(value)),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(url: &str) -> Result<Tls, StoreError> {
        parse(&Secret::new(url.to_owned())).map(|address| address.tls)
    }

    const VERIFIED: Tls = Tls::VerifyFull {
        root_certificates: None,
    };

    #[test]
    fn the_rest_of_a_password_is_not_taken_for_a_host() {
        for url in [
            "postgres://u:p@s3cret@db.example/x",
            "postgres://u:p/q@s3cret@db.example/x",
            "postgresql://u:p@s3cret@127.0.0.1:5432/x?sslmode=disable",
        ] {
            let error = parse(&Secret::new(url.to_owned())).err().unwrap();
            assert_eq!(error.kind, StoreErrorKind::Config);
            let hint = error.hint.clone().unwrap_or_default();
            assert!(hint.contains("%40"), "{hint}");
            assert!(!format!("{error:?}").contains("s3cret"));
        }
        for url in [
            "postgres://u:p%40q@127.0.0.1/x",
            "postgres://127.0.0.1/x?user=a@b",
        ] {
            assert!(parse(&Secret::new(url.to_owned())).is_ok(), "{url}");
        }
    }

    #[test]
    fn plaintext_to_another_machine_is_refused_and_tls_is_the_default() {
        for url in [
            "postgres://u:p@db.example/x",
            "postgres://u:p@10.0.0.1/x",
            "postgres://u:p@db.example/x?sslmode=prefer",
            "postgres://u:p@db.example/x?sslmode=require&connect_timeout=3",
            "host=db.example user=u dbname=x",
            "host=db.example sslmode=verify-full user=u",
            "postgres://u:p@localhost,db.example/x",
            "host=localhost hostaddr=10.0.0.1 user=u",
            "postgres://u:p@localhost.evil.example/x",
            "postgres://u:p@localhost/x?sslmode=verify-full",
        ] {
            assert_eq!(tls(url).unwrap(), VERIFIED, "{url}");
        }
        for url in [
            "postgres://u:p@db.example/x?sslmode=disable",
            "host=db.example sslmode='disable' user=u",
            "postgres://u:p@localhost,db.example/x?sslmode=disable",
            "postgres://u:p@db.example/x?sslmode=none",
        ] {
            assert_eq!(tls(url).unwrap_err().kind, StoreErrorKind::Config, "{url}");
        }
    }

    #[test]
    fn sockets_and_loopback_need_no_tls() {
        for url in [
            "postgres://u:p@127.0.0.1:5432/x",
            "postgres://u:p@[::1]:5432/x",
            "postgres://u@%2Fvar%2Frun/x",
            "host=/tmp user=u",
            "postgres://u:p@localhost/x?sslmode=disable",
        ] {
            assert_eq!(tls(url).unwrap(), Tls::Off, "{url}");
        }
    }

    #[test]
    fn a_root_certificate_file_is_taken_from_both_forms() {
        let expected = Tls::VerifyFull {
            root_certificates: Some("/a b/ca.pem".into()),
        };
        for url in [
            "postgres://u:p@db.example/x?sslrootcert=/a%20b/ca.pem&sslmode=verify-full",
            "host=db.example sslrootcert='/a b/ca.pem'",
        ] {
            assert_eq!(tls(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn passwords_with_odd_characters_survive_the_keyword_form() {
        let text = r"host=db.example user=u password='a \'b\' \\c =?&' sslmode=require";
        let address = parse(&Secret::new(text.to_owned())).unwrap();
        assert_eq!(
            address.config.get_password(),
            Some(br"a 'b' \c =?&".as_slice())
        );
    }

    #[test]
    fn errors_about_urls_quote_nothing_of_them() {
        for url in [
            "postgres://u:canary@db.example:port/x",
            "postgres://u:canary@db.example/x?canary=1",
            "canary",
            "host='canary",
            "host=x canary=canary",
            "postgres://u:canary@db.example/x?sslmode=canary",
        ] {
            let Err(error) = parse(&Secret::new(url.to_owned())) else {
                panic!("{url}")
            };
            assert!(!format!("{error} {error:?}").contains("canary"), "{url}");
        }
    }
}
