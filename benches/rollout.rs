//! Deploys to a large fleet in virtual time: how long they take, how many hosts pull at the same time, and what limits them.
//!
//! `cargo bench --bench rollout [-- --hosts N] [--svg FILE]`; without a number: 10,000 hosts.

#![expect(clippy::print_stdout, reason = "it prints a table")]

mod fleet;
mod virtual_time;

use std::fmt::Write as _;
use std::sync::Arc;

use fleet::Fleet;
use virtual_time::{Conditions, Rollout, World};

/// `boot.limit`.
const LIMITS: [&str; 3] = ["all", "10%", "1%"];
/// `--parallel`.
const PARALLEL: [usize; 3] = [30, 100, 500];
/// What registries send, in Gbit/s: one server, and one with caches beside the hosts.
const REGISTRIES: [f64; 2] = [10.0, 200.0];
/// What a host receives, in Gbit/s.
const HOST: f64 = 1.0;
/// What is new in an image, in bytes.
const IMAGE: f64 = 200e6;
/// One Gbit/s in bytes per millisecond.
const GBIT: f64 = 125_000.0;

/// A deploy, and what became of it.
struct Row {
    limit: &'static str,
    parallel: usize,
    registry: f64,
    rollout: Rollout,
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let hosts =
        value("--hosts").map_or(10_000, |number| number.parse().expect("a number of hosts"));
    println!(
        "hosts of a group  sessions  registry     until the end  half done  pulls  longest  registry used  sessions used  hosts"
    );
    let mut rows = Vec::new();
    for limit in LIMITS {
        // Without `max_failures`, a group with a dead host is the last one.
        let boot = match limit {
            "all" => String::new(),
            limit => format!("boot:\n  limit: {limit}\n  max_failures: {}\n", hosts / 100),
        };
        let fleet = Fleet::with(hosts, &boot);
        let plan = Arc::new(fleet.plan());
        for registry in REGISTRIES {
            for parallel in PARALLEL {
                let conditions = Conditions {
                    parallel,
                    registry: registry * GBIT,
                    host: HOST * GBIT,
                    image: IMAGE,
                };
                let rollout = World::new(&plan, &fleet.facts, conditions).apply(&plan);
                let row = Row {
                    limit,
                    parallel,
                    registry,
                    rollout,
                };
                println!("{}", line(&row));
                rows.push(row);
            }
        }
    }
    if let Some(file) = value("--svg") {
        std::fs::write(file, plot(hosts, &rows)).expect("a file that can be written");
    }
}

fn line(row: &Row) -> String {
    let rollout = &row.rollout;
    format!(
        "{:>15}  {:>8}  {:>3} Gbit/s  {:>13}  {:>9}  {:>5}  {:>7}  {:>12.0}%  {:>12.0}%  {:>5}",
        row.limit,
        row.parallel,
        row.registry,
        minutes(rollout.makespan),
        minutes(rollout.half),
        rollout.pulls,
        minutes(rollout.longest_pull),
        rollout.registry_use * 100.0,
        rollout.session_use * 100.0,
        rollout.finished,
    )
}

/// Returns a time in minutes and seconds.
fn minutes(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The color of the bars of each number of sessions; those with caches are lighter.
const COLORS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

/// Returns a chart: for each limit a bar for each registry and number of sessions, as long as the deploy.
fn plot(hosts: usize, rows: &[Row]) -> String {
    let longest = rows.iter().map(|row| row.rollout.makespan).max();
    let longest = longest.unwrap_or(1) as f64;
    let height = 60 + rows.len() * 20 + LIMITS.len() * 10;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"760\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">A deploy to {hosts} hosts, in minutes</text>\n"
    );
    for (at, row) in rows.iter().enumerate() {
        let group = at / (rows.len() / LIMITS.len());
        let y = 40 + at * 20 + group * 10;
        let width = (400.0 * row.rollout.makespan as f64 / longest).max(1.0);
        let color = COLORS[at % COLORS.len()];
        let opacity = if row.registry > REGISTRIES[0] {
            0.5
        } else {
            1.0
        };
        let name = format!(
            "groups: {}, {} Gbit/s, {} sessions",
            row.limit, row.registry, row.parallel
        );
        let time = minutes(row.rollout.makespan);
        // Writing to a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"10\" y=\"{}\">{name}</text>\
             <rect x=\"250\" y=\"{y}\" width=\"{width:.0}\" height=\"16\" fill=\"{color}\" opacity=\"{opacity}\"/>\
             <text x=\"{:.0}\" y=\"{}\">{time}</text>",
            y + 12,
            256.0 + width,
            y + 12,
        );
    }
    svg + "</svg>\n"
}
