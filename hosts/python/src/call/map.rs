//! Functions over arrays: one call of the host for many of the function (`lib.fma.map(a, b, c)`).

use std::{
    ffi::{CStr, c_void},
    ptr::NonNull,
};

use pyo3::{
    exceptions::{PyNotImplementedError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyTuple},
};
use springboard::ir::{Prototype, Scalar};
use springboard_everyday::columns::{Column, Columns, ColumnsError, Input, Output};

use super::errno;
use crate::{
    cdata::{Block, CData, Contents, Own},
    convert,
    ctype::{self, CType, Form, FunctionType, Kind, Primitive},
    engine,
    function::{Function, Gil},
    view::{Ask, View},
};

/// Elements of an array, or one value.
struct Operand {
    first: *mut u8,
    /// Length and distance in bytes of each dimension. None of one value.
    dimensions: Vec<(usize, isize)>,
    size: usize,
    /// Keeps the memory.
    _kept: Kept,
}

#[allow(dead_code)] // kept, and never read
enum Kept {
    Lent(View),
    Data(Py<CData>),
    Block(Block),
}

impl Operand {
    fn shape(&self) -> impl Iterator<Item = usize> + '_ {
        self.dimensions.iter().map(|(length, _)| *length)
    }

    /// Whether each element lies right after the one before.
    fn is_dense(&self) -> bool {
        let mut expected = self.size as isize;
        self.dimensions.iter().rev().all(|(length, distance)| {
            let fits = *distance == expected || *length <= 1;
            expected *= *length as isize;
            fits
        })
    }

    /// Bytes from the lowest to the highest that is read or written.
    fn range(&self) -> (usize, usize) {
        let (mut low, mut high) = (self.first as isize, self.first as isize + self.size as isize);
        for (length, distance) in &self.dimensions {
            let reach = (*length as isize - 1).max(0) * distance;
            if reach < 0 { low += reach } else { high += reach }
        }
        (low as usize, high as usize)
    }

    /// The address of the first element of the innermost dimension at a place of the outer ones.
    fn at(&self, place: &[usize]) -> *mut u8 {
        let outer = place.iter().zip(&self.dimensions);
        let offset: isize = outer.map(|(index, (_, distance))| *index as isize * distance).sum();
        self.first.wrapping_offset(offset)
    }
}

/// Calls a function of a library once per element.
pub(crate) fn map<'py>(
    callee: &Bound<'py, CData>,
    arguments: &Bound<'py, PyTuple>,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = callee.py();
    let this = callee.get();
    let (Kind::Function(function), Some(bound)) = (&this.ctype.get().kind, this.function.get()) else {
        return Err(PyTypeError::new_err("map() is for functions of a library"));
    };
    let name = &bound.name;
    if function.ellipsis || function.arguments.len() != arguments.len() {
        return Err(PyTypeError::new_err(format!(
            "{name}.map() expects {} arguments, got {}",
            function.arguments.len(),
            arguments.len()
        )));
    }
    let mut operands = Vec::new();
    for (index, (ctype, value)) in function.arguments.iter().zip(arguments).enumerate() {
        operands
            .push(operand(py, ctype, &value).map_err(|error| super::in_argument(py, &error, name, index))?);
    }
    let arrays = || operands.iter().filter(|operand| !operand.dimensions.is_empty());
    let shape: Vec<usize> = arrays().next().map(|operand| operand.shape().collect()).unwrap_or_default();
    if let Some(other) = arrays().find(|operand| !operand.shape().eq(shape.iter().copied())) {
        let other: Vec<usize> = other.shape().collect();
        return Err(PyValueError::new_err(format!("{name}.map(): arrays of shapes {shape:?} and {other:?}")));
    }
    let result = &function.result;
    let (target, returned) = match (result.get().is_void(), out.filter(|out| !out.is_none())) {
        (true, Some(_)) => return Err(PyTypeError::new_err(format!("{name}() returns nothing for 'out'"))),
        (true, None) => (None, py.None().into_bound(py)),
        (false, Some(out)) => (Some(target(result, out, &shape)?), out.clone()),
        (false, None) => {
            let (target, made) = make(py, result, &shape, arguments)?;
            (Some(target), made)
        }
    };
    if let Some(target) = &target {
        let (low, high) = target.range();
        for operand in &mut operands {
            let (from, to) = operand.range();
            if from < high && low < to && !operand.dimensions.is_empty() {
                *operand = copied(operand)?;
            }
        }
    }
    call(py, bound, function, this, &operands, target.as_ref(), &shape)?;
    Ok(returned)
}

/// What a parameter gets: the elements of an array, or a value.
fn operand(py: Python<'_>, ctype: &Py<CType>, value: &Bound<'_, PyAny>) -> PyResult<Operand> {
    let of = ctype.get();
    let size = of.size().unwrap_or(0);
    if let Ok(cdata) = value.cast::<CData>()
        && let (Kind::Array { item, .. }, Some(length)) =
            (&cdata.get().ctype.get().kind, cdata.get().elements())
        && !of.is_address()
    {
        if !item.is(ctype) {
            return Err(PyTypeError::new_err(format!(
                "an array of '{}' is expected, not '{}'",
                of.text(),
                cdata.get().ctype.get().text()
            )));
        }
        let kept = Kept::Data(cdata.clone().unbind());
        let dimensions = vec![(length, size as isize)];
        return Ok(Operand { first: cdata.get().address(), dimensions, size, _kept: kept });
    }
    let lends = !value.is_instance_of::<PyBytes>() && value.cast::<CData>().is_err() && !of.is_address();
    if lends && let Ok(view) = View::of(value, Ask::Elements) {
        let dimensions: Vec<_> = view.dimensions().collect();
        if !dimensions.is_empty() {
            check_elements(of, &view)?;
            return Ok(Operand { first: view.start(), dimensions, size, _kept: Kept::Lent(view) });
        }
    }
    let block = Block::new(size, 16, Contents::Zero)?;
    convert::to_c(ctype, block.start(), value)?;
    let first = block.start();
    let _ = py;
    Ok(Operand { first, dimensions: Vec::new(), size, _kept: Kept::Block(block) })
}

/// Where the results go that the program gives memory for.
fn target(ctype: &Py<CType>, out: &Bound<'_, PyAny>, shape: &[usize]) -> PyResult<Operand> {
    let of = ctype.get();
    let size = of.size().unwrap_or(0);
    let target = match out.cast::<CData>() {
        Ok(_) => operand(out.py(), ctype, out)?,
        Err(_) => {
            let view = View::of(out, Ask::WritableElements)?;
            check_elements(of, &view)?;
            Operand {
                first: view.start(),
                dimensions: view.dimensions().collect(),
                size,
                _kept: Kept::Lent(view),
            }
        }
    };
    if !target.shape().eq(shape.iter().copied()) {
        let given: Vec<usize> = target.shape().collect();
        return Err(PyValueError::new_err(format!(
            "out has the shape {given:?}, the arguments have {shape:?}"
        )));
    }
    match target.is_dense() {
        true => Ok(target),
        false => Err(PyValueError::new_err("out must be contiguous")),
    }
}

/// Memory for the results, of the kind of the first array among the arguments.
fn make<'py>(
    py: Python<'py>,
    ctype: &Py<CType>,
    shape: &[usize],
    arguments: &Bound<'py, PyTuple>,
) -> PyResult<(Operand, Bound<'py, PyAny>)> {
    let of = ctype.get();
    let unsupported =
        || PyNotImplementedError::new_err(format!("arrays of '{}' are not supported", of.text()));
    let is_numpy = |value: &Bound<'_, PyAny>| value.hasattr("__array_interface__").unwrap_or(false);
    let numpy = arguments.iter().any(|value| is_numpy(&value));
    if numpy {
        let dtype = dtype(of.primitive().ok_or_else(unsupported)?).ok_or_else(unsupported)?;
        let shape = PyTuple::new(py, shape)?;
        let made = py.import("numpy")?.getattr("empty")?.call1((shape, dtype))?;
        let extents: Vec<usize> = made.getattr("shape")?.extract()?;
        return Ok((target(ctype, &made, &extents)?, made));
    }
    let length = shape.iter().product();
    let size = of.size().ok_or_else(unsupported)?;
    let block = Block::new(size * length, 64, Contents::Any)?;
    let first = block.start();
    let array = ctype::array_of(py, ctype, None)?;
    let made = CData::owning(array, first, Some(length), Own::Memory(block));
    let made = Bound::new(py, made)?;
    let dimensions = dense(shape, size);
    Ok((Operand { first, dimensions, size, _kept: Kept::Data(made.clone().unbind()) }, made.into_any()))
}

/// Dimensions of elements that lie one right after the other.
fn dense(shape: &[usize], size: usize) -> Vec<(usize, isize)> {
    let mut distance = size as isize;
    let mut dimensions: Vec<_> = shape
        .iter()
        .rev()
        .map(|length| {
            let dimension = (*length, distance);
            distance *= *length as isize;
            dimension
        })
        .collect();
    dimensions.reverse();
    dimensions
}

/// A copy of an operand, because results are written where it lies.
fn copied(operand: &Operand) -> PyResult<Operand> {
    let shape: Vec<usize> = operand.shape().collect();
    let block = Block::new(shape.iter().product::<usize>() * operand.size, 64, Contents::Any)?;
    let dimensions = dense(&shape, operand.size);
    let copy = Operand { first: block.start(), dimensions, size: operand.size, _kept: Kept::Block(block) };
    for place in Places::new(&shape) {
        let (from, to) = (operand.at(&place), copy.at(&place));
        // SAFETY: both have an element at each place of the shape.
        unsafe { std::ptr::copy_nonoverlapping(from, to, operand.size) };
    }
    Ok(copy)
}

/// Every place of a shape, the last dimension first.
struct Places<'a> {
    shape: &'a [usize],
    next: Option<Vec<usize>>,
}

impl Places<'_> {
    fn new(shape: &[usize]) -> Places<'_> {
        let next = (!shape.contains(&0)).then(|| vec![0; shape.len()]);
        Places { shape, next }
    }
}

impl Iterator for Places<'_> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let place = self.next.take()?;
        let mut next = place.clone();
        for (index, length) in next.iter_mut().zip(self.shape).rev() {
            *index += 1;
            if *index < *length {
                self.next = Some(next);
                break;
            }
            *index = 0;
        }
        Some(place)
    }
}

/// Refuses elements of another type than `of`.
fn check_elements(of: &CType, view: &View) -> PyResult<()> {
    let format = view.format().map_or(&b"B"[..], CStr::to_bytes);
    let letter = match format {
        [letter] => *letter,
        [b'@' | b'=' | b'<', letter] if cfg!(target_endian = "little") => *letter,
        [b'@' | b'=' | b'>', letter] if cfg!(target_endian = "big") => *letter,
        _ => b' ',
    };
    let form = match letter {
        b'?' => Some(Form::Bool),
        b'c' => Some(Form::Char),
        b'b' | b'h' | b'i' | b'l' | b'q' | b'n' => Some(Form::Signed),
        b'B' | b'H' | b'I' | b'L' | b'Q' | b'N' => Some(Form::Unsigned),
        b'f' | b'd' => Some(Form::Float),
        b'u' | b'w' => Some(Form::Wide { signed: false }),
        _ => None,
    };
    let fits = of.primitive().is_some_and(|primitive| {
        let same = match (primitive.form, form) {
            (Form::Wide { .. }, Some(Form::Wide { .. })) => true,
            (Form::Char, Some(Form::Signed | Form::Unsigned)) => true,
            (wanted, Some(given)) => wanted == given,
            (_, None) => false,
        };
        same && primitive.size == view.item_size()
    });
    match fits {
        true => Ok(()),
        false => Err(PyTypeError::new_err(format!(
            "elements of '{}' are expected, not of format '{}' and {} bytes",
            of.text(),
            String::from_utf8_lossy(format),
            view.item_size()
        ))),
    }
}

/// The name of numpy's type for a primitive one.
fn dtype(primitive: &Primitive) -> Option<String> {
    let bits = primitive.size * 8;
    Some(match primitive.form {
        Form::Bool => "bool".into(),
        Form::Signed | Form::Char => format!("int{bits}"),
        Form::Unsigned => format!("uint{bits}"),
        Form::Float => format!("float{bits}"),
        Form::Wide { .. } | Form::LongDouble | Form::Complex => return None,
    })
}

/// Memory that is the same on every thread, for the time of a call.
struct Shared<T>(T);

// SAFETY: the memory that is referred to is kept by the caller of `call`, who waits for the end of it.
unsafe impl<T> Send for Shared<T> {}

fn call(
    py: Python<'_>,
    bound: &Function,
    function: &FunctionType,
    callee: &CData,
    operands: &[Operand],
    target: Option<&Operand>,
    shape: &[usize],
) -> PyResult<()> {
    let refused = |error: ColumnsError| match error {
        ColumnsError::NoWord { .. } | ColumnsError::NoWords { .. } | ColumnsError::Variadic => {
            PyNotImplementedError::new_err(error.to_string())
        }
        _ => PyValueError::new_err(error.to_string()),
    };
    let model = engine().data_model();
    let scalar = |ctype: &Py<CType>| ctype.get().passed().and_then(|ty| ty.scalar(model));
    let unsupported = |ctype: &Py<CType>| {
        PyNotImplementedError::new_err(format!("arrays of '{}' are not supported", ctype.get().text()))
    };
    let scalars = function.arguments.iter().map(|ctype| scalar(ctype).ok_or_else(|| unsupported(ctype)));
    let scalars = scalars.collect::<PyResult<Vec<Scalar>>>()?;
    let result = match target {
        Some(_) => Some(scalar(&function.result).ok_or_else(|| unsupported(&function.result))?),
        None => None,
    };
    // One run over everything where all lie densely, and one per innermost row otherwise.
    let dense = operands.iter().all(|operand| operand.dimensions.is_empty() || operand.is_dense());
    let (outer, length) = match (dense, shape) {
        (_, []) => (&shape[..0], 1),
        (true, _) => (&shape[..0], shape.iter().product()),
        (false, [outer @ .., length]) => (outer, *length),
    };
    let distance = |operand: &Operand| match dense {
        true => operand.size as isize,
        false => operand.dimensions.last().map_or(0, |(_, distance)| *distance),
    };
    let inputs = operands.iter().map(|operand| match operand.dimensions.is_empty() {
        true => Input::Scalar,
        false if distance(operand) == operand.size as isize => Input::Column,
        false => Input::Strided,
    });
    let inputs: Vec<Input> = inputs.collect();
    let columns = prepared(bound, function, callee, &inputs, &refused)?;
    let work = Shared((&columns, operands, target, &inputs, &scalars));
    let run = move || -> Result<(), ColumnsError> {
        let Shared((columns, operands, target, inputs, scalars)) = { work };
        errno::enter();
        let mut row = Vec::with_capacity(operands.len());
        for place in Places::new(outer) {
            row.clear();
            for ((operand, input), scalar) in operands.iter().zip(inputs).zip(scalars) {
                let at = operand.at(&place).cast::<c_void>().cast_const();
                // SAFETY: the operand has the elements, of the type; what results are written over was copied.
                row.push(unsafe {
                    match input {
                        Input::Scalar => Column::raw_scalar(*scalar, at),
                        Input::Column => Column::raw(*scalar, at, length),
                        Input::Strided => Column::raw_strided(*scalar, at, length, distance(operand)),
                    }
                });
            }
            let output = target.zip(result).map(|(target, scalar)| {
                // SAFETY: the target has the elements of this row, one right after the other, and nobody else uses them.
                unsafe { Output::raw(scalar, target.at(&place).cast(), length) }
            });
            // SAFETY: that the function may be called with these values is what the program says.
            unsafe { columns.call(&row, output.as_slice(), None) }?;
        }
        errno::leave();
        Ok(())
    };
    let done = match bound.gil {
        Gil::Kept => run(),
        Gil::Released => py.detach(run),
    };
    done.map_err(refused)
}

/// The function, ready for such calls.
fn prepared(
    bound: &Function,
    function: &FunctionType,
    callee: &CData,
    inputs: &[Input],
    refused: &dyn Fn(ColumnsError) -> PyErr,
) -> PyResult<Columns> {
    let lock = || bound.columns.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(known) = lock().get(inputs) {
        return Ok(known.clone());
    }
    let name = callee.ctype.get().text();
    let signature = super::signature(&function.arguments, None, &function.result)
        .ok_or_else(|| PyNotImplementedError::new_err(format!("ctype '{name}' passes what has no size")))??;
    let address =
        NonNull::new(callee.address().cast()).ok_or_else(|| PyValueError::new_err("NULL function"))?;
    let prototype = Prototype { name: None, signature };
    let native =
        engine().function_at(address, prototype).map_err(|error| crate::error::of_binding(name, &error))?;
    let columns = Columns::new(engine(), &native, inputs).map_err(refused)?;
    lock().insert(inputs.into(), columns.clone());
    Ok(columns)
}
