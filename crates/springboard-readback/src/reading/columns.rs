//! Stubs that call once per row. How many rows there are, and which are valid, is fixed before a run; that an error ends the
//! loop is assumed after each row in turn.

use springboard_abi::{Columns, Errors, Output, OutputPlace, ResultMove, Rows, Step};

use super::{
    Reading, Source,
    call::{How, Stores},
    downcall::extended,
};
use crate::{
    refusal::{Leaving, Refusal, Spot},
    terms::{Byte, Word, constant},
};

/// Rows of a run that is to go through every loop of a stub, more than once through the last.
const MANY: u64 = 18;

/// The number of the first row's bit.
const FIRST_BIT: u64 = 5;

/// Bits of valid rows, from the first one's byte on, repeated.
const VALID: [u8; 3] = [0xff, 0xaa, 0x55];

/// Where a frame has its words, in bytes.
struct Frame {
    address: Word,
    record: i64,
    outputs: i64,
    errors: i64,
    strides: i64,
    bits: i64,
}

impl Reading<'_> {
    pub(super) fn columns(&mut self, columns: &Columns) -> Result<(), Refusal> {
        let (target, address) = (self.argument(0)?, self.argument(1)?);
        let frame = Frame::of(columns, address);
        let (count, valid, stop) = self.way(columns);
        self.machine.is_stable(&address);
        self.machine.fix(&address, count);
        let bits = self.frame_word(&frame, frame.bits);
        if columns.rows == Rows::Valid {
            let place = self.machine.terms.plus(&address, frame.bits + 8);
            self.machine.fix(&place, FIRST_BIT);
        }
        let stopped = self.frame_word(&frame, 8);
        let record = self.frame_word(&frame, frame.record);
        let outputs = (0..columns.outputs.len() as i64)
            .map(|number| self.frame_word(&frame, frame.outputs + number * 8))
            .collect::<Vec<_>>();
        // All of the frame may be read before the first row.
        for place in (16..frame.bits).step_by(8) {
            self.frame_word(&frame, place);
        }
        let errno = self.frame_word(&frame, frame.errors);
        let errors = self.frame_word(&frame, frame.errors + 8);
        let mut stores = Stores::new();
        for row in 0..count {
            if columns.rows == Rows::Valid {
                let bit = FIRST_BIT + row;
                let byte = [self.machine.memory(&bits, (bit / 8) as i64); 8];
                self.machine.terms.assume(&byte, 1, valid.into());
                if valid >> (bit % 8) & 1 == 0 {
                    continue;
                }
            }
            if columns.errors == Errors::Stored {
                for byte in 0..4 {
                    self.is_to_store(&mut stores, &errno, byte, Byte::Const(0));
                }
            }
            let (at, how) = self.reaches(&target)?;
            if how != How::Call {
                return Err(Refusal::Leaves { at, wanted: Leaving::Call });
            }
            let mut elements = self.elements(columns, &frame, row)?;
            elements.extend(columns.has_record().then_some(record));
            let copies =
                self.arguments(at, &Source::Words(elements.into_iter().map(Into::into).collect()))?;
            self.stored(at, &stores)?;
            self.goes_on(at, &copies)?;
            stores = Stores::new();
            self.result_stores(&mut stores, &columns.result, &record)?;
            for (output, to) in columns.outputs.iter().zip(&outputs) {
                self.output(&mut stores, *output, &record, to, row)?;
            }
            if columns.errors == Errors::Stored {
                for byte in 0..4 {
                    let error = self.machine.memory(&errno, byte);
                    self.is_to_store(&mut stores, &errors, row as i64 * 4 + byte, error);
                }
            }
            let word = self.machine.load_word(&stopped, 8);
            let ends = stop == Some(row);
            // The highest bit alone counts.
            self.machine.terms.assume(&word, 8, if ends { 1 << 63 | row } else { u64::MAX >> 1 });
            if ends {
                return self.gives(row + 1, &stores);
            }
        }
        self.gives(count, &stores)
    }

    /// What a row's call has returned for an output is to be stored at the row's place.
    fn output(
        &mut self,
        stores: &mut Stores,
        Output { from, bytes }: Output,
        record: &Word,
        to: &Word,
        row: u64,
    ) -> Result<(), Refusal> {
        let by = row as i64 * i64::from(bytes);
        let offset = match from {
            OutputPlace::Register(place) => {
                return self.result_move(stores, ResultMove { offset: 0, place, bytes }, to, by);
            }
            OutputPlace::Record(offset) => i64::from(offset),
        };
        for byte in 0..i64::from(bytes) {
            // What the stub itself has just stored there, or the native function.
            let (base, start) = self.machine.terms.split(record);
            let own = stores.get(&(base, start.wrapping_add(offset + byte))).copied();
            let value = own.unwrap_or_else(|| self.machine.memory(record, offset + byte));
            self.is_to_store(stores, to, by + byte, value);
        }
        Ok(())
    }

    /// How many rows there are in a run, a byte of validity bits, and the row whose error ends it.
    fn way(&mut self, columns: &Columns) -> (u64, u8, Option<u64>) {
        let valid = match columns.rows {
            Rows::All => 0xff,
            Rows::Valid => VALID[self.choices.choose(VALID.len())],
        };
        let ways = 4 + MANY as usize;
        match self.choices.choose(ways) {
            0 => (0, valid, None),
            1 => (1, valid, None),
            2 => (2, valid, None),
            3 => (MANY, valid, None),
            way => (MANY, valid, Some(way as u64 - 4)),
        }
    }

    /// The stub returns how many rows were done.
    fn gives(&mut self, rows: u64, stores: &Stores) -> Result<(), Refusal> {
        let at = self.returns()?;
        self.stored(at, stores)?;
        let found = self.machine.gprs[usize::from(self.caller.gpr_results[0])];
        if found == constant(rows) { Ok(()) } else { Err(Refusal::Place { at, place: Spot::Gpr(0) }) }
    }

    /// The canonical slots of a row.
    fn elements(&mut self, columns: &Columns, frame: &Frame, row: u64) -> Result<Vec<Word>, Refusal> {
        let mut strides = 0;
        let mut elements = Vec::new();
        for (index, column) in (0..).zip(&columns.inputs) {
            let first = self.frame_word(frame, 16 + index * 8);
            let address = match column.step {
                Step::Row => self.machine.terms.plus(&first, (row * u64::from(column.bytes)) as i64),
                Step::Same => first,
                Step::Stride => {
                    let stride = self.frame_word(frame, frame.strides + strides * 8);
                    strides += 1;
                    let by = self.machine.terms.mul(&stride, &constant(row));
                    self.machine.terms.add(&first, &by)
                }
            };
            let element = self.machine.load_word(&address, column.bytes.into());
            elements.push(extended(&element, column.bytes, column.fill));
        }
        Ok(elements)
    }

    fn frame_word(&mut self, frame: &Frame, offset: i64) -> Word {
        let place = self.machine.terms.plus(&frame.address, offset);
        self.machine.load_word(&place, 8)
    }
}

impl Frame {
    fn of(columns: &Columns, address: Word) -> Frame {
        let record = 16 + columns.inputs.len() as i64 * 8;
        let outputs = record + if columns.has_record() { 8 } else { 0 };
        let errors = outputs + columns.outputs.len() as i64 * 8;
        let strides = errors + if columns.errors == Errors::Stored { 16 } else { 0 };
        let strided = columns.inputs.iter().filter(|column| column.step == Step::Stride).count();
        Frame { address, record, outputs, errors, strides, bits: strides + strided as i64 * 8 }
    }
}
