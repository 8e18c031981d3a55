//! A registry on this host, and images made of nothing: enough of its protocol for an engine to pull
//! from it. What is pushed here can be moved, held back or taken away behind an engine's back.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::core::plan::Digest;
use serde_json::{Value, json};

use super::engine::{Engine, LABEL};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What the registry has.
#[derive(Debug, Default)]
struct Shelf {
    /// Manifests by `<repository>:<tag or digest>`.
    manifests: BTreeMap<String, Vec<u8>>,
    /// Layers and configurations by digest.
    blobs: BTreeMap<String, Vec<u8>>,
    /// Whether layers begin and never end.
    stalled: bool,
}

/// The registry.
#[derive(Debug)]
pub(crate) struct Registry {
    address: String,
    shelf: Arc<Mutex<Shelf>>,
}

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    /// The id that the image will have.
    pub(crate) id: String,
    /// The digest under which the registry has it.
    pub(crate) digest: String,
}

impl Registry {
    /// Opens one that has nothing.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let served = Arc::clone(&shelf);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shelf = Arc::clone(&served);
                std::thread::spawn(move || serve(&stream, &shelf));
            }
        });
        Self { address, shelf }
    }

    /// The name of something on it.
    pub(crate) fn name(&self, rest: &str) -> String {
        format!("{}/{rest}", self.address)
    }

    /// Puts an image with this content under `repository:tag`, whatever was there before.
    pub(crate) fn push(&self, engine: &Engine, name: &str, content: &str) -> Pushed {
        // An engine fetches a layer once for all pulls that run, wherever it comes from.
        let layer = tar(&format!("{} {content}", self.address));
        let layer_digest = Digest::of(&[&layer]).to_string();
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/content"], "Labels": {LABEL: engine.run()}},
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
            "history": [{"created": "2026-01-31T12:00:00Z", "created_by": "made by a test"}],
        });
        let config = config.to_string().into_bytes();
        let id = Digest::of(&[&config]).to_string();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": config.len(),
                "digest": id,
            },
            "layers": [{
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": layer.len(),
                "digest": layer_digest,
            }],
        });
        let manifest = manifest.to_string().into_bytes();
        let digest = Digest::of(&[&manifest]).to_string();
        let (repository, _) = name.split_once(':').unwrap();
        let mut shelf = self.shelf.lock().unwrap();
        shelf.blobs.insert(layer_digest, layer);
        shelf.blobs.insert(id.clone(), config);
        shelf.manifests.insert(format!("{repository}:{digest}"), manifest.clone());
        shelf.manifests.insert(name.to_owned(), manifest);
        Pushed { id, digest }
    }

    /// Layers begin from now on, and do not end.
    pub(crate) fn stall(&self) {
        self.shelf.lock().unwrap().stalled = true;
    }

    /// No image has its configuration from now on: a pull begins well and ends badly.
    pub(crate) fn spoil(&self) {
        self.shelf.lock().unwrap().blobs.retain(|_, blob| !blob.starts_with(b"{"));
    }
}

/// A tar archive with one file that has this content.
pub(crate) fn tar(content: &str) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, text: &str| {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, "content");
    put(100, "0000755\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut out = header.to_vec();
    out.extend(content.as_bytes());
    out.resize(out.len().next_multiple_of(512) + 1024, 0);
    out
}

/// Answers one request. An engine tries TLS first, and takes any other answer for plain HTTP.
fn serve(stream: &TcpStream, shelf: &Mutex<Shelf>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method.is_empty() || !path.starts_with("/v2/") {
        answer(stream, "400 Bad Request", "", &[], true);
        return;
    }
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let shelf = shelf.lock().unwrap();
    let rest = path.trim_start_matches("/v2/");
    let whole = method == "GET";
    let (kind, found) = if rest.is_empty() {
        ("application/json", Some(b"{}".to_vec()))
    } else if let Some((repository, reference)) = rest.split_once("/manifests/") {
        (MANIFEST, shelf.manifests.get(&format!("{repository}:{reference}")).cloned())
    } else {
        let digest = rest.rsplit('/').next().unwrap_or_default();
        ("application/octet-stream", shelf.blobs.get(digest).cloned())
    };
    let stalled =
        shelf.stalled && rest.contains("/blobs/") && found.as_ref().is_some_and(|b| b.len() >= 512);
    drop(shelf);
    match found {
        Some(body) if stalled => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let mut stream = stream;
            stream.write_all(head.as_bytes()).ok();
            std::thread::sleep(Duration::from_secs(30));
        }
        Some(body) => answer(stream, "200 OK", kind, &body, whole),
        None => {
            let unknown: Value =
                json!({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]});
            let body = unknown.to_string();
            answer(stream, "404 Not Found", "application/json", body.as_bytes(), whole);
        }
    }
}

fn answer(mut stream: &TcpStream, status: &str, kind: &str, body: &[u8], whole: bool) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Docker-Content-Digest: {}\r\nConnection: close\r\n\r\n",
        body.len(),
        Digest::of(&[body]),
    );
    stream.write_all(head.as_bytes()).ok();
    if whole {
        stream.write_all(body).ok();
    }
}
