//! Reports of other hosts, one at a time.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No report is longer. Tens of thousands of sockets fit.
const LIMIT: u64 = 256 << 20;

/// Reads a file into what an earlier one was read into: of thousands only the longest costs memory.
pub fn read(path: &Path, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    let file = File::open(path)?;
    file.take(LIMIT + 1).read_to_end(into)?;
    if into.len() as u64 > LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than any report"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_replaces_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        let mut text = b"longer than what comes".to_vec();
        std::fs::write(&path, "short").unwrap();
        read(&path, &mut text).unwrap();
        assert_eq!(text, b"short");
        assert!(read(&dir.path().join("none"), &mut text).is_err() && text.is_empty());
        assert!(read(dir.path(), &mut text).is_err());
    }
}
