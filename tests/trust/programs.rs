//! Programs of the repository that a plan runs on the machine that applies it: hooks and broadcasts, each by its hash.

use mrsk::name::Sha256Hex;
use serde_json::{Value, json};

use crate::{Runner, TRUSTED};

#[test]
fn a_hook_runs_the_file_that_was_planned() {
    let runner = Runner::new();
    let text = "#!/bin/sh\nexit 1\n";
    for directory in [".kamal/hooks", "bin"] {
        std::fs::create_dir_all(runner.path(directory)).unwrap();
        std::fs::write(runner.path(directory).join("pre-deploy"), text).unwrap();
    }
    let sha256 = Sha256Hex::of(text.as_bytes()).to_string();
    let of_kind = |kind: &'static str, run: Value| {
        move |plan: &mut Value| {
            let steps = plan["steps"].as_array_mut().unwrap();
            steps.push(json!({
                "id": "local/hook/pre-deploy/run", "kind": kind, "summary": "Run", "why": "requested",
                "needs": [], "action": [{ "run": run }], "on_failure": "stop_run", "timeout_seconds": 0,
            }));
        }
    };
    let run = |changes: Value| {
        let mut run = json!({
            "argv": [".kamal/hooks/pre-deploy"], "program_sha256": sha256,
            "variables": { "KAMAL_VERSION": "2", "KAMAL_PERFORMER": { "from_run": "performer" } },
        });
        let changes = changes.as_object().unwrap().clone();
        run.as_object_mut().unwrap().extend(changes);
        run
    };
    for changes in [
        json!({ "argv": ["bin/pre-deploy"] }),
        json!({ "argv": [".kamal/hooks/pre-deploy", "x"] }),
        json!({ "argv": ["../.kamal/hooks/pre-deploy"] }),
        json!({ "variables": { "KAMAL_VERSION": "$(id)" } }),
    ] {
        runner.seal(of_kind("pre_hook", run(changes)));
        let said = runner.apply(&[], &[], 5);
        assert!(said.contains("--allow commands"), "{said}");
    }
    #[rustfmt::skip]
    let impossible = [
        (json!({ "variables": { "PATH": "bin" } }), "not a variable of hooks"),
        (json!({ "directory": "../x" }), "not below the repository"),
        (json!({ "directory": "/tmp" }), "not below the repository"),
    ];
    for (changes, expected) in impossible {
        runner.seal(of_kind("pre_hook", run(changes)));
        let said = runner.apply(&[], &[], 5);
        assert!(said.contains(expected), "{expected}: {said}");
    }
    runner.seal(of_kind("broadcast", run(json!({}))));
    let said = runner.apply(&[], &[], 5);
    assert!(said.contains("not a hook"), "{said}");
    runner.seal(of_kind("pre_hook", run(json!({}))));
    runner.apply(&[], &[], TRUSTED);
    std::fs::write(runner.path(".kamal/hooks/pre-deploy"), "#!/bin/sh\nid\n").unwrap();
    let said = runner.apply(&[], &[("MRSK_REGISTRY_PASSWORD", "some-password")], 3);
    let expected = ".kamal/hooks/pre-deploy: differs from the plan";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn what_runs_before_the_first_connection_is_a_hook() {
    let runner = Runner::new();
    let text = "#!/bin/sh\necho it runs >&2; exit 4\n";
    for directory in [".kamal/hooks", "bin"] {
        let file = runner.path(directory).join("pre-connect");
        std::fs::create_dir_all(runner.path(directory)).unwrap();
        std::fs::write(&file, text).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&file, executable).unwrap();
    }
    let sha256 = Sha256Hex::of(text.as_bytes()).to_string();
    let run = |argv: Value, variables: Value| {
        let run = json!({"argv": argv, "program_sha256": sha256, "variables": variables});
        move |plan: &mut Value| plan["pre_connect"] = run.clone()
    };
    for argv in [
        json!(["bin/pre-connect"]),
        json!([".kamal/hooks/pre-connect", "x"]),
    ] {
        runner.seal(run(argv, json!({})));
        let said = runner.apply(&[], &[], 5);
        assert!(said.contains("--allow commands"), "{said}");
    }
    runner.seal(run(
        json!([".kamal/hooks/pre-connect"]),
        json!({"PATH": "bin"}),
    ));
    let said = runner.apply(&[], &[], 5);
    let expected = "`pre_connect` sets PATH, which is not a variable of hooks";
    assert!(said.contains(expected), "{said}");
    runner.seal(run(json!([".kamal/hooks/pre-connect"]), json!({})));
    let said = runner.apply(&[], &[], 1);
    assert!(said.contains("failed: exit status 4"), "{said}");
}

#[test]
fn a_broadcast_runs_the_file_that_was_planned() {
    let runner = Runner::new();
    let program = runner.path("bin/say");
    std::fs::create_dir(runner.path("bin")).unwrap();
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    let sha256 = Sha256Hex::of(b"#!/bin/sh\n").to_string();
    let broadcast = move |run: Value| {
        move |plan: &mut Value| {
            let steps = plan["steps"].as_array_mut().unwrap();
            steps.push(json!({
                "id": "local/broadcast/shop/send", "kind": "broadcast", "summary": "Broadcast", "why": "requested",
                "needs": [], "action": [{ "run": run }], "on_failure": "tolerate", "timeout_seconds": 60,
            }));
        }
    };
    runner.seal(broadcast(json!({ "argv": ["bin/say", "hello"] })));
    let said = runner.apply(&[], &[], 5);
    assert!(said.contains("--allow commands"), "{said}");
    for argv in [
        json!(["bin/say"]),
        json!(["bin/say", "hello; id"]),
        json!(["bin/say", "sh", "-c", "id"]),
    ] {
        runner.seal(broadcast(json!({ "argv": argv, "program_sha256": sha256 })));
        let said = runner.apply(&[], &[], 5);
        assert!(said.contains("--allow commands"), "{said}");
    }
    let planned = broadcast(json!({ "argv": ["bin/say", "hello"], "program_sha256": sha256 }));
    runner.seal(planned);
    runner.apply(&[], &[], TRUSTED);
    std::fs::write(&program, "#!/bin/sh\ncurl example.com\n").unwrap();
    let said = runner.apply(&[], &[("MRSK_REGISTRY_PASSWORD", "some-password")], 3);
    assert!(said.contains("bin/say: differs from the plan"), "{said}");
    std::fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink("/bin/true", &program).unwrap();
    let said = runner.apply(&[], &[("MRSK_REGISTRY_PASSWORD", "some-password")], 3);
    assert!(said.contains("outside of the repository"), "{said}");
}
