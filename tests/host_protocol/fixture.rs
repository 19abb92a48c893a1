//! A directory that plays the host, and the shells that play its `sh`.

use std::fs;
use std::future::Future;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mrsk::action::{Action, Run};
use mrsk::name::{PlanDigest, RunId, StepId};
use mrsk::record::living::About;
use mrsk::record::{Attempt, AttemptState, Listing, Receipt, Scope, WhenStopping};
use mrsk::transport::answer::{Event, FenceAnswer};
use mrsk::transport::request::{AttemptRef, Inputs, Place, StepRequest};
use mrsk::transport::{Host, LinkError, LocalShell};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::mutants::{self, Mutant};

/// What the scripts may use of busybox, beside its shell.
const APPLETS: [&str; 28] = [
    "base64",
    "cat",
    "chmod",
    "chown",
    "date",
    "grep",
    "head",
    "id",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "printf",
    "rm",
    "rmdir",
    "setsid",
    "sha256sum",
    "sleep",
    "stat",
    "sync",
    "tail",
    "tr",
    "wc",
    "cp",
    "env",
    "find",
];

/// The shells that hosts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sh {
    Dash,
    Bash,
    Busybox,
}

impl Sh {
    /// Returns the shells of this machine. All three must be there, but busybox may be left out by MRSK_SKIP_BUSYBOX.
    pub fn all() -> Vec<Sh> {
        let mut all = vec![Sh::Dash, Sh::Bash];
        if which("busybox").is_some() {
            all.push(Sh::Busybox);
        } else {
            assert!(
                std::env::var_os("MRSK_SKIP_BUSYBOX").is_some(),
                "busybox is missing: install it, or set MRSK_SKIP_BUSYBOX=1 to test without it"
            );
        }
        all
    }

    fn program(self) -> PathBuf {
        let name = match self {
            Sh::Dash => "dash",
            Sh::Bash => "bash",
            Sh::Busybox => "busybox",
        };
        which(name).unwrap_or_else(|| panic!("{name} is missing: install it"))
    }
}

/// Returns where `name` is on the search path.
pub fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// A host, gone when dropped.
pub struct Fixture {
    pub directory: TempDir,
    pub sh: Sh,
    pub host: Host,
}

impl Fixture {
    pub fn new(sh: Sh) -> Self {
        let directory = TempDir::new().unwrap();
        for name in ["home", "bin", "fake"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let bin = directory.path().join("bin");
        symlink(sh.program(), bin.join("sh")).unwrap();
        if let Some(mutant) = mutants::wanted() {
            write_editor(directory.path(), mutant);
        }
        if sh == Sh::Busybox {
            for applet in APPLETS {
                symlink(sh.program(), bin.join(applet)).unwrap();
            }
        }
        let host = Host::local(shell(directory.path(), &[]));
        let fixture = Self {
            directory,
            sh,
            host,
        };
        // The disk of this machine is not what is tested.
        fixture.fake("sync", "exit 0");
        fixture
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Returns the host with its `sh` run under `prefix`.
    pub fn shell_under(&self, prefix: &[&str]) -> LocalShell {
        shell(self.directory.path(), prefix)
    }

    /// Puts a command on the search path, as an sh script.
    pub fn fake(&self, name: &str, script: &str) {
        let path = self.path("fake").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn place(&self) -> Place {
        self.place_of("a1")
    }

    /// The place of the plan whose digest is `digits`.
    pub fn place_of(&self, digits: &str) -> Place {
        Place {
            scope: scope(),
            state_dir: self.path("state").display().to_string(),
            plan: PlanDigest::from(format!("sha256:{digits}")),
        }
    }

    pub fn attempt_directory(&self, attempt: &AttemptRef) -> PathBuf {
        self.path("state/app@/runs/a1")
            .join(&attempt.step)
            .join(attempt.number.to_string())
    }

    /// Returns what a step printed.
    pub fn output(&self, step: &StepRequest) -> String {
        let file = self.attempt_directory(&attempt(step)).join("output");
        fs::read_to_string(file).unwrap()
    }

    /// Sets the fence of `run`.
    pub fn fence(&self, run: &str) -> Vec<Attempt> {
        match block(self.host.fence(&self.place(), &RunId::from(run), &0.into())).unwrap() {
            FenceAnswer::Fenced(own, _) => own.attempts,
            refused => panic!("{refused:?}"),
        }
    }

    pub fn start(&self, run: &str, batch: &[StepRequest]) -> Result<Vec<Event>, LinkError> {
        self.start_with(run, batch, &Inputs::default())
    }

    pub fn start_with(
        &self,
        run: &str,
        batch: &[StepRequest],
        inputs: &Inputs,
    ) -> Result<Vec<Event>, LinkError> {
        block(start(&self.host, &self.place(), run, batch, inputs))
    }

    /// Fences and runs one step, and returns its receipt, output and diagnosis.
    pub fn run_one(&self, step: &StepRequest, inputs: &Inputs) -> (Receipt, String, String) {
        self.fence("r1");
        let mut events = self
            .start_with("r1", std::slice::from_ref(step), inputs)
            .unwrap();
        match events.pop() {
            Some(Event::Ended {
                receipt,
                output,
                diagnosis,
                ..
            }) => (receipt, output, diagnosis),
            other => panic!("no end: {other:?}"),
        }
    }

    /// Returns what `mrsk audit` reads.
    pub fn audit(&self) -> String {
        let place = self.place();
        let text = self.host.read_audit(&place.scope, Some(&place.state_dir));
        block(text).unwrap()
    }

    pub fn list(&self) -> Vec<Attempt> {
        block(self.host.list(&self.place())).unwrap().attempts
    }

    /// Waits until no process of the attempt is alive.
    pub fn settled(&self, attempt: &AttemptRef) -> Option<AttemptState> {
        for _ in 0..5 {
            let state = block(self.host.attach(&self.place(), attempt)).unwrap();
            if state != Some(AttemptState::Running) {
                return state;
            }
        }
        panic!("still running: {attempt:?}");
    }
}

/// The service whose plans the tests apply.
pub fn scope() -> Scope {
    Scope {
        service: "app".into(),
        destination: None,
    }
}

/// Writes a program that runs a shell with the script of its standard input after the edits of a mutant.
fn write_editor(directory: &Path, mutant: &Mutant) {
    let edits = serde_json::to_string(mutant.edits).unwrap();
    let program = format!(
        r#"import os, sys
script = sys.stdin.read()
for old, new in {edits}:
    script = script.replace(old, new)
file = os.memfd_create("script")
os.write(file, script.encode())
os.lseek(file, 0, os.SEEK_SET)
os.dup2(file, 0)
os.execv(sys.argv[1], sys.argv[1:])
"#
    );
    fs::write(directory.join("edit"), program).unwrap();
}

fn shell(directory: &Path, prefix: &[&str]) -> LocalShell {
    let text = |path: PathBuf| path.display().to_string();
    let (bin, fake) = (directory.join("bin"), directory.join("fake"));
    let inherited = std::env::var("PATH").unwrap();
    let mut argv: Vec<String> = prefix.iter().map(|word| (*word).to_owned()).collect();
    if directory.join("edit").exists() {
        argv.extend(["python3".to_owned(), text(directory.join("edit"))]);
    }
    argv.push(text(bin.join("sh")));
    LocalShell {
        argv,
        directory: directory.join("home"),
        variables: vec![
            ("HOME".into(), text(directory.join("home"))),
            (
                "PATH".into(),
                format!("{}:{}:{inherited}", text(bin), text(fake)),
            ),
            ("ROOT".into(), text(directory.to_path_buf())),
        ],
    }
}

pub async fn start(
    host: &Host,
    place: &Place,
    run: &str,
    batch: &[StepRequest],
    inputs: &Inputs,
) -> Result<Vec<Event>, LinkError> {
    let (sender, mut receiver) = mpsc::channel(16);
    let run = RunId::from(run);
    let collect = async {
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        events
    };
    let running = async {
        let outcome = host.start(place, &run, batch, inputs, &sender).await;
        drop(sender);
        outcome
    };
    let (outcome, events) = tokio::join!(running, collect);
    outcome.map(|()| events)
}

pub fn block<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            tokio::time::timeout(Duration::from_secs(120), future)
                .await
                .expect("within two minutes")
        })
}

/// Returns the list of a host on which nothing was begun.
pub fn nothing_listed() -> Listing {
    Listing {
        boot: crate::lock::boot(),
        ..Listing::default()
    }
}

/// A step that runs `sh -c` scripts. Each call makes another, since the processes of a step are known by its name, and
/// tests run side by side on one machine.
pub fn step(name: &str, scripts: &[&str]) -> StepRequest {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let id = format!("{name}/{count}/{}", std::process::id());
    StepRequest {
        about: About {
            kind: "start".into(),
            step: id.clone(),
            summary: format!("Run {name}"),
            user: "Ada".into(),
        },
        step: StepId::from(id).hash(),
        attempt: 1,
        actions: scripts
            .iter()
            .map(|script| Action::Run(sh_c(script)))
            .collect(),
        diagnose: Vec::new(),
        cleanup: Vec::new(),
        timeout_seconds: 0,
        idle_timeout_seconds: 0,
        shared_lock: false,
        claim_stays: false,
        when_stopping: WhenStopping::Refuse,
        subject: format!("[jo] deploy 1 plan a1 {name}"),
        route: None,
    }
}

pub fn sh_c(script: &str) -> Run {
    Run::literal(["sh", "-c", script])
}

pub fn attempt(step: &StepRequest) -> AttemptRef {
    AttemptRef {
        step: step.step.clone(),
        number: step.attempt,
    }
}

/// Mounts a small file system on `directory`, unless that is not possible here.
pub fn mount_small(directory: &Path) -> bool {
    let options = ["-t", "tmpfs", "-o", "size=64k,nr_inodes=60", "none"];
    let mounted = Command::new("mount").args(options).arg(directory).output();
    let is_mounted = mounted.is_ok_and(|output| output.status.success());
    if !is_mounted {
        eprintln!("not tested: no file system can be mounted here");
    }
    is_mounted
}

/// Fills the file system of `directory`: there is room for no byte, and for no file.
pub fn fill(directory: &Path) {
    let _ = fs::write(directory.join("ballast"), vec![0; 128 * 1024]);
    let mut files = 0;
    while fs::write(directory.join(format!("file{files}")), "").is_ok() {
        files += 1;
    }
}

pub fn unmount(directory: &Path) {
    Command::new("umount").arg(directory).output().unwrap();
}

/// Waits until `condition` holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..200 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("did not happen within 10 s: {what}");
}

/// Feeds `script` to the fixture's `sh` and waits for its end.
pub fn feed(fixture: &Fixture, script: &[u8]) -> std::process::Output {
    use std::io::Write;
    let shell = fixture.shell_under(&[]);
    let mut child = Command::new(&shell.argv[0])
        .args(&shell.argv[1..])
        .current_dir(&shell.directory)
        .envs(shell.variables)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(script);
    child.wait_with_output().unwrap()
}

/// The names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Returns when this process has started, as a claim has it: in ticks since the boot.
pub fn own_start() -> String {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1;
    fields.split(' ').nth(19).unwrap().to_owned()
}
