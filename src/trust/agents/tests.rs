//! Agents that sign unasked, those that ask, and those that are none.

use std::os::unix::net::UnixListener as Listener;
use std::sync::{Arc, Mutex};

use ssh_key::PrivateKey;
use ssh_key::private::Ed25519Keypair;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;

use super::*;
use crate::core::approval::Signer;

fn signers() -> Signers {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32])).public_key().clone();
    let (name, file) = ("alice".into(), "signers".into());
    let (valid_after, valid_before) = (None, None);
    Signers(vec![Signer { name, key, file, line: 1, valid_after, valid_before, weak: None }])
}

/// An agent that has alice's key and gives this answer to whoever wants a signature; none for an agent
/// that is silent then. Counts who wanted one.
fn agent(path: &Path, answer: Option<Vec<u8>>) -> Arc<Mutex<usize>> {
    let listener = UnixListener::bind(path).unwrap();
    let wanted = Arc::new(Mutex::new(0));
    let (count, key) = (Arc::clone(&wanted), signers().0[0].key.to_bytes().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (count, answer, key) = (Arc::clone(&count), answer.clone(), key.clone());
            tokio::spawn(async move {
                let length = stream.read_u32().await.unwrap();
                let mut request = vec![0; length as usize];
                stream.read_exact(&mut request).await.unwrap();
                let body = if request[0] == 11 {
                    let length = u32::try_from(key.len()).unwrap().to_be_bytes();
                    [b"\x0c\0\0\0\x01".as_slice(), &length, &key, b"\0\0\0\0"].concat()
                } else {
                    *count.lock().unwrap() += 1;
                    match answer {
                        Some(answer) => answer,
                        None => std::future::pending().await,
                    }
                };
                let length = u32::try_from(body.len()).unwrap().to_be_bytes();
                stream.write_all(&[&length, &*body].concat()).await.unwrap();
            });
        }
    });
    wanted
}

fn at(path: &Path) -> Sockets {
    let mut sockets = Sockets::default();
    sockets.add(path.to_owned(), None);
    sockets
}

async fn weak(sockets: &Sockets) -> Option<String> {
    let mut signers = signers();
    sockets.probe(&mut signers).await;
    signers.0.remove(0).weak
}

#[tokio::test]
async fn an_agent_that_signs_unasked_weakens_its_keys_and_one_that_asks_does_not() {
    let folder = TempDir::new().unwrap();
    let key = signers().0[0].fingerprint();
    for (name, answer, signs) in
        [("signs", b"\x0e\0\0\0\x01s".to_vec(), true), ("asks", vec![5], false)]
    {
        let path = folder.path().join(name);
        let wanted = agent(&path, Some(answer));
        let sockets = at(&path);
        assert_eq!(sockets.holder(&key).await.as_deref(), path.to_str());
        assert_eq!(sockets.holder("SHA256:another").await, None);
        assert_eq!(*wanted.lock().unwrap(), 0, "what holds a key is not asked to sign");
        let says = |why: Option<String>| why.is_some_and(|why| why.contains("without asking"));
        assert_eq!(says(weak(&sockets).await), signs);
        let unasked = sockets.unasked(&[key.clone(), "SHA256:another".into()]).await;
        assert_eq!(*wanted.lock().unwrap(), 2, "once each time, and for the keys that it holds");
        assert_eq!(unasked.into_iter().map(says).collect::<Vec<_>>(), [signs, false]);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_silent_or_no_agent_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("silent");
    let wanted = agent(&path, None);
    assert_eq!(weak(&at(&path)).await, None);
    assert_eq!(*wanted.lock().unwrap(), 1);

    // Nobody takes these connections.
    let deaf = folder.path().join("deaf");
    let _deaf = Listener::bind(&deaf).unwrap();
    assert_eq!(weak(&at(&deaf)).await, None);
    let gone = folder.path().join("gone");
    drop(Listener::bind(&gone).unwrap());
    assert_eq!(weak(&at(&gone)).await, None);
}

#[tokio::test]
async fn more_agents_than_are_looked_at_weaken_everybody() {
    let folder = TempDir::new().unwrap();
    let mut sockets = Sockets::default();
    for count in 0..=SOCKETS_MAX {
        let path = folder.path().join(count.to_string());
        drop(Listener::bind(&path).unwrap());
        sockets.add(path.clone(), None);
        sockets.add(path, None);
    }
    assert_eq!(sockets.found.len(), SOCKETS_MAX);
    let why = weak(&sockets).await.unwrap();
    assert!(why.contains("more than the 32 ssh-agents"), "{why}");
}

#[test]
fn the_usual_places_are_looked_at_and_only_the_accounts_own_sockets_count() {
    let home = TempDir::new().unwrap();
    let us = rustix::process::geteuid().as_raw();
    let run = home.path().join("run");
    std::fs::create_dir_all(run.join("keyring")).unwrap();
    std::fs::create_dir_all(home.path().join(".ssh/agent")).unwrap();
    let mut made: Vec<PathBuf> =
        ["run/ssh-agent.socket", "run/keyring/ssh", ".ssh/agent/s.abc", "elsewhere"]
            .map(|name| home.path().join(name))
            .into();
    let _listeners: Vec<Listener> = made.iter().map(|path| Listener::bind(path).unwrap()).collect();
    std::fs::write(run.join("ssh-agent"), "no socket").unwrap();
    let places = Places {
        auth_sock: Some(home.path().join("elsewhere")),
        runtime_dir: Some(run),
        ..Places::default()
    };
    let found = |uid: u32| -> Vec<PathBuf> {
        let homes = [home.path().to_owned()];
        let found = sockets(&places, &homes, uid).found.into_iter().map(|(_, path)| path);
        found.filter(|path| path.starts_with(home.path())).collect()
    };
    let mut ours = found(us);
    ours.sort();
    made.sort();
    assert_eq!(ours, made);
    assert_eq!(found(us + 1), Vec::<PathBuf>::new());
}

#[test]
fn what_others_put_into_a_folder_hides_nothing() {
    let folder = TempDir::new().unwrap();
    let us = rustix::process::geteuid().as_raw();
    for n in 0..=NAMES_MAX {
        std::fs::write(folder.path().join(format!("other-{n}")), "").unwrap();
    }
    let own = folder.path().join("ssh-abc");
    std::fs::write(&own, "").unwrap();
    assert_eq!(within(folder.path(), "ssh-", us), [own]);
    assert_eq!(within(folder.path(), "ssh-", us + 1), Vec::<PathBuf>::new());
    assert_eq!(within(folder.path(), "other-", us).len(), NAMES_MAX);
}
