//! The position of every value in a JSON text: a flat list, so that no depth of nesting leads to
//! recursion.

use super::Kind;

/// One value, or one member name. Offsets have 32 bits, so that a node has sixteen bytes: a body of
/// four million brackets must fit into memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The index of the first node after this one that is not inside it.
    pub(super) after: u32,
}

/// The nodes of a text whose grammar was already checked.
pub(super) fn nodes(text: &str) -> Vec<Node> {
    let bytes = text.as_bytes();
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let (mut nodes, mut open) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (kind, length) = match byte {
            b'{' | b'[' => {
                open.push(nodes.len());
                (
                    if byte == b'{' {
                        Kind::Object
                    } else {
                        Kind::Array
                    },
                    1,
                )
            }
            b'}' | b']' => {
                at += 1;
                let after = offset(nodes.len());
                if let Some(node) = open.pop().and_then(|index: usize| nodes.get_mut(index)) {
                    let node: &mut Node = node;
                    (node.end, node.after) = (offset(at), after);
                }
                continue;
            }
            b'"' => (
                Kind::String,
                string_length(bytes.get(at..).unwrap_or_default()),
            ),
            b't' => (Kind::Boolean, "true".len()),
            b'f' => (Kind::Boolean, "false".len()),
            b'n' => (Kind::Null, "null".len()),
            b'-' | b'0'..=b'9' => {
                let rest = bytes.get(at..).unwrap_or_default();
                (
                    Kind::Number,
                    rest.iter()
                        .take_while(|b| b"+-.0123456789Ee".contains(b))
                        .count(),
                )
            }
            _ => {
                at += 1;
                continue;
            }
        };
        let (start, end) = (offset(at), offset(at + length));
        nodes.push(Node {
            kind,
            start,
            end,
            after: offset(nodes.len() + 1),
        });
        at += length;
    }
    nodes
}

/// The number of bytes from a string's opening quotation mark to its closing one, both included.
pub(super) fn string_length(from_quote: &[u8]) -> usize {
    let mut escaped = true;
    for (at, &byte) in from_quote.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    from_quote.len()
}
