//! The C types of the cases' arguments and results, in everyone's terms.

use libffi::middle::Type as FfiType;
use springboard::{
    Value, Word,
    ir::{Aggregate, AggregateKind, Field, Integer, Param, Pointee, Signature, Type},
};

/// A type that is passed or returned.
pub(crate) trait CaseType: Copy + 'static {
    /// The C type.
    fn c() -> Type;
    /// The same in libffi's terms.
    fn ffi() -> FfiType;
    /// Bits by which two results are compared.
    fn digest(self) -> u64;
    /// A result of this type, as calls with checked values give it.
    ///
    /// # Panics
    /// Where it is none.
    fn of(value: &Value) -> Self;
    /// What a dependent chain of calls begins with.
    fn first() -> Self;
}

/// A structure.
pub(crate) trait Structure: CaseType {
    /// Reads every field from memory, whether it is used or not.
    fn read(&self) -> Self;
}

/// The C type of a function of these parameters.
pub(crate) fn signature(result: Type, params: &[Type], fixed: Option<usize>) -> Signature {
    let params = params.iter().map(|ty| Param { name: None, ty: ty.clone() }).collect();
    match fixed {
        None => Signature::new(result, params),
        Some(fixed) => Signature::variadic(result, params, fixed),
    }
    .expect("a case has a signature")
}

impl CaseType for () {
    fn c() -> Type {
        Type::Void
    }

    fn ffi() -> FfiType {
        FfiType::void()
    }

    fn digest(self) -> u64 {
        0
    }

    fn of(_: &Value) {}

    fn first() {}
}

macro_rules! words {
    ($($rust:ty, $c:expr, $ffi:expr, $pattern:pat => $value:expr;)*) => {$(
        impl CaseType for $rust {
            fn c() -> Type {
                $c
            }

            fn ffi() -> FfiType {
                $ffi
            }

            fn digest(self) -> u64 {
                self.into_slot()
            }

            #[inline(always)]
            fn of(value: &Value) -> $rust {
                match *value {
                    $pattern => $value as $rust,
                    _ => panic!("{value} is no {}", stringify!($rust)),
                }
            }

            fn first() -> $rust {
                <$rust>::from_slot(0)
            }
        }
    )*};
}

words! {
    i32, Type::Int(Integer::Int32), FfiType::i32(), Value::Signed(value) => value;
    i64, Type::Int(Integer::Int64), FfiType::i64(), Value::Signed(value) => value;
    u64, Type::Int(Integer::UInt64), FfiType::u64(), Value::Unsigned(value) => value;
    usize, Type::Int(Integer::Size), FfiType::usize(), Value::Unsigned(value) => value;
    f32, Type::Float, FfiType::f32(), Value::F32(value) => value;
    f64, Type::Double, FfiType::f64(), Value::F64(value) => value;
    *const u8, Type::pointer_to(Pointee::Const(Type::Int(Integer::UInt8))), FfiType::pointer(),
        Value::Pointer(value) => value;
}

/// `struct p2` of the C library: 16 bytes, passed and returned in two vector registers on System V AMD64.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct P2 {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

/// `struct q4` of the C library: 32 bytes, returned through memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Q4 {
    pub(crate) a: i64,
    pub(crate) b: i64,
    pub(crate) c: i64,
    pub(crate) d: i64,
}

macro_rules! structures {
    ($($rust:ident, $tag:literal, $($field:ident: $ty:ty),*;)*) => {$(
        impl CaseType for $rust {
            fn c() -> Type {
                let field = |name: &str, ty| Field::new(name, ty);
                let fields = vec![$(field(stringify!($field), <$ty>::c())),*];
                let tag = Some($tag.into());
                let aggregate =
                    Aggregate { kind: AggregateKind::Struct, tag, fields, packed: false, align: None, pack: None };
                Type::Aggregate(aggregate.into())
            }

            fn ffi() -> FfiType {
                FfiType::structure([$(<$ty>::ffi()),*])
            }

            fn digest(self) -> u64 {
                let fields = [$(self.$field.digest()),*];
                fields.into_iter().fold(0, |sum: u64, field| sum.wrapping_mul(31).wrapping_add(field))
            }

            #[inline(always)]
            fn of(value: &Value) -> $rust {
                let Value::Bytes(bytes) = value else { panic!("{value} is no structure") };
                assert_eq!(bytes.len(), size_of::<$rust>());
                let structure = bytes.as_ptr().cast::<$rust>();
                assert!(structure.is_aligned());
                // SAFETY: as many bytes, aligned, and numbers have no others.
                unsafe { &*structure }.read()
            }

            fn first() -> $rust {
                $rust { $($field: <$ty>::first()),* }
            }
        }

        impl Structure for $rust {
            #[inline(always)]
            fn read(&self) -> $rust {
                // SAFETY: the fields are there, and are plain numbers.
                unsafe { $rust { $($field: (&raw const self.$field).read_volatile()),* } }
            }
        }
    )*};
}

structures! {
    P2, "p2", x: f64, y: f64;
    Q4, "q4", a: i64, b: i64, c: i64, d: i64;
}
