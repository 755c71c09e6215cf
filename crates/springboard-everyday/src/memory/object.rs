//! Objects of C types that the host owns.

use std::{
    alloc::{self, Layout},
    ffi::c_void,
    fmt,
    ptr::NonNull,
    slice,
};

use springboard::Value;
use springboard_ir::{Array, DataModel, Integer, Type};

use super::{error::MemoryError, number::Form, view::View, view_mut::ViewMut};

/// What C allocators align memory to: enough for every type that does not ask for more.
const ANY_ALIGN: usize = 16;

/// An object of a C type, or an array of them, aligned as the type says and zero at first.
///
/// Its address stays the same when the value is moved. The memory is freed when it is dropped: native code must not keep
/// the address for longer.
pub struct Memory {
    start: NonNull<u8>,
    layout: Layout,
    /// How many of the bytes belong to objects.
    bytes: usize,
    ty: Type,
    model: DataModel,
}

// SAFETY: the allocation belongs to this value alone, as that of a `Vec<u8>` does, and what it holds are bytes.
unsafe impl Send for Memory {}
// SAFETY: through a shared `Memory` bytes are only read. What native code does with the address, whoever calls it
// answers for.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory for one object.
    ///
    /// # Errors
    /// A type without a layout.
    pub fn new(ty: &Type, model: &DataModel) -> Result<Memory, MemoryError> {
        Memory::array(ty, 1, model)
    }

    /// Memory for an array of `count` objects.
    ///
    /// # Errors
    /// A type without a layout; a count of 0, or one that no memory can hold.
    ///
    /// # Panics
    /// As allocations do, where the system has no more memory.
    pub fn array(ty: &Type, count: usize, model: &DataModel) -> Result<Memory, MemoryError> {
        let own = ty.layout(model).map_err(|error| MemoryError::Layout { ty: ty.clone(), error })?;
        let bytes = (own.size as usize).checked_mul(count).filter(|_| count > 0);
        bytes
            .and_then(|bytes| Memory::zeroed(bytes, own.align as usize, ty.clone(), model))
            .ok_or(MemoryError::Count { count })
    }

    /// Memory for `count` bytes, as an array of `unsigned char` that is aligned for any type.
    ///
    /// # Errors
    /// A count that no memory can hold.
    ///
    /// # Panics
    /// As [`Memory::array`].
    pub fn bytes(count: usize, model: &DataModel) -> Result<Memory, MemoryError> {
        let array = Array { element: Type::Int(Integer::UChar), length: count as u64 };
        let ty = Type::Array(array.into());
        Memory::zeroed(count, ANY_ALIGN, ty, model).ok_or(MemoryError::Count { count })
    }

    /// `None` where no memory can hold it.
    fn zeroed(bytes: usize, align: usize, ty: Type, model: &DataModel) -> Option<Memory> {
        // An allocation has at least one byte.
        let layout = Layout::from_size_align(bytes.max(1), align).ok()?;
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
        // SAFETY: the allocation has as many bytes, zeroed when it was made, and lives for as long as `self` is borrowed.
        let view = unsafe { View::over(self.start.as_ptr(), self.bytes, Form::of(&self.ty, &self.model)) };
        view.expect("there is at least one object")
    }

    /// As [`Memory::view`], for writing.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        let form = Form::of(&self.ty, &self.model);
        // SAFETY: the allocation has as many bytes, zeroed when it was made; `self` is borrowed by the view alone.
        let view = unsafe { ViewMut::over(self.start.as_ptr(), self.bytes, form) };
        view.expect("there is at least one object")
    }

    /// All of its bytes. Native code must not use the address meanwhile.
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the allocation has as many bytes, zeroed when it was made; `self` is borrowed by the slice alone, so no
        // view of it lives.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }

    /// The address, to be passed to native code, which may write there while nobody reads.
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

    /// Whether they have none.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the memory was allocated with this layout, and nobody else frees it.
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
