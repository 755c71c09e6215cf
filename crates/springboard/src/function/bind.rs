//! Binding: from a declaration and an address to a function.

use std::{collections::HashMap, ffi::c_void, ptr::NonNull, sync::Arc};

use foldhash::fast::RandomState;
use springboard_ir::{Prototype, Signature};

use super::{
    Bound, Function,
    ty::Prepared,
    way::{Binding, Way},
};
use crate::{
    bind_error::BindError,
    declaration::Declaration,
    engine::{Callee, Code, CodeRequest, Compile, Engine, Waiting},
    last_error::LastError,
    library::Library,
    reason::Reason,
};

impl Engine {
    /// Binds the function that `declaration` names, as `"double pow(double, double)"` does.
    ///
    /// # Errors
    /// Text that is not a declaration, or names nothing; a symbol that `library` does not have; a signature that
    /// neither a stub nor libffi can call.
    pub fn function(&self, library: &Library, declaration: impl Declaration) -> Result<Function, BindError> {
        let prototype = declaration.into_prototype()?;
        let address = address_of(library, &prototype)?;
        bind(self, Found { prototype, address }, Some(library))
    }

    /// Binds `symbol` with the type that `declaration` gives, whatever name that has.
    ///
    /// # Errors
    /// As [`Engine::function`].
    pub fn function_named(
        &self,
        library: &Library,
        symbol: &str,
        declaration: impl Declaration,
    ) -> Result<Function, BindError> {
        let prototype = declaration.into_prototype()?;
        bind(self, Found { prototype, address: library.function_symbol(symbol)? }, Some(library))
    }

    /// Binds the function at `address`, which must stay callable for as long as the result is used.
    ///
    /// # Errors
    /// As [`Engine::function`], except for symbols.
    pub fn function_at(
        &self,
        address: NonNull<c_void>,
        declaration: impl Declaration,
    ) -> Result<Function, BindError> {
        bind(self, Found { prototype: declaration.into_prototype()?, address }, None)
    }

    /// Binds the functions at addresses, which must stay callable for as long as the results are used; otherwise as
    /// [`Engine::bind_all`]. What comes with a function comes back with it, and what is an error already stays one, in its
    /// place.
    ///
    /// # Errors
    /// Each result's own, as [`Engine::function_at`].
    pub fn bind_all_at<T, E: From<BindError>>(
        &self,
        functions: impl IntoIterator<Item = Result<(T, Prototype, NonNull<c_void>), E>>,
    ) -> Vec<Result<(T, Function), E>> {
        let found = functions.into_iter().map(|function| {
            let (with, prototype, address) = function?;
            Ok((with, Found { prototype, address }))
        });
        bind_all(self, found, None)
    }

    /// Binds many functions of `library` at once: every distinct shape is compiled once, several at a time where
    /// there are many and the machine has CPUs to spare, and stubs are written many in one go. One result per
    /// declaration, in order.
    ///
    /// # Errors
    /// Each result's own, as [`Engine::function`].
    pub fn bind_all<D: Declaration>(
        &self,
        library: &Library,
        declarations: impl IntoIterator<Item = D>,
    ) -> Vec<Result<Function, BindError>> {
        let found = declarations.into_iter().map(|declaration| {
            let prototype = declaration.into_prototype()?;
            let address = address_of(library, &prototype)?;
            Ok(((), Found { prototype, address }))
        });
        let bound = bind_all(self, found, Some(library)).into_iter();
        bound.map(|bound| bound.map(|((), function)| function)).collect()
    }

    /// The same function once more. Each call also delivers the last error, by
    /// [`Function::call_with_last_error`], or the slot after all others. Compiled now, whatever the engine does
    /// otherwise.
    ///
    /// # Errors
    /// As [`Engine::function`], except for symbols.
    pub fn with_last_error(&self, function: &Function, last_error: LastError) -> Result<Function, BindError> {
        let Bound { prototype, ty, library, .. } = &*function.bound;
        let (prototype, address) = (prototype.clone(), function.address());
        let signature = &prototype.signature;
        let callee = Callee { address, result: ty.form };
        let code = self.code_delivering(signature, callee, last_error);
        let way = Way::of(code, || ty.interface(self))?;
        Ok(Function::new(
            self,
            Found { prototype, address },
            ty,
            Binding::Settled(way),
            Some(last_error),
            library.as_ref(),
        ))
    }
}

/// A declaration with the address of its function.
pub(super) struct Found {
    pub(super) prototype: Prototype,
    pub(super) address: NonNull<c_void>,
}

/// The address of the symbol that a prototype names.
fn address_of(library: &Library, prototype: &Prototype) -> Result<NonNull<c_void>, BindError> {
    Ok(library.function_symbol(prototype.name.as_deref().ok_or(BindError::Unnamed)?)?)
}

/// Prepares a signature.
fn prepare(engine: &Engine, signature: &Signature) -> Result<Prepared, BindError> {
    Prepared::new(signature, engine, engine.function_plan(signature))
}

/// Binds one function.
fn bind(engine: &Engine, found: Found, library: Option<&Library>) -> Result<Function, BindError> {
    let prepared = prepare(engine, &found.prototype.signature)?;
    let function = bind_prepared(engine, &prepared, found, library)?;
    begin(engine, [&function]);
    Ok(function)
}

/// Binds a function by the code that there is, or will be.
fn bind_prepared(
    engine: &Engine,
    prepared: &Prepared,
    found: Found,
    library: Option<&Library>,
) -> Result<Function, BindError> {
    if engine.compiles() != Compile::Eager
        && let Ok(plan) = &prepared.plan
        // What is there need not be waited for.
        && !engine.has_code(plan)
        // Where libffi cannot stand in, nothing else could serve calls meanwhile.
        && let Ok(interface) = prepared.ty.interface(engine)
    {
        let binding = Binding::later(engine, Arc::clone(plan), interface);
        return Ok(Function::new(engine, found, &prepared.ty, binding, None, library));
    }
    let plan = prepared.plan.as_deref().map_err(Reason::clone);
    let code = plan.and_then(|plan| engine.code(plan, prepared.callee(found.address)));
    bind_to(engine, prepared, found, library, code)
}

/// Binds a function to its code, or to libffi.
fn bind_to(
    engine: &Engine,
    prepared: &Prepared,
    found: Found,
    library: Option<&Library>,
    code: Result<Code, Reason>,
) -> Result<Function, BindError> {
    let way = Way::of(code, || prepared.ty.interface(engine))?;
    Ok(Function::new(engine, found, &prepared.ty, Binding::Settled(way), None, library))
}

/// Begins to compile, on another thread, what is to be compiled there.
fn begin<'f>(engine: &Engine, functions: impl IntoIterator<Item = &'f Function>) {
    if engine.compiles() == Compile::Background {
        let soon = functions.into_iter().filter(|function| function.bound.binding.is_made_soon());
        let waiting = soon.map(|function| {
            let bound: Arc<dyn Waiting> = Arc::clone(&function.bound) as _;
            Arc::downgrade(&bound)
        });
        engine.compile_soon(waiting.collect());
    }
}

/// Binds many functions. Each distinct signature is prepared once.
fn bind_all<T, E: From<BindError>>(
    engine: &Engine,
    found: impl Iterator<Item = Result<(T, Found), E>>,
    library: Option<&Library>,
) -> Vec<Result<(T, Function), E>> {
    let mut known: HashMap<Signature, Result<usize, BindError>, RandomState> = HashMap::default();
    let mut distinct: Vec<Prepared> = Vec::new();
    // A declaration is looked at once, while it is in the CPU's cache.
    let wanted = |found: Result<(T, Found), E>| {
        let (with, found) = found?;
        let signature = &found.prototype.signature;
        let plan = match known.get(signature) {
            Some(known) => known.clone(),
            None => {
                let index = prepare(engine, signature).map(|prepared| {
                    distinct.push(prepared);
                    distinct.len() - 1
                });
                known.insert(signature.clone(), index.clone());
                index
            }
        }?;
        let callee = distinct[plan].callee(found.address);
        Ok(CodeRequest { with: (with, found, plan), plan, callee })
    };
    let wanted: Vec<_> = found.map(wanted).collect();
    let functions = match engine.compiles() {
        Compile::Eager => {
            let plans = distinct.iter().map(|prepared| prepared.plan.clone()).collect();
            engine.codes(plans, wanted, |(with, found, index), code| {
                Ok((with, bind_to(engine, &distinct[index], found, library, code)?))
            })
        }
        Compile::Lazy | Compile::Background => {
            let bind = |CodeRequest { with: (with, found, index), .. }| {
                Ok((with, bind_prepared(engine, &distinct[index], found, library)?))
            };
            wanted.into_iter().map(|wanted| wanted.and_then(bind)).collect()
        }
    };
    begin(engine, functions.iter().flatten().map(|(_, function)| function));
    functions
}
