//! Programs that are measured: starting them, and what they use of the machine.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// The kernel counts processor time in hundredths of a second.
const TICK_US: u64 = 10_000;

/// A program that runs as long as this value.
#[derive(Debug)]
pub(crate) struct Program(Child);

impl Program {
    /// Starts `path` with these variables and nothing else of ours in its environment.
    pub(crate) fn start(path: &Path, log: &Path, variables: &[(&str, String)]) -> Result<Self> {
        Self::start_with(path, &[], log, variables)
    }

    /// The same, with arguments.
    pub(crate) fn start_with(
        path: &Path,
        arguments: &[&Path],
        log: &Path,
        variables: &[(&str, String)],
    ) -> Result<Self> {
        let log = fs::File::create(log)?;
        let child = Command::new(path)
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", path.display()))?;
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Asked to end first, so that it hands back what it holds.
        let _ = Command::new("kill").arg(self.pid().to_string()).status();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Microseconds of processor time a process has used so far.
pub(crate) fn cpu_us(pid: u32) -> Result<u64> {
    let [user, system, _, _] = times(pid)?;
    Ok((user + system) * TICK_US)
}

/// The same of a PostgreSQL server: its children, those that have ended, and itself.
pub(crate) fn family_cpu_us(postmaster: u32) -> Result<u64> {
    let mut ticks: u64 = times(postmaster)?.iter().sum();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if parent(pid) == Some(postmaster) {
            ticks += times(pid).map_or(0, |[user, system, _, _]| user + system);
        }
    }
    Ok(ticks * TICK_US)
}

fn fields(pid: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything.
    let Some((_, rest)) = stat.rsplit_once(')') else {
        bail!("/proc/{pid}/stat reads strangely");
    };
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn parent(pid: u32) -> Option<u32> {
    fields(pid).ok()?.get(1)?.parse().ok()
}

/// User and system time of the process, then of its ended children.
fn times(pid: u32) -> Result<[u64; 4]> {
    let fields = fields(pid)?;
    let at = |index: usize| fields.get(index).and_then(|text| text.parse().ok());
    match (at(11), at(12), at(13), at(14)) {
        (Some(user), Some(system), Some(children), Some(theirs)) => {
            Ok([user, system, children, theirs])
        }
        _ => bail!("/proc/{pid}/stat reads strangely"),
    }
}

/// Resident memory now and at its highest, in MiB.
pub(crate) fn memory_mib(pid: u32) -> Result<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        kib.map_or(0.0, |kib: f64| kib / 1024.0)
    };
    Ok((of("VmRSS:"), of("VmHWM:")))
}
