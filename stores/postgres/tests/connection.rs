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
    let superuser = codes(url).await;
    for code in [
        "source-role-superuser",
        "source-role-owner",
        "source-role-member",
    ] {
        assert!(
            superuser.iter().any(|one| one == code),
            "{code} in {superuser:?}"
        );
    }
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
