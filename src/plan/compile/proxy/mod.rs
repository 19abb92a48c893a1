//! What stands between users and containers: mrsk's network and Traefik.

pub(super) mod network;
pub(super) mod start;
pub(super) mod takeover;
