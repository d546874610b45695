//! The tools of a server: what a client is shown of each, and how its arguments are read.

use std::sync::Arc;

use memory_log::json::{Json, Value};
use serde_json::value::RawValue;

use super::raw;
use super::results::ServerInfo;
use crate::problem::Problem;

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A program, or a page that may read.
    Any,
    /// A browser page that may write, and may not read (contract 8.8).
    ForeignPage,
}

/// Reads the arguments of a call.
type Read<T> = Arc<dyn Fn(Value<'_>) -> Result<T, Vec<Problem>> + Send + Sync>;

/// A tool whose calls are read as `T`.
pub struct Tool<T> {
    name: &'static str,
    descriptor: Box<RawValue>,
    read: Read<T>,
    /// Whether its results show what was stored.
    recalls: bool,
}

impl<T> Tool<T> {
    /// The tool that this object of `tools/list` describes. Its schemas are flat, because clients and
    /// models differ in what else of JSON Schema they support.
    ///
    /// # Panics
    /// The descriptor is not JSON: it is a constant of the build.
    #[expect(
        clippy::expect_used,
        reason = "the text is a constant of the build, and tests list it"
    )]
    pub fn new(
        name: &'static str,
        descriptor: &[u8],
        read: impl Fn(Value<'_>) -> Result<T, Vec<Problem>> + Send + Sync + 'static,
    ) -> Self {
        let descriptor = Json::parse(descriptor).expect("JSON");
        Self {
            name,
            descriptor: raw(descriptor.root()),
            read: Arc::new(read),
            recalls: false,
        }
    }

    /// The same tool, whose results show or change what was stored.
    #[must_use]
    pub fn that_recalls(self) -> Self {
        Self {
            recalls: true,
            ..self
        }
    }

    /// The same tool, whose calls are part of a larger type.
    #[must_use]
    pub fn map<U>(self, wrap: impl Fn(T) -> U + Send + Sync + 'static) -> Tool<U>
    where
        T: 'static,
    {
        let read = self.read;
        Tool {
            name: self.name,
            descriptor: self.descriptor,
            read: Arc::new(move |arguments| read(arguments).map(&wrap)),
            recalls: self.recalls,
        }
    }

    /// The same tool for a server that passes its calls on: of arguments that it accepts, `wrap` gets the
    /// text as it was sent, with the tool's name.
    #[must_use]
    pub fn passed_on<U>(
        self,
        wrap: impl Fn(&'static str, String) -> U + Send + Sync + 'static,
    ) -> Tool<U>
    where
        T: 'static,
    {
        let (name, read) = (self.name, self.read);
        Tool {
            name,
            descriptor: self.descriptor,
            read: Arc::new(move |arguments| {
                read(arguments)?;
                Ok(wrap(name, arguments.raw().to_owned()))
            }),
            recalls: self.recalls,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether this sender may call it.
    pub(super) fn is_for(&self, sender: Sender) -> bool {
        match sender {
            Sender::Any => true,
            Sender::ForeignPage => !self.recalls,
        }
    }

    pub(super) fn read(&self, arguments: Value<'_>) -> Result<T, Vec<Problem>> {
        (self.read)(arguments)
    }
}

/// The tools of a server, and what it tells a model about itself.
pub struct Toolset<T> {
    pub(super) server: ServerInfo,
    pub(super) instructions: &'static str,
    tools: Vec<Tool<T>>,
}

impl<T> Toolset<T> {
    /// A server with these tools.
    #[must_use]
    pub fn new(server: ServerInfo, instructions: &'static str, tools: Vec<Tool<T>>) -> Self {
        Self {
            server,
            instructions,
            tools,
        }
    }

    pub(super) fn tool(&self, name: &str) -> Option<&Tool<T>> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    pub(super) fn descriptors(&self, sender: Sender) -> impl Iterator<Item = &RawValue> {
        let shown = self.tools.iter().filter(move |tool| tool.is_for(sender));
        shown.map(|tool| &*tool.descriptor)
    }

    /// The names of the tools, as a sentence names them.
    pub(super) fn names(&self, sender: Sender) -> String {
        self.names_for(sender).join(" or ")
    }

    pub(super) fn names_in_words(&self, sender: Sender) -> String {
        match self.names_for(sender).as_slice() {
            [name] => format!("Its only tool is {name}."),
            names => format!("Its tools are {}.", names.join(", ")),
        }
    }

    fn names_for(&self, sender: Sender) -> Vec<&'static str> {
        let shown = self.tools.iter().filter(|tool| tool.is_for(sender));
        shown.map(|tool| tool.name).collect()
    }
}
