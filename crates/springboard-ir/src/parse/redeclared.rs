//! What a text declares more than once: whether it can be one thing (C11 6.2.2, 6.2.7 and 6.9).

use super::{
    Built, Object, Parser, Shape,
    error::ParseErrorKind,
    names::redefined,
    places::Failure,
    shortened,
    storage::{Sharing, Storage},
    unseen::Unseen,
};
use crate::{
    integer::Integer,
    model::DataModel,
    types::{Pointee, Signature, Type},
};

/// A function or an object, as it has been declared so far.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) built: Built,
    sharing: Sharing,
    /// Whether it has a body or an initializer, of which there is one.
    is_defined: bool,
    /// Whether it is kept as an object, by the first declaration that can be read whole.
    is_kept: bool,
    /// Where it is reserved as an object that may have no size yet.
    reserved: Option<usize>,
}

impl<'a> Parser<'a> {
    /// Keeps that `name` is declared as `built`, if it can be.
    pub(super) fn declare_again(
        &mut self,
        name: &'a str,
        built: &Built,
        storage: Storage,
        position: usize,
    ) -> Result<(), Failure> {
        let is_function = matches!(built.shape, Shape::Function(_));
        let reserved = (!is_function && !storage.is_extern()).then_some(position);
        let known = self.objects.get(name);
        let sharing = storage.sharing(is_function, known.map(|known| known.sharing));
        match known {
            None => {
                let built = built.clone();
                self.objects
                    .insert(name, Known { built, sharing, is_defined: false, is_kept: false, reserved });
            }
            Some(known)
                if known.sharing == sharing && may_be_one(&known.built, built, self.outer.model()) =>
            {
                let completes = says_more(built, &known.built).then(|| built.clone());
                if let Some(known) = self.objects.get_mut(name) {
                    known.built = completes.unwrap_or_else(|| known.built.clone());
                    known.reserved = known.reserved.or(reserved);
                }
            }
            Some(_) => return Err(ParseErrorKind::Redeclared(shortened(name)).at(position)),
        }
        Ok(())
    }

    /// Keeps that `name` has a body or an initializer. GNU's `extern inline` is a body beside the one that counts.
    pub(super) fn define_once(
        &mut self,
        name: &str,
        storage: Storage,
        position: usize,
    ) -> Result<(), Failure> {
        match self.objects.get_mut(name) {
            Some(known) if known.is_defined => Err(redefined(name, position)),
            Some(known) => {
                known.is_defined = !storage.is_extern_inline();
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Keeps an object, if `name` is not kept as one.
    pub(super) fn keep_object(&mut self, name: &str, object: Object) {
        let known = self.objects.get_mut(name).filter(|known| !known.is_kept);
        if let Some(known) = known {
            known.is_kept = true;
            self.own.declare_object(object);
        }
    }

    /// Refuses objects that are reserved and never get a size (6.9.2, 5).
    pub(super) fn check_reserved(&self) -> Result<(), Failure> {
        let reserved = self.objects.values().filter_map(|known| Some((known.reserved?, &known.built)));
        let mut unsized_ones = reserved
            .filter_map(|(position, built)| self.check_complete(&self.completed(built), position).err());
        let first = unsized_ones.next();
        unsized_ones.chain(first).min_by_key(|failure| failure.position).map_or(Ok(()), Err)
    }
}

/// Whether a declaration says what one before it left open: parameters, or a length.
fn says_more(built: &Built, known: &Built) -> bool {
    match (&built.shape, &known.shape) {
        (Shape::Function(_), Shape::Function(known)) => is_silent(known),
        _ => known.declared.flexible,
    }
}

/// Whether two declarations can be of one function or object, as far as can be told: types may be compatible in more ways
/// than that they are the same (C11 6.2.7).
fn may_be_one(known: &Built, other: &Built, model: &DataModel) -> bool {
    let unseen = known.unseen.may_be(other.unseen);
    // `(void)` after or before parameters.
    let says_none = match (known.signature(), other.signature()) {
        (Some(one), Some(two)) if is_silent(one) != is_silent(two) => {
            let silent = if is_silent(one) { known } else { other };
            silent.unseen != Unseen::UNKNOWN
        }
        _ => false,
    };
    match (&known.shape, &other.shape) {
        (Shape::Function(known), Shape::Function(other)) => {
            // To Clang a function keeps the convention that it was declared with first.
            let convention = other.convention().is_none() || known.convention() == other.convention();
            unseen && convention && is_one_function(known, other, model) && !says_none
        }
        (Shape::Object { ty, constant }, Shape::Object { ty: other_ty, constant: other_constant }) => {
            let qualified = |built: &Built, constant: bool| (constant, built.volatile, built.declared.atomic);
            let lengths = known.declared.flexible || other.declared.flexible;
            unseen
                && qualified(known, *constant) == qualified(other, *other_constant)
                && match (ty, other_ty) {
                    (Type::Array(one), Type::Array(two)) if lengths => {
                        alike(&one.element, &two.element, model)
                    }
                    _ => alike(ty, other_ty, model),
                }
        }
        _ => false,
    }
}

/// Whether there are no parameters: of `()` and of `(void)`, which are one signature.
fn is_silent(signature: &Signature) -> bool {
    signature.params().is_empty() && signature.fixed().is_none()
}

/// `()` goes with a number of parameters that are passed as they are (6.7.6.3, 15).
fn is_one_function(known: &Signature, other: &Signature, model: &DataModel) -> bool {
    let (params, others) = (known.params(), other.params());
    let as_they_are = |signature: &Signature| {
        signature.fixed().is_none() && signature.params().iter().all(|param| param.ty.promoted().is_none())
    };
    let takes_alike = known.fixed() == other.fixed()
        && params.len() == others.len()
        && params.iter().zip(others).all(|(param, other)| alike(&param.ty, &other.ty, model));
    let open = (is_silent(known) && as_they_are(other)) || (is_silent(other) && as_they_are(known));
    alike(known.result(), other.result(), model) && (takes_alike || open)
}

fn alike(known: &Type, other: &Type, model: &DataModel) -> bool {
    match (known, other) {
        (Type::Pointer(known), Type::Pointer(other)) => match (&**known, &**other) {
            (Pointee::Object(known), Pointee::Object(other)) => alike(known, other, model),
            (Pointee::Const(known), Pointee::Const(other)) => alike(known, other, model),
            (Pointee::Function(known), Pointee::Function(other)) => {
                known.convention() == other.convention() && is_one_function(known, other, model)
            }
            _ => false,
        },
        (Type::Array(known), Type::Array(other)) => {
            // What is pointed to may leave its length open, which is read as 0.
            let lengths = known.length == other.length || known.length == 0 || other.length == 0;
            lengths && alike(&known.element, &other.element, model)
        }
        // The names that the language has; others may stand for any of them.
        (Type::Int(known), Type::Int(other))
            if *known <= Integer::ULongLong && *other <= Integer::ULongLong =>
        {
            known == other
        }
        (Type::Enum(known), Type::Enum(other)) => known.tag() == other.tag(),
        (Type::Aggregate(_) | Type::Incomplete(..), Type::Aggregate(_) | Type::Incomplete(..)) => {
            match (tag(known), tag(other)) {
                (None, None) => known == other,
                (known, other) => known == other,
            }
        }
        (Type::Vector(known), Type::Vector(other)) => {
            known.bytes == other.bytes && alike(&known.element, &other.element, model)
        }
        _ => match (known.scalar(model), other.scalar(model)) {
            (None, None) => known == other,
            (known, other) => known == other,
        },
    }
}

/// The keyword and the tag of a structure or union that has one.
fn tag(ty: &Type) -> Option<(&'static str, &str)> {
    match ty {
        Type::Aggregate(aggregate) => Some((aggregate.kind.keyword(), aggregate.tag.as_deref()?)),
        Type::Incomplete(kind, tag) => Some((kind.keyword(), tag)),
        _ => None,
    }
}
