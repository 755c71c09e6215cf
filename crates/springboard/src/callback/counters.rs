//! What becomes of calls, counted.

use crate::stats::Counter;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// What became of the calls that did not simply run where they came from, of all callbacks of one type.
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        #[non_exhaustive]
        pub struct Counts {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The same as they are counted.
        #[derive(Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
        }

        impl Counters {
            pub(super) fn read(&self) -> Counts {
                Counts { $($name: self.$name.get(),)* }
            }
        }
    };
}

counts! {
    /// Calls posted to a mailbox, or that waited for its owner.
    sent;
    /// Of these, calls whose handler has run.
    delivered;
    /// Calls that got zero because of the policy: rejected, refused by a full mailbox or a busy owner, out of time,
    /// or given up because the owner is gone.
    refused;
    /// Posted calls that were dropped before they were delivered: the oldest of a full mailbox, or with their owner.
    dropped;
    /// Calls that got zero because an error was pending on their thread.
    skipped;
    /// Delivered calls whose caller had gone on before the result was there.
    late;
}
