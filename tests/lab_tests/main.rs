//! Tests on the hosts of the lab, one module for each subject. `tests/lab/run-tests [MODULE...]` runs them.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

#[path = "../lab_load/mod.rs"]
mod lab_load;
mod lab_project;
mod lab_support;

mod accessories;
mod assets;
mod broadcast;
mod builders;
mod configuration;
mod deploy;
mod env;
mod errors;
mod failures;
mod faults;
mod healthcheck;
mod hooks;
mod image;
mod kill;
mod maintenance;
mod migrating;
mod operations;
mod other_plans;
mod preempt;
mod proxy;
mod queue;
mod quoting;
mod reading;
mod registry;
mod release;
mod replicas;
mod restarts;
mod resume;
mod rollback;
mod route_faults;
mod routes;
mod secrets;
mod ssh_ways;
mod stale;
mod takeover;
mod tenants;
mod undo;
mod workers;
mod zero_downtime;
