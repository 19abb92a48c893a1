//! What the configuration says of accessories.

use std::collections::BTreeMap;

use serde::Serialize;

use super::container::{DockerOption, Env};
use crate::config::values::port::PortMapping;
use crate::name::HostName;

/// A long-lived service that the app depends on, such as a database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Accessory {
    /// Its name in the file, such as `mysql`. Its container is named `SERVICE-NAME`.
    pub name: String,
    /// Its image as docker takes it, with server and tag if the file has them.
    pub image: String,
    /// Its hosts, in the order of the file; those of its roles if it names roles. At least one.
    pub hosts: Vec<HostName>,
    /// What docker's `--publish` gets: `3306` of the file is `3306:3306`.
    pub publish: Option<PortMapping>,
    /// Arguments after the image, split into words as in a shell. Empty: the image's own command.
    pub cmd: Vec<String>,
    /// Environment of its container. The app's global one is no part of it.
    pub env: Env,
    /// Files that are uploaded before its container is created, and mounted into it.
    pub files: Vec<AccessoryFile>,
    /// Directories of the host that are created before its container, and mounted into it.
    pub directories: Vec<AccessoryDirectory>,
    /// Volumes, as docker's `--volume` takes them.
    pub volumes: Vec<String>,
    /// Labels of its container, beside the defaults.
    pub labels: BTreeMap<String, String>,
    /// Further options of `docker create`, in the order of the file.
    pub options: Vec<DockerOption>,
}

/// A local file that an accessory's container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessoryFile {
    /// Path of the local file, relative to the current directory. One of a template ends in `.erb`.
    pub local: String,
    /// Absolute path in the container.
    pub remote: String,
    /// What follows the path in the container in docker's `--volume`, such as `ro`.
    pub mode: Option<String>,
    /// Permission bits on the host in octal, of four digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<String>,
    /// Owner on the host, as `USER` or `USER:GROUP`; absent: the SSH user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// A directory of the host that an accessory's container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccessoryDirectory {
    /// Path on the host; a relative one lies in the accessory's own directory there.
    pub host: String,
    /// Absolute path in the container.
    pub container: String,
    /// What follows the path in the container in docker's `--volume`, such as `ro`.
    pub mode: Option<String>,
}

impl Accessory {
    /// Returns the TCP port of the host that is published for it.
    pub fn published_port(&self) -> Option<u16> {
        self.publish.as_ref().and_then(PortMapping::host_port)
    }
}
