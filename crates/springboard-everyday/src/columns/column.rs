//! What goes into a call over columns, and where results go.

use std::{any::type_name, ffi::c_void, marker::PhantomData, mem::size_of, ops::Range};

use springboard::{Function, SlotResult, Word, callback::is_pending};
use springboard_ir::Scalar;

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
    /// Bytes from one row's value to the next one's.
    stride: usize,
    pub(super) scalar: Scalar,
    pub(super) input: Input,
    pub(super) rust: &'static str,
    /// The slot of the value at an address.
    load: unsafe fn(*const c_void) -> u64,
    values: PhantomData<&'a ()>,
}

/// Where results go: an array with one element per row.
#[derive(Debug)]
pub struct Output<'a> {
    pub(super) first: *mut c_void,
    pub(super) length: usize,
    stride: usize,
    pub(super) scalar: Scalar,
    pub(super) rust: &'static str,
    pub(super) by_row: ByRow,
    values: PhantomData<&'a mut ()>,
}

impl<'a> Column<'a> {
    /// One element of `values` per row.
    pub fn of<T: Word>(values: &'a [T]) -> Column<'a> {
        Column {
            length: values.len(),
            stride: size_of::<T>(),
            input: Input::Column,
            ..Column::made(values.as_ptr())
        }
    }

    /// The same value in each row.
    pub fn scalar<T: Word>(value: &'a T) -> Column<'a> {
        Column::made(value)
    }

    fn made<T: Word>(first: *const T) -> Column<'a> {
        /// # Safety
        /// A `T` is at `address`.
        unsafe fn load<T: Word>(address: *const c_void) -> u64 {
            // SAFETY: the caller says that a `T` is there.
            unsafe { address.cast::<T>().read_unaligned() }.into_slot()
        }
        Column {
            first: first.cast(),
            length: 1,
            stride: 0,
            scalar: T::SCALAR,
            input: Input::Scalar,
            rust: type_name::<T>(),
            load: load::<T>,
            values: PhantomData,
        }
    }

    /// Where the row's value is.
    pub(super) fn at(&self, row: usize) -> *const c_void {
        self.first.wrapping_byte_add(row * self.stride)
    }
}

impl<'a> Output<'a> {
    /// One element of `values` per row. Those of rows that are skipped or not reached stay as they are.
    pub fn of<T: Word>(values: &'a mut [T]) -> Output<'a> {
        Output {
            first: values.as_mut_ptr().cast(),
            length: values.len(),
            stride: size_of::<T>(),
            scalar: T::SCALAR,
            rust: type_name::<T>(),
            by_row: by_row::<T>,
            values: PhantomData,
        }
    }

    /// Where the row's result goes.
    pub(super) fn at(&self, row: usize) -> *mut c_void {
        self.first.wrapping_byte_add(row * self.stride)
    }
}

/// [`by_row`], for the Rust type of the results.
pub(super) type ByRow = unsafe fn(&Function, &[Column<'_>], *mut c_void, Range<usize>) -> usize;

/// Calls a function row by row, by whatever path it has, and stores the results in the array at `first`. Returns how
/// many rows were called: it ends after one that left a callback's error pending.
///
/// # Safety
/// As [`Function::call`], with each row's values; they are of the types of the parameters, and the result is an `R`. The
/// columns and the output have the rows.
pub(super) unsafe fn by_row<R: SlotResult>(
    function: &Function,
    columns: &[Column<'_>],
    first: *mut c_void,
    rows: Range<usize>,
) -> usize {
    let call = function.slots::<R>().expect("the output has the type of the result");
    let mut unwanted = 0i32;
    let mut slots = vec![0; columns.len() + 1];
    // Of a function that delivers its last error, the last slot says where to.
    slots[columns.len()] = (&raw mut unwanted).into_slot();
    for row in rows.clone() {
        for (slot, column) in slots.iter_mut().zip(columns) {
            // SAFETY: the caller says that the column has the row; `load` is for its elements' type.
            *slot = unsafe { (column.load)(column.at(row)) };
        }
        // SAFETY: the caller says that the function may be called with these values, whose slots are canonical.
        let result = unsafe { call.call(&slots) };
        // SAFETY: the caller says that the output has the row, and elements of type `R`.
        unsafe { first.cast::<R>().wrapping_add(row).write_unaligned(result) };
        if is_pending() {
            return row + 1 - rows.start;
        }
    }
    rows.len()
}
