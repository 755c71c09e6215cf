//! Arrays, on their way in and out.

use std::{marker::PhantomData, mem, ptr, slice};

use crate::{
    boundary::{Failure, Out, null, out},
    text::Text,
};

/// An array that C passes: null, or the address of as many elements as what comes with it says, which stay as they are.
/// Only C makes values of this type.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Array<'a, T>(*const T, PhantomData<&'a [T]>);

impl<'a, T> Array<'a, T> {
    /// Its elements. `count` is the number that came with it.
    pub(crate) fn get(self, count: usize, name: &str) -> Result<&'a [T], Failure> {
        match count {
            0 => Ok(&[]),
            _ if self.0.is_null() => Err(null(name)),
            // SAFETY: C passed the address, which is not null, and the type's documentation asks C for `count` elements.
            _ => Ok(unsafe { slice::from_raw_parts(self.0, count) }),
        }
    }

    /// An array of a structure that C passes.
    ///
    /// # Safety
    /// It is null, or has as many elements as the structure says, which stay as they are for `'a`.
    pub(crate) unsafe fn at(start: *const T) -> Array<'a, T> {
        Array(start, PhantomData)
    }

    /// An array for C: null where there are no elements.
    pub(crate) fn of(elements: &'a [T]) -> Array<'a, T> {
        Array(if elements.is_empty() { ptr::null() } else { elements.as_ptr() }, PhantomData)
    }

    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

impl<'a> Array<'_, Text<'a>> {
    /// Texts, each of which must be there and be UTF-8.
    pub(crate) fn texts(self, count: usize, name: &str) -> Result<Vec<&'a str>, Failure> {
        self.get(count, name)?.iter().map(|text| text.get(name)).collect()
    }
}

/// Where C wants an array: null, or the address of memory for as many elements as what comes with it says. Only C makes
/// values of this type.
#[repr(transparent)]
#[derive(Debug)]
pub struct Room<'a, T>(*mut T, PhantomData<&'a mut [T]>);

impl<T> Room<'_, T> {
    /// Writes as many values as there is room for. `count` is the number that came with it.
    pub(crate) fn fill(
        &mut self,
        count: usize,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Result<(), Failure> {
        if self.0.is_null() && count != 0 {
            return Err(null(name));
        }
        for (index, value) in values.into_iter().take(count).enumerate() {
            // SAFETY: C passed the address, which is not null; the type's documentation asks C for memory for `count`
            // elements, and `index` is less.
            unsafe { self.0.add(index).write(value) };
        }
        Ok(())
    }
}

/// Reads `count` declarations, and writes the handles of what `bind` makes of them. If some could not be bound, `failed`
/// gets the index of the first, and its failure is that of the whole call.
pub(crate) fn bind_all<'a, K>(
    declarations: Array<'_, Text<'a>>,
    count: usize,
    mut functions: Room<'_, *mut K>,
    failed: Out<'_, usize>,
    bind: impl FnOnce(Vec<&'a str>) -> Result<Vec<Result<*mut K, Failure>>, Failure>,
) -> Result<(), Failure> {
    let failed = out(failed, "failed")?;
    failed.write(count);
    if count == 0 {
        return Ok(());
    }
    functions.fill(count, "functions", std::iter::repeat(ptr::null_mut()))?;
    let mut bound = bind(declarations.texts(count, "declarations")?)?;
    let first = bound.iter().position(Result::is_err);
    let first = first.map(|index| {
        failed.write(index);
        mem::replace(&mut bound[index], Ok(ptr::null_mut()))
    });
    let handles = bound.into_iter().map(|bound| bound.unwrap_or(ptr::null_mut()));
    functions.fill(count, "functions", handles)?;
    first.map_or(Ok(()), |first| first.map(drop))
}
