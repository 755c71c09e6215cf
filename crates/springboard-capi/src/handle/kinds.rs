//! The kinds of handles.

/// A kind of handle.
pub(crate) trait Kind {
    /// What it is called in messages, with its article.
    const NAME: &'static str;
    /// Its number, from 1.
    const NUMBER: u64;
}

macro_rules! kinds {
    ($($kind:ident $number:literal $c:literal $name:literal;)*) => {
        $(
            #[doc = concat!("`", $c, "`.")]
            #[repr(C)]
            #[derive(Debug)]
            pub struct $kind([u8; 0]);

            impl Kind for $kind {
                const NAME: &'static str = $name;
                const NUMBER: u64 = $number;
            }
        )*

        /// What a kind of this number is called.
        pub(super) fn name(number: u64) -> Option<&'static str> {
            match number {
                $($number => Some($name),)*
                _ => None,
            }
        }
    };
}

kinds! {
    EngineHandle 1 "sb_engine" "an engine";
    LibraryHandle 2 "sb_library" "a library";
    DeclarationsHandle 3 "sb_declarations" "declarations";
    SignatureHandle 4 "sb_signature" "a signature";
    FunctionHandle 5 "sb_function" "a function";
    CallbackTypeHandle 6 "sb_callback_type" "a type of callbacks";
    CallbackHandle 7 "sb_callback" "a callback";
    MailboxHandle 8 "sb_mailbox" "a mailbox";
    V8LibraryHandle 9 "sb_v8_library" "a library for V8";
    V8FunctionHandle 10 "sb_v8_function" "a function for V8";
    BackgroundHandle 11 "sb_background" "threads for calls";
    PendingHandle 12 "sb_pending" "a call in the background";
    V8RegistryHandle 13 "sb_v8_registry" "a registry";
    LaterHandle 14 "sb_later" "an answer that is owed";
    HeirHandle 15 "sb_heir" "an heir";
}
