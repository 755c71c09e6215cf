//! The native call in Cranelift's terms.
//!
//! Cranelift assigns registers itself, from the list of parameter types of a signature; a plan says which registers
//! it wants. This file writes the list so that both agree. It knows how Cranelift deals out registers, and nothing
//! of C types. The tricks:
//!
//! * **Burning.** Cranelift puts a word on the stack only when the registers of its class are used up. Where a plan
//!   has stack words while registers are free, the free ones are *burnt*: they are arguments too, and their value is
//!   whatever the stub found in the same register when it was entered, which takes no instruction. For that the
//!   stub declares argument registers as parameters that its caller never sets.
//! * **Stack words.** Whatever C types overlap an 8-byte unit of the stack area, Cranelift sees one word. A word
//!   that is one load goes through a vector register: those that carry no arguments are all free and none is
//!   callee-saved, so that many stack words cost no spills. (Not on riscv64.)
//! * **Pass-through results.** A result that stays in place may be in the first general or the first vector
//!   register: the stub returns both, which costs no instruction.
//! * **Result pointer.** A register of its own for the address of a result is Cranelift's `StructReturn`; an
//!   ordinary argument register that holds it is an ordinary argument.
//! * **Landing.** What no Cranelift signature can express (`isa/x86_64/landing.rs`) needs the target in one more stack word, after all
//!   arguments, where the callee never looks.

use cranelift_codegen::{
    ir::{AbiParam, ArgumentPurpose, Signature, Type, types},
    isa::CallConv,
};
use springboard_abi::{
    Convention, Direction, DowncallResult, Entry, Move, Operand, Place, Plan, ResultMove, UpcallResult,
};

use crate::{isa::Isa, words::Words};

/// One argument of the native call.
#[derive(Clone, Copy)]
pub(crate) enum Argument<'a> {
    /// A word that moves make up, wanted as this type.
    Word(Type, &'a [Move]),
    /// What the stub found in this register.
    Burnt(Register),
    /// A word of the stack area that no argument lies in.
    Padding,
    /// The address of the target, for a landing.
    Target,
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
            Argument::Burnt(Register::Gpr(_)) | Argument::Padding | Argument::Target => types::I64,
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

/// General registers that carry no argument, are not callee-saved and do not hold the target: r10 and r11 of System V
/// AMD64, and more elsewhere.
const SPARE_GPRS: usize = 2;

/// The arguments of the call that `plan` describes, in the order in which Cranelift must see them; `last` in one more
/// stack word after all others.
pub(crate) fn arguments<'a>(plan: &Plan, words: &Words<'a>, last: Option<Argument<'a>>) -> Vec<Argument<'a>> {
    let registers = plan.convention.registers();
    // A few words need no vector registers, where that burns no general ones.
    let few = plan.entry().direction() == Direction::Downcall
        && words.stack.len() <= SPARE_GPRS
        && words.gprs.len() == registers.gpr_args.len();
    let stack = words
        .stack
        .iter()
        .map(|moves| {
            if moves.is_empty() {
                Argument::Padding
            } else {
                let ty = if few { types::I64 } else { stack_type(plan, moves) };
                Argument::Word(ty, moves)
            }
        })
        .chain(last)
        .collect::<Vec<_>>();
    let word =
        |words: &[&'a [Move]], index: usize| words.get(index).copied().filter(|moves| !moves.is_empty());
    if registers.positional {
        let last = words.gprs.len().max(words.vecs.len());
        let positions = if stack.is_empty() { last } else { registers.gpr_args.len() };
        let position = |index| match (word(&words.vecs, index), word(&words.gprs, index)) {
            (Some(moves), _) => Argument::Word(vector_type(moves), moves),
            (None, Some(moves)) => Argument::Word(types::I64, moves),
            (None, None) => Argument::Burnt(Register::Gpr(index)),
        };
        return (0..positions).map(position).chain(stack).collect();
    }
    let used_up = |class| stack.iter().any(|argument| argument.ty() == class);
    let count = |words: usize, all: usize, class| if used_up(class) { all } else { words };
    let gprs = count(words.gprs.len(), registers.gpr_args.len(), types::I64);
    let vecs = count(words.vecs.len(), registers.vec_args.len(), types::F64);

    let mut arguments = Vec::with_capacity(1 + gprs + vecs + stack.len());
    arguments.extend(words.result_pointer.map(|moves| Argument::Word(types::I64, moves)));
    arguments.extend((0..gprs).map(|index| match word(&words.gprs, index) {
        Some(moves) => Argument::Word(types::I64, moves),
        None => Argument::Burnt(Register::Gpr(index)),
    }));
    arguments.extend((0..vecs).map(|index| match word(&words.vecs, index) {
        Some(moves) => Argument::Word(vector_type(moves), moves),
        None => Argument::Burnt(Register::Vec(index)),
    }));
    arguments.extend(stack);
    arguments
}

/// The type as which a stack word is loaded. What arrives on the stack is in registers before anything else happens,
/// and only vector registers are enough of them. What arrives in general registers stays in those.
///
/// Where the CPU has no vector register to spare, general ones carry them all.
fn stack_type(plan: &Plan, moves: &[Move]) -> Type {
    match (plan.entry(), moves) {
        _ if !Isa::with(plan.convention).spare_vectors => types::I64,
        (Entry::Callback | Entry::Closure | Entry::GoClosure, _) => types::F64,
        (Entry::V8 | Entry::Columns, [Move { operand: Operand::Slot { .. }, .. }]) => types::I64,
        (_, [Move { bytes: 8, operand: Operand::Slot { .. } | Operand::Memory { .. }, .. }]) => types::F64,
        _ => types::I64,
    }
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

/// The Cranelift signature of the native call, with results of these types.
pub(crate) fn signature(plan: &Plan, arguments: &[Argument<'_>], results: &[Type]) -> Signature {
    let mut signature = Signature::new(call_conv(plan.convention));
    signature.params.extend(arguments.iter().map(|argument| AbiParam::new(argument.ty())));
    signature.returns = results.iter().copied().map(AbiParam::new).collect();
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
