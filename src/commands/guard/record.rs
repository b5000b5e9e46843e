//! The record and the file it is kept in, where there is one.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::super::{Refusal, outputs};
use crate::act::guard_state::{self, StateFile, Unusable};
use crate::cli::GuardArgs;
use crate::model::{GuardRecord, Target};
use crate::report::style::escape;

pub(super) struct Record {
    kept: GuardRecord,
    /// Locked; `None`: nothing is kept, or nothing may be changed.
    file: Option<StateFile>,
    path: String,
}

impl Record {
    /// Opens it as it was asked for: `--dry-run` reads it and leaves it alone.
    pub(super) fn open(args: &GuardArgs, target: &Target) -> Result<Self, Refusal> {
        let label = escape(&target.label());
        let new = GuardRecord::new(&label);
        let Some(path) = &args.state else {
            return Ok(Self { kept: new, file: None, path: String::new() });
        };
        let (file, held) = if args.dry_run {
            (None, guard_state::read(path).map_err(|error| refused(path, error))?)
        } else {
            let (file, held) =
                StateFile::lock(path, &new.to_bytes()).map_err(|error| refused(path, error))?;
            (Some(file), Some(held))
        };
        let kept = match held {
            None => new,
            Some(bytes) => GuardRecord::parse(&bytes, &label).map_err(|why| wrong(path, &why))?,
        };
        Ok(Self { kept, file, path: path.display().to_string() })
    }

    pub(super) fn within(&self, now: SystemTime, window: Duration) -> usize {
        self.kept.within(now, window)
    }

    pub(super) fn next(&self, now: SystemTime) -> Option<SystemTime> {
        self.kept.next(now)
    }

    pub(super) fn begin(&mut self, now: SystemTime, code: Option<&str>) -> Result<(), Refusal> {
        self.kept.begin(now, code);
        self.save()
    }

    pub(super) fn end(&mut self, healed: bool) -> Result<(), Refusal> {
        self.kept.end(healed);
        self.save()
    }

    pub(super) fn answered(&mut self) -> Result<(), Refusal> {
        if self.kept.answered(SystemTime::now()) { self.save() } else { Ok(()) }
    }

    fn save(&mut self) -> Result<(), Refusal> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let bytes = self.kept.to_bytes();
        file.save(&bytes).map_err(|error| {
            let message = format!("{}: {}", self.path, outputs::reason(&error));
            Refusal::usage(message, "no repair is made that cannot be remembered")
        })
    }
}

fn refused(path: &Path, error: Unusable) -> Refusal {
    match error {
        Unusable::Held => {
            let message = format!("{}: another guard has it locked", path.display());
            Refusal::open(message, "one guard a target; or give it a --state FILE of its own")
        }
        Unusable::Wrong(why) => wrong(path, why),
        Unusable::Failed(error) => wrong(path, &outputs::reason(&error)),
    }
}

fn wrong(path: &Path, why: &str) -> Refusal {
    let hint = "it is not started anew by itself: look at it, then remove it or give --state another FILE";
    Refusal::usage(format!("--state {}: {why}", path.display()), hint)
}
