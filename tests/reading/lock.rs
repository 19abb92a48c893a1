//! The lock that a person takes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::world::{ONE, World};

#[test]
fn a_lock_by_hand_is_as_the_original_has_it() {
    let world = World::new();
    let taken = world
        .mrsk(&["lock", "acquire", "-m", "Doing\nmaintenance"])
        .expect(0);
    assert_eq!(taken.stdout, "acquired the deploy lock\n");
    let details = std::fs::read_to_string(world.on(ONE, "home/mrsk_lock/shop@/details")).unwrap();
    let details = STANDARD.decode(details.trim()).unwrap();
    let details = String::from_utf8(details).unwrap();
    let lines: Vec<&str> = details.lines().collect();
    assert!(
        lines[0].starts_with("Locked by: unknown at 20"),
        "{details}"
    );
    assert!(lines[0].ends_with(" UTC"), "{details}");
    assert_eq!(lines[1..], ["Version: ", "Message: Doing maintenance"]);
    let held = world.mrsk(&["lock", "acquire", "-m", "mine"]).expect(4);
    for text in [
        "the deploy lock is held",
        "Doing maintenance",
        "mrsk lock release",
    ] {
        assert!(held.stderr.contains(text), "{}", held.stderr);
    }
    let status = world.mrsk(&["lock", "status"]).expect(0).stdout;
    assert!(
        status.contains("Held by a person or another tool"),
        "{status}"
    );
    let shown = world.mrsk(&["status"]).expect(0).stdout;
    assert!(shown.contains(": Doing maintenance (by hand)"), "{shown}");
    assert!(shown.contains("next: mrsk lock release\n"), "{shown}");
    world.mrsk(&["lock", "release"]).expect(0);
    let status = world.mrsk(&["lock", "status"]).expect(0).stdout;
    assert_eq!(status, "the deploy lock is free\n");
    world.mrsk(&["lock", "acquire"]).expect(64);
}
