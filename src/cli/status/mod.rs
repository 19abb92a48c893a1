//! What `mrsk status` shows: it is collected, judged and rendered in three steps.

mod advice;
mod collect;
mod model;
mod render;

pub use collect::collect;
pub use render::render;
