//! The files and directories that somebody named.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::kind::{Kind, kind};
use super::together::together;
use super::{Site, units};
use crate::commands::{Context, Refusal};
use crate::config::nginx;
use crate::facts::named_files;
use crate::facts::units::UnitFiles;
use crate::model::Gap;

impl Site {
    /// That of files and directories that somebody named.
    pub(in crate::commands) fn of_files(context: &Context<'_>, paths: &[PathBuf]) -> Result<Self, Refusal> {
        let mut site = Self { is_named: true, ..Self::default() };
        let mut found: HashMap<String, UnitFiles> = HashMap::new();
        let (mut nginxes, mut drop_ins, mut haproxies) = (Vec::new(), Vec::new(), Vec::new());
        let (mut databases, mut gunicorns, mut off) = (Vec::new(), Vec::new(), Vec::new());
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
                        let hidden =
                            found.get(&name).is_some_and(|known| units::hides(&known.files[0].0, &file));
                        if !hidden {
                            let files = vec![(file, text)];
                            found.insert(name.clone(), UnitFiles { name, files });
                        }
                    }
                    Some(Kind::DropIn(name)) => drop_ins.push((name, (file, text))),
                    Some(Kind::Nginx) if found_below && nginx::is_off(&file) => off.push((file, text)),
                    // Other programs have blocks of the same names, and templates are not its text yet.
                    Some(Kind::Nginx)
                        if nginx::is_template(&text)
                            || (found_below && !nginx::is_surely((&file, &text))) =>
                    {
                        let piece = (file, text);
                        if !nginx::is_malformed(&piece) {
                            nginxes.push(piece);
                            continue;
                        }
                        let name = String::from_utf8_lossy(&piece.0).into_owned();
                        let what =
                            if nginx::is_template(&piece.1) { "a template" } else { "no text of nginx" };
                        site.gaps.push(Gap::new(name, format!("not read: it looks like {what}")));
                        site.beside.push(piece);
                    }
                    Some(Kind::Nginx) => nginxes.push((file, text)),
                    Some(Kind::Tmpfiles) => site.add_tmpfiles(file, text),
                    Some(Kind::Haproxy) => haproxies.push(((file, text), !found_below)),
                    Some(kind @ (Kind::PhpFpm | Kind::Postgres | Kind::Mysql | Kind::Redis)) => {
                        databases.push((kind, (file, text)));
                    }
                    Some(Kind::Gunicorn) => gunicorns.push((file, text)),
                    None if found_below => site.beside.push((file, text)),
                    None => {}
                }
            }
            if known == 0 {
                let message = format!("{}: no configuration that scan reads", path.display());
                let hint = "it reads nginx, HAProxy, units of systemd, tmpfiles.d, gunicorn.conf.py, php-fpm, PostgreSQL, MySQL and Redis";
                return Err(Refusal::usage(message, hint));
            }
        }
        let root = &context.machine.root;
        site.beside.extend(gunicorns.iter().cloned());
        site.add_units(root, units::with_drop_ins(found.into_values().collect(), drop_ins));
        for (file, text) in gunicorns {
            site.add_gunicorn(file, text, "gunicorn");
        }
        // Whole ones first: what they include is read there.
        let (whole, mut pieces): (Vec<_>, Vec<_>) =
            nginxes.into_iter().partition(|(_, text)| nginx::is_whole(text));
        // What a site enables is a link to it.
        pieces.extend(if whole.is_empty() { off } else { vec![] });
        site.add_nginxes(root, whole, pieces);
        if let Some((location, why)) = site.malformed.first() {
            let message = format!("{location}: {why}");
            return Err(Refusal::usage(message, "nginx -t tells the same; have it start first"));
        }
        for texts in together(haproxies) {
            site.add_haproxy(&texts, None, false);
        }
        // php-fpm's main file before the pools that it includes.
        databases.sort_by_key(|(_, (_, text))| !text.windows(7).any(|part| part == b"include"));
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
        site.add_fitting_instances(root);
        Ok(site)
    }
}
