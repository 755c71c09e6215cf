//! C memory by type: a view of a structure, out-parameters, a global variable, and a table of functions.

use std::{
    error::Error,
    ffi::{c_int, c_long, c_void},
    ptr::NonNull,
    time::Instant,
};

use springboard::{
    Engine, Library, Value,
    ir::{Declarations, Type},
};
use springboard_everyday::{
    memory::{ByteOrder, Freed, Member, Memory, View},
    outputs::{self, Argument},
    variable::Variable,
};

/// What `<time.h>` and `<stdlib.h>` of this system declare.
const TYPES: &str = "
    struct tm {
        int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst;
        long tm_gmtoff;
        const char *tm_zone;
    };
    struct tm *gmtime_r(const long *time, struct tm *result);
    double frexp(double x, int *exponent);
    char *strdup(const char *text);
    void free(void *memory);
    struct shape { const struct shape_table *table; double size; };
    struct shape_table { double (*area)(const struct shape *); double (*grow)(struct shape *, double by); };
    struct packet { unsigned short port; unsigned char flags[2]; unsigned int address; };
";

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new();
    let types = Declarations::parse_for(TYPES, engine.data_model())?;
    // SAFETY: the C library and its libm are well-behaved.
    let (libc, libm) = unsafe { (Library::open("libc.so.6")?, Library::open("libm.so.6")?) };
    let declared = |name| types.function(name).ok_or(name);
    let tagged = |tag| types.tagged(tag).ok_or(tag);

    // A structure that C fills in, through an out-parameter.
    let tm = tagged("tm")?;
    let gmtime = engine.function(&libc, declared("gmtime_r")?)?;
    let moment: c_long = 1_000_000_000;
    let arguments = [(&raw const moment).into(), Argument::OutOf(&tm)];
    // SAFETY: gmtime_r reads a `long` and writes a `struct tm`.
    let filled = unsafe { outputs::call(&gmtime, &arguments) }?;
    let [Value::Bytes(bytes)] = &filled.outputs[..] else { return Err("no structure came back".into()) };
    let view = View::new(bytes, &tm, engine.data_model())?;
    let number = |name| view.part(name)?.get::<c_int>();
    println!(
        "second 1000000000 was {}-{:02}-{:02} {:02}:{:02}:{:02}",
        number("tm_year")? + 1900,
        number("tm_mon")? + 1,
        number("tm_mday")?,
        number("tm_hour")?,
        number("tm_min")?,
        number("tm_sec")?
    );

    // An out-parameter beside a result.
    let frexp = engine.function(&libm, declared("frexp")?)?;
    // SAFETY: frexp writes an `int`.
    let parts = unsafe { outputs::call(&frexp, &[48.0.into(), Argument::Out]) }?;
    println!("48 is {} × 2^{}", parts.result, parts.outputs[0]);

    // A result that another function frees.
    let duplicate = engine.function(&libc, declared("strdup")?)?;
    let duplicate = Freed::new(&duplicate, &engine.function(&libc, declared("free")?)?)?;
    // SAFETY: strdup reads a C string, and `free` frees what it returns.
    if let Some(copy) = unsafe { duplicate.call(&[c"borrowed until it is dropped".into()]) }? {
        // SAFETY: it is a C string.
        println!("{}", unsafe { copy.text(100) }?);
    }

    // A variable, read and written.
    let optind = Variable::new(&engine, &libc, "optind", &Type::parse("int")?)?;
    // SAFETY: the C library's `optind` is an `int`, and nobody parses options here.
    unsafe {
        let before = optind.read();
        optind.write(&7.into())?;
        println!("optind was {before} and is {}", optind.read());
        optind.write(&before)?;
    }
    let wrong = Variable::new(&engine, &libc, "optind", &Type::parse("long")?);
    println!("as long: {}", wrong.expect_err("it is smaller"));

    shapes(&engine, &types)?;

    // Both orders of bytes, at any alignment.
    let received = [0xff, 0x1f, 0x90, 0, 0, 127, 0, 0, 1];
    let packet =
        View::new(&received[1..], &tagged("packet")?, engine.data_model())?.with_order(ByteOrder::Big);
    println!("port {} at {}", packet.part("port")?.read(), packet.part("address")?.read());
    println!("{}", packet.part("flags[2]").expect_err("there are two"));
    Ok(())
}

/// Methods that are found in memory, and called with the address found.
fn shapes(engine: &Engine, types: &Declarations) -> Result<(), Box<dyn Error>> {
    unsafe extern "C" fn area(shape: *const Shape) -> f64 {
        // SAFETY: methods are called with a shape.
        unsafe { (*shape).size * (*shape).size }
    }
    unsafe extern "C" fn grow(shape: *mut Shape, by: f64) -> f64 {
        // SAFETY: methods are called with a shape that nobody else uses.
        unsafe {
            (*shape).size += by;
            (*shape).size
        }
    }
    #[repr(C)]
    struct Shape {
        table: *const Table,
        size: f64,
    }
    #[repr(C)]
    struct Table {
        area: unsafe extern "C" fn(*const Shape) -> f64,
        grow: unsafe extern "C" fn(*mut Shape, f64) -> f64,
    }
    let (shape, table) = (types.tagged("shape").ok_or("shape")?, types.tagged("shape_table").ok_or("table")?);
    let model = engine.data_model();
    let methods = Table { area, grow };
    let mut square = Memory::new(&shape, model)?;
    square.view_mut().part_mut("table")?.set(&raw const methods)?;
    square.view_mut().part_mut("size")?.set(3.0)?;

    // As a host would: from the object's first word to the table, from the table to the function.
    let address = square.view().part("table")?.get::<*mut c_void>()?;
    // SAFETY: the table lives until the end of this function.
    let found = unsafe { View::at(NonNull::new(address).ok_or("no table")?, &table, model) }?;
    let method = |name| NonNull::new(found.part(name).ok()?.get::<*mut c_void>().ok()?);
    let area = engine.indirect("double (*)(const void *)")?;
    let grow = engine.indirect("double (*)(void *, double)")?;
    let this = Value::from(&square);
    // SAFETY: the functions in the table are of these types.
    unsafe {
        grow.call(method("grow").ok_or("grow")?, &[this.clone(), 1.5.into()])?;
        println!("the square has {}", area.call(method("area").ok_or("area")?, &[this])?);
    }

    // A path found once costs a bounds check.
    let size = Member::<f64>::of(&shape, "size", model)?;
    let view = square.view();
    let started = Instant::now();
    let mut sum = 0.0;
    for _ in 0..1_000_000 {
        sum += std::hint::black_box(&view).get_member(size)?;
    }
    println!("a million reads of a member: {:.1?} (sum {sum})", started.elapsed());
    Ok(())
}
