//! Properties of the decision over random policies and requests.

use proptest::collection::vec;
use proptest::prelude::*;

use super::random::{KEYS, is_enough, policy, request, rule, sealed, ways};
use super::reference::{Draft, Request, said};
use super::support::vocabulary;
use crate::core::policy::{Effect, Policy, Requirement, Verdict};

/// So many requests are asked of each policy, or of two.
const EACH: usize = 40;

fn decide(policy: &Policy, request: &Request) -> Verdict {
    let history = request.history();
    policy.decide(&request.query(history.as_ref()))
}

/// What an order of rules must not change: everything but which of two equal rules is named.
fn come_to(verdict: &Verdict) -> (Effect, &Requirement) {
    (verdict.effect(), verdict.takes())
}

proptest! {
    // 900 times 4 policies times 30 requests are 108,000 decisions.
    #![proptest_config(ProptestConfig::with_cases(900))]

    #[test]
    fn decisions_agree_with_the_reference(
        policies in vec(policy(8), 4),
        whole in vec(request(100), 20),
        partial in vec(request(60), 10),
    ) {
        let ways = ways();
        for drafts in &policies {
            let policy = sealed(drafts);
            for request in whole.iter().chain(&partial) {
                let expected = said(drafts, request, vocabulary().operations());
                let verdict = decide(&policy, request);
                prop_assert_eq!(verdict.effect(), expected.effect, "{:?}", request);
                for how in &ways {
                    let enough = is_enough(&verdict, *how);
                    prop_assert_eq!(enough, expected.is_enough(*how), "{:?} {:?}", request, how);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn order_says_nothing(
        drafts in policy(6).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        requests in vec(request(90), EACH),
    ) {
        let (one, other) = (sealed(&drafts.0), sealed(&drafts.1));
        for request in &requests {
            let (one, other) = (decide(&one, request), decide(&other, request));
            prop_assert_eq!(come_to(&one), come_to(&other));
        }
    }

    /// What a trusted rule already permits is never permitted more by one rule more.
    #[test]
    fn one_rule_more_never_widens(
        drafts in policy(6),
        more in rule(KEYS),
        requests in vec(request(90), EACH),
    ) {
        let with: Vec<Draft> = drafts.iter().cloned().chain([more]).collect();
        let (before, after) = (sealed(&drafts), sealed(&with));
        for request in &requests {
            let old = decide(&before, request);
            let matched = !is_no_match(&before, request);
            let wider = decide(&after, request).permits_more_than(&old);
            prop_assert!(!matched || !wider, "{:?}", request);
        }
    }

    #[test]
    fn a_project_never_widens(
        drafts in policy(6),
        project in policy(4),
        requests in vec(request(90), EACH),
    ) {
        let project = project.into_iter().map(|draft| Draft { is_project: true, ..draft });
        let with: Vec<Draft> = drafts.iter().cloned().chain(project).collect();
        let (before, after) = (sealed(&drafts), sealed(&with));
        for request in &requests {
            let (old, new) = (decide(&before, request), decide(&after, request));
            prop_assert!(!new.permits_more_than(&old), "{:?}", request);
            for how in ways() {
                prop_assert!(!is_enough(&new, how) || is_enough(&old, how), "{:?} {:?}", request, how);
            }
        }
    }
}

/// Whether a request is denied because nothing matched. Of several targets it is enough if one is.
fn is_no_match(policy: &Policy, request: &Request) -> bool {
    let history = request.history();
    policy.decide(&request.query(history.as_ref())).rule() == "no-match"
}
