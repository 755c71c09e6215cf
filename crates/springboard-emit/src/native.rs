//! The native call in Cranelift's terms.
//!
//! Cranelift assigns registers itself, from the list of parameter types of a signature; a plan says which registers
//! it wants. This file writes the list so that both agree. It knows how Cranelift deals out registers, and nothing
//! of C types. The tricks:
//!
//! * **Stack words.** Cranelift puts a word on the stack only when the registers of its class are used up, and a plan
//!   may have stack words while some are free. A downcall stores its stack words itself (`outgoing.rs`), and Cranelift
//!   sees arguments in registers alone. A word that is one load goes through a vector register: those that carry no
//!   arguments are free, and general ones are few. (Not on riscv64.)
//! * **Burning.** A register between two others may carry no argument. It is *burnt*: an argument too, whose value is
//!   whatever the stub found in the same register when it was entered, which takes no instruction. For that the stub
//!   declares argument registers as parameters that its caller never sets.
//! * **Arriving words.** Cranelift loads every parameter on the stack at the function's beginning, and where there are many
//!   it keeps them in registers that belong to the caller. An upcall has parameters in registers alone, and loads each
//!   stack word where it wants it ([`arrived`]); so does a stub of V8's that would keep registers otherwise.
//! * **Pass-through results.** A result that stays in place may be in the first general or the first vector
//!   register: the stub returns both, which costs no instruction.
//! * **Result pointer.** A register of its own for the address of a result is Cranelift's `StructReturn`; an
//!   ordinary argument register that holds it is an ordinary argument.
//! * **Landing.** What no Cranelift signature can express (`isa/x86_64/landing.rs`) needs the target in one more stack
//!   word, after all arguments, where the callee never looks.

use cranelift_codegen::{
    ir::{AbiParam, ArgumentPurpose, InstBuilder, Signature, Type, Value, types},
    isa::CallConv,
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, DowncallResult, Move, Place, Plan, ResultMove, UpcallResult};

use crate::{
    isa::Isa,
    words::{WORD, Words},
};

/// One argument of the native call.
#[derive(Clone, Copy)]
pub(crate) enum Argument<'a> {
    /// A word that moves make up, wanted as this type. There are no moves where no argument lies in a word of the stack.
    Word(Type, &'a [Move]),
    /// What the stub found in this register.
    Burnt(Register),
}

/// An argument register of the convention, by its index in its class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub(crate) enum Register {
    Gpr(usize),
    Vec(usize),
}

impl Register {
    /// The register that a place is in. `None` for the stack.
    pub(crate) fn of(place: Place) -> Option<Register> {
        match place {
            Place::Gpr { reg, .. } => Some(Register::Gpr(reg.into())),
            Place::Vec { reg, .. } => Some(Register::Vec(reg.into())),
            Place::Stack { .. } => None,
        }
    }
}

impl Argument<'_> {
    /// The type as which Cranelift sees it.
    pub(crate) fn ty(self) -> Type {
        match self {
            Argument::Word(ty, _) => ty,
            Argument::Burnt(Register::Vec(_)) => types::F64,
            Argument::Burnt(Register::Gpr(_)) => types::I64,
        }
    }
}

/// How Cranelift knows a convention.
pub(crate) fn call_conv(convention: Convention) -> CallConv {
    match convention {
        Convention::Sysv64 | Convention::Aapcs64 | Convention::Lp64d | Convention::S390x => CallConv::SystemV,
        Convention::Win64 => CallConv::WindowsFastcall,
        Convention::Apple64 => CallConv::AppleAarch64,
    }
}

/// The arguments of the native call that are in registers, in the order in which Cranelift must see them.
pub(crate) fn in_registers<'a>(plan: &Plan, words: &Words<'a>) -> Vec<Argument<'a>> {
    let word =
        |words: &[&'a [Move]], index: usize| words.get(index).copied().filter(|moves| !moves.is_empty());
    if plan.convention.registers().positional {
        let position = |index| match (word(&words.vecs, index), word(&words.gprs, index)) {
            (Some(moves), _) => Argument::Word(vector_type(moves), moves),
            (None, Some(moves)) => Argument::Word(types::I64, moves),
            (None, None) => Argument::Burnt(Register::Gpr(index)),
        };
        return (0..words.gprs.len().max(words.vecs.len())).map(position).collect();
    }
    let gprs = (0..words.gprs.len()).map(|index| match word(&words.gprs, index) {
        Some(moves) => Argument::Word(types::I64, moves),
        None => Argument::Burnt(Register::Gpr(index)),
    });
    let vecs = (0..words.vecs.len()).map(|index| match word(&words.vecs, index) {
        Some(moves) => Argument::Word(vector_type(moves), moves),
        None => Argument::Burnt(Register::Vec(index)),
    });
    let pointer = words.result_pointer.map(|moves| Argument::Word(types::I64, moves));
    pointer.into_iter().chain(gprs).chain(vecs).collect()
}

/// Where a stub is passed what code of `caller` passes it on the stack: an address, and the distance from there to the byte
/// at `offset` of the stack area.
pub(crate) fn arrived(builder: &mut FunctionBuilder<'_>, caller: Convention, offset: u32) -> (Value, i32) {
    let isa = Isa::with(caller);
    // The caller's frame pointer and the return address. A CPU without a frame pointer has the caller's stack pointer there.
    let below = if isa.frame.is_some() { 2 * WORD } else { 0 };
    let distance = below + (isa.reserved_at_calls)(caller) + offset;
    (builder.ins().get_frame_pointer(types::I64), distance as i32)
}

/// The type as which a vector register is loaded: as wide as the value in it.
fn vector_type(moves: &[Move]) -> Type {
    match moves {
        [step] => vector_type_of(step.bytes),
        _ => types::F64,
    }
}

/// The register type for a value of so many bytes in a vector register.
pub(crate) fn vector_type_of(bytes: u8) -> Type {
    match bytes {
        4 => types::F32,
        16 => types::I8X16,
        _ => types::F64,
    }
}

/// The signature of a C function of this convention.
pub(crate) fn function(convention: Convention, parameters: &[Type], results: &[Type]) -> Signature {
    let mut signature = Signature::new(call_conv(convention));
    signature.params = parameters.iter().copied().map(AbiParam::new).collect();
    signature.returns = results.iter().copied().map(AbiParam::new).collect();
    signature
}

/// The Cranelift signature of the native call, with results of these types.
pub(crate) fn signature(plan: &Plan, arguments: &[Argument<'_>], results: &[Type]) -> Signature {
    let parameters: Vec<Type> = arguments.iter().map(|argument| argument.ty()).collect();
    let mut signature = function(plan.convention, &parameters, results);
    if own_result_pointer(plan) {
        signature.params[0].purpose = ArgumentPurpose::StructReturn;
        // Cranelift allows no results beside it.
        signature.returns.clear();
    }
    signature
}

/// Whether the result's address is passed in a register of its own.
fn own_result_pointer(plan: &Plan) -> bool {
    let index = plan.convention.registers().gpr_args.len();
    plan.moves.iter().any(|step| Register::of(step.place) == Some(Register::Gpr(index)))
}

/// The types of a result that stays in the register where the callee has left it, whichever that is.
pub(crate) const IN_PLACE: [Type; 2] = [types::I64, types::F64];

/// The types of the results of a native function that is called, general registers before vector registers.
pub(crate) fn downcall_results(plan: &Plan, result: &DowncallResult) -> Vec<Type> {
    if own_result_pointer(plan) {
        return Vec::new();
    }
    match result {
        DowncallResult::InPlace | DowncallResult::Extended { .. } => IN_PLACE.to_vec(),
        DowncallResult::FloatInPlace => vec![types::I64, types::F32],
        DowncallResult::Widened { .. } => vec![types::I64],
        DowncallResult::Memory { moves, .. } => result_registers(moves),
    }
}

/// The types of the results of a native function that the stub stands for, likewise.
pub(crate) fn upcall_results(plan: &Plan, result: &UpcallResult) -> Vec<Type> {
    if own_result_pointer(plan) {
        return Vec::new();
    }
    match result {
        UpcallResult::Nothing => Vec::new(),
        UpcallResult::Address { .. } => vec![types::I64],
        UpcallResult::Word(step) => vec![match step.place {
            Place::Vec { .. } => vector_type_of(step.bytes),
            Place::Gpr { .. } | Place::Stack { .. } => types::I64,
        }],
        UpcallResult::Memory { moves, .. } => result_registers(moves),
    }
}

/// The types of the result registers that these bytes lie in.
fn result_registers(moves: &[ResultMove]) -> Vec<Type> {
    let gprs = moves.iter().filter_map(|step| match step.place {
        Place::Gpr { reg, .. } => Some(usize::from(reg) + 1),
        _ => None,
    });
    let mut types = vec![types::I64; gprs.max().unwrap_or(0)];
    let mut vecs: Vec<Type> = Vec::new();
    for step in moves {
        if let Place::Vec { reg, .. } = step.place {
            vecs.resize((usize::from(reg) + 1).max(vecs.len()), types::F64);
            vecs[usize::from(reg)] = vector_type_of(step.bytes);
        }
    }
    types.extend(vecs);
    types
}
