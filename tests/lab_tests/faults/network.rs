//! Faults of the way to a host: sshd, the network, a slow line, a jump host and a sshd with narrow limits.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::spoiled::Spoiled;
use super::trial::{APP, HIT, HOSTS, Trial};
use crate::lab_project::{Machine, Project, eventually, lab};
use crate::lab_support::planned::{SECRET, WITH_SECRET};
use crate::lab_support::ssh_config_for_port;

/// A port for another sshd.
const PORT: u16 = 2222;

/// Sessions and listener at once. The steps go on without them.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn sshd_is_killed() {
    let trial = Trial::new("lab-fault-sshd");
    let users = trial.users();
    let mut run = trial.begin(&[]);
    for at in 0..HOSTS.len() {
        run.until("ended", &trial.step(at, "start"));
        let machine = trial.machine(at);
        let sshd = Spoiled::by(machine, "pkill -9 sshd", "service ssh start");
        std::thread::sleep(Duration::from_secs(2));
        sshd.heal();
    }
    let said = run.wait().expect(0);
    said.says(&["connection lost", "reconnecting"]);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

/// For less than a link is given up for: the run goes on by itself.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_network_of_a_host_is_cut_for_5_s() {
    let trial = Trial::new("lab-fault-cut");
    let cut = |machine: &Machine| {
        let cut = Spoiled::cut_off(machine);
        std::thread::sleep(Duration::from_secs(5));
        cut.heal();
    };
    let control = trial.control(HIT, cut);
    let users = trial.users();
    let run = trial.begin_until_boot(HIT, &[]);
    cut(trial.machine(HIT));
    run.wait().expect(0);
    let cost = users.lost_only_on(HIT);
    trial.costs_no_more(cost, control);
    trial.is_finished_as_if_nothing_had_been();
}

/// For longer than that: the host is given up, and the plan is resumed when it is back.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn the_network_of_a_host_is_cut_for_good() {
    let trial = Trial::new("lab-fault-gone");
    let users = trial.users();
    let run = trial.begin_until_boot(HIT, &[]);
    let cut = Spoiled::cut_off(trial.machine(HIT));
    let said = run.wait().expect(1);
    said.says(&[
        "connection lost",
        "unreachable, giving up",
        &format!("unreachable: {}", HOSTS[HIT]),
        "next:",
        "mrsk apply",
    ]);
    let refused = trial.apply(&[]).expect(69);
    refused.says(&[
        "unreachable: cannot reach 1 host; nothing was changed",
        &format!("{} connect to host", HOSTS[HIT]),
        "mrsk apply --keep-going",
    ]);
    users.lost_only_on(HIT);
    cut.heal();
    let users = trial.users();
    trial.apply(&[]).expect(0);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

/// What a slow line does to the way to the hosts: 500 ms each way, on connections that lose each twentieth packet.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_slow_line_loses_packets() {
    let mut trial = Trial::new("lab-fault-slow");
    let machines = trial.project().machines.clone();
    let lossy: Vec<Spoiled<'_>> = machines
        .iter()
        .map(|machine| {
            Spoiled::by(
                machine,
                "iptables -I INPUT -p tcp --dport 22 -m statistic --mode random --probability 0.05 -j DROP",
                "iptables -F INPUT",
            )
        })
        .collect();
    let config = trial.project().beside("slow_config");
    let text = format!(
        "Host *\n  ProxyCommand python3 {} %h %p\n  Include \"{}\"\n",
        slow_line(trial.project()).display(),
        lab("LAB_SSH_CONFIG")
    );
    std::fs::write(&config, text).unwrap();
    connect_by(&mut trial.planned.project, &config);
    let users = trial.users();
    let said = trial.apply(&[]).expect(0);
    users.lost_nothing();
    drop(lossy);
    assert!(!said.err.contains("giving up"), "{}", said.err);
    trial.is_finished_as_if_nothing_had_been();
}

/// Writes a command that carries a connection and holds each piece of it for half a second. The lab's kernel need not have netem.
fn slow_line(project: &Project) -> PathBuf {
    const SCRIPT: &str = r#"import os, queue, socket, sys, threading, time

line = socket.create_connection((sys.argv[1], int(sys.argv[2])))

def carry(read, write, end):
    pieces = queue.Queue()
    def later():
        while True:
            due, piece = pieces.get()
            time.sleep(max(0, due - time.monotonic()))
            if not piece:
                return end()
            write(piece)
    threading.Thread(target=later).start()
    piece = b"-"
    while piece:
        try:
            piece = read(65536)
        except OSError:
            piece = b""
        pieces.put((time.monotonic() + 0.5, piece))

def write_all(piece):
    while piece:
        piece = piece[os.write(1, piece):]

up = lambda: carry(lambda n: os.read(0, n), line.sendall, lambda: line.shutdown(socket.SHUT_WR))
threading.Thread(target=up, daemon=True).start()
carry(line.recv, write_all, lambda: os._exit(0))
"#;
    let path = project.beside("slow_line.py");
    std::fs::write(&path, SCRIPT).unwrap();
    path
}

/// Starts another sshd on [`PORT`] with this option, until it is dropped.
fn sshd_with<'a>(machine: &'a Machine, option: &str) -> Spoiled<'a> {
    let spoiled = Spoiled::by(
        machine,
        &format!(
            "/usr/sbin/sshd -p {PORT} -E /var/log/sshd.log -o PidFile=/run/mrsk-sshd.pid -o '{option}'"
        ),
        "kill \"$(cat /run/mrsk-sshd.pid)\"",
    );
    eventually(5, || !machine.sh("cat /run/mrsk-sshd.pid || :").is_empty());
    spoiled
}

/// Lets mrsk connect by this ssh configuration.
fn connect_by(project: &mut Project, config: &Path) {
    let config = config.to_str().unwrap().to_owned();
    project.variables.insert("MRSK_SSH_CONFIG".into(), config);
}

/// It refuses what comes while a connection is being made, and all its connections break at once.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_jump_host_takes_few_connections_at_a_time() {
    const ALL: [&str; 3] = [HOSTS[0], HOSTS[1], "172.30.0.18"];
    let mut project = Project::new("lab-fault-jump", &ALL);
    // It is kept for this test, and deployed to by nobody.
    let jump = project.machines.pop().unwrap();
    let _sshd = sshd_with(&jump, "MaxStartups 1");
    let config = ssh_config_for_port(&project, PORT);
    connect_by(&mut project, &config);
    project.secret_file(&[SECRET]);
    project.configure(&format!("{WITH_SECRET}ssh:\n  proxy: {}:{PORT}\n", jump.ip));
    let trial = Trial::of(project, APP);
    let users = trial.users();
    let run = trial.begin_until_boot(HIT, &[]);
    jump.sh("pkill -P \"$(cat /run/mrsk-sshd.pid)\"");
    let said = run.wait().expect(0);
    said.says(&["connection lost", "reconnecting"]);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}

/// A connection carries two sessions at a time: the third is refused.
#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_sshd_allows_two_sessions() {
    let mut project = Project::new("lab-fault-narrow", &HOSTS);
    let machines = project.machines.clone();
    let _sshd: Vec<Spoiled<'_>> = machines
        .iter()
        .map(|machine| sshd_with(machine, "MaxSessions 2"))
        .collect();
    let config = ssh_config_for_port(&project, PORT);
    connect_by(&mut project, &config);
    project.secret_file(&[SECRET]);
    project.configure(&format!("{WITH_SECRET}ssh:\n  port: {PORT}\n"));
    let trial = Trial::of(project, APP);
    let users = trial.users();
    trial.begin(&[]).wait().expect(0);
    users.lost_nothing();
    trial.is_finished_as_if_nothing_had_been();
}
