//! Objects of C types that the host owns.

use std::{alloc, ffi::c_void, fmt, ptr::NonNull};

use springboard::Value;
use springboard_ir::{Array, DataModel, Integer, Type};

use super::{error::MemoryError, view::View, view_mut::ViewMut};

/// What `malloc` aligns memory to on every machine that is known: enough for any scalar.
const ANY_ALIGN: usize = 16;

/// An object of a C type, or several behind each other, aligned as the type says and zero at first. Its address does
/// not change when it is moved. Freed with its owner: native code must not keep the address for longer.
pub struct Memory {
    start: NonNull<u8>,
    layout: alloc::Layout,
    /// How many of the bytes belong to objects.
    bytes: usize,
    ty: Type,
    model: DataModel,
}

// SAFETY: the memory belongs to this value alone, as that of a `Vec<u8>` does.
unsafe impl Send for Memory {}
// SAFETY: as above; a shared `Memory` is only read.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory for one object.
    ///
    /// # Errors
    /// A type without a layout.
    pub fn new(ty: &Type, model: &DataModel) -> Result<Memory, MemoryError> {
        Memory::array(ty, 1, model)
    }

    /// Memory for `count` objects behind each other.
    ///
    /// # Errors
    /// A type without a layout; no objects, or more than memory can hold.
    ///
    /// # Panics
    /// As allocations do, where the system has no more memory.
    pub fn array(ty: &Type, count: usize, model: &DataModel) -> Result<Memory, MemoryError> {
        let own = ty.layout(model).map_err(|error| MemoryError::Layout { ty: ty.clone(), error })?;
        let too_many = || MemoryError::Count { count };
        let bytes = (own.size as usize).checked_mul(count).filter(|_| count > 0).ok_or_else(too_many)?;
        Memory::zeroed(bytes, own.align as usize, ty.clone(), model).ok_or_else(too_many)
    }

    /// `count` bytes, as an array of `unsigned char` aligned for any type.
    ///
    /// # Errors
    /// More than memory can hold.
    ///
    /// # Panics
    /// As [`Memory::array`].
    pub fn bytes(count: usize, model: &DataModel) -> Result<Memory, MemoryError> {
        let array = Array { element: Type::Int(Integer::UChar), length: count as u64 };
        Memory::zeroed(count, ANY_ALIGN, Type::Array(array.into()), model).ok_or(MemoryError::Count { count })
    }

    /// `None` where it is more than memory can hold.
    fn zeroed(bytes: usize, align: usize, ty: Type, model: &DataModel) -> Option<Memory> {
        // An allocation has at least one byte.
        let layout = alloc::Layout::from_size_align(bytes.max(1), align).ok()?;
        // SAFETY: the layout's size is not zero.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let start = NonNull::new(start).unwrap_or_else(|| alloc::handle_alloc_error(layout));
        Some(Memory { start, layout, bytes, ty, model: *model })
    }

    /// One object with this value.
    ///
    /// # Errors
    /// As [`Memory::new`]; a value that does not fit.
    pub fn with(value: &Value, ty: &Type, model: &DataModel) -> Result<Memory, MemoryError> {
        let mut memory = Memory::new(ty, model)?;
        memory.view_mut().write(value)?;
        Ok(memory)
    }

    /// A look at the first object; [`View::element`] finds the others.
    pub fn view(&self) -> View<'_> {
        // SAFETY: as many bytes are there for as long as `self` is borrowed.
        let view = unsafe { View::over(self.start.as_ptr(), self.bytes, &self.ty, &self.model) };
        view.expect("there is at least one object")
    }

    /// The same, for writing.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        // SAFETY: as above, and nobody else has them.
        let view = unsafe { ViewMut::over(self.start.as_ptr(), self.bytes, &self.ty, &self.model) };
        view.expect("there is at least one object")
    }

    /// The address, to be passed to native code, which may write there as long as nobody looks.
    pub fn address(&self) -> *mut c_void {
        self.start.as_ptr().cast()
    }

    /// The type of the objects.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// How many bytes the objects have together.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether that is none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the memory was allocated with this layout, and is freed once.
        unsafe { alloc::dealloc(self.start.as_ptr(), self.layout) };
    }
}

/// The address, for a pointer parameter.
impl From<&Memory> for Value {
    fn from(memory: &Memory) -> Value {
        memory.address().into()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("address", &self.start)
            .field("bytes", &self.bytes)
            .field("ty", &self.ty.to_string())
            .finish_non_exhaustive()
    }
}
