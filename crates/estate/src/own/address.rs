//! URLs of servers: whether they are of this machine, and the URL of a database beside the one that is
//! named. Pure; no part of a URL gets into an error.

use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::OneServer;
use crate::error::EstateError;
use crate::neo4j::Place;

/// A URL of PostgreSQL on this machine, whose database can be replaced.
pub(super) fn check_postgres(url: &str) -> Result<(), EstateError> {
    let server = OneServer::Postgres;
    let is_url = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    let other = "redistrict_demo";
    let config = with_database(url, other).parse::<Config>();
    // A parameter could name the database once more, and would win.
    let config = config
        .ok()
        .filter(|config| is_url && config.get_dbname() == Some(other))
        .ok_or(EstateError::ServerUrl(server))?;
    let is_local_host = |host: &Host| match host {
        Host::Tcp(name) => is_local(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    let has_host = !config.get_hosts().is_empty() || !config.get_hostaddrs().is_empty();
    let is_here = config.get_hosts().iter().all(is_local_host)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    match (has_host, is_here) {
        (false, _) => Err(EstateError::ServerUrl(server)),
        (true, false) => Err(EstateError::NotLocal(server)),
        (true, true) => Ok(()),
    }
}

/// A URL of Bolt without TLS on this machine.
pub(super) fn check_graph(url: &str, server: OneServer) -> Result<(), EstateError> {
    let place = Place::parse(url).ok_or(EstateError::ServerUrl(server))?;
    let host = ["bolt://", "neo4j://"]
        .iter()
        .find_map(|scheme| place.server.strip_prefix(scheme))
        .ok_or(EstateError::ServerUrl(server))?;
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => host,
        _ => host,
    };
    if is_local(host) {
        Ok(())
    } else {
        Err(EstateError::NotLocal(server))
    }
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The URL with another database.
pub(super) fn with_database(url: &str, name: &str) -> String {
    let scheme = url.find("://").map_or(0, |at| at + 3);
    let login = url[scheme..].find('@').map_or(scheme, |at| scheme + at + 1);
    let ends = |mark: &[char]| url[login..].find(mark).map(|at| login + at);
    let server = &url[..ends(&['/', '?']).unwrap_or(url.len())];
    let query = ends(&['?']).map_or("", |at| &url[at..]);
    format!("{server}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_replaced_and_the_rest_stays() {
        for (url, expected) in [
            ("postgres://u:p@h:1/postgres", "postgres://u:p@h:1/x"),
            ("postgres://u:p@h:1", "postgres://u:p@h:1/x"),
            ("postgres://u:p@h/", "postgres://u:p@h/x"),
            ("postgres://h/d?a=b/c", "postgres://h/x?a=b/c"),
            ("postgres://u@?host=/tmp", "postgres://u@/x?host=/tmp"),
        ] {
            assert_eq!(with_database(url, "x"), expected);
        }
    }

    #[test]
    fn a_url_that_would_lead_elsewhere_is_refused() {
        for url in [
            "postgres://u:p@127.0.0.1:1/postgres",
            "postgresql://u@localhost",
            "postgres://u:p@[::1]:1/d",
            "postgres://u@/d?host=/tmp",
        ] {
            assert!(check_postgres(url).is_ok(), "{url}");
        }
        for url in [
            "postgres://u:p@127.0.0.1/d?dbname=precious",
            "postgres://u:p@127.0.0.1/d?%64bname=precious",
            "postgres://",
            "host=127.0.0.1 dbname=d",
            "bolt://u:p@127.0.0.1",
        ] {
            let refused = check_postgres(url);
            assert!(matches!(refused, Err(EstateError::ServerUrl(_))), "{url}");
        }
        for url in [
            "postgres://u:p@db.example/d",
            "postgres://u:p@127.0.0.1,db.example/d",
            "postgres://u:p@localhost/d?hostaddr=10.0.0.1",
        ] {
            let refused = check_postgres(url);
            assert!(matches!(refused, Err(EstateError::NotLocal(_))), "{url}");
        }
    }

    #[test]
    fn a_graph_is_spoken_to_on_this_machine_only() {
        let check = |url| check_graph(url, OneServer::Graph(crate::StoreSide::Cert));
        for url in [
            "bolt://u:p@127.0.0.1:7687",
            "neo4j://localhost/db",
            "bolt://[::1]:1",
        ] {
            assert!(check(url).is_ok(), "{url}");
        }
        for url in [
            "bolt+s://localhost",
            "localhost:7687",
            "postgres://localhost",
        ] {
            assert!(
                matches!(check(url), Err(EstateError::ServerUrl(_))),
                "{url}"
            );
        }
        for url in ["bolt://u:p@db.example:7687", "bolt://localhost.db.example"] {
            assert!(matches!(check(url), Err(EstateError::NotLocal(_))), "{url}");
        }
    }
}
