//! Hosts that are dead, and how to go on without them.

use crate::world::{ONE, TWO, World};

const PLAN: [&str; 5] = ["plan", "--no-secrets", "--version", "v2", "--skip-push"];

#[test]
fn a_dead_host_is_named_once_by_commands_that_read() {
    let world = World::new();
    world.kill(ONE);
    for command in ["status", "details"] {
        let shown = world.mrsk(&[command]).expect(69);
        let told = shown.stderr.matches("no connection to").count();
        assert_eq!(told, 1, "{command}: {}", shown.stderr);
    }
}

#[test]
fn a_plan_names_the_command_without_the_dead_host() {
    let world = World::new();
    world.kill(TWO);
    let shown = world.mrsk(&PLAN).expect(69);
    assert!(!shown.stderr.contains("(lock host)"), "{}", shown.stderr);
    shown.says(&[
        "no connection to 192.0.2.2",
        "nothing was changed; to go on without such hosts:",
        "mrsk plan --no-secrets --version v2 --skip-push --hosts 192.0.2.1`",
    ]);
    let args = [&PLAN[..], &["--hosts", ONE]].concat();
    world.mrsk(&args).expect(0);
}

#[test]
fn a_plan_goes_on_without_the_lock_host() {
    let world = World::new();
    world.kill(ONE);
    world.mrsk(&PLAN).expect(69).says(&[
        "no connection to 192.0.2.1",
        "(lock host)",
        "only if the lock host is dead, go on without it:",
        "--hosts 192.0.2.2 --lock-host 192.0.2.2`",
    ]);
    let args = [&PLAN[..], &["--hosts", TWO]].concat();
    world
        .mrsk(&args)
        .expect(69)
        .says(&["--hosts 192.0.2.2 --lock-host 192.0.2.2`"]);
    let args = [&args[..], &["--lock-host", TWO]].concat();
    let plan = world.mrsk(&args).expect(0).json();
    assert_eq!(plan["lock_host"], TWO);
    let hosts: Vec<&String> = plan["hosts"].as_object().unwrap().keys().collect();
    assert_eq!(hosts, [TWO]);
}
