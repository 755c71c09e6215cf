//! `cargo xtask bench --curves DIR`: how costs grow, drawn.

mod line_chart;

use std::{fs, hint::black_box, path::Path};

use springboard::{
    Engine, Pack, Stubs, Word,
    abi::{Entry, Target, plan},
    emit::Compiler,
    ir::Signature,
};
use springboard_everyday::columns::{Column, Columns, Input, Output};

use crate::{
    case::Bench,
    cases, jit_module,
    measure::{Effort, Samples, cpu_time},
    native,
    report::Machine,
    service::{self, resident},
    types::{CaseType, signature},
};
use line_chart::{Axis, Chart, Series};

/// Measures all curves, and writes a picture of each into `folder`. Machine, kernel and date stand in each.
///
/// # Errors
/// A sentence, where a file cannot be written.
pub(crate) fn draw(bench: &Bench, effort: Effort, machine: &Machine, folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    type Measure = fn(&Bench, Effort) -> Chart;
    let curves: [(&str, Measure); 4] =
        [("columns", columns), ("compile", compile), ("growth", growth), ("threads", threads)];
    for (name, measure) in curves {
        eprintln!("curve {name}");
        let file = folder.join(format!("curve-{name}.svg"));
        measure(bench, effort).draw(machine, &file)?;
        println!("{}", file.display());
    }
    Ok(())
}

/// The least of many times, in nanoseconds for one of `count`.
fn least(effort: Effort, count: usize, mut step: impl FnMut()) -> f64 {
    let mut samples = Samples::default();
    step();
    for _ in 0..effort.rounds * effort.repetitions {
        samples.push(cpu_time(&mut step).as_secs_f64() * 1e9 / count as f64);
    }
    samples.least()
}

/// The cost of a row by the rows of a chunk: a function of two `int32_t` over columns.
fn columns(bench: &Bench, effort: Effort) -> Chart {
    type Add = unsafe extern "C" fn(i32, i32) -> i32;
    type Loop = unsafe extern "C" fn(Add, *const i32, *const i32, *mut i32, i64);
    /// Rows of one sample, in chunks.
    const ROWS: usize = 1 << 16;
    let address = native::address(&bench.library, "add_i32");
    let signature = Signature::parse("int (int, int)").expect("it is C");
    let add = bench.engine.function_at(address, signature).expect("it has a plan");
    let looping = native::address(&bench.library, "loop_i32");
    // SAFETY: the types are those of the C functions.
    let (direct, looping) = unsafe { (cases::pointer::<Add>(address), cases::pointer::<Loop>(looping)) };
    let over = Columns::new(&bench.engine, &add, &[Input::Column; 2]).expect("its types are words");
    let slots = add.slots::<i32>().expect("it returns an int");
    let (a, mut out) = ((0..ROWS as i32).collect::<Vec<_>>(), vec![0i32; ROWS]);
    let mut series = ["a loop in C", "a stub over columns", "a call per row, by slots"].map(Series::new);
    for chunk in (0..=16).map(|power| 1 << power) {
        let in_c = least(effort, ROWS, || {
            for (a, out) in a.chunks(chunk).zip(out.chunks_mut(chunk)) {
                // SAFETY: there are as many rows in each column.
                unsafe { looping(direct, a.as_ptr(), a.as_ptr(), out.as_mut_ptr(), out.len() as i64) };
            }
        });
        let by_stub = least(effort, ROWS, || {
            for (a, out) in a.chunks(chunk).zip(out.chunks_mut(chunk)) {
                let column = Column::of(a);
                // SAFETY: the function may be called with any numbers.
                unsafe { over.call(&[column, column], &[Output::of(out)], None) }.expect("columns that fit");
            }
        });
        let by_row = least(effort, ROWS, || {
            for (a, out) in a.chunks(chunk).zip(out.chunks_mut(chunk)) {
                for (a, out) in a.iter().zip(out) {
                    // SAFETY: the function takes any numbers, which the two slots hold.
                    *out = unsafe { slots.call(&[a.into_slot(), a.into_slot()]) };
                }
            }
        });
        for (series, ns) in series.iter_mut().zip([in_c, by_stub, by_row]) {
            series.push(chunk as f64, ns);
        }
    }
    Chart {
        title: "a row of a column call, two int32_t",
        x: Axis::Log2("rows of a chunk"),
        y: Axis::Log2("ns per row"),
        series: series.into(),
    }
}

/// The time to compile a plan, by its arguments.
fn compile(bench: &Bench, effort: Effort) -> Chart {
    /// Plans that are compiled for one sample.
    const TIMES: usize = 20;
    let target = Target::host().expect("the host has a convention");
    // Nothing is called, so any function will do.
    let address = native::address(&bench.library, service::SYMBOL);
    let mut compiler = Compiler::host().expect("the host's code generator is built in");
    let mut series = [Series::new("springboard"), Series::new("cranelift-jit, a module each")];
    for count in [0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64] {
        let ints = signature(i64::c(), &vec![i64::c(); count], None);
        let shape = plan(&ints, &target, Entry::Slots).expect("integers have a plan");
        let own = least(effort, TIMES, || {
            (0..TIMES).for_each(|_| drop(black_box(compiler.emit(&shape))));
        });
        series[0].push(count as f64, own / 1e3);
        let module = least(effort, TIMES, || {
            (0..TIMES).for_each(|_| _ = black_box(jit_module::compile::<i64>(&ints, address)))
        });
        series[1].push(count as f64, module / 1e3);
    }
    Chart {
        title: "compiling a function of so many int64_t",
        x: Axis::Linear("arguments"),
        y: Axis::Linear("µs"),
        series: series.into(),
    }
}

/// Memory of functions with a stub each, by their number.
fn growth(bench: &Bench, _: Effort) -> Chart {
    let engine = Engine::builder().pack(Pack::Off).stubs(Stubs::PerFunction).build();
    let mut series = [Series::new("mapped for code"), Series::new("resident, all included")];
    let (before, mut functions) = (resident(), Vec::new());
    for count in (0..=6).map(|power| 10usize.pow(power)) {
        let more = service::prototypes(count - functions.len());
        let bound = engine.bind_all(&bench.library, more).into_iter();
        functions.extend(bound.map(|function| function.expect("plain types have plans")));
        series[0].push(count as f64, engine.stats().mapped_bytes as f64 / count as f64);
        series[1].push(count as f64, (resident() - before) / count as f64);
    }
    Chart {
        title: "memory of a function with a stub of its own, 200 shapes",
        x: Axis::Log10("functions alive"),
        y: Axis::Log10("bytes per function"),
        series: series.into(),
    }
}

/// The time to bind and drop a function while other threads do the same, on the wall.
fn threads(bench: &Bench, effort: Effort) -> Chart {
    let kinds = [("a stub per shape", Stubs::PerShape), ("a stub per function", Stubs::PerFunction)];
    let series = kinds.map(|(name, stubs)| {
        let mut series = Series::new(name);
        for threads in [1, 2, 4, 8] {
            let mut samples = Samples::default();
            for _ in 0..effort.rounds * 3 {
                let engine = Engine::builder().pack(Pack::Off).stubs(stubs).build();
                drop(engine.bind_all(&bench.library, service::prototypes(200)));
                samples.push(service::bound_by(&engine, &bench.library, threads));
            }
            series.push(threads as f64, samples.least());
        }
        series
    });
    Chart {
        title: "functions bound and dropped by several threads at once",
        x: Axis::Log2("threads"),
        y: Axis::Linear("ns per function, of all threads together"),
        series: series.into(),
    }
}
