//! How far one file leads to others: two that include each other twice would be read without end.

use crate::model::Gap;

/// How deep files may include one another.
const DEPTH: u32 = 10;
/// How many files are read, and directives followed, from one main file: more than the largest sites have.
const MOST: usize = 5000;

/// What was followed so far.
#[derive(Debug, Default)]
pub(super) struct Included {
    followed: usize,
    told: bool,
}

impl Included {
    /// Whether this file may be read, or a directive in it followed, so many files down. The first that may not is told
    /// of.
    pub(super) fn more(&mut self, file: &[u8], depth: u32, gaps: &mut Vec<Gap>) -> bool {
        self.followed += 1;
        let more = depth <= DEPTH && self.followed <= MOST;
        if !more && !self.told {
            self.told = true;
            let file = String::from_utf8_lossy(file);
            gaps.push(Gap::new(file, "not read: too many files include one another"));
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Text, mysql, nginx, php_fpm, postgres, redis};

    #[test]
    fn files_that_include_one_another_many_times_are_read_for_a_moment_only() {
        let with = |line: &str| -> Text { (b"a".to_vec(), line.repeat(50).into_bytes()) };
        let once = |gaps: &[Gap]| assert_eq!(gaps.len(), 1, "{gaps:?}");
        let text = with("include a;\n");
        once(&nginx::read(std::slice::from_ref(&text), &mut |_| Ok(vec![text.clone()])).gaps);
        let text = with("include=a\n");
        once(&php_fpm::read(&text, &mut |_| Ok(vec![text.clone()])).gaps);
        let text = with("include 'a'\n");
        once(&postgres::read(&text, &mut |_, _| Ok(vec![text.clone()])).gaps);
        let text = with("!include a\n");
        once(&mysql::read(&text, &mut |_, _| Ok(vec![text.clone()])).gaps);
        let text = with("include a\n");
        once(&redis::read(&text, &mut |_| Ok(vec![text.clone()])).gaps);
    }
}
