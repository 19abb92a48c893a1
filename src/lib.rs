//! `mrsk` deploys web apps as containers to hosts reached over SSH, behind Traefik, without downtime. Every change is first
//! compiled into a [`plan::Plan`], and then applied.
//!
//! The layers, from the screen down; a module uses only modules of layers below its own (`tests/architecture.rs` checks it):
//!
//! | layer | modules |
//! | --- | --- |
//! | shell | `cli` |
//! | presentation | `report`, `show` |
//! | effects | `apply`, `journal` |
//! | decision | [`plan`]: pure; no clock, network, environment or file system |
//! | knowledge | [`config`], [`facts`], `docker`, `traefik` |
//! | transport | [`transport`] |
//! | ground | [`record`], [`action`], [`name`], [`secret`], [`diagnostic`], `graph` |
//!
//! What stands on disk: `docs/architecture.md`.

#![deny(missing_docs)]

pub mod action;
pub mod apply;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod docker;
pub mod facts;
pub mod graph;
pub mod journal;
pub mod name;
pub mod plan;
pub mod record;
pub mod report;
pub mod secret;
pub mod show;
pub mod traefik;
pub mod transport;
