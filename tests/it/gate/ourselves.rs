//! Nothing is changed about the container that the program itself runs in.

use countersign::core::policy::Effect;
use countersign::core::reason::Reason;
use countersign::core::record::Event::{Denied, Read};
use countersign::gate::Status;
use serde_json::json;

use super::{Bench, always};
use crate::support::fakes::id;

#[tokio::test]
async fn no_plan_holds_our_own_container_whatever_policy_says() {
    for effect in [Effect::Allow, Effect::Confirm, Effect::Approve] {
        let bench = Bench::with(always(effect), false);
        bench.engine.own.set(id(2)).unwrap();
        for (operation, arguments) in [
            ("poke", json!({"container": "db"})),
            ("poke_whole", json!({})),
            ("poke_each", json!({})),
        ] {
            let answer = bench.call(operation, arguments).await;
            assert_eq!(answer.reason, Some(Reason::PolicyDenied), "{operation}: {}", answer.text);
            assert!(answer.text.contains("Countersign itself runs in the container db"));
            assert_eq!(answer.confirm_token, None);
            assert_eq!(bench.audit.last().event, Denied);
        }
        assert!(bench.engine.effects().is_empty());
    }
}

#[tokio::test]
async fn others_are_changed_and_our_own_is_read() {
    let bench = Bench::with(always(Effect::Allow), false);
    bench.engine.own.set(id(2)).unwrap();
    let other = bench.call("poke", json!({"container": "web"})).await;
    assert_eq!(other.status, Status::Ok, "{}", other.text);
    assert_eq!(bench.engine.effects(), ["restart web"]);
    let own = bench.call("peek", json!({"container": "db"})).await;
    assert_eq!((own.status, bench.audit.last().event), (Status::Ok, Read), "{}", own.text);
}
