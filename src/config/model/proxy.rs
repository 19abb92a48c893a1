//! What `proxy` says of a role.

use serde::Serialize;

/// What `proxy` says of a role, beside its labels and its health check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proxy {
    /// Seconds in which the app must begin to answer; absent: as long as it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_timeout: Option<u32>,
    /// The certificate with which Traefik answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
}

impl Proxy {
    /// Returns whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.response_timeout.is_none() && self.certificate.is_none()
    }
}

/// A certificate of the user's, and its key, as names of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Name of the secret with the certificate and those of its issuers, in PEM form.
    pub certificate: String,
    /// Name of the secret with its private key, in PEM form.
    pub key: String,
}

impl Certificate {
    /// Returns the names of both secrets.
    pub fn secret_names(&self) -> [String; 2] {
        [self.certificate.clone(), self.key.clone()]
    }
}
