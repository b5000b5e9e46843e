//! stub
use crate::model::{Mount, MountClass};
/// stub
pub fn class_of(mount: &Mount, _p: &[u8], _u: &[Vec<u8>]) -> MountClass {
    mount.class()
}
/// stub
pub fn of(
    _m: &super::machine::Machine,
    _pid: Option<u32>,
) -> Result<crate::model::MountTable, crate::model::Gap> {
    Ok(crate::model::MountTable::default())
}
/// stub
pub fn upper_directories(_m: &super::machine::Machine) -> Vec<Vec<u8>> {
    vec![]
}
