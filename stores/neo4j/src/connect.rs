//! Connections: whom to trust and how long to wait. Must not print or keep a password, and must not fall
//! back to plaintext.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use neo4j::driver::auth::AuthToken;
use neo4j::driver::notification::NotificationFilter;
use neo4j::driver::{ConnectionConfig, Driver, DriverConfig, KeepAliveConfig};
use redistrict_store::{StoreError, StoreErrorKind};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::bug;
use crate::url::{Address, Tls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first packet to the login.
const SESSION_TIMEOUT: Duration = Duration::from_secs(30);

/// A driver for one session: one connection, made when it is first asked for something. Nothing is
/// retried.
pub(crate) fn driver(address: &Address) -> Result<Driver, StoreError> {
    driver_with(address, Routing::AsAddressed)
}

/// The same without asking the server who else there is: a driver that routes tells of a failure only
/// that no router is left.
pub(crate) fn direct_driver(address: &Address) -> Result<Driver, StoreError> {
    driver_with(address, Routing::Off)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Routing {
    AsAddressed,
    Off,
}

fn driver_with(address: &Address, routing: Routing) -> Result<Driver, StoreError> {
    let place = (address.host.clone(), address.port).into();
    let is_routed = address.is_routed && routing == Routing::AsAddressed;
    let connection = ConnectionConfig::new(place).with_routing(is_routed);
    let connection = match &address.tls {
        Tls::Off => connection.with_encryption_disabled(),
        Tls::Verified { root_certificates } => {
            let config = verified(root_certificates.as_deref())?;
            connection.with_encryption_custom_tls_config(config)
        }
        Tls::AnyCertificate => connection.with_encryption_custom_tls_config(any_certificate()?),
    };
    let auth = match &address.login {
        Some(login) => AuthToken::new_basic_auth(&login.user, login.password.expose()),
        None => AuthToken::new_none_auth(),
    };
    let settings = DriverConfig::new()
        .with_user_agent(concat!("redistrict/", env!("CARGO_PKG_VERSION")).to_owned())
        .with_auth(Arc::new(auth))
        .with_max_connection_pool_size(1)
        .without_max_connection_lifetime()
        .with_connection_timeout(CONNECT_TIMEOUT)
        .with_connection_acquisition_timeout(SESSION_TIMEOUT)
        .with_notification_filter(NotificationFilter::new_disable_all())
        .with_keep_alive(KeepAliveConfig::CustomTime(Duration::from_secs(30)))
        .with_telemetry(false);
    Ok(Driver::new(connection, settings))
}

/// The one provider; never the process's default, which nobody may have set.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificate's chain and host name are verified; the machine's roots unless a file is named.
fn verified(root_certificates: Option<&Path>) -> Result<ClientConfig, StoreError> {
    let roots = match root_certificates {
        Some(path) => roots_of(path)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots
        }
    };
    if roots.is_empty() {
        let error = StoreError::new(StoreErrorKind::Config, "find any root certificate for TLS");
        return Err(error.with_hint("install ca-certificates, or name a file: `sslrootcert=…`"));
    }
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| bug("set up TLS"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn roots_of(path: &Path) -> Result<RootCertStore, StoreError> {
    let unreadable = || {
        // A part of the URL: what stands there may be meant for another part.
        let what = "read root certificates from the file that the connection URL names";
        StoreError::new(StoreErrorKind::Config, what)
            .with_hint("`sslrootcert=FILE` names a file of PEM certificates that can be read")
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
        let certificate = certificate.map_err(|_| unreadable())?;
        roots.add(certificate).map_err(|_| unreadable())?;
    }
    Ok(roots)
}

fn any_certificate() -> Result<ClientConfig, StoreError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| bug("set up TLS"))?;
    let verifier = Arc::new(AnyCertificate(provider()));
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Believes every certificate, but the server must hold its private key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
