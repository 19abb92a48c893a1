//! Secrets files: values that commands print reach what they are for, and nothing else; and what is run for them.

use std::fs;

use crate::project::{Said, World};
use crate::sentinel::PASSWORD;

/// Where secrets may be: what the host gets, and the store that stands in for a password manager.
const PLACES: [&str; 3] = ["host/delivered", "host/home/shop-db/etc/init.sql", "store"];

/// Notes that it was asked, and prints the value.
const VAULT: &str = "#!/bin/sh\necho \"$*\" >>\"$HOME/../asked\"\n[ ! -e \"$HOME/../locked\" ] || exit 0\ncat \"$HOME/../store/$1\"\n";

/// The same for several, as JSON.
const VAULT_JSON: &str = "#!/usr/bin/env python3
import json, os, sys
root = os.environ['HOME'] + '/../'
open(root + 'asked', 'a').write(' '.join(sys.argv[1:]) + '\\n')
print(json.dumps({name: open(root + 'store/' + name).read() for name in sys.argv[1:]}))
";

/// Returns a world in which a store has every secret, and the file with the commands that print them.
fn world() -> (World, String) {
    let world = World::new();
    fs::create_dir(world.path("store")).unwrap();
    fs::create_dir(world.path("repository/.kamal")).unwrap();
    world.program("bin/vault", VAULT);
    world.program("bin/vault-json", VAULT_JSON);
    for (name, value) in &world.sentinels {
        world.write(&format!("store/{name}"), value);
    }
    let names = world.names();
    let (by_fetch, by_command) = names.split_at(names.len() / 2);
    let mut text = format!(
        "# Read from a store.\nALL=$(mrsk secrets fetch --adapter command --from vault-json {})\n",
        by_fetch.join(" ")
    );
    for name in by_fetch {
        text += &format!("{name}=$(kamal secrets extract {name} ${{ALL}})\n");
    }
    for name in by_command.iter().chain([&PASSWORD]) {
        text += &format!("{name}=\"$(vault {name})\"\n");
    }
    text += "UNUSED=$(vault UNUSED)\n";
    world.write("repository/.kamal/secrets", &text);
    (world, text)
}

/// Runs mrsk without any secret in its environment, and looks for them in what it prints and starts.
fn watched(world: &World, args: &[&str]) -> Said {
    world.watched_with(&[], args, &[])
}

/// Returns what the store was asked for since the last time.
fn asked(world: &World) -> Vec<String> {
    let asked = fs::read_to_string(world.path("asked")).unwrap_or_default();
    let _ = fs::remove_file(world.path("asked"));
    asked.lines().map(str::to_owned).collect()
}

#[test]
fn values_that_commands_print_are_delivered_and_shown_nowhere() {
    let (world, text) = world();
    let planned = watched(&world, &["plan", "accessory", "boot", "db"]).expect(0);
    assert_eq!(asked(&world), Vec::<String>::new(), "a plan needs no value");
    world.write("plan.json", &planned.out);
    let plan = world.path("plan.json").display().to_string();
    let document: serde_json::Value = serde_json::from_str(&planned.out).unwrap();
    assert_eq!(document["secrets_files"][0]["path"], ".kamal/secrets");
    let commands = &document["secret_commands"];
    assert_eq!(
        commands[PASSWORD],
        serde_json::json!([format!("vault {PASSWORD}")])
    );
    assert!(commands["UNUSED"].is_null());
    for format in ["table", "markdown"] {
        let shown = world.mrsk(&["show", "--format", format, &plan]).expect(0);
        assert!(
            shown.out.contains(&format!("vault {PASSWORD}")),
            "{}",
            shown.out
        );
    }

    // Another file, or none.
    let changed = format!("{text}# changed\n");
    world.write("repository/.kamal/secrets", &changed);
    let apply = ["apply", "-v", "--allow", "commands", &plan];
    watched(&world, &apply).expect(3).says(&[
        ".kamal/secrets differs from the plan",
        "nothing was changed",
    ]);
    fs::remove_file(world.path("repository/.kamal/secrets")).unwrap();
    watched(&world, &apply)
        .expect(3)
        .says(&[".kamal/secrets does not exist"]);
    assert_eq!(asked(&world), Vec::<String>::new());
    world.write("repository/.kamal/secrets", &text);

    // A store that gives nothing.
    world.write("locked", "");
    watched(&world, &apply).expect(78).says(&[
        ".kamal/secrets:",
        "printed nothing",
        "nothing was changed",
    ]);
    assert!(!world.path("host/delivered").exists());
    assert!(!world.path("host/home/mrsk_lock").exists());
    fs::remove_file(world.path("locked")).unwrap();
    asked(&world);

    watched(&world, &apply).expect(0);
    let all = asked(&world);
    let mut once = all.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), all.len(), "{all:?}");
    assert!(!all.contains(&"UNUSED".to_owned()), "{all:?}");
    for (name, value) in &world.sentinels {
        let file = match *name {
            PASSWORD => "login",
            name => name,
        };
        let delivered = fs::read_to_string(world.path("host/delivered").join(file)).unwrap();
        assert!(delivered == value.trim_end_matches('\n'), "{name}");
    }
    assert!(world.assert_clean_files(&PLACES) > 40);

    watched(&world, &apply).expect(0);
    assert_eq!(asked(&world), Vec::<String>::new(), "the plan is applied");
}

#[test]
fn a_failure_that_prints_values_of_commands_is_redacted() {
    let (world, _) = world();
    world.write("host/broken", "");
    let said = watched(&world, &["accessory", "boot", "db", "-v"]).expect(1);
    assert!(said.err.contains("[REDACTED]"), "{}", said.err);
    assert!(asked(&world).contains(&PASSWORD.to_owned()));
}
