//! Services and volumes, as the Compose specification has them: <https://github.com/compose-spec/compose-spec>.

use super::{Opening, Written};

/// The files of one project, merged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Composition {
    /// Services that would be started, in the order they are written.
    pub services: Vec<Service>,
    /// Volumes that are declared.
    pub volumes: Vec<Volume>,
    /// Where another volume can be declared.
    pub more_volumes: Option<Opening>,
    /// There is a section of volumes already.
    pub has_volumes: bool,
    /// Directories of the host that lie on a filesystem with another kernel or a user-space server behind it, with
    /// its type: as far as they were looked up.
    pub shared: Vec<(String, String)>,
}

impl Composition {
    /// A service by its name.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// A volume by the name that services use.
    pub fn volume(&self, key: &str) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.key == key)
    }
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub written: Written,
    /// What it runs as, where that is a number.
    pub user: Option<(u32, Option<u32>)>,
    /// Groups beside its own.
    pub groups: Vec<u32>,
    /// Where its root is made read-only.
    pub read_only: Option<Written>,
    /// It has a test of its own health.
    pub healthcheck: bool,
    /// Services that are started before it.
    pub dependencies: Vec<Dependency>,
    /// What is mounted, a later one over an earlier one.
    pub mounts: Vec<BoundMount>,
    /// Where another key can be written.
    pub more_keys: Option<Opening>,
    /// Where another mount can be written.
    pub more_mounts: Option<Opening>,
}

/// That a service is started after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The other.
    pub service: String,
    /// It is waited for until its healthcheck passes, or until it has ended well.
    pub until_ready: bool,
    /// Where it says so.
    pub written: Written,
}

/// A mount of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundMount {
    /// What is mounted.
    pub source: MountSource,
    /// Where, in the service.
    pub target: String,
    /// Which directory of a volume.
    pub subpath: String,
    /// It is read-only.
    pub read_only: bool,
    /// It is in long syntax, which has a type.
    pub is_long: bool,
    /// Where it is written.
    pub written: Written,
    /// The source alone.
    pub source_written: Option<Written>,
    /// The word `bind` of long syntax, where nothing but the source goes with it.
    pub type_written: Option<Written>,
    /// The target alone.
    pub target_written: Option<Written>,
    /// The mode alone: `:ro`, or the value of `read_only`.
    pub mode_written: Option<Written>,
}

/// Where the files of a mount are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MountSource {
    /// A path of the host.
    Host(String),
    /// A named volume, by its key.
    Volume(String),
    /// Memory of this one container, or a volume without a name: nobody else has it.
    Own,
}

/// A named volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// What services call it.
    pub key: String,
    /// Its name where that is the same for every project: `name:` or `external:`.
    pub shared_name: Option<String>,
    /// Its driver.
    pub driver: String,
    /// `driver_opts`, `type`.
    pub fstype: Option<String>,
    /// The directory of the host that it stands for (`o: bind`, `device`).
    pub device: Option<String>,
    /// What speaks against sockets: the driver, or its options.
    pub written: Written,
}

#[cfg(test)]
impl Service {
    pub(crate) fn sample(name: &str) -> Self {
        Self {
            name: name.into(),
            written: Written::sample(),
            user: None,
            groups: vec![],
            read_only: None,
            healthcheck: false,
            dependencies: vec![],
            mounts: vec![],
            more_keys: None,
            more_mounts: None,
        }
    }
}

#[cfg(test)]
impl BoundMount {
    pub(crate) fn sample(source: MountSource, target: &str) -> Self {
        Self {
            source,
            target: target.into(),
            subpath: String::new(),
            read_only: false,
            is_long: false,
            written: Written::sample(),
            source_written: None,
            type_written: None,
            target_written: None,
            mode_written: None,
        }
    }
}
