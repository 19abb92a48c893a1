//! The passes of the compiler. Each looks at the configuration and the facts, and adds its steps to the draft; their order is
//! the order in which [`super::compile`] calls them, since a pass needs the ids of those before it.

pub(super) mod accessories;
pub(super) mod boot;
pub(super) mod bootstrap;
pub(super) mod broadcast;
pub(super) mod build;
pub(super) mod handover;
pub(super) mod labels;
pub(super) mod network;
pub(super) mod polls;
pub(super) mod prune;
pub(super) mod pull;
pub(super) mod reduction;
pub(super) mod registry;
pub(super) mod reliance;
pub(super) mod switch;
pub(super) mod takeover;
pub(super) mod traefik;
