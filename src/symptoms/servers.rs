//! Apache, php-fpm, uWSGI, supervisor.

use super::{Symptom, bind, connect};
use crate::model::Call::{Bind, Connect};

pub(super) static SYMPTOMS: &[Symptom] = &[
    Symptom {
        seen: "(2)No such file or directory: AH02454: FCGI: attempt to connect to Unix domain socket /run/php/php-fpm.sock (*) failed",
        patterns: &["AH02454", "attempt to connect to Unix domain socket"],
        says: "Apache could not connect to its backend; clients get 503.",
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "unable to bind listening socket for address '/run/php/php-fpm.sock': No such file or directory (2)",
        patterns: &["unable to bind listening socket for address"],
        says: "php-fpm cannot listen there.",
        then: Some(Bind),
        ..Symptom::NONE
    },
    Symptom {
        seen: "An another FPM instance seems to already listen on /run/php/php-fpm.sock",
        patterns: &["FPM instance seems to already listen"],
        errno: Some(98),
        says: "A php-fpm is alive at that path.",
        causes: &[
            bind("SD604", "two pools or two services name the same `listen`: give each its own"),
            bind("SD308", "the service is stopped: an old master or its workers still run"),
        ],
        ..Symptom::NONE
    },
    Symptom {
        seen: "invalid request block size: 21573 (max 4096)...skip",
        patterns: &["invalid request block size: 21573"],
        says: "uWSGI got HTTP where it expects its own protocol: 21573 is the \"ET\" of GET.",
        causes: &[connect("SD404", "nginx has proxy_pass: use uwsgi_pass, or `http-socket` in uWSGI")],
        ..Symptom::NONE
    },
    Symptom {
        seen: "unix:///var/run/supervisor.sock no such file",
        patterns: &[r"unix://\S+ no such file"],
        errno: Some(2),
        says: "supervisorctl found no socket of supervisord.",
        causes: &[
            connect("SD101", "supervisord does not run, or -c names a configuration with another path"),
            connect(
                "SD102",
                "supervisord runs and `ss -xl` shows the path: a cleaner of /tmp removed the file",
            ),
        ],
        then: Some(Connect),
        ..Symptom::NONE
    },
    Symptom {
        seen: "unix:///var/run/supervisor.sock refused connection",
        patterns: &[r"unix://\S+ refused connection"],
        errno: Some(111),
        says: "supervisord is not behind its socket file.",
        then: Some(Connect),
        ..Symptom::NONE
    },
];
