//! C data as text.

use pyo3::prelude::*;

use crate::{
    cdata::{CData, Own},
    convert,
    ctype::{Form, Kind, Primitive},
    error::type_name,
};

#[pymethods]
impl CData {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        of(self, py)
    }
}

fn of(cdata: &CData, py: Python<'_>) -> PyResult<String> {
    let ctype = cdata.ctype.get();
    let text = ctype.text();
    let object = |object: &Bound<'_, PyAny>| object.repr().map(|repr| repr.to_string());
    let kept = match &*cdata.own() {
        Own::Memory(_) | Own::Structure(_) | Own::Returned(_) | Own::Allocated { .. } => {
            Kept::Text(format!("owning {} bytes", cdata.pointed_size().unwrap_or(0)))
        }
        Own::Slice => Kept::Text(format!("sliced length {}", cdata.elements().unwrap_or(0))),
        Own::Handle(kept) => Kept::Object("handle to ", kept.object.clone_ref(py)),
        Own::Closure(closure) => Kept::Object("calling ", closure.callable(py)),
        Own::Lent(view) => {
            let lender = view.object(py).map_or("(unknown)".into(), |object| type_name(&object));
            Kept::Text(format!(
                "buffer len {} from '{lender}' object",
                cdata.elements().unwrap_or(view.len())
            ))
        }
        Own::GivenBack => Kept::Text("buffer RELEASED".into()),
        Own::Nothing | Own::Guarded { .. } | Own::Released => Kept::Nothing,
    };
    match kept {
        Kept::Text(kept) => return Ok(format!("<cdata '{text}' {kept}>")),
        Kept::Object(what, kept) => return Ok(format!("<cdata '{text}' {what}{}>", object(kept.bind(py))?)),
        Kept::Nothing => {}
    }
    let address = |address: *mut u8| match address.is_null() {
        true => String::from("NULL"),
        false => format!("{address:p}"),
    };
    Ok(match &ctype.kind {
        Kind::Enum(enumeration) => {
            let value = convert::read_integer(&enumeration.underlying, cdata.data());
            match enumeration.named(value) {
                Some(name) => format!("<cdata '{text}' {value}: {name}>"),
                None => format!("<cdata '{text}' {value}>"),
            }
        }
        Kind::Primitive(Primitive { form: Form::LongDouble, .. }) => {
            format!("<cdata '{text}' {}>", convert::long_double_text(cdata.data()))
        }
        Kind::Primitive(_) => {
            let value = convert::from_c(py, &cdata.ctype, cdata.data(), None)?;
            format!("<cdata '{text}' {}>", object(&value)?)
        }
        Kind::Aggregate(_) => format!("<cdata '{} &' {}>", text, address(cdata.address())),
        _ => format!("<cdata '{text}' {}>", address(cdata.address())),
    })
}

enum Kept {
    Nothing,
    Text(String),
    Object(&'static str, Py<PyAny>),
}
