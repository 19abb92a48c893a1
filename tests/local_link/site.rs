//! Hosts that are shells of this machine, each with a login and a state directory of its own, and plans for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mrsk::apply::clock::{BootClock, Clock};
use mrsk::apply::driver::{self, Job, Observer, ReadSecrets, SecretReader};
use mrsk::apply::links::Links;
use mrsk::apply::state::{JournalEntry, Millis, Options, Outcome, Progress, Summary};
use mrsk::facts::Query;
use mrsk::name::{HostName, RunId, StepId};
use mrsk::plan::Plan;
use mrsk::record::{LockDetails, TakeOver};
use mrsk::secret::Secret;
use mrsk::transport::LocalShell;
use mrsk::transport::request::Inputs;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A clock that a test can move.
#[derive(Clone, Default)]
pub struct MovedClock(Arc<AtomicU64>);

impl MovedClock {
    pub fn jump(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Duration {
        BootClock.now() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// What a run told.
#[derive(Default)]
pub struct Told(pub Vec<Progress>);

impl Observer for Told {
    fn progress(&mut self, _: Millis, event: &Progress) {
        self.0.push(event.clone());
    }

    fn output(&mut self, _: &StepId, _: &str) {}

    fn finish(&mut self, _: &Summary, _: &Outcome) {}
}

/// Stands in for the commands that print secrets.
#[derive(Default)]
pub struct Printed {
    /// What was asked for, one line each time.
    pub asked: Mutex<Vec<String>>,
    /// Why they print nothing.
    pub refuses: Mutex<Option<String>>,
    /// What was there when they were asked last.
    pub seen: Mutex<Vec<PathBuf>>,
    /// Paths that are looked for when they are asked.
    pub watched: Mutex<Vec<PathBuf>>,
}

impl SecretReader for Printed {
    fn read(&self, names: &BTreeSet<String>) -> Result<ReadSecrets, String> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.asked.lock().unwrap().push(names.join(" "));
        let watched = self.watched.lock().unwrap();
        let there = watched.iter().filter(|path| path.exists()).cloned();
        *self.seen.lock().unwrap() = there.collect();
        if let Some(why) = &*self.refuses.lock().unwrap() {
            return Err(why.clone());
        }
        let secrets = names
            .iter()
            .map(|name| ((*name).to_owned(), Secret::new(format!("value of {name}"))));
        Ok(ReadSecrets {
            inputs: Inputs {
                secrets: secrets.collect(),
                ..Inputs::default()
            },
            docker_config: None,
        })
    }
}

/// The directory that plays hosts and the machine that applies plans.
pub struct Site {
    directory: PathBuf,
    /// Removes it, unless it is somebody else's.
    _temporary: Option<TempDir>,
    pub clock: MovedClock,
    /// What prints secrets.
    pub printed: Arc<Printed>,
    /// How many entries the journal takes.
    pub journal_takes: usize,
    /// What becomes of the lock of a dead run that left something open.
    pub take_over: TakeOver,
}

impl Site {
    pub fn new(hosts: &[&str]) -> Self {
        let temporary = TempDir::new().unwrap();
        let site = Self::at(temporary.path(), hosts);
        Self {
            _temporary: Some(temporary),
            ..site
        }
    }

    /// As [`Site::new`], in a directory of the caller.
    pub fn at(directory: &Path, hosts: &[&str]) -> Self {
        let site = Self {
            directory: directory.to_path_buf(),
            _temporary: None,
            clock: MovedClock::default(),
            printed: Arc::default(),
            journal_takes: usize::MAX,
            take_over: TakeOver::UnlessOpen,
        };
        for host in hosts {
            for part in ["home", "state"] {
                fs::create_dir_all(site.path(host).join(part)).unwrap();
            }
        }
        let fake = site.path("fake");
        fs::create_dir(&fake).unwrap();
        // Nor does a socket answer that this machine may have.
        for program in ["docker", "curl"] {
            let program = fake.join(program);
            fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Returns a plan for these hosts, of which the first has the lock.
    pub fn plan(&self, hosts: &[&str], steps: Vec<Value>) -> Plan {
        let entry = |host: &&str| {
            let state = self.path(host).join("state").display().to_string();
            let entry = json!({
                "ssh": {"user": "root"}, "host_keys": [], "roles": [], "state_dir": state, "serial": 0, "relies_on": []
            });
            ((*host).to_owned(), entry)
        };
        let hosts_of_plan: serde_json::Map<String, Value> = hosts.iter().map(entry).collect();
        serde_json::from_value(json!({
            "format_version": "1.0",
            "operation": {"name": "deploy", "version": "1"},
            "service": "app", "version": "1", "image": {"reference": "app:1"},
            "config": {"path": "deploy.yml", "sha256": ""},
            "secrets": [], "lock_host": hosts[0], "hosts": hosts_of_plan, "contents": {},
            "steps": steps, "unchanged": [], "warnings": [], "digest": "sha256:a1"
        }))
        .unwrap()
    }

    fn shell(&self, host: &str) -> LocalShell {
        let text = |path: &Path| path.display().to_string();
        let home = self.path(host).join("home");
        let path = std::env::var("PATH").unwrap();
        LocalShell {
            argv: vec!["sh".to_owned()],
            variables: vec![
                ("HOME".into(), text(&home)),
                (
                    "PATH".into(),
                    format!("{}:{path}", text(&self.path("fake"))),
                ),
                ("ROOT".into(), text(&self.directory)),
            ],
            directory: home,
        }
    }

    /// Applies `plan` with the real driver and the real scripts.
    pub async fn apply(&self, plan: Plan, run: &str) -> (Outcome, Vec<Progress>) {
        self.apply_waiting(plan, run, 0).await
    }

    /// As [`Site::apply`], for a run that waits for the lock.
    pub async fn apply_waiting(
        &self,
        plan: Plan,
        run: &str,
        seconds: u64,
    ) -> (Outcome, Vec<Progress>) {
        let shells: BTreeMap<HostName, LocalShell> = plan
            .hosts
            .keys()
            .map(|host| (host.clone(), self.shell(host.as_str())))
            .collect();
        let run = RunId::from(run);
        let details = LockDetails {
            locked_by: "a test".into(),
            run: Some(run.clone()),
            plan: Some(plan.digest.clone()),
            ..LockDetails::default()
        };
        let job = Job {
            plan: Arc::new(plan),
            options: Options {
                take_over: self.take_over,
                lock_wait_seconds: seconds,
                ..Options::new(run)
            },
            clock: Box::new(self.clock.clone()),
            links: Arc::new(Links::local(shells)),
            inputs: Inputs::default(),
            secrets: self.printed.clone(),
            query: Query {
                service: "app".into(),
                ..Query::default()
            },
            root: self.directory.clone(),
            docker_config: None,
            details,
            hold: LockDetails::default(),
            ahead: None,
            looked: None,
        };
        let mut told = Told::default();
        let mut room = self.journal_takes;
        let mut journal = |_: &JournalEntry| match room.checked_sub(1) {
            Some(left) => {
                room = left;
                Ok(())
            }
            None => Err(std::io::Error::from(std::io::ErrorKind::StorageFull)),
        };
        let outcome = driver::run(job, &mut told, &mut journal).await;
        (outcome.unwrap(), told.0)
    }
}

/// A small file system, unmounted when dropped.
pub struct Disk(PathBuf);

impl Disk {
    /// Mounts one on `directory`, unless that is not possible here.
    pub fn mount(directory: PathBuf) -> Option<Self> {
        let options = ["-t", "tmpfs", "-o", "size=256k", "none"];
        let mounted = Command::new("mount").args(options).arg(&directory).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(directory));
        }
        eprintln!("not tested: no file system can be mounted here");
        None
    }

    pub fn fill(&self) {
        let _ = fs::write(self.0.join("ballast"), vec![0; 1024 * 1024]);
    }

    pub fn make_read_only(&self) {
        let mut command = Command::new("mount");
        let output = command.args(["-o", "remount,ro"]).arg(&self.0).output();
        assert!(output.unwrap().status.success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// A step of `host`, or of this machine, which runs a script of `sh` in which `$ROOT` is the site's directory.
pub fn step(id: &str, needs: &[&str], script: &str) -> Value {
    let host = id.split('/').next().filter(|host| *host != "local");
    let needs: Vec<Value> = needs
        .iter()
        .map(|id| json!({"step": id, "on": "success"}))
        .collect();
    let mut step = json!({
        "id": id, "kind": if host.is_some() { "start" } else { "broadcast" }, "summary": "", "why": "requested",
        "needs": needs, "action": [{"run": {"argv": ["sh", "-c", script, "sh"]}}],
        "on_failure": "stop_host", "safe_point": true, "shared_lock": false,
        "timeout_seconds": 0, "idle_timeout_seconds": 0, "retry": 0
    });
    if let Some(host) = host {
        step["host"] = json!(host);
        step["check"] =
            json!({"facts": [{"fact": format!("/files/{host}/sha256"), "op": "eq", "value": "1"}]});
    }
    step
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, seconds: u64, mut condition: impl FnMut() -> bool) {
    for _ in 0..seconds * 20 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("did not happen within {seconds} s: {what}");
}
