//! Global variables: read, written, and checked against what their library says of them.

use springboard::{Engine, Library, Value, ir::Type, library::SymbolError};
use springboard_everyday::{
    memory::{self, MemoryError},
    variable::{Variable, VariableError},
};

use super::{function, library};

#[test]
fn variables_are_read_and_written() {
    let engine = Engine::new();
    let int = Type::parse("int").unwrap();
    let counter = Variable::new(&engine, &library(), "counter", &int).unwrap();
    let read_counter = function(&engine, "read_counter");
    // SAFETY: the variable is an `int`, and no other test of this program uses it.
    unsafe {
        assert_eq!(counter.read(), Value::Signed(41));
        counter.write(&42.into()).unwrap();
        assert_eq!(read_counter.call(&[]), Ok(42.into()));
        assert_eq!(counter.view().get::<i32>(), Ok(42));
        let error = counter.write(&(1i64 << 40).into()).unwrap_err();
        assert!(matches!(error, MemoryError::Value(_)), "{error:?}");
        assert_eq!(counter.read(), Value::Signed(42));
    }
    let text =
        Variable::new(&engine, &library(), "version_text", &Type::parse("const char *").unwrap()).unwrap();
    // SAFETY: the variable points to a C string.
    let Value::Pointer(address) = (unsafe { text.read() }) else { panic!("{text:?}") };
    // SAFETY: the library's text ends with a zero byte, and is never freed.
    assert_eq!(unsafe { memory::text_at(address, 100) }.as_deref(), Ok("1.2.3"));
}

#[test]
fn variables_are_what_the_library_says() {
    let engine = Engine::new();
    let find =
        |symbol, ty: &str| Variable::new(&engine, &library(), symbol, &Type::parse(ty).unwrap()).unwrap_err();
    let long = Type::parse("long").unwrap();
    let size = VariableError::Size { symbol: "counter".into(), ty: long, size: 8, has: 4 };
    assert_eq!(find("counter", "long"), size);
    assert_eq!(size.to_string(), "counter has 4 bytes in its library, and long has 8");
    assert_eq!(find("fails", "int"), VariableError::Function { symbol: "fails".into() });
    // By name, also where the loader chooses the function among several.
    for function in ["puts", "strlen"] {
        let int = Type::parse("int").unwrap();
        let error = Variable::new(&engine, &Library::process(), function, &int).unwrap_err();
        assert_eq!(error, VariableError::Function { symbol: function.into() });
    }
    if cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        let int = Type::parse("int").unwrap();
        // SAFETY: the C library is loaded already.
        let libc = unsafe { Library::open("libc.so.6") }.unwrap();
        let old = Variable::versioned(&engine, &libc, "memcpy", "GLIBC_2.2.5", &int).unwrap_err();
        assert_eq!(old, VariableError::Function { symbol: "memcpy".into() });
        assert!(Variable::versioned(&engine, &libc, "environ", "GLIBC_2.2.5", &int).is_ok());
    }
    assert!(matches!(find("no_such_variable", "int"), VariableError::Symbol(SymbolError::Missing { .. })));
    assert!(matches!(find("counter", "void"), VariableError::Memory(MemoryError::Layout { .. })));
}
