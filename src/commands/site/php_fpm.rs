//! php-fpm: those that run, and the main files of the versions that do not.

use std::path::Path;

use super::machine::Family;
use super::{Site, joined};
use crate::commands::Context;
use crate::config::php_fpm::{self, PhpFpm, Text};
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
        let place = main.0.iter().rposition(|byte| *byte == b'/').map_or(&b"."[..], |slash| &main.0[..slash]);
        let place = place.to_vec();
        let mut texts = vec![main.clone()];
        let mut load = |pattern: &[u8]| {
            let found = named_files::matching(root, &joined(&place, pattern))?;
            texts.extend(found.iter().cloned());
            Ok(found)
        };
        let PhpFpm { pools, gaps } = php_fpm::read(main, &mut load);
        self.texts.extend(texts);
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
