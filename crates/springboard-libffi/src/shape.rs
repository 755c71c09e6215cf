//! Shapes: what a key comes down to, planned when it is first met and compiled when it is first used.

use std::{
    ffi::c_void,
    ptr::NonNull,
    sync::{
        OnceLock,
        atomic::{AtomicPtr, Ordering::Release},
    },
};

use springboard::{
    Engine,
    abi::{self, Entry, Plan, Target},
    ir::{Layout, Signature, Type},
    stamp::{Stamp, StampError},
};

use crate::{key, trace, x87::Numbers};

/// A signature as far as calls of it differ.
pub(crate) struct Shape {
    pub(crate) key: Box<[u64]>,
    /// Why calls of it are libffi's. `None` where they have a plan.
    pub(crate) reason: Option<&'static str>,
    /// Size and alignment of the result in bytes; 0 and 1 for `void`.
    pub(crate) result: Layout,
    /// What of the result comes back where no stub looks: to its stub the function is one of `void`.
    pub(crate) numbers: Option<Numbers>,
    /// What is planned, and for whom.
    signature: Option<(Signature, Target)>,
    /// The stub of calls, once compiled; not where it is looked for first while calls are counted.
    stub: OnceLock<Option<NonNull<c_void>>>,
    /// The stub of Go closures, once compiled.
    go: AtomicPtr<c_void>,
}

// SAFETY: pointers to code, which any thread may call.
unsafe impl Send for Shape {}
// SAFETY: the only raw pointers are addresses of code; they sit in a `OnceLock` and an atomic, and code may be shared.
unsafe impl Sync for Shape {}

/// The reason why a result on the x87 stack has no plan.
const X87_RESULT: &str = "x87-result";

/// What compiles, for the whole process.
fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::new)
}

fn planned(signature: &Signature, target: &Target, entry: Entry) -> Result<Plan, &'static str> {
    abi::plan(signature, target, entry).map_err(|rule| rule.code())
}

fn compiled(signature: &Signature, target: &Target, entry: Entry) -> Result<NonNull<c_void>, &'static str> {
    // What has no holes stays as long as the engine.
    match engine().stamp(Stamp::new(&planned(signature, target, entry)?)) {
        Ok(stub) => Ok(stub.address()),
        Err(StampError::Reason(reason)) => Err(reason.code()),
        Err(_) => Err("holes"),
    }
}

impl Shape {
    /// Plans what a key stands for.
    pub(crate) fn new(words: &[u64]) -> Shape {
        let none = Layout { size: 0, align: 1 };
        let fallback = |reason| Shape {
            key: words.into(),
            reason: Some(reason),
            result: none,
            numbers: None,
            signature: None,
            stub: OnceLock::new(),
            go: AtomicPtr::default(),
        };
        if std::env::var_os("SPRINGBOARD_JIT").is_some_and(|value| value == "off") {
            return fallback("jit-off");
        }
        let Ok(target) = key::target(words) else { return fallback("unknown-target") };
        let Ok(mut signature) = key::signature(words) else {
            return fallback("too-many-parameters");
        };
        let result = match signature.result() {
            Type::Void => none,
            ty => ty.layout(&target.model).unwrap_or(none),
        };
        let mut numbers = None;
        if let Err(reason) = planned(&signature, &target, Entry::Avalue) {
            numbers = Numbers::of(signature.result()).filter(|_| reason == X87_RESULT);
            let unseen = numbers.and_then(|_| {
                Signature::variadic(Type::Void, signature.params().to_vec(), signature.params().len()).ok()
            });
            match unseen.filter(|unseen| planned(unseen, &target, Entry::Avalue).is_ok()) {
                Some(unseen) => signature = unseen,
                None => return fallback(reason),
            }
        }
        Shape { reason: None, result, numbers, signature: Some((signature, target)), ..fallback("") }
    }

    /// The stub for calls. `None` where it cannot be made: then the call is libffi's, this time and for good.
    pub(crate) fn call_stub(&self) -> Option<NonNull<c_void>> {
        *self.stub.get_or_init(|| self.compile(Entry::Avalue))
    }

    /// The stub for closures, compiled anew each time.
    pub(crate) fn closure_stub(&self) -> Option<NonNull<c_void>> {
        self.compile(Entry::Closure)
    }

    /// The stub for Go closures.
    pub(crate) fn go_stub(&self) -> Option<NonNull<c_void>> {
        if self.numbers.is_some() {
            // There is no user data to say which function returns them.
            return None;
        }
        if let Some(known) = NonNull::new(self.go.load(std::sync::atomic::Ordering::Acquire)) {
            return Some(known);
        }
        let stub = self.compile(Entry::GoClosure)?;
        self.go.store(stub.as_ptr(), Release);
        Some(stub)
    }

    fn compile(&self, entry: Entry) -> Option<NonNull<c_void>> {
        let made = self.signature.as_ref().map(|(signature, target)| compiled(signature, target, entry))?;
        made.inspect_err(|reason| trace::fallback(reason)).ok()
    }
}
