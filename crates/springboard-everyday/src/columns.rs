//! Calls over columns: one stub runs a function over arrays, so that a row costs a turn of its loop and not a call of
//! the host's.

use std::{
    ffi::{c_int, c_void},
    fmt, mem,
    ptr::NonNull,
    sync::{Arc, OnceLock},
};

use springboard::{
    Engine, Function, LastError, Path, Reason, Word,
    callback::{NativeScope, pending_address, take_pending},
    stamp::{Stamp, StampError, Stub},
};
use springboard_abi::{Errors, Rows, SlotForm, Step, columns_of_result, plan_columns};
use springboard_ir::{Param, Scalar};

mod by_row;
mod column;
mod error;
mod frame;
mod record;
mod validity;

use self::{by_row::by_row, frame::Frame, record::Record};
pub use self::{
    column::{Column, Input, Output},
    error::{ColumnsError, Place},
    validity::Validity,
};

/// A function, prepared for calls over columns. A handle, as [`Function`] is: any thread may use it.
#[derive(Clone)]
pub struct Columns {
    engine: Engine,
    function: Function,
    inputs: Box<[Input]>,
    params: Box<[Scalar]>,
    result: SlotForm,
    /// Where the element of each output is in a result, and what it is.
    results: Box<[(u32, Scalar)]>,
    path: Path,
    /// By what a call asks for ([`Wanted`]), made when the first one does.
    stubs: Arc<[OnceLock<Option<Arc<Stub>>>; 4]>,
}

/// What a call asks for beside results: each has a loop of its own.
#[derive(Clone, Copy)]
struct Wanted {
    rows: Rows,
    errors: Errors,
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
        let word = |(index, param): (usize, &Param)| match SlotForm::of(&param.ty, function.data_model()) {
            Ok(SlotForm::Word(scalar)) => Ok(scalar),
            _ => Err(ColumnsError::NoWord { index, ty: param.ty.clone() }),
        };
        let params = signature.params().iter().enumerate().map(word);
        let params = params.collect::<Result<_, _>>()?;
        let no_words = || ColumnsError::NoWords { ty: signature.result().clone() };
        let result = SlotForm::of(signature.result(), function.data_model()).map_err(|_| no_words())?;
        let results = columns_of_result(signature.result(), function.data_model()).map_err(|_| no_words())?;
        let mut columns = Columns {
            engine: engine.clone(),
            function: function.clone(),
            inputs: inputs.into(),
            params,
            result,
            results: results.into(),
            path: Path::Native,
            stubs: Arc::default(),
        };
        match columns.compiled(Wanted { rows: Rows::All, errors: Errors::Ignored }) {
            Ok(stub) => {
                columns.stubs =
                    Arc::new([OnceLock::from(Some(stub)), OnceLock::new(), OnceLock::new(), OnceLock::new()])
            }
            Err(reason) => columns.path = Path::Libffi(reason),
        }
        Ok(columns)
    }

    /// The path that rows are called by: the loop in a stub, or one call per row through libffi.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Calls the function once per row, in order, and stores what it returns at the row's place in `outputs`: none for a
    /// function that returns nothing, one for each member of a structure. There are as many rows as elements. Rows whose bit
    /// in `validity` is 0 are skipped: their elements are not read, and what is at their place in the outputs stays.
    ///
    /// Allocates nothing for up to 13 parameters where there is a stub. Skipping rows is a loop of its own, compiled when it is
    /// first wanted.
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
        outputs: &[Output<'_>],
        validity: Option<Validity<'_>>,
    ) -> Result<(), ColumnsError> {
        // SAFETY: the caller says that the function may be called with each row's arguments, on this thread.
        unsafe { self.rows(columns, outputs, validity, None) }
    }

    /// As [`Columns::call`], and delivers the C library's `errno` after each row: it is zero before the row's call, so that
    /// what `errors` has for a row is that call's own. What it has for rows that are skipped or not reached stays. (A
    /// [`LastError`] that the function was declared with is not delivered.)
    ///
    /// # Errors
    /// As [`Columns::call`]; also where there is not one error per row.
    ///
    /// # Safety
    /// As [`Columns::call`].
    pub unsafe fn call_with_errors(
        &self,
        columns: &[Column<'_>],
        outputs: &[Output<'_>],
        validity: Option<Validity<'_>>,
        errors: &mut [c_int],
    ) -> Result<(), ColumnsError> {
        // SAFETY: the caller says that the function may be called with each row's arguments, on this thread.
        unsafe { self.rows(columns, outputs, validity, Some(errors)) }
    }

    /// # Safety
    /// As [`Columns::call`].
    unsafe fn rows(
        &self,
        columns: &[Column<'_>],
        outputs: &[Output<'_>],
        validity: Option<Validity<'_>>,
        errors: Option<&mut [c_int]>,
    ) -> Result<(), ColumnsError> {
        let rows = self.check(columns, outputs)?;
        if let Some(bits) = validity.as_ref().map(Validity::rows).filter(|bits| *bits < rows) {
            return Err(ColumnsError::Validity { bits, rows });
        }
        if let Some(errors) = errors.as_ref().map(|errors| errors.len()).filter(|errors| *errors != rows) {
            return Err(ColumnsError::Errors { errors, rows });
        }
        if let Some(error) = take_pending() {
            return Err(ColumnsError::Pending(error));
        }
        let wanted = Wanted {
            rows: if validity.is_some() { Rows::Valid } else { Rows::All },
            errors: if errors.is_some() { Errors::Stored } else { Errors::Ignored },
        };
        let native = NativeScope::enter();
        let done = match self.stub(wanted) {
            // SAFETY: the caller says that the function may be called with each row's arguments; columns and outputs are of
            // its types, and they, the bits and the errors are those of as many rows.
            Some(stub) => unsafe { self.enter(stub, columns, outputs, validity, errors, rows) },
            // SAFETY: the caller says so of the function; columns, outputs, bits and errors have as many rows.
            None => unsafe { by_row(self, columns, outputs, validity, errors, rows) },
        };
        drop(native);
        // A loop ends after the row that failed, which may be its last.
        match take_pending() {
            None => Ok(()),
            Some(error) => Err(ColumnsError::Row { row: done.saturating_sub(1), error }),
        }
    }

    /// Checks that columns and outputs are those of the function. Returns the number of rows.
    fn check(&self, columns: &[Column<'_>], outputs: &[Output<'_>]) -> Result<usize, ColumnsError> {
        if columns.len() != self.inputs.len() {
            return Err(ColumnsError::Arity { parameters: self.inputs.len(), columns: columns.len() });
        }
        if outputs.len() != self.results.len() {
            return Err(ColumnsError::Outputs { wanted: self.results.len(), given: outputs.len() });
        }
        let of_type = |place, wanted, elements| match wanted == elements {
            true => Ok(()),
            false => Err(ColumnsError::Type { place, wanted, elements }),
        };
        let as_long = |place, length, rows| match length == rows {
            true => Ok(()),
            false => Err(ColumnsError::Length { place, length, rows }),
        };
        let first = columns.iter().find(|column| column.input != Input::Scalar).map(|column| column.length);
        let rows = outputs.first().map(|output| output.length).or(first).unwrap_or(1);
        for (index, (output, (_, wanted))) in outputs.iter().zip(&self.results).enumerate() {
            of_type(Place::Output(index), *wanted, output.element)?;
            as_long(Place::Output(index), output.length, rows)?;
        }
        for (index, (column, expected)) in columns.iter().zip(&self.inputs).enumerate() {
            of_type(Place::Column(index), self.params[index], column.element)?;
            if column.input != *expected {
                return Err(ColumnsError::Input { index, expected: *expected, given: column.input });
            }
            if column.input != Input::Scalar {
                as_long(Place::Column(index), column.length, rows)?;
            }
        }
        Ok(rows)
    }

    /// Enters a stub. Returns how many rows were done, one that failed included.
    ///
    /// # Safety
    /// As [`Columns::call`]; everything is of the function's types and has the rows, and the stub is for what is given.
    unsafe fn enter(
        &self,
        stub: &Stub,
        columns: &[Column<'_>],
        outputs: &[Output<'_>],
        validity: Option<Validity<'_>>,
        errors: Option<&mut [c_int]>,
        rows: usize,
    ) -> usize {
        let mut frame = Frame::new();
        let mut record = Record::default();
        frame.extend([rows as u64, pending_address().into_slot()]);
        frame.extend(columns.iter().map(|column| column.first.into_slot()));
        frame.extend(self.has_record().then(|| record.address()));
        frame.extend(outputs.iter().map(|output| output.first.into_slot()));
        if let Some(errors) = errors {
            frame.extend([LastError::errno().into_slot(), errors.as_mut_ptr().into_slot()]);
        }
        frame.extend(columns.iter().filter(|column| column.input == Input::Strided).map(Column::stride));
        frame.extend(validity.iter().flat_map(Validity::frame));
        // SAFETY: the stub is of the columns entry, whose code has this type, and the frame is laid out as its plan says.
        // The caller says that the function may be called with the rows' values, that the arrays in the frame have as
        // many rows, and that their elements are of the types that the plan was made for.
        unsafe {
            let entry = mem::transmute::<NonNull<c_void>, Entry>(stub.address());
            entry(self.function.address().as_ptr(), frame.as_ptr()) as usize
        }
    }

    /// Whether a result is a structure, which needs memory.
    fn has_record(&self) -> bool {
        matches!(self.result, SlotForm::Address(_))
    }

    /// The stub for what a call asks for. `None` where rows are called one by one.
    fn stub(&self, wanted: Wanted) -> Option<&Stub> {
        if !matches!(self.path, Path::Native) {
            return None;
        }
        let place = wanted.rows as usize * 2 + wanted.errors as usize;
        self.stubs[place].get_or_init(|| self.compiled(wanted).ok()).as_deref()
    }

    /// The stub for the function's shape, compiled now if there is none yet.
    fn compiled(&self, wanted: Wanted) -> Result<Arc<Stub>, Reason> {
        let step = |index: usize| match self.inputs[index] {
            Input::Column => Step::Row,
            Input::Strided => Step::Stride,
            Input::Scalar => Step::Same,
        };
        let plan = self.engine.plan_with(|target| {
            plan_columns(self.function.signature(), target, step, wanted.rows, wanted.errors)
        })?;
        match self.engine.stamp(Stamp::new(&plan)) {
            Ok(stub) => Ok(Arc::new(stub)),
            Err(StampError::Reason(reason)) => Err(reason),
            Err(wrong) => panic!("stubs of the columns entry have no holes: {wrong}"),
        }
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
