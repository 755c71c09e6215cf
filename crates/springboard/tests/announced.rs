//! What debuggers and profilers are told of stubs.

use std::{
    env,
    ffi::c_void,
    fs, hint,
    path::PathBuf,
    process::{self, Command},
    ptr::NonNull,
};

use springboard::{Engine, Function, Stubs, code::Announce};

mod support;

use support::enter;

/// More arguments than there are registers, so that the stub calls, and has a frame.
const TEN: &str = "long(long, long, long, long, long, long, long, long, double, double)";

/// Where the debugger stops.
#[allow(clippy::too_many_arguments)] // that is the point
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn springboard_stops_here(
    a: i64,
    b: i64,
    c: i64,
    d: i64,
    e: i64,
    f: i64,
    g: i64,
    h: i64,
    i: f64,
    j: f64,
) -> i64 {
    hint::black_box(a + b + c + d + e + f + g + h + i as i64 + j as i64)
}

fn engine(whom: Announce) -> Engine {
    Engine::builder().stubs(Stubs::PerFunction).announce(whom).build()
}

fn bind(engine: &Engine) -> Function {
    let address = NonNull::new(springboard_stops_here as *mut c_void).expect("a function has an address");
    engine.function_at(address, TEN).expect("there is always a way")
}

/// The address of a function's stub.
fn stub(function: &Function) -> u64 {
    function.bound_pointer::<i64>().expect("it has a stub of its own") as usize as u64
}

fn call(function: &Function) {
    let numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9f64.to_bits(), 10f64.to_bits()];
    assert_eq!(enter(&function.slots::<i64>().expect("it returns a long"), &numbers), 55);
}

/// The name of a stub of that type: of the function's own, which leaves the moves to that of the shape, or of the latter.
fn symbol(entry: &str) -> String {
    let longs = if cfg!(target_arch = "x86_64") {
        "i64, i64, i64, i64, i64, i64, word, word"
    } else if cfg!(target_arch = "s390x") {
        "i64, i64, i64, i64, i64, word, word, word"
    } else {
        "i64, i64, i64, i64, i64, i64, i64, i64"
    };
    format!("springboard::{entry}({longs}, f64, f64) -> i64")
}

#[test]
fn perf_finds_stubs_in_the_map() {
    let engine = engine(Announce::PerfMap);
    let functions = [bind(&engine), bind(&engine)];
    let file = format!("/tmp/perf-{}.map", process::id());
    let map = fs::read_to_string(&file).expect("the map is there");
    assert_eq!(map.matches(&symbol("slots")).count(), 1, "{map}");
    for function in &functions {
        call(function);
        let start = format!("{:x} ", stub(function));
        let line = map.lines().find(|line| line.starts_with(&start)).expect("the stub has a line");
        let [_, size, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let size = u64::from_str_radix(size, 16).expect("a size in hexadecimal");
        assert!((8..400).contains(&size), "{line}");
        assert_eq!(name, symbol("relay"));
    }
    let callback = engine.callback("int (int, void *)", |_: i32, _: *mut c_void| 0).expect("a callback");
    let map = fs::read_to_string(&file).expect("the map is there");
    let line = map.lines().find(|line| line.starts_with(&format!("{:x} ", callback.as_ptr().addr())));
    assert!(line.expect("its stub has a line").ends_with(" springboard::direct(i64, i64)"), "{line:?}");
    fs::remove_file(file).expect("the file is this process' own");
}

#[test]
fn perf_inject_finds_code_in_the_dump() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let engine = engine(Announce::JitDump(folder.clone()));
    let functions = [bind(&engine), bind(&engine)];
    let file = folder.join(format!("jit-{}.dump", process::id()));
    let dump = fs::read(&file).expect("the dump is there");
    let u32_at = |at: usize| u32::from_ne_bytes(dump[at..at + 4].try_into().expect("four bytes"));
    let u64_at = |at: usize| u64::from_ne_bytes(dump[at..at + 8].try_into().expect("eight bytes"));
    assert_eq!((u32_at(0), u32_at(4), u32_at(20)), (0x4a69_5444, 1, process::id()));
    let mut at = u32_at(8) as usize;
    let mut last = u64_at(24);
    // The stub of the shape comes first.
    let own = functions.iter().map(|function| ("relay", Some(stub(function))));
    for (number, (entry, known)) in [("slots", None)].into_iter().chain(own).enumerate() {
        let (id, size, time) = (u32_at(at), u32_at(at + 4) as usize, u64_at(at + 8));
        assert_eq!((id, u32_at(at + 16)), (0, process::id()));
        assert!(time >= last, "records are in order");
        last = time;
        let stub = u64_at(at + 24);
        assert_eq!((u64_at(at + 32), known.unwrap_or(stub)), (stub, stub));
        let bytes = u64_at(at + 40) as usize;
        assert_eq!(u64_at(at + 48), number as u64);
        let text = &dump[at + 56..at + size - bytes];
        let name = text.strip_suffix(&[0]).expect("the name is closed");
        assert_eq!(String::from_utf8_lossy(name), symbol(entry));
        // SAFETY: the stub is as long, and readable.
        let code = unsafe { std::slice::from_raw_parts(stub as usize as *const u8, bytes) };
        assert_eq!(&dump[at + size - bytes..at + size], code);
        at += size;
    }
    assert_eq!(at, dump.len());
    // perf finds the file by this.
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux shows a process its mappings");
    let name = file.to_str().expect("the path is text");
    assert!(maps.lines().any(|row| row.contains("r-xp") && row.ends_with(name)));
    fs::remove_file(file).expect("the file is this process' own");
}

/// What the debugger runs: stubs that came and went, and one that is called.
#[test]
fn a_program_to_debug() {
    let engine = engine(Announce::Gdb);
    let mut functions: Vec<_> = (0..5).map(|_| bind(&engine)).collect();
    functions.remove(0);
    functions.remove(3);
    functions.remove(1);
    functions.iter().for_each(call);
}

/// Needs GDB: `cargo xtask test debuggers`.
#[test]
#[ignore = "needs gdb"]
fn gdb_walks_through_a_named_stub() {
    let program = env::current_exe().expect("the running program has a path");
    let run = Command::new("gdb")
        .args(["--nx", "--batch", "-ex", "set debuginfod enabled off", "-ex", "set breakpoint pending on"])
        .args(["-ex", "break springboard_stops_here", "-ex", "run", "-ex", "backtrace", "--args"])
        .arg(program)
        .args(["a_program_to_debug", "--exact", "--test-threads=1"])
        .output()
        .expect("gdb runs");
    let printed = String::from_utf8_lossy(&run.stdout);
    let frame = |of: &str| {
        printed.lines().position(|line| line.starts_with('#') && line.contains(of)).unwrap_or_else(|| {
            panic!("no frame of {of} in:\n{printed}\n{}", String::from_utf8_lossy(&run.stderr))
        })
    };
    let (callee, stub, caller) =
        (frame("springboard_stops_here"), frame(&symbol("slots")), frame("a_program_to_debug"));
    assert!(callee < stub && stub < caller, "{printed}");
}
