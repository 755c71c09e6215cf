//! Calls over columns: one stub runs a function over arrays, so that a row costs a turn of its loop and not a call of
//! the host's.

use std::{ffi::c_void, fmt, mem, ops::Range, ptr::NonNull, sync::Arc};

use springboard::{
    Engine, Function, Path, Reason, Word,
    callback::{NativeScope, is_pending, pending_address, take_pending},
    stamp::{Stamp, StampError, Stub},
};
use springboard_abi::{SlotForm, Step, plan_columns};
use springboard_ir::{Scalar, Type};

mod column;
mod error;
mod runs;

use self::{column::by_row, runs::Runs};
pub use self::{
    column::{Column, Input, Output},
    error::ColumnsError,
    runs::Validity,
};

/// Words of a frame up to which a call allocates nothing.
const INLINE_WORDS: usize = 16;

/// A function, prepared for calls over columns. A handle, as [`Function`] is: any thread may use it.
#[derive(Clone)]
pub struct Columns {
    function: Function,
    inputs: Box<[Input]>,
    params: Box<[Scalar]>,
    result: Option<Scalar>,
    stub: Option<Arc<Stub>>,
    path: Path,
}

/// A stub of the columns entry.
type Entry = unsafe extern "C" fn(target: *const c_void, frame: *const u64) -> u64;

impl Columns {
    /// Prepares `function` for calls over columns; `inputs` says which of its parameters get an array, and which one value
    /// for all rows. The stub is compiled now unless the engine has one for the shape: all functions of it share one. No
    /// last error is delivered.
    ///
    /// # Errors
    /// Not one input per parameter; types that do not fit a word; a variadic function.
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

    /// The path that rows are called by: the loop in a stub, or one call per row through libffi.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls the function once per row, in order, and stores what it returns at the row's place in `output`, which is
    /// `None` for a function that returns nothing. There are as many rows as elements. Rows whose bit in `validity` is 0
    /// are skipped.
    ///
    /// Allocates nothing for up to 13 parameters where there is a stub.
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
        let native = NativeScope::enter();
        let mut failed = None;
        for run in Runs::of(validity, rows) {
            let start = run.start;
            // SAFETY: the caller says that the function may be called with each row's arguments; `check` found columns
            // and output to be of its types, and to have as many rows.
            let done = unsafe { self.run(columns, output.as_ref(), run) };
            // The loop ends after the row that failed, which may be its last.
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

    /// Checks that columns and output are those of the function. Returns the number of rows.
    fn check(&self, columns: &[Column<'_>], output: Option<&Output<'_>>) -> Result<usize, ColumnsError> {
        let signature = self.function.signature();
        if columns.len() != self.inputs.len() {
            return Err(ColumnsError::Arity { parameters: self.inputs.len(), columns: columns.len() });
        }
        match (self.result, output) {
            (None, None) => {}
            (Some(scalar), Some(output)) if scalar == output.element => {}
            (Some(_), Some(output)) => {
                let ty = signature.result().clone();
                return Err(ColumnsError::Type { index: None, ty, elements: output.element });
            }
            _ => return Err(ColumnsError::Output { ty: signature.result().clone() }),
        }
        let first = columns.iter().find(|column| column.input == Input::Column).map(|column| column.length);
        let rows = output.map(|output| output.length).or(first).unwrap_or(1);
        for (index, (column, expected)) in columns.iter().zip(&self.inputs).enumerate() {
            if column.element != self.params[index] {
                let ty = signature.params()[index].ty.clone();
                return Err(ColumnsError::Type { index: Some(index), ty, elements: column.element });
            }
            if column.input != *expected {
                return Err(ColumnsError::Input { index, expected: *expected });
            }
            if column.input == Input::Column && column.length != rows {
                return Err(ColumnsError::Length { index, length: column.length, rows });
            }
        }
        Ok(rows)
    }

    /// Calls rows that follow each other. Returns how many were called, one that failed included.
    ///
    /// # Safety
    /// As [`Columns::call`]; columns and output are of the function's types and have the rows.
    unsafe fn run(&self, columns: &[Column<'_>], output: Option<&Output<'_>>, rows: Range<usize>) -> usize {
        let Some(stub) = &self.stub else {
            // SAFETY: the caller says that the function may be called with the rows' values, and that columns and output
            // are of its types and have the rows.
            return unsafe { by_row(&self.function, columns, output, rows) };
        };
        let mut inline = [0; INLINE_WORDS];
        let mut allocated;
        let frame: &mut [u64] = if columns.len() + 3 <= INLINE_WORDS {
            &mut inline
        } else {
            allocated = vec![0; columns.len() + 3];
            &mut allocated
        };
        frame[0] = rows.len() as u64;
        frame[1] = pending_address().into_slot();
        for (word, column) in frame[2..].iter_mut().zip(columns) {
            *word = column.at(rows.start).into_slot();
        }
        frame[2 + columns.len()] = output.map_or(0, |output| output.at(rows.start).into_slot());
        // SAFETY: the stub is of the columns entry, whose code has this type, and the frame is laid out as its plan says.
        // The caller says that the function may be called with the rows' values, that the arrays in the frame have as
        // many rows, and that their elements are of the types that the plan was made for.
        unsafe {
            let entry = mem::transmute::<NonNull<c_void>, Entry>(stub.address());
            entry(self.function.address().as_ptr(), frame.as_ptr()) as usize
        }
    }
}

/// The stub for the function's shape, compiled now if there is none yet.
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
