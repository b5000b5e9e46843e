//! An errno in the words of strerror(3), without the number: what a [`Gap`](crate::model::Gap) says.

use nix::errno::Errno;

/// The words for an error of the kernel, whichever crate it came through.
pub(super) fn words(error: impl Into<std::io::Error>) -> String {
    let error = error.into();
    error.raw_os_error().map_or_else(|| error.to_string(), |number| Errno::from_raw(number).desc().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_carry_no_number() {
        assert_eq!(words(Errno::EPERM), "Operation not permitted");
        assert_eq!(words(rustix::io::Errno::NOENT), "No such file or directory");
        assert_eq!(words(std::io::Error::other("why")), "why");
    }
}
