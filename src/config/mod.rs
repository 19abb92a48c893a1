//! The configuration: from `deploy.yml` and `.env` to a [`model::Config`], with every problem reported at once.

pub mod model;
