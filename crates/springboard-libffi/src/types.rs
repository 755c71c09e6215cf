//! libffi's structures, as its header lays them out.

use std::ffi::c_void;

use crate::machine::MACHINE;

/// `ffi_type`: 24 bytes.
#[repr(C)]
pub(crate) struct Type {
    /// In bytes; 0 in an aggregate that was not laid out yet.
    pub(crate) size: usize,
    pub(crate) alignment: u16,
    /// One of the constants in [`code`].
    pub(crate) code: u16,
    /// Of an aggregate, a vector or a complex type: pointers to the types of its members, and a null pointer.
    pub(crate) elements: *mut *mut Type,
}

/// What `ffi_type.type` says: libffi's `FFI_TYPE_*`.
pub(crate) mod code {
    pub(crate) const VOID: u16 = 0;
    pub(crate) const INT: u16 = 1;
    pub(crate) const FLOAT: u16 = 2;
    pub(crate) const DOUBLE: u16 = 3;
    pub(crate) const LONG_DOUBLE: u16 = 4;
    pub(crate) const UINT8: u16 = 5;
    pub(crate) const SINT8: u16 = 6;
    pub(crate) const UINT16: u16 = 7;
    pub(crate) const SINT16: u16 = 8;
    pub(crate) const UINT32: u16 = 9;
    pub(crate) const SINT32: u16 = 10;
    pub(crate) const UINT64: u16 = 11;
    pub(crate) const SINT64: u16 = 12;
    pub(crate) const STRUCT: u16 = 13;
    pub(crate) const POINTER: u16 = 14;
    pub(crate) const COMPLEX: u16 = 15;
    pub(crate) const UINT128: u16 = 16;
    pub(crate) const SINT128: u16 = 17;
    pub(crate) const VECTOR: u16 = 18;
}

/// `ffi_cif`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Cif {
    pub(crate) abi: u32,
    pub(crate) nargs: u32,
    pub(crate) arg_types: *mut *mut Type,
    pub(crate) rtype: *mut Type,
    /// Of a cif with a plan: the check of its shape ([`crate::table`]).
    pub(crate) bytes: u32,
    /// Of a cif with a plan: the number of its shape, and a mark.
    pub(crate) flags: u32,
    /// On RISC-V: how many arguments are declared, and nothing.
    pub(crate) more: [u32; MACHINE.cif_words],
}

impl Cif {
    /// How many arguments are declared, as far as that matters here.
    pub(crate) fn declared(&self) -> u32 {
        self.more.first().copied().unwrap_or(self.nargs)
    }

    /// The fields after those that every CPU has.
    pub(crate) fn more(declared: u32) -> [u32; MACHINE.cif_words] {
        let mut more = [0; MACHINE.cif_words];
        more.iter_mut().take(1).for_each(|first| *first = declared);
        more
    }
}

/// `ffi_status`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Ok = 0,
    BadTypedef = 1,
    BadAbi = 2,
    BadArgtype = 3,
}

/// A native function of any type.
pub(crate) type Code = unsafe extern "C-unwind" fn();

/// A stub of the `avalue` entry.
pub(crate) type Stub = unsafe extern "C-unwind" fn(Code, *mut c_void, *mut *mut c_void);

/// What a closure calls.
pub(crate) type ClosureFunction =
    unsafe extern "C-unwind" fn(*mut Cif, *mut c_void, *mut *mut c_void, *mut c_void);

/// Offset in a closure of the address to which its code jumps.
pub(crate) const DESTINATION: usize = MACHINE.trampoline - 8;

/// `ffi_closure`. Stubs of closures know the offsets (`Entry::Closure`).
#[repr(C, align(8))]
pub(crate) struct Closure {
    pub(crate) trampoline: [u8; MACHINE.trampoline],
    pub(crate) cif: *mut Cif,
    pub(crate) function: Option<ClosureFunction>,
    pub(crate) user_data: *mut c_void,
}

/// `ffi_go_closure`.
#[repr(C)]
pub(crate) struct GoClosure {
    pub(crate) entry: *const c_void,
    pub(crate) cif: *mut Cif,
    pub(crate) function: Option<ClosureFunction>,
}

/// `ffi_raw`, and `ffi_java_raw`: a word.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union Raw {
    pub(crate) word: u64,
    pub(crate) pointer: *mut c_void,
}

/// What a raw closure calls.
pub(crate) type RawFunction = unsafe extern "C-unwind" fn(*mut Cif, *mut c_void, *mut Raw, *mut c_void);

/// `ffi_raw_closure` and `ffi_java_raw_closure`: an `ffi_closure`, then what its function calls in turn.
#[repr(C)]
pub(crate) struct RawClosure {
    pub(crate) closure: Closure,
    pub(crate) function: Option<RawFunction>,
    pub(crate) user_data: *mut c_void,
}

const _: () = {
    assert!(size_of::<Type>() == 24);
    assert!(size_of::<Cif>() == 32 + 4 * MACHINE.cif_words);
    assert!(size_of::<Closure>() == MACHINE.trampoline + 24);
    assert!(size_of::<RawClosure>() == MACHINE.trampoline + 40);
};
