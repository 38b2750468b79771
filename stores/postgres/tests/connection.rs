//! Connecting: what refuses, and with which kind of error.

use redistrict_model::StoreName;
use redistrict_postgres::{PostgresSource, PostgresTarget};
use redistrict_store::{SourceStore as _, StoreError, StoreErrorKind};
use redistrict_testkit::postgres::{RoleKind, TestServer};

fn source(url: String) -> PostgresSource {
    PostgresSource::connect_lazy(StoreName::new("ids"), url, Vec::new())
}

async fn refused(url: String) -> StoreError {
    source(url).probe().await.unwrap_err()
}

#[tokio::test]
async fn wrong_password_unknown_database_and_dead_host_are_told_apart() {
    let server = TestServer::start();
    let url = server.create_database().await;
    let reader = server.create_role(&url, RoleKind::Reader).await;
    let (login, rest) = reader.split_once('@').unwrap();
    let (user, password) = login.rsplit_once(':').unwrap();
    let wrong = refused(format!("{user}:canary-password@{rest}")).await;
    assert_eq!(wrong.kind, StoreErrorKind::Auth);
    assert!(!format!("{wrong:?}").contains("canary"), "{wrong:?}");
    assert_eq!(
        refused(format!("{user}@{rest}")).await.kind,
        StoreErrorKind::Auth
    );
    let (host, _) = rest.split_once('/').unwrap();
    let unknown = refused(format!("{user}:{password}@{host}/no_such_database")).await;
    assert_eq!(unknown.kind, StoreErrorKind::Config, "{unknown:?}");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let dead = refused(format!("postgres://u:p@127.0.0.1:{port}/x")).await;
    assert_eq!(dead.kind, StoreErrorKind::Unreachable);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let server = TestServer::start();
    let url = server.create_database().await;
    for mode in ["prefer", "require", "verify-full"] {
        let error = refused(format!("{url}?sslmode={mode}")).await;
        assert_eq!(error.kind, StoreErrorKind::Config, "{error:?}");
        assert!(error.what.contains("TLS"), "{error:?}");
    }
}

#[tokio::test]
async fn a_unix_socket_works_by_keyword_string() {
    let server = TestServer::start();
    let Some(directory) = server.socket_directory() else {
        return;
    };
    let port = server
        .url()
        .rsplit_once(':')
        .unwrap()
        .1
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let text = format!(
        "host='{}' port={port} user=postgres dbname=postgres",
        directory.display()
    );
    assert!(source(text).probe().await.is_ok());
}

#[tokio::test]
async fn debug_shows_no_password() {
    let url = "postgres://u:canary@127.0.0.1/x";
    let target = PostgresTarget::new(StoreName::new("ids"), url.into(), Vec::new());
    let shown = format!("{:?} {target:?}", source(url.into()));
    assert!(!shown.contains("canary"), "{shown}");
}

#[tokio::test]
async fn probing_names_every_right_beyond_reading() {
    let server = TestServer::start();
    let url = server.create_database().await;
    server
        .psql(
            &url,
            "create table t (id int4); revoke create on schema public from public",
        )
        .await;
    let codes = async |url: String| -> Vec<String> {
        let probe = source(url).probe().await.unwrap();
        probe
            .findings
            .into_iter()
            .map(|finding| finding.code)
            .collect()
    };
    let plain = server.create_role(&url, RoleKind::Plain).await;
    server.psql(&url, "grant select on t to public").await;
    assert_eq!(codes(plain).await, [""; 0]);
    let reader = server.create_role(&url, RoleKind::Reader).await;
    assert_eq!(codes(reader).await, [""; 0]);
    server.psql(&url, "grant delete on t to public").await;
    let writer = server.create_role(&url, RoleKind::Plain).await;
    assert_eq!(codes(writer).await, ["source-role-writes"]);
    assert_eq!(codes(url).await, ["source-role-superuser"]);
}

#[tokio::test]
async fn fingerprints_tell_databases_apart_and_stay() {
    let server = TestServer::start();
    let (one, other) = (
        server.create_database().await,
        server.create_database().await,
    );
    let fingerprint = async |url: &str| source(url.to_owned()).probe().await.unwrap().fingerprint;
    let first = fingerprint(&one).await;
    assert_eq!(first, fingerprint(&one).await);
    assert_ne!(first, fingerprint(&other).await);
}

/// Makes the server offer TLS with a certificate of its own for `localhost`.
async fn offer_tls(server: &TestServer) -> String {
    let sql = "copy (select 1) to program 'cat > /dev/null; openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
               -subj /CN=localhost -addext subjectAltName=DNS:localhost \
               -addext basicConstraints=critical,CA:FALSE -keyout server.key -out server.crt \
               2> /dev/null && chmod 600 server.key'";
    server.psql(server.url(), sql).await;
    for sql in ["alter system set ssl = on", "select pg_reload_conf()"] {
        server.psql(server.url(), sql).await;
    }
    let mut looks = 0..1000;
    while server.scalar(server.url(), "show ssl").await != "on" {
        assert!(looks.next().is_some(), "the server did not turn TLS on");
    }
    server
        .scalar(
            server.url(),
            "select current_setting('data_directory') || '/server.crt'",
        )
        .await
}

#[tokio::test]
async fn a_certificate_counts_only_for_its_name_and_from_a_known_authority() {
    let server = TestServer::launch_private().unwrap();
    let certificate = offer_tls(&server).await;
    let readable = tempfile::NamedTempFile::new().unwrap();
    let text = format!("select pg_read_file('{certificate}')");
    let pem = server.scalar(server.url(), &text).await;
    std::io::Write::write_all(&mut readable.as_file(), pem.as_bytes()).unwrap();
    let roots = format!("sslrootcert={}", readable.path().display());
    let by_name = server.url().replace("127.0.0.1", "localhost");
    let verified = source(format!("{by_name}?{roots}"));
    assert!(
        verified.probe().await.is_ok(),
        "{:?}",
        verified.probe().await
    );
    for (url, roots) in [
        (server.url(), roots.as_str()),
        (by_name.as_str(), "sslmode=verify-full"),
    ] {
        let error = refused(format!("{url}?{roots}")).await;
        assert_eq!(error.kind, StoreErrorKind::Config, "{error:?}");
        assert!(error.what.contains("TLS"), "{error:?}");
    }
}
