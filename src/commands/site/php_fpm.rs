//! php-fpm: those that run, and the main files of the versions that do not.

use std::path::Path;

use super::Site;
use super::machine::Family;
use crate::commands::Context;
use crate::config::Text;
use crate::config::php_fpm::{self, PhpFpm};
use crate::facts::named_files;
use crate::facts::servers::Server;

/// The main files of Debian's versions, and of a PHP that was built from source.
const MAIN: [&[u8]; 3] =
    [b"/etc/php/*/fpm/php-fpm.conf", b"/etc/php-fpm.conf", b"/usr/local/etc/php-fpm.conf"];

pub(super) const FAMILY: Family = Family {
    names: &[b"php-fpm"],
    is_it: |words| main_file(words).is_some(),
    running: Site::add_running_php,
    idle: Site::add_idle_php,
};

impl Site {
    fn add_running_php(&mut self, context: &Context<'_>, server: &Server) {
        let Some(path) = main_file(&server.words) else { return };
        let root = named_files::root_of(context.machine, server.master.pid);
        match named_files::one(&root, path) {
            Ok(main) => self.add_php(&root, &main, Some(server)),
            Err(gap) => self.gaps.push(gap),
        }
    }

    fn add_idle_php(&mut self, context: &Context<'_>) {
        let root = &context.machine.root;
        for main in MAIN.iter().flat_map(|pattern| named_files::matching(root, pattern).unwrap_or_default()) {
            if !self.texts.contains_key(&main.0) {
                self.add_php(root, &main, None);
            }
        }
    }

    /// What a main file says, or a pool alone, and all that it includes.
    pub(super) fn add_php(&mut self, root: &Path, main: &Text, running: Option<&Server>) {
        let PhpFpm { pools, gaps } = self.read(root, main, php_fpm::read);
        self.gaps.extend(gaps);
        for pool in pools {
            let Some(mut socket) = pool.socket else { continue };
            if let Some(unit) = running.and_then(|server| server.master.unit.as_ref()) {
                socket.owner.clone_from(unit);
            }
            let settings = [pool.owner.map(|owner| owner.written), pool.group.map(|group| group.written)];
            let lines = settings.into_iter().flatten().chain(pool.mode.map(|mode| mode.written));
            self.permissions.push((socket.path.clone(), lines.collect()));
            self.mentions.push(socket);
        }
    }
}

/// The main file in the title that the master gives itself: `php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)`.
fn main_file(words: &[Vec<u8>]) -> Option<&[u8]> {
    let rest = words.first()?.strip_prefix(b"php-fpm: master process (")?;
    let path = &rest[..rest.iter().rposition(|byte| *byte == b')')?];
    path.starts_with(b"/").then_some(path)
}
