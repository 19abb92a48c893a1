//! The real binary, over real channels, against a host that lies in each answer of the protocol.
//!
//! Beside the liar is an honest host. Whatever the liar says: the step of the honest host counts as done with its receipt alone, its
//! part is as the row says, and the run ends in time. What a liar says of its own step is its own affair, unless it contradicts itself.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

mod world;

use std::sync::Mutex;
use std::time::Duration;

use world::{LOCK_HOST, OTHER_HOST, World};

/// The longest that a run may take: a host that is lost is given up after a minute.
const LIMIT: Duration = Duration::from_secs(150);

/// How many runs there are at a time. They mostly wait.
const AT_ONCE: usize = 6;

/// What becomes of a host's step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    /// It is done: the run says so, the host has its receipt, and the container was created and started once.
    Done,
    /// It was not started, and the run does not say that it was done.
    Untouched,
}

use Part::{Done, Untouched};

/// A request, and the script that prints the lie which answers it.
type Lie = (&'static str, &'static str);

/// A host that lies.
struct Row {
    liar: &'static str,
    /// What it says. `$step` is the liar's step, `$other` the honest
    /// host's, `$run` this run.
    lies: &'static [Lie],
    /// What the run ends with.
    code: i32,
    /// What becomes of the honest host's step, and of the liar's.
    parts: [Part; 2],
}

const fn row(liar: &'static str, lies: &'static [Lie], code: i32, parts: [Part; 2]) -> Row {
    Row {
        liar,
        lies,
        code,
        parts,
    }
}

const TAKEN: Lie = ("batch", "say taken $step 1; say end");

const ROWS: &[Row] = &[
    // The lock.
    row(
        LOCK_HOST,
        &[("lock", "say held; say end")],
        1,
        [Untouched, Untouched],
    ),
    row(
        LOCK_HOST,
        &[("lock", "say foreign bm8=; say end")],
        4,
        [Untouched, Untouched],
    ),
    row(
        LOCK_HOST,
        &[
            ("lock", "say acquired 1 -; say end"),
            ("beat", "say lost; say end"),
        ],
        1,
        [Untouched, Untouched],
    ),
    row(
        LOCK_HOST,
        &[("release", "say acquired 1 -; say end")],
        0,
        [Done, Done],
    ),
    // The facts.
    row(
        OTHER_HOST,
        &[("facts", "echo welcome")],
        1,
        [Untouched, Untouched],
    ),
    row(
        OTHER_HOST,
        &[(
            "facts",
            "echo mrsk-facts 1 begin; echo container; echo mrsk-facts 1 end",
        )],
        1,
        [Untouched, Untouched],
    ),
    row(
        OTHER_HOST,
        &[("facts", "head -c 20M /dev/zero")],
        1,
        [Untouched, Untouched],
    ),
    // The fence and the lists. Nothing has started yet.
    row(
        OTHER_HOST,
        &[(
            "fence",
            "say fenced; say attempt $other 1 ended succeeded 0 $run 1 2 - end; say end",
        )],
        1,
        [Untouched, Untouched],
    ),
    row(
        OTHER_HOST,
        &[("fence", "say superseded 9 -; say end")],
        3,
        [Untouched, Untouched],
    ),
    row(
        OTHER_HOST,
        &[("fence", "say acquired 1 -; say end")],
        1,
        [Untouched, Untouched],
    ),
    row(
        LOCK_HOST,
        &[(
            "fence",
            "say fenced; say attempt $other 1 ended succeeded 0 $run 1 2 - end; say end",
        )],
        1,
        [Untouched, Untouched],
    ),
    row(
        OTHER_HOST,
        &[(
            "list",
            "say attempt $other 1 ended succeeded 0 $run 1 2 - end; say end",
        )],
        1,
        [Untouched, Untouched],
    ),
    // The events of steps.
    row(
        OTHER_HOST,
        &[(
            "batch",
            "say claimed $other 1; say ended $other 1 succeeded 0 $run 1 2 - end - -; say end",
        )],
        1,
        [Done, Untouched],
    ),
    row(
        LOCK_HOST,
        &[(
            "batch",
            "say claimed $other 1; say ended $other 1 succeeded 0 $run 1 2 - end - -; say end",
        )],
        1,
        [Done, Untouched],
    ),
    row(
        OTHER_HOST,
        &[(
            "batch",
            "say claimed $step 1; say ended $step 1 succeeded 0 another 1 2 - end - -; say end",
        )],
        1,
        [Done, Untouched],
    ),
    row(OTHER_HOST, &[("batch", "say end")], 1, [Done, Untouched]),
    row(
        OTHER_HOST,
        &[("batch", "say claimed $step 2; say end")],
        1,
        [Done, Untouched],
    ),
    row(
        OTHER_HOST,
        &[("batch", "head -c 20M /dev/zero")],
        1,
        [Done, Untouched],
    ),
    row(
        OTHER_HOST,
        &[("batch", "say error bm8=; say end")],
        1,
        [Done, Untouched],
    ),
    // An attempt that is waited for.
    row(
        OTHER_HOST,
        &[
            TAKEN,
            (
                "await",
                "say attempt $other 1 ended succeeded 0 $run 1 2 - end; say end",
            ),
        ],
        1,
        [Done, Untouched],
    ),
    row(
        OTHER_HOST,
        &[
            TAKEN,
            (
                "await",
                "say attempt $step 7 ended succeeded 0 $run 1 2 - end; say end",
            ),
        ],
        1,
        [Done, Untouched],
    ),
    // The end.
    row(
        OTHER_HOST,
        &[("finish", "say refused; say end")],
        1,
        [Done, Done],
    ),
    row(
        OTHER_HOST,
        &[("finish", "say recorded; say end")],
        0,
        [Done, Done],
    ),
];

/// Returns what is not as `row` says.
fn problems(row: &Row) -> Vec<String> {
    let world = World::new();
    let honest = match row.liar {
        LOCK_HOST => OTHER_HOST,
        _ => LOCK_HOST,
    };
    for (request, script) in row.lies {
        world.lie(row.liar, request, script);
        if *request == "beat" {
            world.slow(honest);
            world.slow(row.liar);
        }
    }
    let outcome = world.apply();
    let mut problems = Vec::new();
    if outcome.code != row.code {
        problems.push(format!("exit code {}", outcome.code));
    }
    if outcome.took > LIMIT {
        problems.push(format!("took {:?}", outcome.took));
    }
    if !world.has_lied(row.liar) {
        problems.push("the lie was not asked for".to_owned());
    }
    for (host, part) in [honest, row.liar].into_iter().zip(row.parts) {
        let status = outcome.status[usize::from(host == OTHER_HOST)].as_str();
        let is_done = matches!(status, "succeeded" | "already_done");
        let (changes, receipt) = (world.changes(host), world.has_receipt(host));
        let is_as_expected = match part {
            Done => status == "succeeded" && receipt && changes == "create start",
            Untouched => !is_done && !receipt && changes.is_empty(),
        };
        if !is_as_expected {
            problems.push(format!(
                "{host} is not {part:?}: {status}, {changes}, receipt: {receipt}"
            ));
        }
    }
    if !problems.is_empty() {
        problems.push(outcome.text);
    }
    problems
}

#[test]
fn a_host_that_lies_changes_no_other_hosts_part() {
    let rows = Mutex::new(ROWS.iter());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = rows.lock().unwrap().next();
                    let Some(row) = next else { break };
                    let found = problems(row);
                    if !found.is_empty() {
                        let (liar, lies) = (row.liar, row.lies);
                        let text = format!("{liar} {lies:?}: {}", found.join("\n"));
                        failures.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn two_honest_hosts_are_done() {
    let world = World::new();
    let outcome = world.apply();
    assert_eq!(outcome.code, 0, "{}", outcome.text);
    for host in [LOCK_HOST, OTHER_HOST] {
        assert_eq!(world.changes(host), "create start");
        assert!(world.has_receipt(host));
    }
}
