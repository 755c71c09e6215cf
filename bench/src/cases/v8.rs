//! Calls as V8's fast API makes them: of stubs, beside the code that one would write by hand for the same function.

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
};

use springboard::{Engine, Library as Native, ir::Prototype};
use springboard_js::v8::{Function, Guard, Host, Library, Narrow, Settings};

use super::{leak, pointer};
use crate::{
    case::{Bench, Case, DIRECT, Group, Runner, repeat},
    native,
};

pub(super) static CASES: [Case; 4] = [
    case("v8_noop", noop),
    case("v8_add_i32", add_i32),
    case("v8_mix", mix),
    case("v8_sum_buffer", sum_buffer),
];

const fn case(name: &'static str, runners: fn(&Bench) -> Vec<Runner>) -> Case {
    Case { group: Group::V8, name, runners }
}

/// What V8 passes as `this`.
const RECEIVER: *const c_void = ptr::without_provenance(0x1000);

/// The helper of a library that nobody closes.
unsafe extern "C" fn closed(_: *mut c_void, _: *mut c_void) {}

/// What the cases pass as a buffer is the address of its memory.
unsafe extern "C" fn buffer(value: *const c_void, _: *mut c_void, _: u32) -> usize {
    value.addr()
}

/// A library for V8, with helpers that nobody needs.
pub(crate) fn library(engine: &Engine, native: &Native) -> Library {
    let host = Host { closed: Some(closed), range: None, buffer: Some(buffer), ..Host::default() };
    Library::new(engine, native, host)
}

/// The code of a function, with this guard.
fn stub(bench: &Bench, declaration: &str, guard: Guard, buffers: Vec<u16>) -> NonNull<c_void> {
    let library = library(&bench.engine, &bench.library);
    let settings = Settings { guard, buffers, narrow: Narrow::Trust, ..Settings::default() };
    let prototype = Prototype::parse(declaration).expect("a case is C");
    let function: &Function = leak(library.function(prototype, &settings).expect("a case can be bound"));
    function.fast().expect("there is code").address()
}

/// Instructions that move the arguments of a call, in front of a jump to the function at `target`: what one writes who
/// needs nothing else.
#[cfg(target_arch = "x86_64")]
fn by_hand(moves: &[u8], target: NonNull<c_void>) -> Option<NonNull<c_void>> {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

    // movabs r11, target; jmp r11
    let jump = [&[0x49, 0xbb][..], &target.addr().get().to_le_bytes(), &[0x41, 0xff, 0xe3]].concat();
    let code = [moves, &jump].concat();
    // SAFETY: new memory, which stays for as long as the program runs.
    let page = unsafe {
        mmap_anonymous(ptr::null_mut(), code.len(), ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
    };
    let page = page.expect("there is memory");
    // SAFETY: the mapping is at least as large, and nobody else's.
    unsafe { page.cast::<u8>().copy_from_nonoverlapping(code.as_ptr(), code.len()) };
    // SAFETY: nothing is written to it any more.
    unsafe { mprotect(page, code.len(), MprotectFlags::READ | MprotectFlags::EXEC) }
        .expect("code may be made");
    NonNull::new(page)
}

/// Nobody has written any for this CPU.
#[cfg(not(target_arch = "x86_64"))]
fn by_hand(_: &[u8], _: NonNull<c_void>) -> Option<NonNull<c_void>> {
    None
}

/// The runners of a case: of each address, if there is one, by the same loop.
fn runners(
    direct: Runner,
    hand: Option<NonNull<c_void>>,
    [stub, guarded]: [NonNull<c_void>; 2],
    by: impl Fn(&'static str, NonNull<c_void>) -> Runner,
) -> Vec<Runner> {
    let hand = hand.map(|code| by("hand", code));
    [direct].into_iter().chain(hand).chain([by("stub", stub), by("guarded", guarded)]).collect()
}

fn stubs(bench: &Bench, declaration: &str, buffers: &[u16]) -> [NonNull<c_void>; 2] {
    [Guard::None, Guard::Closed].map(|guard| stub(bench, declaration, guard, buffers.into()))
}

fn noop(bench: &Bench) -> Vec<Runner> {
    let address = native::address(&bench.library, "noop");
    // SAFETY: the type is that of the C function.
    let direct = unsafe { pointer::<unsafe extern "C" fn()>(address) };
    // SAFETY: it does nothing.
    let direct = Runner::new(DIRECT, move |calls| repeat::<()>(calls, move |_, ()| unsafe { direct() }));
    runners(direct, by_hand(&[], address), stubs(bench, "void noop(void)", &[]), |path, code| {
        // SAFETY: the type is that of the function, after a receiver.
        let code = unsafe { pointer::<unsafe extern "C" fn(*const c_void)>(code) };
        // SAFETY: it does nothing.
        Runner::new(path, move |calls| repeat::<()>(calls, move |_, ()| unsafe { code(RECEIVER) }))
    })
}

fn add_i32(bench: &Bench) -> Vec<Runner> {
    type Direct = unsafe extern "C" fn(i32, i32) -> i32;
    type Code = unsafe extern "C" fn(*const c_void, i32, i32) -> i32;
    let address = native::address(&bench.library, "add_i32");
    // SAFETY: the type is that of the C function.
    let direct = unsafe { pointer::<Direct>(address) };
    let direct = Runner::new(DIRECT, move |calls| {
        // SAFETY: it takes any numbers.
        repeat::<i32>(calls, move |index, _| unsafe { direct(index as i32, 7) })
    });
    // mov rdi, rsi; mov rsi, rdx
    let hand = by_hand(&[0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6], address);
    runners(direct, hand, stubs(bench, "int add_i32(int, int)", &[]), |path, code| {
        // SAFETY: the type is that of the function, after a receiver.
        let code = unsafe { pointer::<Code>(code) };
        Runner::new(path, move |calls| {
            // SAFETY: it takes any numbers.
            repeat::<i32>(calls, move |index, _| unsafe { code(RECEIVER, index as i32, 7) })
        })
    })
}

fn mix(bench: &Bench) -> Vec<Runner> {
    type Direct = unsafe extern "C" fn(i32, f64, i64, f32) -> f64;
    type Code = unsafe extern "C" fn(*const c_void, i32, f64, i64, f32) -> f64;
    let address = native::address(&bench.library, "mix");
    // SAFETY: the type is that of the C function.
    let direct = unsafe { pointer::<Direct>(address) };
    let direct = Runner::new(DIRECT, move |calls| {
        // SAFETY: it takes any numbers.
        repeat::<f64>(calls, move |index, _| unsafe { direct(index as i32, 2.5, 3, 4.5) })
    });
    // mov rdi, rsi; mov rsi, rdx
    let hand = by_hand(&[0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6], address);
    runners(direct, hand, stubs(bench, "double mix(int, double, long, float)", &[]), |path, code| {
        // SAFETY: the type is that of the function, after a receiver.
        let code = unsafe { pointer::<Code>(code) };
        Runner::new(path, move |calls| {
            // SAFETY: it takes any numbers.
            repeat::<f64>(calls, move |index, _| unsafe { code(RECEIVER, index as i32, 2.5, 3, 4.5) })
        })
    })
}

fn sum_buffer(bench: &Bench) -> Vec<Runner> {
    type Direct = unsafe extern "C" fn(*const u8, usize) -> u64;
    type Code = unsafe extern "C" fn(*const c_void, *const u8, usize, *mut c_void) -> u64;
    static BUFFER: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
    let address = native::address(&bench.library, "sum_buffer");
    // SAFETY: the type is that of the C function.
    let direct = unsafe { pointer::<Direct>(address) };
    let direct = Runner::new(DIRECT, move |calls| {
        // SAFETY: there are as many bytes.
        repeat::<u64>(calls, move |_, _| unsafe { direct(BUFFER.as_ptr(), BUFFER.len()) })
    });
    let stubs = stubs(bench, "unsigned long sum_buffer(const unsigned char *, unsigned long)", &[0]);
    runners(direct, None, stubs, |path, code| {
        // SAFETY: the type is that of the function, after a receiver and before the options.
        let code = unsafe { pointer::<Code>(code) };
        let call = move |_, _| {
            // SAFETY: there are as many bytes, and the helper takes the value for their address.
            unsafe { code(RECEIVER, BUFFER.as_ptr(), BUFFER.len(), ptr::null_mut()) }
        };
        Runner::new(path, move |calls| repeat::<u64>(calls, call))
    })
}
