//! C functions in SQL on a cluster. Nothing is built or registered on the workers: a function's library and its prototype
//! travel in the plan, and a worker binds it when the plan arrives.

use std::{error::Error, process::ExitCode};

use clap::{Parser, Subcommand};

mod cluster;
mod codec;
mod data;
mod queries;

/// Starts a Ballista cluster of one scheduler and two executors on this machine, runs SQL with C functions over partitioned
/// Parquet, compares the results with those of the embedded engine, and stops everything.
///
/// One executor is killed in the middle of a query; the result is the same.
#[derive(Parser)]
struct Arguments {
    /// Rows of the table
    #[arg(long, default_value_t = 2_000_000)]
    rows: usize,
    #[command(subcommand)]
    process: Option<Process>,
}

/// A process of the cluster: what the example starts itself as.
#[derive(Subcommand)]
enum Process {
    /// The scheduler
    #[command(hide = true)]
    Scheduler {
        /// Libraries that a plan may name
        #[arg(long)]
        allow: Vec<String>,
    },
    /// An executor
    #[command(hide = true)]
    Executor {
        /// What it is called in errors
        #[arg(long)]
        name: String,
        /// The scheduler's port
        #[arg(long)]
        scheduler: u16,
        /// Libraries that a plan may name
        #[arg(long)]
        allow: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = match (runtime, arguments.process) {
        (Err(error), _) => Err(error.into()),
        (Ok(runtime), Some(Process::Scheduler { allow })) => runtime.block_on(cluster::scheduler(allow)),
        (Ok(runtime), Some(Process::Executor { name, scheduler, allow })) => {
            runtime.block_on(cluster::executor(&name, scheduler, allow))
        }
        (Ok(runtime), None) => runtime.block_on(run(arguments.rows)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(rows: usize) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    println!("writing {rows} rows of Parquet in {} files …", data::FILES);
    data::write(folder.path(), rows).await?;
    let library = data::compile(folder.path())?;
    let allowed = ["libm.so.6", "libz.so.1", &library];

    println!("starting a scheduler and two executors …");
    let table = folder.path().join("numbers");
    let cluster = cluster::Cluster::start(&allowed)?;
    queries::compare(&cluster, &table, &library, rows).await?;
    queries::refuse(&cluster, &table).await?;
    for (name, rows) in cluster.stop()? {
        println!("{name} called C functions for {rows} rows");
    }

    println!("\nstarting another cluster …");
    let mut cluster = cluster::Cluster::start(&allowed)?;
    queries::survive(&mut cluster, &table, &library, rows).await?;
    cluster.stop()?;
    Ok(())
}
