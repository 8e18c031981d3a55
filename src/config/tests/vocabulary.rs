//! A small vocabulary that stays as it is, so that what files are told about it does.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::core::operation::{Attribute, Class, Form, Kind, Spec};
use crate::core::policy::{Argument, Known, Vocabulary};

const CONTAINER: Kind = Kind {
    name: "container",
    names: Form::Word { upper: true, beside: "_.-" },
    ids: Form::Hex(64),
    attributes: &[
        Attribute { name: "label.*", form: Form::Text, always: false },
        Attribute { name: "image", form: Form::Text, always: true },
        Attribute {
            name: "project",
            form: Form::Word { upper: false, beside: "_-" },
            always: false,
        },
        Attribute { name: "privileged", form: Form::Flag, always: true },
    ],
};

const VOLUME: Kind = Kind {
    name: "volume",
    names: Form::Word { upper: true, beside: "_.-" },
    ids: Form::Word { upper: true, beside: "_.-" },
    attributes: &[Attribute { name: "label.*", form: Form::Text, always: false }],
};

type Arguments<'a> = &'a [(&'a str, Value)];

fn known(
    name: &'static str,
    toolset: &'static str,
    classes: [Class; 2],
    kinds: &'static [&'static Kind],
    arguments: Arguments<'_>,
) -> Known {
    let references: &[&str] = match kinds.first().map(|kind| kind.name) {
        Some("container") => &["container"],
        Some(_) => &["volume"],
        None => &[],
    };
    let [class, ceiling] = classes;
    let spec = Spec {
        name: Cow::Borrowed(name),
        class,
        ceiling,
        kinds,
        references,
        ..Spec::read("", "Some operation", "Does something.", toolset)
    };
    let argument = |(name, declared): &(&str, Value)| {
        let texts = |values: &Vec<Value>| {
            values.iter().map(|v| v.as_str().map_or(v.to_string(), str::to_owned)).collect()
        };
        let argument = Argument {
            default: declared.get("default").cloned(),
            possible: declared.get("possible").and_then(Value::as_array).map(texts),
            range: declared.get("most").and_then(Value::as_i64).map(|most| (0, most)),
            many: declared.get("many").is_some(),
            ..Argument::default()
        };
        ((*name).to_owned(), argument)
    };
    let mut arguments: BTreeMap<String, Argument> = arguments.iter().map(argument).collect();
    for reference in references {
        arguments.insert((*reference).to_owned(), Argument::default());
    }
    Known { spec, arguments }
}

fn flag() -> Value {
    json!({"default": false, "possible": [false, true]})
}

/// The vocabulary.
pub(in crate::config) fn vocabulary() -> Vocabulary {
    use Class::{Destroy, Escalate, Mutate, Read, Sensitive};
    let (on, volume, both) = (&[&CONTAINER], &[&VOLUME], &[&VOLUME, &CONTAINER]);
    let streams = json!({"default": "all", "possible": ["all", "stdout", "stderr"]});
    let seconds = || json!({"default": 10, "most": 600});
    let any = || json!({});
    let many = || json!({"many": true});
    let (base, admin) = ("containers", "containers-admin");
    Vocabulary::new(vec![
        known("ping", "core", [Read; 2], &[], &[]),
        known("list_containers", base, [Read; 2], &[], &[("all", flag()), ("name", any())]),
        known("inspect_container", base, [Sensitive; 2], on, &[]),
        known("get_container_logs", base, [Sensitive; 2], on, &[("stream", streams)]),
        known("restart_container", base, [Mutate; 2], on, &[("timeout", seconds())]),
        known("stop_container", base, [Mutate, Destroy], on, &[("timeout", seconds())]),
        known("rename_container", admin, [Mutate; 2], on, &[("newName", any())]),
        known("remove_container", admin, [Destroy; 2], on, &[("force", flag())]),
        known(
            "exec_in_container",
            admin,
            [Escalate; 2],
            on,
            &[("command", many()), ("env", many()), ("user", any())],
        ),
        known("remove_volume", "volumes", [Destroy; 2], volume, &[]),
        known("mount_volume", "volumes", [Mutate; 2], both, &[]),
    ])
}
