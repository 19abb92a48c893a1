//! What is read of the app: versions, images, all containers.

use crate::world::{ONE, TWO, World};

#[test]
fn the_version_is_that_of_the_container_that_requests_are_routed_to() {
    let world = World::new();
    let both = [("web", "v1", "running"), ("web", "v2", "running")];
    world.containers(ONE, &both, "v1");
    let here = [("web", "v2", "running"), ("jobs", "v2", "exited")];
    world.containers(TWO, &here, "v2");
    let shown = world.mrsk(&["app", "version"]).expect(0);
    let expected = format!(
        "App Host: {ONE}\nv1\n\nApp Host: {TWO} (web)\nv2\n\nApp Host: {TWO} (jobs)\nnothing runs\n\n"
    );
    assert_eq!((shown.stdout, shown.stderr), (expected, String::new()));
    world.containers(ONE, &[], "");
    let shown = world.mrsk(&["app", "version", "-p"]).expect(1);
    assert!(
        shown.stderr.contains("role web has no container"),
        "{}",
        shown.stderr
    );
}

#[test]
fn images_are_those_of_the_repository() {
    let world = World::new();
    world.answer(ONE, "image", "REPOSITORY   TAG\nacme/shop    v1\n");
    let shown = world.mrsk(&["app", "images", "-p"]).expect(0);
    assert_eq!(
        shown.stdout,
        format!("App Host: {ONE}\nREPOSITORY   TAG\nacme/shop    v1\n\n")
    );
    assert_eq!(
        world.ran(ONE, "image").last().unwrap(),
        "image ls registry.example.com/acme/shop"
    );
}

#[test]
fn all_containers_are_asked_for() {
    let world = World::new();
    world.mrsk(&["app", "containers", "-p"]).expect(0);
    let asked = world.ran(ONE, "ps").remove(0);
    assert!(
        asked.starts_with("ps --all --filter label=service=shop --filter label=role=web --format"),
        "{asked}"
    );
    let shown = world.mrsk(&["details"]).expect(0).stdout;
    let heads: Vec<&str> = shown
        .lines()
        .filter(|line| line.contains("Host:"))
        .collect();
    let expected = [
        format!("Traefik Host: {ONE}"),
        format!("Traefik Host: {TWO}"),
        format!("App Host: {ONE}"),
        format!("App Host: {TWO} (web)"),
        format!("App Host: {TWO} (jobs)"),
        format!("Accessory db Host: {ONE}"),
    ];
    assert_eq!(heads, expected);
}
