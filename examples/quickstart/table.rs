//! Rows of a table: a function, what it returned, and what calls of it cost.

use std::{error::Error, fmt, hint::black_box, time::Instant};

use springboard::{BindError, Engine, Function, Library, Path, SlotResult, Word};

/// Measurements of each kind, taken in turn. The least counts: whatever else runs can only add.
pub(crate) const REPETITIONS: u32 = 21;

/// Length of one measurement, in seconds.
const MEASUREMENT: f64 = 0.0004;

/// The rows, and the engines that functions are bound with.
pub(crate) struct Table {
    pub(crate) native: Engine,
    libffi: Engine,
    rows: Vec<Row>,
}

/// One function, bound for both paths.
pub(crate) struct Case {
    pub(crate) native: Function,
    libffi: Function,
}

/// What became of one function.
pub(crate) struct Row {
    cells: [String; 7],
    right: bool,
}

const HEADER: [&str; 7] = ["function", "prototype", "path", "result", "slots", "libffi", "direct"];

impl Case {
    /// Binds the function that `declaration` names.
    pub(crate) fn bind(table: &Table, library: &Library, declaration: &str) -> Result<Case, Box<dyn Error>> {
        Ok(Case {
            native: table.native.function(library, declaration)?,
            libffi: table.libffi.function(library, declaration)?,
        })
    }

    /// A row for a function that returns a word.
    ///
    /// # Safety
    /// `slots` are those of a sound call of the function.
    pub(crate) unsafe fn words<R: SlotResult + PartialEq + fmt::Debug>(
        &self,
        slots: &[u64],
        expected: R,
        direct: impl Fn() -> R,
    ) -> Result<Row, Box<dyn Error>> {
        let (native, libffi) = (self.native.slots::<R>()?, self.libffi.slots::<R>()?);
        // SAFETY: the slots are those of a sound call: the caller vouches for that.
        let native = || unsafe { native.call(black_box(slots)) };
        // SAFETY: the slots are those of a sound call: the caller vouches for that.
        let libffi = || unsafe { libffi.call(black_box(slots)) };
        let right = [native(), libffi(), direct()].iter().all(|result| *result == expected);
        let [native_ns, libffi_ns, direct_ns] = measure([&timed(native), &timed(libffi), &timed(direct)]);
        Ok(self.row(native(), right, [Some(native_ns), Some(libffi_ns), Some(direct_ns)]))
    }

    /// A row for a function whose result is written to memory.
    ///
    /// # Safety
    /// `slots` are those of the arguments of a sound call of the function, and `R` is what it returns.
    pub(crate) unsafe fn memory<R: Copy + PartialEq + Default + fmt::Debug, D: Fn() -> R>(
        &self,
        slots: &[u64],
        expected: R,
        direct: Option<D>,
    ) -> Result<Row, Box<dyn Error>> {
        let call = |function: &Function| {
            let mut result = R::default();
            let slots = [slots, &[(&raw mut result).into_slot()]].concat();
            // SAFETY: the caller's slots are those of a sound call; the last one is the address of memory for the result.
            function.slots::<()>().map(|function| unsafe { function.call(&slots) })?;
            Ok::<R, Box<dyn Error>>(result)
        };
        let (native, libffi) = (call(&self.native)?, call(&self.libffi)?);
        let right =
            native == expected && libffi == expected && direct.as_ref().is_none_or(|d| d() == expected);
        let mut memory = R::default();
        let slots = &*[slots, &[(&raw mut memory).into_slot()]].concat();
        let entries = [self.native.slots::<()>()?, self.libffi.slots::<()>()?];
        // SAFETY: the caller's slots are those of a sound call; the last one is the address of memory for the result.
        let entries = entries.map(|entry| timed(move || unsafe { entry.call(black_box(slots)) }));
        let times = match direct {
            Some(direct) => measure([&entries[0], &entries[1], &timed(direct)]).map(Some),
            None => {
                let [native, libffi] = measure([&entries[0], &entries[1]]);
                [Some(native), Some(libffi), None]
            }
        };
        Ok(self.row(native, right, times))
    }

    fn row(&self, result: impl fmt::Debug, right: bool, times: [Option<f64>; 3]) -> Row {
        let prototype = self.native.prototype();
        let path = match self.native.path() {
            Path::Native => "native".into(),
            Path::Libffi(reason) => format!("libffi, {}", reason.code()),
            path => path.to_string(),
        };
        let [slots, libffi, direct] = times.map(|ns| ns.map_or("-".into(), |ns| format!("{ns:.1}")));
        let name = prototype.name.clone().unwrap_or_default();
        let cells =
            [name, prototype.signature.to_string(), path, format!("{result:?}"), slots, libffi, direct];
        Row { cells, right }
    }
}

/// A loop of calls that says how many seconds each took.
fn timed<R>(call: impl Fn() -> R) -> impl Fn(u32) -> f64 {
    move |count| {
        let start = Instant::now();
        for _ in 0..count {
            black_box(call());
        }
        start.elapsed().as_secs_f64() / f64::from(count)
    }
}

/// What a call costs in each of several loops, in nanoseconds.
fn measure<const N: usize>(loops: [&dyn Fn(u32) -> f64; N]) -> [f64; N] {
    let counts = loops.map(|run| (MEASUREMENT / run(1000)) as u32 + 1);
    let mut least = [f64::INFINITY; N];
    for _ in 0..REPETITIONS {
        for ((least, run), count) in least.iter_mut().zip(loops).zip(counts) {
            *least = least.min(run(count) * 1e9);
        }
    }
    least
}

impl Row {
    /// Adds a condition under which the row is right.
    pub(crate) fn also(&mut self, right: bool) {
        self.right &= right;
    }

    fn mark(&self) -> &'static str {
        if self.right { "ok" } else { "WRONG" }
    }
}

impl Table {
    /// No rows yet. Functions are bound with both engines, of which the second does not compile.
    pub(crate) fn new(native: Engine, libffi: Engine) -> Table {
        Table { native, libffi, rows: Vec::new() }
    }

    /// Adds a row, or says that the library has no such function.
    pub(crate) fn push(&mut self, row: Result<Row, Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
        match row {
            Err(error) if matches!(error.downcast_ref(), Some(BindError::Symbol(_))) => {
                println!("left out: {error}");
            }
            row => self.rows.push(row?),
        }
        Ok(())
    }

    /// The number of rows whose result is not the one that was expected.
    pub(crate) fn wrong(&self) -> usize {
        self.rows.iter().filter(|row| !row.right).count()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = HEADER.map(String::from);
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| &row.cells[column]).chain([&header[column]]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: [usize; HEADER.len()] = std::array::from_fn(width);
        for (cells, mark) in
            [(&header, "")].into_iter().chain(self.rows.iter().map(|row| (&row.cells, row.mark())))
        {
            for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
                match column {
                    0..4 => write!(f, "{cell:width$}  ")?,
                    _ => write!(f, "{cell:>width$}  ")?,
                }
            }
            writeln!(f, "{mark}")?;
        }
        Ok(())
    }
}
