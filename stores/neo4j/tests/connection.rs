//! Connecting: what refuses, with which kind of error, and whom TLS trusts. Nothing hangs.

use redistrict_neo4j::Neo4jTarget;
use redistrict_store::{StoreError, StoreErrorKind, TargetStore as _};
use redistrict_testkit::neo4j::{Neo4jPair, Neo4jServer};

use crate::world::store;

async fn connect(url: String) -> Result<(), StoreError> {
    let target = Neo4jTarget::new(store(), url, Vec::new());
    target.fingerprint(&store()).await.map(drop)
}

async fn refused(url: String) -> StoreError {
    connect(url).await.unwrap_err()
}

#[tokio::test]
async fn wrong_password_unknown_database_and_dead_host_are_told_apart() {
    let pair = Neo4jPair::take().await;
    let url = pair.cert.url();
    let (_, place) = url.rsplit_once('@').unwrap();
    let wrong = refused(format!("bolt://neo4j:canary-password@{place}")).await;
    assert_eq!(wrong.kind, StoreErrorKind::Auth, "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("canary"), "{wrong:?}");
    let nobody = refused(format!("bolt://{place}")).await;
    assert_eq!(nobody.kind, StoreErrorKind::Auth, "{nobody:?}");
    let unknown = refused(format!("{}/nosuchdatabase", url.trim_end_matches('/'))).await;
    assert_eq!(unknown.kind, StoreErrorKind::Config, "{unknown:?}");
    assert!(
        connect(format!("{}/neo4j", url.trim_end_matches('/')))
            .await
            .is_ok()
    );
    assert!(connect(url.replace("bolt://", "neo4j://")).await.is_ok());
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let dead = refused(format!("bolt://u:p@127.0.0.1:{port}")).await;
    assert_eq!(dead.kind, StoreErrorKind::Unreachable, "{dead:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let pair = Neo4jPair::take().await;
    for scheme in ["bolt+s://", "neo4j+s://", "bolt+ssc://"] {
        let error = refused(pair.cert.url().replace("bolt://", scheme)).await;
        assert_eq!(error.kind, StoreErrorKind::Config, "{error:?}");
        assert!(error.what.contains("TLS"), "{error:?}");
    }
}

#[tokio::test]
async fn a_certificate_has_to_be_trusted_by_file_or_by_name() {
    let server = Neo4jServer::launch_with_tls("").expect("a server");
    let url = |scheme: &str, parameters: &str| {
        format!("{}{parameters}", server.url().replace("bolt://", scheme))
    };
    let certificate = server.directory().join("certificates/bolt/public.crt");
    let trusted = format!("?sslrootcert={}", certificate.display());
    for scheme in ["bolt+s://", "neo4j+s://"] {
        let error = refused(url(scheme, "")).await;
        assert_eq!(error.kind, StoreErrorKind::Config, "{error:?}");
        assert!(error.what.contains("TLS"), "{error:?}");
    }
    assert!(connect(url("bolt+s://", &trusted)).await.is_ok());
    assert!(connect(url("bolt+ssc://", "")).await.is_ok());
    let missing = refused(url("bolt+s://", "?sslrootcert=/no/such/file")).await;
    assert_eq!(missing.kind, StoreErrorKind::Config, "{missing:?}");
}

#[tokio::test]
async fn debug_shows_no_password() {
    let url = "bolt://u:canary@127.0.0.1:1";
    let target = Neo4jTarget::new(store(), url.to_owned(), Vec::new());
    assert!(!format!("{target:?}").contains("canary"));
}
