//! The kinds of values that keys have: how each is read and checked, and its schema.

pub(super) mod boolean;
pub(super) mod command;
pub(super) mod docker_options;
pub(super) mod duration;
pub(super) mod host;
pub(super) mod hosts;
pub(super) mod image_reference;
pub(super) mod labels;
pub(super) mod mount;
pub(super) mod name;
pub(super) mod number;
pub(super) mod option_values;
pub(super) mod port;
pub(super) mod texts;
pub(super) mod variable;
pub(super) mod volume;
