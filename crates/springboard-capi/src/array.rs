//! Arrays, on their way in and out.

use std::{mem, ptr, slice};

use crate::{
    boundary::{Failure, Out, null, out},
    text::Text,
};

/// An array that C passes.
///
/// # Safety
/// It is null, or has `count` elements that stay as they are for `'a`.
pub(crate) unsafe fn array<'a, T>(start: *const T, count: usize, name: &str) -> Result<&'a [T], Failure> {
    match count {
        0 => Ok(&[]),
        _ if start.is_null() => Err(null(name)),
        // SAFETY: it is not null, so the caller says that it has `count` elements.
        _ => Ok(unsafe { slice::from_raw_parts(start, count) }),
    }
}

/// The same of texts, each of which must be there and be UTF-8.
///
/// # Safety
/// As [`array`].
pub(crate) unsafe fn texts<'a>(
    start: *const Text<'a>,
    count: usize,
    name: &str,
) -> Result<Vec<&'a str>, Failure> {
    // SAFETY: the caller says of the array what `array` asks for.
    unsafe { array(start, count, name) }?.iter().map(|text| text.get(name)).collect()
}

/// Writes as many values as C has room for.
///
/// # Safety
/// `start` is null or has room for so many.
pub(crate) unsafe fn fill<T>(
    start: *mut T,
    room: usize,
    name: &str,
    values: impl IntoIterator<Item = T>,
) -> Result<(), Failure> {
    if start.is_null() && room != 0 {
        return Err(null(name));
    }
    for (index, value) in values.into_iter().take(room).enumerate() {
        // SAFETY: `index` is below `room`, and `start` is not null, so the caller says that there is room.
        unsafe { start.add(index).write(value) };
    }
    Ok(())
}

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
    // SAFETY: the caller says that `functions` is null or has `count` elements.
    unsafe { fill(functions, count, "functions", std::iter::repeat(ptr::null_mut())) }?;
    // SAFETY: the caller says that `declarations` is null or has `count` elements.
    let mut bound = bind(unsafe { texts(declarations, count, "declarations") }?)?;
    let first = bound.iter().position(Result::is_err);
    let first = first.map(|index| {
        failed.write(index);
        mem::replace(&mut bound[index], Ok(ptr::null_mut()))
    });
    let handles = bound.into_iter().map(|bound| bound.unwrap_or(ptr::null_mut()));
    // SAFETY: the caller says that `functions` is null or has `count` elements.
    unsafe { fill(functions, count, "functions", handles) }?;
    first.map_or(Ok(()), |first| first.map(drop))
}
