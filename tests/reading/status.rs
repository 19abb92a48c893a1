//! `mrsk status`, and `mrsk build details`.

use std::fs;

use crate::world::{ONE, TWO, World};

#[test]
fn hosts_that_differ_or_are_dead_are_named_with_the_next_command() {
    let world = World::new();
    world.containers(
        ONE,
        &[("web", "v1", "running"), ("web", "v2", "running")],
        "v2",
    );
    world.containers(
        TWO,
        &[("web", "v1", "running"), ("jobs", "v1", "exited")],
        "v1",
    );
    let shown = world.mrsk(&["status", "--roles", "web"]).expect(0);
    assert_eq!(shown.stderr, "");
    for text in [
        "shop\n  lock: free\n",
        "  web      v2, since 2026-01-02 00:00 UTC (",
        "unhealthy, routed, beside it runs v1\n",
        "  Traefik  does not run\n",
        "  db       does not run\n",
        "hosts differ in role web: v1 on 192.0.2.2; v2 on 192.0.2.1\n",
        "next: mrsk app logs --hosts 192.0.2.1 --roles web\n",
    ] {
        assert!(
            shown.stdout.contains(text),
            "`{text}` is not in {}",
            shown.stdout
        );
    }
    world.kill(ONE);
    let shown = world.mrsk(&["status"]).expect(69);
    for text in [
        "lock: unknown: 192.0.2.1 does not answer",
        "192.0.2.1\n  no answer\n",
        "192.0.2.2\n  web      v1,",
        "  jobs     nothing runs\n",
    ] {
        assert!(
            shown.stdout.contains(text),
            "`{text}` is not in {}",
            shown.stdout
        );
    }
}

#[test]
fn a_run_that_was_killed_is_shown_with_what_is_in_doubt() {
    let world = World::new();
    let digest = "ab".repeat(32);
    let state = world.on(ONE, "home/.mrsk/shop@");
    for (step, file, text) in [
        (
            "11",
            "claim",
            "999999 1 00000000-0000-0000-0000-000000000000 run1\n",
        ),
        ("22", "receipt", "succeeded 0 run1 1 2 - end\n"),
        (
            "22",
            "claim",
            "999999 1 00000000-0000-0000-0000-000000000000 run1\n",
        ),
    ] {
        let directory = state
            .join("runs")
            .join(&digest)
            .join(step.repeat(16))
            .join("1");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(file), text).unwrap();
    }
    fs::write(state.join("serial"), format!("1 sha256:{digest}\n")).unwrap();
    let shown = world.mrsk(&["status", "--hosts", ONE]).expect(0).stdout;
    let line = "  run      plan abababababab began last and is not finished, 1 step in doubt\n";
    assert!(shown.contains(line), "{shown}");
    assert!(shown.contains("next: mrsk audit\n"), "{shown}");
    let copy = format!("project/.mrsk/runs/{digest}/plan.json");
    fs::create_dir_all(world.path(&copy).parent().unwrap()).unwrap();
    fs::write(world.path(&copy), "{}").unwrap();
    let shown = world.mrsk(&["status", "--hosts", ONE]).expect(0).stdout;
    let next = format!("next: mrsk apply .mrsk/runs/{digest}/plan.json\n");
    assert!(shown.contains(&next), "{shown}");
}

#[test]
fn how_the_image_is_built_is_shown_without_asking_a_host() {
    let world = World::new();
    world.kill(ONE);
    let docker = "#!/bin/sh\necho \"docker $*\"\n";
    world.program("bin/docker", docker);
    let shown = world.mrsk(&["build", "details"]).expect(0).stdout;
    let expected = "\
Builder: multiarch
Name: mrsk-shop-multiarch
Platforms: linux/amd64, linux/arm64

docker context ls

docker buildx ls
";
    assert_eq!(shown, expected);
    world.program("bin/docker", "#!/bin/sh\necho no buildx >&2; exit 1\n");
    let ended = world.mrsk(&["build", "details"]).expect(1);
    assert!(
        ended
            .stderr
            .contains("`docker context ls` failed: no buildx"),
        "{}",
        ended.stderr
    );
}
