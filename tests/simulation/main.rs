//! The executor over simulated hosts, with faults. One number reproduces a run exactly.
//!
//! Worlds with plans made by hand are fast; in those with plans that are compiled from random configurations, an engine does what the
//! parts of steps say, and people make plans while others are half applied.
//!
//! `MRSK_SEEDS=N` runs the seeds 0 to N-1 (10,000 where it is unset), `MRSK_SEED=S` one seed, with its whole trace.

mod audit;
mod before;
mod compiled;
mod courses;
mod coverage;
mod document;
mod effects;
mod engine;
mod faults;
mod fences;
mod hooks;
mod host;
mod items;
mod judge;
mod liar;
mod links;
mod local;
mod parts;
#[path = "../plan_support/mod.rs"]
mod plan_support;
mod plans;
mod protocol;
mod rng;
mod siblings;
mod sleep;
mod strangers;
mod truth;
mod undo;
mod world;

use std::sync::Mutex;

use world::{Mutant, World};

/// Seeds that break no promise.
const SEEDS: u64 = 10_000;

/// Seeds of worlds of compiled plans: one takes as long as ten of the others.
const COMPILED: u64 = 400;

/// Seeds within which a fault of the executor is noticed.
const NOTICED: u64 = 1_000;

fn run(seed: u64, mutant: Mutant) -> World {
    let mut world = World::new(seed, mutant);
    world.run();
    world
}

fn run_undo(seed: u64) -> World {
    let mut world = World::with_undo(seed);
    world.run();
    world
}

fn tail(world: &World, lines: usize) -> String {
    let from = world.trace.len().saturating_sub(lines);
    world.trace[from..].join("\n")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Makes the worlds of a range of seeds on two threads, and returns the first that breaks a promise whose text has one of `words` in it.
/// Every world that ends is looked at.
fn search(
    run: &(dyn Fn(u64) -> World + Sync),
    seeds: u64,
    words: &[&str],
    look: &(dyn Fn(&World) + Sync),
) -> Option<(u64, String)> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|part| {
                scope.spawn(move || {
                    (part..seeds).step_by(2).find_map(|seed| {
                        let world = run(seed);
                        look(&world);
                        let message = world.violation.as_ref()?;
                        words.iter().find(|word| message.contains(**word))?;
                        Some((
                            seed,
                            format!(
                                "{message}\n{}",
                                tail(&world, number("MRSK_LINES").unwrap_or(60) as usize)
                            ),
                        ))
                    })
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().expect("a seed panicked"))
            .min_by_key(|(seed, _)| *seed)
    })
}

/// What the traces of all seeds together say.
const EVENTS: [&str; 40] = [
    "AlreadyClaimed",
    "Attached",
    "PollAttempt",
    ", Lost)",
    "Refused",
    "taken_from: Some",
    "frozen",
    "the journal of",
    "Some(Refused))",
    "Some(Failed",
    "falls asleep",
    "is full",
    "is killed",
    "ChannelLost",
    "Interrupt",
    "Quit",
    "Halted",
    "StopLocal",
    " Stopped",
    "TimedOut",
    "CheckLocal",
    "exit Done",
    "exit AlreadyApplied",
    "exit Failed",
    "exit InDoubt",
    "exit Interrupted",
    "exit StopRequested",
    "exit JournalFailed",
    "exit HostFailed",
    "exit LockHeld",
    "exit StepsRunning",
    "of another plan for",
    "Fenced with a step of another plan",
    "exit LockLost",
    "exit Unreachable",
    "/web/2/start#2",
    "/accessory/db/start#2",
    "a sibling enters",
    "hosts and dies",
    "exit Superseded",
];

#[test]
fn no_seed_breaks_a_promise() {
    if let Some(seed) = number("MRSK_SEED") {
        let world = run(seed, Mutant::None);
        println!("{}", world.trace.join("\n"));
        assert_eq!(world.violation, None);
        return;
    }
    let seeds = number("MRSK_SEEDS").unwrap_or(SEEDS);
    let missing = Mutex::new(EVENTS.to_vec());
    let look = |world: &World| {
        let is_here = |word: &str| world.trace.iter().any(|line| line.contains(word));
        let mut missing = missing.lock().unwrap();
        missing.retain(|word| !is_here(word));
    };
    if let Some((seed, report)) = search(&|seed| run(seed, Mutant::None), seeds, &[""], &look) {
        panic!("MRSK_SEED={seed} breaks a promise: {report}");
    }
    let missing = missing.into_inner().unwrap();
    // Seeds that never meet a fault would prove nothing.
    assert!(
        seeds < SEEDS || missing.is_empty(),
        "never reached: {missing:?}"
    );
}

fn run_compiled(seed: u64) -> World {
    let mut world = World::with_compiled(seed, Mutant::None);
    world.run();
    world
}

/// What the traces of all worlds of compiled plans together say.
const BETWEEN_PLANS: [&str; 10] = [
    "is made: deploy",
    "is made: redeploy",
    "is made: rollback",
    "of plan ",
    "undoes part 2",
    "a child lives: true",
    "a child lives: false",
    "exit Superseded",
    "exit Stale",
    "fact: \"/serial/unfinished\"",
];

/// Plans of the compiler, several in a world: what routing files name runs at every moment, and in the end nothing is left to do.
#[test]
fn plans_of_random_configurations_follow_one_another() {
    if let Some(seed) = number("MRSK_SEED") {
        let world = run_compiled(seed);
        println!("{}", world.trace.join("\n"));
        assert_eq!(world.violation, None);
        return;
    }
    let seeds = number("MRSK_SEEDS").unwrap_or(COMPILED);
    let missing = Mutex::new(BETWEEN_PLANS.to_vec());
    let look = |world: &World| {
        let is_here = |word: &str| world.trace.iter().any(|line| line.contains(word));
        missing.lock().unwrap().retain(|word| !is_here(word));
    };
    if let Some((seed, report)) = search(&run_compiled, seeds, &[""], &look) {
        panic!("MRSK_SEED={seed} breaks a promise: {report}");
    }
    let missing = missing.into_inner().unwrap();
    assert!(
        seeds < COMPILED || missing.is_empty(),
        "never reached: {missing:?}"
    );
}

/// Prints what went wrong where, over many seeds of both kinds of worlds. For a release build: see bin/simulate.
#[test]
#[ignore = "runs as long as it is asked to: bin/simulate"]
fn report_of_a_long_run() {
    let seeds = number("MRSK_SEEDS").unwrap_or(SEEDS);
    let all = Mutex::new(coverage::Coverage::new());
    let look = |world: &World| coverage::add(&mut all.lock().unwrap(), world);
    let compiled = seeds / 10;
    let by_hand = search(&|seed| run(seed, Mutant::None), seeds, &[""], &look);
    let by_compiler = search(&run_compiled, compiled, &[""], &look);
    let broken = by_hand.or(by_compiler);
    let what = format!(
        "{seeds} worlds of plans made by hand, and {compiled} of plans that were compiled."
    );
    println!("{}", coverage::report(&all.into_inner().unwrap(), &what));
    if let Some((seed, report)) = broken {
        panic!("MRSK_SEED={seed} breaks a promise: {report}");
    }
}

/// Undoes what seeds of compiled plans did, after any part of it.
#[test]
fn what_served_before_serves_after_an_undo() {
    if let Some(seed) = number("MRSK_SEED") {
        let world = run_undo(seed);
        println!("{}", world.trace.join("\n"));
        assert_eq!(world.violation, None);
        return;
    }
    let seeds = number("MRSK_SEEDS").unwrap_or(NOTICED / 10);
    if let Some((seed, report)) = search(&run_undo, seeds, &[""], &|_| {}) {
        panic!("MRSK_SEED={seed} breaks a promise: {report}");
    }
}

/// Hooks on top: each of those that follow takes effect once, and each of those that go before succeeds once.
#[test]
fn no_seed_repeats_a_hook_that_may_have_taken_effect() {
    let mut resolved = 0;
    for seed in number("MRSK_SEED").map_or(0..400, |seed| seed..seed + 1) {
        let mut world = World::with_hooks(seed);
        world.run();
        if let Some(message) = &world.violation {
            let lines = number("MRSK_LINES").unwrap_or(60) as usize;
            panic!("MRSK_SEED={seed}: {message}\n{}", tail(&world, lines));
        }
        resolved += world.resolved;
    }
    assert!(resolved > 0 || number("MRSK_SEED").is_some());
}

#[test]
fn a_seed_reproduces_its_run() {
    for seed in (0..NOTICED).step_by(37) {
        assert_eq!(
            run(seed, Mutant::None).trace,
            run(seed, Mutant::None).trace,
            "seed {seed}"
        );
    }
}

/// Answers of the host that answers at random, over all runs of the test.
const LIES: u64 = 100_000;

#[test]
fn a_host_that_answers_at_random_changes_no_other_hosts_outcome() {
    let seed = number("MRSK_SEED");
    let (mut lies, mut outcomes) = (0, std::collections::BTreeMap::new());
    for seed in seed.map_or(0..u64::MAX, |seed| seed..seed + 1) {
        let mut world = World::with_liar(seed);
        world.run();
        if let Some(message) = &world.violation {
            panic!(
                "MRSK_SEED={seed}: {message}\n{}",
                tail(&world, number("MRSK_LINES").unwrap_or(60) as usize)
            );
        }
        lies += world.lies;
        let outcome = world.outcome();
        *outcomes.entry(outcome).or_insert(0) += 1;
        if lies >= LIES {
            break;
        }
    }
    println!("{lies} lies: {outcomes:?}");
    assert!(seed.is_some() || outcomes.contains_key("Failed") && outcomes.contains_key("Done"));
}

/// The simulation can fail, and for the right reason.
fn assert_noticed(mutant: Mutant, words: &[&str]) {
    match search(&|seed| run(seed, mutant), NOTICED, words, &|_| {}) {
        Some((seed, report)) => println!("{mutant:?} is noticed by seed {seed}: {report}"),
        None => panic!("{mutant:?} is not noticed within {NOTICED} seeds"),
    }
}

#[test]
fn ignored_receipts_are_noticed() {
    assert_noticed(Mutant::ReceiptsIgnored, &["twice"]);
}

#[test]
fn claims_that_do_not_hold_are_noticed() {
    assert_noticed(Mutant::ClaimsOff, &["twice", "while it runs"]);
}

#[test]
fn a_fence_that_does_not_hold_is_noticed() {
    assert_noticed(Mutant::FenceOff, &["fenced off"]);
}

#[test]
fn a_drain_before_its_route_is_noticed() {
    assert_noticed(Mutant::DrainBeforeRoute, &["routed and healthy"]);
}

#[test]
fn a_lock_that_is_believed_to_be_held_is_noticed() {
    assert_noticed(Mutant::BeatLies, &["without the lock"]);
}

#[test]
fn a_step_that_does_not_wait_is_noticed() {
    assert_noticed(Mutant::NeedsIgnored, &["begins before"]);
}

#[test]
fn hosts_that_hide_a_restart_are_noticed() {
    assert_noticed(Mutant::RestartHidden, &["twice", "unfounded"]);
}

#[test]
fn hosts_that_hide_steps_of_another_plan_are_noticed() {
    assert_noticed(Mutant::OthersHidden, &["beside a step of another plan"]);
}

#[test]
fn a_stop_that_does_not_hold_is_noticed() {
    assert_noticed(Mutant::HaltIgnored, &["though its host knows"]);
}

#[test]
fn a_start_that_the_journal_does_not_hold_is_noticed() {
    assert_noticed(Mutant::UnjournaledStarts, &["unjournaled"]);
}

#[test]
fn an_end_that_no_host_keeps_is_noticed() {
    assert_noticed(Mutant::EndsForgotten, &["stands in no audit"]);
}

#[test]
fn plans_that_have_begun_nothing_and_count_are_noticed() {
    assert_noticed(Mutant::SiblingsCount, &["unfounded outcome Superseded"]);
}

#[test]
fn a_clock_that_stops_while_the_machine_sleeps_is_noticed() {
    assert_noticed(Mutant::ClockStops, &["not confirmed in time"]);
}
