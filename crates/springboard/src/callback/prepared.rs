//! Signatures prepared for callbacks: the forms of their values, and the pools that their cells come from.

use springboard_abi::{Entry, SlotForm};
use springboard_ir::{DataModel, FloatFormat, Scalar, Signature};

use super::{
    error::CreateError,
    pool::{Pool, Zero},
    pools,
    refusing::ResultRegister,
};
use crate::{bind_error::BindError, declaration::Position, engine::Engine, reason::Path};

/// What all types of callbacks of one signature share.
pub(super) struct Prepared {
    pub(super) model: DataModel,
    pub(super) params: Box<[SlotForm]>,
    pub(super) result: SlotForm,
    pub(super) pool: &'static Pool,
    /// For handlers whose types are known, where every value is a word in a register.
    pub(super) direct: Option<&'static Pool>,
    pub(super) path: Path,
}

impl Prepared {
    pub(super) fn new(engine: &Engine, signature: &Signature) -> Result<Prepared, CreateError> {
        let model = *engine.data_model();
        let form =
            |position, ty| SlotForm::of(ty, &model).map_err(|error| BindError::Layout { position, error });
        let params = signature.params().iter().enumerate();
        let params = params
            .map(|(index, param)| form(Position::Parameter(index), &param.ty))
            .collect::<Result<Box<[_]>, _>>()?;
        let result = form(Position::Result, signature.result())?;
        // The limit on parameters keeps the index in range.
        let slot = params.len() as u16;
        let zero = match result {
            SlotForm::None => Zero::Nothing,
            SlotForm::Word(_) => Zero::Slot(slot),
            // Larger results have no plan and no caller.
            SlotForm::Address(layout) => Zero::Memory(slot, layout.size as u32),
        };
        let stubs = engine.plan(signature, Entry::Callback);
        let stubs = stubs.and_then(|plan| pools::slots(engine, plan, zero));
        let (pool, path) = match stubs {
            Ok(pool) => (pool, Path::Native),
            Err(reason) => match pools::closures(engine, signature, zero) {
                Ok(pool) => (pool, Path::Libffi(reason)),
                Err(unsupported) => return Err(BindError::NoPath { reason, unsupported }.into()),
            },
        };
        let direct = match (result, &path) {
            (_, Path::Libffi(_)) => None,
            (SlotForm::None, _) => Some(ResultRegister::None),
            (SlotForm::Word(Scalar::Float(FloatFormat::F32)), _) => Some(ResultRegister::F32),
            (SlotForm::Word(Scalar::Float(_)), _) => Some(ResultRegister::F64),
            (SlotForm::Word(_), _) => Some(ResultRegister::General),
            (SlotForm::Address(_), _) => None,
        };
        // Without a plan for that, or memory, there is the other pool.
        let direct = direct.and_then(|register| {
            pools::direct(engine, engine.plan(signature, Entry::Direct).ok()?, zero, register)
        });
        Ok(Prepared { model, params, result, pool, direct, path })
    }

    /// The pools that its callbacks may come from.
    pub(super) fn pools(&self) -> impl Iterator<Item = &'static Pool> {
        [self.pool].into_iter().chain(self.direct)
    }
}
