//! A container as it is asked for: what arguments say, taken apart. What is no such thing is refused
//! before an engine is asked for anything, and no message holds the value of a variable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::core::ids::Reference;
use crate::core::reason::Fault;
use crate::core::secret::{MARK, Secret};
use crate::core::text;
use crate::ports::engine::{MountSource, NewMount, Publish};

/// Variables that one call gives, at most.
const ENV_MAX: usize = 64;

/// A variable's name and its value in characters, at most.
const ENV_NAME_CHARS_MAX: usize = 128;
const ENV_VALUE_CHARS_MAX: usize = 4096;

/// A path in characters, at most.
const PATH_CHARS_MAX: usize = 1024;

/// Variables as a caller gives them. Their values can hold secrets: nothing here shows one.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(in crate::ops) struct Env(BTreeMap<String, Secret>);

impl JsonSchema for Env {
    fn schema_name() -> Cow<'static, str> {
        "Env".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "maxProperties": ENV_MAX,
            "propertyNames": {"minLength": 1, "maxLength": ENV_NAME_CHARS_MAX},
            "additionalProperties": {
                "type": "string", "maxLength": ENV_VALUE_CHARS_MAX, MARK: true,
            },
        })
    }
}

impl Env {
    /// Whether there are none.
    pub(in crate::ops) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names alone.
    pub(in crate::ops) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// As an engine takes them, `NAME=value`.
    pub(in crate::ops) fn entries(&self) -> Vec<String> {
        self.0.iter().map(|(name, value)| format!("{name}={}", value.reveal())).collect()
    }

    /// A text in which no value stands that is long enough to be told from other words.
    pub(in crate::ops) fn hidden_in(&self, text: &str) -> String {
        let mut values: Vec<&str> = self.0.values().map(Secret::reveal).collect();
        values.retain(|value| value.len() >= 4);
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        values.iter().fold(text.to_owned(), |text, value| text.replace(value, "(hidden)"))
    }

    /// Whether an engine takes these.
    ///
    /// # Errors
    /// `invalid_argument` that names the variable.
    pub(in crate::ops) fn check(&self) -> Result<(), Fault> {
        let word = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        for (name, value) in &self.0 {
            if name.is_empty() || name.len() > ENV_NAME_CHARS_MAX || !name.chars().all(word) {
                return Err(Fault::invalid(format!(
                    "`{}` is no name of a variable: use 1 to {ENV_NAME_CHARS_MAX} letters, digits, \
                     `_`, `.` and `-`.",
                    text::name(name)
                )));
            }
            if value.reveal().contains('\0') {
                return Err(Fault::invalid(format!(
                    "The value of the variable `{name}` holds a character that none can (NUL)."
                )));
            }
        }
        Ok(())
    }
}

/// Reads `[address:]host:container[/protocol]`.
///
/// # Errors
/// `invalid_argument` for anything else.
pub(in crate::ops) fn port(given: &str) -> Result<(IpAddr, Publish), Fault> {
    read_port(given).ok_or_else(|| {
        Fault::invalid(format!(
            "`{}` is no port to publish: write `[address:]host:container[/tcp|udp|sctp]` with \
             numbers, such as `8080:80` (on 127.0.0.1) or `0.0.0.0:8080:80`; the host's port 0 \
             lets the engine pick one.",
            text::name(given)
        ))
    })
}

fn read_port(given: &str) -> Option<(IpAddr, Publish)> {
    let (ports, protocol) = given.split_once('/').unwrap_or((given, "tcp"));
    let (rest, private) = ports.rsplit_once(':')?;
    let (address, host) = rest.rsplit_once(':').map_or((None, rest), |(a, h)| (Some(a), h));
    let address = match address {
        None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Some(address) => match address.strip_prefix('[') {
            Some(inner) => IpAddr::V6(inner.strip_suffix(']')?.parse().ok()?),
            None => IpAddr::V4(address.parse().ok()?),
        },
    };
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok())?
    };
    let protocol = ["tcp", "udp", "sctp"].contains(&protocol).then(|| protocol.to_owned())?;
    let private = number(private).filter(|port| *port > 0)?;
    let publish = Publish { address: address.to_string(), host: number(host)?, private, protocol };
    Some((address, publish))
}

/// Reads `source:/path[:ro]`, where the source is a volume's name or a path of the host.
///
/// # Errors
/// `invalid_argument` for anything else.
pub(in crate::ops) fn mount(given: &str) -> Result<NewMount, Fault> {
    read_mount(given).ok_or_else(|| {
        let mend = match folded(given) {
            Some(folded) => format!(" Write `{}`.", text::name(&folded)),
            None => String::new(),
        };
        Fault::invalid(format!(
            "`{}` is nothing to mount: write `volume:/path` or `/host/path:/path`, with `:ro` after \
             it if it is only to be read. Paths are absolute, without `..`, `:` and any slash too \
             many.{mend}",
            text::name(given)
        ))
    })
}

/// The same without slashes too many, if there are any and nothing else is wrong with it.
fn folded(given: &str) -> Option<String> {
    let fold = |part: &str| match part.strip_prefix('/') {
        None => part.to_owned(),
        Some(path) => {
            let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            format!("/{}", parts.join("/"))
        }
    };
    let folded = given.split(':').map(fold).collect::<Vec<_>>().join(":");
    read_mount(&folded).filter(|_| folded != given).map(|_| folded)
}

fn read_mount(given: &str) -> Option<NewMount> {
    let mut parts = given.split(':');
    let (source, destination, mode) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() || !is_path(destination) || destination == "/" {
        return None;
    }
    let writable = match mode {
        None => true,
        Some("ro") => false,
        Some(_) => return None,
    };
    let source = if is_path(source) {
        MountSource::HostPath(source.to_owned())
    } else {
        let name = Reference::parse(source).ok().filter(|name| name.as_str() == source)?;
        MountSource::Volume(name.as_str().to_owned())
    };
    Some(NewMount { source, destination: destination.to_owned(), writable })
}

/// Whether it is an absolute path that leads where it says, links apart, in the one spelling that it
/// has: rules of policy go by how a path is written.
fn is_path(path: &str) -> bool {
    let plain = |part: &str| !["", ".", ".."].contains(&part);
    path.strip_prefix('/').is_some_and(|rest| rest.is_empty() || rest.split('/').all(plain))
        && path.chars().count() <= PATH_CHARS_MAX
        && !path.chars().any(text::is_hidden)
}

/// A network as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Mode {
    /// None at all.
    None,
    /// The host's.
    Host,
    /// That of another container.
    Container(String),
    /// One of this name or id.
    Network(String),
}

impl Mode {
    /// Reads a network's name or id, `none`, `host` or `container:NAME`.
    pub(in crate::ops) fn of(given: &str) -> Self {
        match (given, given.strip_prefix("container:")) {
            ("none", _) => Self::None,
            ("host", _) => Self::Host,
            (_, Some(container)) => Self::Container(container.to_owned()),
            (network, None) => Self::Network(network.to_owned()),
        }
    }

    /// Whether ports can be published through it.
    pub(in crate::ops) const fn publishes(&self) -> bool {
        matches!(self, Self::Network(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::secret::SealKey;

    fn read(given: &str) -> Option<String> {
        let (_, Publish { address, host, private, protocol }) = port(given).ok()?;
        Some(format!("{address} {host} {private} {protocol}"))
    }

    #[test]
    fn without_an_address_nobody_else_reaches_a_port() {
        for (given, expected) in [
            ("8080:80", Some("127.0.0.1 8080 80 tcp")),
            ("0:80/udp", Some("127.0.0.1 0 80 udp")),
            ("0.0.0.0:8080:80", Some("0.0.0.0 8080 80 tcp")),
            ("[::1]:8080:80/sctp", Some("::1 8080 80 sctp")),
            ("[::]:1:65535", Some(":: 1 65535 tcp")),
            ("80", None),
            (":80:80", None),
            ("8080:0", None),
            ("8080:65536", None),
            ("+8080:80", None),
            ("8080-8090:80", None),
            ("8080:80/icmp", None),
            ("8080:80/tcp/udp", None),
            ("::1:8080:80", None),
            ("localhost:8080:80", None),
            ("127.1:8080:80", None),
            ("1:2:3:4", None),
            ("", None),
        ] {
            assert_eq!(read(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn a_mount_is_a_volume_or_a_path_and_nothing_between() {
        let volume = |name: &str| Some(MountSource::Volume(name.to_owned()));
        let path = |path: &str| Some(MountSource::HostPath(path.to_owned()));
        for (given, expected, writable) in [
            ("data:/data", volume("data"), true),
            ("data:/data:ro", volume("data"), false),
            ("/srv/x:/data", path("/srv/x"), true),
            ("/:/h:ro", path("/"), false),
            ("data", None, true),
            ("/data", None, true),
            ("data:data", None, true),
            ("data:/", None, true),
            ("data:/data:rw", None, true),
            ("data:/data:ro,z", None, true),
            ("data:/data:ro:x", None, true),
            ("./x:/data", None, true),
            ("../x:/data", None, true),
            ("~/x:/data", None, true),
            ("/srv/../etc:/data", None, true),
            ("data:/a/../b", None, true),
            ("//srv/x:/data", None, true),
            ("/srv//x:/data", None, true),
            ("/srv/x/:/data", None, true),
            ("//:/data", None, true),
            ("/srv/./x:/data", None, true),
            ("data://data", None, true),
            ("data:/data/", None, true),
            ("/srv\n:/data", None, true),
            ("/srv\u{202e}:/data", None, true),
            ("da ta:/data", None, true),
            (":/data", None, true),
        ] {
            let mount = mount(given).ok();
            assert_eq!(mount.as_ref().map(|mount| mount.source.clone()), expected, "{given}");
            assert_eq!(mount.is_none_or(|mount| mount.writable), writable, "{given}");
        }
    }

    #[test]
    fn a_path_with_slashes_too_many_is_told_as_it_is_to_be_written() {
        for (given, mend) in [
            ("//var/run//docker.sock:/s/:ro", Some("Write `/var/run/docker.sock:/s:ro`.")),
            ("//:/h", Some("Write `/:/h`.")),
            ("/srv/../etc//:/e", None),
            ("/srv:/e:rw", None),
        ] {
            let told = mount(given).unwrap_err().message;
            assert_eq!(mend.is_some(), told.contains("Write `"), "{told}");
            assert!(told.contains(mend.unwrap_or_default()), "{told}");
        }
    }

    #[test]
    fn values_of_variables_stand_in_no_message() {
        let key = SealKey::from_random([7; SealKey::BYTES]);
        let secret = |value: &str| Secret::new(value.into(), &key);
        let env = |name: &str, value: &str| Env(BTreeMap::from([(name.into(), secret(value))]));
        assert!(env("A_b.c-1", "x=y\nz").check().is_ok());
        for (name, value) in
            [("", "hunter2"), ("A=B", "hunter2"), ("A B", "hunter2"), ("A", "hunter2\0")]
        {
            let fault = env(name, value).check().unwrap_err();
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
        let both =
            Env(BTreeMap::from([("A".into(), secret("hunter")), ("B".into(), secret("hunter2"))]));
        assert_eq!(both.hidden_in("x hunter2 y hunter"), "x (hidden) y (hidden)");
        assert!(!format!("{both:?}").contains("hunter"));
    }

    #[test]
    fn modes_are_told_apart() {
        assert_eq!(Mode::of("host"), Mode::Host);
        assert_eq!(Mode::of("container:web"), Mode::Container("web".into()));
        assert!(!Mode::of("none").publishes() && Mode::of("hosts").publishes());
    }
}
