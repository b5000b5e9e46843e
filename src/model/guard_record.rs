//! What `guard` remembers of its repairs, and when they allow the next one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const SCHEMA: &str = "sockdoctor-guard/v1";
/// How many repairs are remembered.
const MOST: usize = 1000;
/// The pause after a first repair that did not help; each further one doubles it, up to the longest.
const PAUSE: u64 = 10;
const LONGEST: u64 = 3600;

/// The record of one target. Times are seconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardRecord {
    schema: String,
    /// The target, as it is shown.
    target: String,
    /// Oldest first.
    repairs: Vec<Made>,
    /// When it answered again by itself after repairs that had not helped.
    answered_at: Option<u64>,
}

/// A repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    at: u64,
    /// The rule that called for it.
    code: Option<String>,
    /// Whether the server answered after it. `None`: nobody was there to see.
    healed: Option<bool>,
}

impl GuardRecord {
    /// Of a target that was never repaired.
    pub fn new(target: &str) -> Self {
        Self { schema: SCHEMA.into(), target: target.into(), repairs: Vec::new(), answered_at: None }
    }

    /// Understands a record of this target. What is no such record is refused, never started anew: it would allow
    /// repairs that the limit forbids.
    pub fn parse(bytes: &[u8], target: &str) -> Result<Self, String> {
        let record: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no record: {error}"))?;
        if record.schema != SCHEMA {
            return Err(format!("it is a record of another kind: {:?}", record.schema));
        }
        if record.target != target {
            return Err(format!("it is the record of {:?}", record.target));
        }
        if !record.repairs.is_sorted_by_key(|made| made.at) {
            return Err("its repairs are not in order".into());
        }
        Ok(record)
    }

    /// As it is written.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Repairs in a window that ends now. One of the future, after a clock was set back, counts as made now.
    pub fn within(&self, now: SystemTime, window: Duration) -> usize {
        let oldest = seconds(now).saturating_sub(window.as_secs().max(1));
        self.repairs.iter().filter(|made| made.at > oldest).count()
    }

    /// When the next repair may be made. `None`: at once.
    pub fn next(&self, now: SystemTime) -> Option<SystemTime> {
        let unhealed = self.unhealed();
        let last = self.repairs.last().filter(|_| unhealed > 0)?.at.min(seconds(now));
        let doublings = u32::try_from(unhealed - 1).unwrap_or(u32::MAX).min(32);
        let pause = PAUSE.saturating_mul(1 << doublings).min(LONGEST);
        Some(UNIX_EPOCH + Duration::from_secs(last + pause)).filter(|next| *next > now)
    }

    /// Repairs in a row that did not help.
    fn unhealed(&self) -> usize {
        let answered = self.answered_at.unwrap_or_default();
        self.repairs.iter().rev().take_while(|made| made.healed != Some(true) && made.at >= answered).count()
    }

    /// A repair begins.
    pub fn begin(&mut self, now: SystemTime, code: Option<&str>) {
        // In order whatever the clock does.
        let at = self.repairs.last().map_or(0, |last| last.at).max(seconds(now));
        self.repairs.push(Made { at, code: code.map(str::to_owned), healed: None });
        let surplus = self.repairs.len().saturating_sub(MOST);
        self.repairs.drain(..surplus);
    }

    /// Whether the repair that was begun last has helped.
    pub fn end(&mut self, healed: bool) {
        if let Some(last) = self.repairs.last_mut() {
            last.healed = Some(healed);
        }
    }

    /// The server answers by itself; true where that is worth writing down.
    pub fn answered(&mut self, now: SystemTime) -> bool {
        let news = self.unhealed() > 0;
        if news {
            self.answered_at = self.repairs.last().map(|last| (last.at + 1).max(seconds(now)));
        }
        news
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds)
    }

    #[test]
    fn repairs_that_do_not_help_are_paused_ever_longer_and_those_that_do_are_not() {
        let mut record = GuardRecord::new("/x");
        assert_eq!(record.next(at(0)), None);
        record.begin(at(0), Some("SD104"));
        assert_eq!(record.next(at(0)), Some(at(10)), "whether it helped was not seen");
        record.end(false);
        assert_eq!((record.next(at(9)), record.next(at(10))), (Some(at(10)), None));
        record.begin(at(10), None);
        record.end(false);
        assert_eq!(record.next(at(10)), Some(at(30)));
        for _ in 0..40 {
            record.begin(at(50), None);
        }
        assert_eq!(record.next(at(50)), Some(at(50 + 3600)));
        record.end(true);
        assert_eq!(record.next(at(50)), None);
    }

    #[test]
    fn an_answer_in_between_ends_the_pauses_but_no_limit() {
        let mut record = GuardRecord::new("/x");
        assert!(!record.answered(at(0)));
        record.begin(at(0), None);
        record.end(false);
        assert!(record.answered(at(5)) && !record.answered(at(6)));
        assert_eq!((record.next(at(6)), record.within(at(6), Duration::from_secs(60))), (None, 1));
        assert_eq!(record.within(at(60), Duration::from_secs(60)), 0);
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing() {
        let mut record = GuardRecord::new("/x");
        record.begin(at(100_000), None);
        record.end(false);
        assert_eq!(record.within(at(0), Duration::from_secs(60)), 1);
        assert_eq!(record.next(at(0)), Some(at(10)));
        record.begin(at(0), None);
        assert!(GuardRecord::parse(&record.to_bytes(), "/x").is_ok());
    }

    #[test]
    fn what_is_no_record_of_this_target_is_refused() {
        let mut record = GuardRecord::new("/x");
        record.begin(at(0), Some("SD104"));
        assert_eq!(GuardRecord::parse(&record.to_bytes(), "/x"), Ok(record.clone()));
        assert!(GuardRecord::parse(&record.to_bytes(), "/y").is_err());
        let text = String::from_utf8(record.to_bytes()).unwrap();
        for hostile in [
            "",
            "{}",
            "[]",
            "null",
            &text[..20],
            &text.replace("repairs", "repair"),
            &text.replace("v1", "v2"),
        ] {
            assert!(GuardRecord::parse(hostile.as_bytes(), "/x").is_err(), "{hostile}");
        }
        let many = (0..3000).fold(record, |mut record, second| {
            record.begin(at(second), None);
            record
        });
        assert_eq!(many.within(at(3000), Duration::from_secs(4000)), MOST);
    }
}
