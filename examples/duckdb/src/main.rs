//! C functions in DuckDB's SQL. DuckDB is a library with a C API, and that is called from its declarations as well: there is
//! no build against it.

use std::{
    error::Error,
    fs,
    path::PathBuf,
    process::{self, Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use springboard::{Engine, Library, ir::Prototype};
use springboard_everyday::udf::Udf;

mod api;
mod database;
mod given;
mod scalar_function;

use self::{
    api::Api,
    database::{Database, Table},
};

/// Runs SQL in DuckDB, with functions of a C library as scalar functions.
///
/// A function NAME is called c_NAME. There is a table `numbers` with the columns x and y (double; some of y null), n (integer)
/// and t (text). Without a query, C functions are compared with DuckDB's own, and with UDFs that are written in C.
#[derive(Parser)]
struct Arguments {
    /// DuckDB's library
    #[arg(long, env = "SPRINGBOARD_DUCKDB", default_value = "libduckdb.so", value_name = "PATH")]
    duckdb: String,
    /// The library of the functions, as the system's loader knows it
    #[arg(long, default_value = "libm.so.6")]
    library: String,
    /// A function to register, as C declares it: 'double pow(double, double)'. May be given many times
    #[arg(long = "function", value_name = "PROTOTYPE", requires = "query")]
    functions: Vec<String>,
    /// A pointer of a function's whose length is its next parameter, by the number of the first: crc32=2. Such texts and blobs
    /// are passed where DuckDB has them
    #[arg(long = "sized", value_name = "NAME=PARAMETER", value_parser = sized, requires = "functions")]
    sized: Vec<(String, usize)>,
    /// What to run instead of the comparison: 'select c_pow(x, 2) from numbers limit 3'
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// Rows of the table
    #[arg(long, default_value_t = 5_000_000)]
    rows: usize,
}

/// A C library of the example's own, with UDFs written in C beside it.
const SOURCE: &str = include_str!("functions.c");

/// What is registered of it.
const OWN: [&str; 4] = [
    "int mix(int a, int b)",
    "double scaled(double x, double y)",
    "const char *suffix(const char *text)",
    "unsigned long length(const char *text)",
];

/// The same, of a function that is told how long a text is.
const DIGEST: &str = "unsigned int digest(const char *text, unsigned long length)";

/// What is registered of libm.
const OF_LIBM: [&str; 3] =
    ["double pow(double x, double y)", "double hypot(double x, double y)", "long lround(double x)"];

/// C functions by springboard, the same in a UDF that is written in C, and what DuckDB has of its own.
const COMPARED: [(&str, &str, Option<&str>); 6] = [
    ("c_mix(n, n)", "udf_mix(n, n)", Some("n * 3 + n")),
    ("c_scaled(x, x)", "udf_scaled(x, x)", Some("x * 0.5 + x")),
    ("c_scaled(x, y)", "udf_scaled(x, y)", Some("x * 0.5 + y")),
    ("c_pow(x, y)", "udf_pow(x, y)", Some("pow(x, y)")),
    ("c_length(t)", "udf_length(t)", Some("strlen(t)")),
    ("c_digest(t)", "udf_digest(t)", None),
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
    let engine = Engine::new();
    let api = Arc::new(Api::load(&engine, &arguments.duckdb)?);
    let mut database = Database::open(api)?;
    // SAFETY: whoever names a library wants it loaded.
    let library = unsafe { Library::open(&arguments.library) }?;
    for text in &arguments.functions {
        let prototype = Prototype::parse(text).ok();
        let name = prototype.as_ref().and_then(|prototype| prototype.name.as_deref());
        let sized = arguments.sized.iter().filter(|(of, _)| Some(of.as_str()) == name);
        let sized: Vec<usize> = sized.map(|(_, parameter)| parameter - 1).collect();
        database.register(&engine, Udf::bind_sized(&engine, &library, text, &sized)?)?;
    }
    fill(&database, arguments.rows)?;
    match &arguments.query {
        Some(query) => print(&database.query(query)?),
        None => compare(&engine, &mut database, arguments.rows)?,
    }
    Ok(())
}

/// NAME=PARAMETER, counted from 1.
fn sized(text: &str) -> Result<(String, usize), String> {
    let parts = text.split_once('=').and_then(|(name, parameter)| Some((name, parameter.parse().ok()?)));
    let (name, parameter) = parts.filter(|(_, parameter)| *parameter > 0).ok_or("crc32=2, for example")?;
    Ok((name.to_owned(), parameter))
}

/// Makes the table.
fn fill(database: &Database, rows: usize) -> Result<(), Box<dyn Error>> {
    database.query(&format!(
        "create table numbers as select
            (i % 1000) / 8.0::double as x,
            case when i % 5 = 0 then null else (i % 77) / 7.0 - 5.0 end::double as y,
            (i % 41 - 20)::integer as n,
            case when i % 7 = 0 then null else repeat('ab', (i % 11)::integer) end as t
         from range({rows}) as rows(i)"
    ))?;
    Ok(())
}

/// Registers the functions that are compared, and UDFs in C for them.
fn register(engine: &Engine, database: &mut Database) -> Result<(), Box<dyn Error>> {
    // SAFETY: libm is well-behaved, and so is the example's own library.
    let libm = unsafe { Library::open("libm.so.6") }?;
    let own = compiled()?;
    for (library, texts) in [(&libm, &OF_LIBM[..]), (&own, &OWN)] {
        for text in texts {
            database.register(engine, Udf::bind(engine, library, text)?)?;
        }
    }
    database.register(engine, Udf::bind_sized(engine, &own, DIGEST, &[0])?)?;
    database.register_in_c(&engine.function(&own, "void register_udfs(void *connection)")?)
}

/// The example's C library, compiled now.
fn compiled() -> Result<Library, Box<dyn Error>> {
    // Tests compile at the same time.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("springboard-duckdb-{}-{}", process::id(), NUMBER.fetch_add(1, Relaxed));
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder)?;
    let (source, object): (PathBuf, PathBuf) = (folder.join("functions.c"), folder.join("functions.so"));
    fs::write(&source, SOURCE)?;
    let compiled = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .args([&object, &source])
        .arg("-lm")
        .status()?;
    // SAFETY: it has no constructors.
    let library = compiled.success().then(|| unsafe { Library::open(&object) });
    fs::remove_dir_all(&folder)?;
    Ok(library.ok_or("the C compiler fails")??)
}

fn print(table: &Table) {
    println!("{}", table.names.join("\t"));
    for row in &table.rows {
        let values: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
        println!("{}", values.join("\t"));
    }
}

/// Compares results and times.
fn compare(engine: &Engine, database: &mut Database, rows: usize) -> Result<(), Box<dyn Error>> {
    register(engine, database)?;
    // A row's cost, and not how many threads share it.
    database.query("set threads = 1")?;
    println!("DuckDB {}, {rows} rows, one thread", database.version());
    print(&database.query(
        "select x, y, n, t, c_mix(n, n), c_pow(x, y), c_suffix(t), c_length(t) from numbers limit 5",
    )?);
    println!(
        "\nnanoseconds per row, the least of seven runs, less what the query costs without the function:"
    );
    println!("{:<16}{:>12}{:>12}{:>12}   by C", "", "springboard", "UDF in C", "DuckDB's");
    for (native, in_c, own) in COMPARED {
        for other in [Some(in_c), own].into_iter().flatten() {
            let wrong = format!("select count(*) from numbers where {native} is distinct from {other}");
            let wrong = database.query(&wrong)?;
            if wrong.rows != [[Some("0".to_owned())]] {
                return Err(format!("{native} and {other} differ in {:?} rows", wrong.rows).into());
            }
        }
        let arguments = &native[native.find('(').map_or(0, |at| at + 1)..native.len() - 1];
        let nothing =
            arguments.split(", ").map(|name| format!("count({name})")).collect::<Vec<_>>().join(" + ");
        let sum = |expression: &str| format!("select sum({expression}) from numbers");
        let queries = [
            Some(format!("select {nothing} from numbers")),
            Some(sum(native)),
            Some(sum(in_c)),
            own.map(sum),
        ];
        let mut least = [Duration::MAX; 4];
        for _ in 0..7 {
            for (query, least) in queries.iter().zip(&mut least) {
                if let Some(query) = query {
                    let started = Instant::now();
                    database.query(query)?;
                    *least = (*least).min(started.elapsed());
                }
            }
        }
        let nanoseconds =
            |index: usize| least[index].saturating_sub(least[0]).as_secs_f64() * 1e9 / rows as f64;
        let builtin = own.map_or_else(String::new, |_| format!("{:.2}", nanoseconds(3)));
        let [by_springboard, by_c] = [nanoseconds(1), nanoseconds(2)];
        println!(
            "{native:<16}{by_springboard:>12.2}{by_c:>12.2}{builtin:>12}   {:.2}",
            by_springboard / by_c
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
