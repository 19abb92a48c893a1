//! What shows a run from before its plan is final.

use super::view::View;
use crate::apply::driver::Observer;

/// An observer that can be told that the hosts need another plan than the one it knows.
pub trait Reporter: Observer {
    /// Goes on with the plan of `view`. What was told about steps stays told.
    fn replan(&mut self, view: View);
}
