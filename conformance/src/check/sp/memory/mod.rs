//! How much memory the service provider takes to read a message: its resident memory before and
//! after each fault, of a process of this machine or from its metrics.

mod processes;

use std::sync::{Mutex, PoisonError};

use reqwest::Client;
use url::Url;

use crate::check::SetUpError;
use crate::check::runner::{Access, AnswerError, read_body};
use processes::Processes;

/// The metric with the resident memory, by the name that the client libraries of Prometheus give it.
const METRIC: &str = "process_resident_memory_bytes";

/// Where the memory of the service provider is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemorySource {
    /// The process with this id on this machine, and all processes that it started. Linux only.
    Process(u32),
    /// Metrics in the text format of Prometheus.
    Metrics(Url),
}

/// Why the memory of the service provider cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The process does not run on this machine, or this machine does not run Linux.
    #[error("process {0} not found in /proc")]
    NoProcess(u32),
    /// The URL of the metrics gives no usable answer.
    #[error("cannot read the metrics at {url}: {reason}")]
    Unreachable {
        /// The URL of the metrics.
        url: Url,
        /// Why there is none.
        #[source]
        reason: AnswerError,
    },
    /// The metrics do not contain the memory.
    #[error("{METRIC} not found in the metrics at {0}")]
    NoMetric(Url),
}

impl From<MemoryError> for SetUpError {
    fn from(error: MemoryError) -> Self {
        let fix = match &error {
            MemoryError::NoProcess(_) => {
                "Give --pid the id of a process that runs on this machine, which must run Linux. For a container, that is the id on the host. For another machine, give --metrics-url."
            }
            MemoryError::Unreachable { .. } | MemoryError::NoMetric(_) => {
                "Check --metrics-url: it needs the text format of Prometheus with this metric, which most client libraries for Prometheus add by themselves."
            }
        };
        SetUpError::new("memory-not-read", format!("{error}."), fix)
    }
}

/// The memory at one moment.
#[derive(Debug)]
enum Reading {
    Processes(Processes),
    /// The sum of all processes, in bytes.
    Total(u64),
}

/// How much more memory the service provider took for one message.
#[derive(Debug, Clone)]
pub(super) struct Growth {
    /// The check that sent the message.
    pub(super) check: String,
    /// How much more it took, in bytes.
    pub(super) bytes: u64,
}

/// Reads the memory before and after each message of a run.
#[derive(Debug)]
pub(super) struct Meter {
    source: MemorySource,
    client: Client,
    access: Access,
    growths: Mutex<Vec<Growth>>,
}

impl Meter {
    /// Reads the memory once.
    ///
    /// # Errors
    /// When the memory cannot be read.
    pub(super) async fn start(source: MemorySource, access: &Access) -> Result<Self, MemoryError> {
        let meter = Self {
            source,
            client: access.client().build().unwrap_or_default(),
            access: access.clone(),
            growths: Mutex::default(),
        };
        meter.read().await?;
        Ok(meter)
    }

    /// Sends a message by `deliver` and records how much memory it took. Nothing is recorded if the
    /// memory cannot be read, for example because the message ended the process.
    pub(super) async fn measure<T>(&self, check: &str, deliver: impl Future<Output = T>) -> T {
        let before = self.read().await;
        let delivered = deliver.await;
        if let (Ok(before), Ok(after)) = (before, self.read().await) {
            let bytes = match (before, after) {
                (Reading::Processes(before), Reading::Processes(after)) => after.growth(&before),
                (Reading::Total(before), Reading::Total(after)) => after.saturating_sub(before),
                _ => 0,
            };
            let check = check.to_owned();
            let mut growths = self.growths.lock().unwrap_or_else(PoisonError::into_inner);
            growths.push(Growth { check, bytes });
        }
        delivered
    }

    /// Returns what the messages took, the largest first.
    pub(super) fn growths(&self) -> Vec<Growth> {
        let growths = self.growths.lock();
        let mut growths = growths.unwrap_or_else(PoisonError::into_inner).clone();
        growths.sort_by_key(|it| std::cmp::Reverse(it.bytes));
        growths
    }

    async fn read(&self) -> Result<Reading, MemoryError> {
        match &self.source {
            MemorySource::Process(id) => Processes::below(*id)
                .map(Reading::Processes)
                .ok_or(MemoryError::NoProcess(*id)),
            MemorySource::Metrics(url) => {
                let text = self.fetch(url).await.map_err(|reason| {
                    let url = url.clone();
                    MemoryError::Unreachable { url, reason }
                })?;
                let total = parse_metrics(&text);
                Ok(Reading::Total(
                    total.ok_or(MemoryError::NoMetric(url.clone()))?,
                ))
            }
        }
    }

    async fn fetch(&self, url: &Url) -> Result<String, AnswerError> {
        let timeout = self.access.timeout;
        let answer = self.client.get(url.clone()).send().await;
        let answer = answer.map_err(|error| AnswerError::of(&error, timeout))?;
        match answer.status().is_success() {
            true => read_body(answer, timeout).await,
            false => Err(AnswerError::Status(answer.status().as_u16())),
        }
    }
}

/// Returns the sum of [`METRIC`] in bytes. A server with several processes has one line for each.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn parse_metrics(text: &str) -> Option<u64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix(METRIC)?;
        let value = match rest.strip_prefix('{') {
            Some(labels) => labels.rsplit_once('}')?.1,
            None => rest,
        };
        // After the value, there may be a time. Another metric's name continues here.
        let value = value.strip_prefix([' ', '\t'])?.split_whitespace().next()?;
        value.parse().ok().filter(|it: &f64| it.is_finite())
    });
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>().max(0.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_all_processes_are_added() {
        let text = "# HELP process_resident_memory_bytes Resident memory size in bytes.\n\
            # TYPE process_resident_memory_bytes gauge\n\
            process_resident_memory_bytes 1.5e+06\n\
            process_resident_memory_bytes{pid=\"7\",name=\"a } b\"} 500000 1395066363000\n\
            process_resident_memory_bytes_total 9\n\
            process_virtual_memory_bytes 9\n";
        assert_eq!(parse_metrics(text), Some(2_000_000));
        assert_eq!(parse_metrics("process_resident_memory_bytes NaN"), None);
        assert_eq!(parse_metrics("<html>"), None);
    }
}
