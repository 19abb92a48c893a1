//! mrsk
