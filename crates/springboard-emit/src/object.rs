//! Templates as relocatable objects, for other machines and for linking ahead of time.

use cranelift_codegen::{binemit::Reloc, ir::Signature};
use cranelift_module::{Linkage, Module, ModuleReloc, ModuleRelocTarget, default_libcall_names};
use cranelift_object::{ObjectBuilder, ObjectModule};
use springboard_abi::{Plan, boxed::HostAddress};
use target_lexicon::Triple;

use crate::{compiler::Compiler, error::EmitError, template::HoleKind};

/// An object file for `triple` that defines a stub under each name, with the very bytes that
/// [`Compiler::emit`] gives. Holes become references to the symbols `springboard_target`, `springboard_context`,
/// `springboard_helper`, `springboard_guard`, `springboard_range`, `springboard_slow` and
/// `springboard_host_0`, `springboard_host_1` and so on.
///
/// # Errors
/// As [`Compiler::emit`]; also where two stubs have the same name.
pub fn object(triple: &Triple, stubs: &[(&str, &Plan)]) -> Result<Vec<u8>, EmitError> {
    let mut compiler = Compiler::new(triple)?;
    let fail = |error: &dyn std::fmt::Display| EmitError::Backend(error.to_string());
    let builder = ObjectBuilder::new(compiler.backend.clone(), "springboard", default_libcall_names())
        .map_err(|error| fail(&error))?;
    let mut module = ObjectModule::new(builder);
    let signature = Signature::new(compiler.backend.default_call_conv());
    for (name, plan) in stubs {
        let template = compiler.emit(plan)?;
        let mut relocs = Vec::with_capacity(template.holes.len());
        for hole in &template.holes {
            let symbol = match hole.kind {
                HoleKind::Target => "springboard_target".to_owned(),
                HoleKind::Context => "springboard_context".to_owned(),
                HoleKind::Helper => "springboard_helper".to_owned(),
                HoleKind::Guard => "springboard_guard".to_owned(),
                HoleKind::Range => "springboard_range".to_owned(),
                HoleKind::Slow => "springboard_slow".to_owned(),
                HoleKind::Host(HostAddress(number)) => format!("springboard_host_{number}"),
            };
            let id = module
                .declare_function(&symbol, Linkage::Import, &signature)
                .map_err(|error| fail(&error))?;
            relocs.push(ModuleReloc {
                offset: hole.offset,
                kind: Reloc::Abs8,
                name: ModuleRelocTarget::from(id),
                addend: 0,
            });
        }
        let id = module.declare_function(name, Linkage::Export, &signature).map_err(|error| fail(&error))?;
        module
            .define_function_bytes(id, template.align.into(), &template.code, &relocs)
            .map_err(|error| fail(&error))?;
    }
    module.finish().emit().map_err(|error| fail(&error))
}
