//! What stands between users and containers: mrsk's network and Traefik.

mod adopt;
pub mod adoption;
mod carried;
pub mod certificate;
mod created;
pub mod facts;
mod kamal_proxy;
pub mod network;
pub mod operations;
pub mod proof;
pub mod reach;
pub mod start;
mod storage;
pub mod takeover;
pub mod trial;

#[cfg(test)]
mod kamal_proxy_tests;
#[cfg(test)]
mod proxy_tests;
