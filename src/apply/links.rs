//! The links to the hosts of a run: made when first asked for, dropped when lost, made again.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::facts::model::{HostFacts, Privilege};
use crate::facts::{self, Query};
use crate::name::HostName;
use crate::plan::Plan;
use crate::record::{Scope, state_directory};
use crate::transport::quote::NulError;
use crate::transport::request::Place;
use crate::transport::{ConnectError, Connections, Host, LinkError, LocalShell, Target};

/// How often a host is asked for its facts until the answer is whole.
const TRIES: u32 = 3;

/// The links to a set of hosts.
pub struct Links {
    /// Absent if no host is reached by SSH.
    connections: Option<Arc<Connections>>,
    links: BTreeMap<HostName, Link>,
}

struct Link {
    way: Way,
    host: Mutex<Option<Arc<Host>>>,
}

/// How a host is reached.
enum Way {
    Ssh(Arc<Connections>, Target),
    Local(LocalShell),
}

impl Link {
    fn new(way: Way) -> Self {
        let host = Mutex::new(None);
        Self { way, host }
    }
}

/// Why a host did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is no connection to it.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection broke, or the host said why not.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The question has no form that a shell understands.
    #[error(transparent)]
    Question(#[from] NulError),
    /// Its answer is not valid.
    #[error("invalid answer about its state: {0}")]
    Facts(#[from] facts::ParseError),
}

impl Links {
    /// Returns the links to `targets`; none is made yet.
    pub fn new(connections: Arc<Connections>, targets: BTreeMap<HostName, Target>) -> Self {
        let link = |(name, target)| (name, Link::new(Way::Ssh(connections.clone(), target)));
        let links = targets.into_iter().map(link).collect();
        let connections = Some(connections);
        Self { connections, links }
    }

    /// Returns the links to hosts that are shells of this machine.
    pub fn local(shells: BTreeMap<HostName, LocalShell>) -> Self {
        let link = |(name, shell)| (name, Link::new(Way::Local(shell)));
        Self {
            connections: None,
            links: shells.into_iter().map(link).collect(),
        }
    }

    /// Returns the link to `host`, made now if there is none.
    ///
    /// # Errors
    /// As [`Connections::connect`].
    pub async fn get(&self, host: &HostName) -> Result<Arc<Host>, ConnectError> {
        let Some(link) = self.links.get(host) else {
            let detail = "not a host of this plan";
            return Err(ConnectError::other(host.as_str(), detail));
        };
        let mut slot = link.host.lock().await;
        if let Some(linked) = slot.as_ref() {
            return Ok(linked.clone());
        }
        let linked = Arc::new(match &link.way {
            Way::Ssh(connections, target) => connections.connect(target).await?,
            Way::Local(shell) => Host::local(shell.clone()),
        });
        *slot = Some(linked.clone());
        Ok(linked)
    }

    /// Drops the link to `host`: the next use makes a new one.
    pub async fn renew(&self, host: &HostName) {
        if let Some(link) = self.links.get(host) {
            *link.host.lock().await = None;
        }
    }

    /// Takes the facts of `host`.
    ///
    /// # Errors
    /// As [`Links::get`]; when the link breaks; when the answer is torn.
    pub async fn inspect(&self, host: &HostName, query: &Query) -> Result<HostFacts, Failure> {
        let linked = self.get(host).await?;
        let script = facts::probe_script(query)?;
        for _ in 1..TRIES {
            // A container that goes away between two questions makes an answer incomplete.
            if let Ok(facts) = facts::parse(&linked.probe(&script).await?, &query.secrets) {
                return Ok(facts);
            }
        }
        Ok(facts::parse(&linked.probe(&script).await?, &query.secrets)?)
    }

    /// Returns the keys by which `host` is known, to be pinned in a plan.
    ///
    /// # Errors
    /// As [`Connections::host_keys`].
    pub async fn host_keys(&self, host: &HostName) -> Result<Vec<String>, ConnectError> {
        match self.links.get(host).map(|link| &link.way) {
            Some(Way::Ssh(connections, target)) => connections.host_keys(target).await,
            Some(Way::Local(_)) | None => Ok(Vec::new()),
        }
    }

    /// Has each host be connected to anew at its next use, also after [`Links::close`].
    pub async fn reopen(&self) {
        for link in self.links.values() {
            *link.host.lock().await = None;
        }
    }

    /// Ends all connections.
    pub fn close(&self) {
        if let Some(connections) = &self.connections {
            connections.close_all();
        }
    }
}

/// Returns what the state directories of a plan's hosts are divided by.
pub fn scope(plan: &Plan) -> Scope {
    Scope {
        service: plan.service.clone(),
        destination: plan.operation.destination.clone(),
    }
}

/// Returns where a plan's state is on `host`.
pub fn place(plan: &Plan, host: &HostName) -> Place {
    let entry = plan.hosts.get(host);
    let user = entry.map_or("root", |entry| entry.ssh.user.as_str());
    let known = entry.and_then(|entry| entry.state_dir.clone());
    Place {
        scope: scope(plan),
        state_dir: known.unwrap_or_else(|| state_directory::assumed(user)),
        plan: plan.digest.clone(),
    }
}

/// Returns the facts of a host on which nothing is installed yet, for a plan that is made without asking.
pub fn bare(user: &str) -> HostFacts {
    let state_dir = state_directory::assumed(user);
    let (home, privilege) = match user {
        "root" => ("/root".to_owned(), Privilege::Root),
        _ => (format!("/home/{user}"), Privilege::Sudo),
    };
    HostFacts {
        routing_directory: format!("{state_dir}/traefik"),
        user: user.to_owned(),
        home,
        state_dir,
        privilege,
        package_manager: "apt-get".into(),
        ..HostFacts::default()
    }
}
