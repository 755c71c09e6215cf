//! Room for as many words as a call has arguments.

use std::mem::MaybeUninit;

use crate::types::Raw;

/// Words on the stack for arguments; more are allocated.
const FEW: usize = 64;

/// Calls with room for `count` words, on the stack where they are few.
pub(crate) fn with_words(count: usize, call: impl FnOnce(*mut Raw)) {
    if count <= FEW {
        let mut words = [MaybeUninit::<Raw>::uninit(); FEW];
        return call(words.as_mut_ptr().cast());
    }
    call(vec![Raw { word: 0 }; count].as_mut_ptr());
}
