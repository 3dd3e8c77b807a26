//! A certificate for a broker on this machine, and clients that trust it.

use std::{fs, path::Path, process::Command, sync::Arc};

use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, crypto::aws_lc_rs::default_provider, pki_types::CertificateDer,
    },
};

/// Makes `cert.pem` and `key.pem` in a folder.
pub(crate) fn certificate(home: &Path) -> TlsConnector {
    let (certificate, key) = (path(home, "cert.pem"), path(home, "key.pem"));
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
               -subj /CN=load -addext subjectAltName=IP:127.0.0.1 \
               -addext basicConstraints=critical,CA:FALSE";
    let made = ["-keyout", &key, "-out", &certificate];
    openssl(&new.split_whitespace().chain(made).collect::<Vec<_>>());
    let der = path(home, "cert.der");
    openssl(&["x509", "-in", &certificate, "-outform", "DER", "-out", &der]);
    let der = fs::read(der).expect("openssl has written it");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(der)).expect("a certificate");
    let settings = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(settings))
}

fn openssl(arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is there");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl: {said}");
}

/// A file in a folder, as text.
pub(crate) fn path(home: &Path, name: &str) -> String {
    home.join(name).to_str().expect("a temporary folder has a plain name").to_owned()
}
