//! Schedules steps of simulated hosts that answer at once: steps per second of CPU, and memory.
//!
//! `cargo bench --bench schedule [-- HOSTS STEPS_PER_HOST]`; without numbers: 25,000 to 250,000 hosts with 4 steps each, and
//! 1,000 hosts with 1,000 each.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "each size is measured in a process of its own"
)]

mod fleet;

use std::collections::VecDeque;
use std::process::Command;
use std::sync::Arc;

use mrsk::apply::state::{Action, Event, Millis, Options, Outcome, State};
use mrsk::facts::model::HostFacts;
use mrsk::name::RunId;
use mrsk::plan::Plan;
use mrsk::record::{Ending, Listing, LockAnswer, Receipt};

const SIZES: [(usize, usize); 4] = [(25_000, 4), (100_000, 4), (250_000, 4), (1_000, 1_000)];

/// The sessions of a run at the same time.
const PARALLEL: usize = 30;

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|word| word.parse().ok())
        .collect();
    if let [hosts, steps] = numbers[..] {
        return measure(hosts, steps);
    }
    let program = std::env::current_exe().expect("this program");
    for (hosts, steps) in SIZES {
        let numbers = [hosts.to_string(), steps.to_string()];
        let status = Command::new(&program)
            .args(numbers)
            .status()
            .expect("this program");
        assert!(status.success(), "{status}");
    }
}

fn measure(hosts: usize, steps: usize) {
    let plan = fleet::chains(hosts, steps);
    let (cpu, before) = (cpu_seconds(), resident());
    let ended = run(&plan);
    let (seconds, peak) = (cpu_seconds() - cpu, peak());
    assert_eq!(ended, hosts * steps);
    println!(
        "{ended:>9} steps on {hosts:>7} hosts: {seconds:5.2} s of CPU, {:9.0} steps/s, {:5.0} bytes per step beside the plan",
        ended as f64 / seconds,
        peak.saturating_sub(before) as f64 / ended as f64,
    );
}

/// Applies the plan, and returns how many steps succeeded.
fn run(plan: &Arc<Plan>) -> usize {
    let run = RunId::from("r");
    let options = Options {
        parallel: PARALLEL,
        ..Options::new(run.clone())
    };
    let mut state = State::new(plan.clone(), options).expect("a graph");
    let mut events = VecDeque::from([Event::Begin]);
    let (mut ended, mut outcome) = (0, None);
    while let Some(event) = events.pop_front() {
        for action in state.handle(Millis(0), event) {
            answer(action, &run, &mut events, &mut ended, &mut outcome);
        }
    }
    assert_eq!(outcome, Some(Outcome::Done));
    ended
}

fn answer(
    action: Action,
    run: &RunId,
    events: &mut VecDeque<Event>,
    ended: &mut usize,
    outcome: &mut Option<Outcome>,
) {
    match action {
        Action::TakeLock => events.push_back(Event::Lock(LockAnswer::Acquired {
            generation: 1,
            taken_from: None,
            open: Vec::new(),
        })),
        Action::Others(host, _) => events.push_back(Event::Others(host, Vec::new())),
        Action::Inspect(host) => {
            let mut facts = HostFacts::default();
            facts.serial.number = 1;
            events.push_back(Event::Inspected(host, Box::new(facts), Listing::default()));
        }
        Action::Fence { host, .. } => {
            events.push_back(Event::Fenced(host, Listing::default(), Vec::new()));
        }
        Action::Start(host, steps) => {
            for start in steps {
                let claimed = Event::Claimed(host.clone(), start.step.clone(), start.attempt);
                events.push_back(claimed);
                *ended += 1;
                events.push_back(Event::Ended {
                    host: host.clone(),
                    step: start.step,
                    attempt: start.attempt,
                    receipt: Receipt {
                        ending: Ending::Succeeded,
                        run: run.clone(),
                        started: 0,
                        ended: 0,
                        value: None,
                    },
                    diagnosis: String::new(),
                });
            }
        }
        Action::Beat => events.push_back(Event::Beaten { held: true }),
        Action::Finish(host) => events.push_back(Event::Finished(host)),
        Action::Release => events.push_back(Event::Released),
        Action::Exit(end) => *outcome = Some(end),
        Action::Journal(_) | Action::Report(_) | Action::Audit(_) | Action::Drop(_) => {}
        other => unreachable!("{other:?}"),
    }
}

/// Returns the CPU time of this process, in seconds.
fn cpu_seconds() -> f64 {
    let counted = std::fs::read_to_string("/proc/self/schedstat").expect("the scheduler counts");
    let nanoseconds = counted.split(' ').next().expect("a number");
    nanoseconds.parse::<f64>().expect("a number") / 1e9
}

fn resident() -> u64 {
    memory("VmRSS:")
}

fn peak() -> u64 {
    memory("VmHWM:")
}

/// Returns what the kernel says of the memory of this process, in bytes.
fn memory(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a number")
        * 1024
}
