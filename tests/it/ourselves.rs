//! The real program in a container of a real engine: it changes nothing about that container.

use serde_json::{Map, Value, json};

use crate::support::engine::{Engine, IMAGE, Made, SOCKET, docker};
use crate::support::program::{LEGACY, Session, command, data, text};

/// A container in which the program can run, since it has the host's libraries.
fn house(engine: &Engine) -> Made {
    let program = format!("{}:/countersign:ro", env!("CARGO_BIN_EXE_countersign"));
    let socket = format!("{SOCKET}:{SOCKET}");
    let mut house = engine.container("sleep 3600").option(&["--stop-signal", "KILL"]);
    for mount in ["/lib:/lib:ro", "/lib64:/lib64:ro", "/usr:/usr:ro", &program, &socket] {
        house = house.option(&["--volume", mount]);
    }
    house.label("com.docker.compose.project", engine.run()).start()
}

fn serve(house: &Made) -> Session {
    let host = format!("DOCKER_HOST=unix://{SOCKET}");
    let mut docker = command("docker");
    docker.args(["--host", &format!("unix://{SOCKET}"), "exec", "--interactive"]);
    docker.args(["--env", &host, "--env", "AUDIT_DIR=/tmp/audit", "--env", "HOME=/tmp"]);
    docker.args([house.id.as_str(), "/countersign", "mcp", "--toolsets", "all"]);
    let mut session = Session::start(&mut docker);
    session.initialize(LEGACY);
    session
}

/// Some value of a schema.
fn some(schema: &Value) -> Value {
    match schema["type"].as_str().unwrap() {
        "string" => schema["enum"].get(0).cloned().unwrap_or_else(|| json!("x1")),
        "array" => json!([some(&schema["items"])]),
        "integer" | "number" => schema["minimum"].clone(),
        _ => json!(true),
    }
}

/// Arguments of a tool about this container: what it has to be given, and nothing else.
fn arguments(tool: &Value, own: &[(&str, &str)]) -> Option<Value> {
    let schema = &tool["inputSchema"];
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut arguments = Map::new();
    let mut is_about_it = false;
    for name in required.iter().filter_map(Value::as_str) {
        let given = own.iter().find(|(key, _)| *key == name);
        is_about_it |= given.is_some();
        let value = given.map_or_else(|| some(&schema["properties"][name]), |(_, v)| json!(v));
        arguments.insert(name.to_owned(), value);
    }
    is_about_it.then_some(Value::Object(arguments))
}

#[test]
fn every_change_of_the_own_container_is_refused() {
    let engine = Engine::connect();
    let house = house(&engine);
    let mut session = serve(&house);
    let tools = session.request("tools/list", &json!({}))["result"]["tools"].clone();
    let started = house.inspect("{{.State.StartedAt}}");
    let mut refused = Vec::new();
    for tool in tools.as_array().unwrap() {
        if tool["annotations"]["readOnlyHint"] == true {
            continue;
        }
        let name = tool["name"].as_str().unwrap();
        // A network that there is, so that the container is what it fails for.
        let own = [("container", house.name.as_str()), ("project", engine.run())];
        let Some(mut arguments) = arguments(tool, &own) else { continue };
        if arguments.get("network").is_some() {
            arguments["network"] = json!("bridge");
        }
        // It has to be asked for some change, though none is required.
        if name == "update_container" {
            arguments["memory"] = json!("64m");
        }
        let answer = session.call(name, &arguments);
        assert_eq!(data(&answer)["reason"], "policy_denied", "{name}: {answer}");
        assert!(text(&answer).contains("Countersign itself runs in"), "{name}: {answer}");
        refused.push(name);
    }
    let joined = json!({"image": IMAGE, "network": format!("container:{}", house.name)});
    let answer = session.call("run_container", &joined);
    assert_eq!(data(&answer)["reason"], "policy_denied", "{answer}");
    assert!(text(&answer).contains("Countersign itself runs in"), "{answer}");
    for name in ["start_container", "stop_container", "restart_container", "exec_in_container"] {
        assert!(refused.contains(&name), "{refused:?}");
    }
    assert_eq!(house.inspect("{{.State.StartedAt}}"), started);
    assert!(house.exists());

    let other = engine.container("sleep 3600").option(&["--stop-signal", "KILL"]).start();
    let preview = session.call("stop_container", &json!({"container": other.name}));
    let token = data(&preview)["confirmToken"].clone();
    let stop = json!({"container": other.name, "confirmToken": token});
    assert_eq!(data(&session.call("stop_container", &stop))["status"], "ok");
    assert_eq!(docker(&["inspect", "-f", "{{.State.Running}}", other.id.as_str()]).trim(), "false");
}
