//! The symbolic links of a walk.

use super::{Step, Walk};

impl Walk {
    /// Every link on the way, with its text.
    pub fn links(&self) -> impl Iterator<Item = (&Step, &[u8])> {
        self.steps.iter().filter_map(|step| Some((step, step.link.as_deref()?)))
    }

    /// The link that the walk stopped inside of: names of its text were still to come. What is missing beyond
    /// a link's own target is no fault of the link.
    pub fn unfinished_link(&self) -> Option<&Step> {
        let names = |text: &[u8]| {
            text.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"." | b"..")).count()
        };
        let mut to_come: Vec<(&Step, usize)> = Vec::new();
        for step in &self.steps {
            while to_come.pop_if(|(_, left)| *left == 0).is_some() {}
            if let Some((_, left)) = to_come.last_mut() {
                *left -= 1;
            }
            to_come.extend(step.link.as_deref().map(|text| (step, names(text))));
        }
        self.errno()?;
        to_come.into_iter().rev().find(|(_, left)| *left > 0).map(|(link, _)| link)
    }
}

#[cfg(test)]
impl Walk {
    /// A walk along these components, links with their text, that stopped with this errno.
    pub(crate) fn sample_links(steps: &[(&str, Option<&str>)], errno: i32) -> Self {
        let step = |(path, link): &(&str, Option<&str>)| {
            let (path, link) = (path.as_bytes().to_vec(), link.map(|text| text.as_bytes().to_vec()));
            let permissions = super::Permissions { mode: 0, uid: 0, gid: 0, acl: super::Fact::NotAsked };
            Step { path, kind: super::FileKind::Symlink, permissions, link, last: false }
        };
        let reached = super::Reached::Stopped { at: b"/gone".to_vec(), rest: vec![], errno };
        Self { steps: steps.iter().map(step).collect(), reached }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfinished(steps: &[(&str, Option<&str>)]) -> Option<Vec<u8>> {
        Walk::sample_links(steps, 2).unfinished_link().map(|step| step.path.clone())
    }

    #[test]
    fn a_link_is_unfinished_while_names_of_its_text_are_missing() {
        assert_eq!(unfinished(&[("/x", Some("s"))]), Some(b"/x".to_vec()));
        assert_eq!(unfinished(&[("/x", Some("/a/s")), ("/a", None)]), Some(b"/x".to_vec()));
        assert_eq!(unfinished(&[("/x", Some("../a//s")), ("/a", None)]), Some(b"/x".to_vec()));
        let inner_is_fine = [("/x", Some("b/s")), ("/b", Some("/c")), ("/c", None)];
        assert_eq!(unfinished(&inner_is_fine), Some(b"/x".to_vec()));
        let outer_waits_too = [("/x", Some("b/s")), ("/b", Some("/c"))];
        assert_eq!(unfinished(&outer_waits_too), Some(b"/b".to_vec()));
    }

    #[test]
    fn a_link_whose_target_was_reached_is_finished() {
        assert_eq!(unfinished(&[("/var", None), ("/var/run", Some("../run")), ("/run", None)]), None);
        assert_eq!(unfinished(&[("/x", Some("/"))]), None);
        assert_eq!(unfinished(&[]), None);
    }
}
