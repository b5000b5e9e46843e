//! The files and directories that somebody named.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::Site;
use super::kind::{Kind, kind};
use super::together::together;
use crate::commands::{Context, Refusal};
use crate::config::nginx;
use crate::facts::named_files;
use crate::facts::units::UnitFiles;
use crate::model::Gap;

impl Site {
    /// That of files and directories that somebody named.
    pub(in crate::commands) fn of_files(context: &Context<'_>, paths: &[PathBuf]) -> Result<Self, Refusal> {
        let mut site = Self::default();
        let mut units: HashMap<String, UnitFiles> = HashMap::new();
        let (mut nginxes, mut drop_ins, mut haproxies) = (Vec::new(), Vec::new(), Vec::new());
        let mut databases = Vec::new();
        for path in paths {
            let unread = |gap: Gap| {
                Refusal::usage(format!("{}: {}", gap.source, gap.why), "give files that can be read")
            };
            let texts = named_files::below(path).map_err(unread)?;
            let named = path.as_os_str().as_bytes();
            let mut known = 0;
            for (file, text) in texts {
                let found_below = file != named;
                let kind = kind(&file, &text);
                known += usize::from(kind.is_some());
                match kind {
                    Some(Kind::Unit(name)) => {
                        let files = vec![(file, text)];
                        units.insert(name.clone(), UnitFiles { name, files });
                    }
                    Some(Kind::DropIn(name)) => drop_ins.push((name, (file, text))),
                    Some(Kind::Nginx) => nginxes.push((file, text)),
                    Some(Kind::Tmpfiles) => site.add_tmpfiles(file, text),
                    Some(Kind::Haproxy) => haproxies.push(((file, text), !found_below)),
                    Some(kind @ (Kind::PhpFpm | Kind::Postgres | Kind::Mysql | Kind::Redis)) => {
                        databases.push((kind, (file, text)));
                    }
                    Some(Kind::Gunicorn) => site.add_gunicorn(file, text, "gunicorn"),
                    None => {}
                }
            }
            if known == 0 {
                let message = format!("{}: no configuration that scan reads", path.display());
                let hint = "it reads nginx, HAProxy, units of systemd, tmpfiles.d, gunicorn.conf.py, php-fpm, PostgreSQL, MySQL and Redis";
                return Err(Refusal::usage(message, hint));
            }
        }
        for (name, file) in drop_ins {
            let new = || UnitFiles { name: name.clone(), files: vec![] };
            units.entry(name.clone()).or_insert_with(new).files.push(file);
        }
        let mut units: Vec<UnitFiles> = units.into_values().collect();
        units.sort_by(|one, other| one.name.cmp(&other.name));
        for unit in units {
            site.add_unit(unit);
        }
        // Whole ones first: what they include is read there.
        nginxes.sort_by_key(|(_, text)| !nginx::is_whole(text));
        for main in nginxes {
            if !site.texts.contains_key(&main.0) {
                site.add_nginx(&context.machine.root, &main, None);
            }
        }
        for texts in together(haproxies) {
            site.add_haproxy(&texts, None, false);
        }
        // php-fpm's main file before the pools that it includes.
        databases.sort_by_key(|(_, (_, text))| !text.windows(7).any(|part| part == b"include"));
        let root = &context.machine.root;
        for (kind, main) in databases {
            if site.texts.contains_key(&main.0) {
                continue;
            }
            match kind {
                Kind::PhpFpm => site.add_php(root, &main, None),
                Kind::Postgres => site.add_postgres(root, &main),
                Kind::Mysql => site.add_mysql(root, &main),
                _ => site.add_redis(root, &main),
            }
        }
        Ok(site)
    }
}
