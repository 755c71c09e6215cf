//! The ways in which stubs are entered.

/// By which convention of springboard a stub is entered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Entry {
    /// `extern "C" fn(target, slots) -> R`: a downcall with its arguments in an array of 8-byte slots, one per
    /// argument, in order. [`SlotForm`](crate::SlotForm) says what a slot holds. A result that is a
    /// [`SlotForm::Word`](crate::SlotForm::Word) stays in the register in which the callee left it, with the bits
    /// above its width undefined; any other is written to the address in the slot after the last argument.
    Slots,
    /// `extern "C" fn(slots) -> R`: the same, with the target's address in the stub. For hosts that keep one pointer
    /// per function. There is one stub per function, where `Slots` has one per plan.
    Bound,
    /// `extern "C" fn(slots) -> R`: the same with the least code, for signatures whose moves take much of it. The stub
    /// holds the target's address and that of the `Slots` stub of its shape, to which it passes both on. One plan
    /// serves all signatures. `Operand::Slot` names the stub's own parameter, and after it the target.
    Relay,
    /// The native function type itself: native code calls the stub, which writes the arguments into an array of
    /// slots and calls `extern "C" fn(context, slots)` of the host. After the last argument's slot there is one for
    /// the result: the host writes a [`SlotForm::Word`](crate::SlotForm::Word) into it, or the bytes of any other
    /// result to the address that it finds there.
    Callback,
    /// The C function that V8's fast API calls: receiver, one argument per parameter, options where they are needed.
    /// `Operand::Slot` names a parameter after the receiver. The target is in the stub.
    V8,
    /// `extern "C" fn(target, void *result, void **avalue)`, libffi's form: one pointer per argument, to the bytes of
    /// its own C type. An integer result or pointer is written to `result` as a whole 8-byte word, extended from its
    /// own width (libffi's `ffi_arg`); any other with exactly its bytes, and `void` not at all. `Operand::Memory`
    /// names an entry of `avalue`; the slot after the last argument's names `result` itself.
    Avalue,
    /// The native function type itself, for libffi's closures: native code calls the stub, which calls
    /// `fun(cif, result, avalue, user_data)` as the closure says. `avalue` holds one pointer per argument, to bytes of
    /// its own C type; `result` points to a word, or to the memory of a result that is no
    /// [`SlotForm::Word`](crate::SlotForm::Word). The closure is libffi's `ffi_closure`: code, then `cif`, `fun` and
    /// `user_data`. Its address comes in the register in which libffi's own code passes it: `r10`, `x17`, `t1`, `r0`.
    Closure,
    /// The same for libffi's Go closures: 8 bytes that are nobody's here, then `cif` and `fun`; the closure's own
    /// address is the user data, and comes in the register of the static chain: `r10`, `x18`, `t2`, `r0`.
    GoClosure,
    /// The native function type itself, as for `Callback`; but the stub passes the arguments on where they are, to a
    /// function of the host that has one parameter more, after all others: the context. The context's first word is
    /// that function's address. `Operand::Slot` names a general argument register as native code left it; the one
    /// after the last of them is the context.
    Direct,
    /// `extern "C" fn(target, frame) -> rows`: one call per row. Arguments are read from arrays and the result is written
    /// to one; their elements have the C types. The frame is words of 8 bytes: the number of rows; the address of a word
    /// that ends the loop once a row has set its highest bit; the address of the first element of each column; that of the
    /// first result, unless the function returns nothing. Where the plan stores errors, the address of the thread's `errno`
    /// and that of the first error; for each column with a [`Step::Stride`](super::Step), how many bytes its elements lie
    /// apart; where the plan has [`Rows::Valid`](super::Rows), the address of the bits and the number of the first row's.
    /// How many rows were done, or passed over, is returned.
    Columns,
    /// A C function of the host's own callable type: it takes the host's objects, unboxes them, calls, and returns a
    /// boxed result. A [`BoxedCall`](crate::boxed::BoxedCall) describes the objects. Whatever the stub cannot do goes to the
    /// *slow twin*, a C function of the same type, with the very arguments. The target is in the stub. `Operand::Slot`
    /// names the canonical slot of an unboxed argument.
    Boxed,
}

/// Between which forms a stub translates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Direction {
    /// The stub's caller has the arguments in a form of the host's, and the stub calls by a convention of native code.
    Downcall,
    /// The other way round.
    Upcall,
}

impl Entry {
    /// Between which forms stubs of this entry translate. `Direct` translates nothing, and calls as a downcall does.
    pub const fn direction(self) -> Direction {
        match self {
            Entry::Slots
            | Entry::Bound
            | Entry::Relay
            | Entry::V8
            | Entry::Avalue
            | Entry::Direct
            | Entry::Columns
            | Entry::Boxed => Direction::Downcall,
            Entry::Callback | Entry::Closure | Entry::GoClosure => Direction::Upcall,
        }
    }
}

impl Entry {
    /// Every entry, in the order of the documentation.
    pub const ALL: [Entry; 11] = [
        Entry::Slots,
        Entry::Bound,
        Entry::Relay,
        Entry::Callback,
        Entry::V8,
        Entry::Avalue,
        Entry::Closure,
        Entry::GoClosure,
        Entry::Direct,
        Entry::Columns,
        Entry::Boxed,
    ];
}
