//! Fixes of a Compose file as edits that leave the rest of it untouched.

use crate::model::{BoundMount, Composition, Edit, Service, Written};

/// Other text in the place of what is written; `None` where it is not written out there.
pub(super) fn replaced(written: Option<&Written>, text: &str) -> Option<Edit> {
    let written = written?;
    Some(Edit { file: written.location.file.clone(), bytes: written.bytes.clone()?, text: text.to_owned() })
}

/// A named volume in the place of a directory of the host; `None` where that is not written out.
pub(super) fn named(mount: &BoundMount, name: &str) -> Option<Vec<Edit>> {
    let source = replaced(mount.source_written.as_ref(), name)?;
    if !mount.is_long {
        return Some(vec![source]);
    }
    Some(vec![replaced(mount.type_written.as_ref(), "volume")?, source])
}

/// Another named volume; `None` where there is no safe place for it. Nothing where there is one of that name.
pub(super) fn new_volume(composition: &Composition, name: &str) -> Option<Vec<Edit>> {
    if composition.volume(name).is_some() {
        return Some(vec![]);
    }
    let opening = composition.more_volumes.as_ref()?;
    let edit = |text: String| Edit { file: opening.file.clone(), bytes: opening.at..opening.at, text };
    if composition.has_volumes {
        return Some(vec![edit(format!("{name}:\n{}", " ".repeat(opening.indent)))]);
    }
    Some(vec![edit("\nvolumes:\n".into()), edit(format!("  {name}:\n"))])
}

/// Another mount of a service; `None` where there is no safe place for it.
pub(super) fn new_mount(service: &Service, mount: &str) -> Option<Edit> {
    let edit = |at: &crate::model::Opening, text| Edit { file: at.file.clone(), bytes: at.at..at.at, text };
    if let Some(at) = &service.more_mounts {
        return Some(edit(at, format!("- {mount}\n{}", " ".repeat(at.indent))));
    }
    let at = service.more_keys.as_ref().filter(|_| service.mounts.is_empty())?;
    let indent = " ".repeat(at.indent);
    Some(edit(at, format!("volumes:\n{indent}  - {mount}\n{indent}")))
}

/// Other keys of a service, whole lines without their indent; `None` where there is no safe place for them.
pub(super) fn new_keys(service: &Service, lines: &[String]) -> Option<Edit> {
    let at = service.more_keys.as_ref()?;
    let indent = " ".repeat(at.indent);
    let text = lines.iter().map(|line| format!("{line}\n{indent}")).collect::<Vec<_>>().concat();
    Some(Edit { file: at.file.clone(), bytes: at.at..at.at, text })
}

/// Without its mode, or with the other one.
pub(super) fn writable(mount: &BoundMount) -> Option<Edit> {
    replaced(mount.mode_written.as_ref(), if mount.is_long { "false" } else { "" })
}

/// A name for the volume of a directory of sockets.
pub(super) fn volume_name(target: &str) -> String {
    let last = target.rsplit('/').find(|part| !part.is_empty()).unwrap_or("app");
    let plain: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.contains("sock") { plain } else { format!("{plain}_socket") }
}
