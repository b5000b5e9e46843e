//! What `wait` prints of each target: how it ended, and when.

use std::io::{self, Write};
use std::time::Duration;

use super::Loudness;
use super::style::escape;
use crate::model::{Ending, Waited};

/// `ready /run/x.sock after 0.412 s`, or why not.
pub(super) fn line(waited: &Waited, ending: Ending) -> String {
    let (outcome, after) = (waited.outcome(), seconds(waited.after));
    let line = format!("{outcome} {} after {after} s", escape(&waited.target.label()));
    if waited.ready {
        return line;
    }
    let errno = waited.reach.errno().map(|errno| format!(" ({:?})", nix::errno::Errno::from_raw(errno)));
    let why = match ending {
        Ending::ProducerGone(pid) => format!("; process {pid} has ended"),
        _ => String::new(),
    };
    format!("{line}: {}{}{why}", waited.reach.says(), errno.unwrap_or_default())
}

/// One line a target. Those that are ready go without saying where little is to be said.
pub(super) fn lines(
    targets: &[Waited],
    ending: Ending,
    loudness: Loudness,
    out: &mut dyn Write,
) -> io::Result<()> {
    let said = targets.iter().filter(|waited| !(waited.ready && loudness == Loudness::Quiet));
    // With --any the others are of no interest.
    let said = said.filter(|waited| waited.ready || ending != Ending::Ready);
    said.map(|waited| line(waited, ending)).try_for_each(|line| writeln!(out, "{line}"))
}

/// `outcome target seconds state errno`
pub(super) fn render_plain(targets: &[Waited], out: &mut dyn Write) -> io::Result<()> {
    targets.iter().try_for_each(|waited| {
        let errno = waited.reach.errno().map(|errno| format!("{:?}", nix::errno::Errno::from_raw(errno)));
        writeln!(
            out,
            "{}\t{}\t{}\t{}\t{}",
            waited.outcome(),
            escape(&waited.target.label()),
            seconds(waited.after),
            waited.reach.word(),
            errno.as_deref().unwrap_or("-"),
        )
    })
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Goal, Reach, Target};

    fn waited(ready: bool, reach: Reach) -> Waited {
        let target = Target::Path(b"/run/x\n.sock".to_vec());
        Waited { target, goal: Goal::Connect, ready, reach, after: Duration::from_millis(412) }
    }

    #[test]
    fn a_line_says_how_it_ended_and_escapes_what_strangers_chose() {
        let ready = line(&waited(true, Reach::Open), Ending::Ready);
        assert_eq!(ready, "ready /run/x\\x0a.sock after 0.412 s");
        let late = line(&waited(false, Reach::Missing), Ending::ProducerGone(7));
        assert_eq!(
            late,
            "not ready /run/x\\x0a.sock after 0.412 s: nothing is at the path (ENOENT); process 7 has ended"
        );
    }

    #[test]
    fn quiet_leaves_out_what_is_ready_and_nothing_else() {
        let both = [waited(true, Reach::Open), waited(false, Reach::Stale)];
        let said = |ending, loudness| {
            let mut out = Vec::new();
            lines(&both, ending, loudness, &mut out).unwrap();
            String::from_utf8(out).unwrap().lines().count()
        };
        assert_eq!(said(Ending::TimedOut, Loudness::Normal), 2);
        assert_eq!(said(Ending::TimedOut, Loudness::Quiet), 1);
        assert_eq!([Loudness::Normal, Loudness::Quiet].map(|loudness| said(Ending::Ready, loudness)), [1, 0]);
    }
}
