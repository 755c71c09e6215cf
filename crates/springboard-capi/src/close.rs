//! Closing handles of which nothing else becomes.

use std::ffi::c_int;

use crate::{
    boundary::enter,
    handle::{self, *},
};

macro_rules! closing {
    ($($name:ident($kind:ty);)*) => {$(
        /// Closes a handle. What it stands for goes with its last user.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(handle: *const $kind) -> c_int {
            enter(|| handle::close(handle))
        }
    )*};
}

closing! {
    sb_engine_close(EngineHandle);
    sb_library_close(LibraryHandle);
    sb_declarations_close(DeclarationsHandle);
    sb_signature_close(SignatureHandle);
    sb_function_close(FunctionHandle);
    sb_callback_type_close(CallbackTypeHandle);
    sb_background_close(BackgroundHandle);
    sb_pending_close(PendingHandle);
    sb_later_close(LaterHandle);
    sb_heir_close(HeirHandle);
    sb_v8_library_close(V8LibraryHandle);
    sb_v8_function_close(V8FunctionHandle);
    sb_v8_registry_close(V8RegistryHandle);
}
