//! Stubs for functions of libraries: machine code that takes Python's values apart by itself,
//! calls, and makes the result, and that leaves to the slow twin what it does not recognise.
//!
//! What is known here of the layout of CPython's objects is looked at when it is first needed, on objects made for it
//! ([`layout`]). What does not look as it is known is left to functions, so that a version that nobody tried is slower and
//! not wrong.

mod callees;
mod layout;

use std::{ffi::c_void, ptr::NonNull};

use pyo3::{ffi, prelude::*};
use springboard::{
    abi::{
        Fill,
        boxed::{
            Arguments, Around, BoxedCall, Boxing, Callable, Check, Count, HostAddress, Memory, Payload,
            Returns, Unbox,
        },
        plan_boxed,
    },
    emit::HoleKind,
    stamp::{Stamp, Stub},
};

use self::layout::Layout;
use super::entry;
use crate::{
    ctype::{CType, Form, FunctionType, Kind, Primitive},
    engine,
    function::{Errno, Function, Gil, Object},
};

/// How CPython calls C data: vectorcall (PEP 590).
const VECTORCALL: Callable = Callable {
    parameters: 4,
    arguments: Arguments::Array { array: 1, count: 2, count_mask: u64::MAX >> 1 },
    zero: Some(3),
};

/// How it calls built-in functions: `METH_FASTCALL`.
const FASTCALL: Callable = Callable {
    parameters: 3,
    arguments: Arguments::Array { array: 1, count: 2, count_mask: u64::MAX },
    zero: None,
};

/// The addresses that a description refers to, in the order of their numbers.
struct Addresses(Vec<*const c_void>);

impl Addresses {
    /// The number of an address. `None` where there are too many.
    fn number(&mut self, address: *const c_void) -> Option<HostAddress> {
        let index = self.0.iter().position(|known| *known == address).unwrap_or_else(|| {
            self.0.push(address);
            self.0.len() - 1
        });
        u8::try_from(index).ok().map(HostAddress)
    }
}

/// The stub for a function. `None` where it is left to the slow twin.
pub(super) fn stub(
    py: Python<'_>,
    function: &FunctionType,
    address: NonNull<c_void>,
    bound: &Function,
) -> Option<Stub> {
    if function.ellipsis {
        return None;
    }
    let layout = layout::known(py);
    let signature = super::signature(&function.arguments, None, &function.result)?.ok()?;
    let mut addresses = Addresses(Vec::new());
    let parameters = function.arguments.iter().map(|argument| unboxing(argument, layout, &mut addresses));
    let parameters = parameters.collect::<Option<Vec<_>>>()?;
    let functions = match (bound.gil, bound.errno) {
        (Gil::Released, Errno::Kept) => {
            Some((callees::release as *const c_void, callees::take as *const c_void))
        }
        (Gil::Kept, Errno::Kept) => Some((callees::enter as *const c_void, callees::leave as *const c_void)),
        (Gil::Released, Errno::Left) => {
            Some((ffi::PyEval_SaveThread as *const c_void, ffi::PyEval_RestoreThread as *const c_void))
        }
        (Gil::Kept, Errno::Left) => None,
    };
    let around = match functions {
        Some((before, after)) => {
            Some(Around { before: addresses.number(before)?, after: addresses.number(after)? })
        }
        None => None,
    };
    let result = boxing(&function.result, layout, &mut addresses)?;
    let (callable, slow) = match bound.object {
        Object::Data => (VECTORCALL, entry::slow as *const c_void),
        Object::Builtin => (FASTCALL, entry::slow_builtin as *const c_void),
    };
    let call = BoxedCall { signature, callable, parameters, around, result };
    let plan = engine().plan_with(|target| plan_boxed(&call, target)).ok()?;
    let stamp = Stamp::new(&plan)
        .hole(HoleKind::Target, address.as_ptr())
        .hole(HoleKind::Slow, slow)
        .host(&addresses.0);
    engine().stamp(stamp).ok()
}

fn class(class: *mut ffi::PyTypeObject) -> *const c_void {
    class.cast_const().cast()
}

/// The check that an object is of a class.
fn is(class: *const c_void, addresses: &mut Addresses) -> Option<Check> {
    Some(Check::Word { offset: layout::CLASS, equals: addresses.number(class)? })
}

/// What a function returns that unboxes. The word that means an error is a value too; a call with it is left to the slow
/// twin, which is as right.
const fn returns(fill: Fill) -> Returns {
    Returns::Word { fill, error: Some(callees::MISSED), occurred: None }
}

/// The ways to unbox an argument.
fn unboxing(ctype: &Py<CType>, layout: &Layout, addresses: &mut Addresses) -> Option<Vec<Unbox>> {
    let of = ctype.get();
    let object = ctype.as_ptr().cast_const().cast::<c_void>();
    let mut ways = Vec::new();
    // C data of the very type: its class and its type are words, and so is its address.
    let cdata = |addresses: &mut Addresses| {
        let checks = vec![
            is(layout.cdata, addresses)?,
            Check::Word { offset: layout.cdata_ctype, equals: addresses.number(object)? },
        ];
        let payload = Payload::Integer { offset: layout.cdata_address, bytes: 8, fill: Fill::Zero };
        Some(Unbox::Object { checks, payload })
    };
    if let Some(primitive) = of.primitive() {
        let digit = |addresses: &mut Addresses| {
            let payload = Payload::Digit { offset: layout::DIGIT, sign: layout.digit? };
            Some(Unbox::Object { checks: vec![is(class(&raw mut ffi::PyLong_Type), addresses)?], payload })
        };
        match primitive.form {
            Form::Signed | Form::Unsigned | Form::Bool => {
                ways.extend(digit(addresses));
                let (function, fill): (extern "C" fn(*mut ffi::PyObject) -> u64, _) = match primitive.form {
                    Form::Signed => (callees::signed, Fill::Sign),
                    _ => (callees::unsigned, Fill::Zero),
                };
                let function = addresses.number(function as *const c_void)?;
                ways.push(Unbox::Call { function, with: None, returns: returns(fill) });
            }
            Form::Float => {
                if layout.float {
                    ways.push(Unbox::Object {
                        checks: vec![is(class(&raw mut ffi::PyFloat_Type), addresses)?],
                        payload: Payload::Float { offset: layout::FLOAT, bytes: 8 },
                    });
                }
                ways.extend(digit(addresses));
                if ways.is_empty() {
                    return None;
                }
            }
            Form::Char => {
                let function =
                    addresses.number(callees::character as extern "C" fn(_) -> _ as *const c_void)?;
                ways.push(Unbox::Call { function, with: None, returns: returns(Fill::Sign) });
            }
            Form::Wide { .. } | Form::LongDouble | Form::Complex => return None,
        }
        return Some(ways);
    }
    match &of.kind {
        Kind::Pointer(item) => {
            let item = item.get();
            let takes_bytes = item.is_void()
                || item
                    .primitive()
                    .is_some_and(|primitive| primitive.is_byte() && primitive.form != Form::Bool);
            if takes_bytes && layout.bytes {
                ways.push(Unbox::Object {
                    checks: vec![is(class(&raw mut ffi::PyBytes_Type), addresses)?],
                    payload: Payload::Address { offset: layout::BYTES },
                });
            }
            ways.push(cdata(addresses)?);
            let function = addresses.number(callees::pointer as extern "C" fn(_, _) -> _ as *const c_void)?;
            ways.push(Unbox::Call {
                function,
                with: Some(addresses.number(object)?),
                returns: returns(Fill::Zero),
            });
        }
        Kind::Function(_) => {
            ways.push(cdata(addresses)?);
            let function = addresses.number(callees::pointer as extern "C" fn(_, _) -> _ as *const c_void)?;
            ways.push(Unbox::Call {
                function,
                with: Some(addresses.number(object)?),
                returns: returns(Fill::Zero),
            });
        }
        Kind::Aggregate(_) => ways.push(cdata(addresses)?),
        _ => return None,
    }
    Some(ways)
}

/// How the result becomes an object.
fn boxing(ctype: &Py<CType>, layout: &Layout, addresses: &mut Addresses) -> Option<Boxing> {
    let object = ctype.as_ptr().cast_const().cast::<c_void>();
    let call = |function: *const c_void, addresses: &mut Addresses| {
        Some(Boxing::Call { function: addresses.number(function)?, with: None })
    };
    let count = layout.counts_constants.then_some(Count { offset: 0, bytes: 8 });
    // SAFETY: the interpreter is attached.
    let constant =
        |object: unsafe fn() -> *mut ffi::PyObject| unsafe { object() }.cast_const().cast::<c_void>();
    Some(match &ctype.get().kind {
        Kind::Void => Boxing::Constant { object: addresses.number(constant(ffi::Py_None))?, count },
        Kind::Aggregate(_) => Boxing::Memory {
            allocate: addresses.number(callees::structure as extern "C" fn(_) -> _ as *const c_void)?,
            with: Some(addresses.number(object)?),
            memory: Memory::Behind { offset: layout.cdata_address },
        },
        Kind::Primitive(Primitive { form: Form::Signed, .. }) => {
            call(ffi::PyLong_FromLongLong as *const c_void, addresses)?
        }
        Kind::Primitive(Primitive { form: Form::Unsigned, .. }) => {
            call(ffi::PyLong_FromUnsignedLongLong as *const c_void, addresses)?
        }
        Kind::Primitive(Primitive { form: Form::Float, .. }) => {
            call(ffi::PyFloat_FromDouble as *const c_void, addresses)?
        }
        Kind::Primitive(Primitive { form: Form::Bool, .. }) => Boxing::Either {
            nonzero: addresses.number(constant(ffi::Py_True))?,
            zero: addresses.number(constant(ffi::Py_False))?,
            count,
        },
        Kind::Primitive(Primitive { form: Form::LongDouble | Form::Complex, .. }) | Kind::Array { .. } => {
            return None;
        }
        Kind::Primitive(_) | Kind::Enum(_) | Kind::Pointer(_) | Kind::Function(_) => Boxing::Call {
            function: addresses.number(callees::word as extern "C" fn(_, _) -> _ as *const c_void)?,
            with: Some(addresses.number(object)?),
        },
    })
}
