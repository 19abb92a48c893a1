//! What stands between users and containers: mrsk's network and Traefik.

pub mod adoption;
pub mod certificate;
pub mod facts;
pub mod network;
pub mod operations;
pub mod proof;
pub mod reach;
pub mod start;
mod storage;
pub mod takeover;
pub mod trial;

#[cfg(test)]
mod proxy_tests;
