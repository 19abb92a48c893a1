//! The protocol with the hosts, tested by itself: the scripts run in real shells of this machine, with a temporary login and
//! state directory, and with fake `docker` and `curl` commands where those are needed.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the shells that they test"
)]

mod audit;
mod base64;
mod complete;
mod cuts;
mod disk;
mod faults;
mod files;
mod fixture;
mod forget;
mod halt;
mod in_flight;
mod limits;
mod lives;
mod lock;
mod lock_requests;
mod logins;
mod merge;
mod mutants;
mod orders;
mod others;
mod poll;
mod power_cut;
mod promises;
mod queue;
mod quoting;
mod reach;
mod routed;
mod sample;
mod secrets;
mod state;
mod step;
mod tenants;
mod unfinished;
