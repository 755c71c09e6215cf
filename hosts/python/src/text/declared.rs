//! What an `FFI` has been told of C.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::Arc,
};

use pyo3::{PyTraverseError, PyVisit, prelude::*};
use springboard::ir::{
    Aggregate, AggregateKind, Declarations, Header, Object, ParseError, ParseErrorKind, Prototype, Signature,
    Type,
};

use super::{
    built_in::BUILT_IN,
    dialect::{Define, Text, UNTAGGED, words, written},
    error::{of_dialect, of_text, of_type},
    names::{Names, as_declared},
};
use crate::{
    ctype::{self, CType},
    engine,
    error::{CDefError, FFIError},
};

/// How a text is read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    /// What is declared again takes the place of what was.
    pub(crate) replace: bool,
    /// The greatest alignment of members, in bytes.
    pub(crate) pack: Option<u32>,
}

/// What an `FFI` has been told of C.
pub(crate) struct Declared {
    pub(super) declarations: Declarations,
    /// Every text so far.
    sources: Vec<(String, Options)>,
    names: Names,
    /// Structures, unions and enumerations with a tag.
    pub(super) tagged: HashMap<(Tag, String), Py<CType>>,
    /// Those without one, by the address of what was read, which is kept.
    pub(super) untagged: HashMap<usize, (Untagged, Py<CType>)>,
    /// The names that a `typedef` gives to those without a tag.
    pub(super) untagged_names: HashMap<usize, String>,
    /// The names that a `typedef` gives to enumerations without a tag, by the tag that the dialect gave them.
    pub(super) untagged_enums: HashMap<String, String>,
    functions: BTreeMap<String, Prototype>,
    objects: BTreeMap<String, Object>,
    /// Numbers from `#define`, `static const` and enumerations.
    constants: BTreeMap<String, i128>,
    /// Types by their text.
    known: HashMap<String, (Py<CType>, Spelled)>,
}

/// The space of names that a tag is in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tag {
    Aggregate(AggregateKind),
    Enum,
}

/// What was read without a tag. Kept so that its address stays its own.
pub(super) type Untagged = Arc<Aggregate>;

/// How the text of a type spells it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelled {
    AsIs,
    /// A function, of which the type is a pointer to it.
    Function,
}

/// What a name of a library stands for.
pub(crate) enum Named {
    Function {
        ctype: Py<CType>,
        prototype: Prototype,
    },
    Variable(Py<CType>),
    Constant(i128),
    /// A constant that is no integer: only a compiler knows where it is.
    Opaque,
    /// One of an enumeration whose values a compiler would have to find.
    Partial,
}

impl Declared {
    pub(crate) fn new() -> Declared {
        let mut declared = Declared {
            declarations: Declarations::for_model(engine().data_model()),
            sources: Vec::new(),
            names: Names::default(),
            tagged: HashMap::new(),
            untagged: HashMap::new(),
            untagged_names: HashMap::new(),
            untagged_enums: HashMap::new(),
            functions: BTreeMap::new(),
            objects: BTreeMap::new(),
            constants: BTreeMap::new(),
            known: HashMap::new(),
        };
        declared.add_built_in();
        declared
    }

    fn add_built_in(&mut self) {
        for (_, text) in BUILT_IN {
            let read = Declarations::parse_in(text, &self.declarations).expect("what is built in is C");
            self.declarations.extend(read);
        }
    }

    /// Reads a text of declarations.
    pub(crate) fn read(&mut self, py: Python<'_>, source: &str, options: Options) -> PyResult<()> {
        let own = self.names.own.clone();
        let read = self.read_text(py, source, options);
        if read.is_err() {
            self.names.own = own;
        }
        read
    }

    fn read_text(&mut self, py: Python<'_>, source: &str, options: Options) -> PyResult<()> {
        let text = Text::new(source, &mut self.names).map_err(|error| of_dialect(source, &error))?;
        let pragma = pragma(options);
        let c = format!("{pragma}{}", text.c);
        // What a `#define` says is a constant to what comes after it.
        let numbers = text.defines.iter().filter_map(|(name, define)| match define {
            Define::Number(value) => Some((name.as_str(), *value)),
            Define::Unknown => None,
        });
        for (name, value) in numbers.clone() {
            if let (Some(known), false) = (self.constants.get(name), options.replace)
                && *known != value
            {
                return Err(FFIError::new_err(format!("multiple declarations of constant: {name}")));
            }
        }
        for (name, value) in numbers {
            self.constants.insert(name.into(), value);
            self.declarations.define_constant(name, value);
        }
        let own = loop {
            match Declarations::parse_in(&c, &self.declarations) {
                Ok(own) => break own,
                Err(error) => self.retry(source, &text, pragma.len(), &c, error, options)?,
            }
        };
        self.check_repeated(&own, options)?;
        self.sources.push((source.into(), options));
        self.add(py, own)
    }

    /// Reads what can be read of a whole header, after the preprocessor. What was left out, and why.
    pub(crate) fn scan(&mut self, py: Python<'_>, source: &str) -> PyResult<Vec<String>> {
        let header = Header::scan(source, engine().data_model());
        let skipped = header.skipped().iter().map(|skipped| {
            let name = skipped.name.as_deref().unwrap_or("a declaration");
            format!("{name} ({}): {}", skipped.place, skipped.error.kind)
        });
        let skipped = skipped.collect();
        self.add(py, header.declarations().clone())?;
        Ok(skipped)
    }

    /// Makes a text that could not be read readable, where that is because of what came before it.
    fn retry(
        &mut self,
        source: &str,
        text: &Text,
        pragma: usize,
        c: &str,
        error: ParseError,
        options: Options,
    ) -> PyResult<()> {
        if let ParseErrorKind::Redefined(name) = &error.kind {
            if options.replace {
                let name = name.clone();
                return self.read_again(&name);
            }
            if !c.contains(&format!("struct {name}")) && !c.contains(&format!("union {name}")) {
                let name = as_declared(name);
                return Err(FFIError::new_err(format!(
                    "multiple declarations of {name} (for interactive usage, try cdef(xx, override=True))"
                )));
            }
        }
        let at = text.origin(error.position.saturating_sub(pragma));
        Err(of_text(source, at, &error, "<cdef source string>"))
    }

    /// Reads all texts again, without those that declare a name.
    fn read_again(&mut self, without: &str) -> PyResult<()> {
        // They are read as they were, before later ones said what a name means.
        let own = mem::take(&mut self.names.own);
        self.declarations = Declarations::for_model(engine().data_model());
        self.add_built_in();
        for (source, options) in &self.sources {
            let Ok(text) = Text::new(source, &mut self.names) else { continue };
            for (name, define) in &text.defines {
                if let (Define::Number(value), true) = (define, without != name) {
                    self.declarations.define_constant(name, *value);
                }
            }
            let c = format!("{}{}", pragma(*options), text.c);
            if let Ok(own) = Declarations::parse_in(&c, &self.declarations)
                && own.named(without).is_none()
                && own.tagged(without).is_none()
                && !own.constants().any(|(name, _)| name == without)
            {
                self.declarations.extend(own);
            }
        }
        self.names.own.extend(own);
        self.tagged.retain(|(_, tag), _| tag != without);
        Ok(())
    }

    /// Refuses a function or variable that is declared again with another type.
    fn check_repeated(&self, own: &Declarations, options: Options) -> PyResult<()> {
        if options.replace {
            return Ok(());
        }
        let twice = |kind: &str, name: &str| {
            FFIError::new_err(format!(
                "multiple declarations of {kind} {name} (for interactive usage, try cdef(xx, override=True))"
            ))
        };
        for Prototype { name, signature } in own.functions() {
            let Some(name) = name else { continue };
            if signature.fixed() == Some(0) && signature.params().is_empty() {
                return Err(CDefError::new_err(format!(
                    "<cdef source string>:1: {name}: a function with only '(...)' as argument is not correct C"
                )));
            }
            if let Some(known) = self.functions.get(name)
                && unnamed(&known.signature) != unnamed(signature)
            {
                return Err(twice("function", name));
            }
        }
        for object in own.objects() {
            if self.objects.get(&object.name).is_some_and(|known| known.ty != object.ty) {
                return Err(twice("variable", &object.name));
            }
        }
        Ok(())
    }

    fn add(&mut self, py: Python<'_>, own: Declarations) -> PyResult<()> {
        for (name, ty) in own.named_types() {
            let key = match &ty {
                Type::Aggregate(aggregate) if aggregate.tag.is_none() => Arc::as_ptr(aggregate) as usize,
                Type::Enum(enumeration) => {
                    if let Some(tag) = enumeration.tag().filter(|tag| tag.starts_with(UNTAGGED)) {
                        self.untagged_enums.entry(tag.into()).or_insert_with(|| as_declared(name).into());
                    }
                    continue;
                }
                _ => continue,
            };
            self.untagged_names.entry(key).or_insert_with(|| as_declared(name).into());
        }
        for prototype in own.functions() {
            if let Some(name) = &prototype.name {
                self.functions.insert(name.clone(), prototype.clone());
            }
        }
        for object in own.objects() {
            match object.value.filter(|_| object.constant && matches!(object.ty, Type::Int(_))) {
                Some(value) => {
                    self.constants.insert(object.name.clone(), value);
                }
                None => {
                    self.objects.insert(object.name.clone(), object.clone());
                }
            }
        }
        self.constants.extend(own.constants().map(|(name, value)| (String::from(name), value)));
        self.declarations.extend(own);
        self.known.clear();
        self.complete_tags(py)
    }

    /// Adds the types and constants of another `FFI`.
    pub(crate) fn include(&mut self, py: Python<'_>, other: &mut Declared) -> PyResult<()> {
        // Both have the same type objects, so all of them are made now.
        let types = other.declarations.tagged_types().chain(other.declarations.named_types());
        let types: Vec<Type> = types.map(|(_, ty)| ty).collect();
        for ty in types {
            // One that is not supported has no object.
            let _made = other.resolve(py, &ty, false);
        }
        self.declarations.extend(other.declarations.clone());
        for (key, ctype) in &other.tagged {
            self.tagged.entry(key.clone()).or_insert_with(|| ctype.clone_ref(py));
        }
        for (key, (kept, ctype)) in &other.untagged {
            self.untagged.entry(*key).or_insert_with(|| (kept.clone(), ctype.clone_ref(py)));
        }
        self.untagged_names.extend(other.untagged_names.iter().map(|(key, name)| (*key, name.clone())));
        let enums = other.untagged_enums.iter().map(|(tag, name)| (tag.clone(), name.clone()));
        self.untagged_enums.extend(enums);
        self.constants.extend(other.constants.iter().map(|(name, value)| (name.clone(), *value)));
        self.names.include(&other.names);
        self.sources.extend(other.sources.iter().cloned());
        self.known.clear();
        Ok(())
    }

    /// The type that a text names.
    pub(crate) fn parse(&mut self, py: Python<'_>, source: &str) -> PyResult<(Py<CType>, Spelled)> {
        if let Some((ctype, spelled)) = self.known.get(source) {
            return Ok((ctype.clone_ref(py), *spelled));
        }
        let text = Text::new(source, &mut self.names).map_err(|error| of_dialect(source, &error))?;
        let mut spelled = Spelled::AsIs;
        let ctype = match Type::parse_declared(&text.c, &self.declarations) {
            Ok((ty, declared)) => self.resolve(py, &ty, declared.flexible)?,
            // What is declared may have a name, and may be a function; anything else is wrong as the name of a type.
            Err(error) => {
                let unnamed = self.without_name(&text.c);
                let c = unnamed.as_deref().unwrap_or(&text.c);
                match Type::parse_declared(c, &self.declarations) {
                    Ok((ty, declared)) if unnamed.is_some() => self.resolve(py, &ty, declared.flexible)?,
                    _ => {
                        let signature = Signature::parse_in(c, &self.declarations)
                            .map_err(|_| of_type(source, text.origin(error.position), &error))?;
                        spelled = Spelled::Function;
                        self.resolve_function(py, &signature)?
                    }
                }
            }
        };
        self.known.insert(source.into(), (ctype.clone_ref(py), spelled));
        Ok((ctype, spelled))
    }

    /// The text of a declaration of one name, with spaces in its place.
    fn without_name(&self, c: &str) -> Option<String> {
        let own = Declarations::parse_in(&format!("typedef {c};"), &self.declarations).ok()?;
        let mut names =
            own.named_types().map(|(name, _)| name).chain(own.named_functions().map(|(name, _)| name));
        let (name, None) = (names.next()?, names.next()) else { return None };
        // `name(name)` is a function, where the name is a type's.
        if self.declarations.named(name).is_some() || c.contains(';') {
            return None;
        }
        // Tags come before the name, and parameters after it.
        let without = |at: usize| [&c[..at], &" ".repeat(name.len()), &c[at + name.len()..]].concat();
        words(c).filter(|(_, word)| *word == name).map(|(at, _)| without(at)).find(|c| {
            Type::parse_declared(c, &self.declarations).is_ok()
                || Signature::parse_in(c, &self.declarations).is_ok()
        })
    }

    /// What a library has under that name.
    pub(crate) fn named(&mut self, py: Python<'_>, name: &str) -> PyResult<Option<Named>> {
        if let Some(prototype) = self.functions.get(name).cloned() {
            let signature = self.declarations.complete(&prototype.signature);
            let ctype = self.resolve_function(py, &signature)?;
            return Ok(Some(Named::Function { ctype, prototype }));
        }
        if let Some(object) = self.objects.get(name).cloned() {
            if object.constant && !matches!(object.ty, Type::Array(_)) {
                return Ok(Some(Named::Opaque));
            }
            let ctype = self.resolve(py, &object.ty, object.declared.flexible)?;
            return Ok(Some(Named::Variable(ctype)));
        }
        if self.is_partial(name) {
            return Ok(Some(Named::Partial));
        }
        Ok(self.constants.get(name).map(|value| Named::Constant(*value)))
    }

    /// Every name that a library can have.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        let names = self.functions.keys().chain(self.objects.keys()).chain(self.constants.keys());
        names.map(String::as_str).filter(|name| !name.starts_with(super::dialect::REST)).collect()
    }

    /// Names of types, of structures, and of unions.
    pub(crate) fn types(&self) -> [Vec<String>; 3] {
        let declarations = &self.declarations;
        let built_in = |name: &str| BUILT_IN.iter().any(|(known, _)| *known == name);
        let types = declarations.named_types().map(|(name, _)| name);
        let functions = declarations.named_functions().map(|(name, _)| name);
        let mut types: Vec<String> = types
            .chain(functions)
            .filter(|name| !built_in(name))
            .map(as_declared)
            .map(String::from)
            .collect();
        types.sort();
        let tags = |wanted: AggregateKind| {
            let tags = declarations.aggregate_tags().filter(|(kind, _)| *kind == wanted);
            let tags = tags.map(|(_, tag)| written(tag)).filter(|tag| !tag.starts_with("__springboard_"));
            let mut tags: Vec<String> = tags.map(String::from).collect();
            tags.sort();
            tags
        };
        [types, tags(AggregateKind::Struct), tags(AggregateKind::Union)]
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let known = self.known.values().map(|(ctype, _)| ctype);
        let untagged = self.untagged.values().map(|(_, ctype)| ctype);
        self.tagged.values().chain(untagged).chain(known).try_for_each(|ctype| visit.call(ctype))
    }

    /// Gives up every type, for the garbage collector to break cycles.
    pub(crate) fn take_types(&mut self) -> impl Sized + use<> {
        (mem::take(&mut self.tagged), mem::take(&mut self.untagged), mem::take(&mut self.known))
    }

    /// A function type, as a pointer to it.
    pub(super) fn resolve_function(&mut self, py: Python<'_>, signature: &Signature) -> PyResult<Py<CType>> {
        let result = self.resolve(py, signature.result(), false)?;
        let mut arguments = Vec::new();
        for parameter in signature.params() {
            arguments.push(self.resolve(py, &parameter.ty, false)?);
        }
        ctype::function_of(py, arguments, result, signature.fixed().is_some())
    }
}

/// The parameters' names mean nothing.
fn unnamed(signature: &Signature) -> (Vec<&Type>, &Type, Option<usize>) {
    (signature.params().iter().map(|param| &param.ty).collect(), signature.result(), signature.fixed())
}

fn pragma(options: Options) -> String {
    options.pack.map(|pack| format!("#pragma pack({pack})\n")).unwrap_or_default()
}
