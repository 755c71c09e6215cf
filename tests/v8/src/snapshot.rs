//! Snapshots: functions with fast code in bytes, from which another process starts.

use std::{
    env,
    ffi::{CString, c_void},
    fs,
    process::{self, Command, Output},
    ptr, slice,
    sync::Arc,
};

use springboard::{Engine, Jit};
use springboard_js::v8::{Registered, Registry, Settings};

use crate::{
    Case, Since,
    host::{Fixture, settings},
    realm::{Handle, PRELUDE, Realm, fast_of, is_modern, shim, type_info},
    shim::RawEntry,
    twins,
};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "snapshots::another_process_starts_from_one",
        since: Since::Always,
        run: another_process_starts_from_one,
    },
    Case { name: "snapshots::without_code", since: Since::Always, run: without_code },
    Case {
        name: "snapshots::no_address_may_be_missing",
        since: Since::Always,
        run: no_address_may_be_missing,
    },
];

/// The functions of the snapshots, by the names of their globals.
struct Functions {
    fixture: Fixture,
    registry: Registry,
    names: Vec<&'static str>,
}

impl Functions {
    fn new() -> Functions {
        Functions::of(Fixture::open())
    }

    /// In the same order in every process: that is how they are found again.
    fn of(fixture: Fixture) -> Functions {
        let buffer = Settings { buffers: vec![2], ..settings() };
        let mut registry = Registry::new();
        registry.add_native(&fixture.function("int32_t add(int32_t, int32_t)"));
        registry.add(twins::sum()).expect("it is right");
        let declaration = "double scalars_before(uint32_t, double, const uint8_t *, uint32_t)";
        registry.add_native(&fixture.function_with(declaration, buffer));
        registry.add(twins::division()).expect("it is right");
        registry.add_native(&fixture.function("int8_t same_i8(int8_t)"));
        Functions { fixture, registry, names: vec!["add", "sum", "scalars_before", "divide", "same_i8"] }
    }

    /// What V8 has to know: the slow function of all of them, what the registry lists, and an end.
    fn references(&self) -> Vec<isize> {
        // SAFETY: it has no contract.
        let conventional = unsafe { (shim().conventional)() };
        let listed = self.registry.external_references(type_info);
        let all = [conventional].into_iter().chain(listed).chain([ptr::null()]);
        all.map(|address: *const c_void| address.expose_provenance().cast_signed()).collect()
    }

    fn named(&self, name: &str) -> &Arc<Registered> {
        let index = self.names.iter().position(|known| *known == name).expect("one of them");
        &self.registry.functions()[index]
    }
}

/// The command `snapshot PATH [N]`: writes one, without the address that is the N-th of the references.
pub(crate) fn make(path: &str, forgotten: Option<usize>) {
    let functions = Functions::new();
    let mut references = functions.references();
    if let Some(index) = forgotten {
        let address = references[index];
        references.retain(|known| *known != address);
    }
    let names: Vec<_> = functions.names.iter().map(|name| CString::new(*name).expect("no NUL")).collect();
    let fast: Vec<_> = functions.registry.functions().iter().map(|function| fast_of(function)).collect();
    let each = names.iter().zip(functions.registry.functions()).zip(&fast);
    let entries: Vec<RawEntry> = each
        .map(|((name, function), fast)| RawEntry {
            name: name.as_ptr(),
            data: function.data(),
            fast: fast.as_ptr(),
            count: fast.len() as u32,
        })
        .collect();
    let script = format!("{PRELUDE}; total = add(40, 2); twice = (a) => add(a, a);");
    let script = CString::new(script).expect("no NUL");
    let mut length = 0;
    // SAFETY: there are as many entries; all that they refer to outlives the call; the references end with a zero.
    let blob = unsafe {
        let (start, count) = (entries.as_ptr(), entries.len() as u32);
        (shim().snapshot)(references.as_ptr(), start, count, script.as_ptr(), &mut length)
    };
    assert!(!blob.is_null(), "the script throws");
    // SAFETY: there are as many bytes.
    fs::write(path, unsafe { slice::from_raw_parts(blob.cast::<u8>(), length) }).expect("it can be written");
    // SAFETY: it is freed once.
    unsafe { (shim().free)(blob) };
}

/// The command `start-from PATH`: functions of a snapshot that another process has made are called fast and slow.
pub(crate) fn start_from(path: &str) {
    let functions = Functions::new();
    let blob = fs::read(path).expect("there is a snapshot");
    let realm = Realm::from_snapshot(blob, functions.references(), functions.registry.functions());
    assert_eq!(realm.eval("total"), "42", "what the script has left");
    for (name, call, warm, expected) in [
        ("add", "20, 22", "1, 2", "42"),
        ("sum", "7.5", "1.5", "7.5"),
        ("sum", "7.5, 2", "1.5, 2", "9.5"),
        (
            "scalars_before",
            "7, 0.5, new Uint8Array(Uint8Array.of(10, 20, 30).buffer), 2",
            "1, 1, new Uint8Array(9), 0",
            "210.5",
        ),
        ("divide", "42, -4", "12, 3", "-10"),
        ("same_i8", "-128", "1", "-128"),
    ] {
        let handle = Handle::of(functions.named(name));
        realm.eval(&format!("hot = optimised('{name}', {warm}); 0"));
        let slow = realm.slow_calls(handle);
        assert_eq!(realm.eval(&format!("attempt(hot, {call})")), expected, "{name}({call}), fast");
        assert_eq!(realm.slow_calls(handle), slow, "{name}({call}) is called fast");
        assert_eq!(realm.eval(&format!("attempt({name}, {call})")), expected, "{name}({call}), slow");
        assert_eq!(realm.slow_calls(handle), slow + 1);
    }
    // A function in JavaScript that was in the snapshot as well.
    realm.eval(
        "%PrepareFunctionForOptimization(twice); twice(1); %OptimizeFunctionOnNextCall(twice); twice(1); 0",
    );
    let handle = Handle::of(functions.named("add"));
    let slow = realm.slow_calls(handle);
    assert_eq!((realm.eval("show(twice(21))"), realm.slow_calls(handle)), ("42".to_owned(), slow));
    // Errors, by the helpers of this process.
    for (name, call, warm, expected) in [
        ("divide", "1, 0", "12, 3", "RangeError: division by zero"),
        ("same_i8", "128", "1", "RangeError [ERR_INVALID_ARG_VALUE]: argument 1 is 128, which does not fit"),
        (
            "scalars_before",
            "1, 1, 5, 0",
            "1, 1, new Uint8Array(9), 0",
            "TypeError [ERR_INVALID_ARG_VALUE]: argument 3 must be a buffer, not 5",
        ),
    ] {
        let handle = Handle::of(functions.named(name));
        realm.eval(&format!("hot = optimised('{name}', {warm}); 0"));
        let slow = realm.slow_calls(handle);
        assert_eq!(realm.eval(&format!("attempt(hot, {call})")), expected);
        let reported = if is_modern() { 0 } else { 1 };
        assert_eq!(realm.slow_calls(handle), slow + reported, "{name}({call})");
    }
    // SAFETY: nothing of it runs.
    unsafe { functions.fixture.library.close() };
    assert_eq!(
        realm.eval("attempt(twice, 21)"),
        "Error [ERR_FFI_LIBRARY_CLOSED]: the library has been closed"
    );
}

/// The command `start-without-code PATH`: the snapshot says that V8 may call `add` fast, and here there is no code for it.
pub(crate) fn start_without_code(path: &str) {
    let functions = Functions::of(Fixture::open_by(Engine::builder().jit(Jit::Off).build()));
    let blob = fs::read(path).expect("there is a snapshot");
    let realm = Realm::from_snapshot(blob, functions.references(), functions.registry.functions());
    println!("slow: {}", realm.eval("add(20, 22)"));
    println!("fast: {}", realm.eval("hot = optimised('add', 1, 2); hot(20, 22)"));
}

/// Runs this program once more, with other words, and V8 with its own flags.
pub(crate) fn child(words: &[&str]) -> Output {
    let line = fs::read("/proc/self/cmdline").expect("Linux has it");
    let line = String::from_utf8(line).expect("text");
    let all: Vec<&str> = line.trim_end_matches('\0').split('\0').collect();
    // A loader that runs the program stands before it.
    let own = all.len() - (env::args().count() - 1);
    // An emulator that runs the loader stands nowhere.
    let emulator = env::var("SPRINGBOARD_V8_EMULATOR").ok();
    let line: Vec<&str> = emulator.as_deref().into_iter().chain(all[..own].iter().copied()).collect();
    Command::new(line[0])
        .args(&line[1..])
        .args(words)
        .env_remove("SPRINGBOARD_V8_FLAGS")
        .output()
        .expect("it runs again")
}

/// Where a snapshot is written.
struct File(String);

impl File {
    fn new(name: &str) -> File {
        File(env::temp_dir().join(format!("springboard-{name}-{}", process::id())).display().to_string())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn another_process_starts_from_one() {
    let file = File::new("snapshot");
    for words in [["snapshot", &file.0], ["start-from", &file.0]] {
        let Output { status, stdout, stderr } = child(&words);
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{words:?}: {status}\n{stdout}\n{stderr}");
    }
    // And another isolate of a process that has its own.
    start_from(&file.0);
}

/// Places are kept for functions without code, so that the others are found; a fast call of one says what is wrong.
fn without_code() {
    let file = File::new("without-code");
    assert!(child(&["snapshot", &file.0]).status.success());
    let Output { status, stdout, stderr } = child(&["start-without-code", &file.0]);
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(
        !status.success() && stdout.contains("slow: 42") && !stdout.contains("fast:"),
        "{status}\n{stdout}"
    );
    assert!(stderr.contains("fast code for a function that has none in this process"), "{stderr}");
}

/// V8 ends the process that forgets one of the addresses: the list has all that it wants, and nothing else.
fn no_address_may_be_missing() {
    let file = File::new("forgotten");
    let references = Functions::new().references();
    // One for all, and for each of five functions its data, and for each of six fast ones two.
    assert_eq!(references.len(), 1 + 5 + 6 * 2 + 1);
    for index in 0..references.len() - 1 {
        let Output { status, stdout, stderr } = child(&["snapshot", &file.0, &index.to_string()]);
        let said = [stdout, stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!status.success(), "a snapshot without reference {index} is made");
        assert!(
            said.to_lowercase().contains("external reference"),
            "without reference {index}: {status}\n{said}"
        );
    }
}
