//! `mrsk` deploys web apps as containers to hosts reached over SSH, behind Traefik, without downtime. Every change is first
//! compiled into a [`plan::Plan`], and then applied.
//!
//! The layers, from the screen down; a module uses only modules of layers below its own (`tests/architecture` checks it):
//!
//! | layer | modules |
//! | --- | --- |
//! | shell | `cli` |
//! | presentation | `report`, `show` |
//! | effects | `apply`, `journal`, [`approval`] |
//! | decision | [`plan`]: pure; no clock, network, environment or file system |
//! | knowledge | [`config`], [`erb`], [`facts`], `docker`, `traefik` |
//! | transport | [`transport`] |
//! | ground | [`record`], [`diagnostic`], [`text`], [`exit_code`], [`action`], [`name`], [`secret`], [`redaction`], [`json`], [`digest`], [`repository`], `graph` |
//!
//! | on disk | written by |
//! | --- | --- |
//! | `.mrsk/runs/DIGEST/` beside the project | [`journal`] |
//! | `STATE/SERVICE@DEST/`, `mrsk_lock/` and the audit log on a host, see [`record`] | [`transport`] |
//! | Traefik's directory on a host | the steps of a plan |
//!
//! The invariants are in `docs/architecture.md`.

#![cfg_attr(
    not(test),
    warn(
        clippy::expect_used,
        clippy::fn_params_excessive_bools,
        clippy::panic,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::too_many_lines,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod action;
pub mod apply;
pub mod approval;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod digest;
pub mod docker;
pub mod erb;
pub mod exit_code;
pub mod facts;
pub mod graph;
pub mod journal;
pub mod json;
pub mod name;
pub mod plan;
pub mod record;
pub mod redaction;
pub mod report;
pub mod repository;
pub mod secret;
pub mod show;
pub mod text;
pub mod traefik;
pub mod transport;
