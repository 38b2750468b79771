//! Connection URLs: what they say about the server, the login and trust. Pure: connects to nobody, and
//! no part of a URL gets into an error.

use std::net::{IpAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use redistrict_store::{Secret, StoreError, StoreErrorKind};

/// The port of Bolt where the URL names none.
const PORT: u16 = 7687;

/// Where to connect, as whom, and how to trust.
#[derive(Debug)]
pub(crate) struct Address {
    /// Without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<Login>,
    /// None is the user's home database.
    pub(crate) database: Option<String>,
    pub(crate) tls: Tls,
    /// `neo4j://`: the server says which member of a cluster answers what.
    pub(crate) is_routed: bool,
}

/// User and password.
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Secret,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login")
    }
}

/// How the connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Loopback only.
    Off,
    /// Certificate chain and host name are verified.
    Verified { root_certificates: Option<PathBuf> },
    /// Encrypted, with whatever certificate the server shows: `+ssc`, asked for by name.
    AnyCertificate,
}

impl Address {
    /// Host and port, for errors. Where no machine is known by that name it is not told: what stands there
    /// may be a password that was written in the wrong place. Asks the machine's resolver.
    pub(crate) fn place(&self) -> String {
        let is_known = (self.host.as_str(), self.port).to_socket_addrs().is_ok();
        match is_known {
            true => format!("{}:{}", self.host, self.port),
            false => {
                "the host of the connection URL, which is not known to this machine".to_owned()
            }
        }
    }
}

/// Reads `SCHEME://user:password@host:port/database?sslrootcert=FILE` with the schemes `bolt`,
/// `bolt+s`, `bolt+ssc`, `neo4j`, `neo4j+s` and `neo4j+ssc`. User, password, database and file are
/// percent-decoded. Schemes without TLS are refused for other machines.
pub(crate) fn parse(text: &Secret) -> Result<Address, StoreError> {
    let (scheme, rest) = text.expose().split_once("://").ok_or_else(unreadable)?;
    let (is_routed, protection) = match scheme {
        "bolt" => (false, ""),
        "neo4j" => (true, ""),
        _ => match scheme.split_once('+') {
            Some(("bolt", protection @ ("s" | "ssc"))) => (false, protection),
            Some(("neo4j", protection @ ("s" | "ssc"))) => (true, protection),
            _ => return Err(unreadable()),
        },
    };
    if rest.contains('#') {
        return Err(unreadable());
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, place) = match authority.rsplit_once('@') {
        Some((login, place)) => (Some(read_login(login)?), place),
        None => (None, authority),
    };
    let (host, port) = read_place(place)?;
    let database = decoded(path)?;
    let tls = decide(protection, is_local(&host), root_certificates(query)?)?;
    Ok(Address {
        host,
        port,
        login,
        database: (!database.is_empty()).then_some(database),
        tls,
        is_routed,
    })
}

fn unreadable() -> StoreError {
    StoreError::new(StoreErrorKind::Config, "read the connection URL").with_hint(
        "expected bolt+s://user:password@host:port/database, or bolt, bolt+ssc, neo4j, neo4j+s, \
         neo4j+ssc; odd characters of user, password and database are percent-encoded",
    )
}

fn read_login(text: &str) -> Result<Login, StoreError> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Ok(Login {
        user: decoded(user)?,
        password: Secret::new(decoded(password)?),
    })
}

fn read_place(text: &str) -> Result<(String, u16), StoreError> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']').ok_or_else(unreadable)?;
            host.parse::<IpAddr>().map_err(|_| unreadable())?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or_else(unreadable)?),
            };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        let what = "find a host in the connection URL";
        return Err(StoreError::new(StoreErrorKind::Config, what));
    }
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if !host.chars().all(is_plain) {
        return Err(unreadable());
    }
    let port = match port {
        None => PORT,
        Some(digits) => digits.parse().map_err(|_| unreadable())?,
    };
    Ok((host.to_owned(), port))
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `sslrootcert` is the one parameter; `system` means the machine's roots.
fn root_certificates(query: &str) -> Result<Option<PathBuf>, StoreError> {
    let mut file = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslrootcert", "system")) => file = None,
            Some(("sslrootcert", value)) => file = Some(PathBuf::from(decoded(value)?)),
            _ => {
                let what = "understand a parameter of the connection URL";
                return Err(StoreError::new(StoreErrorKind::Config, what)
                    .with_hint("the one parameter is `sslrootcert=FILE`"));
            }
        }
    }
    Ok(file)
}

fn decide(
    protection: &str,
    is_local: bool,
    root_certificates: Option<PathBuf>,
) -> Result<Tls, StoreError> {
    match protection {
        "s" => Ok(Tls::Verified { root_certificates }),
        _ if root_certificates.is_some() => {
            let what = "use `sslrootcert` with a scheme that verifies no certificate";
            Err(StoreError::new(StoreErrorKind::Config, what)
                .with_hint("take bolt+s:// or neo4j+s://"))
        }
        "ssc" => Ok(Tls::AnyCertificate),
        _ if is_local => Ok(Tls::Off),
        _ => {
            let what = "accept a plaintext connection to another machine";
            Err(StoreError::new(StoreErrorKind::Config, what).with_hint(
                "take bolt+s:// or neo4j+s://; name a private authority or a self-signed \
                 certificate by `?sslrootcert=FILE`",
            ))
        }
    }
}

fn decoded(text: &str) -> Result<String, StoreError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (pair, after) = after.split_at_checked(2).ok_or_else(unreadable)?;
        let pair = std::str::from_utf8(pair).map_err(|_| unreadable())?;
        bytes.push(u8::from_str_radix(pair, 16).map_err(|_| unreadable())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address, StoreError> {
        parse(&Secret::new(url.to_owned()))
    }

    #[test]
    fn every_scheme_says_how_to_route_and_whom_to_trust() {
        let verified = Tls::Verified {
            root_certificates: None,
        };
        for (url, is_routed, tls) in [
            ("bolt://localhost", false, Tls::Off),
            ("neo4j://127.0.0.1", true, Tls::Off),
            ("bolt+s://db.example", false, verified.clone()),
            ("neo4j+s://db.example", true, verified),
            ("bolt+ssc://db.example", false, Tls::AnyCertificate),
            ("neo4j+ssc://db.example", true, Tls::AnyCertificate),
        ] {
            let address = read(url).unwrap();
            assert_eq!((address.is_routed, address.tls), (is_routed, tls), "{url}");
            assert_eq!(address.port, 7687);
            assert!(address.login.is_none() && address.database.is_none());
        }
    }

    #[test]
    fn plaintext_to_another_machine_is_refused() {
        for url in [
            "bolt://db.example",
            "neo4j://10.0.0.1:7687/neo4j",
            "bolt://localhost.evil.example",
            "bolt://u:p@[2001:db8::1]:1",
        ] {
            assert_eq!(read(url).unwrap_err().kind, StoreErrorKind::Config, "{url}");
        }
    }

    #[test]
    fn a_host_that_nobody_knows_is_not_told() {
        let place = |url| read(url).unwrap().place();
        assert_eq!(place("bolt://u:p@127.0.0.1:7"), "127.0.0.1:7");
        assert_eq!(place("bolt://u:p@[::1]:7"), "::1:7");
        let unknown = place("bolt+s://u:p@s3cret.invalid:7");
        assert!(!unknown.contains("s3cret"), "{unknown}");
    }

    #[test]
    fn login_database_and_file_are_percent_decoded() {
        let url =
            "bolt+s://a%40b:p%3A%2F%3F%23%25@x%@db.example:1234/my%20db?sslrootcert=/a%20b.pem";
        assert!(read(url).is_err(), "a lone percent sign");
        let url =
            "bolt+s://a%40b:p%3A%2F%3F%23%25@x@db.example:1234/my%20db?sslrootcert=/a%20b.pem";
        let address = read(url).unwrap();
        let login = address.login.as_ref().unwrap();
        assert_eq!(login.user, "a@b");
        assert_eq!(login.password.expose(), "p:/?#%@x");
        assert_eq!((address.host.as_str(), address.port), ("db.example", 1234));
        assert_eq!(address.database.as_deref(), Some("my db"));
        let root_certificates = Some("/a b.pem".into());
        assert_eq!(address.tls, Tls::Verified { root_certificates });
        let address = read("bolt://u@[::1]:7/").unwrap();
        assert_eq!((address.host.as_str(), address.port), ("::1", 7));
        assert_eq!(address.database, None);
    }

    #[test]
    fn errors_and_debug_quote_nothing_of_a_url() {
        for url in [
            "canary",
            "canary://u:p@localhost",
            "bolt+canary://localhost",
            "bolt://u:canary@localhost:canary",
            "bolt://u:canary@",
            "bolt://u:canary@localhost?canary=1",
            "bolt://u:canary@localhost/%zz",
            "bolt://u:canary#@localhost",
            "bolt://u:canary/@db.example",
            "bolt://u:canary@db.example",
            "bolt://localhost?sslrootcert=canary",
        ] {
            let error = read(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{url}");
        }
        let address = read("bolt://u:canary@localhost").unwrap();
        assert!(!format!("{address:?}").contains("canary"));
    }
}
