//! The memory of a process and of those that it started, as Linux tells it in `/proc`.

use std::collections::BTreeMap;
use std::fs;

/// Resets the peak of a process, see proc_pid_clear_refs(5).
const RESET_PEAK: &str = "5";

/// What Linux tells about a process. Numbers of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    parent: u32,
    resident: u64,
    /// The most that was resident since the peak was reset, or since the start.
    peak: u64,
}

impl Process {
    /// Parses `/proc/PID/status`. `None` for a thread of the kernel or a process that has ended: they
    /// have no memory.
    fn parse(status: &str) -> Option<Self> {
        let field = |name: &str| {
            let mut lines = status.lines();
            let value = lines.find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
            value.split_whitespace().next()?.parse::<u64>().ok()
        };
        Some(Self {
            parent: u32::try_from(field("PPid")?).ok()?,
            resident: field("VmRSS")? * 1024,
            peak: field("VmHWM")? * 1024,
        })
    }
}

/// Processes by their id.
#[derive(Debug)]
pub(super) struct Processes(BTreeMap<u32, Process>);

impl Processes {
    /// Reads the process with this id and all processes that it started, directly or not, and resets
    /// their peaks. `None` if the process does not run.
    pub(super) fn below(id: u32) -> Option<Self> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir("/proc").ok()?.flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|it| it.parse().ok()) else {
                continue;
            };
            let status = fs::read(entry.path().join("status")).unwrap_or_default();
            if let Some(process) = Process::parse(&String::from_utf8_lossy(&status)) {
                all.insert(id, process);
            }
        }
        let mut chosen = with_descendants(id, &all)?;
        for (id, process) in &mut chosen {
            // Without the permission for it the former peak stays, and only a higher one counts.
            if fs::write(format!("/proc/{id}/clear_refs"), RESET_PEAK).is_ok() {
                process.peak = process.resident;
            }
        }
        Some(Self(chosen))
    }

    /// Returns by how many bytes one process grew since `before`, at most: the largest of all. What a
    /// process has from the one that started it is no growth.
    pub(super) fn growth(&self, before: &Self) -> u64 {
        let growths = self.0.iter().map(|(id, now)| {
            let former = before.0.get(id);
            let most = match former {
                Some(former) if now.peak <= former.peak => now.resident,
                _ => now.peak,
            };
            let origin = former.or_else(|| before.0.get(&now.parent));
            most.saturating_sub(origin.map_or(0, |it| it.resident))
        });
        growths.max().unwrap_or_default()
    }
}

/// Returns this process and all that it started. `None` if it is not among `all`.
fn with_descendants(id: u32, all: &BTreeMap<u32, Process>) -> Option<BTreeMap<u32, Process>> {
    let mut chosen = BTreeMap::from([(id, *all.get(&id)?)]);
    loop {
        let is_new = |(id, process): &(&u32, &Process)| {
            chosen.contains_key(&process.parent) && !chosen.contains_key(id)
        };
        let next: Vec<(u32, Process)> = all
            .iter()
            .filter(is_new)
            .map(|(id, it)| (*id, *it))
            .collect();
        if next.is_empty() {
            return Some(chosen);
        }
        chosen.extend(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str =
        "Name:\tphp-fpm\nPid:\t12\nPPid:\t7\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";

    fn process(parent: u32, resident: u64, peak: u64) -> Process {
        Process {
            parent,
            resident,
            peak,
        }
    }

    #[test]
    fn a_status_without_memory_is_no_process() {
        let read = Process::parse(STATUS);
        assert_eq!(read, Some(process(7, 1_048_576, 2_097_152)));
        assert_eq!(Process::parse("Name:\tkthreadd\nPid:\t2\nPPid:\t0\n"), None);
        assert_eq!(Process::parse(""), None);
    }

    #[test]
    fn processes_of_others_do_not_count() {
        let ids = [(7, 1), (8, 7), (9, 8), (10, 1), (11, 10)];
        let all = ids.map(|(id, parent)| (id, process(parent, 1, 1)));
        let chosen = with_descendants(7, &BTreeMap::from(all)).unwrap();
        assert_eq!(chosen.into_keys().collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(with_descendants(12, &BTreeMap::new()), None);
    }

    #[test]
    fn the_largest_growth_of_one_process_counts() {
        let of = |all: &[(u32, Process)]| Processes(all.iter().copied().collect());
        let before = of(&[(7, process(1, 100, 100)), (8, process(7, 50, 900))]);
        // The peak of 8 is an old one, because it could not be reset.
        let after = of(&[(7, process(1, 110, 130)), (8, process(7, 60, 900))]);
        assert_eq!(after.growth(&before), 30);
        let after = of(&[(7, process(1, 110, 130)), (8, process(7, 60, 950))]);
        assert_eq!(after.growth(&before), 900);
        // A new process begins with what the process has that started it.
        let after = of(&[(7, process(1, 100, 100)), (9, process(7, 105, 120))]);
        assert_eq!(after.growth(&before), 20);
    }

    #[test]
    fn the_peak_of_a_process_that_another_one_started_is_read() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        if !std::path::Path::new("/proc/self/clear_refs").exists() {
            // Only Linux has these files.
            return;
        }
        // `tail` keeps a line until its end, and a shell with another command waits for it.
        let mut shell = Command::new("sh")
            .args(["-c", "tail -n 1 | wc -c; true"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let before = Processes::below(shell.id()).unwrap();
        let mut input = shell.stdin.take().unwrap();
        input.write_all(&vec![b'a'; 64 << 20]).unwrap();
        let growth = Processes::below(shell.id()).unwrap().growth(&before);
        drop(input);
        shell.wait().unwrap();
        assert!(growth > 60 << 20, "{growth}");
        assert!(Processes::below(shell.id()).is_none());
    }
}
