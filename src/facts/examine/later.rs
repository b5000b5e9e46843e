//! The same targets a moment later: what is still so was no passing state.

use super::{Examiner, SECOND_LOOK};
use crate::model::{Case, Target};

impl Examiner<'_> {
    /// Looks at absolute paths again, 300 ms from now.
    pub fn later(&mut self, targets: &[Target]) -> Vec<Option<Case>> {
        std::thread::sleep(SECOND_LOOK);
        self.examine(targets, b"/")
    }
}
