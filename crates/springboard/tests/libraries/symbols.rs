//! Symbols: optional ones, versions, and functions that are found in memory.

use std::{ffi::c_void, ptr::NonNull};

use springboard::{
    Engine, Library, Value, Word,
    library::{C_LIBRARY, Flags, LibraryError, MATH_LIBRARY, SymbolError, SymbolKind},
};

use super::{engines, function, library, support};

#[test]
fn a_symbol_may_be_absent() {
    let library = library();
    assert!(library.optional("fails").unwrap().is_some());
    assert_eq!(library.optional("no_such_function"), Ok(None));
    assert_eq!(library.optional(""), Err(SymbolError::Empty));
    assert_eq!(library.optional("a\0b"), Err(SymbolError::Nul { symbol: "a\0b".into(), at: 1 }));
}

/// The C library has `memcpy` of two versions on x86_64, and functions of its first version elsewhere.
#[test]
fn symbols_have_versions() {
    // SAFETY: the C library is loaded already.
    let libc = unsafe { Library::open(C_LIBRARY) }.unwrap();
    if !support::system::SYMBOLS_HAVE_VERSIONS {
        let refused = libc.versioned("getpid", "GLIBC_2.2.5");
        assert!(matches!(refused, Err(SymbolError::Version { .. })), "{refused:?}");
        return;
    }
    let version = match std::env::consts::ARCH {
        "x86_64" => "GLIBC_2.2.5",
        "aarch64" => "GLIBC_2.17",
        "riscv64" => "GLIBC_2.27",
        _ => "GLIBC_2.2",
    };
    assert_eq!(libc.versioned("getpid", version), libc.symbol("getpid"));
    if cfg!(target_arch = "x86_64") {
        let [old, new] = ["GLIBC_2.2.5", "GLIBC_2.14"].map(|of| libc.versioned("memcpy", of).unwrap());
        assert_ne!(old, new);
    }
    let error = libc.versioned("getpid", "GLIBC_1.0").unwrap_err();
    let SymbolError::Version { symbol, version, .. } = &error else { panic!("{error:?}") };
    assert_eq!((symbol.as_str(), version.as_str()), ("getpid", "GLIBC_1.0"));
    assert!(error.to_string().starts_with("no symbol getpid of version GLIBC_1.0 in libc.so.6: "), "{error}");
    assert_eq!(libc.versioned("getpid", ""), Err(SymbolError::Empty));
    let process = Library::process();
    assert!(process.versioned("getpid", "GLIBC_1.0").is_err());
}

/// By name in the library itself, in one that it depends on, and among all of the process; and by name and version.
#[test]
fn symbols_have_kinds() {
    // SAFETY: the C library and libm are loaded already.
    let [libc, libm] = [C_LIBRARY, MATH_LIBRARY].map(|name| unsafe { Library::open(name) }.unwrap());
    if !support::system::SYMBOLS_HAVE_KINDS {
        assert_eq!(libc.find("puts").unwrap().kind, None);
        return;
    }
    let process = Library::process();
    let others = [&libm, &process].into_iter().filter(|_| support::system::KINDS_BY_ANY_LIBRARY);
    for library in [&libc].into_iter().chain(others) {
        let kind = |symbol| library.find(symbol).unwrap().kind;
        // `strlen` is chosen among several by the CPU, on most machines.
        for function in ["puts", "strlen", "getpid", "memcpy"] {
            assert_eq!(kind(function), Some(SymbolKind::Function), "{function} by {library:?}");
            assert_eq!(library.function_symbol(function), library.symbol(function));
        }
        let environ = library.find("environ").unwrap();
        assert_eq!(
            (environ.kind, environ.bytes),
            (Some(SymbolKind::Data), Some(size_of::<usize>() as u64)),
            "by {library:?}"
        );
        let refused = SymbolError::NotFunction { symbol: "environ".into() };
        assert_eq!(library.function_symbol("environ"), Err(refused));
    }
    if cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        for version in ["GLIBC_2.2.5", "GLIBC_2.14"] {
            let memcpy = libc.find_versioned("memcpy", version).unwrap();
            assert_eq!(memcpy.kind, Some(SymbolKind::Function), "{version}");
        }
        let environ = libc.find_versioned("environ", "GLIBC_2.2.5").unwrap();
        assert_eq!(environ.kind, Some(SymbolKind::Data));
    }
}

/// What has no type in its table may be anything.
#[test]
fn a_symbol_without_a_type_may_be_a_function() {
    let source =
        "__asm__(\".globl untyped; untyped:\"); int typed(void) { return 3; } _Thread_local int own;";
    let file = support::compile(source, "kinds");
    // SAFETY: the library has neither initialisers nor finalisers.
    let library = unsafe { Library::open(&file) }.unwrap();
    assert_eq!(library.find("untyped").unwrap().kind, None);
    assert!(library.function_symbol("untyped").is_ok());
    assert_eq!(library.find("own").unwrap().kind, Some(SymbolKind::ThreadLocal));
    assert!(matches!(library.function_symbol("own"), Err(SymbolError::NotFunction { .. })));
    let error = Engine::new().function(&library, "int own(void)").unwrap_err();
    assert_eq!(error.to_string(), "own is a variable in its library, and no function");
    support::system::remove_loaded(file);
}

#[test]
fn libraries_are_loaded_by_flags() {
    let source = "int springboard_everyday_global(void) { return 5; }";
    let name = "springboard_everyday_global";
    let file = support::compile(source, "flags");
    // SAFETY: the library has neither initialisers nor finalisers.
    let open = |flags| unsafe { Library::open_with(&file, flags) };
    let not_loaded = open(Flags::NOLOAD | Flags::NOW).unwrap_err();
    assert!(matches!(not_loaded, LibraryError::Load { .. }), "{not_loaded:?}");

    let local = open(Flags::LAZY | Flags::LOCAL).unwrap();
    let found = Library::process().optional(name).unwrap();
    assert_eq!(found.is_none(), support::system::LIBRARIES_KEEP_SYMBOLS);
    let global = open(Flags::NOW | Flags::GLOBAL).unwrap();
    assert!(Library::process().optional(name).unwrap().is_some());
    drop((local, global));
    let left = Library::process().optional(name).unwrap();
    assert_eq!(left.is_none(), support::system::LIBRARIES_UNLOAD, "it was unloaded with its last handle");

    let kept = open(Flags::NOW | Flags::GLOBAL | Flags::NODELETE).unwrap();
    drop(kept);
    assert!(open(Flags::NOLOAD | Flags::NOW).is_ok(), "it is never unloaded");
    support::system::remove_loaded(file);
}

#[test]
fn functions_in_memory_are_called_by_address() {
    for engine in engines() {
        let animal = function(&engine, "animal");
        let legs = engine.indirect("int (*)(void *self, int more)").unwrap();
        let weight = engine.indirect("double (*)(void *self, double each)").unwrap();
        for (which, expected) in [(0, 7), (1, 15)] {
            // SAFETY: the fixture's animals have tables of these functions, and live as long as it.
            unsafe {
                let Ok(Value::Pointer(this)) = animal.call(&[which.into()]) else { panic!("no animal") };
                // Its table, which comes first, has two functions.
                let [legs_of, weight_of] = **this.cast::<*const [NonNull<c_void>; 2]>();
                let got = legs.call(legs_of, &[this.into(), 3.into()]);
                assert_eq!(got, Ok(expected.into()), "{}", legs.path());
                let slots = legs.slots::<i32>().unwrap();
                assert_eq!(slots.count(), 2);
                assert_eq!(slots.call(legs_of, &[this.into_slot(), 3i32.into_slot()]), expected);
                let heavy = weight.call(weight_of, &[this.into(), 0.5.into()]);
                assert_eq!(heavy, Ok([2.0, 3.0][which as usize].into()), "{}", weight.path());
            }
        }
    }
}

#[test]
fn one_stub_serves_functions_at_any_address() {
    let engine = Engine::new();
    let _first = engine.indirect("int (*)(void *, int)").unwrap();
    let compiled = engine.stats().compiles;
    let _second = engine.indirect("long (*)(long, char *)").unwrap();
    assert_eq!(engine.stats().compiles, compiled);
}
