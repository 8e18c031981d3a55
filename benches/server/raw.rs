//! The engine's raw socket: HTTP/1.1 over one kept connection, answers read whole and not looked at.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;

pub(crate) struct Raw(BufReader<UnixStream>);

impl Raw {
    pub(crate) fn connect() -> Self {
        Self(BufReader::with_capacity(65_536, UnixStream::connect("/var/run/docker.sock").unwrap()))
    }

    pub(crate) fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: engine\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut length, mut chunked) = (None, false);
        let status = self.line();
        assert!(status.contains(" 200 "), "{path}: {status}");
        loop {
            let header = self.line().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            length = header.strip_prefix("content-length: ").map_or(length, |n| n.parse().ok());
            chunked |= header == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = usize::from_str_radix(&self.line(), 16).unwrap();
                self.take(size, &mut body);
                self.line();
                if size == 0 {
                    break;
                }
            }
        } else {
            self.take(length.unwrap(), &mut body);
        }
        body
    }

    fn take(&mut self, size: usize, body: &mut Vec<u8>) {
        let start = body.len();
        body.resize(start + size, 0);
        self.0.read_exact(&mut body[start..]).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}
