//! Functions of engines: which C functions are some, and texts whose length is passed.

use springboard::{Engine, ir::Scalar};
use springboard_everyday::{
    columns::{Column, ColumnsError, Input, Output},
    udf::{Contents, Element, Spans, SpansError, Texts, Udf},
};

use super::{engines, library};

const DIGEST: &str = "unsigned int digest(unsigned int seed, const char *text, unsigned long length)";
const CHECKSUM: &str = "int checksum(const unsigned char *bytes, int length)";
const U64: Scalar = Scalar::Int { bytes: 8, signed: false };
const I32: Scalar = Scalar::Int { bytes: 4, signed: true };

fn bind(engine: &Engine, text: &str, sized: &[usize]) -> Udf {
    Udf::bind_sized(engine, &library(), text, sized).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What `digest` in C makes of bytes.
fn digest(seed: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(seed, |digest, byte| digest.wrapping_mul(31).wrapping_add((*byte).into()))
}

#[test]
fn bytes_and_their_length_are_one_parameter() {
    for engine in engines() {
        let (digests, checks) = (bind(&engine, DIGEST, &[1]), bind(&engine, CHECKSUM, &[0]));
        let seed = Element::Number(Scalar::Int { bytes: 4, signed: false });
        assert_eq!(digests.parameters(), [seed, Element::Sized { contents: Contents::Text, length: U64 }]);
        assert_eq!(checks.parameters(), [Element::Sized { contents: Contents::Bytes, length: I32 }]);
        let memory: Vec<u8> = (0..=255).cycle().take(5000).collect();
        let (mut wide, mut narrow) = (Spans::new(U64), Spans::new(I32));
        // The same memory again, for fewer rows and for more.
        for rows in [3, 0, 1, 40, 7] {
            let bytes = |row: usize| &memory[row * 11..row * 11 + row * row];
            wide.clear();
            narrow.clear();
            for row in 0..rows {
                wide.push(bytes(row)).unwrap();
                narrow.push(bytes(row)).unwrap();
            }
            wide.push_null();
            narrow.push_null();
            let seeds: Vec<u32> = (0..=rows as u32).collect();
            let (mut out, mut sums) = (vec![0u32; rows + 1], vec![0i32; rows + 1]);
            let [address, length] = wide.columns();
            let prepared = digests.columns(&[Input::Column; 2]).unwrap();
            // SAFETY: the function reads as many bytes as it is told, which are there.
            unsafe { prepared.call(&[Column::of(&seeds), address, length], &[Output::of(&mut out)], None) }
                .unwrap();
            let prepared = checks.columns(&[Input::Column]).unwrap();
            // SAFETY: the function reads the bytes of each record, which are there.
            unsafe { prepared.call(&narrow.columns(), &[Output::of(&mut sums)], None) }.unwrap();
            for row in 0..rows {
                assert_eq!(out[row], digest(row as u32, bytes(row)), "row {row} of {rows}");
                let sum: i32 = bytes(row).iter().map(|byte| i32::from(*byte)).sum();
                assert_eq!(sums[row], sum, "row {row} of {rows}");
            }
            assert_eq!((out[rows], sums[rows]), (rows as u32, -1), "null, of no bytes");
        }
        // One text for all rows.
        let [address, length] = wide.scalars().unwrap();
        let prepared = digests.columns(&[Input::Column, Input::Scalar]).unwrap();
        let mut out = [0; 2];
        // SAFETY: the function reads as many bytes as it is told, which are there.
        unsafe { prepared.call(&[Column::of(&[5u32, 6]), address, length], &[Output::of(&mut out)], None) }
            .unwrap();
        assert_eq!(out, [5, 6].map(|seed| digest(seed, &memory[..0])));
        assert!(Spans::new(U64).scalars().is_none());
        let arity = digests.columns(&[Input::Column; 3]).unwrap_err();
        assert_eq!(arity, ColumnsError::Arity { parameters: 2, columns: 3 });
    }
}

#[test]
fn a_length_that_does_not_fit_is_refused() {
    // Of which nobody touches a page.
    let many = vec![0u8; 1 << 31];
    let (mut signed, mut unsigned) = (Spans::new(I32), Spans::new(Scalar::Int { bytes: 4, signed: false }));
    signed.push(&many[1..]).unwrap();
    let error = signed.push(&many).unwrap_err();
    assert_eq!(error, SpansError { row: 1, bytes: 1 << 31, limit: i32::MAX as u64 });
    let text = "row 1: there are 2147483648 bytes, and the function takes at most 2147483647";
    assert_eq!(error.to_string(), text);
    unsigned.push(&many).unwrap();
}

#[test]
fn what_is_no_pair_is_refused_when_it_is_bound() {
    let engine = Engine::new();
    let why = |text: &str, sized: &[usize]| {
        Udf::bind_sized(&engine, &library(), text, sized).expect_err(text).to_string()
    };
    let begin = "digest: parameter 2 is not bytes with their length after them: ";
    let digest = |parameters| format!("unsigned int digest({parameters})");
    for (parameters, reason) in [
        ("unsigned int, const char *", "it is the last one"),
        ("unsigned int, char *, unsigned long", "it is no pointer to constant characters, bytes or void"),
        (
            "unsigned int, const int *, unsigned long",
            "it is no pointer to constant characters, bytes or void",
        ),
        (
            "unsigned int, unsigned long, unsigned long",
            "it is no pointer to constant characters, bytes or void",
        ),
        ("unsigned int, const char *, short", "the next parameter is no integer of 4 or 8 bytes"),
        ("unsigned int, const char *, double", "the next parameter is no integer of 4 or 8 bytes"),
    ] {
        assert_eq!(why(&digest(parameters), &[1]), format!("{begin}{reason}"), "{parameters}");
    }
    assert!(
        why(DIGEST, &[3])
            .ends_with("parameter 4 is not bytes with their length after them: there is no such parameter")
    );
    // The length of one cannot begin another.
    assert!(why(DIGEST, &[1, 2]).contains("parameter 3"), "{}", why(DIGEST, &[1, 2]));
}

#[test]
fn texts_are_copied_into_memory_that_is_used_again() {
    for engine in engines() {
        let length = bind(&engine, "unsigned long text_length(const char *)", &[]);
        let prepared = length.columns(&[Input::Column]).unwrap();
        let mut texts = Texts::new();
        for rows in [2, 50, 0, 7] {
            texts.clear();
            let text = |row: usize| "ä".repeat(row);
            for row in 0..rows {
                texts.push(text(row).as_bytes()).unwrap();
            }
            let mut out = vec![0u64; rows];
            // SAFETY: the function reads a text.
            unsafe { prepared.call(&[texts.column()], &[Output::of(&mut out)], None) }.unwrap();
            assert!(out.iter().copied().eq((0..rows as u64).map(|row| 2 * row)), "{out:?}");
        }
    }
}
