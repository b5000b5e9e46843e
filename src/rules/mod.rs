//! Every diagnosis: one file each, data plus one pure function, and the registry that everything walks.
//!
//! A rule argues from facts alone. `?` on a missing fact leaves as "not checked", and a rule that argues from
//! absence asks for complete facts. Its doc comment is the text of `explain`, man 7 and the README table.

mod evidence;
mod obstacle;
mod owner;
mod quote;
mod rank;
mod wire;

/// Declares a rule; its doc comment becomes its explanation.
macro_rules! rule {
    ($(#[doc = $doc:literal])+ $name:ident = $code:literal, $slug:literal, $severity:ident) => {
        $(#[doc = $doc])+
        pub(crate) static $name: $crate::model::Rule = $crate::model::Rule {
            code: $code,
            name: $slug,
            severity: $crate::model::Severity::$severity,
            explain: concat!($($doc, "\n"),+),
            check,
        };
    };
}

mod sd101_path_missing;
mod sd102_listener_unlinked;
mod sd103_listener_replaced;
mod sd104_stale_socket_file;
mod sd105_bound_not_listening;
mod sd106_not_a_socket;
mod sd107_directory_from_container_runtime;
mod sd108_path_too_long;
mod sd109_suspicious_path_bytes;
mod sd110_relative_socket_path;
mod sd111_symlink_problem;
mod sd113_kernel_name_differs;
mod sd114_aged_tmp_location;
mod sd116_socket_type_mismatch;
mod sd301_accept_queue_full;
mod sd305_listener_shut_down;
mod sd401_connected_no_reply;
mod sd402_closed_before_reply;
mod sd403_not_http;
mod sd405_host_header_rejected;
mod sd407_auth_layer_refusal;
mod sd408_unexpected_response;
mod sd409_response_unfinished;
mod sd708_limited_visibility;

pub use quote::word as shell_word;
pub use rank::{Judgement, judge, rank};

use crate::model::Rule;

/// Every rule, in code order.
pub static ALL: &[&Rule] = &[
    &sd101_path_missing::PATH_MISSING,
    &sd102_listener_unlinked::LISTENER_UNLINKED,
    &sd103_listener_replaced::LISTENER_REPLACED,
    &sd104_stale_socket_file::STALE_SOCKET_FILE,
    &sd105_bound_not_listening::BOUND_NOT_LISTENING,
    &sd106_not_a_socket::NOT_A_SOCKET,
    &sd107_directory_from_container_runtime::DIRECTORY_FROM_CONTAINER_RUNTIME,
    &sd108_path_too_long::PATH_TOO_LONG,
    &sd109_suspicious_path_bytes::SUSPICIOUS_PATH_BYTES,
    &sd110_relative_socket_path::RELATIVE_SOCKET_PATH,
    &sd111_symlink_problem::SYMLINK_PROBLEM,
    &sd113_kernel_name_differs::KERNEL_NAME_DIFFERS,
    &sd114_aged_tmp_location::AGED_TMP_LOCATION,
    &sd116_socket_type_mismatch::SOCKET_TYPE_MISMATCH,
    &sd301_accept_queue_full::ACCEPT_QUEUE_FULL,
    &sd305_listener_shut_down::LISTENER_SHUT_DOWN,
    &sd401_connected_no_reply::CONNECTED_NO_REPLY,
    &sd402_closed_before_reply::CLOSED_BEFORE_REPLY,
    &sd403_not_http::NOT_HTTP,
    &sd405_host_header_rejected::HOST_HEADER_REJECTED,
    &sd407_auth_layer_refusal::AUTH_LAYER_REFUSAL,
    &sd408_unexpected_response::UNEXPECTED_RESPONSE,
    &sd409_response_unfinished::RESPONSE_UNFINISHED,
    &sd708_limited_visibility::LIMITED_VISIBILITY,
];

/// The rules about what a server said, by which a probe that was fine is judged.
pub static ON_THE_WIRE: &[&Rule] = &[
    &sd401_connected_no_reply::CONNECTED_NO_REPLY,
    &sd402_closed_before_reply::CLOSED_BEFORE_REPLY,
    &sd403_not_http::NOT_HTTP,
    &sd405_host_header_rejected::HOST_HEADER_REJECTED,
    &sd407_auth_layer_refusal::AUTH_LAYER_REFUSAL,
    &sd408_unexpected_response::UNEXPECTED_RESPONSE,
    &sd409_response_unfinished::RESPONSE_UNFINISHED,
];

/// Codes that were once live, with their successors. Never reused.
pub static RETIRED: &[(&str, &str)] = &[];

/// By code or name.
pub fn find(text: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(text) || rule.name == text)
}
