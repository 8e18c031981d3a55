//! The names, classes, arguments and defaults that clients, scripts and policies rely on.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{arguments, registry};

/// For each toolset its operations: name, class and arguments. `?` is optional, `=` a default.
const PROMISED: &[(&str, &[&str])] = &[
    (
        "core",
        &[
            "ping read",
            "engine_info read",
            "check_policy read operation arguments={}",
            "check_ask read ask wait=0",
            "cancel_ask read ask",
        ],
    ),
    (
        "containers",
        &[
            "list_containers read all=false name? label? status? limit=100",
            "inspect_container sensitive container",
            "get_container_logs sensitive container tail=100 since? until? grep? context=0 \
             stream=all maxBytes=32768",
            "get_container_stats read container?",
            "get_container_processes sensitive container",
            "get_container_changes read container",
            "start_container mutate container",
            "stop_container mutate container timeout=10",
            "restart_container mutate container timeout=10",
        ],
    ),
    (
        "containers-admin",
        &[
            "kill_container mutate container signal=SIGKILL",
            "pause_container mutate container",
            "unpause_container mutate container",
            "rename_container mutate container newName",
            "update_container mutate container memory? cpus? restartPolicy?",
            "remove_container destroy container force=false volumes=false",
            "run_container escalate image name? command? env? ports? volumes? network? labels? \
             restartPolicy? memory? cpus?",
            "exec_in_container escalate container command user? workdir? timeout=30 maxBytes=32768",
        ],
    ),
    (
        "images",
        &[
            "list_images read all=false name? dangling?",
            "inspect_image sensitive image",
            "pull_image mutate image",
            "tag_image mutate image tag",
            "remove_image destroy image force=false",
        ],
    ),
    (
        "volumes",
        &[
            "list_volumes read",
            "inspect_volume read volume",
            "create_volume mutate name labels?",
            "remove_volume destroy volume",
        ],
    ),
    (
        "networks",
        &[
            "list_networks read",
            "inspect_network read network",
            "create_network mutate name internal=false labels?",
            "connect_network mutate network container",
            "disconnect_network mutate network container",
            "remove_network destroy network",
        ],
    ),
    (
        "projects",
        &[
            "list_projects read",
            "get_project read project",
            "get_project_logs sensitive project service? tail=50 since? until? grep? maxBytes=32768",
            "start_project mutate project service?",
            "stop_project mutate project service?",
            "restart_project mutate project service?",
            "down_project destroy project volumes=false",
        ],
    ),
    (
        "system",
        &[
            "get_disk_usage read",
            "list_events sensitive since until? type? limit=100",
            "prune_containers destroy label? olderThan?",
            "prune_images destroy label? olderThan?",
            "prune_networks destroy label? olderThan?",
            "prune_volumes destroy label? olderThan?",
        ],
    ),
];

/// What is promised of an argument: whether it may be left out, and what it then is.
type Promise = (bool, Option<Value>);

fn promise(word: &str) -> (&str, Promise) {
    match (word.strip_suffix('?'), word.split_once('=')) {
        (Some(name), _) => (name, (true, None)),
        (None, Some((name, default))) => {
            let value = serde_json::from_str(default).unwrap_or_else(|_| json!(default));
            (name, (true, Some(value)))
        }
        (None, None) => (word, (false, None)),
    }
}

#[test]
fn every_operation_is_as_promised() {
    let registry = registry();
    let mut order = Vec::new();
    for (toolset, lines) in PROMISED {
        for line in *lines {
            let mut words = line.split_whitespace();
            let (name, class) = (words.next().unwrap(), words.next().unwrap());
            order.push(name);
            let Some(operation) = registry.get(name) else { continue };
            let spec = &operation.spec;
            assert_eq!((spec.toolset, spec.class.as_str()), (*toolset, class), "{name}");
            let promised: BTreeMap<&str, Promise> = words.map(promise).collect();
            let required = operation.schema.get("required").and_then(Value::as_array);
            let found: BTreeMap<&str, Promise> = arguments(operation)
                .into_iter()
                .map(|argument| {
                    let is_required = required.is_some_and(|all| all.contains(&json!(argument)));
                    let declared = &operation.schema["properties"][argument];
                    (argument, (!is_required, declared.get("default").cloned()))
                })
                .collect();
            assert_eq!(found, promised, "{name}");
        }
    }
    let found: Vec<&str> = registry.iter().map(|operation| &*operation.spec.name).collect();
    order.retain(|name| found.contains(name));
    assert_eq!(found, order);
}
