//! Binds functions of the system's own libraries by their C declarations, calls them, checks the results against
//! Rust's own, and says what a call costs: through springboard, through libffi, and direct.

use std::{
    error::Error,
    ffi::{c_char, c_int, c_long, c_uint, c_ulong, c_void},
    fmt,
    hint::black_box,
    process::ExitCode,
};

use springboard::{
    Engine, Jit, Library, Pack, Word,
    code::capability,
    library::{C_LIBRARY, MATH_LIBRARY},
};

mod table;

use table::{Case, Table};

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            eprintln!("{wrong} results are not Rust's");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Binds a function twice, and adds a row for calls of it: a type for Rust's own call, arguments, and the result
/// that Rust finds.
macro_rules! row {
    ($table:ident, $library:expr, $declaration:expr, $direct:ty, ($($argument:expr),*) => $expected:expr) => {{
        let row = || {
            let case = Case::bind(&$table, $library, $declaration)?;
            let direct = case.native.typed::<$direct>()?.get();
            // SAFETY: the declaration is that of the library's header, and the arguments are good for the function.
            let direct = || unsafe { direct($(black_box($argument)),*) };
            let slots = [$($argument.into_slot()),*];
            // SAFETY: one slot per parameter, each the word of its type.
            unsafe { case.words(&slots, $expected, direct) }
        };
        let row = row();
        $table.push(row)?;
    }};
}

fn run() -> Result<usize, Box<dyn Error>> {
    // SAFETY: the initialisers of the C library have run already, and those of the others are harmless.
    let (libm, libc, libz) =
        unsafe { (Library::open(MATH_LIBRARY)?, Library::open(C_LIBRARY)?, Library::open("libz.so.1")) };
    let mut table = Table::new(Engine::new(), Engine::builder().jit(Jit::Off).pack(Pack::Off).build());

    type Double2 = unsafe extern "C" fn(f64, f64) -> f64;
    row!(table, &libm, "double pow(double, double)", Double2, (2.0, 10.0) => 2f64.powf(10.0));
    row!(table, &libm, "double hypot(double, double)", Double2, (3.0, 4.0) => 3f64.hypot(4.0));
    row!(
        table, &libm, "float fmaf(float, float, float)",
        unsafe extern "C" fn(f32, f32, f32) -> f32, (1.5f32, 2f32, 0.25f32) => 1.5f32.mul_add(2.0, 0.25)
    );
    row!(
        table, &libm, "double ldexp(double, int)",
        unsafe extern "C" fn(f64, c_int) -> f64, (0.75, 4) => 0.75 * 2f64.powi(4)
    );
    let row = cabs(&table, &libm);
    table.push(row)?;
    let row = fabsl(&table, &libm);
    table.push(row)?;

    row!(table, &libc, "int abs(int)", unsafe extern "C" fn(c_int) -> c_int, (-7) => (-7i32).abs());
    row!(
        table, &libc, "int toupper(int)",
        unsafe extern "C" fn(c_int) -> c_int, (c_int::from(b'x')) => c_int::from(b'x'.to_ascii_uppercase())
    );
    row!(
        table, &libc, "uint32_t htonl(uint32_t)",
        unsafe extern "C" fn(u32) -> u32, (0x0102_0304u32) => 0x0102_0304u32.to_be()
    );
    let text = c"springboard";
    row!(
        table, &libc, "size_t strlen(const char *)",
        unsafe extern "C" fn(*const c_char) -> usize, (text.as_ptr()) => text.count_bytes()
    );
    row!(
        table, &libc, "char *strchr(const char *, int)",
        unsafe extern "C" fn(*const c_char, c_int) -> *mut c_char, (text.as_ptr(), c_int::from(b'b')) =>
        text.as_ptr().cast_mut().wrapping_add(text.to_str()?.find('b').ok_or("no b")?)
    );
    row!(
        table, &libc, "long strtol(const char *, char **, int)",
        unsafe extern "C" fn(*const c_char, *mut *mut c_char, c_int) -> c_long,
        (c"-beef".as_ptr(), std::ptr::null_mut::<*mut c_char>(), 16) => c_long::from_str_radix("-beef", 16)?
    );
    let primes = [2, 3, 5, 7, 11, 13, 17, 19];
    let found = primes.binary_search(&13).map_err(|_| "13 is prime")?;
    row!(
        table, &libc, "void *bsearch(const void *, const void *, size_t, size_t, int (*)(const void *, const void *))",
        unsafe extern "C" fn(*const c_void, *const c_void, usize, usize, Option<Compare>) -> *mut c_void,
        ((&raw const primes[5]).cast::<c_void>(), primes.as_ptr().cast::<c_void>(), primes.len(), size_of::<c_int>(),
         Some(compare as Compare)) => (&raw const primes[found]).cast::<c_void>().cast_mut()
    );
    let row = snprintf(&table, &libc);
    table.push(row)?;
    let row = div(&table, &libc);
    table.push(row)?;
    let row = ldiv(&table, &libc);
    table.push(row)?;
    match &libz {
        Ok(libz) => row!(
            table, libz, "unsigned long crc32(unsigned long, const unsigned char *, unsigned int)",
            unsafe extern "C" fn(c_ulong, *const u8, c_uint) -> c_ulong,
            (0 as c_ulong, b"springboard".as_ptr(), 11 as c_uint) => crc32(b"springboard").into()
        ),
        Err(error) => println!("left out: {error}"),
    }

    print!("{table}");
    let stats = table.native.stats();
    println!("\nThe last three columns are ns per call, the least of {} measurements.", table::REPETITIONS);
    println!(
        "{} functions through {} stubs of {} bytes together, {} precompiled, {} through libffi; {}.",
        stats.native,
        stats.compiles,
        stats.code_bytes,
        stats.packed,
        stats.fallbacks.total(),
        capability()
    );
    Ok(table.wrong())
}

type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;

/// What `bsearch` calls.
unsafe extern "C" fn compare(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: `bsearch` is given an array of these.
    let (a, b) = unsafe { (*a.cast::<c_int>(), *b.cast::<c_int>()) };
    a.cmp(&b) as c_int
}

fn snprintf(table: &Table, libc: &Library) -> Result<table::Row, Box<dyn Error>> {
    let declaration = "int snprintf(char *, size_t, const char *, ..., int, double, const char *)";
    let case = Case::bind(table, libc, declaration)?;
    let direct =
        case.native.typed::<unsafe extern "C" fn(*mut c_char, usize, *const c_char, ...) -> c_int>()?.get();
    let mut text = [0u8; 32];
    let (buffer, size, format) = (text.as_mut_ptr().cast::<c_char>(), text.len(), c"%d %.1f %s".as_ptr());
    let word = c"words".as_ptr();
    let slots = [
        buffer.into_slot(),
        size.into_slot(),
        format.into_slot(),
        (-7).into_slot(),
        2.5.into_slot(),
        word.into_slot(),
    ];
    let expected = format!("{} {:.1} {}", -7, 2.5, "words");
    // SAFETY: the buffer is as large as it is said to be, and the format is that of the arguments.
    let direct = || unsafe { direct(buffer, size, black_box(format), -7, 2.5, word) };
    // SAFETY: the buffer is as large as it is said to be; one slot per parameter, each the word of its type.
    let mut row = unsafe { case.words(&slots, expected.len() as c_int, direct) }?;
    row.also(text.starts_with(expected.as_bytes()));
    Ok(row)
}

/// `div_t` and `ldiv_t`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Default, Debug)]
struct Division<T> {
    quot: T,
    rem: T,
}

fn div(table: &Table, libc: &Library) -> Result<table::Row, Box<dyn Error>> {
    let case = Case::bind(table, libc, "struct { int quot, rem; } div(int, int)")?;
    // SAFETY: this is the function's type, with the structure as Rust says it.
    let direct: unsafe extern "C" fn(c_int, c_int) -> Division<c_int> =
        unsafe { std::mem::transmute(case.native.address()) };
    // SAFETY: the divisor is not 0.
    let direct = || unsafe { direct(black_box(-17), black_box(5)) };
    let expected = Division { quot: -17 / 5, rem: -17 % 5 };
    // SAFETY: one slot per parameter, each the word of its type.
    unsafe { case.memory(&[(-17).into_slot(), 5.into_slot()], expected, Some(direct)) }
}

fn ldiv(table: &Table, libc: &Library) -> Result<table::Row, Box<dyn Error>> {
    let case = Case::bind(table, libc, "struct { long quot, rem; } ldiv(long, long)")?;
    // SAFETY: this is the function's type, with the structure as Rust says it.
    let direct: unsafe extern "C" fn(c_long, c_long) -> Division<c_long> =
        unsafe { std::mem::transmute(case.native.address()) };
    // SAFETY: the divisor is not 0.
    let direct = || unsafe { direct(black_box(c_long::MAX), black_box(-1000)) };
    let expected = Division { quot: c_long::MAX / -1000, rem: c_long::MAX % -1000 };
    let slots = [c_long::MAX, -1000].map(Word::into_slot);
    // SAFETY: one slot per parameter, each the word of its type.
    unsafe { case.memory(&slots, expected, Some(direct)) }
}

/// Microsoft's own name and type; the standard's `cabs` is a stub that aborts in Wine 8's C runtime.
const CABS: &str =
    if cfg!(windows) { "double _cabs(struct { double x, y; })" } else { "double cabs(double _Complex)" };

/// A complex number is passed as its two parts; its slot holds the address of both.
fn cabs(table: &Table, libm: &Library) -> Result<table::Row, Box<dyn Error>> {
    let case = Case::bind(table, libm, CABS)?;
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Complex(f64, f64);
    // SAFETY: on the targets of springboard a complex number is passed as a structure of its parts.
    let direct: unsafe extern "C" fn(Complex) -> f64 = unsafe { std::mem::transmute(case.native.address()) };
    let number = Complex(5.0, -12.0);
    // SAFETY: any number will do.
    let direct = || unsafe { direct(black_box(number)) };
    // SAFETY: the slot is the address of the number.
    unsafe { case.words(&[(&raw const number).into_slot()], number.0.hypot(number.1), direct) }
}

/// The bits of a `long double`.
#[derive(Clone, Copy, PartialEq, Default)]
struct LongDouble(u128);

impl fmt::Debug for LongDouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A `long double`, which System V AMD64 returns where the compiler cannot reach: this goes through libffi.
fn fabsl(table: &Table, libm: &Library) -> Result<table::Row, Box<dyn Error>> {
    let case = Case::bind(table, libm, "long double fabsl(long double)")?;
    // 2.5, and where its sign is.
    let (bits, sign) =
        if cfg!(target_arch = "x86_64") { (0x4000_a000 << 48, 79) } else { (0x4000_4000 << 96, 127) };
    let (positive, negative) = (LongDouble(bits), LongDouble(bits | 1 << sign));
    // SAFETY: the slot is the address of a `long double`.
    unsafe { case.memory(&[(&raw const negative).into_slot()], positive, None::<fn() -> LongDouble>) }
}

/// The checksum of zlib, as its definition says it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    };
    !bytes.iter().fold(!0, step)
}
