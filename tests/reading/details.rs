//! `details` of the app, accessories and Traefik.

use crate::world::{ONE, TWO, World};

const ROW: &str = r#"["","aa","acme/shop:1","\"run\"","2 hours ago","Up 2 hours","80/tcp","shop-web-1"]
["staging","bb","acme/shop:1","\"run\"","2 hours ago","Up 2 hours","80/tcp","shop-web-staging-1"]
"#;

const TABLE: &str = "\
CONTAINER ID   IMAGE         COMMAND   CREATED       STATUS       PORTS    NAMES
aa             acme/shop:1   \"run\"     2 hours ago   Up 2 hours   80/tcp   shop-web-1
";

#[test]
fn containers_are_listed_by_host_and_role() {
    let world = World::new();
    world.answer(ONE, "ps", ROW);
    world.answer(TWO, "ps", ROW);
    let shown = world.mrsk(&["app", "details"]).expect(0);
    let expected = format!(
        "App Host: {ONE}\n{TABLE}\nApp Host: {TWO} (web)\n{TABLE}\nApp Host: {TWO} (jobs)\n{TABLE}\n"
    );
    assert_eq!((shown.stdout, shown.stderr), (expected, String::new()));
    assert_eq!(world.ran(TWO, "ps").len(), 2);
    let shown = world.mrsk(&["traefik", "details", "-p"]).expect(0);
    assert_eq!(shown.stdout, format!("Traefik Host: {ONE}\n{TABLE}\n"));
    let shown = world.mrsk(&["accessory", "details"]).expect(0);
    assert_eq!(shown.stdout, format!("Accessory db Host: {ONE}\n{TABLE}\n"));
}

#[test]
fn what_a_host_prints_is_escaped_and_redacted() {
    let world = World::new();
    let row = ROW.replace("2 hours ago", "hunter2-hunter2 \\u001b[31m");
    world.answer(ONE, "ps", &row);
    let secret = ("DATABASE_URL", "hunter2-hunter2");
    let shown = world
        .mrsk_with(&["app", "details", "-p"], &[secret])
        .expect(0);
    assert!(
        shown.stdout.contains("[REDACTED] \\u{1b}[31m"),
        "{}",
        shown.stdout
    );
}

#[test]
fn a_dead_host_and_a_failing_one_leave_the_others_readable() {
    let world = World::new();
    world.kill(ONE);
    world.answer(TWO, "ps", ROW);
    let shown = world.mrsk(&["app", "details", "-r", "web"]).expect(69);
    assert_eq!(shown.stdout, format!("App Host: {TWO} (web)\n{TABLE}\n"));
    assert!(shown.stderr.contains(ONE), "{}", shown.stderr);
    world.run(TWO, "ps", "echo no engine >&2; exit 7");
    let shown = world
        .mrsk(&["app", "details", "--hosts", TWO, "--roles", "web"])
        .expect(1);
    assert_eq!(
        shown.stdout,
        format!("App Host: {TWO} (web)\nno engine\n\n")
    );
    assert!(
        shown.stderr.contains("failed with status 7"),
        "{}",
        shown.stderr
    );
}

#[test]
fn names_that_match_nothing_are_errors_that_list_what_exists() {
    let world = World::new();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["app", "details", "--hosts", "192.0.2.9"],
            &["unknown host `192.0.2.9`", ONE, TWO],
        ),
        (
            &["app", "details", "--roles", "wep"],
            &["unknown role `wep`", "web, jobs"],
        ),
        (
            &["app", "details", "--roles", "jobs", "--hosts", ONE],
            &["no host has one"],
        ),
        (
            &["traefik", "details", "--roles", "jobs"],
            &["roles with Traefik: web"],
        ),
        (
            &["accessory", "details", "mysql"],
            &["unknown accessory `mysql`", "db, all"],
        ),
        (
            &["accessory", "details", "db", "--hosts", TWO],
            &["no selected host", ONE],
        ),
    ];
    for (args, texts) in cases {
        let ended = world.mrsk(args).expect(64);
        for text in *texts {
            assert!(ended.stderr.contains(text), "{args:?}: {}", ended.stderr);
        }
    }
}
