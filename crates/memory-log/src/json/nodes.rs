//! The position of every value in a JSON text, found in the one pass that checks the grammar: a flat
//! list, so that no depth of nesting leads to recursion.
//!
//! It accepts exactly what `serde_json` accepts, which a test compares. The reason of a refusal is not
//! known here.

use super::Kind;
use super::string::{Spelling, escape, plain_length};

/// One value, or one member name. Offsets have 32 bits, so that a node has sixteen bytes: a body of
/// four million brackets must fit into memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// How a string is spelled. Any other value is plain.
    pub(super) spelling: Spelling,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The index of the first node after this one that is not inside it.
    pub(super) after: u32,
}

/// The nodes of a text; `None` if it is not one JSON value (RFC 8259).
pub(super) fn nodes(text: &str) -> Option<Vec<Node>> {
    let mut scan = Scan {
        bytes: text.as_bytes(),
        at: 0,
        nodes: Vec::new(),
        open: Vec::new(),
    };
    loop {
        let is_container = scan.value()?;
        if !scan.another_value(is_container)? {
            return Some(scan.nodes);
        }
    }
}

/// A reader of a text. Each method returns `None` where the grammar is broken.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The containers that have not ended, by index.
    open: Vec<usize>,
}

impl Scan<'_> {
    /// Reads a scalar, or the beginning of a container; true if it is a container.
    fn value(&mut self) -> Option<bool> {
        self.skip_white_space();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => Kind::Object,
            b'[' => Kind::Array,
            b'"' => return self.string().map(|()| false),
            b't' => self.word(b"true", Kind::Boolean)?,
            b'f' => self.word(b"false", Kind::Boolean)?,
            b'n' => self.word(b"null", Kind::Null)?,
            _ => self.number()?,
        };
        let is_container = matches!(kind, Kind::Object | Kind::Array);
        if is_container {
            self.open.push(self.nodes.len());
            self.at += 1;
        }
        self.push(kind, Spelling::Plain, start);
        Some(is_container)
    }

    /// Reads on after a value, or after the beginning of a container, up to the next value; false if
    /// the text ends.
    fn another_value(&mut self, mut is_first: bool) -> Option<bool> {
        loop {
            self.skip_white_space();
            let Some(&container) = self.open.last() else {
                return (self.at == self.bytes.len()).then_some(false);
            };
            let is_object = self.nodes.get(container)?.kind == Kind::Object;
            if self.takes(if is_object { b'}' } else { b']' }) {
                self.close(container)?;
                is_first = false;
                continue;
            }
            if !is_first && !self.takes(b',') {
                return None;
            }
            if is_object {
                self.skip_white_space();
                self.string()?;
                self.skip_white_space();
                self.takes(b':').then_some(())?;
            }
            return Some(true);
        }
    }

    fn close(&mut self, container: usize) -> Option<()> {
        self.open.pop();
        let (end, after) = (offset(self.at), offset(self.nodes.len()));
        let node = self.nodes.get_mut(container)?;
        (node.end, node.after) = (end, after);
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at;
        self.takes(b'"').then_some(())?;
        let mut spelling = Spelling::Plain;
        loop {
            self.at += plain_length(self.rest());
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    let escape = escape(self.rest())?;
                    self.at += escape.length;
                    spelling = spelling.max(escape.spelling());
                }
                _ => return None,
            }
        }
        self.at += 1;
        self.push(Kind::String, spelling, start);
        Some(())
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<Kind> {
        self.rest().starts_with(word).then_some(())?;
        self.at += word.len();
        Some(kind)
    }

    fn number(&mut self) -> Option<Kind> {
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        Some(Kind::Number)
    }

    fn digits(&mut self) -> Option<()> {
        let digits = self.rest().iter();
        let count = digits.take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn push(&mut self, kind: Kind, spelling: Spelling, start: usize) {
        self.nodes.push(Node {
            kind,
            spelling,
            start: offset(start),
            end: offset(self.at),
            after: offset(self.nodes.len() + 1),
        });
    }

    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
