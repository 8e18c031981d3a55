//! The little of ssh-agent's protocol that is spoken here: which keys an agent has, and whether it signs.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// RSA signatures are asked for with SHA-512; to other keys the flag says nothing.
const SHA_512: u32 = 4;

/// A message is no longer, in bytes.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;

/// A connection to an agent. It waits as long as it is let.
pub(super) struct Agent(UnixStream);

impl Agent {
    pub(super) async fn connect(socket: &Path) -> Result<Self> {
        UnixStream::connect(socket).await.map(Self)
    }

    /// The keys that it has, each as its public half is written.
    pub(super) async fn keys(&mut self) -> Result<Vec<Vec<u8>>> {
        let answer = self.ask(&[REQUEST_IDENTITIES]).await?;
        identities(&answer).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    /// Whether it signs these bytes with a key.
    pub(super) async fn signs(&mut self, key: &[u8], bytes: &[u8]) -> Result<bool> {
        let mut request = vec![SIGN_REQUEST];
        for part in [key, bytes] {
            request.extend(length(part)?);
            request.extend(part);
        }
        request.extend(SHA_512.to_be_bytes());
        Ok(self.ask(&request).await?.first() == Some(&SIGN_RESPONSE))
    }

    async fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.0.write_all(&[&length(request)?, request].concat()).await?;
        let bytes = self.0.read_u32().await? as usize;
        if bytes > MESSAGE_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; bytes];
        self.0.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

fn length(bytes: &[u8]) -> Result<[u8; 4]> {
    u32::try_from(bytes.len()).map(u32::to_be_bytes).map_err(Error::other)
}

/// The keys of an answer; none if it is no answer.
fn identities(answer: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (kind, rest) = answer.split_first()?;
    let (count, mut rest) = rest.split_first_chunk()?;
    if *kind != IDENTITIES_ANSWER {
        return None;
    }
    let mut keys = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        keys.push(string(&mut rest)?.to_vec());
        string(&mut rest)?;
    }
    Some(keys)
}

fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk()?;
    let (string, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some(string)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::identities;

    #[test]
    fn keys_are_read_and_nothing_is_read_beyond_the_end() {
        let answer = b"\x0c\0\0\0\x02\0\0\0\x03one\0\0\0\x01c\0\0\0\x03two\0\0\0\0";
        assert_eq!(identities(answer), Some(vec![b"one".to_vec(), b"two".to_vec()]));
        for length in 0..answer.len() {
            assert_eq!(identities(&answer[..length]), None, "{length}");
        }
        assert_eq!(identities(b"\x05"), None);
        assert_eq!(identities(b"\x0c\0\0\0\0"), Some(Vec::new()));
        assert_eq!(identities(b"\x0c\xff\xff\xff\xff\xff\xff\xff\xff"), None);
    }

    proptest! {
        #[test]
        fn whatever_an_agent_answers_is_read(answer in proptest::collection::vec(any::<u8>(), 0..99)) {
            identities(&answer);
            identities(&[b"\x0c\0\0".as_slice(), &answer].concat());
        }
    }
}
