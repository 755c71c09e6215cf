//! A function over columns: one call of springboard for a million calls of C, beside the same loop in C at `-O2`.

use std::{
    error::Error,
    ffi::{c_int, c_long},
    fs,
    hint::black_box,
    process::{self, Command},
    time::{Duration, Instant},
};

use springboard::{Engine, Jit, Library, Value, Word};
use springboard_everyday::columns::{Column, Columns, ColumnsError, Input, Output};

/// What the figures are of. The compiler does not see what the loop calls.
const SOURCE: &str = "
int mix(int a, int b) { return a * 3 + b; }
void loop(int (*f)(int, int), const int *a, const int *b, int *out, long rows) {
    for (long i = 0; i < rows; i++)
        out[i] = f(a[i], b[i]);
}
int apply(int (*f)(int), int x) { return f(x); }
";

const ROWS: usize = 4096;

type Mix = unsafe extern "C" fn(c_int, c_int) -> c_int;
type Loop = unsafe extern "C" fn(Mix, *const c_int, *const c_int, *mut c_int, c_long);

fn main() -> Result<(), Box<dyn Error>> {
    let library = compiled()?;
    let engine = Engine::new();
    let mix = engine.function(&library, "int mix(int a, int b)")?;
    let a: Vec<i32> = (0..ROWS as i32).collect();
    let b: Vec<i32> = a.iter().map(|x| x * 7).collect();
    let (mut out, mut expected) = (vec![0; ROWS], vec![0; ROWS]);

    let over = Columns::new(&engine, &mix, &[Input::Column, Input::Column])?;
    let columns = [Column::of(&a), Column::of(&b)];
    // SAFETY: mix takes any numbers.
    unsafe { over.call(&columns, &[Output::of(&mut out)], None) }?;

    let direct = mix.typed::<Mix>()?.get();
    // SAFETY: the library's loop has this type.
    let in_c = unsafe { std::mem::transmute::<std::ptr::NonNull<_>, Loop>(library.symbol("loop")?) };
    let c_loop = |expected: &mut [i32]| {
        // SAFETY: there are as many rows in each column.
        unsafe { in_c(direct, a.as_ptr(), b.as_ptr(), expected.as_mut_ptr(), ROWS as c_long) };
    };
    c_loop(&mut expected);
    assert_eq!(out, expected);

    let slots = mix.slots::<i32>()?;
    let libffi = Engine::builder().jit(Jit::Off).build();
    let fallback = libffi.function(&library, "int mix(int a, int b)")?;
    let fallback = Columns::new(&libffi, &fallback, &[Input::Column, Input::Column])?;
    let mut c_out = expected.clone();
    let [c_time, over_time] = least([&mut || c_loop(black_box(&mut c_out)), &mut || {
        // SAFETY: mix takes any numbers.
        unsafe { over.call(&columns, &[Output::of(black_box(&mut out))], None) }.expect("columns that fit");
    }]);
    let mut out = vec![0; ROWS];
    let [slots_time] = least([&mut || {
        for (row, out) in black_box(&mut out).iter_mut().enumerate() {
            // SAFETY: mix takes any numbers.
            *out = unsafe { slots.call(&[a[row].into_slot(), b[row].into_slot()]) };
        }
    }]);
    let [fallback_time] = least([&mut || {
        // SAFETY: mix takes any numbers.
        unsafe { fallback.call(&columns, &[Output::of(black_box(&mut out))], None) }
            .expect("columns that fit");
    }]);
    println!("{ROWS} rows, nanoseconds a row, the least of many times:");
    for (what, time) in [
        ("a loop in C", c_time),
        ("over columns", over_time),
        ("a call per row", slots_time),
        ("libffi", fallback_time),
    ] {
        let each = time.as_secs_f64() * 1e9 / ROWS as f64;
        println!("  {what:<13} {each:6.2}  {:.2}×", time.as_secs_f64() / c_time.as_secs_f64());
    }

    // One value for all rows, and rows that are not to be done.
    let plus = Columns::new(&engine, &mix, &[Input::Column, Input::Scalar])?;
    let mut out = [-1; 8];
    let columns = [Column::of(&a[..8]), Column::scalar(&100)];
    // SAFETY: mix takes any numbers.
    unsafe { plus.call(&columns, &[Output::of(&mut out)], Some((&[0b1010_1100]).into())) }?;
    println!("3a + 100 where the bit is set: {out:?}");

    // What goes wrong says where.
    let odd = engine.callback("int (int)", |x: i32| if x == 5 { panic!("five") } else { x })?;
    let apply = engine.function(&library, "int apply(void *f, int x)")?;
    let apply = Columns::new(&engine, &apply, &[Input::Scalar, Input::Column])?;
    std::panic::set_hook(Box::new(|_| ()));
    // SAFETY: the callback is of the type that apply calls.
    let error = unsafe {
        apply.call(&[Column::scalar(&odd.as_ptr()), Column::of(&a[..8])], &[Output::of(&mut out)], None)
    };
    println!("{}", error.expect_err("a row fails"));
    // SAFETY: nothing is called.
    let error = unsafe { plus.call(&[Column::of(&a), Column::scalar(&1)], &[Output::of(&mut out)], None) };
    let error: ColumnsError = error.expect_err("the lengths differ");
    println!("{error}");
    // SAFETY: mix takes any numbers.
    assert_eq!(unsafe { mix.call(&[1.into(), 2.into()]) }?, Value::from(5));
    Ok(())
}

/// The least time of each, by turns.
fn least<const N: usize>(mut what: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut least = [Duration::MAX; N];
    for _ in 0..3000 {
        for (least, what) in least.iter_mut().zip(&mut what) {
            let started = Instant::now();
            what();
            *least = (*least).min(started.elapsed());
        }
    }
    least
}

/// The library, compiled by the system's C compiler.
fn compiled() -> Result<Library, Box<dyn Error>> {
    let stem = std::env::temp_dir().join(format!("springboard-columns-{}", process::id()));
    let (source, library) = (stem.with_extension("c"), stem.with_extension("so"));
    fs::write(&source, SOURCE)?;
    let status =
        Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).status()?;
    if !status.success() {
        return Err(format!("cc: {status}").into());
    }
    // SAFETY: the library has neither initialisers nor finalisers.
    let loaded = unsafe { Library::open(&library) };
    fs::remove_file(source)?;
    fs::remove_file(library)?;
    Ok(loaded?)
}
