//! A stub as most users of Cranelift make one: a module of `cranelift-jit` for each function.
//!
//! The baseline for time, memory and the number of mappings, and the reason why springboard hosts its code itself.
//! Scalars only.

use std::{ffi::c_void, mem, ptr::NonNull};

use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData, Signature as ClifSignature, Type, types};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Module, default_libcall_names};
use springboard::ir::{DataModel, FloatFormat, Scalar, Signature};

/// A compiled function: it is given slots, and knows its target.
pub(crate) type Entry<R> = unsafe extern "C" fn(*const u64) -> R;

/// Compiles a stub that calls the function at `target`. It is never freed. `None` for what such compilers do not
/// do: variadic functions, and anything but scalars.
pub(crate) fn compile<R>(signature: &Signature, target: NonNull<c_void>) -> Option<Entry<R>> {
    if signature.fixed().is_some() {
        return None;
    }
    let model = DataModel::LP64;
    let params = signature.params().iter().map(|param| clif_type(param.ty.scalar(&model)?));
    let params = params.collect::<Option<Vec<_>>>()?;
    let result = match signature.result() {
        springboard::ir::Type::Void => None,
        ty => Some(clif_type(ty.scalar(&model)?)?),
    };
    let code = build(&params, result, target);
    // SAFETY: the function just compiled takes a pointer, and returns what the signature returns.
    Some(unsafe { mem::transmute::<*const u8, Entry<R>>(code) })
}

fn clif_type(scalar: Scalar) -> Option<Type> {
    Some(match scalar {
        Scalar::Bool | Scalar::Int { bytes: 1, .. } => types::I8,
        Scalar::Int { bytes: 2, .. } => types::I16,
        Scalar::Int { bytes: 4, .. } => types::I32,
        Scalar::Int { bytes: 8, .. } | Scalar::Pointer => types::I64,
        Scalar::Float(FloatFormat::F32) => types::F32,
        Scalar::Float(FloatFormat::F64) => types::F64,
        _ => return None,
    })
}

fn build(params: &[Type], result: Option<Type>, target: NonNull<c_void>) -> *const u8 {
    let builder = JITBuilder::with_flags(&[("opt_level", "speed")], default_libcall_names());
    let mut module = JITModule::new(builder.expect("the host's code generator is built in"));
    let call_conv = module.isa().default_call_conv();
    let mut entry = ClifSignature::new(call_conv);
    entry.params.push(AbiParam::new(types::I64));
    entry.returns.extend(result.map(AbiParam::new));
    let mut native = ClifSignature::new(call_conv);
    native.params.extend(params.iter().copied().map(AbiParam::new));
    native.returns.extend(result.map(AbiParam::new));

    let mut context = module.make_context();
    context.func.signature = entry.clone();
    let mut frontend = FunctionBuilderContext::new();
    let mut builder = FunctionBuilder::new(&mut context.func, &mut frontend);
    let block = builder.create_block();
    builder.append_block_params_for_function_params(block);
    builder.switch_to_block(block);
    let slots = builder.block_params(block)[0];
    let mut values = Vec::with_capacity(params.len());
    for (ty, slot) in params.iter().zip((0..).step_by(8)) {
        values.push(builder.ins().load(*ty, MemFlagsData::trusted(), slots, slot));
    }
    let native = builder.import_signature(native);
    let target = builder.ins().iconst(types::I64, target.as_ptr() as i64);
    let call = builder.ins().call_indirect(native, target, &values);
    let results = builder.inst_results(call).to_vec();
    builder.ins().return_(&results);
    builder.seal_all_blocks();
    builder.finalize(module.target_config());

    let id = module.declare_anonymous_function(&entry).expect("a fresh module");
    module.define_function(id, &mut context).expect("a plain function");
    module.finalize_definitions().expect("executable memory");
    let code = module.get_finalized_function(id);
    // Dropping a module keeps its memory.
    drop(module);
    code
}
