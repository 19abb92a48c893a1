//! Commands that read from hosts: the whole binary, over real channels, against stand-ins for ssh and docker. There is no secret, no docker
//! client and no repository here.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test"
)]

mod app;
mod audit;
mod dead_hosts;
mod details;
#[path = "../ended/mod.rs"]
mod ended;
mod exec;
mod lock;
mod logs;
mod pre_connect;
mod shells;
mod status;
mod world;
