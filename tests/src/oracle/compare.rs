//! Where a call finds its arguments and leaves its traces, and whether they are right.

use std::ffi::c_void;

use libloading::Library;
use springboard_abi::SlotForm;
use springboard_ir::{DataModel, MAX_PARAMETERS, Scalar, Signature, Type};

use crate::oracle::{
    canary::Canary,
    memory::{Memory, Spot},
    record::Record,
    value,
};

/// Places in the bench's memory; the arguments are in those after.
const RECORD: usize = 0;
const REPLY: usize = 1;
const RESULT: usize = 2;
const SLOTS: usize = 3;
const ARGUMENTS: usize = 4;

/// The most arguments that a case has.
const MOST_ARGUMENTS: usize = 64;

/// What a record holds where nothing was recorded.
const UNRECORDED: u8 = 0xa5;

/// What the memory for a result holds before the call.
const UNRETURNED: u8 = 0x5b;

/// One call of a case: what goes in, and what must come out.
pub(crate) struct Arguments<'a> {
    pub(crate) signature: &'a Signature,
    pub(crate) record: &'a Record,
    /// What the slots of the parameters hold.
    pub(crate) params: &'a [SlotForm],
    pub(crate) result: SlotForm,
    /// The bytes of each argument.
    pub(crate) values: Vec<Vec<u8>>,
    /// The bytes of what the callee returns.
    pub(crate) reply: Vec<u8>,
    pub(crate) model: &'a DataModel,
}

impl Arguments<'_> {
    /// The canonical slot of a result that a stub has left in its register.
    pub(crate) fn word(&self, canary: &Canary) -> u64 {
        let SlotForm::Word(scalar) = self.result else { return 0 };
        let bytes = usize::from(scalar.bytes(self.model));
        let gpr = canary.gpr.to_ne_bytes();
        let left = match scalar {
            // Stored by its whole width, a narrower value begins at the first byte of a float register on every
            // machine: riscv64 has it at the low end and stores that first, s390x the other way round.
            Scalar::Float(_) => &canary.float[..bytes],
            _ if self.model.big_endian => &gpr[8 - bytes..],
            _ => &gpr[..bytes],
        };
        value::slot(self.result, left, self.model).expect("the result is a word")
    }

    /// The word from which a callee takes a narrow integer to return: above the value are other bits than its own
    /// extension.
    fn reply_word(&self) -> [u8; 8] {
        let narrow = value::slot(self.result, &self.reply, self.model);
        let unused = match self.result {
            SlotForm::Word(Scalar::Int { bytes, .. }) => 64 - u32::from(bytes) * 8,
            _ => 0,
        };
        // Other bits above the value than its own extension.
        let other = if unused == 0 { 0 } else { 0x9669_c33c_5aa5_0ff0 >> (64 - unused) << (64 - unused) };
        (narrow.unwrap_or(0) ^ other).to_ne_bytes()
    }
}

/// What was called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Callee {
    /// The function of the C file, which also records narrow integers as the compiler widens them.
    Compiled,
    /// A callback.
    Handler,
}

/// What a call is made with.
pub(crate) struct Laid {
    /// The slots, for a stub.
    pub(crate) slots: *const u64,
    /// The address of the memory for the result and of each argument, for the C caller.
    pub(crate) pointers: Vec<*const u8>,
    /// Where the callee records.
    pub(crate) record: *mut u8,
    record_spot: Spot,
    result_spot: Spot,
    slot_spot: Spot,
    slot_bytes: Vec<u8>,
    arguments: Vec<Spot>,
}

/// Memory for one call after the other.
pub(crate) struct Bench {
    memory: Memory,
    /// The variables of the C file through which callees are told where to record, and what to return.
    record: *mut *mut u8,
    reply: *mut *const u8,
    /// The control word under which this process runs.
    pub(crate) control: u64,
}

impl Bench {
    pub(crate) fn new(library: &Library) -> Bench {
        const { assert!(MOST_ARGUMENTS < MAX_PARAMETERS) };
        // SAFETY: the prelude of the C file defines these, with these types.
        unsafe {
            let control = library.get::<unsafe extern "C" fn() -> u64>("oracle_control");
            Bench {
                memory: Memory::new(ARGUMENTS + MOST_ARGUMENTS),
                record: address(library, "oracle_record").cast(),
                reply: address(library, "oracle_reply").cast(),
                control: control.unwrap_or_else(|error| panic!("{error}"))(),
            }
        }
    }

    /// Lays out arguments, the memory for the result, slots, and what the callee returns. `before_end` says for a
    /// size how far from memory that faults an argument ends.
    pub(crate) fn lay(&mut self, call: &Arguments<'_>, before_end: impl Fn(usize) -> usize) -> Laid {
        let memory = &mut self.memory;
        let record = memory.put(RECORD, &vec![UNRECORDED; call.record.bytes], 0);
        let is_narrow = matches!(call.result, SlotForm::Word(Scalar::Int { bytes: 1..=4, .. }));
        let reply = if is_narrow {
            memory.put(REPLY, &call.reply_word(), 0)
        } else {
            memory.put(REPLY, &call.reply, 0)
        };
        let result = memory.put(RESULT, &vec![UNRETURNED; call.reply.len()], 0);
        let mut slots = Vec::with_capacity(call.values.len() + 1);
        let mut arguments = Vec::with_capacity(call.values.len());
        for (index, (bytes, form)) in call.values.iter().zip(call.params).enumerate() {
            let spot = memory.put(ARGUMENTS + index, bytes, before_end(bytes.len()));
            let word = value::slot(*form, bytes, call.model);
            slots.push(word.unwrap_or(memory.address(spot) as u64));
            arguments.push(spot);
        }
        if let SlotForm::Address(_) = call.result {
            slots.push(memory.address(result) as u64);
        }
        let slot_bytes = slots.iter().flat_map(|slot| slot.to_ne_bytes()).collect::<Vec<_>>();
        let slot_spot = memory.put(SLOTS, &slot_bytes, 0);
        // SAFETY: the variables belong to the loaded C file, which runs when this thread calls it.
        unsafe {
            *self.record = memory.address(record);
            *self.reply = memory.address(reply);
        }
        let pointers = std::iter::once(&result).chain(&arguments);
        Laid {
            slots: memory.address(slot_spot).cast_const().cast(),
            pointers: pointers.map(|spot| memory.address(*spot).cast_const()).collect(),
            record: memory.address(record),
            record_spot: record,
            result_spot: result,
            slot_spot,
            slot_bytes,
            arguments,
        }
    }

    /// Looks at everything that the call may have touched. `word` is the canonical slot of the result, where the
    /// call gave one; else all results are expected in memory.
    ///
    /// # Errors
    /// The first thing that is not as it should be.
    pub(crate) fn compare(
        &self,
        call: &Arguments<'_>,
        laid: &Laid,
        word: Option<u64>,
        control: u64,
        callee: Callee,
    ) -> Result<(), String> {
        self.header(laid, control)?;
        let record = self.memory.bytes(laid.record_spot);
        for (index, (value, part)) in call.values.iter().zip(&call.record.params).enumerate() {
            let ty = &call.signature.params()[index].ty;
            let name = format!("parameter {}", index + 1);
            equal(&name, ty, call.model, value, &record[part.at..part.at + value.len()])?;
            if let Some(widened) = part.widened.filter(|_| callee == Callee::Compiled) {
                let seen = u64::from_ne_bytes(record[widened..widened + 8].try_into().expect("8 bytes"));
                let sent = value::slot(call.params[index], value, call.model);
                if sent != Some(seen) {
                    return Err(format!("{name} was {sent:x?} and is widened to {seen:x}"));
                }
            }
        }
        match (call.result, word) {
            (SlotForm::Word(_), Some(word)) => {
                let returned = value::slot(call.result, &call.reply, call.model);
                if returned != Some(word) {
                    return Err(format!("the result was {returned:x?} and is seen as {word:x}"));
                }
            }
            (SlotForm::None, _) => {}
            _ => {
                let seen = self.memory.bytes(laid.result_spot);
                equal("the result", call.signature.result(), call.model, &call.reply, seen)?;
            }
        }
        self.surroundings(call, laid)
    }

    /// Whether the callee was called once, on an aligned stack, under the right control word.
    fn header(&self, laid: &Laid, control: u64) -> Result<(), String> {
        let record = self.memory.bytes(laid.record_spot);
        let word =
            |index: usize| u64::from_ne_bytes(record[index * 8..index * 8 + 8].try_into().expect("8 bytes"));
        let unrecorded = u64::from_ne_bytes([UNRECORDED; 8]);
        let calls = word(0).wrapping_sub(unrecorded);
        if calls != 1 {
            return Err(format!("the callee was called {calls} times"));
        }
        let align = if cfg!(target_arch = "s390x") { 8 } else { 16 };
        if word(1) % align != 0 {
            return Err(format!("the callee's frame is at {:#x}", word(1)));
        }
        if word(2) != control {
            return Err(format!("the control word was {control:#x} and is {:#x} in the callee", word(2)));
        }
        Ok(())
    }

    /// Whether nothing was written where nothing is to be written.
    fn surroundings(&self, call: &Arguments<'_>, laid: &Laid) -> Result<(), String> {
        let damaged = |name: &str, spot| match self.memory.damage(spot) {
            Some(at) => Err(format!("byte {at} from the start of {name} was overwritten")),
            None => Ok(()),
        };
        damaged("the record", laid.record_spot)?;
        damaged("the result", laid.result_spot)?;
        damaged("the slots", laid.slot_spot)?;
        if self.memory.bytes(laid.slot_spot) != laid.slot_bytes {
            return Err(String::from("the slots were overwritten"));
        }
        for (index, (spot, value)) in laid.arguments.iter().zip(&call.values).enumerate() {
            let name = format!("argument {}", index + 1);
            damaged(&name, *spot)?;
            if self.memory.bytes(*spot) != value {
                return Err(format!("{name} was overwritten"));
            }
        }
        Ok(())
    }
}

/// The address of a variable of the C file.
///
/// # Safety
/// As for [`Library::get`].
unsafe fn address(library: &Library, name: &str) -> *mut c_void {
    // SAFETY: an address is taken, of whatever type; the caller knows it.
    *unsafe { library.get::<*mut c_void>(name) }.unwrap_or_else(|error| panic!("{error}"))
}

/// Compares all bits of a value that are not padding.
fn equal(name: &str, ty: &Type, model: &DataModel, sent: &[u8], seen: &[u8]) -> Result<(), String> {
    let mask = value::mask(ty, model);
    let different = (0..sent.len()).find(|index| (sent[*index] ^ seen[*index]) & mask[*index] != 0);
    match different {
        None => Ok(()),
        Some(at) => Err(format!(
            "{name}: byte {at} of {} was {:02x} and is {:02x} (sent {}, seen {})",
            sent.len(),
            sent[at],
            seen[at],
            hex(sent),
            hex(seen)
        )),
    }
}

/// Bytes as text, shortened where they are many.
fn hex(bytes: &[u8]) -> String {
    let shown = bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect::<String>();
    if bytes.len() > 32 { shown + "…" } else { shown }
}
