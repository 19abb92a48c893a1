//! ERB templates as a user meets them: the examples of the manual, `envify`, the configuration; the same by Ruby, where
//! there is one; and anything at all, without a panic or a hang.

#[path = "../ended/mod.rs"]
mod ended;
mod envify;
mod project;
mod properties;
mod ruby;
