//! The hook `pre-connect`: it runs before the first connection of each plan and apply.

use std::fs;

use crate::world::{ONE, TWO, World};

const HOOK: &str = ".kamal/hooks/pre-connect";

/// A project whose hook and whose ssh write down that they run. The hook fails while there is a file `fail`.
fn world() -> World {
    let world = World::new();
    let log = world.path("log").display().to_string();
    let fail = world.path("fail").display().to_string();
    let real = world.path("bin/ssh.real");
    fs::rename(world.path("bin/ssh"), &real).unwrap();
    let ssh = format!(
        "#!/bin/sh\necho ssh >>'{log}'\nexec '{}' \"$@\"\n",
        real.display()
    );
    world.program("bin/ssh", &ssh);
    for host in [ONE, TWO] {
        let uname = format!("#!/bin/sh\necho {host} x86_64\n");
        world.program(&format!("hosts/{host}/bin/uname"), &uname);
    }
    fs::create_dir_all(world.path("project/.kamal/hooks")).unwrap();
    let hook = format!(
        "#!/bin/sh\necho \"hook $KAMAL_COMMAND $KAMAL_SUBCOMMAND $MRSK_SERVICE $KAMAL_HOSTS ${{VPN_TOKEN-}}\" >>'{log}'\n\
         [ ! -e '{fail}' ] || {{ echo \"no way in with ${{VPN_TOKEN-}}\"; exit 3; }}\n"
    );
    world.program(&format!("project/{HOOK}"), &hook);
    world
}

/// Returns what has run since the last call: the hook's line, and one word for all connections after it.
fn log(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.path("log")).unwrap_or_default();
    let _ = fs::remove_file(world.path("log"));
    let mut lines: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    lines.dedup();
    lines
}

fn add(world: &World, text: &str) {
    let file = world.path("project/config/deploy.yml");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(file, before + text).unwrap();
}

#[test]
fn it_runs_before_the_first_connection_of_each_plan_and_apply() {
    let world = world();
    let plan = ["plan", "app", "stop", "-o", "plan.json"];
    let shown = world.mrsk(&plan).expect(0);
    shown.says(&["Run .kamal/hooks/pre-connect", "pre-connect  .kamal"]);
    let line = format!("hook app stop shop {ONE},{TWO}");
    assert_eq!(log(&world), [line.as_str(), "ssh"]);
    let apply = ["apply", "--allow", "host-keys", "plan.json"];
    world.mrsk(&apply);
    assert_eq!(log(&world), [line.as_str(), "ssh"]);
    // A resume connects again.
    world.mrsk(&apply);
    assert_eq!(log(&world), [line.as_str(), "ssh"]);
    world.mrsk(&["app", "stop"]);
    assert_eq!(log(&world), [line.as_str(), "ssh"]);
    // Nothing of the repository runs, or nothing connects.
    world.mrsk(&["plan", "app", "stop", "--no-exec"]).expect(0);
    assert_eq!(log(&world), ["ssh"]);
    let fresh = ["plan", "server", "bootstrap", "--fresh", "--no-secrets"];
    let shown = world.mrsk(&fresh).expect(0);
    assert_eq!(shown.json()["pre_connect"]["argv"][0], HOOK);
    assert_eq!(log(&world), [] as [&str; 0]);
    for option in ["--skip-hooks", "-H"] {
        let skipped = world.mrsk(&["plan", "server", "bootstrap", option]);
        let plan = skipped.json();
        assert!(plan["pre_connect"].is_null(), "{plan}");
        let reason = "--skip-hooks: .kamal/hooks/pre-connect is not run";
        assert_eq!(plan["unchanged"][0]["reason"], reason);
        assert_eq!(log(&world), ["ssh"]);
    }
}

#[test]
fn one_that_fails_or_is_another_one_stops_everything() {
    let world = world();
    add(&world, "hook_secrets: [VPN_TOKEN]\n");
    fs::write(world.path("project/.env"), "VPN_TOKEN=sesame-street\n").unwrap();
    let plan = ["plan", "app", "stop", "-o", "plan.json"];
    world.mrsk(&plan).expect(0);
    let line = format!("hook app stop shop {ONE},{TWO} sesame-street");
    assert_eq!(log(&world), [line.as_str(), "ssh"]);
    let text = fs::read_to_string(world.path("project/plan.json")).unwrap();
    let planned: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!([{"name": "VPN_TOKEN", "travels": ["env"]}]);
    assert_eq!(planned["secrets"], expected);
    fs::write(world.path("fail"), "").unwrap();
    let apply = ["apply", "--allow", "host-keys", "plan.json"];
    for command in [&plan[..], &apply, &["app", "stop"]] {
        let said = world.mrsk(command).expect(1).says(&[
            "no way in with [REDACTED]",
            "the hook .kamal/hooks/pre-connect failed: exit status 3",
            "no host was connected to",
        ]);
        assert!(!said.stderr.contains("sesame"), "{}", said.stderr);
        assert_eq!(log(&world), [line.as_str()]);
    }
    fs::remove_file(world.path("fail")).unwrap();
    world.program(&format!("project/{HOOK}"), "#!/bin/sh\nexit 0\n");
    let expected = ".kamal/hooks/pre-connect: differs from the plan";
    world.mrsk(&apply).expect(3).says(&[expected]);
    fs::remove_file(world.path("project").join(HOOK)).unwrap();
    world.mrsk(&apply).expect(3).says(&[HOOK]);
    assert_eq!(log(&world), [] as [&str; 0]);
}
