//! Every diagnosis: one file each, data plus one pure function, and the registry that everything walks.
//!
//! A rule argues from facts alone. `?` on a missing fact leaves as "not checked", and a rule that argues from
//! absence asks for complete facts. Its doc comment is the text of `explain`, man 7 and the README table.

mod accepts;
mod compose;
mod configured;
mod declared_view;
mod denial;
mod elsewhere;
mod evidence;
mod family;
mod grant;
mod libpq;
mod logged;
mod looks;
mod obstacle;
mod owner;
mod passage;
mod planned;
mod quote;
mod rank;
mod server_way;
mod socket_unit;
mod stalled;
mod trial;
mod unit_file;
mod wire;

/// Declares a rule; its doc comment becomes its explanation. It judges a socket by `check`, or, where that is said
/// behind a semicolon, what configuration files say by `declared`, or both.
macro_rules! rule {
    ($(#[doc = $doc:literal])+ $name:ident = $code:literal, $slug:literal, $severity:ident) => {
        rule! { @ $(#[doc = $doc])+ $name $code $slug $severity check, $crate::model::Rule::no_declaration }
    };
    ($(#[doc = $doc:literal])+ $name:ident = $code:literal, $slug:literal, $severity:ident; declared) => {
        rule! { @ $(#[doc = $doc])+ $name $code $slug $severity $crate::model::Rule::no_case, declared }
    };
    ($(#[doc = $doc:literal])+ $name:ident = $code:literal, $slug:literal, $severity:ident; check, declared) => {
        rule! { @ $(#[doc = $doc])+ $name $code $slug $severity check, declared }
    };
    (@ $(#[doc = $doc:literal])+ $name:ident $code:literal $slug:literal $severity:ident $check:expr, $declared:expr) => {
        $(#[doc = $doc])+
        pub(crate) static $name: $crate::model::Rule = $crate::model::Rule {
            code: $code,
            name: $slug,
            severity: $crate::model::Severity::$severity,
            explain: concat!($($doc, "\n"),+),
            check: $check,
            declared: $declared,
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
mod sd112_abstract_path_mixup;
mod sd113_kernel_name_differs;
mod sd114_aged_tmp_location;
mod sd115_runtime_dir_not_recreated;
mod sd116_socket_type_mismatch;
mod sd117_tcp_not_listening;
mod sd201_client_no_write;
mod sd202_parent_not_searchable;
mod sd203_stale_supplementary_groups;
mod sd204_acl_mask_denies;
mod sd205_root_without_dac_override;
mod sd206_world_connectable;
mod sd207_replaceable_by_others;
mod sd208_server_cannot_create_or_replace;
mod sd209_selinux_denial;
mod sd210_apparmor_snap_denial;
mod sd211_protected_symlink;
mod sd212_bind_chmod_window;
mod sd213_mode_or_owner_not_as_expected;
mod sd301_accept_queue_full;
mod sd302_accept_queue_pressure;
mod sd303_backlog_clamped;
mod sd304_acceptor_stalled;
mod sd305_listener_shut_down;
mod sd306_fd_limit_near;
mod sd307_half_dead_connections;
mod sd308_orphaned_workers;
mod sd309_foreign_holder;
mod sd311_activation_failed;
mod sd313_unexpected_server_identity;
mod sd314_descriptor_errors_in_log;
mod sd401_connected_no_reply;
mod sd402_closed_before_reply;
mod sd403_not_http;
mod sd404_proxy_protocol_mismatch;
mod sd405_host_header_rejected;
mod sd406_healthcheck_fails;
mod sd407_auth_layer_refusal;
mod sd408_unexpected_response;
mod sd409_response_unfinished;
mod sd501_fs_cannot_hold_sockets;
mod sd502_cross_kernel_share;
mod sd503_different_superblock;
mod sd504_socket_file_bind_mount;
mod sd505_bind_mount_of_dead_socket;
mod sd506_read_only_for_server;
mod sd507_no_space_or_inodes;
mod sd601_config_path_has_no_server;
mod sd602_nginx_unix_syntax;
mod sd603_haproxy_chroot_hides_socket;
mod sd604_two_owners_of_path;
mod sd605_runtime_dir_erases_socket;
mod sd606_socket_unit_failed;
mod sd607_unit_vs_file_mismatch;
mod sd608_listen_fds_not_used;
mod sd609_postgres_mysql_path_rule;
mod sd610_af_unix_restricted;
mod sd611_unsafe_pre_delete;
mod sd612_compose_socket_volume;
mod sd701_other_mount_namespace;
mod sd702_other_network_namespace;
mod sd703_volumes_not_shared;
mod sd704_unmapped_owner;
mod sd706_runtime_dir_lost_at_logout;
mod sd707_sandboxed_runtime;
mod sd708_limited_visibility;
mod sd709_client_chrooted;

pub use quote::word as shell_word;
pub use rank::{Judgement, judge, judge_declared, rank};

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
    &sd112_abstract_path_mixup::ABSTRACT_PATH_MIXUP,
    &sd113_kernel_name_differs::KERNEL_NAME_DIFFERS,
    &sd114_aged_tmp_location::AGED_TMP_LOCATION,
    &sd115_runtime_dir_not_recreated::RUNTIME_DIR_NOT_RECREATED,
    &sd116_socket_type_mismatch::SOCKET_TYPE_MISMATCH,
    &sd117_tcp_not_listening::TCP_NOT_LISTENING,
    &sd201_client_no_write::CLIENT_NO_WRITE,
    &sd202_parent_not_searchable::PARENT_NOT_SEARCHABLE,
    &sd203_stale_supplementary_groups::STALE_SUPPLEMENTARY_GROUPS,
    &sd204_acl_mask_denies::ACL_MASK_DENIES,
    &sd205_root_without_dac_override::ROOT_WITHOUT_DAC_OVERRIDE,
    &sd206_world_connectable::WORLD_CONNECTABLE,
    &sd207_replaceable_by_others::REPLACEABLE_BY_OTHERS,
    &sd208_server_cannot_create_or_replace::SERVER_CANNOT_CREATE_OR_REPLACE,
    &sd209_selinux_denial::SELINUX_DENIAL,
    &sd210_apparmor_snap_denial::APPARMOR_SNAP_DENIAL,
    &sd211_protected_symlink::PROTECTED_SYMLINK,
    &sd212_bind_chmod_window::BIND_CHMOD_WINDOW,
    &sd213_mode_or_owner_not_as_expected::MODE_OR_OWNER_NOT_AS_EXPECTED,
    &sd301_accept_queue_full::ACCEPT_QUEUE_FULL,
    &sd302_accept_queue_pressure::ACCEPT_QUEUE_PRESSURE,
    &sd303_backlog_clamped::BACKLOG_CLAMPED,
    &sd304_acceptor_stalled::ACCEPTOR_STALLED,
    &sd305_listener_shut_down::LISTENER_SHUT_DOWN,
    &sd306_fd_limit_near::FD_LIMIT_NEAR,
    &sd307_half_dead_connections::HALF_DEAD_CONNECTIONS,
    &sd308_orphaned_workers::ORPHANED_WORKERS,
    &sd309_foreign_holder::FOREIGN_HOLDER,
    &sd311_activation_failed::ACTIVATION_FAILED,
    &sd313_unexpected_server_identity::UNEXPECTED_SERVER_IDENTITY,
    &sd314_descriptor_errors_in_log::DESCRIPTOR_ERRORS_IN_LOG,
    &sd401_connected_no_reply::CONNECTED_NO_REPLY,
    &sd402_closed_before_reply::CLOSED_BEFORE_REPLY,
    &sd403_not_http::NOT_HTTP,
    &sd404_proxy_protocol_mismatch::PROXY_PROTOCOL_MISMATCH,
    &sd405_host_header_rejected::HOST_HEADER_REJECTED,
    &sd406_healthcheck_fails::HEALTHCHECK_FAILS,
    &sd407_auth_layer_refusal::AUTH_LAYER_REFUSAL,
    &sd408_unexpected_response::UNEXPECTED_RESPONSE,
    &sd409_response_unfinished::RESPONSE_UNFINISHED,
    &sd501_fs_cannot_hold_sockets::FS_CANNOT_HOLD_SOCKETS,
    &sd502_cross_kernel_share::CROSS_KERNEL_SHARE,
    &sd503_different_superblock::DIFFERENT_SUPERBLOCK,
    &sd504_socket_file_bind_mount::SOCKET_FILE_BIND_MOUNT,
    &sd505_bind_mount_of_dead_socket::BIND_MOUNT_OF_DEAD_SOCKET,
    &sd506_read_only_for_server::READ_ONLY_FOR_SERVER,
    &sd507_no_space_or_inodes::NO_SPACE_OR_INODES,
    &sd601_config_path_has_no_server::CONFIG_PATH_HAS_NO_SERVER,
    &sd602_nginx_unix_syntax::NGINX_UNIX_SYNTAX,
    &sd603_haproxy_chroot_hides_socket::HAPROXY_CHROOT_HIDES_SOCKET,
    &sd604_two_owners_of_path::TWO_OWNERS_OF_PATH,
    &sd605_runtime_dir_erases_socket::RUNTIME_DIR_ERASES_SOCKET,
    &sd606_socket_unit_failed::SOCKET_UNIT_FAILED,
    &sd607_unit_vs_file_mismatch::UNIT_VS_FILE_MISMATCH,
    &sd608_listen_fds_not_used::LISTEN_FDS_NOT_USED,
    &sd609_postgres_mysql_path_rule::POSTGRES_MYSQL_PATH_RULE,
    &sd610_af_unix_restricted::AF_UNIX_RESTRICTED,
    &sd611_unsafe_pre_delete::UNSAFE_PRE_DELETE,
    &sd612_compose_socket_volume::COMPOSE_SOCKET_VOLUME,
    &sd701_other_mount_namespace::OTHER_MOUNT_NAMESPACE,
    &sd702_other_network_namespace::OTHER_NETWORK_NAMESPACE,
    &sd703_volumes_not_shared::VOLUMES_NOT_SHARED,
    &sd704_unmapped_owner::UNMAPPED_OWNER,
    &sd706_runtime_dir_lost_at_logout::RUNTIME_DIR_LOST_AT_LOGOUT,
    &sd707_sandboxed_runtime::SANDBOXED_RUNTIME,
    &sd708_limited_visibility::LIMITED_VISIBILITY,
    &sd709_client_chrooted::CLIENT_CHROOTED,
];

/// The rules about a directory that is to hold a socket.
pub static OF_A_DIRECTORY: &[&Rule] = &[
    &sd108_path_too_long::PATH_TOO_LONG,
    &sd109_suspicious_path_bytes::SUSPICIOUS_PATH_BYTES,
    &sd111_symlink_problem::SYMLINK_PROBLEM,
    &sd114_aged_tmp_location::AGED_TMP_LOCATION,
    &sd202_parent_not_searchable::PARENT_NOT_SEARCHABLE,
    &sd203_stale_supplementary_groups::STALE_SUPPLEMENTARY_GROUPS,
    &sd204_acl_mask_denies::ACL_MASK_DENIES,
    &sd205_root_without_dac_override::ROOT_WITHOUT_DAC_OVERRIDE,
    &sd208_server_cannot_create_or_replace::SERVER_CANNOT_CREATE_OR_REPLACE,
    &sd501_fs_cannot_hold_sockets::FS_CANNOT_HOLD_SOCKETS,
    &sd502_cross_kernel_share::CROSS_KERNEL_SHARE,
    &sd507_no_space_or_inodes::NO_SPACE_OR_INODES,
];

/// The rules about what a server said, by which a probe that was fine is judged.
pub static ON_THE_WIRE: &[&Rule] = &[
    &sd401_connected_no_reply::CONNECTED_NO_REPLY,
    &sd402_closed_before_reply::CLOSED_BEFORE_REPLY,
    &sd403_not_http::NOT_HTTP,
    &sd405_host_header_rejected::HOST_HEADER_REJECTED,
    &sd406_healthcheck_fails::HEALTHCHECK_FAILS,
    &sd407_auth_layer_refusal::AUTH_LAYER_REFUSAL,
    &sd408_unexpected_response::UNEXPECTED_RESPONSE,
    &sd409_response_unfinished::RESPONSE_UNFINISHED,
];

/// The rules that show how systemd has a unit, where they find something.
pub static OF_UNITS: &[&Rule] = &[
    &sd311_activation_failed::ACTIVATION_FAILED,
    &sd313_unexpected_server_identity::UNEXPECTED_SERVER_IDENTITY,
    &sd606_socket_unit_failed::SOCKET_UNIT_FAILED,
    &sd607_unit_vs_file_mismatch::UNIT_VS_FILE_MISMATCH,
];

/// Codes that were once live, with their successors. Never reused.
pub static RETIRED: &[(&str, &str)] = &[];

/// By code or name.
pub fn find(text: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.code.eq_ignore_ascii_case(text) || rule.name == text)
}
