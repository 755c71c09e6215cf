//! Fenced blocks of documents.

/// A fenced block of a document.
pub(crate) struct Block<'t> {
    /// The line of its first fence, from 1.
    pub(crate) line: usize,
    /// What stands after the fence.
    pub(crate) info: &'t str,
    /// What it has, with its line breaks.
    pub(crate) text: String,
}

/// The fenced blocks of a document, in order.
pub(crate) fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (index, line) in document.lines().enumerate() {
        match line.trim_start().strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                blocks.push(Block { line: index + 1, info: info.trim(), text: String::new() });
                open = true;
            }
            None if open => {
                let text = &mut blocks.last_mut().expect("a block is open").text;
                *text += line;
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}
