//! SD116: the socket is of another type than its client's.

use super::{evidence, quote};
use crate::model::{Case, Certainty, Evidence, Fix, NoVerdict, Target, Verdict};

rule! {
    /// The socket is of another type than the one its client uses.
    ///
    /// # What it means
    /// connect(2) answers EPROTOTYPE (91): nginx logs "91: Protocol wrong type for socket". For an abstract name,
    /// whose key the type is part of, it answers ECONNREFUSED (111).
    ///
    /// # How it is known
    /// The kernel reports the type of the socket that serves the path, and the target says what the client
    /// speaks: HTTP (`http+unix://`) takes a stream.
    ///
    /// # Not to be confused with
    /// The EPROTOTYPE of sockdoctor's own test, which asks with the wrong type on purpose; a server of the right
    /// type that speaks another protocol.
    ///
    /// # Fix
    /// Correct the path, which is another server's; or the socket type in the client or the server.
    SOCKET_TYPE_MISMATCH = "SD116", "socket-type-mismatch", Error
}

fn check(case: &Case) -> Verdict {
    let Some(expected) = case.expects else { return Err(NoVerdict::NotApplicable) };
    if let Target::Path(_) = case.target {
        case.file()?;
    }
    let kinds: Vec<_> = case.serving().map(|serving| serving.socket.kind).collect();
    if kinds.is_empty() {
        // Something may serve it that no dump showed.
        case.sockets.complete()?;
    }
    let Some(kind) = kinds.first().filter(|_| !kinds.contains(&expected)) else { return Ok(vec![]) };
    let summary =
        format!("The client connects with a {} socket; here is a {} socket.", expected.word(), kind.word());
    let errno = if let Target::Path(_) = case.target { "EPROTOTYPE (91)" } else { "ECONNREFUSED (111)" };
    let answer = Evidence::new("connect(2)", format!("a {} client gets {errno}", expected.word()));
    let label = if let Target::Path(_) = case.target { case.path.clone() } else { case.target.label() };
    let look = Fix::look(quote::command("sockdoctor inspect", &label), "see whose socket it is");
    Ok(vec![
        SOCKET_TYPE_MISMATCH
            .finding(case, Certainty::Certain, summary)
            .proven_by(
                case.serving().flat_map(|serving| [evidence::socket(serving), evidence::holders(serving)]),
            )
            .proven_by([answer])
            .fixed_by([
                look,
                Fix::advice("give the client the path of the server it means, or the right socket type"),
            ]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fact, Gap, SocketType};

    #[test]
    fn fires_on_a_datagram_socket_where_http_is_spoken() {
        let mut case = Case::sample();
        case.expects = Some(SocketType::Stream);
        case.sockets.items[0].socket.kind = SocketType::Dgram;
        assert_eq!(check(&case).unwrap()[0].code, "SD116");
    }

    #[test]
    fn silent_on_the_right_type_and_without_an_expectation() {
        let mut case = Case::sample();
        assert_eq!(check(&case), Err(NoVerdict::NotApplicable));
        case.expects = Some(SocketType::Stream);
        assert_eq!(check(&case), Ok(vec![]));
    }

    #[test]
    fn unknown_is_not_ok() {
        let mut case = Case::sample();
        case.expects = Some(SocketType::Stream);
        case.walk = Fact::Unknown(Gap::new("lstat", "Permission denied"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
        case = Case { expects: Some(SocketType::Stream), ..Case::sample_stale() };
        case.sockets.gaps.push(Gap::new("net:[7]", "Operation not permitted"));
        assert!(matches!(check(&case), Err(NoVerdict::Unknown(_))));
    }
}
