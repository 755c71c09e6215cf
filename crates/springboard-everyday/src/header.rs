//! All functions of a header, bound; and C text that makes its static functions callable.

use std::fmt::{self, Write as _};

use springboard::{BindError, Engine, Function, Library};
use springboard_ir::{Header, HeaderFunction, Linkage, ParseError, Place};

/// What became of the functions of a header.
#[derive(Clone, Debug)]
pub struct HeaderBinding {
    /// Functions that can be called, in the order in which they are declared.
    pub bound: Vec<Function>,
    /// All other functions, and declarations that could not be read.
    pub reported: Vec<Unbound>,
}

/// A declaration that gave no function.
#[derive(Clone, Debug)]
pub struct Unbound {
    /// The name that it declares, if that can be told.
    pub name: Option<String>,
    /// Where it is.
    pub place: Place,
    /// Why.
    pub why: UnboundReason,
}

/// Why a declaration gave no function.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UnboundReason {
    /// It could not be read.
    Unread(ParseError),
    /// It is `static`, so no library has it. [`wrappers`] writes what makes one that has it.
    Internal,
    /// It could not be bound.
    Bind(BindError),
}

impl fmt::Display for UnboundReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnboundReason::Unread(error) => error.kind.fmt(f),
            UnboundReason::Internal => f.write_str("it is static, and in no library"),
            UnboundReason::Bind(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Unbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.name.as_deref().unwrap_or("?"), self.place, self.why)
    }
}

/// Binds the functions of `library` that a header declares in the places for which `wanted` returns true: a preprocessed
/// header has the declarations of all headers that it includes. Each function is in [`HeaderBinding::bound`], or in
/// [`HeaderBinding::reported`] with the reason.
///
/// As with [`Engine::bind_all`], every distinct shape is compiled once. A function with an `__asm__` name is bound by that
/// symbol, and a variadic function for calls without variadic arguments.
pub fn bind(
    engine: &Engine,
    library: &Library,
    header: &Header,
    wanted: impl Fn(&Place) -> bool,
) -> HeaderBinding {
    let unread = header.skipped().iter().filter(|skipped| wanted(&skipped.place));
    let mut reported: Vec<_> = unread
        .map(|skipped| Unbound {
            name: skipped.name.clone(),
            place: skipped.place.clone(),
            why: UnboundReason::Unread(skipped.error.clone()),
        })
        .collect();
    let functions = header.functions().iter().filter(|function| wanted(&function.place));
    let (external, internal): (Vec<_>, Vec<_>) =
        functions.partition(|function| function.linkage == Linkage::External);
    let unbound = |function: &HeaderFunction, why| {
        let (name, place) = (Some(function.name.clone()), function.place.clone());
        Unbound { name, place, why }
    };
    reported.extend(internal.into_iter().map(|function| unbound(function, UnboundReason::Internal)));

    let declared: Vec<_> =
        external.into_iter().filter_map(|function| Some((function, header.prototype(function)?))).collect();
    let plain = declared.iter().filter(|(function, _)| function.symbol.is_none());
    let mut plain = engine.bind_all(library, plain.map(|(_, prototype)| *prototype)).into_iter();
    let mut bound = Vec::with_capacity(declared.len());
    for (function, prototype) in declared {
        let result = match &function.symbol {
            None => plain.next().expect("one result per declaration"),
            Some(symbol) => engine.function_named(library, symbol, prototype),
        };
        match result {
            Ok(function) => bound.push(function),
            Err(error) => reported.push(unbound(function, UnboundReason::Bind(error))),
        }
    }
    HeaderBinding { bound, reported }
}

/// C text that makes the static functions of a header callable, of those that it has in the places for which `wanted` returns
/// true. Compiled into a shared library, each function has a symbol there: `prefix` with its own name. `includes` is what
/// stands before, as it does in a program that uses the header: `#include <zlib.h>`.
///
/// The symbol is an alias (an attribute of GCC and Clang, which object files of Apple's systems do not have), so that no type
/// is written again. [`Engine::function_named`] binds it, with the prototype that the header has for the function's name.
pub fn wrappers(header: &Header, includes: &str, prefix: &str, wanted: impl Fn(&Place) -> bool) -> String {
    let mut text = format!("{includes}\n");
    let functions = header.functions().iter();
    for function in
        functions.filter(|function| function.linkage == Linkage::Internal && wanted(&function.place))
    {
        let name = &function.name;
        let symbol = function.symbol.as_ref().unwrap_or(name);
        writeln!(text, "extern __typeof__({name}) {prefix}{name} __attribute__((__alias__(\"{symbol}\")));")
            .expect("strings take all");
    }
    text
}
