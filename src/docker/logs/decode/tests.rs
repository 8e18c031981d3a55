//! Streams cut at every place, and the lines that they hold.

use proptest::prelude::*;

use super::*;

const T1: &str = "2026-11-21T07:42:00.827292037Z";
const T2: &str = "2026-11-21T07:42:01.1Z";

type Line = (Stream, String, Vec<u8>, usize);

/// All lines of a stream that arrives in pieces of `piece` bytes.
fn lines(max: usize, stream: &[u8], piece: usize) -> Result<Vec<Line>, Stop> {
    let mut found = Vec::new();
    let mut each = |line: LogLine<'_>| {
        found.push((line.stream, line.timestamp.to_owned(), line.bytes.to_owned(), line.full_len));
        ControlFlow::Continue(())
    };
    let mut decoder = Decoder::new(max);
    let mut flow = ControlFlow::Continue(());
    for chunk in stream.chunks(piece.max(1)) {
        flow = decoder.feed(chunk, &mut each);
        if flow.is_break() {
            break;
        }
    }
    if flow.is_continue() {
        flow = decoder.finish(&mut each);
    }
    match flow {
        ControlFlow::Continue(()) => Ok(found),
        ControlFlow::Break(stop) => Err(stop),
    }
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind, 0, 0, 0];
    frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend(payload);
    frame
}

fn record(stamp: &str, text: &str) -> Vec<u8> {
    format!("{stamp} {text}").into_bytes()
}

fn line(stream: Stream, stamp: &str, text: &str) -> Line {
    (stream, stamp.to_owned(), text.as_bytes().to_owned(), text.len())
}

#[test]
fn frames_become_lines_wherever_they_are_cut() {
    let stream = [
        frame(1, &record(T1, "one\n")),
        frame(2, &record(T2, "half ")),
        frame(1, &record(T2, "\n")),
        frame(2, &record(T2, "line\n")),
        frame(1, b""),
        frame(1, &record(T1, &format!("{T2} is said\r\n"))),
        frame(1, b"no stamp\n"),
        frame(1, b"none,"),
        frame(1, b"in parts\nand two lines\n"),
        frame(1, &record(T2, "end")),
    ]
    .concat();
    let expected = vec![
        line(Stream::Out, T1, "one"),
        line(Stream::Out, T2, ""),
        line(Stream::Err, T2, "half line"),
        line(Stream::Out, T1, &format!("{T2} is said\r")),
        line(Stream::Out, "", "no stamp"),
        line(Stream::Out, "", "none,in parts"),
        line(Stream::Out, "", "and two lines"),
        line(Stream::Out, T2, "end"),
    ];
    for piece in 1..stream.len() {
        assert_eq!(lines(100, &stream, piece), Ok(expected.clone()), "{piece}");
    }
}

#[test]
fn a_terminals_bytes_are_no_frames_whatever_they_look_like() {
    let stream =
        format!("{T1} \u{1}\0\0\0\u{7f}\u{7f}\u{7f}\u{7f}hi\r\n{T1} \r\n{T2} a\rb\r\n{T2} end");
    let expected = vec![
        line(Stream::Out, T1, "\u{1}\0\0\0\u{7f}\u{7f}\u{7f}\u{7f}hi"),
        line(Stream::Out, T1, ""),
        line(Stream::Out, T2, "a\rb"),
        line(Stream::Out, T2, "end"),
    ];
    for piece in 1..stream.len() {
        assert_eq!(lines(100, stream.as_bytes(), piece), Ok(expected.clone()), "{piece}");
    }
}

#[test]
fn a_terminals_long_line_loses_the_stamps_within_it_and_nothing_else() {
    let full = "x".repeat(RECORD_BYTES_MAX);
    for (tail, text) in [
        ("more".to_owned(), format!("{full}{full}more")),
        (String::new(), format!("{full}{full}")),
        (format!("{T2} x"), format!("{full}{full}{T2} x")),
    ] {
        let stream = format!("{T1} {full}{T1} {full}{T2} {tail}\r\n{T2} next\r\n");
        for piece in [1, 7, 4096, 16_415, 100_000] {
            let expected = vec![line(Stream::Out, T1, &text), line(Stream::Out, T2, "next")];
            assert_eq!(lines(100_000, stream.as_bytes(), piece), Ok(expected), "{piece}");
        }
    }
    // A stamp that stands anywhere else is text.
    let stream = format!("{T1} x{T1} x\r\n");
    let expected = vec![line(Stream::Out, T1, &format!("x{T1} x"))];
    assert_eq!(lines(100, stream.as_bytes(), 9), Ok(expected));
}

#[test]
fn a_long_line_is_cut_and_its_length_counted() {
    let text = "y".repeat(100_000);
    let framed: Vec<u8> = text
        .as_bytes()
        .chunks(RECORD_BYTES_MAX)
        .flat_map(|part| frame(1, &record(T1, std::str::from_utf8(part).unwrap())))
        .chain(frame(1, &record(T1, "\n")))
        .collect();
    let expected = vec![(Stream::Out, T1.to_owned(), b"yyyyy".to_vec(), 100_000)];
    assert_eq!(lines(5, &framed, 1000), Ok(expected));
    for (max, bytes) in [(3, "abc"), (4, "abcd"), (5, "abcd"), (0, "")] {
        let stream = format!("{T1} abcd\r\n");
        let expected = vec![(Stream::Out, T1.to_owned(), bytes.as_bytes().to_vec(), 4)];
        assert_eq!(lines(max, stream.as_bytes(), 3), Ok(expected), "{max}");
    }
}

#[test]
fn what_is_no_log_stream_is_refused() {
    let cut = frame(1, &record(T1, "abc\n"));
    for (stream, words) in [
        (b"no stamp".to_vec(), "no frame starts with"),
        (vec![4, 0, 0, 0, 0, 0, 0, 1, 0], "kind 4"),
        (cut[..cut.len() - 2].to_vec(), "within a frame"),
        (cut[..5].to_vec(), "within a frame"),
    ] {
        let Err(Stop::Odd(why)) = lines(100, &stream, 4) else { panic!("{words}") };
        assert!(why.contains(words), "{why}");
    }
    let told = [cut, frame(3, b"error from daemon in stream: gone")].concat();
    let Err(Stop::Engine(why)) = lines(100, &told, 3) else { panic!() };
    assert_eq!(why, "error from daemon in stream: gone");
}

#[test]
fn stops_as_soon_as_it_is_told_to() {
    let stream = [frame(1, &record(T1, "a\n")), frame(2, &record(T1, "b\n"))].concat();
    let mut seen = 0;
    let mut each = |_: LogLine<'_>| {
        seen += 1;
        ControlFlow::Break(())
    };
    assert_eq!(Decoder::new(10).feed(&stream, &mut each), ControlFlow::Break(Stop::Enough));
    assert_eq!(seen, 1);
}

#[test]
fn a_terminals_stream_that_ends_within_a_stamp_ends() {
    let full = "x".repeat(RECORD_BYTES_MAX);
    let stream = format!("{T1} {full}2026");
    for piece in [1, 7, 4096, 100_000] {
        let expected = vec![line(Stream::Out, T1, &format!("{full}2026"))];
        assert_eq!(lines(100_000, stream.as_bytes(), piece), Ok(expected), "{piece}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_terminals_stream_may_end_anywhere(
        records in 0_usize..3,
        text in "[x0-9 :TZ\n-]{0,60}",
        short in 0_usize..200,
        piece in 1_usize..40_000,
    ) {
        let full = format!("{T1} {}", "x".repeat(RECORD_BYTES_MAX)).repeat(records);
        let whole = format!("{full}{T2} {text}");
        let bytes = whole.as_bytes().get(..whole.len().saturating_sub(short)).unwrap();
        let once = lines(100_000, bytes, bytes.len());
        prop_assert!(once.is_ok());
        prop_assert_eq!(lines(100_000, bytes, piece), once);
    }

    #[test]
    fn any_cut_and_any_piece_end(cut in 0_usize..32_900, piece in 1_usize..20_000) {
        let full = format!("{T1} {}", "x".repeat(RECORD_BYTES_MAX));
        let whole = format!("{full}{full}{T2} end\r\n");
        let bytes = whole.as_bytes().get(..cut).unwrap_or(whole.as_bytes());
        let found = lines(100_000, bytes, piece).unwrap();
        prop_assert!(found.len() <= 1);
    }
}

#[test]
fn a_terminals_stream_may_be_cut_at_every_byte_around_a_record() {
    let full = format!("{T1} {}", "x".repeat(RECORD_BYTES_MAX));
    let whole = format!("{full}{T2} end\r\n{T1} next");
    for cut in (0..40).chain(RECORD_BYTES_MAX..whole.len()) {
        let bytes = whole.as_bytes().get(..cut).unwrap();
        let once = lines(100_000, bytes, cut).unwrap();
        for piece in [1, 5, 16_384, 16_415] {
            assert_eq!(lines(100_000, bytes, piece).unwrap(), once, "{cut} in {piece}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_are_survived(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        piece in 1_usize..50,
    ) {
        let once = lines(20, &bytes, bytes.len());
        prop_assert_eq!(lines(20, &bytes, piece), once);
    }

    #[test]
    fn text_comes_out_as_it_went_in(
        texts in proptest::collection::vec("[^\n\r]{0,40}", 1..10),
        piece in 1_usize..50,
    ) {
        let framed: Vec<u8> =
            texts.iter().flat_map(|t| frame(1, &record(T1, &format!("{t}\n")))).collect();
        let raw: String = texts.iter().map(|t| format!("{T1} {t}\r\n")).collect();
        let expected: Vec<Line> = texts.iter().map(|t| line(Stream::Out, T1, t)).collect();
        prop_assert_eq!(&lines(1000, &framed, piece), &Ok(expected.clone()));
        prop_assert_eq!(&lines(1000, raw.as_bytes(), piece), &Ok(expected));
    }
}
