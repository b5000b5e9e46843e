//! What is there, whatever configuration says: the units that are not inactive, and the sockets as `list` has them.

use super::states::Awake;
use crate::cli::ListArgs;
use crate::commands::{Context, list};
use crate::facts::examine::{Examiner, Verdicts};
use crate::facts::host;
use crate::model::{Data, Gap, Served, Socket};
use crate::rules::Judgement;

/// How many accesses are put to the kernel: enough to see that it agrees.
const VERDICTS: Verdicts = Verdicts { granted: 4, denied: 32 };

/// All of that.
pub(super) struct Host<'m> {
    pub(super) awake: Awake,
    pub(super) listed: Listed,
    /// Who knows by now who holds the sockets.
    pub(super) examiner: Examiner<'m>,
    pub(super) gaps: Vec<Gap>,
}

impl<'m> Host<'m> {
    pub(super) fn of(context: &Context<'m>) -> Self {
        let mut gaps = Vec::new();
        // Before anybody is asked who holds what: a service that is started meanwhile is not one without its listener.
        let awake = Awake::of(context.machine, &mut gaps);
        let mut examiner = Examiner::new(context.machine, context.deadline, false);
        let listed = Listed::of(context, &mut examiner);
        examiner.verdicts = VERDICTS;
        Self { awake, listed, examiner, gaps }
    }
}

/// The sockets.
#[derive(Default)]
pub(super) struct Listed {
    /// `None`: they could not be listed.
    pub(super) sockets: Option<Vec<Socket>>,
    /// How many rows there are.
    pub(super) subjects: usize,
    pub(super) served: Vec<Served>,
    pub(super) judgement: Judgement,
}

impl Listed {
    fn of(context: &Context<'_>, examiner: &mut Examiner<'_>) -> Self {
        if !context.machine.has_kernel() {
            return Self::default();
        }
        let Ok(answer) = list::run_by(context, examiner, &ListArgs::default()) else {
            return Self::default();
        };
        let Data::List { sockets: listing, .. } = answer.data else { return Self::default() };
        let ours = host::host(context.machine).netns;
        Self {
            served: listing.iter().filter_map(|row| Served::of_row(&row, ours)).collect(),
            sockets: Some(listing.sockets),
            subjects: answer.subjects,
            judgement: answer.judgement,
        }
    }
}
