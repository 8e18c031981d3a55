//! Whose signature counts as an approval, and what of it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::rngs::SysRng;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::public::{KeyData, SkEcdsaSha2NistP256, SkEd25519};
use ssh_key::rand_core::UnwrapErr;
use ssh_key::{Algorithm, EcdsaCurve, LineEnding, PrivateKey, Signature, SigningKey};
use time::macros::datetime;

use super::*;
use crate::core::policy::Effect;

const DOCUMENT: &str = "a document\n";
const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn ed25519(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

fn p256() -> PrivateKey {
    let curve = EcdsaCurve::NistP256;
    PrivateKey::random(&mut UnwrapErr(SysRng), Algorithm::Ecdsa { curve }).unwrap()
}

fn signer(name: &str, key: &PublicKey) -> Signer {
    Signer {
        name: name.into(),
        key: key.clone(),
        file: "signers".into(),
        line: 1,
        valid_after: None,
        valid_before: None,
        weak: None,
    }
}

fn trusted(name: &str, key: &PrivateKey) -> Signers {
    Signers(vec![signer(name, key.public_key())])
}

fn takes() -> Requirement {
    Requirement::usual(Effect::Approve)
}

/// What an ordinary policy takes, and a confirmation by whatever is worth at least a terminal.
fn takes_tty() -> Requirement {
    let accept = Assurance::ALL.into_iter().filter(|it| *it >= Assurance::Tty).collect();
    Requirement { accept, ..takes() }
}

fn sign(key: &PrivateKey, namespace: &str, document: &str) -> String {
    let signature = key.sign(namespace, HashAlg::Sha512, document.as_bytes()).unwrap();
    signature.to_pem(LineEnding::LF).unwrap()
}

fn bare(key: &impl SigningKey, bytes: &[u8]) -> Signature {
    key.try_sign(bytes).unwrap()
}

/// Signs as a security key does: over the application, the flags, the counter and the message.
fn touch(sk: &KeyData, key: &PrivateKey, application: &str, flags: u8) -> String {
    let message = SshSig::signed_data(NAMESPACE, HashAlg::Sha256, DOCUMENT.as_bytes()).unwrap();
    let trailer = [flags, 0, 0, 0, 9];
    let mut signed = HashAlg::Sha256.digest(application.as_bytes());
    signed.extend(trailer);
    signed.extend(HashAlg::Sha256.digest(&message));
    let mut bytes = bare(key, &signed).as_bytes().to_vec();
    bytes.extend(trailer);
    let signature = Signature::new(sk.algorithm(), bytes).unwrap();
    let signature = SshSig::new(sk.clone(), NAMESPACE, HashAlg::Sha256, signature).unwrap();
    signature.to_pem(LineEnding::LF).unwrap()
}

/// A key of software that stands for one of hardware.
fn security_keys() -> [(KeyData, PrivateKey); 2] {
    let (ed, ec) = (ed25519(7), p256());
    let KeyData::Ed25519(public) = ed.public_key().key_data().clone() else { panic!() };
    let KeyData::Ecdsa(point) = ec.public_key().key_data().clone() else { panic!() };
    let ssh_key::public::EcdsaPublicKey::NistP256(point) = point else { panic!() };
    [
        (KeyData::SkEd25519(SkEd25519::new(public, "ssh:")), ed),
        (KeyData::SkEcdsaSha2NistP256(SkEcdsaSha2NistP256::new(point, "ssh:")), ec),
    ]
}

fn refusal(signature: &str, signers: &Signers, takes: &Requirement) -> (Reason, String) {
    let fault = verify(DOCUMENT, signature, None, signers, takes, NOW).unwrap_err();
    (fault.reason, fault.message)
}

#[test]
fn a_signature_over_the_document_by_a_trusted_key_is_an_approval() {
    for key in [ed25519(1), p256()] {
        let signature = sign(&key, NAMESPACE, DOCUMENT);
        let approval =
            verify(DOCUMENT, &signature, None, &trusted("alice", &key), &takes(), NOW).unwrap();
        assert_eq!((approval.signer(), approval.assurance()), ("alice", Assurance::Secret));
        assert_eq!(approval.key(), key.fingerprint(HashAlg::Sha256).to_string());
        assert!(approval.to_string().starts_with("alice (SHA256:"));
    }
}

#[test]
fn what_ssh_keygen_signed_counts_and_an_old_hash_a_short_key_or_an_unread_curve_do_not() {
    let of = |text: &str| Signers(vec![signer("bob", &text.parse().unwrap())]);
    let rsa = of(include_str!("signed/rsa2048.pub"));
    let good = include_str!("signed/rsa2048.sig");
    assert_eq!(
        verify(DOCUMENT, good, None, &rsa, &takes(), NOW).unwrap().assurance(),
        Assurance::Secret
    );
    // The same key's signature with SHA-1, as an agent gives it that is asked for it.
    let (reason, _) = refusal(include_str!("signed/rsa-sha1.sig"), &rsa, &takes());
    assert_eq!(reason, Reason::SignatureInvalid);
    for (public, signature) in [
        (include_str!("signed/rsa1024.pub"), include_str!("signed/rsa1024.sig")),
        (include_str!("signed/ecdsa384.pub"), include_str!("signed/ecdsa384.sig")),
    ] {
        assert!(crate::core::signers::key(public).is_err());
        // No file brings such a key this far; if one did, it would be refused here as well.
        assert_eq!(refusal(signature, &of(public), &takes()).0, Reason::SignatureInvalid);
    }
}

#[test]
fn a_security_key_is_worth_most_if_somebody_touched_it() {
    for (sk, key) in security_keys() {
        let signers = Signers(vec![signer("alice", &PublicKey::from(sk.clone()))]);
        for flags in [1, 5, 0xff] {
            let signature = touch(&sk, &key, "ssh:", flags);
            let approval = verify(DOCUMENT, &signature, None, &signers, &takes(), NOW).unwrap();
            assert_eq!(approval.assurance(), Assurance::Hardware);
        }
        for flags in [0, 4, 0xfe] {
            let signature = touch(&sk, &key, "ssh:", flags);
            let (reason, message) = refusal(&signature, &signers, &takes());
            assert_eq!(reason, Reason::AssuranceTooLow);
            assert!(message.contains("`tty`, since nobody touched the security key"), "{message}");
            let approval = verify(DOCUMENT, &signature, None, &signers, &takes_tty(), NOW).unwrap();
            assert_eq!(approval.assurance(), Assurance::Tty);
        }
        let elsewhere = touch(&sk, &key, "ssh:other", 1);
        assert_eq!(refusal(&elsewhere, &signers, &takes()).0, Reason::SignatureInvalid);
        // The flag of a touch is signed: it cannot be set afterwards.
        let untouched = SshSig::from_pem(touch(&sk, &key, "ssh:", 0)).unwrap();
        let mut bytes = untouched.signature_bytes().to_vec();
        let place = bytes.len() - HARDWARE_TRAILER;
        bytes[place] |= TOUCHED;
        let forged = Signature::new(sk.algorithm(), bytes).unwrap();
        let forged = SshSig::new(sk, NAMESPACE, HashAlg::Sha256, forged).unwrap();
        let forged = forged.to_pem(LineEnding::LF).unwrap();
        assert_eq!(refusal(&forged, &signers, &takes()).0, Reason::SignatureInvalid);
    }
}

#[test]
fn a_signature_for_something_else_is_none() {
    let key = ed25519(1);
    let signers = trusted("alice", &key);
    for namespace in ["file", "git", "countersign-probe", "countersign-approval ", "Countersign"] {
        let (reason, message) = refusal(&sign(&key, namespace, DOCUMENT), &signers, &takes());
        assert_eq!(reason, Reason::SignatureInvalid);
        assert!(message.contains("signed for `countersign-approval`"), "{message}");
    }
    let signature = sign(&key, NAMESPACE, DOCUMENT);
    for place in 0..DOCUMENT.len() {
        let mut other = DOCUMENT.as_bytes().to_vec();
        other[place] ^= 1;
        let other = String::from_utf8(other).unwrap();
        let fault = verify(&other, &signature, None, &signers, &takes(), NOW).unwrap_err();
        assert_eq!(fault.reason, Reason::SignatureInvalid);
    }
    assert!(verify(DOCUMENT, &signature, None, &signers, &takes(), NOW).is_ok());
}

#[test]
fn a_key_that_is_not_trusted_now_and_by_policy_approves_nothing() {
    let (key, other) = (ed25519(1), ed25519(2));
    let signature = sign(&key, NAMESPACE, DOCUMENT);
    assert_eq!(refusal(&signature, &trusted("alice", &other), &takes()).0, Reason::SignerUnknown);
    assert_eq!(refusal(&signature, &Signers::default(), &takes()).0, Reason::SignerUnknown);

    let second = time::Duration::SECOND;
    for (after, before, counts) in [
        (None, None, true),
        (Some(NOW), Some(NOW), true),
        (Some(NOW + second), None, false),
        (None, Some(NOW - second), false),
    ] {
        let alice = signer("alice", key.public_key());
        let alice = Signer { valid_after: after, valid_before: before, ..alice };
        let signers = Signers(vec![alice]);
        assert_eq!(signers.can_meet(&takes(), false, NOW), counts);
        match verify(DOCUMENT, &signature, None, &signers, &takes(), NOW) {
            Ok(_) => assert!(counts),
            Err(fault) => {
                assert_eq!((fault.reason, counts), (Reason::SignerUnknown, false));
                assert!(fault.message.contains("not at this time"), "{fault}");
            }
        }
    }

    let signers = trusted("alice", &key);
    let by = |name: &str| Requirement { by: Some([Arc::from(name)].into()), ..takes() };
    assert!(verify(DOCUMENT, &signature, None, &signers, &by("alice"), NOW).is_ok());
    let (reason, message) = refusal(&signature, &signers, &by("bob"));
    assert_eq!(reason, Reason::SignerUnknown);
    assert!(message.contains("the signature of bob"), "{message}");
}

#[test]
fn what_leaves_nobody_says_that_it_is_the_rules() {
    let signers = Signers(vec![signer("alice", ed25519(1).public_key())]);
    let trusted = Trusted { signers, requester: 1000, apart: Ok(()), now: NOW };
    let by = |name: &str| Requirement { by: Some([Arc::from(name)].into()), ..takes() };
    assert_eq!(trusted.unmet(&by("alice")), None);
    let both = by("alice").and(&by("bob"));
    let nothing = Requirement { accept: BTreeSet::new(), ..takes() };
    for takes in [both, nothing] {
        let Unmet { why, mend } = trusted.unmet(&takes).unwrap();
        assert!(why.contains("leave nothing that satisfies all of them"), "{why}");
        assert_eq!(mend, "Change one of them.");
    }
    let Unmet { why, .. } = trusted.unmet(&by("bob")).unwrap();
    assert_eq!(why, "no file trusts a key of `bob`");
}

#[test]
fn what_is_worth_less_than_policy_takes_says_why() {
    let key = ed25519(1);
    let signature = sign(&key, NAMESPACE, DOCUMENT);
    let weak = Signer {
        weak: Some("this account can write the file".into()),
        ..signer("alice", key.public_key())
    };
    let signers = Signers(vec![weak.clone()]);
    assert!(!signers.can_meet(&takes(), false, NOW) && signers.can_meet(&takes_tty(), false, NOW));
    let (reason, message) = refusal(&signature, &signers, &takes());
    assert_eq!(reason, Reason::AssuranceTooLow);
    assert!(message.contains("`tty`, since this account can write the file."), "{message}");
    // Of several entries of one key, the one that is worth most counts, wherever it stands.
    let strong = signer("alice", key.public_key());
    for signers in [vec![weak.clone(), strong.clone()], vec![strong, weak]] {
        assert!(verify(DOCUMENT, &signature, None, &Signers(signers), &takes(), NOW).is_ok());
    }
    let hardware = Requirement { accept: [Assurance::Hardware].into(), ..takes() };
    let (reason, message) = refusal(&signature, &trusted("alice", &key), &hardware);
    assert_eq!(reason, Reason::AssuranceTooLow);
    assert!(message.contains("worth `secret`. Policy takes `hardware`"), "{message}");
}

#[test]
fn what_is_no_signature_is_refused_as_one() {
    let key = ed25519(1);
    let signers = trusted("alice", &key);
    let good = sign(&key, NAMESPACE, DOCUMENT);
    let swapped = {
        let theirs = SshSig::from_pem(sign(&ed25519(2), NAMESPACE, DOCUMENT)).unwrap();
        let key = key.public_key().key_data().clone();
        let swapped = SshSig::new(key, NAMESPACE, HashAlg::Sha512, theirs.signature().clone());
        swapped.unwrap().to_pem(LineEnding::LF).unwrap()
    };
    let private = KeypairData::from(Ed25519Keypair::from_seed(&[1; 32]));
    let private = PrivateKey::new(private, "").unwrap().to_openssh(LineEnding::LF).unwrap();
    for bad in [
        "",
        "\0",
        "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n",
        &good.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        good.split_at(good.len() / 2).0,
        &format!("a word before\n{good}"),
        &format!("{good}{good}"),
        &format!("{good}a word after\n"),
        &swapped,
        &private,
        &"A".repeat(SIGNATURE_BYTES_MAX),
        &"A".repeat(SIGNATURE_BYTES_MAX + 1),
    ] {
        assert_eq!(refusal(bad, &signers, &takes()).0, Reason::SignatureInvalid, "{bad}");
    }
    for fine in [format!("\n\n{good}"), format!("{good}\n\n"), good.replace('\n', "\r\n")] {
        assert!(verify(DOCUMENT, &fine, None, &signers, &takes(), NOW).is_ok(), "{fine:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_changed_bit_of_a_signature_is_accepted(place in 0_usize..200, bit in 0_u32..8) {
        let key = ed25519(1);
        let signature = key.sign(NAMESPACE, HashAlg::Sha512, DOCUMENT.as_bytes()).unwrap();
        let mut bytes = ssh_key::encoding::Encode::encode_vec(&signature).unwrap();
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        let changed: Result<SshSig, _> = ssh_key::encoding::Decode::decode(&mut &*bytes);
        if let Ok(changed) = changed {
            let changed = changed.to_pem(LineEnding::LF).unwrap();
            prop_assert!(verify(DOCUMENT, &changed, None, &trusted("alice", &key), &takes(), NOW).is_err());
        }
    }

    #[test]
    fn whatever_is_given_is_answered(text in any::<String>(), body in "[A-Za-z0-9+/=\n]{0,400}") {
        let signers = trusted("alice", &ed25519(1));
        prop_assert!(verify(DOCUMENT, &text, None, &signers, &takes(), NOW).is_err());
        let pem = format!("-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n");
        prop_assert!(verify(DOCUMENT, &pem, None, &signers, &takes(), NOW).is_err());
    }
}

#[test]
fn what_another_account_gives_is_worth_that_as_well_and_what_is_weak_is_not() {
    use Assurance::{Hardware, Secret, Tty, Uid};
    let key = ed25519(1);
    let [(sk, held), _] = security_keys();
    let soft = trusted("alice", &key);
    let hard = Signers(vec![signer("alice", &PublicKey::from(sk.clone()))]);
    let weak = |signers: &Signers| {
        let weak = Some("it lies open".to_owned());
        Signers(signers.0.iter().map(|it| Signer { weak: weak.clone(), ..it.clone() }).collect())
    };
    let (weak_soft, weak_hard) = (weak(&soft), weak(&hard));
    let (signed, touched) = (sign(&key, NAMESPACE, DOCUMENT), touch(&sk, &held, "ssh:", 1));
    let untouched = touch(&sk, &held, "ssh:", 0);
    for (signature, signers, account, accept, worth) in [
        (&signed, &soft, None, &[Secret][..], Some(Secret)),
        (&signed, &soft, None, &[Uid], None),
        (&signed, &soft, Some(0), &[Uid], Some(Uid)),
        (&signed, &soft, Some(0), &[Secret], Some(Uid)),
        (&signed, &soft, Some(0), &[Hardware], None),
        (&touched, &hard, None, &[Uid], None),
        (&touched, &hard, Some(7), &[Uid], Some(Uid)),
        (&touched, &hard, Some(7), &[Hardware], Some(Hardware)),
        (&touched, &hard, Some(7), &[Uid, Hardware], Some(Hardware)),
        (&untouched, &hard, Some(7), &[Uid, Hardware], None),
        (&untouched, &hard, Some(7), &[Tty], Some(Tty)),
        (&signed, &weak_soft, Some(0), &[Uid], None),
        (&signed, &weak_soft, Some(0), &[Tty], Some(Tty)),
        (&touched, &weak_hard, Some(0), &[Uid, Hardware], None),
    ] {
        let takes = Requirement { accept: accept.iter().copied().collect(), ..takes() };
        let found = verify(DOCUMENT, signature, account, signers, &takes, NOW);
        let found = found.map(|approval| {
            assert_eq!(approval.account(), account);
            approval.assurance()
        });
        assert_eq!(found.clone().ok(), worth, "{accept:?} by {account:?}");
        let foreseen = foresee(&super::key(signature).unwrap(), account, signers, &takes, NOW);
        // Whether somebody touches a key is seen afterwards.
        assert!(foreseen.is_ok() == worth.is_some() || signature == &untouched, "{accept:?}");
        let refused = found.err().map(|fault| fault.reason);
        assert!(refused.is_none_or(|reason| reason == Reason::AssuranceTooLow), "{accept:?}");
    }
    let apart = Requirement { accept: [Uid].into(), ..takes() };
    let fault = verify(DOCUMENT, &signed, None, &soft, &apart, NOW).unwrap_err();
    assert!(
        fault.message.ends_with("Given by another account it is enough: `approve --document`.")
    );
    let fault = verify(DOCUMENT, &signed, None, &weak_soft, &apart, NOW).unwrap_err();
    assert!(fault.message.ends_with("Policy takes `uid` here."), "{fault}");
    for (signers, met) in [(&soft, true), (&hard, true), (&weak_soft, false), (&weak_hard, false)] {
        assert!(!signers.can_meet(&apart, false, NOW), "there is no way to give it");
        assert_eq!(signers.can_meet(&apart, true, NOW), met);
    }
}

#[test]
fn whom_the_accounts_own_file_names_is_nobody_that_a_rule_asks_for() {
    let own = |name: &str| {
        let why = "it is the account's own".to_owned();
        Signer {
            weak: Some(why),
            name: format!("{name}{}", signers::OWN).into(),
            ..trusted(name, &ed25519(1)).0.remove(0)
        }
    };
    let signature = sign(&ed25519(1), NAMESPACE, DOCUMENT);
    let alone = Signers(vec![own("alice")]);
    let takes = |by: Option<&str>| Requirement {
        accept: [Assurance::Tty].into(),
        by: by.map(|name| [name.into()].into()),
        ..takes()
    };
    let found = verify(DOCUMENT, &signature, None, &alone, &takes(None), NOW).unwrap();
    assert_eq!((found.signer(), found.assurance()), ("alice (own file)", Assurance::Tty));
    let fault = verify(DOCUMENT, &signature, None, &alone, &takes(Some("alice")), NOW).unwrap_err();
    assert_eq!(fault.reason, Reason::SignerUnknown);
    let both = Signers(vec![own("alice"), trusted("alice", &ed25519(1)).0.remove(0)]);
    let found = verify(DOCUMENT, &signature, None, &both, &takes(Some("alice")), NOW).unwrap();
    assert_eq!(found.signer(), "alice");
    let trusted = Trusted { signers: alone, requester: 1000, apart: Ok(()), now: NOW };
    let why = trusted.unmet(&takes(Some("alice"))).unwrap().why;
    assert!(why.ends_with("worth `tty`, since it is the account's own"), "{why}");
    let why = trusted.unmet(&takes(Some("alic"))).unwrap().why;
    assert_eq!(why, "no file trusts a key of `alic`", "nobody there can be meant");
}
