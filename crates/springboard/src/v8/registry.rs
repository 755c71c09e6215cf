//! All functions of a host, and what a snapshot has to know of them.

use std::{collections::HashSet, ffi::c_void, sync::Arc};

use super::{description::Description, error::RegisterError, function::Function, twin::Twin};

/// The functions of a host by their names.
#[derive(Clone, Default, Debug)]
pub struct Registry {
    twins: Vec<Arc<Twin>>,
    natives: Vec<Function>,
    /// Tracking keys that are taken.
    keys: HashSet<String>,
}

impl Registry {
    /// A registry without functions.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Adds a function of the host's own.
    ///
    /// # Errors
    /// A name or a tracking key that is taken or is none; two variants of one number of arguments; a variant that
    /// takes options where there is no context.
    pub fn add(&mut self, twin: Twin) -> Result<Arc<Twin>, RegisterError> {
        let name = twin.name();
        let parts: Vec<&str> = name.split('.').collect();
        if parts.len() != 2 || parts.iter().any(|part| part.is_empty()) {
            return Err(RegisterError::BadName(name.to_owned()));
        }
        if self.twins.iter().any(|known| known.name() == name) {
            return Err(RegisterError::Name(name.to_owned()));
        }
        let mut arities = HashSet::new();
        for variant in twin.variants() {
            let Description { arguments, options, .. } = variant.description();
            if !arities.insert(arguments.len()) {
                return Err(RegisterError::Arity { name: name.to_owned(), arguments: arguments.len() });
            }
            if *options && twin.context_pointer().is_null() {
                return Err(RegisterError::NoContext { name: name.to_owned(), arguments: arguments.len() });
            }
        }
        let mut keys = HashSet::from([name.to_owned()]);
        for outcome in twin.outcomes() {
            if outcome.is_empty() || outcome.contains('.') {
                return Err(RegisterError::BadName(outcome.clone()));
            }
            let key = format!("{name}.{outcome}");
            if !keys.insert(key.clone()) {
                return Err(RegisterError::Key(key));
            }
        }
        if let Some(key) = keys.iter().find(|key| self.keys.contains(*key)) {
            return Err(RegisterError::Key(key.clone()));
        }
        self.keys.extend(keys);
        let twin = Arc::new(twin);
        self.twins.push(Arc::clone(&twin));
        Ok(twin)
    }

    /// Adds a native function, so that its code and its description are among the external references. The registry
    /// keeps them alive.
    pub fn add_native(&mut self, function: &Function) {
        self.natives.push(function.clone());
    }

    /// The function of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Twin>> {
        self.twins.iter().find(|twin| twin.name() == name)
    }

    /// The addresses that a snapshot has to know, in an order that is the same in every process that registers the
    /// same functions in the same order: of each function its fast code and that code's description, and of the
    /// host's own the twin itself. A host makes type information of a description, and lists that and its own slow
    /// callback as well; all of them live as long as the registry.
    pub fn external_references(&self) -> Vec<*const c_void> {
        let mut references = Vec::new();
        for twin in &self.twins {
            references.push(Arc::as_ptr(twin).cast());
            for variant in twin.variants() {
                references.extend([variant.address(), (&raw const *variant.description()).cast()]);
            }
        }
        for native in &self.natives {
            if let Ok(fast) = native.fast() {
                references.extend([
                    fast.address().as_ptr().cast_const(),
                    (&raw const *native.description()).cast(),
                ]);
            }
        }
        references
    }
}
