//! Functions of a host: a stub, and its slow twin.

use std::{cell::RefCell, ffi::c_void};

use springboard::{
    Engine,
    abi::{
        boxed::{BoxedCall, Host},
        check_boxed, plan_boxed,
    },
    emit::HoleKind,
    ir::Signature,
    stamp::{Stamp, Stub},
};

/// A word of a host: the address of an object, or a value.
pub(crate) type Word = u64;

/// The type of the hosts' functions.
pub(crate) type Callable = unsafe extern "C" fn(Word, Word, Word) -> Word;

/// A function of a host that is a native function.
pub(crate) struct Function {
    stub: Stub,
}

thread_local! {
    /// What slow twins have been called with.
    static SLOW: RefCell<Vec<[Word; 3]>> = const { RefCell::new(Vec::new()) };
}

/// What the slow twin returns.
pub(crate) const FROM_SLOW: Word = 0x5105_5105;

extern "C" fn slow_twin(first: Word, second: Word, third: Word) -> Word {
    SLOW.with_borrow_mut(|calls| calls.push([first, second, third]));
    FROM_SLOW
}

/// With what the slow twin has been called since it was asked last.
pub(crate) fn slow_calls() -> Vec<[Word; 3]> {
    SLOW.take()
}

impl Function {
    /// A function of `host` that calls `target`.
    pub(crate) fn new(host: &Host, declaration: &str, target: *const c_void, addresses: &[Word]) -> Function {
        let engine = Engine::new();
        let signature = Signature::parse(declaration).expect("a declaration");
        let call = BoxedCall::new(signature, host, engine.data_model()).expect("it has a layout");
        Function::of(&engine, &call, target, addresses)
    }

    pub(crate) fn of(
        engine: &Engine,
        call: &BoxedCall,
        target: *const c_void,
        addresses: &[Word],
    ) -> Function {
        let plan = engine.plan_with(|target| plan_boxed(call, target)).expect("a plan");
        let machine = engine.target().expect("this machine is known");
        check_boxed(&plan, call, machine).unwrap_or_else(|violation| panic!("{violation}\n{plan}"));
        let addresses: Vec<*const c_void> =
            addresses.iter().map(|address| std::ptr::with_exposed_provenance(*address as usize)).collect();
        let stamp = Stamp::new(&plan)
            .hole(HoleKind::Target, target)
            .hole(HoleKind::Slow, slow_twin as *const c_void)
            .host(&addresses);
        Function { stub: engine.stamp(stamp).unwrap_or_else(|error| panic!("{error}\n{plan}")) }
    }

    /// Calls the stub with three words.
    pub(crate) fn enter(&self, words: [Word; 3]) -> Word {
        // SAFETY: the stub was planned for a callable of three words.
        let code = unsafe { std::mem::transmute::<*mut c_void, Callable>(self.stub.address().as_ptr()) };
        let [first, second, third] = words;
        // SAFETY: callers pass words of the host that the stub was made for.
        unsafe { code(first, second, third) }
    }
}
