//! All functions of a host, and the addresses that a snapshot has to know.

use std::{collections::HashSet, ffi::c_void, sync::Arc};

use super::{
    description::{Description, FastCode},
    error::RegisterError,
    function::Function,
    registered::Registered,
    twin::Twin,
};

/// The functions of a host. Clones share them.
#[derive(Clone, Default, Debug)]
pub struct Registry {
    functions: Vec<Arc<Registered>>,
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
    /// A name or a tracking key that is taken or malformed; two variants of one number of arguments; a variant that
    /// takes options where there is no context.
    pub fn add(&mut self, twin: Twin) -> Result<Arc<Registered>, RegisterError> {
        let name = &twin.name;
        let is_part = |part: &str| !part.is_empty() && !part.contains('.');
        if !name.split_once('.').is_some_and(|(namespace, function)| is_part(namespace) && is_part(function))
        {
            return Err(RegisterError::BadName(name.clone()));
        }
        if self.get(name).is_some() {
            return Err(RegisterError::Name(name.clone()));
        }
        let mut arities = HashSet::new();
        for variant in &twin.variants {
            let Description { arguments, options, .. } = variant.description();
            if !arities.insert(arguments.len()) {
                return Err(RegisterError::Arity { name: name.clone(), arguments: arguments.len() });
            }
            if *options && twin.context_pointer().is_null() {
                return Err(RegisterError::NoContext { name: name.clone(), arguments: arguments.len() });
            }
        }
        if let Some(bad) = twin.outcomes.iter().find(|outcome| !is_part(outcome)) {
            return Err(RegisterError::BadName(bad.clone()));
        }
        let mut keys = HashSet::new();
        for key in keys_of(&twin) {
            if self.keys.contains(&key) || !keys.insert(key.clone()) {
                return Err(RegisterError::Key(key));
            }
        }
        self.keys.extend(keys);
        Ok(self.push(Registered::Twin(twin)))
    }

    /// Adds a native function, which the registry keeps alive.
    pub fn add_native(&mut self, function: &Function) -> Arc<Registered> {
        self.push(Registered::Native(function.clone()))
    }

    fn push(&mut self, function: Registered) -> Arc<Registered> {
        let function = Arc::new(function);
        self.functions.push(Arc::clone(&function));
        function
    }

    /// Takes a function out by its data, once V8 has no JavaScript function of it left: a host learns that from a weak
    /// handle's second pass. Its names and keys are free again, and what it holds is freed with the last handle: the stub of
    /// a native function, and the copy of the library that it keeps. `None` where no function has the data.
    ///
    /// Functions of a snapshot stay, because it knows them by their places.
    pub fn remove(&mut self, data: *const c_void) -> Option<Arc<Registered>> {
        let index = self.functions.iter().position(|function| function.data() == data)?;
        let function = self.functions.remove(index);
        if let Registered::Twin(twin) = &*function {
            keys_of(twin).for_each(|key| _ = self.keys.remove(&key));
        }
        Some(function)
    }

    /// Every function, in the order in which they were added.
    pub fn functions(&self) -> &[Arc<Registered>] {
        &self.functions
    }

    /// The host's own function of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Registered>> {
        let named = |function: &&Arc<Registered>| match &***function {
            Registered::Twin(twin) => twin.name == name,
            Registered::Native(_) => false,
        };
        self.functions.iter().find(named)
    }

    /// The addresses that a snapshot has to know: of each function, in the order in which they were added, its data,
    /// and of all its fast code the address and the type information that the host has made of the description, which
    /// `type_info` says. A host puts its slow callback before them, and a zero after them.
    ///
    /// A snapshot knows addresses by their places. So a program that reads one adds the same functions in the same
    /// order as the program that made it; the addresses may be others. A native function has its places even where
    /// there is no code for it ([`Function::fast`]); a snapshot that was made where there was some would end the
    /// process when V8 calls it fast.
    pub fn external_references(
        &self,
        mut type_info: impl FnMut(&Description) -> *const c_void,
    ) -> Vec<*const c_void> {
        let mut references = Vec::new();
        for function in &self.functions {
            references.push(function.data());
            for FastCode { address, description } in function.places() {
                references.extend([address, type_info(description)]);
            }
        }
        references
    }
}

/// The tracking keys of a function: its name, and one for each outcome.
fn keys_of(twin: &Twin) -> impl Iterator<Item = String> {
    let name = &twin.name;
    let outcomes = twin.outcomes.iter().map(move |outcome| format!("{name}.{outcome}"));
    [name.clone()].into_iter().chain(outcomes)
}
