//! The ways over SSH that a configuration may name, on the lab: jump hosts, a proxy command, another port, a user who is not root.

use std::os::unix::fs::PermissionsExt;

use crate::lab_project::{Machine, Project, Users, lab};
use crate::lab_support::ssh_config_for_port;

const JUMP: &str = "172.30.0.14";

const TARGET: &str = "172.30.0.15";

/// A port of sshd that nobody guesses.
const PORT: u16 = 2222;

/// What a host is like during a test; dropping it puts it back.
struct Changed<'a> {
    machine: &'a Machine,
    undo: String,
}

impl<'a> Changed<'a> {
    /// Refuses connections to sshd's own port, but those that come from `address`.
    fn refuses_all_but(machine: &'a Machine, address: &str) -> Self {
        let rule =
            format!("INPUT -p tcp --dport 22 ! -s {address} -j REJECT --reject-with tcp-reset");
        machine.sh(&format!("iptables -I {rule}"));
        let undo = format!("iptables -D {rule}");
        Self { machine, undo }
    }

    /// Starts another sshd, on [`PORT`].
    fn listens(machine: &'a Machine) -> Self {
        machine.sh(&format!(
            "/usr/sbin/sshd -p {PORT} -E /var/log/sshd.log -o PidFile=/run/mrsk-sshd.pid"
        ));
        crate::lab_project::eventually(5, || !machine.sh("cat /run/mrsk-sshd.pid || :").is_empty());
        let undo = "kill \"$(cat /run/mrsk-sshd.pid)\"".to_owned();
        Self { machine, undo }
    }
}

impl Drop for Changed<'_> {
    fn drop(&mut self) {
        let said = self.machine.try_sh(&self.undo);
        assert!(
            said.code == 0 || std::thread::panicking(),
            "{}: {}",
            self.undo,
            said.err
        );
    }
}

/// Where the log of a host's sshd ends now.
fn log_end(machine: &Machine) -> usize {
    machine
        .sh("wc -l < /var/log/sshd.log")
        .trim()
        .parse()
        .unwrap()
}

/// Returns who has logged in since then, sorted, each once, as `USER from ADDRESS`.
fn logins(machine: &Machine, since: usize) -> Vec<String> {
    let said = machine.sh(&format!(
        "tail -n +{} /var/log/sshd.log | sed -n 's/.*Accepted publickey for \\(.*\\) port .*/\\1/p' | sort -u",
        since + 1
    ));
    said.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn hosts_behind_a_jump_host_are_reached_through_it_alone() {
    let project = Project::new("lab-jump", &[JUMP, TARGET]);
    let [jump, target] = &project.machines[..] else {
        panic!("two hosts")
    };
    let config = ssh_config_for_port(&project, PORT);
    let _listening = Changed::listens(jump);
    let _closed = Changed::refuses_all_but(target, JUMP);
    let configure = |ssh: &str| project.configure_servers(&format!("  - {TARGET}\n"), ssh);
    configure("");
    project.commit("");
    project
        .mrsk_over(&config, &["plan"])
        .expect(69)
        .says(&[TARGET, "refused"]);

    let command = format!("ssh -F '{}' -W %h:%p app@{JUMP}", config.display());
    let ways = [
        (format!("proxy: {JUMP}"), "root"),
        (format!("proxy: app@{JUMP}:{PORT}"), "app"),
        (format!("proxy_command: {command}"), "app"),
    ];
    for (number, (way, user)) in ways.iter().enumerate() {
        let version = format!("way-{number}");
        configure(&format!("ssh:\n  {way}\n"));
        project.commit(&format!("APP_VERSION={version}\n"));
        let (before, before_jump) = (log_end(target), log_end(jump));
        project.mrsk_over(&config, &["deploy"]).expect(0);
        assert_eq!(target.version(), version, "{way}");
        assert_eq!(
            logins(target, before),
            [format!("root from {JUMP}")],
            "{way}"
        );
        let through = logins(jump, before_jump);
        assert_eq!(through.len(), 1, "{way}: {through:?}");
        assert!(
            through[0].starts_with(&format!("{user} from ")),
            "{through:?}"
        );
        assert_eq!(jump.containers(), Vec::<String>::new());
        project
            .mrsk_over(&config, &["plan", "--detailed-exitcode"])
            .expect(0)
            .says(&["nothing to do"]);
    }
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn another_port_is_used_for_all_hosts_or_for_one() {
    let project = Project::new("lab-port", &[JUMP, TARGET]);
    let [_, target] = &project.machines[..] else {
        panic!("two hosts")
    };
    let config = ssh_config_for_port(&project, PORT);
    let _listening = Changed::listens(target);
    let _closed = Changed::refuses_all_but(target, "127.0.0.1");
    let server = format!("  - {TARGET}\n");
    project.configure_servers(&server, &format!("ssh:\n  port: {PORT}\n"));
    let version = project.commit("APP_VERSION=one\n");
    project.mrsk_over(&config, &["deploy"]).expect(0);
    assert_eq!(target.version(), "one");

    let of_the_host = format!("  - root@{TARGET}:{PORT}\n");
    for (servers, ssh) in [
        (of_the_host.as_str(), String::new()),
        (&of_the_host, "ssh:\n  user: app\n  port: 22\n".to_owned()),
        (&server, format!("ssh:\n  port: {PORT}\n  proxy: {JUMP}\n")),
    ] {
        project.configure_servers(servers, &ssh);
        project
            .mrsk_over(
                &config,
                &["plan", "--detailed-exitcode", "--version", &version],
            )
            .expect(0)
            .says(&["nothing to do"]);
    }
    project.configure_servers(&server, "");
    project
        .mrsk_over(&config, &["plan"])
        .expect(69)
        .says(&[TARGET, "refused"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_user_of_the_docker_group_deploys_without_root() {
    let project = Project::new("lab-user", &[TARGET]);
    let machine = &project.machines[0];
    project.configure(
        "ssh:\n  user: app\nvolumes:\n  - $HOME/lab-data:/data\n  - ~/lab-more:/more:ro\n",
    );
    let first = project.commit("APP_VERSION=one\nAPP_SLOW_MS=50\n");
    let before = log_end(machine);
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(machine.version(), "one");
    let logged_in = logins(machine, before);
    assert!(
        logged_in.iter().all(|who| who.starts_with("app from ")),
        "{logged_in:?}"
    );
    let binds = format!(
        "docker inspect --format '{{{{json .HostConfig.Binds}}}}' {}",
        project.container(&first)
    );
    let binds = machine.sh(&binds);
    let mut binds: Vec<String> = serde_json::from_str(&binds).unwrap();
    binds.sort();
    assert_eq!(
        binds,
        ["/home/app/lab-data:/data", "/home/app/lab-more:/more:ro"]
    );

    let users = Users::of(&project.machines);
    let second = project.commit("APP_VERSION=two\nAPP_SLOW_MS=50\n");
    project.mrsk(&["deploy"]).expect(0);
    assert_eq!(machine.version(), "two");
    users.were_all_served();
    let running = machine.sh("docker ps --format '{{.Names}}' | sort");
    assert_eq!(
        running,
        format!("{}\ntraefik\n", project.container(&second))
    );

    assert_eq!(
        machine.sh("stat -c '%a %U %n' /home/app/.mrsk /home/app/.mrsk/lab-user@ /home/app/.mrsk/traefik/*.yml"),
        "700 app /home/app/.mrsk\n700 app /home/app/.mrsk/lab-user@\n644 app /home/app/.mrsk/traefik/mrsk-lab-user@web.yml\n"
    );
    assert_eq!(
        machine.sh("ls -d /var/lib/mrsk* /root/.mrsk* /root/mrsk* 2>/dev/null || :"),
        ""
    );
    assert!(!machine.is_locked());
    let log = machine.sh("cat /home/app/mrsk-lab-user-audit.log");
    let audit = project.mrsk(&["audit"]).expect(0).out;
    for version in [&first, &second] {
        let container = project.container(version);
        assert!(log.contains(&container), "{log}");
        assert!(audit.contains(&container), "{audit}");
    }
    project.configure_servers(
        &format!("  - app@{TARGET}\n"),
        "volumes:\n  - ./lab-data:/data\n  - ~/lab-more:/more:ro\n",
    );
    project
        .mrsk(&["plan", "--detailed-exitcode", "--version", &second])
        .expect(0)
        .says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_host_of_another_user_is_refused_until_its_records_are_moved() {
    let project = Project::new("lab-moved", &[TARGET]);
    let machine = &project.machines[0];
    let configure = |user: &str| project.configure(&format!("ssh:\n  user: {user}\n"));
    configure("app");
    project.commit("APP_VERSION=one\n");
    project.mrsk(&["deploy"]).expect(0);

    let second = project.commit("APP_VERSION=two\n");
    configure("root");
    let refused = project.mrsk(&["plan"]).expect(78);
    refused.says(&[
        "was deployed by the user of /home/app/.mrsk",
        "root has its own in /var/lib/mrsk",
    ]);
    assert_eq!(machine.version(), "one");
    let moves = refused
        .err
        .split('`')
        .find(|text| text.starts_with("mkdir"));
    let moves = moves.expect("a command that moves the records");
    machine.sh(moves);

    let users = Users::of(&project.machines);
    project.mrsk(&["deploy", "--version", &second]).expect(0);
    users.were_all_served();
    assert_eq!(machine.version(), "two");
    let audit = project.mrsk(&["audit"]).expect(0).out;
    assert_eq!(audit.matches("deploy").count(), 2, "{audit}");
    configure("app");
    project
        .mrsk(&["plan", "--version", &second])
        .expect(78)
        .says(&["was deployed by root"]);
    let again = project.mrsk(&["plan", "--version", &second]).expect(78);
    let moves = again.err.split('`').find(|text| text.starts_with("mkdir"));
    machine.sh(moves.unwrap());
    project
        .mrsk(&["deploy", "--version", &second])
        .expect(0)
        .says(&["nothing to do"]);
}

#[test]
#[ignore = "needs the lab: tests/lab/up"]
fn a_key_that_is_a_secret_opens_the_way_and_leaves_no_file() {
    let project = Project::new("lab-keydata", &[TARGET]);
    let config = project.beside("ssh_config");
    let text = format!(
        "Host *\n  UserKnownHostsFile \"{}\"\n  IdentityAgent none\n",
        lab("LAB_KNOWN_HOSTS")
    );
    std::fs::write(&config, text).unwrap();
    project.configure("ssh: {key_data: [SSH_KEY], keys_only: true}\n");
    let hook = project.directory.join(".kamal/hooks/pre-connect");
    project.write(
        ".kamal/hooks/pre-connect",
        &format!(
            "#!/bin/sh\necho \"$KAMAL_COMMAND $KAMAL_HOSTS\" >>'{}'\n",
            project.beside("log").display()
        ),
    );
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    project.commit("APP_VERSION=one\n");
    project
        .mrsk_over(&config, &["deploy"])
        .expect(78)
        .says(&["secret `SSH_KEY` is not set"]);

    let key = std::fs::read_to_string(lab("LAB_KEY")).unwrap();
    let env = std::fs::read_to_string(project.directory.join(".env")).unwrap();
    project.write(".env", &format!("{env}SSH_KEY=\"{key}\"\n"));
    let plan = ["plan", "-o", "plan.json"];
    project.mrsk_over(&config, &plan).expect(0);
    let planned = std::fs::read_to_string(project.directory.join("plan.json")).unwrap();
    assert!(planned.contains("\"SSH_KEY\"") && !planned.contains("PRIVATE KEY"));
    project
        .mrsk_over(&config, &["apply", "plan.json"])
        .expect(0);
    assert_eq!(project.machines[0].version(), "one");
    project.mrsk_over(&config, &["status"]).expect(0);
    let ran = std::fs::read_to_string(project.beside("log")).unwrap();
    assert_eq!(ran, format!("deploy {TARGET}\n").repeat(2));

    // While it runs, the control directory has the connection, and no key. Its path is short, as those of sockets are.
    let temporary = tempfile::Builder::new()
        .prefix("k")
        .tempdir_in("/tmp")
        .unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mrsk"));
    let command = project.in_its_environment(&mut command, &config);
    command
        .args(["app", "logs", "--follow"])
        .env("TMPDIR", temporary.path());
    let mut following = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let files = || -> Vec<String> {
        let directories = std::fs::read_dir(temporary.path()).unwrap().flatten();
        let connections = directories.flat_map(|entry| std::fs::read_dir(entry.path().join("0")));
        let names = connections
            .flatten()
            .flatten()
            .map(|entry| entry.file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    };
    crate::lab_project::eventually(30, || {
        let files = files();
        let is_connection = |name: &String| !["config", "known_hosts", "key0"].contains(&&**name);
        files.iter().any(is_connection) && !files.contains(&"key0".to_owned())
    });
    following.kill().unwrap();
    following.wait().unwrap();
}
