//! Calls over columns: the same results as a loop, by stubs and by libffi, and errors that name the row.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use springboard::{CType, CallbackError, Engine, Function, LastError, Path, Word, ir::Scalar};
use springboard_everyday::columns::{Column, Columns, ColumnsError, Input, Output, Validity};

use super::{engines, function, library};

mod structures;

const C: Input = Input::Column;
const S: Input = Input::Scalar;

fn over(engine: &Engine, name: &str, inputs: &[Input]) -> Columns {
    Columns::new(engine, &function(engine, name), inputs).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn call(over: &Columns, columns: &[Column<'_>], output: Output<'_>) {
    all(over, columns, &[output]);
}

fn all(over: &Columns, columns: &[Column<'_>], outputs: &[Output<'_>]) {
    // SAFETY: the fixture's functions take any arguments of their types.
    unsafe { over.call(columns, outputs, None) }.unwrap_or_else(|error| panic!("{over:?}: {error}"));
}

/// Every number of rows up to some turns of the loop, and many.
fn lengths() -> impl Iterator<Item = usize> {
    (0..=35).chain([100, 1001])
}

#[test]
fn integers_floats_and_pointers_are_what_a_loop_makes_of_them() {
    for engine in engines() {
        let add = over(&engine, "add_int", &[C, C]);
        let plus = over(&engine, "add_int", &[C, S]);
        let narrow = over(&engine, "narrow", &[C, C, C, S]);
        let blend = over(&engine, "blend", &[C, C, S]);
        let odd = over(&engine, "is_odd", &[C]);
        let second = over(&engine, "second", &[C]);
        for rows in lengths() {
            let a: Vec<i32> = (0..rows as i32).map(|x| x.wrapping_mul(0x9e37_79b9u32 as i32)).collect();
            let b: Vec<i32> = a.iter().map(|x| x.rotate_left(7)).collect();
            let mut out = vec![0i32; rows];
            call(&add, &[Column::of(&a), Column::of(&b)], Output::of(&mut out));
            let expected: Vec<i32> = a.iter().zip(&b).map(|(a, b)| a.wrapping_add(*b)).collect();
            assert_eq!(out, expected, "{rows} rows, {}", add.path());
            call(&plus, &[Column::of(&a), Column::scalar(&-7)], Output::of(&mut out));
            let expected: Vec<i32> = a.iter().map(|a| a.wrapping_add(-7)).collect();
            assert_eq!(out, expected, "{rows} rows, {}", plus.path());

            let bytes: Vec<i8> = a.iter().map(|x| *x as i8).collect();
            let shorts: Vec<u16> = b.iter().map(|x| *x as u16).collect();
            let bits: Vec<bool> = a.iter().map(|x| x & 4 != 0).collect();
            let mut out = vec![0i8; rows];
            let columns = [Column::of(&bytes), Column::of(&shorts), Column::of(&bits), Column::scalar(&9u32)];
            call(&narrow, &columns, Output::of(&mut out));
            let expected = (0..rows)
                .map(|row| (i32::from(bytes[row]) + i32::from(shorts[row]) + i32::from(bits[row]) + 9) as i8);
            assert_eq!(out, expected.collect::<Vec<_>>(), "{rows} rows, {}", narrow.path());

            // Exact, whether the C compiler fuses the product and the sum or not.
            let floats: Vec<f32> = a.iter().map(|x| (*x % 1000) as f32 / 4.0).collect();
            let doubles: Vec<f64> = b.iter().map(|x| f64::from(*x % 1000) / 8.0).collect();
            let mut out = vec![0f32; rows];
            call(
                &blend,
                &[Column::of(&floats), Column::of(&doubles), Column::scalar(&0.5f32)],
                Output::of(&mut out),
            );
            let expected: Vec<f32> = floats.iter().zip(&doubles).map(|(a, b)| a * *b as f32 + 0.5).collect();
            assert_eq!(out, expected, "{rows} rows, {}", blend.path());

            let wide: Vec<u64> = a.iter().map(|x| *x as u64).collect();
            let mut out = vec![false; rows];
            call(&odd, &[Column::of(&wide)], Output::of(&mut out));
            assert_eq!(out, wide.iter().map(|x| x & 1 == 1).collect::<Vec<_>>());

            let texts: Vec<*const u8> = (0..rows).map(|_| c"text".as_ptr().cast()).collect();
            let mut out = vec![std::ptr::null::<u8>(); rows];
            call(&second, &[Column::of(&texts)], Output::of(&mut out));
            assert!(out.iter().zip(&texts).all(|(out, text)| *out == text.wrapping_add(1)));
        }
    }
}

#[test]
fn arguments_on_the_stack_and_functions_without_a_result() {
    for engine in engines() {
        let far = over(&engine, "far", &[C, S, C, S, C, C, C, C, C]);
        let longs: Vec<i64> = (0..9).map(|x| x * 1_000_003).collect();
        let bytes: Vec<i8> = (0..9).map(|x| x - 4).collect();
        let floats: Vec<f32> = (0..9).map(|x| x as f32).collect();
        let mut out = vec![0i64; 9];
        let [long, byte, float] = [Column::of(&longs), Column::of(&bytes), Column::of(&floats)];
        let (two, four) = (Column::scalar(&2i64), Column::scalar(&4i64));
        call(&far, &[long, two, long, four, long, long, long, byte, float], Output::of(&mut out));
        for (row, out) in out.iter().enumerate() {
            let (x, h) = (longs[row], i64::from(bytes[row]));
            let expected = x * (1 + 3 + 5 + 6 + 7) + 2 * 2 + 4 * 4 + 8 * h + 9 * row as i64;
            assert_eq!(*out, expected, "row {row}, {}", far.path());
        }
    }
    static TURN: AtomicUsize = AtomicUsize::new(0);
    assert_eq!(TURN.fetch_add(1, SeqCst), 0, "the sum is one for the process");
    let mut expected = 0;
    for engine in engines() {
        let note = over(&engine, "note", &[C]);
        let values: Vec<i64> = (1..=10).collect();
        // SAFETY: it adds to a sum.
        unsafe { note.call(&[Column::of(&values)], &[], None) }.unwrap();
        expected += 55;
        // SAFETY: it reads the sum.
        assert_eq!(unsafe { function(&engine, "noted_so_far").call(&[]) }, Ok(expected.into()));
    }
}

#[test]
fn rows_whose_bit_is_cleared_are_skipped() {
    for engine in engines() {
        let add = over(&engine, "add_int", &[C, S]);
        for rows in lengths() {
            let a: Vec<i32> = (0..rows as i32).collect();
            for seed in [0u32, 0xffff_ffff, 0x5555_5555, 0x0f0f_f0f0, 0x8000_0001, 0x1234_5678] {
                let validity: Vec<u8> =
                    (0..rows.div_ceil(8)).map(|byte| (seed >> (byte % 4 * 8)) as u8).collect();
                let mut out = vec![-1; rows];
                let columns = [Column::of(&a), Column::scalar(&100)];
                // SAFETY: the tests' functions take any values of their types.
                unsafe { add.call(&columns, &[Output::of(&mut out)], Some(validity[..].into())) }.unwrap();
                for (row, out) in out.iter().enumerate() {
                    let valid = validity[row / 8] >> (row % 8) & 1 == 1;
                    assert_eq!(
                        *out,
                        if valid { row as i32 + 100 } else { -1 },
                        "row {row} of {rows}, {seed:x}"
                    );
                }
            }
        }
    }
}

/// What a column call writes is the output's rows and nothing else, to the byte.
#[test]
fn nothing_is_written_beside_the_output() {
    for engine in engines() {
        let narrow = over(&engine, "narrow", &[S, S, S, S]);
        for rows in lengths() {
            let mut memory = vec![0x55i8; rows + 16];
            let columns =
                [Column::scalar(&1i8), Column::scalar(&2u16), Column::scalar(&true), Column::scalar(&3u32)];
            call(&narrow, &columns, Output::of(&mut memory[8..8 + rows]));
            assert!(memory[..8].iter().chain(&memory[8 + rows..]).all(|byte| *byte == 0x55), "{rows} rows");
            assert!(memory[8..8 + rows].iter().all(|byte| *byte == 7), "{rows} rows");
        }
    }
}

/// Members of structures, one array from its end and one that is as dense as any, with and without validity bits.
#[test]
fn elements_lie_as_far_apart_as_they_are_said_to() {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Record {
        before: u8,
        a: i32,
        b: i32,
    }
    const D: Input = Input::Strided;
    const INT: Scalar = i32::SCALAR;
    for engine in engines() {
        let add = over(&engine, "add_int", &[D, D]);
        let mixed = over(&engine, "add_int", &[C, D]);
        for rows in lengths() {
            let records: Vec<Record> =
                (0..rows as i32).map(|x| Record { before: 0xff, a: x * 7, b: 1 << (x % 31) }).collect();
            let dense: Vec<i32> = records.iter().map(|record| record.a).collect();
            let stride = size_of::<Record>() as isize;
            let at = |offset: usize| records.as_ptr().wrapping_byte_add(offset).cast();
            let [a, b] = [std::mem::offset_of!(Record, a), std::mem::offset_of!(Record, b)].map(at);
            let last = at((rows.max(1) - 1) * size_of::<Record>() + std::mem::offset_of!(Record, b));
            // SAFETY: there are as many records; the last one's `b` is where the array from its end begins.
            let [a, b, reversed] = unsafe {
                [(a, stride), (b, stride), (last, -stride)]
                    .map(|(first, stride)| Column::raw_strided(INT, first, rows, stride))
            };
            let forwards: Vec<i32> = records.iter().map(|record| record.a + record.b).collect();
            let backwards: Vec<i32> =
                records.iter().zip(records.iter().rev()).map(|(x, y)| x.a + y.b).collect();
            let mut out = vec![0; rows];
            call(&add, &[a, b], Output::of(&mut out));
            assert_eq!(out, forwards, "{rows} rows, {}", add.path());
            call(&add, &[a, reversed], Output::of(&mut out));
            assert_eq!(out, backwards, "{rows} rows, {}", add.path());
            call(&mixed, &[Column::of(&dense), b], Output::of(&mut out));
            assert_eq!(out, forwards, "{rows} rows, {}", mixed.path());

            let bits: Vec<u8> = (0..rows.div_ceil(8) + 1).map(|byte| (byte * 0x35 + 9) as u8).collect();
            let validity = Validity::from_bit(&bits, 5);
            let mut some = vec![-1; rows];
            // SAFETY: the tests' functions take any values of their types.
            unsafe { add.call(&[a, reversed], &[Output::of(&mut some)], Some(validity)) }.unwrap();
            for (row, value) in some.into_iter().enumerate() {
                let valid = bits[(row + 5) / 8] >> ((row + 5) % 8) & 1 == 1;
                assert_eq!(value, if valid { backwards[row] } else { -1 }, "row {row} of {rows}");
            }
            assert!(records.iter().all(|record| record.before == 0xff));
        }
    }
}

/// Each row has its own `errno`, and zero where its call left none.
#[test]
fn errors_are_those_of_their_rows() {
    for engine in engines() {
        // SAFETY: the C library's libm is well-behaved.
        let libm = unsafe { springboard::Library::open("libm.so.6") }.unwrap();
        let ilogb = engine.function(&libm, "double log(double)").unwrap();
        let log = Columns::new(&engine, &ilogb, &[C]).unwrap();
        for rows in lengths() {
            let values: Vec<f64> =
                (0..rows).map(|row| [1.0, 0.0, -1.0, 2.5, f64::INFINITY][row % 5]).collect();
            let expected: Vec<i32> =
                (0..rows).map(|row| [0, libc::ERANGE, libc::EDOM, 0, 0][row % 5]).collect();
            let (mut out, mut errors) = (vec![0f64; rows], vec![-1; rows]);
            // SAFETY: a logarithm of any number.
            unsafe {
                log.call_with_errors(&[Column::of(&values)], &[Output::of(&mut out)], None, &mut errors)
            }
            .unwrap();
            assert_eq!(errors, expected, "{rows} rows, {}", log.path());
            assert!(
                out.iter().zip(&values).all(|(out, x)| out.to_bits() == x.ln().to_bits() || out.is_nan())
            );

            let bits = vec![0b1011_0110; rows.div_ceil(8)];
            errors.fill(-1);
            let validity = Some(Validity::from(&bits[..]));
            // SAFETY: log takes any number.
            unsafe {
                log.call_with_errors(&[Column::of(&values)], &[Output::of(&mut out)], validity, &mut errors)
            }
            .unwrap();
            for (row, error) in errors.into_iter().enumerate() {
                let valid = bits[row / 8] >> (row % 8) & 1 == 1;
                assert_eq!(error, if valid { expected[row] } else { -1 }, "row {row} of {rows}");
            }
        }
        let mut few = [0; 3];
        // SAFETY: nothing is called.
        let error = unsafe {
            log.call_with_errors(&[Column::of(&[1.0; 4])], &[Output::of(&mut [0.0; 4])], None, &mut few)
        };
        assert_eq!(error.unwrap_err().to_string(), "there is room for 3 errors, and there are 4 rows");
    }
}

/// One stub, several threads.
#[test]
fn threads_share_a_loop() {
    let engine = Engine::new();
    let add = over(&engine, "add_int", &[C, S]);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let add = &add;
            scope.spawn(move || {
                let values: Vec<i32> = (0..1000).map(|x| x * thread).collect();
                let bits = [0b1111_1110; 125];
                for _ in 0..200 {
                    let mut out = vec![0; values.len()];
                    // SAFETY: it adds.
                    unsafe {
                        add.call(
                            &[Column::of(&values), Column::scalar(&thread)],
                            &[Output::of(&mut out)],
                            Some((&bits).into()),
                        )
                    }
                    .unwrap();
                    let expected = |row: usize| if row.is_multiple_of(8) { 0 } else { values[row] + thread };
                    assert!(out.iter().enumerate().all(|(row, out)| *out == expected(row)));
                }
            });
        }
    });
}

/// Where a copy of values lies in its pages, before and after which nobody may touch anything.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Edge {
    Start,
    End,
}

/// A copy of `values`, for as long as the program runs.
fn copied<T: Copy>(values: &[T], edge: Edge) -> &'static mut [T] {
    // SAFETY: a question with no memory involved.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let bytes = size_of_val(values);
    let usable = bytes.max(1).next_multiple_of(page);
    let (private, read_write) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: a new mapping; what is inside is made accessible, and has room for the values.
    unsafe {
        let base = libc::mmap(std::ptr::null_mut(), usable + 2 * page, libc::PROT_NONE, private, -1, 0);
        assert_ne!(base, libc::MAP_FAILED);
        let inside = base.byte_add(page);
        assert_eq!(libc::mprotect(inside, usable, read_write), 0);
        let start = inside.byte_add(if edge == Edge::Start { 0 } else { usable - bytes }).cast::<T>();
        start.copy_from_nonoverlapping(values.as_ptr(), values.len());
        std::slice::from_raw_parts_mut(start, values.len())
    }
}

/// Generated code, into which no sanitizer looks: a byte beyond columns, output, validity bits or a single value would
/// end the program.
#[test]
fn nothing_beyond_columns_is_touched() {
    for engine in engines() {
        let narrow = over(&engine, "narrow", &[C, C, C, S]);
        let blend = over(&engine, "blend", &[C, C, S]);
        for rows in (0..=17).chain([4096]) {
            for edge in [Edge::Start, Edge::End] {
                let bytes = copied(&vec![1i8; rows], edge);
                let shorts = copied(&vec![2u16; rows], edge);
                let bits = copied(&vec![true; rows], edge);
                let more = copied(&[3u32], edge);
                let out = copied(&vec![0i8; rows], edge);
                let validity = copied(&vec![0xffu8; rows.div_ceil(8)], edge);
                let columns =
                    [Column::of(bytes), Column::of(shorts), Column::of(bits), Column::scalar(&more[0])];
                // SAFETY: the tests' functions take any values of their types.
                unsafe { narrow.call(&columns, &[Output::of(out)], Some((&*validity).into())) }.unwrap();
                assert!(out.iter().all(|out| *out == 7), "{rows} rows, {edge:?}, {}", narrow.path());

                let floats = copied(&vec![1.5f32; rows], edge);
                let doubles = copied(&vec![2.0f64; rows], edge);
                let half = copied(&[0.5f32], edge);
                let out = copied(&vec![0f32; rows], edge);
                let columns = [Column::of(floats), Column::of(doubles), Column::scalar(&half[0])];
                call(&blend, &columns, Output::of(out));
                assert!(out.iter().all(|out| *out == 3.5), "{rows} rows, {edge:?}, {}", blend.path());
            }
        }
    }
}

#[test]
fn errors_of_callbacks_name_the_row() {
    for engine in engines() {
        let calls = AtomicUsize::new(0);
        let calls: &'static AtomicUsize = Box::leak(Box::new(calls));
        let fails_at = engine
            .callback("int (int)", move |x: i32| {
                calls.fetch_add(1, SeqCst);
                assert!(x != 37, "thirty-seven");
                x * 2
            })
            .unwrap();
        let call_back = over(&engine, "call_back", &[S, C]);
        let values: Vec<i32> = (0..100).collect();
        let mut out = vec![-1; 100];
        let address = fails_at.as_ptr();
        let columns = [Column::scalar(&address), Column::of(&values)];
        // SAFETY: the callback is of the type that the function calls.
        let error = unsafe { call_back.call(&columns, &[Output::of(&mut out)], None) }.unwrap_err();
        let ColumnsError::Row { row: 37, error: CallbackError::Panic(Some(message)) } = &error else {
            panic!("{error:?} ({})", call_back.path())
        };
        assert_eq!(&**message, "thirty-seven");
        assert_eq!(error.to_string(), "row 37: a callback's handler panicked: thirty-seven");
        assert!(out[..37].iter().zip(0..).all(|(out, x)| *out == x * 2));
        assert!(out[38..].iter().all(|out| *out == -1), "rows after it are not called");
        assert_eq!(calls.swap(0, SeqCst), 38);

        // With the same row in a later run of valid rows.
        let mut validity = [0xff; 13];
        validity[2] = 0;
        // SAFETY: the callback is open, and takes any number.
        let error = unsafe { call_back.call(&columns, &[Output::of(&mut out)], Some(validity[..].into())) }
            .unwrap_err();
        assert!(matches!(error, ColumnsError::Row { row: 37, .. }), "{error:?}");
        assert_eq!(calls.load(SeqCst), 30);
    }
}

#[test]
fn columns_that_do_not_fit_are_refused_before_anything_is_called() {
    let engine = Engine::new();
    let add = over(&engine, "add_int", &[C, S]);
    let (four, five) = ([1; 4], [2; 5]);
    let mut out = [0; 4];
    let refused = |columns: &[Column<'_>], output: Option<&mut [i32]>, validity: Option<&[u8]>| {
        // SAFETY: nothing is called.
        unsafe { add.call(columns, output.map(Output::of).as_slice(), validity.map(Validity::from)) }
            .unwrap_err()
            .to_string()
    };
    let one = Column::scalar(&1);
    assert_eq!(
        refused(&[Column::of(&five), one], Some(&mut out), None),
        "column 1 has 5 elements, and there are 4 rows"
    );
    assert_eq!(
        refused(&[Column::of(&four)], Some(&mut out), None),
        "the function takes 2 arguments and is given 1 columns"
    );
    assert_eq!(
        refused(&[Column::of(&[1i64; 4]), one], Some(&mut out), None),
        "column 1: elements of type i64 are not i32"
    );
    assert_eq!(refused(&[one, one], Some(&mut out), None), "column 1 was declared a column and is one value");
    assert_eq!(
        refused(&[Column::of(&four), Column::of(&four)], Some(&mut out), None),
        "column 2 was declared one value and is a column"
    );
    assert_eq!(refused(&[Column::of(&four), one], None, None), "the result takes 1 outputs and is given 0");
    let mut nine = [0; 9];
    assert_eq!(
        refused(&[Column::of(&[1; 9]), one], Some(&mut nine), Some(&[0xff])),
        "there are 8 validity bits, and 9 rows"
    );
    let mut wide = [0i64; 4];
    // SAFETY: nothing is called.
    let error = unsafe { add.call(&[Column::of(&four), one], &[Output::of(&mut wide)], None) }.unwrap_err();
    assert_eq!(error.to_string(), "output 1: elements of type i64 are not i32");
}

#[test]
fn functions_that_no_column_is_for_are_refused() {
    let engine = Engine::new();
    let refused = |function: &Function, inputs: &[Input]| {
        Columns::new(&engine, function, inputs).unwrap_err().to_string()
    };
    let add = function(&engine, "add_int");
    assert_eq!(refused(&add, &[C]), "the function takes 2 arguments and is given 1 columns");
    for (text, why) in [
        ("void add_int(struct { long a; })", "column 1: struct { long a; } is not a number or pointer"),
        ("long double add_int(int)", "the result: long double is no number,"),
        ("union { int a; float b; } add_int(int)", "the result: union { int a; float b; } is no number,"),
        ("struct { int a : 4; } add_int(int)", "the result: struct { int a : 4; } is no number,"),
        ("struct { long a[9]; } add_int(int)", "the result: struct { long a[9]; } is no number,"),
        ("struct { int a[0]; } add_int(int)", "the result: struct { int a[0]; } is no number,"),
    ] {
        let refused = refused(&engine.function(&library(), text).unwrap(), &[C]);
        assert!(refused.starts_with(why), "{refused}");
    }
    let sum = engine.function(&library(), "int add_int(int, ..., int)").unwrap();
    assert_eq!(refused(&sum, &[C, C]), "a variadic function is not called over columns");
}

#[test]
fn functions_of_a_shape_share_the_loop() {
    let engine = Engine::new();
    let _add = over(&engine, "add_int", &[C, C]);
    let compiled = engine.stats().compiles;
    let again = engine.function(&library(), "int add_int(int x, int y)").unwrap();
    let bound = engine.stats().compiles;
    let again = Columns::new(&engine, &again, &[C, C]).unwrap();
    assert!(matches!(again.path(), Path::Native));
    assert_eq!(engine.stats().compiles, bound);
    assert!(bound <= compiled + 1);
    assert_eq!(7i32.into_slot(), 7);
}

/// Nothing is delivered, and nothing is written where there is no place for it.
#[test]
fn a_function_that_delivers_errno_delivers_none_over_columns() {
    for engine in engines() {
        let fails = engine.with_last_error(&function(&engine, "fails_double"), LastError::Errno).unwrap();
        let columns = Columns::new(&engine, &fails, &[C, S]).unwrap();
        let mut out = [0.0; 3];
        call(&columns, &[Column::of(&[0.5, 1.5, 2.5]), Column::scalar(&7)], Output::of(&mut out));
        assert_eq!(out, [0.5, 1.5, 2.5], "{}", columns.path());
    }
}

#[test]
#[cfg(target_arch = "x86_64")] // elsewhere there is no such convention
fn functions_of_a_named_convention_are_called_over_columns() {
    extern "win64" fn blended(a: f64, b: i32, c: f32, d: i64, e: f64) -> f64 {
        a + f64::from(b) * 10.0 + f64::from(c) * 100.0 + d as f64 * 1e3 + e * 1e4
    }
    let address = std::ptr::NonNull::new((blended as *const ()).cast_mut().cast()).expect("a function");
    let text = "__attribute__((ms_abi)) double blended(double, int, float, long long, double)";
    let (a, b) = ([1.0, 2.0, 3.0], [4, 5, 6]);
    for engine in engines() {
        let function = engine.function_at(address, text).expect(text);
        let over = Columns::new(&engine, &function, &[C, C, S, S, S]).expect(text);
        let scalars = (Column::scalar(&7f32), Column::scalar(&8i64), Column::scalar(&9f64));
        let mut out = [0.0; 3];
        let columns = [Column::of(&a), Column::of(&b), scalars.0, scalars.1, scalars.2];
        call(&over, &columns, Output::of(&mut out));
        let expected: Vec<f64> = (0..3).map(|row| blended(a[row], b[row], 7.0, 8, 9.0)).collect();
        assert_eq!(out[..], expected, "{}", over.path());
    }
}
