//! What ran, and what is shown of it.

use crate::world::{ONE, World};

const LOG: &str = "home/mrsk-shop-audit.log";
const SECRET: (&str, &str) = ("DATABASE_URL", "hunter2-hunter2");

#[test]
fn what_a_log_holds_is_escaped_and_redacted() {
    let world = World::new();
    let line = "[2026-01-01T00:00:00Z] [jo] deploy v2 plan 0123456789ab step: hunter2-hunter2 \u{1b}[31m\n";
    std::fs::write(world.on(ONE, LOG), line).unwrap();
    for args in [&["audit"][..], &["audit", "--json"]] {
        let shown = world.mrsk_with(args, &[SECRET]).expect(0).stdout;
        assert!(shown.contains("[REDACTED]"), "{shown}");
        assert!(
            !shown.contains("hunter2") && !shown.contains('\u{1b}'),
            "{shown}"
        );
    }
}

#[test]
fn a_host_that_answers_wrongly_is_no_dead_one() {
    let world = World::new();
    world.containers(ONE, &[("web", "v2", "running")], "v2");
    world.answer(ONE, "inspected", "container {\"bad\n");
    for args in [&["inspect"][..], &["status"], &["app", "stop", "--yes"]] {
        world.mrsk(args).expect(1);
    }
}
