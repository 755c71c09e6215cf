//! What goes into a call over columns, and where results go.

use std::{ffi::c_void, marker::PhantomData};

use springboard::Word;
use springboard_ir::{FloatFormat, Scalar};

/// What a parameter gets in each row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// The row's element of an array.
    Column,
    /// The same, of an array whose elements do not follow each other.
    Strided,
    /// The same value.
    Scalar,
}

/// The values of one parameter: an array, or one value for all rows.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    pub(super) first: *const c_void,
    pub(super) length: usize,
    pub(super) element: Scalar,
    pub(super) input: Input,
    /// Bytes from one row's value to the next one's.
    stride: isize,
    values: PhantomData<&'a ()>,
}

/// Where results go: an array with one element per row.
#[derive(Debug)]
pub struct Output<'a> {
    pub(super) first: *mut c_void,
    pub(super) length: usize,
    pub(super) element: Scalar,
    values: PhantomData<&'a mut ()>,
}

impl<'a> Column<'a> {
    /// One element of `values` per row.
    pub fn of<T: Word>(values: &'a [T]) -> Column<'a> {
        // SAFETY: a slice has its elements for as long as it is borrowed.
        unsafe { Column::raw(T::SCALAR, values.as_ptr().cast(), values.len()) }
    }

    /// The same value in each row.
    pub fn scalar<T: Word>(value: &'a T) -> Column<'a> {
        // SAFETY: a reference leads to a value for as long as it lives.
        unsafe { Column::raw_scalar(T::SCALAR, (&raw const *value).cast()) }
    }

    /// One element per row, of memory that the host knows by its address alone: `length` elements from `first` on, one
    /// right after the other, of any alignment.
    ///
    /// # Safety
    /// For as long as `'a`, the elements are there and nobody writes them.
    pub unsafe fn raw(element: Scalar, first: *const c_void, length: usize) -> Column<'a> {
        let stride = width(element) as isize;
        Column { first, length, element, input: Input::Column, stride, values: PhantomData }
    }

    /// As [`Column::raw`], of elements that lie `stride` bytes apart, which may be negative: a member of each structure in
    /// an array, a column of a matrix, an array from its end.
    ///
    /// # Safety
    /// As [`Column::raw`].
    pub unsafe fn raw_strided(
        element: Scalar,
        first: *const c_void,
        length: usize,
        stride: isize,
    ) -> Column<'a> {
        Column { first, length, element, input: Input::Strided, stride, values: PhantomData }
    }

    /// The same value in each row, known by its address alone.
    ///
    /// # Safety
    /// As [`Column::raw`], for one element.
    pub unsafe fn raw_scalar(element: Scalar, value: *const c_void) -> Column<'a> {
        Column { first: value, length: 1, element, input: Input::Scalar, stride: 0, values: PhantomData }
    }

    /// Where the row's value is.
    pub(super) fn at(&self, row: usize) -> *const c_void {
        self.first.wrapping_byte_offset(row as isize * self.stride)
    }

    /// The stride as a stub is told it.
    pub(super) fn stride(&self) -> u64 {
        self.stride as u64
    }
}

impl<'a> Output<'a> {
    /// One element of `values` per row. Those of rows that are skipped or not reached stay as they are.
    pub fn of<T: Word>(values: &'a mut [T]) -> Output<'a> {
        // SAFETY: a slice has its elements for as long as it is borrowed.
        unsafe { Output::raw(T::SCALAR, values.as_mut_ptr().cast(), values.len()) }
    }

    /// One element per row, of memory that the host knows by its address alone, laid out as that of [`Column::raw`].
    ///
    /// # Safety
    /// For as long as `'a`, there is memory for the elements, and nobody else reads or writes it.
    pub unsafe fn raw(element: Scalar, first: *mut c_void, length: usize) -> Output<'a> {
        Output { first, length, element, values: PhantomData }
    }

    /// Where the row's result goes.
    pub(super) fn at(&self, row: usize) -> *mut c_void {
        self.first.wrapping_byte_add(row * width(self.element))
    }
}

/// Bytes of an element that fits a slot. (Nothing else is ever called with: no parameter has such a type.)
pub(super) fn width(element: Scalar) -> usize {
    match element {
        Scalar::Bool => 1,
        Scalar::Int { bytes, .. } | Scalar::Vector { bytes } => usize::from(bytes),
        Scalar::Pointer => size_of::<*const c_void>(),
        Scalar::Float(FloatFormat::F32) => 4,
        Scalar::Float(_) => 8,
    }
}
