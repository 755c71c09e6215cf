//! The cluster's processes: this program, started again. Each ends when its standard input does, so none outlives the example.

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use ballista_core::config::TaskSchedulingPolicy;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::{
    cluster::BallistaCluster,
    config::SchedulerConfig,
    scheduler_process::{create_scheduler, start_grpc_service_with_listener},
};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use springboard_datafusion::rows_called;

use crate::codec::{Codec, Logical, Physical};

/// A scheduler and its executors.
pub(crate) struct Cluster {
    pub(crate) port: u16,
    scheduler: Started,
    executors: Vec<Started>,
}

/// A process of the cluster.
struct Started {
    name: String,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Cluster {
    /// Starts one scheduler and two executors, which load these libraries and no others.
    pub(crate) fn start(allowed: &[&str]) -> Result<Cluster, Box<dyn Error>> {
        let mut scheduler = Started::new("scheduler", &["scheduler"], allowed)?;
        let port: u16 = scheduler.line()?.parse()?;
        let executors = ["executor-1", "executor-2"].map(|name| {
            Started::new(name, &["executor", "--name", name, "--scheduler", &port.to_string()], allowed)
        });
        let executors = executors.into_iter().collect::<Result<_, _>>()?;
        Ok(Cluster { port, scheduler, executors })
    }

    /// Waits until the last executor has bound a function, and kills it.
    pub(crate) fn kill_one_at_work(&mut self) -> Result<String, Box<dyn Error>> {
        let mut victim = self.executors.pop().ok_or("there is no executor")?;
        victim.line()?;
        victim.child.kill()?;
        victim.child.wait()?;
        Ok(victim.name)
    }

    /// Ends every process, and tells how many rows each executor called.
    pub(crate) fn stop(self) -> Result<Vec<(String, String)>, Box<dyn Error>> {
        let mut rows = Vec::new();
        for executor in self.executors {
            let name = executor.name.clone();
            let said = executor.end()?;
            rows.push((name, said.lines().last().unwrap_or("no").to_owned()));
        }
        self.scheduler.end()?;
        Ok(rows)
    }
}

impl Started {
    fn new(name: &str, arguments: &[&str], allowed: &[&str]) -> Result<Started, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        for library in allowed {
            command.args(["--allow", library]);
        }
        let mut child = command.spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("the process has no output")?);
        Ok(Started { name: name.to_owned(), child, output })
    }

    /// The next line that the process prints.
    fn line(&mut self) -> Result<String, Box<dyn Error>> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(format!("the {} has ended", self.name).into());
        }
        Ok(line.trim().to_owned())
    }

    /// Ends the process by closing its input. Returns the rest of what it printed.
    fn end(mut self) -> Result<String, Box<dyn Error>> {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.output.read_to_string(&mut rest)?;
        self.child.wait()?;
        Ok(rest)
    }
}

/// Runs a scheduler until the standard input ends. Prints its port.
pub(crate) async fn scheduler(allowed: Vec<String>) -> Result<(), Box<dyn Error>> {
    let codec = Codec::new("the scheduler", allowed, |_| {});
    let config = Arc::new(SchedulerConfig {
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        override_logical_codec: Some(Arc::new(Logical(Arc::clone(&codec)))),
        override_physical_codec: Some(Arc::new(Physical(codec))),
        // An executor that says nothing for so long is given up, and its tasks run elsewhere.
        executor_timeout_seconds: 5,
        expire_dead_executor_interval_seconds: 1,
        ..SchedulerConfig::default()
    });
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let cluster = BallistaCluster::new_from_config(&config).await?;
    let server = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, config).await?;
    say(&listener.local_addr()?.port().to_string());
    tokio::select! {
        ended = start_grpc_service_with_listener(listener, server) => ended?,
        () = input_ends() => {}
    }
    Ok(())
}

/// Runs an executor until the standard input ends. Prints each function that it binds, and in the end for how many rows they
/// were called.
pub(crate) async fn executor(name: &str, scheduler: u16, allowed: Vec<String>) -> Result<(), Box<dyn Error>> {
    let codec = Codec::new(name, allowed, |source| say(&source.prototype));
    let config = Arc::new(ExecutorProcessConfig {
        port: free_port()?,
        grpc_port: free_port()?,
        scheduler_host: Ipv4Addr::LOCALHOST.to_string(),
        scheduler_port: scheduler,
        scheduler_connect_timeout_seconds: 30,
        task_scheduling_policy: TaskSchedulingPolicy::PullStaged,
        // The machine has few; each executor is to have work.
        vcores: 1,
        executor_heartbeat_interval_seconds: 1,
        override_logical_codec: Some(Arc::new(Logical(Arc::clone(&codec)))),
        override_physical_codec: Some(Arc::new(Physical(codec))),
        ..ExecutorProcessConfig::default()
    });
    tokio::select! {
        ended = start_executor_process(config) => ended?,
        () = input_ends() => {}
    }
    say(&rows_called().to_string());
    Ok(())
}

/// A port that nobody has now.
fn free_port() -> Result<u16, Box<dyn Error>> {
    Ok(TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.local_addr()?.port())
}

/// A line for the process that started this one. Nobody may be reading any more.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

async fn input_ends() {
    let read = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = read.await;
}
