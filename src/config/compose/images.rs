//! What well-known images do without being told.
//!
//! From their Dockerfiles: <https://github.com/docker-library/official-images/tree/master/library>.

use crate::model::Protocol;

/// An image whose server has a socket of its own, or whose user is known.
pub(super) struct Image {
    /// The last part of its name.
    names: &'static [&'static str],
    /// The socket its server binds, or its directory.
    pub(super) socket: Option<(&'static str, Protocol)>,
    /// The user that works in it, where that is not root.
    pub(super) user: Option<(u32, Option<u32>)>,
}

const IMAGES: [Image; 6] = [
    Image {
        names: &["postgres", "postgresql", "postgis", "timescaledb", "pgvector"],
        socket: Some(("/var/run/postgresql", Protocol::Postgres)),
        user: None,
    },
    Image {
        names: &["mysql", "mariadb", "percona"],
        socket: Some(("/var/run/mysqld/mysqld.sock", Protocol::Mysql)),
        user: None,
    },
    Image { names: &["docker"], socket: Some(("/var/run/docker.sock", Protocol::Docker)), user: None },
    Image { names: &["haproxy"], socket: None, user: Some((99, Some(99))) },
    Image { names: &["nginx"], socket: None, user: Some((101, Some(101))) },
    Image { names: &["caddy", "traefik"], socket: None, user: None },
];

/// By what `image:` says: `registry/name:tag@digest`.
pub(super) fn known(image: &str) -> Option<&'static Image> {
    let path = image.split('@').next()?;
    let last = path.rsplit('/').next()?;
    let (name, tag) = last.split_once(':').unwrap_or((last, ""));
    // Of docker only the variant with a daemon has a server.
    let serves = name != "docker" || tag.contains("dind");
    IMAGES.iter().find(|known| known.names.contains(&name)).filter(|_| serves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_known_by_the_last_part_of_its_name() {
        let directory = |image: &str| known(image).and_then(|image| image.socket).map(|(path, _)| path);
        assert_eq!(directory("postgres:16-alpine"), Some("/var/run/postgresql"));
        assert_eq!(directory("reg.example:5000/library/postgres@sha256:00"), Some("/var/run/postgresql"));
        assert_eq!(directory("docker:27-cli"), None);
        assert!(directory("docker:27-dind").is_some());
        assert_eq!(directory("mypostgres"), None);
    }
}
