//! The few things that a stub's code refers to by name: its own landing, and its holes.

use cranelift_codegen::ir::{
    ExtFuncData, ExternalName, FuncRef, Function, InstBuilder, SigRef, UserExternalName, UserExternalNameRef,
    Value, types,
};
use cranelift_frontend::FunctionBuilder;

use springboard_abi::boxed::HostAddress;

use crate::template::HoleKind;

/// What a name in a stub's code stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Symbol {
    /// The landing after the stub's own code.
    Landing,
    /// Eight bytes that a stamp fills in.
    Hole(HoleKind),
}

/// Every symbol that is no address of the host's list; the index is its name in Cranelift's terms.
const SYMBOLS: [Symbol; 7] = [
    Symbol::Landing,
    Symbol::Hole(HoleKind::Target),
    Symbol::Hole(HoleKind::Context),
    Symbol::Hole(HoleKind::Helper),
    Symbol::Hole(HoleKind::Guard),
    Symbol::Hole(HoleKind::Range),
    Symbol::Hole(HoleKind::Slow),
];

/// The namespace of addresses of the host's list; the index is the number.
const HOST: u32 = 1;

impl Symbol {
    /// The symbol that a relocation names.
    pub(crate) fn named(function: &Function, name: UserExternalNameRef) -> Symbol {
        let UserExternalName { namespace, index } = function.params.user_named_funcs()[name];
        match namespace {
            HOST => Symbol::Hole(HoleKind::Host(HostAddress(index as u8))),
            _ => SYMBOLS[index as usize],
        }
    }
}

/// A function that code of the stub calls by this name.
pub(crate) fn symbol(builder: &mut FunctionBuilder<'_>, signature: SigRef, symbol: Symbol) -> FuncRef {
    let name = match symbol {
        Symbol::Hole(HoleKind::Host(HostAddress(number))) => (HOST, u32::from(number)),
        _ => {
            let index = SYMBOLS.iter().position(|known| *known == symbol).expect("every symbol has a name");
            (0, index as u32)
        }
    };
    let (namespace, index) = name;
    let name = builder.func.declare_imported_user_function(UserExternalName { namespace, index });
    // The landing is at a known distance; what a hole names may be anywhere, so that its whole address is there.
    let colocated = symbol == Symbol::Landing;
    let name = ExternalName::user(name);
    builder.import_function(ExtFuncData { name, signature, colocated, patchable: false })
}

/// The address that a stamp writes into a hole.
pub(crate) fn address_in_hole(builder: &mut FunctionBuilder<'_>, signature: SigRef, kind: HoleKind) -> Value {
    let function = symbol(builder, signature, Symbol::Hole(kind));
    builder.ins().func_addr(types::I64, function)
}
