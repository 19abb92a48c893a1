//! What `proxy` says, of the whole file or of a role.

use std::collections::BTreeMap;

use crate::config::model::Certificate;
use crate::config::node::Mark;

/// The certificate resolver of Traefik for `ssl: true`.
pub(super) const RESOLVER: &str = "letsencrypt";

/// The entrypoint of Traefik for requests over TLS.
pub(super) const SECURE: &str = "websecure";

/// What a `proxy` sets. What it leaves out has a default, or is set by that of the whole file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Settings {
    /// The names of hosts whose requests it takes; none: all of them.
    pub(crate) hosts: Option<Vec<String>>,
    /// The port of the app in its container.
    pub(crate) app_port: Option<u16>,
    /// How requests over TLS are answered.
    pub(crate) tls: Option<Tls>,
    /// Whether requests without TLS are redirected.
    pub(crate) redirects: Option<bool>,
    /// The prefixes of the paths that it takes; none: all of them.
    pub(crate) prefixes: Option<Vec<String>>,
    /// Whether the app gets paths without the prefix.
    pub(crate) strips: Option<bool>,
    /// Whether headers that tell whom a request is from are passed on as they come.
    pub(crate) forwards: Option<bool>,
    /// Seconds in which the app must begin to answer.
    pub(crate) response_timeout: Option<u32>,
    /// Whether bodies are buffered.
    pub(crate) buffering: Option<Buffering>,
    /// The path of the health check.
    pub(crate) health_path: Option<String>,
    /// Headers that the log of requests has.
    pub(crate) logged: Option<Vec<String>>,
    /// Where the file has each key.
    pub(crate) marks: BTreeMap<&'static str, Mark>,
}

/// How requests over TLS are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Not at all.
    Off,
    /// With a certificate of Let's Encrypt.
    LetsEncrypt,
    /// With a certificate of the user's.
    Own(Certificate),
}

/// How bodies are buffered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Buffering {
    /// Whether those of requests are.
    pub(crate) requests: Option<bool>,
    /// Whether those of responses are.
    pub(crate) responses: Option<bool>,
    /// The largest body of a request, in bytes.
    pub(crate) max_request: Option<u64>,
    /// The largest body of a response, in bytes.
    pub(crate) max_response: Option<u64>,
    /// Bytes of a body that are kept in memory.
    pub(crate) memory: Option<u64>,
}

impl Settings {
    /// Returns these settings, with those of `under` where they say nothing.
    pub(crate) fn over(self, under: &Self) -> Self {
        let under = under.clone();
        let mut marks = under.marks;
        marks.extend(self.marks);
        Self {
            hosts: self.hosts.or(under.hosts),
            app_port: self.app_port.or(under.app_port),
            tls: self.tls.or(under.tls),
            redirects: self.redirects.or(under.redirects),
            prefixes: self.prefixes.or(under.prefixes),
            strips: self.strips.or(under.strips),
            forwards: self.forwards.or(under.forwards),
            response_timeout: self.response_timeout.or(under.response_timeout),
            buffering: match (self.buffering, under.buffering) {
                (Some(own), Some(under)) => Some(own.over(&under)),
                (own, under) => own.or(under),
            },
            health_path: self.health_path.or(under.health_path),
            logged: self.logged.or(under.logged),
            marks,
        }
    }

    /// Returns the names of hosts.
    pub(crate) fn hosts(&self) -> &[String] {
        self.hosts.as_deref().unwrap_or_default()
    }

    /// Returns the prefixes of paths.
    pub(crate) fn prefixes(&self) -> &[String] {
        self.prefixes.as_deref().unwrap_or_default()
    }

    /// Returns how requests over TLS are answered.
    pub(crate) fn tls(&self) -> &Tls {
        self.tls.as_ref().unwrap_or(&Tls::Off)
    }

    /// Returns whether headers that tell whom a request is from are passed on: by default unless requests come over TLS, as those
    /// that do come from the user.
    pub(crate) fn forwards(&self) -> bool {
        self.forwards.unwrap_or(*self.tls() == Tls::Off)
    }
}

impl Buffering {
    fn over(self, under: &Self) -> Self {
        Self {
            requests: self.requests.or(under.requests),
            responses: self.responses.or(under.responses),
            max_request: self.max_request.or(under.max_request),
            max_response: self.max_response.or(under.max_response),
            memory: self.memory.or(under.memory),
        }
    }

    /// Returns whether bodies of requests and of responses are buffered.
    pub(crate) fn of_both(&self) -> (bool, bool) {
        (
            self.requests.unwrap_or(true),
            self.responses.unwrap_or(true),
        )
    }
}
