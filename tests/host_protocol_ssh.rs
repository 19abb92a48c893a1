//! The SSH link, on the hosts of the lab: keys, jump hosts, channels, connections that die.

#![expect(
    clippy::disallowed_methods,
    reason = "tests look at the processes of this machine"
)]

mod lab_settings;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use lab_settings::lab as setting;
use mrsk::action::{Action, Run};
use mrsk::name::{PlanDigest, RunId, StepId};
use mrsk::record::living::About;
use mrsk::record::{AttemptState, Ending, Scope, WhenStopping};
use mrsk::transport::answer::{Event, FenceAnswer};
use mrsk::transport::request::{AttemptRef, Inputs, Place, StepRequest};
use mrsk::transport::{Connections, Host, KnownHosts, LinkError, Options, Target};
use tempfile::TempDir;

fn hosts() -> Vec<String> {
    setting("LAB_HOSTS").split(',').map(str::to_owned).collect()
}

fn target(host: &str) -> Target {
    Target {
        host: host.to_owned(),
        user: "root".to_owned(),
        port: None,
        proxy: None,
        proxy_command: None,
        identity: mrsk::transport::Identity::default(),
        host_keys: Vec::new(),
    }
}

fn connections(known_hosts: KnownHosts, user_config: PathBuf) -> Connections {
    Connections::new(Options {
        known_hosts,
        user_config: Some(user_config),
        parallel: 10,
    })
    .unwrap()
}

fn lab() -> Connections {
    connections(KnownHosts::Strict, setting("LAB_SSH_CONFIG").into())
}

/// Writes a configuration whose lines come before the lab's.
fn config(directory: &TempDir, lines: &str) -> PathBuf {
    let path = directory.path().join("config");
    let include = setting("LAB_SSH_CONFIG");
    fs::write(&path, format!("Host *\n{lines}\nInclude \"{include}\"\n")).unwrap();
    path
}

/// A place on the hosts that no other test uses.
fn place(test: &str) -> Place {
    Place {
        scope: Scope {
            service: test.to_owned(),
            destination: Some(std::process::id().to_string()),
        },
        state_dir: "/tmp/mrsk-host-protocol".to_owned(),
        plan: PlanDigest::from("sha256:ab"),
    }
}

fn step(name: &str, script: &str) -> StepRequest {
    StepRequest {
        about: About::default(),
        step: StepId::from(format!("{name}/{}", std::process::id())).hash(),
        attempt: 1,
        actions: vec![Action::Run(Run::literal(["sh", "-c", script]))],
        diagnose: Vec::new(),
        cleanup: Vec::new(),
        timeout_seconds: 60,
        idle_timeout_seconds: 0,
        shared_lock: false,
        claim_stays: false,
        when_stopping: WhenStopping::Refuse,
        subject: name.to_owned(),
        route: None,
    }
}

async fn start(
    host: &Host,
    place: &Place,
    step: &StepRequest,
) -> (Result<(), LinkError>, Vec<Event>) {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
    let (run, inputs) = (RunId::from("r1"), Inputs::default());
    let outcome = host
        .start(place, &run, std::slice::from_ref(step), &inputs, &sender)
        .await;
    drop(sender);
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        events.push(event);
    }
    (outcome, events)
}

async fn fence(host: &Host, place: &Place) {
    let answer = host.fence(place, &RunId::from("r1"), &0.into()).await;
    assert!(matches!(answer, Ok(FenceAnswer::Fenced(..))));
}

/// Returns the process ids of the control masters to `host`.
fn masters(host: &str) -> Vec<i32> {
    let output = Command::new("ps")
        .args(["-eo", "pid,args"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains(".ssh-connection") && line.contains(host))
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..300 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("did not happen within 15 s: {what}");
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn a_step_runs_and_many_requests_share_the_channels() {
    let connections = lab();
    let place = place("channels");
    let host = connections.connect(&target(&hosts()[0])).await.unwrap();
    fence(&host, &place).await;
    let step = step("channels", "echo hello; exit 3");
    let (outcome, events) = start(&host, &place, &step).await;
    outcome.unwrap();
    let Some(Event::Ended {
        receipt, output, ..
    }) = events.last()
    else {
        panic!("{events:?}")
    };
    assert_eq!(receipt.ending, Ending::Failed { code: 3 });
    assert_eq!(output, "hello\n");
    let host = std::sync::Arc::new(host);
    let requests: Vec<_> = (0..40)
        .map(|index| {
            let host = host.clone();
            tokio::spawn(async move { host.probe(&format!("sleep 0.2; echo {index}")).await })
        })
        .collect();
    for (index, request) in requests.into_iter().enumerate() {
        assert_eq!(request.await.unwrap().unwrap(), format!("{index}\n"));
    }
    let large = "x".repeat(3_000_000);
    let answer = host
        .probe(&format!("printf %s {large} | wc -c"))
        .await
        .unwrap();
    assert_eq!(answer.trim(), "3000000");
    host.probe("rm -rf /tmp/mrsk-host-protocol/channels@*")
        .await
        .unwrap_err();
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn keys_are_found_pinned_and_compared() {
    let directory = TempDir::new().unwrap();
    let name = hosts()[0].clone();
    let lab = lab();
    let keys = lab.host_keys(&target(&name)).await.unwrap();
    assert!(
        keys.iter().any(|key| key.starts_with("ssh-ed25519 ")),
        "{keys:?}"
    );

    let empty = directory.path().join("known_hosts");
    let forgetful = config(
        &directory,
        &format!("UserKnownHostsFile {}", empty.display()),
    );
    let strict = connections(KnownHosts::Strict, forgetful.clone());
    let error = strict.connect(&target(&name)).await.err().unwrap();
    assert!(error.problem.contains("is not known"), "{error:?}");
    let pinned = Target {
        host_keys: keys.clone(),
        ..target(&name)
    };
    strict.connect(&pinned).await.unwrap();
    assert_eq!(strict.host_keys(&pinned).await.unwrap(), keys);

    let wrong = Target {
        host_keys: lab.host_keys(&target(&hosts()[1])).await.unwrap(),
        ..target(&name)
    };
    assert!(keys.iter().all(|key| !wrong.host_keys.contains(key)));
    let accepting = connections(KnownHosts::AcceptNew, forgetful);
    for connections in [&strict, &accepting, &lab] {
        let error = connections.connect(&wrong).await.err().unwrap();
        assert!(error.problem.contains("has changed"), "{error:?}");
    }
    accepting.connect(&target(&name)).await.unwrap();
    let accepted = accepting.host_keys(&target(&name)).await.unwrap();
    assert!(accepted.iter().all(|key| keys.contains(key)) && !accepted.is_empty());

    let lines = wrong.host_keys.iter().map(|key| format!("{name} {key}\n"));
    let text: String = lines.collect();
    fs::write(&empty, text).unwrap();
    let error = accepting.connect(&target(&name)).await.err().unwrap();
    assert!(error.problem.contains("has changed"), "{error:?}");
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn what_is_wrong_is_told() {
    let directory = TempDir::new().unwrap();
    let name = hosts()[0].clone();
    let keyless = connections(
        KnownHosts::Strict,
        config(
            &directory,
            "IdentityFile /nonexistent\nIdentitiesOnly yes\nIdentityAgent none\nPubkeyAuthentication no",
        ),
    );
    let error = keyless.connect(&target(&name)).await.err().unwrap();
    assert!(error.problem.contains("refuses the login of"), "{error:?}");
    let refused = Target {
        port: Some(9),
        ..target(&name)
    };
    let error = lab().connect(&refused).await.err().unwrap();
    assert!(error.problem.contains("cannot be reached: "), "{error:?}");
    let through_nowhere = Target {
        proxy: Some(format!("root@{}:9", hosts()[1])),
        ..target(&name)
    };
    let error = lab().connect(&through_nowhere).await.err().unwrap();
    assert!(
        error.problem.contains("cannot be reached through"),
        "{error:?}"
    );
    assert!(error.to_string().contains("connect to host"), "{error}");
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn jump_hosts_and_proxy_commands() {
    let hosts = hosts();
    let command = format!(
        "ssh -F '{}' -W %h:%p root@{}",
        setting("LAB_SSH_CONFIG"),
        hosts[0]
    );
    let connections = lab();
    for (proxy, proxy_command) in [
        (Some(format!("root@{}:22", hosts[0])), None),
        (Some(format!("root@{},root@{}", hosts[0], hosts[2])), None),
        (None, Some(command)),
    ] {
        let target = Target {
            proxy,
            proxy_command,
            ..target(&hosts[1])
        };
        let host = connections.connect(&target).await.unwrap();
        assert_eq!(host.probe("echo end").await.unwrap(), "end\n");
        let from = host.probe("echo ${SSH_CONNECTION%% *}").await.unwrap();
        assert!(hosts.contains(&from.trim().to_owned()), "{from}");
    }
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn a_step_outlives_its_connection() {
    let place = place("outlives");
    let name = hosts()[1].clone();
    let before = masters(&name);
    let connections = lab();
    let host = connections.connect(&target(&name)).await.unwrap();
    fence(&host, &place).await;
    let step = step("outlives", "sleep 2; echo done");
    let killer = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        let masters = masters(&name);
        assert!(masters.len() > before.len());
        for pid in masters.iter().filter(|pid| !before.contains(pid)) {
            let pid = rustix::process::Pid::from_raw(*pid).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    };
    let ((outcome, events), ()) = tokio::join!(start(&host, &place, &step), killer);
    assert!(
        matches!(outcome, Err(LinkError::Lost { .. })),
        "{outcome:?} {events:?}"
    );
    assert_eq!(events.len(), 1, "claimed: {events:?}");
    assert!(matches!(
        host.list(&place).await,
        Err(LinkError::Lost { .. })
    ));

    let host = connections.connect(&target(&name)).await.unwrap();
    let attempt = AttemptRef {
        step: step.step.clone(),
        number: 1,
    };
    let Some(AttemptState::Ended(receipt)) = host.attach(&place, &attempt).await.unwrap() else {
        panic!("no receipt")
    };
    assert_eq!(receipt.ending, Ending::Succeeded);
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn masters_end_with_their_connections() {
    let name = hosts()[2].clone();
    let before = masters(&name);
    let connections = lab();
    let idle = connections.connect(&target(&name)).await.unwrap();
    let busy = std::sync::Arc::new(connections.connect(&target(&name)).await.unwrap());
    let probe = tokio::spawn({
        let busy = busy.clone();
        async move { busy.probe("sleep 20; echo end").await }
    });
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(
        idle.probe("echo end").await.unwrap(),
        "end\n",
        "idle for longer than masters persist"
    );
    assert_eq!(masters(&name).len(), before.len() + 2);
    connections.close_all();
    assert!(matches!(probe.await.unwrap(), Err(LinkError::Lost { .. })));
    eventually("end of the masters", || {
        masters(&name).len() == before.len()
    })
    .await;
    let left = connections.connect(&target(&name)).await.unwrap();
    drop(left);
    eventually("end of the master", || masters(&name).len() == before.len()).await;
}

#[tokio::test(flavor = "current_thread")]
async fn a_broken_configuration_is_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("config");
    fs::write(&path, "Nonsense yes\n").unwrap();
    let error = connections(KnownHosts::Strict, path)
        .connect(&target("localhost"))
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("nonsense"), "{error}");
}

/// Not a test by itself: the process that `a_killed_runner_leaves_no_master` kills.
#[tokio::test(flavor = "current_thread")]
#[ignore = "run by another test"]
async fn runner() {
    let Some(ready) = std::env::var_os("RUNNER_READY") else {
        return;
    };
    let connections = lab();
    let _host = connections.connect(&target(&hosts()[0])).await.unwrap();
    fs::write(ready, "").unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn a_killed_runner_leaves_no_master() {
    let directory = TempDir::new().unwrap();
    let ready = directory.path().join("ready");
    let mut runner = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "runner"])
        .env("RUNNER_READY", &ready)
        .env("TMPDIR", directory.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("connection", || ready.exists()).await;
    let name = directory.path().display().to_string();
    assert_eq!(masters(&name).len(), 1);
    runner.kill().unwrap();
    runner.wait().unwrap();
    eventually("end of the master", || masters(&name).is_empty()).await;
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs the lab: tests/lab/up"]
async fn a_host_that_allows_two_channels_is_waited_for() {
    let name = hosts()[2].clone();
    let connections = lab();
    let host = connections.connect(&target(&name)).await.unwrap();
    let pid_file = format!("/tmp/mrsk-sshd-{}.pid", std::process::id());
    let sshd = format!(
        "/usr/sbin/sshd -p 2299 -o MaxSessions=2 -o PidFile={pid_file} >/dev/null 2>&1 && echo end"
    );
    assert_eq!(host.probe(&sshd).await.unwrap(), "end\n");
    let narrow = Target {
        port: Some(2299),
        host_keys: connections.host_keys(&target(&name)).await.unwrap(),
        ..target(&name)
    };
    let mut answers = Vec::new();
    for _ in 0..20 {
        if let Ok(narrow) = connections.connect(&narrow).await {
            let ask = |index: u32| {
                let narrow = &narrow;
                async move { narrow.probe(&format!("sleep 0.3; echo {index}")).await }
            };
            let (a, b, c, d, e, f) = tokio::join!(ask(0), ask(1), ask(2), ask(3), ask(4), ask(5));
            answers = vec![a, b, c, d, e, f];
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stop = format!("kill \"$(cat {pid_file})\"; rm -f {pid_file}; echo end");
    host.probe(&stop).await.unwrap();
    let expected: Vec<_> = (0..6).map(|index| Ok(format!("{index}\n"))).collect();
    assert_eq!(answers, expected);
}
