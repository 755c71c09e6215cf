//! Many functions bound at once: arrays of declarations and of handles.

use std::{ptr, slice};

use crate::{
    boundary::{Failure, Out, null, out},
    text::Text,
};

/// Reads `count` declarations, and writes the handles of what `bind` makes of them. If some could not be bound, `failed`
/// gets the index of the first, and its failure is that of the whole call.
///
/// # Safety
/// The arrays are null or have `count` elements.
pub(crate) unsafe fn bind_all<'a, K>(
    declarations: *const Text<'a>,
    count: usize,
    functions: *mut *mut K,
    failed: Out<'_, usize>,
    bind: impl FnOnce(Vec<&'a str>) -> Result<Vec<Result<*mut K, Failure>>, Failure>,
) -> Result<(), Failure> {
    let failed = out(failed, "failed")?;
    failed.write(count);
    if count == 0 {
        return Ok(());
    }
    if functions.is_null() {
        return Err(null("functions"));
    }
    if declarations.is_null() {
        return Err(null("declarations"));
    }
    for index in 0..count {
        // SAFETY: the array is not null, so the caller says that it has `count` elements.
        unsafe { functions.add(index).write(ptr::null_mut()) };
    }
    // SAFETY: the array is not null, so the caller says that it has `count` elements.
    let texts = unsafe { slice::from_raw_parts(declarations, count) };
    let texts = texts.iter().map(|text| text.get("declarations")).collect::<Result<Vec<_>, _>>()?;
    let mut first = None;
    for (index, bound) in bind(texts)?.into_iter().take(count).enumerate() {
        match bound {
            // SAFETY: there is one result per declaration, so the index is below `count`.
            Ok(function) => unsafe { functions.add(index).write(function) },
            Err(failure) if first.is_none() => {
                failed.write(index);
                first = Some(failure);
            }
            Err(_) => {}
        }
    }
    first.map_or(Ok(()), Err)
}
