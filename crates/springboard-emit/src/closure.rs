//! What stubs of libffi's closures do in addition to every upcall's work: find their closure, and call its function.
//!
//! The address of the closure arrives in a register that no Cranelift signature can ask for. So the stub takes it out of
//! a hole and keeps it on its stack, and the finished code has that register in the hole's place (`isa/*/closure.rs`).

use cranelift_codegen::ir::{InstBuilder, StackSlot, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, Plan, SlotContent};

use crate::{
    memory::{SLOT, keep, load_word, slot_offset, stack_words, store_word},
    native,
    symbol::address_in_hole,
    template::HoleKind,
};

/// A closure while its stub is built: its address is kept on the stub's stack.
pub(crate) struct Closure {
    address: StackSlot,
    fields: Fields,
}

/// Offsets in a closure, in bytes. Without user data, the closure's address takes its place.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    cif: i32,
    function: i32,
    user_data: Option<i32>,
}

impl Fields {
    /// `ffi_closure`: code of so many bytes, then the fields (`FFI_TRAMPOLINE_SIZE`).
    pub(crate) fn closure(convention: Convention) -> Fields {
        let code = match convention {
            Convention::Sysv64 | Convention::Win64 | Convention::S390x => 32,
            Convention::Aapcs64 | Convention::Lp64d => 24,
            Convention::Apple64 => 16,
        };
        Fields { cif: code, function: code + 8, user_data: Some(code + 16) }
    }
    /// `ffi_go_closure`.
    pub(crate) const GO_CLOSURE: Fields = Fields { cif: 8, function: 16, user_data: None };
}

impl Closure {
    /// Finds the closure. To be built before anything else.
    pub(crate) fn receive(plan: &Plan, fields: Fields, builder: &mut FunctionBuilder<'_>) -> Closure {
        let signature = builder.import_signature(native::function(plan.caller, &[], &[]));
        let closure = address_in_hole(builder, signature, HoleKind::Context);
        Closure { address: keep(builder, &[closure]), fields }
    }

    /// Calls the closure's function, with pointers to the arguments in the array of slots and to the result: its slot after
    /// them, or the memory whose address is there.
    pub(crate) fn call(
        &self,
        builder: &mut FunctionBuilder<'_>,
        plan: &Plan,
        slots: StackSlot,
        arguments: &[SlotContent],
        result: SlotContent,
    ) {
        let signature = builder.import_signature(native::function(plan.caller, &[types::I64; 4], &[]));
        let count = arguments.len() as u16;
        let array = stack_words(builder, count.max(1).into());
        let pointer = |builder: &mut FunctionBuilder<'_>, index, form| match form {
            SlotContent::Bytes => builder.ins().stack_addr(types::I64, slots, slot_offset(index)),
            SlotContent::Address => load_word(builder, slots, index),
        };
        for (index, form) in (0..).zip(arguments) {
            let argument = pointer(builder, index, *form);
            store_word(builder, array, index, argument);
        }
        let result = pointer(builder, count, result);
        let closure = load_word(builder, self.address, 0);
        let mut field = |offset| builder.ins().load(types::I64, SLOT, closure, offset);
        let (cif, function) = (field(self.fields.cif), field(self.fields.function));
        let user_data = self.fields.user_data.map_or(closure, field);
        let avalue = builder.ins().stack_addr(types::I64, array, 0);
        builder.ins().call_indirect(signature, function, &[cif, result, avalue, user_data]);
    }
}

#[cfg(all(test, feature = "all-targets"))]
mod tests {
    use springboard_abi::{Entry, Target, plan};
    use springboard_ir::Signature;
    use target_lexicon::Triple;

    /// Whatever there is of arguments: a frame that needs a stack probe has no plan, so that the closure is found
    /// before anything is written.
    #[test]
    fn every_plan_of_a_closure_finds_it() {
        for cpu in ["x86_64", "aarch64", "riscv64gc", "s390x"] {
            let triple: Triple = format!("{cpu}-unknown-linux-gnu").parse().expect("a triple");
            let mut compiler = crate::Compiler::new(&triple).expect("a compiler");
            let target = Target::of(&triple).expect("a target");
            let mut refused = 0;
            for count in (1..24).chain([100, 150, 170, 180, 190, 195, 200, 250, 300, 400]) {
                for kind in
                    ["long", "float", "signed char", "struct { long a; double b; }", "struct { long a[3]; }"]
                {
                    let text = format!("double(*)({})", vec![kind; count].join(", "));
                    let signature = Signature::parse(&text).expect("a signature");
                    for entry in [Entry::Closure, Entry::GoClosure] {
                        let Ok(plan) = plan(&signature, &target, entry) else {
                            refused += 1;
                            continue;
                        };
                        let template =
                            compiler.emit(&plan).unwrap_or_else(|error| panic!("{cpu} {text}: {error}"));
                        assert!(template.holes.is_empty(), "{cpu} {text}");
                    }
                }
            }
            assert!(refused > 10, "{cpu}: the limit was met {refused} times");
        }
    }
}
