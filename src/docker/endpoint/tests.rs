//! Tables of settings, and the engine that each of them means.

use tempfile::TempDir;

use super::*;

/// A folder as Docker keeps it, with contexts `dev` and `far` and the given current one.
fn docker_config(current: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("config.json"), current).unwrap();
    write_meta(&folder, "dev", r#"{"Name":"dev","Endpoints":{"docker":{"Host":"unix:///dev.s"}}}"#);
    write_meta(&folder, "far", r#"{"Name":"far","Endpoints":{"docker":{"Host":"ssh://far"}}}"#);
    write_meta(&folder, "odd", r#"{"Name":"dev","Endpoints":{"docker":{"Host":"unix:///x"}}}"#);
    write_meta(&folder, "torn", "{");
    folder
}

fn write_meta(folder: &TempDir, name: &str, meta: &str) {
    let hash: String = Sha256::digest(name).iter().map(|b| format!("{b:02x}")).collect();
    let place = folder.path().join("contexts/meta").join(hash);
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("meta.json"), meta).unwrap();
}

/// Sources from pairs of a setting's name and its value.
fn sources(folder: &TempDir, settings: &[(&str, &str)]) -> Sources {
    let mut sources =
        Sources { env_docker_config: Some(folder.path().to_owned()), ..Sources::default() };
    for (name, value) in settings {
        let value = Some((*value).to_owned());
        match *name {
            "--host" => sources.flag_host = value,
            "--context" => sources.flag_context = value,
            "DOCKER_HOST" => sources.env_docker_host = value,
            "DOCKER_CONTEXT" => sources.env_docker_context = value,
            "DOCKER_TLS_VERIFY" => sources.env_docker_tls_verify = value,
            "host" => sources.file_host = value,
            "context" => sources.file_context = value,
            other => panic!("{other}"),
        }
    }
    sources
}

#[test]
fn flag_over_environment_over_file_over_current_context_over_default() {
    let plain = docker_config("{}");
    let current = docker_config(r#"{"currentContext":"dev"}"#);
    let all = [
        ("host", "unix:///file.s"),
        ("context", "dev"),
        ("DOCKER_CONTEXT", "dev"),
        ("DOCKER_HOST", "unix:///env.s"),
    ];
    let dev = |by: &str| format!("context `dev` ({by})");
    for (folder, settings, address, source) in [
        (&plain, &[][..], DEFAULT_ADDRESS, "default".to_owned()),
        (&current, &[], "unix:///dev.s", dev("Docker's current context")),
        (&current, &all[1..2], "unix:///dev.s", dev("`context` in the configuration file")),
        (&current, &all[..2], "unix:///file.s", "`host` in the configuration file".to_owned()),
        (&plain, &all[..3], "unix:///dev.s", dev("DOCKER_CONTEXT")),
        (&plain, &all[..], "unix:///env.s", "DOCKER_HOST".to_owned()),
        (&plain, &[("--context", "dev"), all[3]], "unix:///dev.s", dev("--context")),
        (&plain, &[("--host", "unix:///a.s"), all[3]], "unix:///a.s", "--host".to_owned()),
        (&plain, &[("DOCKER_HOST", ""), all[2]], "unix:///dev.s", dev("DOCKER_CONTEXT")),
        (&plain, &[("DOCKER_CONTEXT", "")], DEFAULT_ADDRESS, "default".to_owned()),
        (
            &current,
            &[("--context", "default"), all[3]],
            "unix:///env.s",
            "DOCKER_HOST, by context `default` (--context)".to_owned(),
        ),
        (
            &current,
            &[("DOCKER_CONTEXT", "default")],
            DEFAULT_ADDRESS,
            "default, by context `default` (DOCKER_CONTEXT)".to_owned(),
        ),
        (
            &plain,
            &[("--host", "unix:///a.s"), ("DOCKER_TLS_VERIFY", "1")],
            "unix:///a.s",
            "--host".to_owned(),
        ),
        (&plain, &[("DOCKER_TLS_VERIFY", "")], DEFAULT_ADDRESS, "default".to_owned()),
    ] {
        let endpoint = resolve(&sources(folder, settings)).unwrap();
        assert_eq!((endpoint.address.as_str(), endpoint.source), (address, source), "{settings:?}");
        assert_eq!(format!("unix://{}", endpoint.socket.display()), address);
    }
}

#[test]
fn what_cannot_be_used_says_what_was_tried_and_where_it_came_from() {
    let folder = docker_config("{}");
    let down = Reason::EngineUnavailable;
    for (settings, reason, words) in [
        (&[("DOCKER_HOST", "tcp://h:2375")][..], down, &["tcp://h:2375", "DOCKER_HOST"][..]),
        (&[("--host", "http://h")], down, &["http://h", "--host", "ssh -nNT -L"]),
        (&[("--host", "https://h")], down, &["https://h"]),
        (&[("--host", "npipe:////./pipe/x")], down, &["npipe:"]),
        (&[("host", "/run/docker.sock")], down, &["configuration file", "unix:///"]),
        (&[("--host", "")], down, &["--host"]),
        (&[("--host", "unix://docker.sock")], down, &["absolute"]),
        (&[("--context", "far")], down, &["ssh://far", "context `far` (--context)"]),
        (&[("--context", "gone")], down, &["context `gone` (--context)", "does not exist"]),
        (&[("--context", "odd")], down, &["not what"]),
        (&[("context", "torn")], down, &["cannot be read", "configuration file"]),
        (&[("DOCKER_TLS_VERIFY", "1")], down, &["DOCKER_TLS_VERIFY", "default"]),
        (
            &[("DOCKER_TLS_VERIFY", "1"), ("DOCKER_HOST", "unix:///a")],
            down,
            &["DOCKER_TLS_VERIFY", "unix:///a"],
        ),
        (&[("--context", "../x")], Reason::InvalidArgument, &["../x"]),
        (&[("--context", "")], Reason::InvalidArgument, &["--context"]),
        (
            &[("--context", "dev"), ("--host", "unix:///a")],
            Reason::InvalidArgument,
            &["--host", "--context"],
        ),
    ] {
        let fault = resolve(&sources(&folder, settings)).unwrap_err();
        assert_eq!(fault.reason, reason, "{settings:?}");
        for word in words {
            assert!(fault.message.contains(word), "{word}: {}", fault.message);
        }
    }
}

#[test]
fn a_broken_docker_configuration_is_not_passed_over() {
    let broken = docker_config("{");
    let fault = resolve(&sources(&broken, &[])).unwrap_err();
    assert_eq!(fault.reason, Reason::EngineUnavailable);
    assert!(resolve(&sources(&broken, &[("--context", "dev")])).is_ok());
    let empty = TempDir::new().unwrap();
    assert_eq!(resolve(&sources(&empty, &[])).unwrap().source, "default");
    assert_eq!(resolve(&Sources::default()).unwrap().source, "default");
    let lost = Sources { flag_context: Some("dev".into()), ..Sources::default() };
    assert!(resolve(&lost).unwrap_err().message.contains("HOME"));
}

#[test]
fn suggests_other_sockets_that_exist_and_never_its_own() {
    let home = TempDir::new().unwrap();
    let colima = home.path().join(".colima/default/docker.sock");
    fs::create_dir_all(colima.parent().unwrap()).unwrap();
    let mut settings = Sources {
        env_home: Some(home.path().to_owned()),
        env_xdg_runtime_dir: Some(home.path().to_owned()),
        flag_host: Some("unix:///var/run/docker.sock".into()),
        ..Sources::default()
    };
    fs::write(home.path().join("docker.sock"), "no socket").unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&colima).unwrap();
    let endpoint = resolve(&settings).unwrap();
    let exist = endpoint.others_that_exist();
    assert!(exist.contains(&colima.as_path()), "{exist:?}");
    assert!(!exist.contains(&home.path().join("docker.sock").as_path()), "{exist:?}");
    assert!(!exist.contains(&Path::new("/var/run/docker.sock")), "{exist:?}");
    settings.flag_host = Some(format!("unix://{}", colima.display()));
    assert!(!resolve(&settings).unwrap().others_that_exist().contains(&colima.as_path()));
}
