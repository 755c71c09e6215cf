//! What is asked of the cluster, and of the engine embedded in this process.

use std::{
    error::Error,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ballista::prelude::{SessionConfigExt, SessionContextExt};
use datafusion::{
    arrow::util::pretty::pretty_format_batches,
    execution::SessionStateBuilder,
    logical_expr::ScalarUDF,
    prelude::{ParquetReadOptions, SessionConfig, SessionContext},
};
use springboard_datafusion::Source;

use crate::{
    cluster::Cluster,
    codec::{Codec, Logical, Physical},
    data::FILES,
};

/// Functions of libm and zlib.
const FUNCTIONS: [(&str, &str); 3] = [
    ("libm.so.6", "double pow(double x, double y)"),
    ("libm.so.6", "long lround(double x)"),
    ("libz.so.1", "unsigned long crc32_combine(unsigned long crc1, unsigned long crc2, long len2)"),
];

/// Runs over every row, whose cost is the function's. (Of integers the sum does not depend on who adds which.)
const COMPUTES: &str = "select sum(cast(c_logistic(x, 4000) * 1e6 as bigint)), count(*) from numbers";

/// The functions that a client has of the libraries, and those of its own library.
fn functions(codec: &Codec, library: &str) -> Result<Vec<Arc<ScalarUDF>>, Box<dyn Error>> {
    let own = (library, "double logistic(double x, long steps)");
    let all = FUNCTIONS.into_iter().chain([own]).map(|(library, prototype)| {
        Ok(codec.bind(&Source { library: library.to_owned(), prototype: prototype.to_owned() })?)
    });
    all.collect()
}

/// A session of the embedded engine.
async fn embedded(table: &Path, functions: &[Arc<ScalarUDF>]) -> Result<SessionContext, Box<dyn Error>> {
    prepared(
        SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1)),
        table,
        functions,
    )
    .await
}

/// A session of the cluster. The client's codec puts functions into plans; it binds none for others.
async fn on_cluster(
    cluster: &Cluster,
    table: &Path,
    codec: &Arc<Codec>,
    functions: &[Arc<ScalarUDF>],
) -> Result<SessionContext, Box<dyn Error>> {
    let config = SessionConfig::new_with_ballista()
        .with_target_partitions(FILES)
        .with_ballista_logical_extension_codec(Arc::new(Logical(Arc::clone(codec))))
        .with_ballista_physical_extension_codec(Arc::new(Physical(Arc::clone(codec))));
    let state = SessionStateBuilder::new_with_default_features().with_config(config).build();
    let url = format!("df://127.0.0.1:{}", cluster.port);
    prepared(SessionContext::remote_with_state(&url, state).await?, table, functions).await
}

async fn prepared(
    session: SessionContext,
    table: &Path,
    functions: &[Arc<ScalarUDF>],
) -> Result<SessionContext, Box<dyn Error>> {
    for function in functions {
        session.register_udf(ScalarUDF::clone(function));
    }
    session.register_parquet("numbers", &*table.to_string_lossy(), ParquetReadOptions::default()).await?;
    Ok(session)
}

/// The answer as text, and how long it took.
async fn ask(session: &SessionContext, query: &str) -> Result<(String, Duration), Box<dyn Error>> {
    let started = Instant::now();
    let batches = session.sql(query).await?.collect().await?;
    let took = started.elapsed();
    Ok((pretty_format_batches(&batches)?.to_string(), took))
}

fn client(library: &str) -> Arc<Codec> {
    Codec::new("the client", ["libm.so.6", "libz.so.1", "libc.so.6", library].map(str::to_owned), |_| {})
}

/// Runs queries on the embedded engine and on the cluster; the answers are the same.
pub(crate) async fn compare(
    cluster: &Cluster,
    table: &Path,
    library: &str,
    rows: usize,
) -> Result<(), Box<dyn Error>> {
    let codec = client(library);
    let functions = functions(&codec, library)?;
    let embedded = embedded(table, &functions).await?;
    let remote = on_cluster(cluster, table, &codec, &functions).await?;
    for query in [
        "select n, count(*), sum(c_lround(c_pow(x, 2))) from numbers group by n order by n limit 3",
        "select n, x, c_pow(x, y) from numbers where x < 1 order by n, x, y limit 4",
        "select sum(c_crc32_combine(cast(n + 20 as bigint unsigned), cast(7 as bigint unsigned), 5)) from numbers",
        COMPUTES,
    ] {
        println!("\n{query}");
        let (expected, alone) = ask(&embedded, query).await?;
        let (found, together) = ask(&remote, query).await?;
        if expected != found {
            return Err(format!("the cluster answers\n{found}\nand the embedded engine\n{expected}").into());
        }
        println!("{found}");
        let rate = |time: Duration| rows as f64 / time.as_secs_f64() / 1e6;
        println!(
            "embedded, one thread: {:.2} s, {:.1} million rows/s; two executors: {:.2} s, {:.1}",
            alone.as_secs_f64(),
            rate(alone),
            together.as_secs_f64(),
            rate(together)
        );
    }
    Ok(())
}

/// A plan that names a library which the cluster does not load is an error that says who refused what.
pub(crate) async fn refuse(cluster: &Cluster, table: &Path) -> Result<(), Box<dyn Error>> {
    let codec = client("");
    let abs = Source { library: "libc.so.6".to_owned(), prototype: "int abs(int)".to_owned() };
    let functions = [codec.bind(&abs)?];
    let remote = on_cluster(cluster, table, &codec, &functions).await?;
    match ask(&remote, "select sum(c_abs(n)) from numbers").await {
        Err(error) if error.to_string().contains("only these libraries are allowed here") => {
            println!("\na function of a library that is not allowed is refused:\n{error}");
            Ok(())
        }
        Err(error) => Err(format!("refused for another reason: {error}").into()),
        Ok((answer, _)) => Err(format!("a library that is not allowed was loaded:\n{answer}").into()),
    }
}

/// Kills an executor in the middle of a query. Ballista runs its tasks elsewhere, and the answer is the same.
pub(crate) async fn survive(
    cluster: &mut Cluster,
    table: &Path,
    library: &str,
    rows: usize,
) -> Result<(), Box<dyn Error>> {
    let codec = client(library);
    let functions = functions(&codec, library)?;
    let (expected, _) = ask(&embedded(table, &functions).await?, COMPUTES).await?;
    let remote = on_cluster(cluster, table, &codec, &functions).await?;
    let query = tokio::spawn(async move { ask(&remote, COMPUTES).await.map_err(|error| error.to_string()) });
    let killed = cluster.kill_one_at_work()?;
    println!("\n{killed} was killed in the middle of a query over {rows} rows");
    let (found, took) = query.await??;
    if expected != found {
        return Err(format!("the cluster answers\n{found}\nand not\n{expected}").into());
    }
    println!("the answer is the same, after {:.1} s", took.as_secs_f64());
    Ok(())
}
