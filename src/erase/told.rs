//! What there is, and what the commands cannot do, as comments above them.

use memory_log::event::{Event, EventError, EventKey};
use memory_s3::versions::{Kind, Mode, Version};

use super::shell::comment;
use super::{Erasure, Kept};

/// A number of things.
pub(super) fn counted(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    }
}

impl Erasure {
    /// Everything that there is, each in a line of its own.
    pub(super) fn told(&self, place: &str) -> String {
        let meant = &self.found.meant;
        let names = [meant.scope.domain(), meant.scope.entity_id()];
        let [domain, entity_id] = names.map(Option::unwrap_or_default);
        let what = match meant.memory_id {
            Some(memory_id) => format!("the memory {memory_id}"),
            None => "all memories".to_owned(),
        };
        let now = self.now;
        let mut lines = vec![
            format!(
                "Erases {what} of the entity {entity_id:?} in the domain {domain:?}, in {place}."
            ),
            format!("Nothing is deleted yet. This is what there was at {now}:"),
            String::new(),
        ];
        let sections = [
            ("of memories", &self.found.memories),
            ("of events", &self.found.events),
        ];
        for (of, kept) in sections {
            lines.push(format!("{} {of}", counted(kept.len(), "version")));
            lines.extend(kept.iter().map(|kept| format!("  {}", line(kept))));
        }
        lines.extend(self.found.history.iter().map(history));
        lines.push(format!(
            "{} of the entity's view, which has lines of all its memories",
            counted(self.found.view.len(), "version")
        ));
        if !self.found.foreign.is_empty() {
            lines.push(
                "left as they are, because they belong to no memory (without --id they go too):"
                    .to_owned(),
            );
            lines.extend(self.found.foreign.iter().map(|key| format!("  {key}")));
        }
        lines.iter().map(|line| comment(line)).collect()
    }

    /// What Object Lock keeps from being erased, and until when.
    pub(super) fn told_held(&self) -> String {
        let held: Vec<_> = self.held().map(line).collect();
        if held.is_empty() {
            return String::new();
        }
        let mut lines = vec![
            String::new(),
            format!(
                "THIS ERASURE CANNOT BE COMPLETE NOW, and its last command fails. What stays is {}:",
                counted(held.len(), "version")
            ),
        ];
        lines.extend(held.into_iter().map(|line| format!("  {line}")));
        lines.push("Nobody can delete what COMPLIANCE retains before its time is over. A legal hold ends when somebody".to_owned());
        lines.push("with the right to do so removes it (aws s3api put-object-legal-hold). Then make a new plan.".to_owned());
        lines.iter().map(|line| comment(line)).collect()
    }
}

fn line(kept: &Kept) -> String {
    let Version {
        key,
        id,
        kind,
        is_latest,
    } = &kept.version;
    let mut line = key.clone();
    if !id.is_empty() {
        line += &format!(", version {id}");
    }
    line += &match kind {
        Kind::Object { bytes } => format!(", {bytes} bytes"),
        Kind::Marker => ", a delete marker".to_owned(),
    };
    if !is_latest {
        line += ", not the newest";
    }
    if let Some((mode, until)) = kept.lock.retention {
        let mode = match mode {
            Mode::Governance => "GOVERNANCE",
            Mode::Compliance => "COMPLIANCE",
        };
        line += &format!(", retained until {until} ({mode})");
    }
    if kept.lock.legal_hold {
        line += ", under a legal hold";
    }
    line
}

fn history((key, event): &(EventKey, Result<Event, EventError>)) -> String {
    let (memory_id, seq) = (key.memory_id, key.seq);
    let event = match event {
        Ok(event) => event.change(),
        Err(error) => return format!("event {seq} of {memory_id} is damaged: {error}"),
    };
    let reason = event.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {:?}", reason.as_str()));
    let (status, at, actor) = (event.status, event.timestamp, event.actor.as_str());
    format!("event {seq} of {memory_id}: {status} at {at} by {actor:?}{reason}")
}
