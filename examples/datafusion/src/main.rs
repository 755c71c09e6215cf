//! C functions as scalar functions of a query engine: SQL in DataFusion calls them over the engine's own columns, at the
//! cost of a loop.

use std::{
    error::Error,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use datafusion::{
    arrow::{
        array::{AsArray, Float64Array, Int32Array, RecordBatch},
        datatypes::Int64Type,
        util::pretty::print_batches,
    },
    datasource::MemTable,
    execution::context::{SessionConfig, SessionContext},
    logical_expr::ScalarUDF,
};
use springboard::{Engine, Library};

use springboard_datafusion::NativeFunction;

/// Runs SQL in DataFusion, with functions of a C library as scalar functions.
///
/// A function NAME is called c_NAME. There is a table `numbers` with the columns x and y (double precision, some of y
/// null) and n (integer). Without a query, some functions of libm are compared with DataFusion's own.
#[derive(Parser)]
struct Arguments {
    /// The library, as the system's loader knows it
    #[arg(long, default_value = "libm.so.6")]
    library: String,
    /// A function to register, as C declares it: 'double pow(double, double)'. May be given many times
    #[arg(long = "function", value_name = "PROTOTYPE")]
    functions: Vec<String>,
    /// What to run instead of the comparison: 'select c_pow(x, 2) from numbers limit 3'
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// Rows of the table
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
}

/// What is registered where no function is named.
const OF_LIBM: [&str; 5] = [
    "double pow(double x, double y)",
    "double hypot(double x, double y)",
    "double ldexp(double x, int exponent)",
    "double floor(double x)",
    "long lround(double x)",
];

/// Functions of libm, and what DataFusion has for them. Both are exact, or rounded alike.
const COMPARED: [(&str, &str); 6] = [
    ("c_pow(x, y)", "power(x, y)"),
    ("c_pow(x, 3)", "power(x, 3.0)"),
    ("c_hypot(x, 0)", "abs(x)"),
    ("c_ldexp(y, n)", "y * power(2.0, n)"),
    ("c_floor(y)", "floor(y)"),
    ("c_lround(y)", "cast(round(y) as bigint)"),
];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let session = session(arguments.rows)?;
    // SAFETY: whoever names a library wants it loaded.
    let library = unsafe { Library::open(&arguments.library) }?;
    let engine = Engine::new();
    let named: Vec<&str> = arguments.functions.iter().map(String::as_str).collect();
    for text in if named.is_empty() { &OF_LIBM[..] } else { &named } {
        let function = NativeFunction::bind(&engine, &library, text)?;
        session.register_udf(ScalarUDF::new_from_impl(function));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    match &arguments.query {
        Some(query) => Ok(print_batches(&runtime.block_on(collect(&session, query))?)?),
        None if named.is_empty() => runtime.block_on(compare(&session, arguments.rows)),
        None => Err("a query is wanted for these functions: --query SQL".into()),
    }
}

async fn collect(session: &SessionContext, query: &str) -> datafusion::common::Result<Vec<RecordBatch>> {
    session.sql(query).await?.collect().await
}

/// A session with the table, whose batches are slices of longer arrays.
fn session(rows: usize) -> Result<SessionContext, Box<dyn Error>> {
    // The elements before the first row, which make every offset an odd one.
    const BEFORE: usize = 3;
    const BATCH: usize = 8192;
    let range = 0..rows + BEFORE;
    let x: Float64Array = range.clone().map(|row| Some((row % 1000) as f64 / 8.0)).collect();
    let y: Float64Array =
        range.clone().map(|row| (row % 5 != 0).then_some((row % 77) as f64 / 7.0 - 5.0)).collect();
    let n: Int32Array = range.map(|row| Some((row % 41) as i32 - 20)).collect();
    let whole = RecordBatch::try_from_iter([
        ("x", Arc::new(x) as _),
        ("y", Arc::new(y) as _),
        ("n", Arc::new(n) as _),
    ])?;
    let starts = (BEFORE..rows + BEFORE).step_by(BATCH);
    let batches = starts.map(|start| whole.slice(start, BATCH.min(rows + BEFORE - start))).collect();
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    session.register_table("numbers", Arc::new(MemTable::try_new(whole.schema(), vec![batches])?))?;
    Ok(session)
}

/// Compares results and times of libm's functions and of DataFusion's own.
async fn compare(session: &SessionContext, rows: usize) -> Result<(), Box<dyn Error>> {
    let some = "select x, y, n, c_pow(x, y), power(x, y), c_ldexp(y, n), c_lround(y) from numbers limit 5";
    print_batches(&collect(session, some).await?)?;
    println!("{rows} rows, nanoseconds a row, the least of five times:");
    for (native, own) in COMPARED {
        let different = format!(
            "select count(*), count({native}), count(*) filter (where {native} is distinct from {own}) from numbers"
        );
        let counts = collect(session, &different).await?;
        let count = |column: usize| counts[0].column(column).as_primitive::<Int64Type>().value(0);
        if count(2) != 0 {
            return Err(format!("{native} and {own} differ in {} rows", count(2)).into());
        }
        let mut times = [native, own].map(|expression| (expression, Duration::MAX));
        for _ in 0..5 {
            for (expression, least) in &mut times {
                let query = format!("select sum({expression}) from numbers");
                let started = Instant::now();
                collect(session, &query).await?;
                *least = (*least).min(started.elapsed());
            }
        }
        let nanoseconds = |time: Duration| time.as_secs_f64() * 1e9 / rows as f64;
        let [(_, of_native), (_, of_own)] = times;
        println!(
            "  {native:<14} {:6.1}   {own:<24} {:6.1}   {} results are the same, {} are null",
            nanoseconds(of_native),
            nanoseconds(of_own),
            count(1),
            count(0) - count(1)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
