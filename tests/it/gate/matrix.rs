//! The golden policy matrix, through the gate: class × caller × facts, with changes on and off.

use std::fmt::Write as _;

use countersign::core::plan::Face;
use countersign::core::policy::Policy;
use serde_json::json;

use super::{Bench, request};

#[tokio::test]
async fn the_builtin_policy_through_the_gate_is_golden() {
    let mut table = String::from("operation  class      facts   face  read_only  outcome\n");
    for (operation, arguments) in [
        ("greet", json!({})),
        ("peek", json!({"container": "web"})),
        ("poke", json!({"container": "web"})),
        ("poke_whole", json!({})),
    ] {
        for (facts, auto_remove) in [("stays", false), ("--rm", true)] {
            for face in [Face::Mcp, Face::Cli] {
                for read_only in [false, true] {
                    let bench = Bench::with(Policy::builtin(), read_only);
                    bench.engine.change(1, |container| container.auto_remove = auto_remove);
                    let mut request = request(operation, arguments.clone());
                    request.caller.principal.face = face;
                    let answer = bench.gate.run(request).await;
                    let class = bench.audit.last().class.unwrap();
                    let outcome = match answer.reason {
                        Some(reason) => reason.to_string(),
                        None => serde_json::to_value(answer.status)
                            .unwrap()
                            .as_str()
                            .unwrap()
                            .to_owned(),
                    };
                    let face = face.as_str();
                    writeln!(
                        table,
                        "{operation:10} {class:10} {facts:7} {face:5} {read_only:9}  {outcome}"
                    )
                    .unwrap();
                    assert!(bench.engine.effects().is_empty(), "nothing here is confirmed");
                }
            }
        }
    }
    insta::assert_snapshot!(table);
}
