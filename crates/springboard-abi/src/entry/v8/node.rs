//! Which functions Node.js calls fast: the rules of `IsFastCallEligible` (nodejs/node, commit f52cf5e), in its order.
//!
//! Its budgets are counts, not places: arguments in general and floating point registers, with the receiver in the
//! first general register, and the options in the next one free where the host unwraps a buffer.

use springboard_ir::{DataModel, Pointee, Scalar, Signature, Type};

use super::FastCall;
use crate::{plan::SlotForm, target::Convention};

/// What Node keeps of a function: of each value its type, and the name by which the type was given.
#[derive(Clone, Copy, Debug)]
pub struct NodeFunction<'a> {
    /// The type of the result.
    pub result: NodeKind,
    /// Its name.
    pub result_name: &'a str,
    /// The types of the arguments.
    pub arguments: &'a [NodeKind],
    /// Their names. As many as there are types, or the function is refused.
    pub names: &'a [&'a str],
}

/// What Node's rules tell apart of a type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum NodeKind {
    /// `void`.
    Void,
    /// A pointer, or an integer of at most 8 bytes. `node:ffi` says `bool` and means `uint8`.
    General,
    /// `float` or `double`.
    Float,
    /// Anything else: an aggregate, `long double`, a complex number.
    Other,
}

/// The rule by which Node calls a function through libffi.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeRefusal {
    /// Node has no emitter for the convention.
    #[error("Node emits fast calls for x86_64/sysv64 and aarch64, and not for {0}")]
    Platform(Convention),
    /// The result is of a type that it does not pass.
    #[error("the result is no number, pointer or void")]
    ResultType(NodeKind),
    /// The result is named `function`.
    #[error("the result is a function")]
    FunctionResult,
    /// More arguments than [`NodeRefusal::MAX_ARGUMENTS`].
    #[error("{count} arguments, and {} is the limit", NodeRefusal::MAX_ARGUMENTS)]
    Arguments {
        /// How many there are.
        count: usize,
    },
    /// There are more or fewer names than types.
    #[error("{types} argument types have {names} names")]
    Lengths {
        /// The number of types.
        types: usize,
        /// The number of names.
        names: usize,
    },
    /// An argument is `void`.
    #[error("argument {} is void", .index + 1)]
    VoidArgument {
        /// Which, counted from 0.
        index: usize,
    },
    /// An argument is of a type that it does not pass.
    #[error("argument {} is no number or pointer", .index + 1)]
    ArgumentType {
        /// Which, counted from 0.
        index: usize,
    },
    /// An argument is named `function`.
    #[error("argument {} is a function", .index + 1)]
    FunctionArgument {
        /// Which, counted from 0.
        index: usize,
    },
    /// A buffer and a floating point number in one signature.
    #[error("a buffer beside a floating point argument")]
    BufferAndFloat,
    /// More arguments in general registers than are counted as free.
    #[error("{needed} words for general registers{}, and {limit} is the limit", if *.options { ", the options included" } else { "" })]
    GeneralRegisters {
        /// How many are needed.
        needed: usize,
        /// Whether one of them is for the options, which V8 passes where there is a buffer.
        options: bool,
        /// How many there are.
        limit: usize,
    },
    /// More floating point arguments than registers.
    #[error("{needed} floating point arguments, and {limit} is the limit")]
    FloatRegisters {
        /// How many are needed.
        needed: usize,
        /// How many there are.
        limit: usize,
    },
}

impl NodeRefusal {
    /// The most arguments of a function that Node calls fast.
    pub const MAX_ARGUMENTS: usize = 8;

    /// A short name that never changes, for counters and for programs that match on text.
    pub const fn code(self) -> &'static str {
        match self {
            NodeRefusal::Platform(_) => "platform",
            NodeRefusal::ResultType(_) => "result-type",
            NodeRefusal::FunctionResult => "function-result",
            NodeRefusal::Arguments { .. } => "arguments",
            NodeRefusal::Lengths { .. } => "lengths",
            NodeRefusal::VoidArgument { .. } => "void-argument",
            NodeRefusal::ArgumentType { .. } => "argument-type",
            NodeRefusal::FunctionArgument { .. } => "function-argument",
            NodeRefusal::BufferAndFloat => "buffer-and-float",
            NodeRefusal::GeneralRegisters { .. } => "general-registers",
            NodeRefusal::FloatRegisters { .. } => "float-registers",
        }
    }
}

/// How many registers Node counts as free after the receiver.
struct Budget {
    general: usize,
    /// The same for a signature with buffers, whose options pointer takes one of them.
    general_with_buffer: usize,
    float: usize,
}

/// The platforms for which the commit has an emitter.
const fn budget(convention: Convention) -> Option<Budget> {
    match convention {
        // x1 to x7, v0 to v7.
        Convention::Aapcs64 | Convention::Apple64 => {
            Some(Budget { general: 7, general_with_buffer: 7, float: 8 })
        }
        // rsi, rdx, rcx, r8, r9 and one word of the caller's stack, which a signature with buffers does without.
        Convention::Sysv64 => Some(Budget { general: 6, general_with_buffer: 5, float: 8 }),
        Convention::Win64 | Convention::Lp64d | Convention::S390x => None,
    }
}

/// Whether Node calls `function` fast where `convention` is the platform's.
///
/// # Errors
/// The first rule that the function breaks, in Node's order.
pub fn node_eligible(function: &NodeFunction<'_>, convention: Convention) -> Result<(), NodeRefusal> {
    let budget = budget(convention).ok_or(NodeRefusal::Platform(convention))?;
    if function.result == NodeKind::Other {
        return Err(NodeRefusal::ResultType(function.result));
    }
    if function.result_name == "function" {
        return Err(NodeRefusal::FunctionResult);
    }
    let (types, names) = (function.arguments.len(), function.names.len());
    if types > NodeRefusal::MAX_ARGUMENTS {
        return Err(NodeRefusal::Arguments { count: types });
    }
    if types != names {
        return Err(NodeRefusal::Lengths { types, names });
    }
    let (mut general, mut float, mut buffer) = (0, 0, false);
    for (index, (kind, name)) in function.arguments.iter().zip(function.names).enumerate() {
        match kind {
            NodeKind::Void => return Err(NodeRefusal::VoidArgument { index }),
            NodeKind::Other => return Err(NodeRefusal::ArgumentType { index }),
            _ if *name == "function" => return Err(NodeRefusal::FunctionArgument { index }),
            NodeKind::Float => float += 1,
            NodeKind::General => general += 1,
        }
        buffer |= matches!(*name, "buffer" | "arraybuffer");
    }
    if buffer && float > 0 {
        return Err(NodeRefusal::BufferAndFloat);
    }
    let limit = if buffer { budget.general_with_buffer } else { budget.general };
    let needed = general + usize::from(buffer);
    if needed > limit {
        return Err(NodeRefusal::GeneralRegisters { needed, options: buffer, limit });
    }
    if float > budget.float {
        return Err(NodeRefusal::FloatRegisters { needed: float, limit: budget.float });
    }
    Ok(())
}

/// The same of a C function, whose types get the names that `node:ffi` has for them. A variadic function is refused
/// by its type, because `node:ffi` has no name for it.
///
/// # Errors
/// As [`node_eligible`].
pub fn node_eligible_call(
    call: &FastCall,
    model: &DataModel,
    convention: Convention,
) -> Result<(), NodeRefusal> {
    let signature: &Signature = &call.signature;
    let params = signature.params().iter().enumerate();
    let (arguments, names): (alloc::vec::Vec<_>, alloc::vec::Vec<_>) = params
        .map(|(index, param)| {
            let name = if call.buffers.contains(&(index as u16)) { "buffer" } else { name_of(&param.ty) };
            let variadic = signature.fixed().is_some_and(|fixed| index >= fixed);
            (if variadic { NodeKind::Other } else { NodeKind::of(&param.ty, model) }, name)
        })
        .unzip();
    let result = NodeKind::of(signature.result(), model);
    let result_name = name_of(signature.result());
    let function = NodeFunction { result, result_name, arguments: &arguments, names: &names };
    node_eligible(&function, convention)
}

/// The one name that matters beside a C type's kind.
fn name_of(ty: &Type) -> &'static str {
    match ty {
        Type::Pointer(pointee) if matches!(**pointee, Pointee::Function(_)) => "function",
        _ => "",
    }
}

impl NodeKind {
    /// What a C type is to Node.
    pub fn of(ty: &Type, model: &DataModel) -> NodeKind {
        match SlotForm::of(ty, model) {
            Ok(SlotForm::None) => NodeKind::Void,
            Ok(SlotForm::Word(Scalar::Float(_))) => NodeKind::Float,
            Ok(SlotForm::Word(_)) => NodeKind::General,
            Ok(SlotForm::Address(_)) | Err(_) => NodeKind::Other,
        }
    }
}
