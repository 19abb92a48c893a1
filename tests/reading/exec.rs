//! Commands that users run once.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::ended::Ended;
use crate::world::{ONE, TWO, World};

const SECRET: (&str, &str) = ("DATABASE_URL", "hunter2-hunter2\nsecond-line");

/// Version v2 serves role web on both hosts, and role jobs on the second.
fn world() -> World {
    let world = World::new();
    let both = [
        ("web", "v1", "exited"),
        ("web", "v2", "running"),
        ("jobs", "v2", "running"),
    ];
    world.containers(ONE, &both[..2], "v2");
    world.containers(TWO, &both, "v2");
    for host in [ONE, TWO] {
        world.run(host, "start", &format!("echo from {host}"));
        world.run(host, "exec", "shift; echo \"$@\"");
    }
    world
}

/// Returns the audit log of a host without times.
fn audit(world: &World, host: &str) -> String {
    let log = std::fs::read_to_string(world.on(host, "home/mrsk-shop-audit.log"));
    let log = log.unwrap_or_default();
    let lines = log.lines().map(|line| line.split_once("] ").unwrap().1);
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_command_runs_once_on_each_host_as_the_role_that_serves() {
    let world = world();
    let ran = world
        .mrsk_with(&["app", "exec", "ruby -v"], &[SECRET])
        .expect(0);
    let expected = format!("App Host: {ONE}\nfrom {ONE}\n\nApp Host: {TWO} (web)\nfrom {TWO}\n\n");
    assert_eq!((ran.stdout, ran.stderr), (expected, String::new()));
    for host in [ONE, TWO] {
        let create = world.ran(host, "create").remove(0);
        let name = create.split(' ').nth(2).unwrap().to_owned();
        assert!(name.starts_with("shop-web-v2-exec-"), "{name}");
        let image = format!("sha256:{:064}", 1);
        let expected = format!(
            "create --name {name} --rm --label mrsk.service=shop --label traefik.enable=false \
             --pull never --volume /srv/shop:/data --env LOG_LEVEL=info --env \
             MRSK_CONTAINER_NAME={name} --env DATABASE_URL {image} ruby -v"
        );
        assert_eq!(create, expected);
        assert_eq!(world.ran(host, "start"), [format!("start --attach {name}")]);
        assert_eq!(world.ran(host, "rm"), [format!("rm --force {name}")]);
        assert!(
            world
                .ran(host, "network")
                .contains(&format!("network connect mrsk {name}"))
        );
        let secret = std::fs::read_to_string(world.on(host, "secret")).unwrap();
        assert_eq!(secret.trim_end(), SECRET.1);
        let all = std::fs::read_to_string(world.on(host, "ran")).unwrap();
        assert!(
            !all.contains("hunter2"),
            "a secret is in an argument: {all}"
        );
        assert_eq!(audit(&world, host), "[unknown] app exec v2: ruby -v");
    }
    let missing = world.mrsk(&["app", "exec", "ruby -v"]).expect(78);
    assert!(
        missing.stderr.contains("secret `DATABASE_URL` is not set"),
        "{}",
        missing.stderr
    );
}

#[test]
fn with_reuse_it_runs_in_the_containers_that_serve_and_needs_no_secret() {
    let world = world();
    let ran = world
        .mrsk(&["app", "exec", "--reuse", "cat 'a b'"])
        .expect(0);
    let of = |name: &str| format!("{name} cat a b\n\n");
    let (web, jobs) = (of("shop-web-v2"), of("shop-jobs-v2"));
    let expected =
        format!("App Host: {ONE}\n{web}App Host: {TWO} (web)\n{web}App Host: {TWO} (jobs)\n{jobs}");
    assert_eq!((ran.stdout, ran.stderr), (expected, String::new()));
    world
        .mrsk(&["accessory", "exec", "--reuse", "db", "psql"])
        .expect(1);
}

#[test]
fn one_host_that_fails_is_named_and_the_others_are_shown() {
    let world = world();
    world.run(ONE, "start", "echo no; exit 3");
    let ran = world
        .mrsk_with(&["app", "exec", "db:migrate"], &[SECRET])
        .expect(1);
    assert!(ran.stdout.contains("no\n") && ran.stdout.contains(&format!("from {TWO}")));
    let problem = format!("{ONE}: `db:migrate` failed with status 3");
    assert!(ran.stderr.contains(&problem), "{}", ran.stderr);
    world.run(ONE, "create", "echo No such image >&2; exit 1");
    let ran = world
        .mrsk_with(&["app", "exec", "db:migrate"], &[SECRET])
        .expect(1);
    assert!(ran.stdout.contains("No such image\n"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("cannot create the container"),
        "{}",
        ran.stderr
    );
    world.kill(ONE);
    let ran = world
        .mrsk_with(&["app", "exec", "db:migrate"], &[SECRET])
        .expect(69);
    assert!(ran.stdout.contains(&format!("from {TWO}")));
}

#[test]
fn a_version_runs_if_the_host_has_its_image() {
    let world = world();
    let image = r#"["v1","sha256:1","<none>","2026-01-01 00:00:00 +0000 UTC"]"#;
    world.answer(ONE, "images", &format!("image {image}\n"));
    let args = ["app", "exec", "-p", "--version", "v1", "id"];
    world.mrsk_with(&args, &[SECRET]).expect(0);
    let create = world.ran(ONE, "create").remove(0);
    assert!(
        create.ends_with(" registry.example.com/acme/shop:v1 id"),
        "{create}"
    );
    let args = ["app", "exec", "-p", "--version", "v9", "id"];
    let ended = world.mrsk_with(&args, &[SECRET]).expect(1);
    assert!(ended.stderr.contains("on the host: v1"), "{}", ended.stderr);
    world.containers(ONE, &[("web", "v1", "exited")], "");
    let ended = world
        .mrsk_with(&["app", "exec", "-p", "id"], &[SECRET])
        .expect(1);
    assert!(
        ended.stderr.contains("no container of role web runs"),
        "{}",
        ended.stderr
    );
}

#[test]
fn an_interactive_command_passes_input_output_and_status_through() {
    let world = world();
    world.run(ONE, "start", "tr a-z A-Z; echo oops >&2; exit 42");
    let mut child = world
        .command(&["app", "exec", "-i", "bash"])
        .env(SECRET.0, SECRET.1)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"hello \x1b[1m\n")
        .unwrap();
    let ran = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("HELLO \x1b[1M\n", "oops\n")
    );
    assert_eq!(ran.code, 42);
    let create = world.ran(ONE, "create").remove(0);
    assert!(create.contains(" --rm --interactive --label "), "{create}");
    let name = create.split(' ').nth(2).unwrap();
    assert_eq!(
        world.ran(ONE, "start"),
        [format!("start --attach --interactive {name}")]
    );
    assert_eq!(world.ran(ONE, "rm"), [format!("rm --force {name}")]);
    assert!(world.ran(TWO, "create").is_empty());
    assert_eq!(audit(&world, ONE), "[unknown] app exec v2: bash");
}

/// A container that was made for a command holds secrets.
#[test]
fn an_interactive_command_that_is_stopped_leaves_no_container() {
    for signal in ["TERM", "HUP"] {
        let world = world();
        world.run(ONE, "start", "echo begun; exec sleep 3");
        let mut child = world
            .command(&["app", "exec", "-i", "bash"])
            .env(SECRET.0, SECRET.1)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut begun = [0; 6];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut begun)
            .unwrap();
        let id = child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(sent.unwrap().success());
        Ended::from(child.wait_with_output().unwrap()).expect(130);
        let create = world.ran(ONE, "create").remove(0);
        let name = create.split(' ').nth(2).unwrap();
        assert_eq!(
            world.ran(ONE, "rm"),
            [format!("rm --force {name}")],
            "{signal}"
        );
    }
}

#[test]
fn an_interactive_command_has_the_terminal_and_its_size() {
    let world = world();
    world.run(
        TWO,
        "exec",
        "echo \"$@\"; stty size; trap 'echo interrupted; exit 7' INT; kill -INT $$",
    );
    let script = format!(
        "stty rows 33 cols 101; {} app exec -i --reuse --hosts {TWO} --roles jobs \"it's\"; echo status $?",
        env!("CARGO_BIN_EXE_mrsk")
    );
    let mut command = Command::new("script");
    let ran = command
        .args([
            "-qec",
            &script.replace("\"it's\"", "echo \"it's\""),
            "/dev/null",
        ])
        .current_dir(world.path("project"))
        .env_clear()
        .env("SHELL", "/bin/sh")
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", world.path("bin").display()),
        )
        .env("HOME", world.path("user"))
        .env("TMPDIR", world.path("tmp"))
        .env("HOST_ROOT", world.path("hosts"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).replace('\r', "");
    for part in [
        "exec --interactive --tty shop-jobs-v2 echo it's\n",
        "33 101\n",
        "interrupted\n",
        "status 7\n",
    ] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn what_cannot_be_run_is_said_before_a_host_is_asked() {
    let world = world();
    let cases: &[(&[&str], &str)] = &[
        (
            &["app", "exec", "cat a | wc -l"],
            "`|` in the command has no effect",
        ),
        (&["app", "exec"], "<CMD>"),
        (
            &["app", "exec", "-i", "--hosts", "192.0.2.1,192.0.2.2", "sh"],
            "-i runs on one host",
        ),
        (
            &["app", "exec", "--reuse", "--version", "v1", "sh"],
            "cannot be used with",
        ),
        (
            &["accessory", "exec", "mysql", "sh"],
            "unknown accessory `mysql`",
        ),
        // Whose options these are nobody knows: the original takes them behind the command, docker gives them to it.
        (
            &["app", "exec", "psql", "-d", "staging"],
            "as an option of mrsk: `mrsk app exec -d staging psql`; as one of the command: `mrsk app exec -- psql -d \
             staging`",
        ),
        (
            &["app", "exec", "-i", "ruby -v", "--primary"],
            "as an option of mrsk: `mrsk app exec -i --primary 'ruby -v'`; as one of the command: `mrsk app exec -i -- \
             'ruby -v' --primary`",
        ),
        (
            &[
                "accessory",
                "exec",
                "--reuse",
                "db",
                "psql",
                "-c",
                "select 1",
                "x",
            ],
            "`mrsk accessory exec --reuse db -c 'select 1' psql x`; as one of the command: `mrsk accessory exec --reuse db \
             -- psql -c 'select 1' x`",
        ),
        (
            &["app", "exec", "ls", "-h"],
            "`-h` behind the command may be an option of mrsk or of the command",
        ),
        (
            &["app", "exec", "ls", "-h", "192.0.2.1"],
            "`mrsk app exec -h 192.0.2.1 ls`",
        ),
        (
            &["app", "exec", "psql", "-dstaging"],
            "`mrsk app exec -dstaging psql`",
        ),
    ];
    for (args, text) in cases {
        let ended = world.mrsk_with(args, &[SECRET]).expect(64);
        assert!(ended.stderr.contains(text), "{args:?}: {}", ended.stderr);
    }
    assert!(world.ran(ONE, "create").is_empty());
    let ended = world
        .mrsk_with(&["app", "exec", "id"], &[("MRSK_NO_EXEC", "1")])
        .expect(64);
    assert!(ended.stderr.contains("MRSK_NO_EXEC"), "{}", ended.stderr);
}

#[test]
fn what_follows_the_command_is_its_own() {
    let world = world();
    let created = |args: &[&str], words: &str| {
        world.mrsk_with(args, &[SECRET]).expect(0);
        let created = world.ran(ONE, "create").pop().unwrap();
        assert!(created.ends_with(words), "{args:?}: {created}");
    };
    created(&["app", "exec", "-p", "ls", "-la", "/"], " ls -la /");
    created(
        &["app", "exec", "-p", "--", "psql", "-d", "shop"],
        " psql -d shop",
    );
    created(
        &["app", "exec", "-p", "find", ".", "-name", "x", "--", "y"],
        " find . -name x -- y",
    );
}

#[test]
fn an_accessory_runs_commands_with_its_own_environment() {
    let world = world();
    let secret = ("POSTGRES_PASSWORD", "hunter2-hunter2");
    let ran = world
        .mrsk_with(&["accessory", "exec", "db", "psql -l"], &[secret])
        .expect(0);
    assert_eq!(
        ran.stdout,
        format!("Accessory db Host: {ONE}\nfrom {ONE}\n\n")
    );
    let create = world.ran(ONE, "create").remove(0);
    assert!(
        create.ends_with(" --env POSTGRES_PASSWORD postgres:16 psql -l"),
        "{create}"
    );
    assert_eq!(audit(&world, ONE), "[unknown] accessory exec db: psql -l");
}
