//! Types under construction, with what bounds the time that handling them takes.

use alloc::{sync::Arc, vec::Vec};

use super::{
    error::{Failure, ParseErrorKind},
    words::VA_LIST,
};
use crate::{
    layout::{Layout, LayoutError, MAX_DEPTH, MAX_MEMBERS, MAX_SIZE},
    model::DataModel,
    types::{Aggregate, AggregateKind, Array, Declared, NamedConvention, Param, Pointee, Signature, Type},
};

/// Types, members and parameters that one type may be made of, each use of a shared one counted.
const MAX_PARTS: u32 = 1 << 14;

/// A type under construction.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) shape: Shape,
    /// What its name, or the declaration so far, says about it.
    pub(crate) declared: Declared,
    /// The member of a transparent union as which one is passed (GCC: `transparent_union`).
    passed_as: Option<Type>,
    size: Size,
    /// Layout, and the members an object of it holds. `None` where there can be no object.
    object: Option<Object>,
}

/// The same type. How large it is as a value depends on how it was named.
impl PartialEq for Built {
    fn eq(&self, other: &Built) -> bool {
        self.shape == other.shape && self.declared == other.declared && self.passed_as == other.passed_as
    }
}

/// What a declarator can declare.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Shape {
    /// An object. The qualifier of an array is that of its elements.
    Object { ty: Type, constant: bool },
    /// A function.
    Function(Signature),
}

/// How large a type is as a value of this program.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Size {
    /// Types, members and parameters in it, itself included.
    parts: u32,
    /// Types within each other.
    depth: u32,
}

/// How large objects of a type are.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Object {
    layout: Layout,
    members: u32,
}

/// What the members of an aggregate add up to.
pub(super) struct Contents {
    size: Size,
    members: u32,
}

impl Size {
    const ONE: Size = Size { parts: 1, depth: 1 };

    /// A type made of this one and `inner`.
    fn around(self, inner: Size) -> Result<Size, ParseErrorKind> {
        let size =
            Size { parts: self.parts.saturating_add(inner.parts), depth: self.depth.max(inner.depth + 1) };
        if size.depth > MAX_DEPTH {
            return Err(ParseErrorKind::TooDeep(MAX_DEPTH));
        }
        if size.parts > MAX_PARTS {
            return Err(ParseErrorKind::TooComplex(MAX_PARTS));
        }
        Ok(size)
    }
}

impl Contents {
    pub(super) const NONE: Contents = Contents { size: Size::ONE, members: 0 };

    /// Adds a member. Returns its layout.
    pub(super) fn add(&mut self, member: &Built) -> Result<Layout, ParseErrorKind> {
        let object = member.object.ok_or(ParseErrorKind::NotAnObject)?;
        self.size = self.size.around(member.size)?;
        self.members = self.members.saturating_add(1).saturating_add(object.members);
        if self.members > MAX_MEMBERS {
            return Err(ParseErrorKind::Layout(LayoutError::TooManyMembers));
        }
        Ok(object.layout)
    }
}

impl Built {
    /// A type that is made of no other, or `void`, or an aggregate without a definition.
    pub(super) fn simple(ty: Type, model: &DataModel) -> Built {
        let object = ty.layout(model).ok().map(|layout| Object { layout, members: 0 });
        Built {
            shape: Shape::Object { ty, constant: false },
            declared: Declared::default(),
            passed_as: None,
            size: Size::ONE,
            object,
        }
    }

    /// An aggregate with those contents and that layout.
    pub(super) fn aggregate(aggregate: Arc<Aggregate>, contents: &Contents, layout: Layout) -> Built {
        Built {
            shape: Shape::Object { ty: Type::Aggregate(aggregate), constant: false },
            declared: Declared::default(),
            passed_as: None,
            size: contents.size,
            object: Some(Object { layout, members: contents.members }),
        }
    }

    /// The type `ty`, made of no other, with the qualifier of this one.
    pub(super) fn replaced(self, ty: Type, model: &DataModel) -> Built {
        let constant = matches!(self.shape, Shape::Object { constant: true, .. });
        let simple = Built { declared: self.declared, ..Built::simple(ty, model) };
        if constant { simple.constant() } else { simple }
    }

    /// The same type, `const`.
    pub(super) fn constant(mut self) -> Built {
        if let Shape::Object { constant, .. } = &mut self.shape {
            *constant = true;
        }
        self
    }

    /// The same type without qualifiers (C23, `typeof_unqual`).
    pub(super) fn unqualified(mut self) -> Built {
        if let Shape::Object { constant, .. } = &mut self.shape {
            *constant = false;
        }
        self.declared.atomic = false;
        self
    }

    /// The type of a function that was declared before the text.
    pub(super) fn function(signature: Signature) -> Built {
        let size = Size { parts: MAX_PARTS / 2, depth: MAX_DEPTH / 2 };
        let declared = Declared::default();
        Built { shape: Shape::Function(signature), declared, passed_as: None, size, object: None }
    }

    /// The same type under a name that gives it an alignment.
    pub(super) fn aligned(mut self, align: u32) -> Built {
        self.declared.type_align = Some(align);
        self
    }

    /// The same type, `_Atomic`.
    pub(super) fn atomic(mut self) -> Built {
        self.declared.atomic = true;
        self
    }

    /// The same array, without a length.
    pub(super) fn flexible(mut self) -> Built {
        self.declared.flexible = true;
        self
    }

    /// The same type with the qualifiers and the alignment that `other` has.
    pub(crate) fn qualified_as(self, other: &Built) -> Built {
        let constant = matches!(other.shape, Shape::Object { constant: true, .. });
        let built = Built { declared: other.declared, ..self };
        if constant { built.constant() } else { built }
    }

    /// The type, where it is not that of a function.
    pub(crate) fn object_type(&self) -> Option<Type> {
        match &self.shape {
            Shape::Object { ty, .. } => Some(ty.clone()),
            Shape::Function(_) => None,
        }
    }

    /// Layout of an object of the type. Its size need not be a multiple of an alignment that a name gave the type.
    pub(super) fn layout(&self) -> Option<Layout> {
        let Layout { size, align } = self.object?.layout;
        Some(Layout { size, align: self.declared.type_align.unwrap_or(align) })
    }

    /// A pointer to the type.
    pub(super) fn pointer(self, model: &DataModel) -> Result<Built, ParseErrorKind> {
        let ty = Type::pointer_to(match self.shape {
            Shape::Object { ty, constant: false } => Pointee::Object(ty),
            Shape::Object { ty, constant: true } => Pointee::Const(ty),
            Shape::Function(signature) => Pointee::Function(signature),
        });
        // A tagged aggregate has been replaced with its tag.
        let by_tag = matches!(&ty, Type::Pointer(pointee)
            if matches!(&**pointee, Pointee::Object(Type::Incomplete(..)) | Pointee::Const(Type::Incomplete(..))));
        let size = Size::ONE.around(if by_tag { Size::ONE } else { self.size })?;
        Ok(Built { size, ..Built::simple(ty, model) })
    }

    /// An array of the type.
    pub(super) fn array(self, length: u64) -> Result<Built, ParseErrorKind> {
        if let Some(Layout { size, align }) = self.layout()
            && !size.is_multiple_of(align.into())
        {
            return Err(ParseErrorKind::ElementAlignment { size, align });
        }
        let (Shape::Object { ty, constant }, object) = (self.shape, self.object) else {
            return Err(ParseErrorKind::NotAnObject);
        };
        let object = object.ok_or(ParseErrorKind::NotAnObject)?;
        let size = object.layout.size.checked_mul(length).filter(|size| *size <= MAX_SIZE);
        let size = size.ok_or(ParseErrorKind::Layout(LayoutError::TooLarge))?;
        Ok(Built {
            shape: Shape::Object { ty: Type::Array(Arc::new(Array { element: ty, length })), constant },
            declared: Declared { flexible: false, ..self.declared },
            passed_as: None,
            size: Size::ONE.around(self.size)?,
            object: Some(Object {
                layout: Layout { size, align: object.layout.align },
                members: object.members,
            }),
        })
    }

    /// What a parameter of the type is, after the adjustment of arrays and functions to pointers
    /// (C11 6.7.6.3, 7 and 8), of `va_list` to its address, and of transparent unions to their first member.
    pub(super) fn adjusted(self, model: &DataModel) -> Result<Built, ParseErrorKind> {
        match self.shape {
            Shape::Function(_) => self.pointer(model),
            Shape::Object { ty: Type::Array(array), constant } => {
                let shape = Shape::Object { ty: array.element.clone(), constant };
                Built { shape, ..self }.pointer(model)
            }
            Shape::Object { ty: Type::Incomplete(_, ref tag), .. } if **tag == *VA_LIST => {
                self.pointer(model)
            }
            Shape::Object { .. } => Ok(match self.passed_as {
                Some(ty) => Built { size: self.size, ..Built::simple(ty, model) },
                None => self,
            }),
        }
    }

    /// The same union, passed as its first member: that of `connect(2)` is a pointer to any kind of address.
    pub(super) fn transparent(self) -> Result<Built, ParseErrorKind> {
        let first = match &self.shape {
            Shape::Object { ty: Type::Aggregate(aggregate), .. }
                if aggregate.kind == AggregateKind::Union =>
            {
                aggregate.fields.first().map(|field| field.ty.clone())
            }
            _ => None,
        };
        match first {
            // With others its members would have to be compared.
            Some(first @ Type::Pointer(_)) => Ok(Built { passed_as: Some(first), ..self }),
            _ => Err(ParseErrorKind::Unsupported("transparent_union".into())),
        }
    }

    /// Whether it is a union that is passed as its first member.
    pub(crate) fn is_transparent(&self) -> bool {
        self.passed_as.is_some()
    }

    /// The aggregate that this is and that has no definition yet.
    pub(crate) fn incomplete(&self) -> Option<(AggregateKind, &str)> {
        match &self.shape {
            Shape::Object { ty: Type::Incomplete(kind, tag), .. } => Some((*kind, tag)),
            _ => None,
        }
    }

    /// Whether it is a pointer.
    pub(super) fn is_pointer(&self) -> bool {
        matches!(self.shape, Shape::Object { ty: Type::Pointer(_), .. })
    }

    /// Whether it is a `va_list`.
    pub(super) fn is_va_list(&self) -> bool {
        self.incomplete().is_some_and(|(_, tag)| tag == VA_LIST)
    }

    /// The signature, where it is a function or a pointer to one.
    pub(crate) fn signature(&self) -> Option<&Signature> {
        match &self.shape {
            Shape::Function(signature) => Some(signature),
            Shape::Object { ty: Type::Pointer(pointee), .. } => match &**pointee {
                Pointee::Function(signature) => Some(signature),
                _ => None,
            },
            Shape::Object { .. } => None,
        }
    }

    /// The same function, or pointer to one, of another signature.
    fn with_signature(mut self, changed: Signature) -> Built {
        match &mut self.shape {
            Shape::Function(signature) => *signature = changed,
            Shape::Object { ty, .. } => *ty = Type::pointer_to(Pointee::Function(changed)),
        }
        self
    }

    /// The same, where a function passes structures that were not defined when its type was written, and are in `find`.
    pub(crate) fn completed<'a>(&self, find: impl Fn(&str) -> Option<&'a Type>) -> Built {
        let incomplete = self.signature().filter(|signature| signature.incomplete().is_some());
        match incomplete.map(|signature| signature.completed(find)) {
            Some(signature) => self.clone().with_signature(signature),
            None => self.clone(),
        }
    }

    /// The same function, or pointer to one, called by a convention that an attribute names.
    pub(super) fn called_by(
        self,
        (convention, position): (NamedConvention, usize),
    ) -> Result<Built, Failure> {
        match self.signature().cloned() {
            Some(signature) => Ok(self.with_signature(signature.called_by(convention))),
            None => Err(Failure::unsupported(convention.attribute(), position)),
        }
    }

    /// Whether it is `void`, unqualified.
    pub(super) fn is_void(&self) -> bool {
        matches!(self.shape, Shape::Object { ty: Type::Void, constant: false })
    }
}

/// The parameters of a function type under construction.
pub(super) struct Parameters {
    pub(super) list: Vec<Param>,
    /// Where each of them begins in the text.
    pub(super) positions: Vec<usize>,
    /// How many stand before `...`.
    pub(super) fixed: Option<usize>,
    /// Where the arguments of one call begin, after `...`.
    pub(super) arguments: Option<usize>,
    /// The convention that an attribute of the function type names.
    pub(super) convention: Option<NamedConvention>,
    size: Size,
}

impl Parameters {
    pub(super) const NONE: Parameters = Parameters {
        list: Vec::new(),
        positions: Vec::new(),
        fixed: None,
        arguments: None,
        convention: None,
        size: Size::ONE,
    };

    /// Adds a parameter, adjusted, that begins at `position`.
    pub(super) fn add(
        &mut self,
        name: Option<alloc::string::String>,
        built: Built,
        position: usize,
    ) -> Result<(), ParseErrorKind> {
        let Shape::Object { ty, .. } = built.shape else { return Err(ParseErrorKind::NotAnObject) };
        self.size = self.size.around(built.size)?;
        self.list.push(Param { name, ty });
        self.positions.push(position);
        Ok(())
    }

    /// The function type with these parameters and that result, which must be of an object type or `void`.
    ///
    /// A failure of the signature comes with the position to blame it on, where that is a parameter.
    pub(super) fn returning(self, result: Built) -> Result<Built, (Option<usize>, ParseErrorKind)> {
        let Shape::Object { ty, .. } = result.shape else {
            return Err((None, ParseErrorKind::FunctionResult));
        };
        let size = self.size.around(result.size).map_err(|kind| (None, kind))?;
        let signature = match self.fixed {
            None => Signature::new(ty, self.list),
            Some(fixed) => Signature::variadic(ty, self.list, fixed),
        };
        let blamed = |error: &crate::SignatureError| error.parameter().and_then(|at| self.positions.get(at));
        let signature =
            signature.map_err(|error| (blamed(&error).copied(), ParseErrorKind::Signature(error)))?;
        let signature = match self.convention {
            Some(convention) => signature.called_by(convention),
            None => signature,
        };
        Ok(Built {
            shape: Shape::Function(signature),
            declared: Declared::default(),
            passed_as: None,
            size,
            object: None,
        })
    }
}
