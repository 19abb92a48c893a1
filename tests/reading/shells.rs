//! The script that runs commands, in other shells than this machine's `sh`.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Stdio;

use crate::world::{ONE, World};

/// Returns where a program of this machine is.
fn find(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|directory| directory.join(name));
    let mut found = found.filter(|file| file.is_file());
    found
        .next()
        .unwrap_or_else(|| panic!("{name} is not installed"))
}

fn works(world: &World) {
    world.run(
        ONE,
        "logs",
        "echo keep; echo leave; echo keep too >&2; printf 'keep last'",
    );
    let shown = world
        .mrsk(&["traefik", "logs", "-p", "-g", "keep"])
        .expect(0);
    assert_eq!(
        shown.stdout,
        format!("Traefik Host: {ONE}\nkeep\nkeep too\nkeep last\n\n")
    );
    world.run(ONE, "logs", "echo; echo one; echo; exit 3");
    let shown = world.mrsk(&["traefik", "logs", "-p"]).expect(1);
    assert_eq!(shown.stdout, format!("Traefik Host: {ONE}\n\none\n\n\n"));
    assert!(shown.stderr.contains("status 3"), "{}", shown.stderr);
    world.run(ONE, "start", "echo out; exit 5");
    let secret = [("POSTGRES_PASSWORD", "it's $HOME")];
    let ran = world
        .mrsk_with(&["accessory", "exec", "db", "id"], &secret)
        .expect(1);
    assert_eq!(ran.stdout, format!("Accessory db Host: {ONE}\nout\n\n"));
    assert!(
        ran.stderr.contains("`id` failed with status 5"),
        "{}",
        ran.stderr
    );
    assert_eq!(world.ran(ONE, "rm").len(), 1);

    world.run(
        ONE,
        "logs",
        "echo $$ >\"$ROOT/pid\"; echo one; exec sleep 60",
    );
    let mut child = world
        .command(&["traefik", "logs", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(stdout.lines().next().unwrap().unwrap(), "one");
    child.kill().unwrap();
    child.wait().unwrap();
    let pid = std::fs::read_to_string(world.on(ONE, "pid")).unwrap();
    let process = PathBuf::from(format!("/proc/{}", pid.trim()));
    for _ in 0..300 {
        if !process.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("docker logs goes on on the host after mrsk was killed");
}

#[test]
fn commands_run_in_bash() {
    let world = World::new();
    symlink(find("bash"), world.on(ONE, "bin/sh")).unwrap();
    works(&world);
}

#[test]
fn commands_run_in_busybox() {
    let world = World::new();
    for name in ["sh", "grep"] {
        symlink(find("busybox"), world.on(ONE, "bin").join(name)).unwrap();
    }
    works(&world);
}

#[test]
fn commands_run_in_dash() {
    let world = World::new();
    symlink(find("dash"), world.on(ONE, "bin/sh")).unwrap();
    works(&world);
}
