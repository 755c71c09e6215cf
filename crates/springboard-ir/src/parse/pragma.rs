//! `#pragma pack`, as far as it can be told apart from other packing.

use super::{Parser, places::Failure};

/// Alignments saved by `push` beyond which a text is refused.
const MAX_SAVED: usize = 64;

impl Parser<'_> {
    /// Obeys the `#pragma pack` that comes next.
    pub(super) fn pack_pragma(&mut self) -> Result<(), Failure> {
        let token = self.bump();
        let unsupported = Failure::unsupported("pragma pack", token.start);
        let line = self.text_of(token);
        let arguments = line.split_once("pack").and_then(|(_, rest)| rest.split_once('('));
        let arguments = arguments.and_then(|(_, rest)| rest.split_once(')'));
        let Some((arguments, _)) = arguments else { return Err(unsupported) };
        let mut arguments = arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty());
        let first = arguments.next();
        let amount = match first {
            Some("push") if self.pack.len() < MAX_SAVED => {
                self.pack.push(self.pack.last().copied().unwrap_or(0));
                arguments.next()
            }
            Some("pop") => {
                if self.pack.len() > 1 {
                    self.pack.pop();
                }
                None
            }
            Some("push") => return Err(unsupported),
            _ => first,
        };
        let default = first.is_none().then_some(0);
        let pack = amount.map_or(Ok(default), |amount| match amount.parse() {
            Ok(pack @ (0 | 1 | 2 | 4 | 8 | 16)) => Ok(Some(pack)),
            _ => Err(()),
        });
        match (pack, self.pack.last_mut(), arguments.next()) {
            (Ok(Some(pack)), Some(now), None) => *now = pack,
            (Ok(None), _, None) => {}
            _ => return Err(unsupported),
        }
        Ok(())
    }
}
