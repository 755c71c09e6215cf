//! Types under construction, with what bounds the time that handling them takes.

use alloc::sync::Arc;

use super::{error::ParseErrorKind, places::Failure, size::Size, unseen::Unseen, words::VA_LIST};
use crate::{
    layout::{Layout, LayoutError, MAX_MEMBERS, MAX_SIZE},
    model::DataModel,
    types::{Aggregate, AggregateKind, Array, Declared, NamedConvention, Pointee, Signature, Type},
};

/// A type under construction.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) shape: Shape,
    /// What its name, or the declaration so far, says about it.
    pub(crate) declared: Declared,
    /// Whether it is `volatile` or `restrict`, of which nothing comes but what C forbids.
    pub(super) volatile: bool,
    pub(super) unseen: Unseen,
    /// The member of a transparent union as which one is passed (GCC: `transparent_union`).
    passed_as: Option<Type>,
    pub(super) size: Size,
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

impl Contents {
    pub(super) const NONE: Contents = Contents { size: Size::ONE, members: 0 };

    /// Adds a member. Returns its layout.
    pub(super) fn add(&mut self, member: &Built) -> Result<Layout, ParseErrorKind> {
        let object = member.object.ok_or(ParseErrorKind::NotAnObject)?;
        self.size = self.size.around(member.size)?;
        self.members = self.members.saturating_add(1).saturating_add(object.members);
        if self.members > MAX_MEMBERS {
            return Err(LayoutError::TooManyMembers.into());
        }
        Ok(object.layout)
    }
}

impl Built {
    fn of(shape: Shape, size: Size, object: Option<Object>) -> Built {
        let declared = Declared::default();
        Built { shape, declared, volatile: false, unseen: Unseen::NONE, passed_as: None, size, object }
    }

    /// A type that is made of no other, or `void`, or an aggregate without a definition.
    pub(super) fn simple(ty: Type, model: &DataModel) -> Built {
        let object = ty.layout(model).ok().map(|layout| Object { layout, members: 0 });
        Built::of(Shape::Object { ty, constant: false }, Size::ONE, object)
    }

    /// An aggregate with those contents and that layout.
    pub(super) fn aggregate(aggregate: Arc<Aggregate>, contents: &Contents, layout: Layout) -> Built {
        let shape = Shape::Object { ty: Type::Aggregate(aggregate), constant: false };
        Built::of(shape, contents.size, Some(Object { layout, members: contents.members }))
    }

    /// A function.
    pub(super) fn function(signature: Signature, size: Size, unseen: Unseen) -> Built {
        Built { unseen, ..Built::of(Shape::Function(signature), size, None) }
    }

    /// The type `ty`, made of no other, with the qualifier of this one.
    pub(super) fn replaced(self, ty: Type, model: &DataModel) -> Built {
        Built::simple(ty, model).qualified_as(&self)
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
        self.volatile = false;
        self
    }

    /// The same type under a name that may give it an alignment.
    pub(super) fn aligned(mut self, align: Option<u32>) -> Built {
        self.declared.type_align = align.or(self.declared.type_align);
        self
    }

    /// The same type with the qualifiers and the alignment that `other` has.
    pub(crate) fn qualified_as(self, other: &Built) -> Built {
        let built = Built { declared: other.declared, volatile: other.volatile, ..self };
        if other.is_constant() { built.constant() } else { built }
    }

    fn is_constant(&self) -> bool {
        matches!(self.shape, Shape::Object { constant: true, .. })
    }

    /// Whether it has any qualifier.
    pub(super) fn is_qualified(&self) -> bool {
        self.is_constant() || self.declared.atomic || self.volatile
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
        Ok(Built { size, unseen: self.unseen.beneath(self.volatile), ..Built::simple(ty, model) })
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
        let layout = Layout { size: size.ok_or(LayoutError::TooLarge)?, ..object.layout };
        let shape = Shape::Object { ty: Type::Array(Arc::new(Array { element: ty, length })), constant };
        let array = Built::of(shape, Size::ONE.around(self.size)?, Some(Object { layout, ..object }));
        let declared = Declared { flexible: false, ..self.declared };
        Ok(Built { declared, volatile: self.volatile, unseen: self.unseen, ..array })
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

    /// Whether it can be `restrict`: a pointer that does not point to a function, or an array of such (C23 6.7.4.1, 2).
    pub(super) fn points_to_object(&self) -> bool {
        let Shape::Object { ty, .. } = &self.shape else { return false };
        let mut ty = ty;
        while let Type::Array(array) = ty {
            ty = &array.element;
        }
        matches!(ty, Type::Pointer(pointee) if !matches!(**pointee, Pointee::Function(_)))
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
        matches!(self.shape, Shape::Object { ty: Type::Void, .. }) && !self.is_qualified()
    }
}
