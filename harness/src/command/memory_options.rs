//! Options of `check sp` that say where the memory of the service provider is read.

use ambient::arguments::{web_url, whole_number};
use clap::Args;
use rehearsal::check::sp::MemorySource;
use url::Url;

/// Where the memory is read.
#[derive(Args)]
pub(crate) struct MemoryOptions {
    /// Id of the service provider's process on this machine (Linux), for the check of the memory that
    /// a message takes. Processes that it started count as well
    #[arg(long, value_name = "PID", conflicts_with = "metrics_url", value_parser = whole_number::<u32>(1..=4_294_967_295))]
    pid: Option<u32>,
    /// URL of the service provider's metrics in the text format of Prometheus, for the same check
    #[arg(long, value_name = "URL", value_parser = web_url)]
    metrics_url: Option<Url>,
}

impl MemoryOptions {
    /// Returns where the memory is read; `None` without these options.
    pub(crate) fn source(&self) -> Option<MemorySource> {
        let metrics = || self.metrics_url.clone().map(MemorySource::Metrics);
        self.pid.map(MemorySource::Process).or_else(metrics)
    }
}
