use super::*;
use crate::model::Usage;

fn of(files: &[&str], env: &str, profiles: &[&str]) -> Read {
    let mut variables = Variables::default();
    variables.read(env.as_bytes());
    let named =
        files.iter().enumerate().map(|(n, text)| (format!("{n}.yml").into(), text.as_bytes().to_vec()));
    let profiles: Vec<String> = profiles.iter().map(|profile| (*profile).to_owned()).collect();
    read(&named.collect::<Vec<_>>(), &variables, &profiles)
}

/// `service: source -> target` of every mount.
fn mounts(read: &Read) -> Vec<String> {
    let services = &read.declared.composition.as_ref().unwrap().services;
    let line = |service: &crate::model::Service, mount: &crate::model::BoundMount| {
        let source = match &mount.source {
            MountSource::Host(path) => path,
            MountSource::Volume(key) => key,
            MountSource::Own => "-",
        };
        format!("{}: {source} -> {}{}", service.name, mount.target, if mount.read_only { " ro" } else { "" })
    };
    services.iter().flat_map(|service| service.mounts.iter().map(move |mount| line(service, mount))).collect()
}

#[test]
fn variables_overrides_anchors_and_merge_keys_come_together() {
    let base =
        "x-a: &a\n  volumes:\n    - ${DIR:-./s}:/run/x\nservices:\n  a:\n    <<: *a\n    image: x\n  b: *a\n";
    let read = of(&[base], "", &[]);
    assert_eq!(mounts(&read), ["a: ./s -> /run/x", "b: ./s -> /run/x"]);
    let over = "services:\n  b:\n    volumes: [vv:/run/x:ro]\nvolumes:\n  vv:\n";
    let read = of(&[base, over], "DIR=/srv/s\n", &[]);
    assert_eq!(mounts(&read), ["a: /srv/s -> /run/x", "b: vv -> /run/x ro"]);
}

#[test]
fn a_mount_whose_variable_is_not_set_is_no_mistake_of_the_file() {
    let text = "services:\n  a:\n    volumes:\n      - ${SOCK}:/run/a\n      - ${DIR:?say which}:/run/b:ro\n      - {type: bind, source: $SOCK, target: /run/c}\n";
    let read = of(&[text], "", &[]);
    assert_eq!(read.malformed, []);
    assert_eq!(mounts(&read), ["a: ${SOCK} -> /run/a", "a: ${DIR} -> /run/b ro", "a: ${SOCK} -> /run/c"]);
    assert!(read.gaps[0].why.contains("nothing sets DIR, SOCK"), "{:?}", read.gaps);
    assert_eq!(of(&[text], "SOCK=\nDIR=/d\n", &[]).malformed.len(), 1);
}

#[test]
fn a_section_is_added_only_where_the_file_goes_on() {
    for (text, goes_on) in [
        ("services:\n  a:\n    image: x\n", true),
        ("\u{feff}services:\r\n  a: {image: x}\r\n", true),
        ("{\"services\": {\"a\": {\"image\": \"x\"}}}\n", false),
        ("services:\n  a:\n    image: x\n...\n", false),
        ("  services:\n    a: {image: x}\n", false),
    ] {
        let read = of(&[text], "", &[]);
        assert_eq!(read.declared.composition.unwrap().more_volumes.is_some(), goes_on, "{text}");
    }
}

#[test]
fn services_of_other_profiles_are_left_out() {
    let text = "services: {a: {tmpfs: /run/a}, b: {profiles: [dev], tmpfs: [/run/b]}}";
    assert_eq!(mounts(&of(&[text], "", &[])), ["a: - -> /run/a"]);
    assert_eq!(mounts(&of(&[text], "", &["dev"])).len(), 2);
}

#[test]
fn a_service_has_what_it_extends_and_what_it_takes_from_others() {
    let text = "services:\n  a: {volumes: [vv:/run/x]}\n  b: {extends: {service: a}, volumes: [ww:/y]}\n  c: {volumes_from: ['a:ro']}\n";
    assert_eq!(
        mounts(&of(&[text], "", &[])),
        ["a: vv -> /run/x", "b: vv -> /run/x", "b: ww -> /y", "c: vv -> /run/x ro"]
    );
    of(&["services: {a: {extends: b}, b: {extends: a}}"], "", &[]);
}

#[test]
fn what_is_malformed_has_a_place_and_the_rest_is_read() {
    for (text, line, column) in [
        ("services: [a]", 1, 11),
        ("services:\n  a: b\n", 2, 6),
        ("services:\n  a:\n    volumes: vv:/x\n", 3, 14),
        ("services:\n  a:\n    volumes:\n      - ab:b:c:d:e\n", 4, 9),
        ("- a\n", 1, 1),
    ] {
        let read = of(&["services: {z: {tmpfs: /run/z}}", text], "", &[]);
        let place =
            read.malformed.first().map(|malformed| (malformed.location.line, malformed.location.column));
        assert_eq!(place, Some((line, column)), "{text}");
        assert_eq!(read.malformed[0].location.file, b"1.yml");
        assert_eq!(mounts(&read), ["z: - -> /run/z"]);
    }
}

#[test]
fn sockets_are_found_with_their_places() {
    let text = "services:\n  db:\n    image: postgres:16\n  app:\n    environment:\n      - DATABASE_URL=postgres:///x?host=/var/run/postgresql\n    command: [\"gunicorn\", \"--bind\", \"unix:/run/app.sock\"]\n";
    let read = of(&[text], "", &[]);
    let found: Vec<_> = read
        .declared
        .sockets
        .iter()
        .map(|socket| {
            (
                socket.owner.as_str(),
                socket.usage,
                String::from_utf8_lossy(&socket.path).into_owned(),
                socket.written.location.line,
                socket.written.location.column,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("db", Usage::Binds, "/var/run/postgresql".to_owned(), 3, 12),
            ("app", Usage::Binds, "/run/app.sock".to_owned(), 7, 37),
            ("app", Usage::Connects, "/var/run/postgresql".to_owned(), 6, 9),
        ]
    );
}

#[test]
fn what_stays_open_is_said() {
    let read = of(
        &["include: [x.yml]\nservices: {a: {image: \"$X\", extends: {file: b.yml, service: c}}}"],
        "",
        &[],
    );
    let sources: Vec<&str> = read.gaps.iter().map(|gap| gap.source.as_str()).collect();
    assert_eq!(sources, ["0.yml:2:23", "0.yml:1:1", "0.yml:2:45"]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(services:|volumes:|environment:|depends_on:|extends:| a|\n|  |- |\\[|\\{|\\}|\\]|: |,|&x|\\*x|<<|'|\"|!reset|\\$\\{A|/run/a.sock|é|\u{0}|#){0,40}") {
        let _ = of(&[&text, &text], &text, &["a"]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = read(&[(b"f".to_vec(), bytes)], &Variables::default(), &[]);
    }

    #[test]
    fn no_structure_makes_it_panic(key in "(image|volumes|environment|command|healthcheck|user|tmpfs|depends_on|profiles|extends|volumes_from|group_add|read_only)", value in "[-:/a.~{}\\[\\], x0-9$]{0,30}") {
        let _ = of(&[&format!("services:\n  a:\n    {key}: {value}\n  b:\n    {key}:\n      - {value}\nvolumes:\n  a: {value}\n")], "", &[]);
    }
}
