//! What a command writes: its two streams, taken out of their frames.

use std::collections::VecDeque;

use crate::ports::engine::{CommandEnd, Executed, Stream};

/// Bytes before each payload.
const HEADER_BYTES: usize = 8;

/// Pieces that are kept, at most: one byte alone takes as much memory as sixty together.
const PIECES_MAX: usize = 8192;

/// Small payloads of one stream are kept together up to so many bytes.
const PIECE_BYTES: usize = 4096;

/// What comes out of a command: taken out of its frames, counted, and the end of it kept.
#[derive(Debug)]
pub(super) struct Output {
    header: Vec<u8>,
    stream: Stream,
    /// Bytes of the current frame that are still to come.
    left: usize,
    kept: VecDeque<(Stream, Vec<u8>)>,
    size: usize,
    bytes_max: usize,
    pub(super) written: [u64; 2],
}

impl Output {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self {
            header: Vec::new(),
            stream: Stream::Out,
            left: 0,
            kept: VecDeque::new(),
            size: 0,
            bytes_max,
            written: [0; 2],
        }
    }

    pub(super) const fn is_between_frames(&self) -> bool {
        self.left == 0 && self.header.is_empty()
    }

    /// Takes what came. The error says why these are not frames.
    pub(super) fn feed(&mut self, mut data: &[u8]) -> Result<(), String> {
        while !data.is_empty() {
            if self.left == 0 {
                let (start, rest) = data.split_at(data.len().min(HEADER_BYTES - self.header.len()));
                self.header.extend_from_slice(start);
                data = rest;
                self.open()?;
                continue;
            }
            let (payload, rest) = data.split_at(data.len().min(self.left));
            self.left -= payload.len();
            data = rest;
            self.keep(payload);
        }
        Ok(())
    }

    /// Opens the frame of a whole header.
    fn open(&mut self) -> Result<(), String> {
        let Ok([kind, a, b, c, length @ ..]) = <[u8; HEADER_BYTES]>::try_from(&*self.header) else {
            return Ok(());
        };
        self.stream = match (kind, [a, b, c]) {
            (0 | 1, [0, 0, 0]) => Stream::Out,
            (2 | 3, [0, 0, 0]) => Stream::Err,
            _ => {
                return Err(
                    "what the engine sent of its output is not what its API promises".into()
                );
            }
        };
        self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        self.header.clear();
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let [out, err] = &mut self.written;
        let written = if self.stream == Stream::Out { out } else { err };
        *written = written.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        match self.kept.back_mut() {
            Some((stream, piece)) if *stream == self.stream && piece.len() < PIECE_BYTES => {
                piece.extend_from_slice(bytes);
            }
            _ => self.kept.push_back((self.stream, bytes.to_vec())),
        }
        self.size += bytes.len();
        while let Some((_, oldest)) = self.kept.front()
            && (self.size - oldest.len() >= self.bytes_max || self.kept.len() > PIECES_MAX)
        {
            self.size -= oldest.len();
            self.kept.pop_front();
        }
    }

    /// What is kept, as text.
    pub(super) fn text(&self) -> String {
        let pieces = self.kept.iter().flat_map(|(_, piece)| piece.iter().copied());
        String::from_utf8_lossy(&pieces.collect::<Vec<u8>>()).into_owned()
    }

    pub(super) fn finish(mut self, end: CommandEnd) -> Executed {
        let more = self.size.saturating_sub(self.bytes_max);
        if let Some((_, oldest)) = self.kept.front_mut() {
            oldest.drain(..more.min(oldest.len()));
        }
        Executed { output: self.kept.into(), written: self.written, end }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 0, 0][..], &length, payload].concat()
    }

    fn text(executed: &Executed, wanted: Stream) -> Vec<u8> {
        let pieces = executed.output.iter().filter(|(stream, _)| *stream == wanted);
        pieces.flat_map(|(_, bytes)| bytes.clone()).collect()
    }

    #[test]
    fn what_is_no_frame_is_not_read_on() {
        for bytes in [&b"SSH-2.0-x"[..], &[4, 0, 0, 0, 0, 0, 0, 1], &[1, 0, 1, 0, 0, 0, 0, 1]] {
            assert!(Output::new(10).feed(bytes).is_err(), "{bytes:?}");
        }
        let mut output = Output::new(10);
        output.feed(&[2, 0, 0, 0, 0, 0, 0, 3, b'a']).unwrap();
        assert!(!output.is_between_frames());
        output.feed(b"bc").unwrap();
        assert!(output.is_between_frames());
        let executed = output.finish(CommandEnd::Code(0));
        assert_eq!((text(&executed, Stream::Err), executed.written), (b"abc".to_vec(), [0, 3]));
    }

    #[test]
    fn many_small_pieces_take_no_more_memory_than_few_large_ones() {
        let mut output = Output::new(262_144);
        for turn in 0..100_000_u32 {
            let kind = if turn % 2 == 0 { 1 } else { 2 };
            output.feed(&frame(kind, &[(turn % 251) as u8])).unwrap();
            assert!(output.kept.len() <= PIECES_MAX);
        }
        let executed = output.finish(CommandEnd::Code(0));
        assert_eq!(executed.written, [50_000, 50_000]);
        assert_eq!(executed.output.len(), PIECES_MAX);
        assert_eq!(executed.output.last().unwrap().1, [(99_999 % 251) as u8]);
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_newest_is_kept_and_all_is_counted(
            frames in proptest::collection::vec((1_u8..=2, proptest::collection::vec(any::<u8>(), 0..50)), 0..30),
            cut in 1_usize..40,
            bytes_max in 1_usize..200,
        ) {
            let all: Vec<u8> = frames.iter().flat_map(|(kind, bytes)| frame(*kind, bytes)).collect();
            let mut output = Output::new(bytes_max);
            for piece in all.chunks(cut) {
                output.feed(piece).unwrap();
                prop_assert!(output.size <= bytes_max + PIECE_BYTES + 50);
            }
            prop_assert!(output.is_between_frames());
            let executed = output.finish(CommandEnd::Code(0));
            let whole: Vec<(u8, u8)> =
                frames.iter().flat_map(|(kind, bytes)| bytes.iter().map(|b| (*kind, *b))).collect();
            let newest = &whole[whole.len().saturating_sub(bytes_max)..];
            let kept: Vec<(u8, u8)> = executed
                .output
                .iter()
                .flat_map(|(stream, bytes)| bytes.iter().map(|b| (if *stream == Stream::Out { 1 } else { 2 }, *b)))
                .collect();
            prop_assert_eq!(kept, newest.to_vec());
            let count = |kind| whole.iter().filter(|(k, _)| *k == kind).count() as u64;
            prop_assert_eq!(executed.written, [count(1), count(2)]);
        }
    }
}
