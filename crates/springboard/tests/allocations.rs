//! What calls with checked values allocate: nothing for scalars, and nothing for structures of up to 64 bytes.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    ffi::c_void,
    ptr::NonNull,
};

use springboard::{Engine, Function, Jit, Path, Value};

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ASKED.with(|asked| asked.set(asked.get() + 1));
}

// SAFETY: everything is the system allocator's; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the contract is that of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count();
        // SAFETY: the contract is that of this function.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the contract is that of this function.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `run` asks the allocator for something, or gives something back.
fn asked<R>(run: impl FnOnce() -> R) -> (u64, R) {
    let before = ASKED.get();
    let result = run();
    (ASKED.get() - before, result)
}

/// Calls the function of that type at `address` through a stub and through libffi with what `arguments` gives, and wants
/// `result` and no allocation: not for the arguments, not for the call, and not for the result.
fn allocates_nothing<const N: usize>(
    declaration: &str,
    address: *const (),
    arguments: impl Fn() -> [Value; N],
    result: impl Into<Value>,
) {
    let result = result.into();
    for jit in [Jit::On, Jit::Off] {
        let Some(function) = bind(jit, declaration, address) else { continue };
        // The first call may make the thread one of the host's.
        for _ in 0..2 {
            // SAFETY: the function has this type, and may be called with any values.
            let (asked, fits) = asked(|| unsafe { function.call(&arguments()) }.as_ref() == Ok(&result));
            assert!(fits, "{declaration} ({})", function.path());
            assert_eq!(asked, 0, "{declaration} ({})", function.path());
        }
    }
}

/// Binds a function. `None` where libffi cannot call it.
fn bind(jit: Jit, declaration: &str, address: *const ()) -> Option<Function> {
    let engine = Engine::builder().jit(jit).build();
    let address = NonNull::new(address.cast_mut().cast::<c_void>()).expect("a function's address");
    let function = engine.function_at(address, declaration);
    match jit {
        Jit::Off => function.ok(),
        _ => {
            let function = function.expect("it can be compiled");
            assert!(!matches!(function.path(), Path::Libffi(_)), "{declaration}: {}", function.path());
            Some(function)
        }
    }
}

unsafe extern "C" fn nothing() {}

unsafe extern "C" fn difference(a: i32, b: i32) -> i32 {
    a - b
}

unsafe extern "C" fn mixed(a: u8, b: bool, c: f32, d: f64, e: *const u8, f: u64, g: i16, h: u32) -> f64 {
    f64::from(a)
        + f64::from(u8::from(b))
        + f64::from(c)
        + d
        + e.addr() as f64
        + f as f64
        + f64::from(g)
        + f64::from(h)
}

unsafe extern "C" fn negated(a: i128) -> i128 {
    -a
}

#[repr(C)]
struct Words<const N: usize>([u64; N]);

unsafe extern "C" fn turned<const N: usize>(mut words: Words<N>) -> Words<N> {
    words.0.reverse();
    words
}

/// The value of a structure of these words.
fn words<const N: usize>(words: [u64; N]) -> Value {
    Value::from(words.map(u64::to_ne_bytes).as_flattened())
}

#[test]
fn scalars() {
    allocates_nothing("void(void)", nothing as *const (), || [], Value::Void);
    allocates_nothing("int(int, int)", difference as *const (), || [7.into(), 9.into()], -2);
    let values = || {
        let pointer: *const u8 = std::ptr::without_provenance(5);
        [
            1u8.into(),
            true.into(),
            2f32.into(),
            3f64.into(),
            pointer.into(),
            4u64.into(),
            (-1i16).into(),
            6u32.into(),
        ]
    };
    let declaration = "double(unsigned char, _Bool, float, double, void *, unsigned long, short, unsigned)";
    allocates_nothing(declaration, mixed as *const (), values, 21f64);
    allocates_nothing("__int128(__int128)", negated as *const (), || [5i128.into()], -5i128);
}

#[test]
fn structures() {
    let structure = |words: usize| format!("struct w {{ unsigned long w[{words}]; }}; struct w(struct w)");
    let one = turned::<1> as *const ();
    allocates_nothing(&structure(1), one, || [words([1])], words([1]));
    let two = turned::<2> as *const ();
    allocates_nothing(&structure(2), two, || [words([1, 2])], words([2, 1]));
    let four = turned::<4> as *const ();
    allocates_nothing(&structure(4), four, || [words([1, 2, 3, 4])], words([4, 3, 2, 1]));
    let eight = turned::<8> as *const ();
    let results = words([8, 7, 6, 5, 4, 3, 2, 1]);
    allocates_nothing(&structure(8), eight, || [words([1, 2, 3, 4, 5, 6, 7, 8])], results);
}

#[test]
fn larger_structures_are_seen_to_allocate() {
    let declaration = "struct w { unsigned long w[9]; }; struct w(struct w)";
    let function = bind(Jit::On, declaration, turned::<9> as *const ()).expect("it can be compiled");
    // SAFETY: the function has this type.
    let (asked, result) = asked(|| unsafe { function.call(&[words([1, 2, 3, 4, 5, 6, 7, 8, 9])]) });
    assert_eq!(result, Ok(words([9, 8, 7, 6, 5, 4, 3, 2, 1])));
    assert!(asked > 0, "the allocator counts");
}
