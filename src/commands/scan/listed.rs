//! The sockets of the host, as `list` has them: looked at once, and who holds them is known from then on.

use crate::cli::ListArgs;
use crate::commands::{Context, list};
use crate::facts::examine::Examiner;
use crate::facts::host;
use crate::model::{Data, Served, Socket};
use crate::rules::Judgement;

/// All of them.
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
    pub(super) fn of(context: &Context<'_>, examiner: &mut Examiner<'_>) -> Self {
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
