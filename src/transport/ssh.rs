//! SSH connections: one control master per host, which ends when this process does.
//!
//! Masters live in a directory of this process under a short unpredictable name, mode 0700. Each is held by an idle connection
//! to its control socket; when that ends, however this process ended, the master ends after [`PERSIST`] at the latest.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use openssh::{ControlPersist, SessionBuilder};
use tokio::sync::Semaphore;

use super::bounds::Budget;
use super::host::Host;
use super::known_hosts;
use super::local::{self, LocalCommand};
use super::master::{Keeper, Master};
use super::ssh_config::{self, Config};
use super::ssh_error::{self, ConnectError, Context};
use super::target::{KnownHosts, Target};
use super::temporary::Temporary;

/// Seconds that a master outlives the process that it was made for.
const PERSIST: usize = 10;

/// Connections through one jump host that may be starting at a time. With sshd's default (`MaxStartups 10:30:100`) each that comes beside 10
/// others may be dropped: this leaves room for those of others.
const STARTS_PER_JUMP_HOST: usize = 8;

/// Tries of a connection that sshd drops before it begins.
const TRIES: u32 = 5;

/// The pause before the second of these tries; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// What holds for all connections.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is done with keys that are not known.
    pub known_hosts: KnownHosts,
    /// ssh's configuration of the user; absent: `~/.ssh/config` and the system's.
    pub user_config: Option<PathBuf>,
    /// Connections that may be starting at a time.
    pub parallel: usize,
}

/// The connections of this process.
pub struct Connections {
    options: Options,
    directory: Temporary,
    budget: Budget,
    starts: Semaphore,
    jumps: Mutex<HashMap<String, Arc<Semaphore>>>,
    masters: Mutex<Vec<Weak<Keeper>>>,
    count: std::sync::atomic::AtomicUsize,
}

/// The files of one connection.
struct Files {
    directory: PathBuf,
    config: PathBuf,
    proxy_log: PathBuf,
    /// Keys that are there while it is made.
    keys: Vec<PathBuf>,
}

impl Files {
    fn remove_keys(&self) {
        for key in &self.keys {
            // The directory goes in any case, at the end of this process.
            let _ = std::fs::remove_file(key);
        }
    }
}

impl Connections {
    /// Prepares to connect.
    ///
    /// # Errors
    ///
    /// Fails if no directory for the control sockets can be made.
    pub fn new(options: Options) -> io::Result<Self> {
        let parent = std::env::temp_dir();
        let is_short = parent.as_os_str().len() <= 32;
        let parent = if is_short { &parent } else { Path::new("/tmp") };
        Ok(Self {
            starts: Semaphore::new(options.parallel.max(1)),
            options,
            directory: Temporary::new(parent)?,
            budget: Budget::default(),
            jumps: Mutex::default(),
            masters: Mutex::default(),
            count: std::sync::atomic::AtomicUsize::new(0),
        })
    }

    /// Connects to `target`.
    ///
    /// # Errors
    ///
    /// Fails as [`ConnectError`] says.
    pub async fn connect(&self, target: &Target) -> Result<Host, ConnectError> {
        let jump = target.proxy.as_ref().map(|proxy| {
            let mut jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
            let starts = || Arc::new(Semaphore::new(STARTS_PER_JUMP_HOST));
            jumps.entry(proxy.clone()).or_insert_with(starts).clone()
        });
        let closed = |_| other(target, "connections are being closed");
        let _jump_permit = match &jump {
            Some(jump) => Some(jump.acquire().await.map_err(closed)?),
            None => None,
        };
        let _permit = self.starts.acquire().await.map_err(closed)?;
        let files = self.write_files(target)?;
        let connected = self.launch_or_retry(target, &files).await;
        // What is connected needs them no more.
        files.remove_keys();
        connected
    }

    async fn launch_or_retry(&self, target: &Target, files: &Files) -> Result<Host, ConnectError> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let (error, is_worth_another_try) = match self.launch(target, files).await {
                Ok(master) => return Ok(Host::ssh(master, self.budget.clone())),
                Err(failure) => failure,
            };
            if !is_worth_another_try || attempt >= TRIES {
                return Err(error);
            }
            tokio::time::sleep(jittered(pause)).await;
            pause *= 2;
        }
        Err(other(target, "not connected"))
    }

    /// Returns the keys that ssh accepts for `target`, each as `ssh-ed25519 AAAA…`, sorted: the pinned ones, or those in
    /// the known_hosts files that ssh's configuration names.
    ///
    /// # Errors
    ///
    /// Fails if ssh cannot read its configuration.
    pub async fn host_keys(&self, target: &Target) -> Result<Vec<String>, ConnectError> {
        if !target.host_keys.is_empty() {
            return Ok(target.host_keys.clone());
        }
        let files = self.write_files(target)?;
        files.remove_keys();
        let outcome = local::run(&configuration(target, &files), |_| {})
            .await
            .map_err(|error| other(target, &format!("ssh cannot be run: {error}")))?;
        let home = std::env::var("HOME").unwrap_or_default();
        Ok(known_hosts::find(&known_hosts::lookup(&outcome.stdout, &home)).await)
    }

    /// Ends all connections at once. Scripts that run on hosts go on.
    pub fn close_all(&self) {
        let masters = self.masters.lock().unwrap_or_else(PoisonError::into_inner);
        for master in masters.iter().filter_map(Weak::upgrade) {
            master.end();
        }
    }

    fn write_files(&self, target: &Target) -> Result<Files, ConnectError> {
        let number = self
            .count
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let directory = self.directory.path().join(number.to_string());
        let texts = &target.identity.key_data;
        let files = Files {
            keys: (0..texts.len())
                .map(|at| directory.join(format!("key{at}")))
                .collect(),
            config: directory.join("config"),
            proxy_log: directory.join("proxy.log"),
            directory,
        };
        let pins = files.directory.join("known_hosts");
        let is_pinned = !target.host_keys.is_empty();
        let text = ssh_config::render(&Config {
            target,
            known_hosts: self.options.known_hosts,
            path: &files.config,
            pins: is_pinned.then_some(pins.as_path()),
            proxy_log: &files.proxy_log,
            key_files: &files.keys,
            includes: &self.includes(target),
        })
        .and_then(|text| ssh_config::plain(&target.user).map(|_| text))
        .map_err(|detail| other(target, &detail))?;
        std::fs::create_dir(&files.directory)
            .and_then(|()| write_private(&files.config, &text))
            .and_then(|()| match is_pinned {
                true => write_private(&pins, &known_hosts::pins(&target.host_keys)),
                false => Ok(()),
            })
            .and_then(|()| {
                let mut keys = files.keys.iter().zip(texts);
                keys.try_for_each(|(file, text)| {
                    let text = text.reveal().trim_end();
                    // ssh reads no key whose last line is not whole.
                    write_private(file, &format!("{text}\n"))
                })
            })
            .map_err(|error| other(target, &format!("cannot write its configuration: {error}")))?;
        Ok(files)
    }

    /// Returns the user's configuration files that are there.
    fn includes(&self, target: &Target) -> Vec<PathBuf> {
        let files = match &self.options.user_config {
            Some(file) => return vec![file.clone()],
            None if target.identity.no_config => return Vec::new(),
            None => [
                std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh/config")),
                Some(PathBuf::from("/etc/ssh/ssh_config")),
            ],
        };
        files
            .into_iter()
            .flatten()
            .filter(|file| file.is_file())
            .collect()
    }

    async fn launch(&self, target: &Target, files: &Files) -> Result<Master, (ConnectError, bool)> {
        let mut builder = SessionBuilder::default();
        builder
            .user(target.user.clone())
            .config_file(&files.config)
            .control_directory(&files.directory)
            .known_hosts_check(match self.options.known_hosts {
                KnownHosts::AcceptNew if target.host_keys.is_empty() => openssh::KnownHosts::Add,
                _ => openssh::KnownHosts::Strict,
            });
        if let Some(persist) = NonZeroUsize::new(PERSIST) {
            builder.control_persist(ControlPersist::IdleFor(persist));
        }
        if let Some(port) = target.port {
            builder.port(port);
        }
        let failure = |log: &str| {
            let proxy_log = std::fs::read_to_string(&files.proxy_log).unwrap_or_default();
            let context = Context {
                host: &target.host,
                user: &target.user,
                port: target.port,
                proxy: target.proxy_command.as_deref().or(target.proxy.as_deref()),
                is_pinned: !target.host_keys.is_empty(),
            };
            let _ = std::fs::remove_file(&files.proxy_log);
            (
                ssh_error::classify(&context, log, &proxy_log),
                ssh_error::is_worth_another_try(log, &proxy_log),
            )
        };
        let session = match builder.connect_mux(&target.host).await {
            Ok(session) => session,
            Err(error) => {
                let mut log = ssh_error::words(&error);
                if is_empty_log(&error) {
                    log = ask_for_words(target, files).await.unwrap_or(log);
                }
                return Err(failure(&log));
            }
        };
        let keeper = Keeper::hold(session.control_socket())
            .await
            .map_err(|error| failure(&error.to_string()))?;
        let keeper = Arc::new(keeper);
        let mut masters = self.masters.lock().unwrap_or_else(PoisonError::into_inner);
        masters.retain(|master| master.strong_count() > 0);
        masters.push(Arc::downgrade(&keeper));
        let client = client(target, files);
        Ok(Master::new(keeper, session, client, &target.host))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.close_all();
    }
}

/// Returns half of `pause` and a random part of the other half, so that what was dropped in one moment does not come back in one.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().hash_one(0) % 1024;
    let part = u32::try_from(random).unwrap_or(0);
    pause / 2 + pause * part / 2048
}

fn other(target: &Target, detail: &str) -> ConnectError {
    ConnectError::other(&target.host, detail)
}

/// Whether ssh wrote nothing into its log, as if its configuration is not valid.
fn is_empty_log(error: &openssh::Error) -> bool {
    matches!(error, openssh::Error::Connect(error) if error.to_string().is_empty() || error.kind() == io::ErrorKind::NotFound)
}

/// Returns what ssh says of its configuration.
async fn ask_for_words(target: &Target, files: &Files) -> Option<String> {
    let outcome = local::run(&configuration(target, files), |_| {}).await;
    match outcome {
        Ok(outcome) => (outcome.stdout.is_empty()).then_some(outcome.tail),
        Err(error) => Some(format!("ssh cannot be run: {error}")),
    }
}

/// Returns the command that prints what ssh's configuration says of `target`.
fn configuration(target: &Target, files: &Files) -> LocalCommand {
    let mut argv = client(target, files);
    argv.extend(["-G".to_owned(), target.host.clone()]);
    LocalCommand {
        argv,
        ..LocalCommand::default()
    }
}

/// Returns the beginning of a command of ssh to `target`, whose name and further options follow.
fn client(target: &Target, files: &Files) -> Vec<String> {
    let config = files.config.display().to_string();
    let mut argv = vec!["ssh".to_owned(), "-F".to_owned(), config];
    if let Some(port) = target.port {
        argv.extend(["-p".to_owned(), port.to_string()]);
    }
    argv.extend(["-l".to_owned(), target.user.clone()]);
    argv
}

/// Writes a file that is not there yet.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use io::Write;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dropped_at_once_does_not_come_back_at_once() {
        let pause = Duration::from_millis(4000);
        let pauses: Vec<Duration> = (0..50).map(|_| jittered(pause)).collect();
        assert!(pauses.iter().all(|one| *one >= pause / 2 && *one <= pause));
        let different: std::collections::BTreeSet<_> = pauses.iter().collect();
        assert!(different.len() > 25, "{pauses:?}");
    }
}
