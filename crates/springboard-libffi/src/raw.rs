//! The raw API: arguments in one array of words. And the same as Java packs parameters.

use std::{ffi::c_void, mem::offset_of, ptr};

use crate::{
    call::ffi_call,
    closure::ffi_prep_closure_loc,
    types::{Cif, Closure, ClosureFunction, Code, Raw, RawClosure, RawFunction, Status, Type, code},
    words::with_words,
};

/// How arguments are packed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    /// Each in as many words as its size takes; aggregates by their address.
    Words,
    /// One of eight bytes takes two words, any other one, and a narrow integer is one of four bytes. Java has no
    /// aggregates: libffi ends the process.
    Java,
}

/// Where an argument is.
enum Packed {
    /// So many bytes after the beginning of so many words.
    Value { words: usize, at: usize },
    /// At the address in one word.
    Address,
}

impl Packing {
    fn of(self, ty: &Type) -> Packed {
        // The last bytes of an integer are its low ones.
        let low = |integer: usize| if cfg!(target_endian = "big") { integer - ty.size } else { 0 };
        match (self, ty.code) {
            (Packing::Words, code::STRUCT | code::VECTOR | code::COMPLEX) => Packed::Address,
            (Packing::Java, code::STRUCT | code::VECTOR | code::COMPLEX) => std::process::abort(),
            (Packing::Words, code::UINT8..=code::SINT32) => Packed::Value { words: 1, at: low(8) },
            (Packing::Java, code::UINT8..=code::SINT32) => Packed::Value { words: 1, at: low(4) },
            (Packing::Java, code::UINT64 | code::SINT64 | code::DOUBLE) => Packed::Value { words: 2, at: 0 },
            (Packing::Java, _) => Packed::Value { words: 1, at: 0 },
            (Packing::Words, _) => Packed::Value { words: ty.size.div_ceil(8), at: 0 },
        }
    }

    /// Bytes of the array of a cif.
    ///
    /// # Safety
    /// The cif is prepared, and its types are there.
    unsafe fn size(self, cif: *const Cif) -> usize {
        let words = |ty: &Type| match self.of(ty) {
            Packed::Value { words, .. } => words * 8,
            Packed::Address => 8,
        };
        // SAFETY: the caller vouches for the cif.
        unsafe { types(cif) }.map(words).sum()
    }

    /// Writes to `args` where each argument is.
    ///
    /// # Safety
    /// The cif is prepared, and the arrays are its.
    unsafe fn unpack(self, cif: *const Cif, mut raw: *mut Raw, args: *mut *mut c_void) {
        // SAFETY: the caller vouches for the cif.
        for (index, ty) in unsafe { types(cif) }.enumerate() {
            // SAFETY: the caller vouches that both arrays have room for the cif's arguments, of which this is one.
            unsafe {
                match self.of(ty) {
                    Packed::Value { words, at } => {
                        *args.add(index) = raw.byte_add(at).cast();
                        raw = raw.add(words);
                    }
                    Packed::Address => {
                        *args.add(index) = (*raw).pointer;
                        raw = raw.add(1);
                    }
                }
            }
        }
    }

    /// Writes the arguments to `raw`, integers narrower than a word extended.
    ///
    /// # Safety
    /// The cif is prepared, and the arrays are its.
    unsafe fn pack(self, cif: *const Cif, args: *mut *mut c_void, mut raw: *mut Raw) {
        // SAFETY: the caller vouches for the cif.
        for (index, ty) in unsafe { types(cif) }.enumerate() {
            // SAFETY: the caller vouches that both arrays have room for the cif's arguments, of which this is one.
            unsafe {
                let argument = *args.add(index);
                let words = match self.of(ty) {
                    Packed::Address => {
                        *raw = Raw { pointer: argument };
                        1
                    }
                    Packed::Value { words, .. } => {
                        match (extended(ty, argument), self) {
                            (Some(word), Packing::Words) => *raw = Raw { word },
                            (Some(word), Packing::Java) => raw.cast::<u32>().write(word as u32),
                            (None, _) => ptr::copy_nonoverlapping(
                                argument.cast::<u8>(),
                                raw.cast(),
                                ty.size.min(words * 8),
                            ),
                        }
                        words
                    }
                };
                raw = raw.add(words);
            }
        }
    }

    /// Calls with the arguments in `raw`.
    ///
    /// # Safety
    /// As `ffi_call`.
    unsafe fn call(self, cif: *mut Cif, function: Code, rvalue: *mut c_void, raw: *mut Raw) {
        // SAFETY: the caller vouches that the cif is prepared and `raw` has its words; `args` has room for `nargs`.
        with_words(unsafe { (*cif).nargs } as usize, |args| unsafe {
            self.unpack(cif, raw, args.cast());
            ffi_call(cif, function, rvalue, args.cast());
        });
    }

    /// Calls the function of a raw closure.
    ///
    /// # Safety
    /// The closure is a raw closure, prepared, and the rest is what a closure's function is called with.
    unsafe fn call_back(
        self,
        cif: *mut Cif,
        result: *mut c_void,
        avalue: *mut *mut c_void,
        closure: *mut c_void,
    ) {
        // SAFETY: the caller vouches that this is the address of a prepared raw closure.
        let RawClosure { function, user_data, .. } = unsafe { &*closure.cast::<RawClosure>() };
        // SAFETY: the program gave the function for this cif; result and words are those of a call by it.
        with_words(unsafe { self.size(cif) } / 8, |raw| unsafe {
            self.pack(cif, avalue, raw);
            if let Some(function) = function {
                function(cif, result, raw, *user_data);
            }
        });
    }
}

/// The types of a cif's arguments.
///
/// # Safety
/// The cif is prepared, and its types are there.
pub(crate) unsafe fn types<'a>(cif: *const Cif) -> impl Iterator<Item = &'a Type> {
    // SAFETY: the caller vouches that the cif is prepared, so it can be read.
    let Cif { nargs, arg_types, .. } = unsafe { *cif };
    // SAFETY: a prepared cif has `nargs` addresses of types, and the caller vouches that they are there.
    (0..nargs as usize).map(move |index| unsafe { &**arg_types.add(index) })
}

/// An integer of at most four bytes as a whole word. `None` for any other type.
///
/// # Safety
/// The argument is of that type.
unsafe fn extended(ty: &Type, argument: *const c_void) -> Option<u64> {
    // SAFETY: the caller vouches that the argument has this type; reads are unaligned, so any address will do.
    unsafe {
        Some(match ty.code {
            code::UINT8 => argument.cast::<u8>().read_unaligned().into(),
            code::SINT8 => i64::from(argument.cast::<i8>().read_unaligned()) as u64,
            code::UINT16 => argument.cast::<u16>().read_unaligned().into(),
            code::SINT16 => i64::from(argument.cast::<i16>().read_unaligned()) as u64,
            code::UINT32 => argument.cast::<u32>().read_unaligned().into(),
            code::SINT32 => i64::from(argument.cast::<i32>().read_unaligned()) as u64,
            _ => return None,
        })
    }
}

/// Prepares a closure that calls `translate`, which finds the function and its data in the closure at `code`.
///
/// # Safety
/// As `ffi_prep_closure_loc`.
unsafe fn prepare(
    closure: *mut RawClosure,
    cif: *mut Cif,
    (function, user_data): (Option<RawFunction>, *mut c_void),
    code: *mut c_void,
    translate: ClosureFunction,
) -> Status {
    const { assert!(offset_of!(RawClosure, closure) == 0) };
    // The memory that is written: where it executes need not be readable as data.
    // SAFETY: the program vouches for closure, cif and code; `translate` is handed the raw closure that it expects.
    let status =
        unsafe { ffi_prep_closure_loc(closure.cast::<Closure>(), cif, translate, closure.cast(), code) };
    if status == Status::Ok {
        // SAFETY: the program vouches that the closure is writable; nothing calls it before this returns.
        unsafe { ((*closure).function, (*closure).user_data) = (function, user_data) };
    }
    status
}

/// The functions that libffi exports, for each way of packing.
macro_rules! exports {
    ($($packing:ident: $size:ident $unpack:ident $pack:ident $call:ident $loc:ident $prep:ident;)*) => {$(
        /// Bytes of the array of a cif.
        ///
        /// # Safety
        /// As libffi has it: the cif is prepared.
        #[unsafe(export_name = concat!("springboard_libffi_", stringify!($size)))]
        pub(crate) unsafe extern "C" fn $size(cif: *mut Cif) -> usize {
            // SAFETY: the program vouches, as libffi asks it to, that the cif is prepared and its types are there.
            unsafe { Packing::$packing.size(cif) }
        }

        /// Writes to `args` where each argument is.
        ///
        /// # Safety
        /// As libffi has it: the cif is prepared, and the arrays are its.
        #[unsafe(export_name = concat!("springboard_libffi_", stringify!($unpack)))]
        pub(crate) unsafe extern "C" fn $unpack(cif: *mut Cif, raw: *mut Raw, args: *mut *mut c_void) {
            // SAFETY: the program's promise is what this asks.
            unsafe { Packing::$packing.unpack(cif, raw, args) }
        }

        /// Writes the arguments to `raw`.
        ///
        /// # Safety
        /// As libffi has it: the cif is prepared, and the arrays are its.
        #[unsafe(export_name = concat!("springboard_libffi_", stringify!($pack)))]
        pub(crate) unsafe extern "C" fn $pack(cif: *mut Cif, args: *mut *mut c_void, raw: *mut Raw) {
            // SAFETY: the program's promise is what this asks.
            unsafe { Packing::$packing.pack(cif, args, raw) }
        }

        /// Calls with the arguments in `raw`.
        ///
        /// # Safety
        /// As `ffi_call`.
        #[unsafe(export_name = concat!("springboard_libffi_", stringify!($call)))]
        pub(crate) unsafe extern "C-unwind" fn $call(
            cif: *mut Cif,
            function: Code,
            rvalue: *mut c_void,
            raw: *mut Raw,
        ) {
            // SAFETY: the program's promise is what this asks.
            unsafe { Packing::$packing.call(cif, function, rvalue, raw) }
        }

        /// As `ffi_prep_closure_loc`, for a function that is handed words.
        ///
        /// # Safety
        /// As `ffi_prep_closure_loc`.
        #[unsafe(export_name = concat!("springboard_libffi_", stringify!($loc)))]
        pub(crate) unsafe extern "C" fn $loc(
            closure: *mut RawClosure,
            cif: *mut Cif,
            function: Option<RawFunction>,
            user_data: *mut c_void,
            code: *mut c_void,
        ) -> Status {
            unsafe extern "C-unwind" fn translate(
                cif: *mut Cif,
                result: *mut c_void,
                avalue: *mut *mut c_void,
                closure: *mut c_void,
            ) {
                // SAFETY: `prepare` gave the closure itself as user data; the rest is libffi's promise to it.
                unsafe { Packing::$packing.call_back(cif, result, avalue, closure) }
            }
            // SAFETY: the program vouches for closure, cif and code, as `prepare` asks.
            unsafe { prepare(closure, cif, (function, user_data), code, translate) }
        }

        /// The same in memory that is writable and executable at one address.
        ///
        /// # Safety
        /// As `ffi_prep_closure_loc`.
        #[unsafe(export_name = concat!("springboard_libffi_", stringify!($prep)))]
        pub(crate) unsafe extern "C" fn $prep(
            closure: *mut RawClosure,
            cif: *mut Cif,
            function: Option<RawFunction>,
            user_data: *mut c_void,
        ) -> Status {
            // SAFETY: the program vouches that the closure's memory is writable and executable, and for the cif.
            unsafe { $loc(closure, cif, function, user_data, closure.cast()) }
        }
    )*};
}

exports! {
    Words: ffi_raw_size ffi_raw_to_ptrarray ffi_ptrarray_to_raw ffi_raw_call
        ffi_prep_raw_closure_loc ffi_prep_raw_closure;
    Java: ffi_java_raw_size ffi_java_raw_to_ptrarray ffi_java_ptrarray_to_raw ffi_java_raw_call
        ffi_prep_java_raw_closure_loc ffi_prep_java_raw_closure;
}
