//! What the queries run over: partitioned Parquet, and a C library of the example's own.

use std::{error::Error, fs, path::Path, process::Command};

use datafusion::{dataframe::DataFrameWriteOptions, prelude::SessionContext};

/// Files of the table, each a partition.
pub(crate) const FILES: usize = 8;

/// Writes the table `numbers` below the folder: x and y (double, some of y null) and n (integer).
pub(crate) async fn write(folder: &Path, rows: usize) -> Result<(), Box<dyn Error>> {
    let session = SessionContext::new();
    let table = folder.join("numbers");
    fs::create_dir(&table)?;
    for file in 0..FILES {
        let (first, last) = (rows * file / FILES, rows * (file + 1) / FILES);
        let rows = session
            .sql(&format!(
                "select cast(value % 1000 as double) / 8 as x,
                        case when value % 5 = 0 then null else cast(value % 77 as double) / 7 - 5 end as y,
                        cast(value % 41 - 20 as int) as n
                 from range({first}, {last})"
            ))
            .await?;
        let path = table.join(format!("{file}.parquet"));
        rows.write_parquet(
            &path.to_string_lossy(),
            DataFrameWriteOptions::new().with_single_file_output(true),
            None,
        )
        .await?;
    }
    Ok(())
}

/// A function that takes its time: the value to which a logistic map has come after so many steps.
const SOURCE: &str = "
double logistic(double x, long steps) {
    x = x / 200 + 0.1;
    for (long i = 0; i < steps; i++)
        x = 3.7 * x * (1 - x);
    return x;
}
";

/// Compiles the library, and returns its path.
pub(crate) fn compile(folder: &Path) -> Result<String, Box<dyn Error>> {
    let (source, library) = (folder.join("functions.c"), folder.join("libfunctions.so"));
    fs::write(&source, SOURCE)?;
    let compiled =
        Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).args([&library, &source]).status()?;
    if !compiled.success() {
        return Err("the C compiler fails".into());
    }
    Ok(library.to_string_lossy().into_owned())
}
