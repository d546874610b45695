//! The metrics of a request, in CloudWatch's embedded metric format: members of the record itself.
//!
//! CloudWatch reads them out of the log, so a metric costs no call. Each has the dimension `function`;
//! refusals and failures also have `code`, which is one of the codes of the contract. A request of an open
//! route, such as a health check, has none, but where it is the first request of a process.
//! Source: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::fmt::Write;
use std::time::Duration;

use super::object::{Millis, Object, unix_millis};
use super::{Members, Outcome};

/// The namespace of all metrics. `terraform/observability.tf` has it, too.
const NAMESPACE: &str = "MemoryIngress";

const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";

/// Metrics that are being added to a record.
struct Metrics<'o> {
    object: &'o mut Object,
    /// The definitions of those with the dimension `function` alone.
    of_function: String,
    /// The definitions of those with the dimension `code` as well.
    of_code: String,
}

impl Metrics<'_> {
    fn count(&mut self, name: &str, count: usize) {
        if count > 0 {
            self.object.number(name, count);
            define(&mut self.of_function, name, COUNT);
        }
    }

    fn time(&mut self, name: &str, time: Option<Duration>) {
        if let Some(time) = time {
            self.object.number(name, Millis(time));
            define(&mut self.of_function, name, MILLISECONDS);
        }
    }

    /// Counts one, also by its code.
    fn by_code(&mut self, name: &str, has_code: bool) {
        self.count(name, 1);
        if has_code {
            define(&mut self.of_code, name, COUNT);
        }
    }
}

/// Adds the metrics of a request.
pub(super) fn add(object: &mut Object, members: &Members, took: Duration) {
    let storage = &members.storage;
    let outcome = members.outcome();
    let mut metrics = Metrics {
        object,
        of_function: String::with_capacity(256),
        of_code: String::new(),
    };
    metrics.count("ColdStarts", members.is_cold.into());
    if !members.is_open {
        metrics.count("Requests", 1);
        let has_code = !members.codes.is_empty();
        match outcome {
            Outcome::Stored => metrics.count("Stored", 1),
            Outcome::Repeated => metrics.count("Repeated", 1),
            Outcome::Refused => metrics.by_code("Refused", has_code),
            Outcome::NotWritten | Outcome::Failed => metrics.by_code("Failures", has_code),
            Outcome::Unknown => {
                metrics.by_code("Failures", has_code);
                metrics.count("Unknown", 1);
            }
            Outcome::Read => metrics.count("Reads", 1),
            Outcome::Changed => metrics.count("Changes", 1),
            Outcome::Unchanged | Outcome::Answered | Outcome::Abandoned => {}
        }
        // Of those that S3 was asked for: refusals, which are fast, must not hide that S3 is slow.
        metrics.time("Latency", storage.time.map(|_| took));
        metrics.time("S3Latency", storage.time);
        metrics.count("KeysListed", storage.keys);
        metrics.count("Gets", storage.gets);
        metrics.count("ViewHits", storage.view_hits);
        metrics.count("ViewMisses", storage.view_misses);
        metrics.count("ViewsBuilt", storage.views_built);
    }
    let Metrics {
        object,
        of_function,
        of_code,
    } = metrics;
    if of_function.is_empty() {
        return;
    }
    let mut header = String::with_capacity(of_function.len() + of_code.len() + 256);
    let _ = write!(
        header,
        r#"{{"Timestamp":{},"CloudWatchMetrics":[{{"Namespace":"{NAMESPACE}","Dimensions":[["function"]],"Metrics":[{of_function}]}}"#,
        unix_millis(members.at),
    );
    if !of_code.is_empty() {
        let _ = write!(
            header,
            r#",{{"Namespace":"{NAMESPACE}","Dimensions":[["function","code"]],"Metrics":[{of_code}]}}"#,
        );
    }
    header.push_str("]}");
    object.raw("_aws", &header);
}

fn define(definitions: &mut String, name: &str, unit: &str) {
    if !definitions.is_empty() {
        definitions.push(',');
    }
    for part in ["{\"Name\":\"", name, "\",\"Unit\":\"", unit, "\"}"] {
        definitions.push_str(part);
    }
}
