//! Where a report goes: standard output, or a file that is whole or not there.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file about to be written: that it can be is known before anything is said.
#[derive(Debug)]
pub struct Draft(Kind);

#[derive(Debug)]
enum Kind {
    /// A temporary file, and what it becomes.
    File(NamedTempFile, PathBuf),
    /// A pipe or a device, which is written to and never replaced.
    Stream(File),
}

impl Draft {
    /// Opens a temporary file beside `path` that will be renamed over it, so that nobody reads half a report.
    #[expect(clippy::disallowed_methods, reason = "what is about to be replaced has to be looked at")]
    pub fn begin(path: &Path) -> io::Result<Self> {
        let path = place(path);
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            return OpenOptions::new().write(true).open(path).map(|stream| Self(Kind::Stream(stream)));
        }
        let directory = path.parent().unwrap_or(Path::new("/"));
        let mut builder = tempfile::Builder::new();
        let file = builder.prefix(".sockdoctor-").permissions(Permissions::from_mode(0o644));
        Ok(Self(Kind::File(file.tempfile_in(directory)?, path)))
    }

    /// Writes it, whole or not at all.
    pub fn finish(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        match self.0 {
            Kind::File(mut file, path) => {
                let mut out = io::BufWriter::with_capacity(64 << 10, &mut file);
                write(&mut out)?;
                out.flush()?;
                drop(out);
                file.persist(path).map(drop).map_err(|error| error.error)
            }
            Kind::Stream(mut stream) => write(&mut stream),
        }
    }
}

/// Where a path leads, by one name whatever links and dots it is written with; its file need not be there.
#[expect(clippy::disallowed_methods, reason = "two paths are one file only as the filesystem sees them")]
pub fn place(path: &Path) -> PathBuf {
    if let Ok(place) = path.canonicalize() {
        return place;
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (directory.canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    }
}

/// Appends to a file that others append to as well; `text` is given how long it is so far.
pub fn append(path: &Path, text: impl FnOnce(u64) -> io::Result<Vec<u8>>) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let text = text(file.metadata()?.len())?;
    file.write_all(&text)
}

/// Writes to standard output. A reader that went away (`| head`) is no error.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    to_stream(io::stdout().lock(), write)
}

/// Writes to standard error, likewise.
pub fn to_stderr(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    to_stream(io::stderr().lock(), write)
}

fn to_stream(stream: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(64 << 10, stream);
    let written = write(&mut out).and_then(|()| out.flush());
    // What is left after an error stays unsaid: dropped, the buffer would try again, and say what is no longer true.
    let _ = out.into_parts();
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test looks at what was written")]
mod tests {
    use super::*;

    #[test]
    fn a_failed_report_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        let write = |text: &'static [u8]| Draft::begin(&path).unwrap().finish(|out| out.write_all(text));
        write(b"old").unwrap();
        let failed = Draft::begin(&path).unwrap().finish(|out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_and_a_device_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let [file, link, absent] = ["file", "link", "absent"].map(|name| dir.path().join(name));
        std::fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        Draft::begin(&link).unwrap().finish(|out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        let draft = Draft::begin(Path::new("/dev/null")).unwrap();
        assert!(matches!(draft.0, Kind::Stream(_)));
        draft.finish(|out| out.write_all(b"gone")).unwrap();
        assert!(Draft::begin(dir.path()).is_err(), "a directory is no file");
        assert_eq!(place(&dir.path().join("./absent")), place(&absent));
        assert_eq!(place(&link), place(&file));
    }

    #[test]
    fn what_is_appended_knows_how_much_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("summary");
        for _ in 0..2 {
            append(&path, |length| Ok(format!("{length};").into_bytes())).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"0;2;");
    }
}
