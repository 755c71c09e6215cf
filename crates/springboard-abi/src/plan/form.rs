//! In which form a stub's caller has arguments and results.

use alloc::boxed::Box;

use super::{
    Columns, DowncallResult, Entry, Fill, Move, ResultMove,
    boxed::{Around, Boxing, Callable, HostAddress, Returned, Unboxed},
};

/// The form in which a stub's caller hands over arguments and takes the result: an [`Entry`], with what a plan says of
/// it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Form {
    /// [`Entry::Slots`].
    Slots(SlotsForm),
    /// [`Entry::Bound`].
    Bound(SlotsForm),
    /// [`Entry::Relay`]: nothing but its moves.
    Relay,
    /// [`Entry::Callback`].
    Callback(UpcallResult),
    /// [`Entry::V8`].
    V8(FastForm),
    /// [`Entry::Avalue`].
    Avalue(DowncallResult),
    /// [`Entry::Closure`].
    Closure(ClosureForm),
    /// [`Entry::GoClosure`].
    GoClosure(ClosureForm),
    /// [`Entry::Direct`].
    Direct {
        /// The general register that the host's context is passed in. It is also the number of registers in front
        /// of it, which the stub leaves alone.
        context: u8,
    },
    /// [`Entry::Columns`].
    Columns(Columns),
    /// [`Entry::Boxed`].
    Boxed(BoxedForm),
}

/// What a plan says of the `slots` and `bound` entries.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SlotsForm {
    /// What happens to the result.
    pub result: DowncallResult,
    /// What the stub reads as soon as the native function has returned, before anything else can run.
    pub last_error: Option<LastError>,
}

/// What a plan says of the `v8` entry.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FastForm {
    /// The stub's own parameters after the receiver.
    pub parameters: Box<[Parameter]>,
    /// What is checked before anything else.
    pub guard: Guard,
    /// What happens to the result.
    pub result: DowncallResult,
}

/// What a plan says of the `boxed` entry.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BoxedForm {
    /// The stub's own type.
    pub callable: Callable,
    /// One per parameter of the native function: what its slot gets.
    pub arguments: Box<[Unboxed]>,
    /// What is called around the native function.
    pub around: Option<Around>,
    /// Where the bytes of an aggregate result go: by way of the slot after the arguments, which holds the address of the
    /// new object's memory.
    pub result: DowncallResult,
    /// What the native function returns.
    pub returned: Returned,
    /// What is made of that.
    pub boxing: Boxing,
}

/// What a plan says of libffi's closures.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ClosureForm {
    /// What the slot of each argument holds.
    pub arguments: Box<[SlotContent]>,
    /// Where the result comes from.
    pub result: UpcallResult,
}

/// What a slot holds of a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SlotContent {
    /// Its bytes.
    Bytes,
    /// The address of its bytes.
    Address,
}

/// An `int` that is delivered beside a result, because whatever the host does next may overwrite it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LastError {
    /// Where the `int` is read.
    pub source: ErrorSource,
    /// The slot that holds the address to which it is written: the one after all others.
    pub slot: u16,
}

/// Where a last error is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ErrorSource {
    /// At the address that the host's helper, `int *(*)(void)`, returns: `errno`, as C libraries implement it. The
    /// stub asks for the address and writes zero there before the call, so that what is read after it is the call's.
    Location,
    /// As [`Location`](ErrorSource::Location), where the address is at the same distance from every thread's thread
    /// pointer, and the host knows how far: `errno` in static thread-local storage (ELF TLS ABI, variant II). Nothing is
    /// called. Only for stubs that System V AMD64 code calls.
    ThreadLocal,
    /// It is what the host's helper, `int (*)(void)`, returns after the call.
    Function,
}

/// A parameter of a stub that V8 calls.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Parameter {
    /// 32 bits in a general register; the rest of it is undefined.
    Int32,
    /// 64 bits in a general register.
    Int64,
    /// An [`Int32`](Parameter::Int32) that must be in the range of a narrower integer. Where it is not, the stub
    /// calls the host and returns zero.
    Narrow {
        /// Size of the narrower integer, in bytes.
        bytes: u8,
        /// Whether it has a sign.
        fill: Fill,
    },
    /// A `double` that must be a whole number in the range of an integer of at most 32 bits, and is passed on as that
    /// integer. Where it is not, the stub calls the host and returns zero.
    Exact {
        /// Size of the integer, in bytes.
        bytes: u8,
        /// Whether it has a sign.
        fill: Fill,
    },
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// A JavaScript value that the host unwraps to a pointer. Where it cannot, the stub returns zero.
    Buffer,
    /// The pointer to V8's options, after all others, which helpers of the host get.
    Options,
}

/// What a stub checks before anything else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Guard {
    /// Nothing.
    None,
    /// Whether the library has been closed: a byte that is not zero. Then the stub calls the host and returns zero.
    Closed,
}

/// Where the result of an upcall comes from.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum UpcallResult {
    /// There is none, or it has no bytes.
    Nothing,
    /// Its register is loaded from its slot. The place is numbered as results are.
    Word(Move),
    /// Bytes of result registers are loaded from the memory whose address a slot holds.
    Memory {
        /// The slot.
        slot: u16,
        /// The bytes, ordered by offset.
        moves: Box<[ResultMove]>,
    },
    /// The stub returns, in the first general result register, the address that it was passed for the result and
    /// that its slot holds.
    Address {
        /// The slot.
        slot: u16,
    },
}

impl Form {
    /// Which entry it is of.
    pub const fn entry(&self) -> Entry {
        match self {
            Form::Slots(_) => Entry::Slots,
            Form::Bound(_) => Entry::Bound,
            Form::Relay => Entry::Relay,
            Form::Callback(_) => Entry::Callback,
            Form::V8(_) => Entry::V8,
            Form::Avalue(_) => Entry::Avalue,
            Form::Closure(_) => Entry::Closure,
            Form::GoClosure(_) => Entry::GoClosure,
            Form::Direct { .. } => Entry::Direct,
            Form::Columns(_) => Entry::Columns,
            Form::Boxed(_) => Entry::Boxed,
        }
    }

    /// What a downcall does with the result beside passing it on. `None` of upcalls.
    pub const fn downcall_result(&self) -> Option<&DowncallResult> {
        match self {
            Form::Slots(SlotsForm { result, .. })
            | Form::Bound(SlotsForm { result, .. })
            | Form::V8(FastForm { result, .. })
            | Form::Boxed(BoxedForm { result, .. })
            | Form::Columns(Columns { result, .. })
            | Form::Avalue(result) => Some(result),
            Form::Relay | Form::Direct { .. } => Some(&DowncallResult::InPlace),
            Form::Callback(_) | Form::Closure(_) | Form::GoClosure(_) => None,
        }
    }

    /// Where the result of an upcall comes from. `None` of downcalls.
    pub const fn upcall_result(&self) -> Option<&UpcallResult> {
        match self {
            Form::Callback(result)
            | Form::Closure(ClosureForm { result, .. })
            | Form::GoClosure(ClosureForm { result, .. }) => Some(result),
            _ => None,
        }
    }

    /// The last error that is delivered.
    pub const fn last_error(&self) -> Option<LastError> {
        match self {
            Form::Slots(slots) | Form::Bound(slots) => slots.last_error,
            _ => None,
        }
    }
}

impl FastForm {
    /// Whether V8 passes a pointer to its options, after the parameters.
    pub fn takes_options(&self) -> bool {
        self.parameters.last() == Some(&Parameter::Options)
    }
}

impl BoxedForm {
    /// How many addresses of the host the stub needs: one more than the largest number.
    pub fn addresses(&self) -> usize {
        let mut last = 0;
        self.each_address(|HostAddress(number)| last = last.max(usize::from(number) + 1));
        last
    }

    fn each_address(&self, mut see: impl FnMut(HostAddress)) {
        for way in self.arguments.iter().flat_map(|argument| &argument.ways) {
            way.each_address(&mut see);
        }
        if let Some(Around { before, after }) = self.around {
            see(before);
            see(after);
        }
        self.boxing.each_address(&mut see);
    }
}
