//! Function types, prepared: what functions of one signature share, found out once for all that are bound together.

use std::{
    ffi::c_void,
    ptr::NonNull,
    sync::{Arc, OnceLock},
};

use springboard_abi::{Plan, SlotForm};
use springboard_code::fork;
use springboard_ir::{DataModel, FloatFormat, Layout, LayoutError, Scalar, Signature, Type};

use crate::{
    bind_error::BindError,
    declaration::Position,
    engine::{Callee, Engine},
    fallback::{Interface, Unsupported},
    reason::Reason,
    value::{Bytes, Check},
    word::SlotResult,
};

/// What functions of one signature have in common.
pub(super) struct FunctionType {
    pub(super) signature: Signature,
    pub(super) model: DataModel,
    /// What is checked of each argument.
    pub(super) checks: Box<[Check]>,
    /// What the slot after the arguments holds.
    pub(super) form: SlotForm,
    pub(super) result: ResultKind,
    /// The signature in libffi's terms, once somebody has asked for it.
    interface: OnceLock<Result<Arc<Interface>, Unsupported>>,
}

/// Where a result comes back, and what it is.
#[derive(Clone, Copy)]
pub(super) enum ResultKind {
    Word(ResultWord),
    /// At an address that the caller gives.
    Memory(ResultMemory),
    /// The same, of bytes that do not lie in their value.
    Apart(Layout),
}

/// A result in memory that lies in its value.
#[derive(Clone, Copy)]
pub(super) enum ResultMemory {
    /// So many bytes, in so many words.
    Words2(u8),
    Words4(u8),
    Words8(u8),
    /// Integers of 16 bytes.
    Signed128,
    Unsigned128,
}

/// A result in a register.
#[derive(Clone, Copy, Debug)]
pub(super) enum ResultWord {
    Void,
    Bool,
    Pointer,
    /// Of a general register, all bits except so many.
    Signed {
        unused: u8,
    },
    Unsigned {
        unused: u8,
    },
    F32,
    F64,
}

impl ResultKind {
    /// What code returns for it in a register.
    pub(super) fn word(self) -> ResultWord {
        match self {
            ResultKind::Word(word) => word,
            ResultKind::Memory(_) | ResultKind::Apart(_) => ResultWord::Void,
        }
    }

    fn of(form: SlotForm, ty: &Type, model: &DataModel) -> ResultKind {
        let scalar = match form {
            SlotForm::None => return ResultKind::Word(ResultWord::Void),
            SlotForm::Address(layout) => {
                let memory = match ty.scalar(model) {
                    Some(Scalar::Int { signed: true, .. }) => Some(ResultMemory::Signed128),
                    Some(Scalar::Int { signed: false, .. }) => Some(ResultMemory::Unsigned128),
                    _ => ResultMemory::of(layout),
                };
                return memory.map_or(ResultKind::Apart(layout), ResultKind::Memory);
            }
            SlotForm::Word(scalar) => scalar,
        };
        ResultKind::Word(match scalar {
            Scalar::Bool => ResultWord::Bool,
            Scalar::Int { bytes, signed: true } => ResultWord::Signed { unused: 64 - bytes * 8 },
            Scalar::Int { bytes, signed: false } => ResultWord::Unsigned { unused: 64 - bytes * 8 },
            Scalar::Float(FloatFormat::F32) => ResultWord::F32,
            Scalar::Float(_) => ResultWord::F64,
            Scalar::Pointer | Scalar::Vector { .. } => ResultWord::Pointer,
        })
    }
}

impl ResultMemory {
    /// Memory for bytes of this layout. `None` where they do not lie in their value.
    pub(super) fn of(layout: Layout) -> Option<ResultMemory> {
        let of = match layout.size {
            0..=16 => ResultMemory::Words2,
            17..=32 => ResultMemory::Words4,
            _ => ResultMemory::Words8,
        };
        Bytes::holds(layout).then(|| of(layout.size as u8))
    }
}

impl FunctionType {
    fn new(signature: &Signature, model: &DataModel) -> Result<FunctionType, BindError> {
        let at = |position| move |error: LayoutError| BindError::Layout { position, error };
        let params = signature.params().iter().enumerate();
        let checks =
            params.map(|(index, param)| Check::of(&param.ty, model).map_err(at(Position::Parameter(index))));
        let checks = checks.collect::<Result<_, _>>()?;
        let form = SlotForm::of(signature.result(), model).map_err(at(Position::Result))?;
        let result = ResultKind::of(form, signature.result(), model);
        let (signature, interface) = (signature.clone(), OnceLock::new());
        Ok(FunctionType { signature, model: *model, checks, form, result, interface })
    }

    /// The number of slots, that for a last error not counted.
    pub(super) fn slots(&self) -> usize {
        self.checks.len() + usize::from(matches!(self.form, SlotForm::Address(_)))
    }

    /// Whether an `R` is what the slots entry returns.
    pub(super) fn returns<R: SlotResult>(&self) -> bool {
        match self.form {
            SlotForm::None | SlotForm::Address(_) => R::RESULT.is_none(),
            SlotForm::Word(scalar) => R::RESULT == Some(scalar),
        }
    }

    /// The call interface for libffi.
    pub(super) fn interface(&self, engine: &Engine) -> Result<Arc<Interface>, Unsupported> {
        let describe = || Interface::new(&self.signature, &self.model, engine.target()).map(Arc::new);
        let known = self.interface.get().unwrap_or_else(|| {
            // A child that is forked meanwhile would find the place locked for ever.
            let _hold = fork::hold();
            self.interface.get_or_init(describe)
        });
        known.clone()
    }
}

/// A function type, and the plan by which functions of it are called.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) ty: Arc<FunctionType>,
    pub(super) plan: Result<Arc<Plan>, Reason>,
}

impl Prepared {
    /// # Errors
    /// A type has no layout on this machine.
    pub(super) fn new(
        signature: &Signature,
        engine: &Engine,
        plan: Result<Plan, Reason>,
    ) -> Result<Prepared, BindError> {
        let ty = FunctionType::new(signature, engine.data_model())?;
        Ok(Prepared { ty: Arc::new(ty), plan: plan.map(Arc::new) })
    }

    /// The function of this type at `address`, as its code has to know it.
    pub(super) fn callee(&self, address: NonNull<c_void>) -> Callee {
        Callee { address, result: self.ty.form }
    }
}
