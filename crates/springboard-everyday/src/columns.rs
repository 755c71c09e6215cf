//! Calls over columns: one stub runs a function over arrays, so that a row costs the loop and not the call.

use std::{ffi::c_void, fmt, marker::PhantomData, mem, ptr::NonNull, sync::Arc};

use springboard::{
    Engine, Function, NativeScope, Path, Reason, Word, is_pending, pending_address,
    stamp::{Stamp, StampError, Stub},
    take_pending,
};
use springboard_abi::{SlotForm, Step, plan_columns};
use springboard_ir::{FloatFormat, Scalar, Type};

mod error;
mod runs;

use self::runs::Runs;
pub use self::{error::ColumnsError, runs::Validity};

/// What a parameter gets in each row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// The row's element of an array.
    Column,
    /// The same value.
    Scalar,
}

/// A function, ready to be called over columns. A handle, as [`Function`] is.
#[derive(Clone)]
pub struct Columns {
    function: Function,
    inputs: Box<[Input]>,
    params: Box<[Scalar]>,
    result: Option<Scalar>,
    stub: Option<Arc<Stub>>,
    path: Path,
}

/// The values of one parameter: an array, or one value for all rows.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    first: *const c_void,
    length: usize,
    scalar: Scalar,
    input: Input,
    rust: &'static str,
    values: PhantomData<&'a ()>,
}

/// Where results go: an array with one element a row.
#[derive(Debug)]
pub struct Output<'a> {
    first: *mut c_void,
    length: usize,
    scalar: Scalar,
    rust: &'static str,
    values: PhantomData<&'a mut ()>,
}

impl<'a> Column<'a> {
    /// An element of `values` a row.
    pub fn of<T: Word>(values: &'a [T]) -> Column<'a> {
        Column::made(
            values.as_ptr().cast(),
            values.len(),
            T::SCALAR,
            Input::Column,
            std::any::type_name::<T>(),
        )
    }

    /// The same value in each row.
    pub fn scalar<T: Word>(value: &'a T) -> Column<'a> {
        Column::made((&raw const *value).cast(), 1, T::SCALAR, Input::Scalar, std::any::type_name::<T>())
    }

    fn made(
        first: *const c_void,
        length: usize,
        scalar: Scalar,
        input: Input,
        rust: &'static str,
    ) -> Column<'a> {
        Column { first, length, scalar, input, rust, values: PhantomData }
    }
}

impl<'a> Output<'a> {
    /// An element of `values` a row. Rows that are skipped or not reached are left as they are.
    pub fn of<T: Word>(values: &'a mut [T]) -> Output<'a> {
        let (first, length) = (values.as_mut_ptr().cast(), values.len());
        Output { first, length, scalar: T::SCALAR, rust: std::any::type_name::<T>(), values: PhantomData }
    }
}

/// A stub of the columns entry.
type Entry = unsafe extern "C" fn(target: *const c_void, frame: *const u64) -> u64;

impl Columns {
    /// Readies `function` for calls over columns: which of its parameters get an array, and which one value for all
    /// rows. The stub is compiled now, where no function of the shape has one; all share it. No last error is
    /// delivered.
    ///
    /// # Errors
    /// [`ColumnsError`]: the number of inputs, types that are no words, variadic functions.
    pub fn new(engine: &Engine, function: &Function, inputs: &[Input]) -> Result<Columns, ColumnsError> {
        let signature = function.signature();
        if signature.params().len() != inputs.len() {
            return Err(ColumnsError::Arity { parameters: signature.params().len(), columns: inputs.len() });
        }
        if signature.fixed().is_some() {
            return Err(ColumnsError::Variadic);
        }
        let word = |index, ty: &Type| match SlotForm::of(ty, function.data_model()) {
            Ok(SlotForm::Word(scalar)) => Ok(scalar),
            _ => Err(ColumnsError::NoWord { index, ty: ty.clone() }),
        };
        let params = signature.params().iter().enumerate();
        let params = params.map(|(index, param)| word(Some(index), &param.ty));
        let params = params.collect::<Result<_, _>>()?;
        let result = match signature.result() {
            Type::Void => None,
            ty => Some(word(None, ty)?),
        };
        let (stub, path) = match stub(engine, function, inputs) {
            Ok(stub) => (Some(stub), Path::Native),
            Err(reason) => (None, Path::Libffi(reason)),
        };
        Ok(Columns { function: function.clone(), inputs: inputs.into(), params, result, stub, path })
    }

    /// By which path rows are called: a stub's loop, or one call a row through libffi.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls the function once a row, in order, and stores what it returns at the row's place in `output`; `None` for a
    /// function that returns nothing. There are as many rows as elements. Rows whose bit in `validity` is 0 are
    /// skipped.
    ///
    /// # Errors
    /// What does not fit, before anything is called. [`ColumnsError::Row`] at the first row at which a callback that
    /// the function calls panics or fails.
    ///
    /// # Safety
    /// The function must be sound to call with each row's arguments, on this thread, and really have the type that it
    /// was declared with. No exception or panic may leave it.
    pub unsafe fn call(
        &self,
        columns: &[Column<'_>],
        output: Option<Output<'_>>,
        validity: Option<Validity<'_>>,
    ) -> Result<(), ColumnsError> {
        let rows = self.check(columns, output.as_ref())?;
        if let Some(bits) = validity.as_ref().map(Validity::rows).filter(|bits| *bits < rows) {
            return Err(ColumnsError::Validity { bits, rows });
        }
        if let Some(error) = take_pending() {
            return Err(ColumnsError::Pending(error));
        }
        let output = output.map_or(std::ptr::null_mut(), |output| output.first);
        let native = NativeScope::enter();
        let mut failed = None;
        for (start, end) in Runs::of(validity, rows) {
            // SAFETY: the caller's promise; columns and output were found to have as many rows.
            let done = unsafe { self.run(columns, output, start, end - start) };
            // The loop ends behind the row that failed, which may be its last.
            if is_pending() {
                failed = Some(start + done.saturating_sub(1));
                break;
            }
        }
        drop(native);
        match (failed, take_pending()) {
            (_, None) => Ok(()),
            (row, Some(error)) => Err(ColumnsError::Row { row: row.unwrap_or(0), error }),
        }
    }

    /// Whether the columns fit. How many rows there are.
    fn check(&self, columns: &[Column<'_>], output: Option<&Output<'_>>) -> Result<usize, ColumnsError> {
        let signature = self.function.signature();
        if columns.len() != self.inputs.len() {
            return Err(ColumnsError::Arity { parameters: self.inputs.len(), columns: columns.len() });
        }
        match (self.result, output) {
            (None, None) => {}
            (Some(scalar), Some(output)) if scalar == output.scalar => {}
            (Some(_), Some(output)) => {
                let ty = signature.result().clone();
                return Err(ColumnsError::Type { index: None, ty, rust: output.rust });
            }
            _ => return Err(ColumnsError::Output { ty: signature.result().clone() }),
        }
        let first = columns.iter().find(|column| column.input == Input::Column).map(|column| column.length);
        let rows = output.map(|output| output.length).or(first).unwrap_or(1);
        for (index, (column, expected)) in columns.iter().zip(&self.inputs).enumerate() {
            if column.scalar != self.params[index] {
                let ty = signature.params()[index].ty.clone();
                return Err(ColumnsError::Type { index: Some(index), ty, rust: column.rust });
            }
            if column.input != *expected {
                return Err(ColumnsError::Input { index, expected: *expected });
            }
            if column.input == Input::Column && column.length != rows {
                return Err(ColumnsError::Length { index: Some(index), length: column.length, rows });
            }
        }
        Ok(rows)
    }

    /// Calls `count` rows from `start` on. Returns how many were done, one that failed included.
    ///
    /// # Safety
    /// As [`Columns::call`]; there are as many rows.
    unsafe fn run(&self, columns: &[Column<'_>], output: *mut c_void, start: usize, count: usize) -> usize {
        let at = |column: &Column<'_>| match column.input {
            Input::Column => column.first.wrapping_byte_add(start * size(column.scalar)),
            Input::Scalar => column.first,
        };
        let output = output.wrapping_byte_add(start * self.result.map_or(0, size));
        match &self.stub {
            Some(stub) => {
                let mut inline = [0; INLINE_WORDS];
                let mut allocated;
                let frame: &mut [u64] = if columns.len() + 3 <= INLINE_WORDS {
                    &mut inline
                } else {
                    allocated = vec![0; columns.len() + 3];
                    &mut allocated
                };
                frame[0] = count as u64;
                frame[1] = pending_address().into_slot();
                for (word, column) in frame[2..].iter_mut().zip(columns) {
                    *word = at(column).into_slot();
                }
                frame[2 + columns.len()] = output.into_slot();
                // SAFETY: a stub of the columns entry has this type; the frame is as its plan has it: arrays of the
                // elements' own types with as many rows, which were found to be the parameters'. The rest is the
                // caller's promise.
                unsafe {
                    let entry = mem::transmute::<NonNull<c_void>, Entry>(stub.address());
                    entry(self.function.address().as_ptr(), frame.as_ptr()) as usize
                }
            }
            None => {
                let mut slots = vec![0; columns.len() + 1];
                for row in 0..count {
                    for (slot, column) in slots.iter_mut().zip(columns) {
                        let offset =
                            if column.input == Input::Column { row * size(column.scalar) } else { 0 };
                        // SAFETY: the element is within the column, of its own type.
                        *slot = unsafe { load(at(column).wrapping_byte_add(offset), column.scalar) };
                    }
                    // SAFETY: the caller's promise; the slots are those of the parameters.
                    unsafe { self.one(&slots, output, row) };
                    if is_pending() {
                        return row + 1;
                    }
                }
                count
            }
        }
    }

    /// One row through whatever way the function is called.
    ///
    /// # Safety
    /// As [`Columns::call`]; `output` has the row.
    unsafe fn one(&self, slots: &[u64], output: *mut c_void, row: usize) {
        /// # Safety
        /// As above; the function returns an `R`.
        unsafe fn store<R: Word>(function: &Function, slots: &[u64], output: *mut c_void, row: usize) {
            // SAFETY: the caller's promise.
            unsafe {
                let result = function.slots::<R>().expect("it returns an R").call(slots);
                output.cast::<R>().add(row).write_unaligned(result);
            }
        }
        macro_rules! by_scalar {
            ($($pattern:pat => $rust:ty;)*) => {
                match self.result {
                    // SAFETY: the caller's promise; the scalar is what the function returns.
                    None => unsafe { self.function.slots::<()>().expect("it returns nothing").call(slots) },
                    // SAFETY: as above.
                    $(Some($pattern) => unsafe { store::<$rust>(&self.function, slots, output, row) },)*
                    Some(other) => unreachable!("{other:?} is no word"),
                }
            };
        }
        by_scalar! {
            Scalar::Bool => bool;
            Scalar::Int { bytes: 1, signed: true } => i8;
            Scalar::Int { bytes: 2, signed: true } => i16;
            Scalar::Int { bytes: 4, signed: true } => i32;
            Scalar::Int { bytes: 8, signed: true } => i64;
            Scalar::Int { bytes: 1, signed: false } => u8;
            Scalar::Int { bytes: 2, signed: false } => u16;
            Scalar::Int { bytes: 4, signed: false } => u32;
            Scalar::Int { bytes: 8, signed: false } => u64;
            Scalar::Pointer => *mut c_void;
            Scalar::Float(FloatFormat::F32) => f32;
            Scalar::Float(FloatFormat::F64) => f64;
        }
    }
}

/// The stub for the function's shape, compiled now where there is none.
fn stub(engine: &Engine, function: &Function, inputs: &[Input]) -> Result<Arc<Stub>, Reason> {
    let step = |index: usize| match inputs[index] {
        Input::Column => Step::Row,
        Input::Scalar => Step::Same,
    };
    let plan = engine.plan_with(|target| plan_columns(function.signature(), target, step))?;
    match engine.stamp(Stamp::new(&plan)) {
        Ok(stub) => Ok(Arc::new(stub)),
        Err(StampError::Reason(reason)) => Err(reason),
        Err(wrong) => panic!("stubs of the columns entry have no holes: {wrong}"),
    }
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns")
            .field("function", &self.function)
            .field("inputs", &self.inputs)
            .field("path", self.path())
            .finish_non_exhaustive()
    }
}

/// Words of a frame up to which a call allocates nothing.
const INLINE_WORDS: usize = 16;

/// Size of an element in bytes.
fn size(scalar: Scalar) -> usize {
    match scalar {
        Scalar::Bool => 1,
        Scalar::Int { bytes, .. } | Scalar::Vector { bytes } => bytes.into(),
        Scalar::Pointer => mem::size_of::<*const c_void>(),
        Scalar::Float(format) => format.bytes().into(),
    }
}

/// The canonical slot of an element.
///
/// # Safety
/// An element of that type is at `address`.
unsafe fn load(address: *const c_void, scalar: Scalar) -> u64 {
    macro_rules! read {
        ($($pattern:pat => $rust:ty;)*) => {
            match scalar {
                // SAFETY: the caller's promise.
                $($pattern => unsafe { address.cast::<$rust>().read_unaligned() }.into_slot(),)*
                other => unreachable!("{other:?} is no word"),
            }
        };
    }
    read! {
        Scalar::Bool => bool;
        Scalar::Int { bytes: 1, signed: true } => i8;
        Scalar::Int { bytes: 2, signed: true } => i16;
        Scalar::Int { bytes: 4, signed: true } => i32;
        Scalar::Int { bytes: 8, signed: true } => i64;
        Scalar::Int { bytes: 1, signed: false } => u8;
        Scalar::Int { bytes: 2, signed: false } => u16;
        Scalar::Int { bytes: 4, signed: false } => u32;
        Scalar::Int { bytes: 8, signed: false } => u64;
        Scalar::Pointer => *const c_void;
        Scalar::Float(FloatFormat::F32) => f32;
        Scalar::Float(FloatFormat::F64) => f64;
    }
}
