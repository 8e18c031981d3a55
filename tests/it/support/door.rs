//! A socket before an engine, or in its place: it writes down every request line, and for each one
//! forwards, answers, stays silent or hangs up. It can be shut and opened again.

use std::fmt;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::engine::SOCKET;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    /// The real engine answers it.
    Forward,
    /// This status and body answer it.
    Say(u16, String),
    /// These bytes answer it.
    Raw(Vec<u8>),
    /// Nothing answers it, and the connection stays.
    Silence,
    /// Nothing answers it, and the connection ends.
    HangUp,
    /// The real engine does it, and the connection ends without an answer.
    ForwardAndHangUp,
}

type Rule = dyn Fn(&str) -> Deed + Send + Sync;

struct Inner {
    rule: Box<Rule>,
    lines: Mutex<Vec<String>>,
    connections: Mutex<Vec<UnixStream>>,
    accepted: AtomicUsize,
}

/// The socket.
pub(crate) struct Door {
    _folder: TempDir,
    path: PathBuf,
    inner: Arc<Inner>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Door {
    /// Opens a socket at which `rule` says what becomes of each request line.
    pub(crate) fn with(rule: impl Fn(&str) -> Deed + Send + Sync + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        let inner = Arc::new(Inner {
            rule: Box::new(rule),
            lines: Mutex::default(),
            connections: Mutex::default(),
            accepted: AtomicUsize::new(0),
        });
        let door = Self { path: folder.path().join("docker.sock"), _folder: folder, inner };
        door.open();
        door
    }

    /// A socket that forwards everything.
    pub(crate) fn watching() -> Self {
        Self::with(|_| Deed::Forward)
    }

    /// The socket's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The request lines so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.inner.lines.lock().unwrap().clone()
    }

    /// How many connections there were so far.
    pub(crate) fn accepted(&self) -> usize {
        self.inner.accepted.load(Ordering::SeqCst)
    }

    /// Ends every connection, as a restart of the engine does, and listens on.
    pub(crate) fn cut(&self) {
        for connection in self.inner.connections.lock().unwrap().drain(..) {
            connection.shutdown(Shutdown::Both).unwrap_or_default();
        }
    }

    /// Ends every connection and takes the socket away.
    pub(crate) fn shut(&self) {
        fs::remove_file(&self.path).unwrap();
        self.cut();
    }

    /// Listens at the path, again if it was shut.
    pub(crate) fn open(&self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        let inner = Arc::clone(&self.inner);
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                inner.accepted.fetch_add(1, Ordering::SeqCst);
                inner.connections.lock().unwrap().push(stream.try_clone().unwrap());
                let inner = Arc::clone(&inner);
                thread::spawn(move || serve(&inner, stream));
            }
        });
    }
}

fn serve(inner: &Inner, mut stream: UnixStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let line = head.lines().next()?.to_owned();
        inner.lines.lock().unwrap().push(line.clone());
        let body = body(&head, &mut reader)?;
        match (inner.rule)(&line) {
            Deed::Forward => stream.write_all(&forward(&head, &body)).ok()?,
            Deed::Say(status, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
            }
            Deed::Raw(bytes) => stream.write_all(&bytes).ok()?,
            Deed::Silence => thread::sleep(Duration::from_secs(600)),
            Deed::HangUp => return stream.shutdown(Shutdown::Both).ok(),
            Deed::ForwardAndHangUp => {
                forward(&head, &body);
                return stream.shutdown(Shutdown::Both).ok();
            }
        }
    }
}

/// The body that the head of a request announces.
fn body(head: &str, reader: &mut impl std::io::Read) -> Option<Vec<u8>> {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

/// The real engine's whole answer, as one on a connection that stays.
fn forward(head: &str, body: &[u8]) -> Vec<u8> {
    let mut engine = UnixStream::connect(SOCKET).unwrap();
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    engine.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    engine.read_to_end(&mut answer).unwrap();
    let mark = b"Connection: close\r\n";
    if let Some(at) = answer.windows(mark.len()).position(|window| window == mark) {
        answer.drain(at..at + mark.len());
    }
    answer
}
