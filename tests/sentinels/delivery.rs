//! Whole runs of the binary: they deliver every sentinel, and show none.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::project::{World, files_below};
use crate::sentinel::PASSWORD;

/// Where the host gets the secrets: the environment of containers, the login, the rendered file.
const DELIVERED: [&str; 2] = ["host/delivered", "host/home/shop-db/etc/init.sql"];

const BOOT: [&str; 3] = ["accessory", "boot", "db"];

#[test]
fn a_run_delivers_secrets_and_shows_none() {
    let world = World::new();
    let planned = world
        .watched(&["plan", "accessory", "boot", "db"], &["mrsk", "ssh"])
        .expect(0);
    world.write("plan.json", &planned.out);
    let plan = world.path("plan.json").display().to_string();
    for format in ["table", "markdown", "mermaid", "dot", "commands"] {
        world.mrsk(&["show", "--format", format, &plan]).expect(0);
    }
    world
        .watched(
            &["apply", "-v", "--allow", "commands", &plan],
            &["\"create\"", "\"--password-stdin\"", "mktemp\", \"-d\""],
        )
        .expect(0);
    for (name, value) in &world.sentinels {
        let file = match *name {
            PASSWORD => "login",
            name => name,
        };
        let delivered = fs::read(world.path("host/delivered").join(file)).unwrap();
        assert!(delivered == value.as_bytes(), "{name}");
    }
    let rendered = world.path("host/home/shop-db/etc/init.sql");
    let text = fs::read_to_string(&rendered).unwrap();
    for (name, value) in &world.sentinels {
        let is_there = text.contains(&format!("{name} = {value};\n"));
        assert_eq!(is_there, *name != PASSWORD, "{name}");
    }
    let mode = fs::metadata(&rendered).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);

    assert!(world.assert_clean_files(&DELIVERED) > 40);
    let names: Vec<String> = files_below(world.root.path())
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    for part in [
        "/journal.jsonl",
        "/receipt",
        "audit.log",
        "/output",
        "/snapshot/",
    ] {
        assert!(
            names.iter().any(|name| name.contains(part)),
            "{part}: {names:#?}"
        );
    }
    let left = fs::read_dir(world.path("tmp")).unwrap().count();
    assert_eq!(left, 0, "temporary files are left");
    for args in [
        &["audit"][..],
        &["lock", "status"],
        &["inspect"],
        &["config"],
    ] {
        world.mrsk(args).expect(0);
    }
}

#[test]
fn a_failure_that_prints_them_is_redacted() {
    let world = World::new();
    world.write("host/broken", "");
    for format in ["text", "json"] {
        let said = world
            .watched(
                &[&BOOT[..], &["-v", "--format", format]].concat(),
                &["\"create\""],
            )
            .expect(1);
        assert!(said.err.contains("[REDACTED]") || said.out.contains("[REDACTED]"));
    }
    // What a command prints on its host stays there, in files that nobody else reads.
    for file in files_below(&world.path("host/home/.mrsk")) {
        let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
        if file.file_name().unwrap() == "output" {
            fs::remove_file(&file).unwrap();
        }
    }
    world.assert_clean_files(&DELIVERED);
    world.mrsk(&["audit"]).expect(0);
}

#[test]
fn a_build_that_prints_them_is_redacted() {
    let world = World::new();
    let names = world.names().join(" ");
    world.program(
        "bin/docker",
        &format!(
            "#!/bin/sh\ncase $1 in\nlogin) cat >/dev/null ;;\nbuild | buildx)\n\
             for name in {names}; do eval \"printf '%s\\n' \\\"\\$$name\\\"\"; eval \"printf '%s' \\\"\\$$name\\\"\" | base64 -w0; echo; done\n\
             exit 1 ;;\nesac\nexit 0\n"
        ),
    );
    let said = world.watched(&["deploy", "-v"], &["\"build"]).expect(1);
    assert!(said.err.contains("[REDACTED]"), "{}", said.err);
    // Traefik may be created meanwhile, and docker's temporary configuration of this machine has the login.
    world.assert_clean_files(&[&DELIVERED[..], &["host/snapshot"]].concat());
}
