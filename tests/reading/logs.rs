//! Logs, shown and followed.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use crate::world::{ONE, TWO, World};

/// Two hosts that serve version v2, and print each line of `LINES` of the container that is asked for.
fn world() -> World {
    let world = World::new();
    for host in [ONE, TWO] {
        let both = [
            ("web", "v1", "exited"),
            ("web", "v2", "running"),
            ("jobs", "v1", "exited"),
        ];
        world.containers(host, &both, "v2");
        world.run(
            host,
            "logs",
            "for last; do :; done; echo \"$last up\"; echo \"$last GET /it's\" >&2; printf end",
        );
    }
    world
}

#[test]
fn logs_are_those_of_the_container_that_serves_or_ran_last() {
    let world = world();
    let shown = world.mrsk(&["app", "logs"]).expect(0);
    let of = |name: &str| format!("{name} up\n{name} GET /it's\nend\n\n");
    let (web, jobs) = (of("shop-web-v2"), of("shop-jobs-v1"));
    let expected =
        format!("App Host: {ONE}\n{web}App Host: {TWO} (web)\n{web}App Host: {TWO} (jobs)\n{jobs}");
    assert_eq!((shown.stdout, shown.stderr), (expected, String::new()));
    assert_eq!(world.ran(ONE, "logs"), ["logs --tail=100 shop-web-v2"]);
}

#[test]
fn a_pattern_is_one_of_grep_and_no_shell_reads_it() {
    let world = world();
    let args = ["traefik", "logs", "-p", "-s", "42m", "-g", "GET .*'s$"];
    let shown = world.mrsk(&args).expect(0);
    assert_eq!(
        shown.stdout,
        format!("Traefik Host: {ONE}\ntraefik GET /it's\n\n")
    );
    assert_eq!(world.ran(ONE, "logs"), ["logs --since=42m traefik"]);
    let args = [
        "accessory",
        "logs",
        "db",
        "-n",
        "5",
        "-g",
        "$(touch /tmp/x)",
    ];
    let shown = world.mrsk(&args).expect(0);
    assert_eq!(shown.stdout, format!("Accessory db Host: {ONE}\n\n"));
    world.run(ONE, "logs", "exit 4");
    let ended = world.mrsk(&args).expect(1);
    assert!(ended.stderr.contains("status 4"), "{}", ended.stderr);
}

#[test]
fn a_container_of_another_service_is_not_taken_for_an_accessory() {
    let world = world();
    let id = "7".repeat(64);
    let container = serde_json::json!({
        "id": id, "name": "/shop-db", "state": "running", "health": "", "image": "postgres:16",
        "image_id": format!("sha256:{id}"), "labels": {"mrsk.service": "blog"}, "networks": {},
        "created": "2026-01-01T00:00:00Z",
    });
    world.answer(ONE, "listed", &format!("{id} yes \"shop-db\" \"\"\n"));
    world.answer(ONE, "inspected", &format!("container {container}\n"));
    let secret = [("POSTGRES_PASSWORD", "hunter2-hunter2")];
    for args in [
        &["accessory", "logs", "db"][..],
        &["accessory", "exec", "db", "psql"],
        &["accessory", "exec", "--reuse", "db", "psql"],
    ] {
        let refused = world.mrsk_with(args, &secret).expect(1);
        let expected = format!("{ONE}: container shop-db is of service blog");
        assert!(
            refused.stderr.contains(&expected),
            "{args:?}: {}",
            refused.stderr
        );
    }
    for word in ["logs", "exec", "create"] {
        assert!(world.ran(ONE, word).is_empty(), "{word}");
    }
}

#[test]
fn very_long_output_comes_whole() {
    let world = world();
    world.run(
        ONE,
        "logs",
        "head -c 3000000 /dev/zero | tr '\\0' x; echo; seq 300000; echo; echo",
    );
    let shown = world.mrsk(&["app", "logs", "-p"]).expect(0).stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 1 + 1 + 300_000 + 2 + 1);
    assert_eq!((lines[1].len(), lines[300_001]), (3_000_000, "300000"));
}

#[test]
fn lines_of_several_hosts_have_the_host_in_front() {
    let world = world();
    world.run(
        ONE,
        "logs",
        "echo $$ >\"$ROOT/pid\"; echo one; exec sleep 60",
    );
    world.run(TWO, "logs", "echo two; exec sleep 60");
    let mut child = world
        .command(&["app", "logs", "-f", "-r", "web"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let mut lines: Vec<String> = stdout.lines().take(2).map(Result::unwrap).collect();
    lines.sort();
    assert_eq!(
        lines,
        [format!("{ONE}       | one"), format!("{TWO} (web) | two")]
    );
    let pid = std::fs::read_to_string(world.on(ONE, "pid")).unwrap();
    let process = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
    assert!(process.exists());
    let interrupt = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.unwrap().success());
    let ended = crate::ended::Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (130, ""));
    for _ in 0..100 {
        if !process.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("docker logs goes on on the host");
}

#[test]
fn the_primary_host_alone_is_followed_unless_others_are_named() {
    let world = world();
    world.run(ONE, "logs", "echo one");
    let shown = world.mrsk(&["app", "logs", "--follow"]).expect(0);
    assert_eq!(shown.stdout, "one\n");
    assert_eq!(
        world.ran(ONE, "logs"),
        ["logs --tail=10 --timestamps --follow shop-web-v2"]
    );
}

#[test]
fn a_pattern_that_grep_cannot_read_is_told_and_nothing_runs() {
    let world = world();
    let shown = world.mrsk(&["app", "logs", "-p", "-g", "["]).expect(1);
    let problem = format!("{ONE}: grep cannot read the pattern of `-g`");
    assert!(shown.stderr.contains(&problem), "{}", shown.stderr);
    assert!(world.ran(ONE, "logs").is_empty());
}

/// A long line comes in pieces of 64 KiB.
#[test]
fn a_value_is_redacted_wherever_a_long_line_is_cut() {
    let world = world();
    let secret = ("DATABASE_URL", "hunter2-hunter2");
    let line = "printf '%065530d' 0; printf 'é hunter2-hunter2 end\\n'";
    world.run(ONE, "logs", line);
    let args = ["app", "logs", "-p"];
    let shown = world.mrsk_with(&args, &[secret]).expect(0);
    assert!(
        shown.stdout.ends_with("0é [REDACTED] end\n\n"),
        "{}",
        shown.stdout.len()
    );
    let args = ["app", "logs", "-p", "-f"];
    let followed = world.mrsk_with(&args, &[secret]).expect(0);
    assert!(
        !followed.stdout.contains("unter2"),
        "{}",
        followed.stdout.len()
    );
}
