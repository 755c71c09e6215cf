//! The layout of aggregates: what libffi computes when it first meets one whose size is 0.

use crate::types::{Status, Type, code};

/// Aggregates within each other beyond which a type is refused. libffi has no limit, and runs out of stack where a
/// type contains itself.
const MAX_DEPTH: u32 = 256;

/// Lays out a structure or vector, and every member whose size is 0. Where `offsets` is not null, it gets the offset
/// of each member, in bytes.
///
/// # Safety
/// The type and all that it refers to is readable, and writable where its size is 0; `offsets` has room for one number per
/// member.
pub(crate) unsafe fn lay_out(ty: *mut Type, offsets: *mut usize) -> Status {
    // SAFETY: the caller vouches for the type, what it refers to, and the room at `offsets`, as `place` asks.
    if unsafe { place(ty, offsets, 0) } { Status::Ok } else { Status::BadTypedef }
}

/// # Safety
/// As [`lay_out`].
unsafe fn place(ty: *mut Type, mut offsets: *mut usize, depth: u32) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    // SAFETY: readable and writable: the program vouches for it, as libffi asks.
    let Some(ty) = (unsafe { ty.as_mut() }) else { return false };
    if ty.elements.is_null() {
        return false;
    }
    if ty.code == code::VECTOR {
        // SAFETY: a type that the caller vouches for, with a list of elements, by the check above.
        return unsafe { place_vector(ty) };
    }
    let (mut size, mut alignment) = (0usize, 0u16);
    // A type that contains itself must not be found half-way laid out.
    ty.size = 0;
    let mut element = ty.elements;
    // SAFETY: elements end with a null pointer.
    while let Some(member) = unsafe { (*element).as_ref() } {
        // SAFETY: a member is a type.
        if member.size == 0 && !unsafe { place(*element, std::ptr::null_mut(), depth + 1) } {
            return false;
        }
        // SAFETY: read anew, because it may have been laid out just now.
        let member = unsafe { &**element };
        if size.checked_add(member.size).is_none_or(|size| size > isize::MAX as usize) {
            return false;
        }
        size = aligned(size, member.alignment);
        if !offsets.is_null() {
            // SAFETY: there is room for one per member.
            unsafe {
                *offsets = size;
                offsets = offsets.add(1);
            }
        }
        size = size.wrapping_add(member.size);
        alignment = alignment.max(member.alignment);
        // SAFETY: the null pointer was not reached.
        element = unsafe { element.add(1) };
    }
    ty.size = aligned(size, alignment);
    ty.alignment = alignment;
    ty.size != 0
}

/// Rounds up. An alignment of 0, which no type has, makes everything 0, as it does in libffi.
pub(crate) fn aligned(size: usize, alignment: u16) -> usize {
    (size.wrapping_sub(1) | usize::from(alignment).wrapping_sub(1)).wrapping_add(1)
}

/// A vector's members are its lanes, all of one scalar type; its size is the next power of two.
///
/// # Safety
/// As [`lay_out`]; there are elements.
unsafe fn place_vector(ty: &mut Type) -> bool {
    let mut element = ty.elements;
    // SAFETY: elements end with a null pointer.
    let Some(lane) = (unsafe { (*element).as_ref() }) else { return false };
    let scalar = matches!(lane.code, code::FLOAT | code::DOUBLE | code::UINT8..=code::SINT64);
    let mut size = 0usize;
    // SAFETY: `element` is at or before the null pointer that ends the elements.
    while let Some(member) = unsafe { (*element).as_ref() } {
        if member.code != lane.code || member.size != lane.size {
            return false;
        }
        size = size.wrapping_add(member.size);
        // SAFETY: the null pointer was not reached.
        element = unsafe { element.add(1) };
    }
    let Some(size) = size.checked_next_power_of_two().filter(|_| scalar && lane.size != 0) else {
        return false;
    };
    ty.size = size;
    ty.alignment = size.min(16) as u16;
    true
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn ty(size: usize, alignment: u16, code: u16, elements: *mut *mut Type) -> Type {
        Type { size, alignment, code, elements }
    }

    #[test]
    fn members_are_placed_and_the_whole_is_padded() {
        let (mut byte, mut word) =
            (ty(1, 1, code::UINT8, ptr::null_mut()), ty(8, 8, code::UINT64, ptr::null_mut()));
        let mut elements = [&raw mut byte, &raw mut word, &raw mut byte, ptr::null_mut()];
        let mut whole = ty(0, 0, code::STRUCT, elements.as_mut_ptr());
        let mut offsets = [9; 3];
        // SAFETY: all of it is here.
        assert_eq!(unsafe { lay_out(&mut whole, offsets.as_mut_ptr()) }, Status::Ok);
        assert_eq!((whole.size, whole.alignment, offsets), (24, 8, [0, 8, 16]));
    }

    #[test]
    fn bad_types_are_refused() {
        let mut elements = [ptr::null_mut(); 2];
        let mut whole = ty(0, 0, code::STRUCT, elements.as_mut_ptr());
        // SAFETY: all of it is here.
        assert_eq!(unsafe { lay_out(&mut whole, ptr::null_mut()) }, Status::BadTypedef, "no members");
        let mut elements = [&raw mut whole, ptr::null_mut()];
        whole.elements = elements.as_mut_ptr();
        // SAFETY: `whole` and its list of elements are live.
        assert_eq!(unsafe { lay_out(&mut whole, ptr::null_mut()) }, Status::BadTypedef, "contains itself");
        let mut loose = ty(4, 0, code::UINT32, ptr::null_mut());
        let mut elements = [&raw mut loose, ptr::null_mut()];
        whole.elements = elements.as_mut_ptr();
        // SAFETY: `whole`, its list of elements and `loose` are live.
        assert_eq!(unsafe { lay_out(&mut whole, ptr::null_mut()) }, Status::BadTypedef, "alignment 0");
        whole.elements = ptr::null_mut();
        // SAFETY: `whole` is live, and has no list.
        assert_eq!(unsafe { lay_out(&mut whole, ptr::null_mut()) }, Status::BadTypedef, "no list of members");
    }
}
