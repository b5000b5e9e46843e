//! Who made a socket, as far as that tells who will make the next one.

use super::Examiner;
use crate::model::{Case, Credentials, Fact, Sighting};

impl Examiner<'_> {
    /// The identity of the server that serves the case: known where the kernel names its uid as the maker's, and
    /// nobody else that can be seen, a service manager least of all, holds the socket.
    pub fn binder(&self, case: &Case) -> Fact<Credentials> {
        let Some(server) = case.server().filter(|server| Sighting::is_alive(server)) else {
            return Fact::NotAsked;
        };
        let Some(holders) = server.holders.known().filter(|holders| !holders.is_empty()) else {
            return Fact::NotAsked;
        };
        let its_own = |holder: &crate::model::Holder| {
            !holder.process.is_manager()
                && Some(holder.process.user.id) == server.socket.uid
                && self.shares_view(holder.process.pid)
        };
        match holders.first().filter(|_| holders.iter().all(its_own)) {
            Some(oldest) => match self.credentials_of(oldest.process.pid) {
                Ok(credentials) => Fact::Known(credentials),
                Err(gap) => Fact::Unknown(gap),
            },
            None => Fact::NotAsked,
        }
    }
}
