//! What goes into a call over columns, and where results go.

use std::{ffi::c_void, marker::PhantomData, ops::Range};

use springboard::{Function, Word, callback::is_pending};
use springboard_ir::{FloatFormat, Scalar};

/// What a parameter gets in each row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// The row's element of an array.
    Column,
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
        Column { first, length, element, input: Input::Column, values: PhantomData }
    }

    /// The same value in each row, known by its address alone.
    ///
    /// # Safety
    /// As [`Column::raw`], for one element.
    pub unsafe fn raw_scalar(element: Scalar, value: *const c_void) -> Column<'a> {
        Column { first: value, length: 1, element, input: Input::Scalar, values: PhantomData }
    }

    /// Where the row's value is.
    pub(super) fn at(&self, row: usize) -> *const c_void {
        match self.input {
            Input::Column => self.first.wrapping_byte_add(row * width(self.element)),
            Input::Scalar => self.first,
        }
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
fn width(element: Scalar) -> usize {
    match element {
        Scalar::Bool => 1,
        Scalar::Int { bytes, .. } | Scalar::Vector { bytes } => usize::from(bytes),
        Scalar::Pointer => size_of::<*const c_void>(),
        Scalar::Float(FloatFormat::F32) => 4,
        Scalar::Float(_) => 8,
    }
}

/// Calls a function row by row, by whatever path it has, and stores the results in the output. Returns how many rows were
/// called: it ends after one that left a callback's error pending.
///
/// # Safety
/// As [`Function::call`], with each row's values; they are of the types of the parameters, and the output of that of the
/// result. The columns and the output have the rows.
pub(super) unsafe fn by_row(
    function: &Function,
    columns: &[Column<'_>],
    output: Option<&Output<'_>>,
    rows: Range<usize>,
) -> usize {
    let call = function.untyped_slots();
    let mut unwanted = 0i32;
    let mut slots = vec![0; columns.len() + 1];
    // Of a function that delivers its last error, the last slot says where to.
    slots[columns.len()] = (&raw mut unwanted).into_slot();
    for row in rows.clone() {
        for (slot, column) in slots.iter_mut().zip(columns) {
            // SAFETY: the caller says that the column has the row.
            *slot = unsafe { load(column.element, column.at(row)) };
        }
        // SAFETY: the caller says that the function may be called with these values, whose slots are canonical.
        let result = unsafe { call.call(&slots) };
        if let Some(output) = output {
            // SAFETY: the caller says that the output has the row, and elements of the type of the result.
            unsafe { store(output.element, output.at(row), result) };
        }
        if is_pending() {
            return row + 1 - rows.start;
        }
    }
    rows.len()
}

/// The canonical slot of the element at an address.
///
/// # Safety
/// The element is there.
unsafe fn load(element: Scalar, at: *const c_void) -> u64 {
    // SAFETY: the caller says that so many bytes are there.
    let word = unsafe {
        match width(element) {
            1 => u64::from(at.cast::<u8>().read()),
            2 => u64::from(at.cast::<u16>().read_unaligned()),
            4 => u64::from(at.cast::<u32>().read_unaligned()),
            _ => at.cast::<u64>().read_unaligned(),
        }
    };
    match element {
        Scalar::Int { bytes, signed: true } => {
            let unused = 64 - u32::from(bytes) * 8;
            ((word << unused) as i64 >> unused) as u64
        }
        _ => word,
    }
}

/// Stores the value of a canonical slot as an element.
///
/// # Safety
/// There is memory for the element.
unsafe fn store(element: Scalar, at: *mut c_void, slot: u64) {
    // SAFETY: the caller says that there is memory for so many bytes.
    unsafe {
        match width(element) {
            1 => at.cast::<u8>().write(slot as u8),
            2 => at.cast::<u16>().write_unaligned(slot as u16),
            4 => at.cast::<u32>().write_unaligned(slot as u32),
            _ => at.cast::<u64>().write_unaligned(slot),
        }
    }
}
