//! Profiles as callgrind writes them: which object's code ran how many instructions.

use std::collections::HashMap;

/// The name of the object that code belongs to which no file was mapped for.
const NO_OBJECT: &str = "???";

/// Instructions of one part of a run.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Profile {
    /// Of code that was made while the program ran.
    pub(super) made: u64,
    /// Of all code.
    pub(super) all: u64,
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// A sentence about the first line that is not understood.
    pub(super) fn read(text: &str) -> Result<Profile, String> {
        let mut profile = Profile::default();
        // A name comes after its number where it appears first.
        let mut names: HashMap<&str, &str> = HashMap::new();
        let mut object = "";
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(named) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
                let (number, name) = named.split_once(' ').unwrap_or((named, ""));
                if !name.is_empty() {
                    names.insert(number, name);
                }
                if line.starts_with("ob=") {
                    object = names.get(number).ok_or_else(|| format!("an object without a name: {line}"))?;
                }
            } else if line.starts_with("calls=") {
                // What the callee cost, all in all, which its own lines say again.
                lines.next();
            } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
                let cost = line.rsplit(' ').next().and_then(|cost| cost.parse::<u64>().ok());
                let cost = cost.ok_or_else(|| format!("a line without a cost: {line}"))?;
                profile.all += cost;
                if object == NO_OBJECT {
                    profile.made += cost;
                }
            }
        }
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# callgrind format
events: Ir
summary: 9999

ob=(5) /x/bench
fl=(139) ???
fn=(536) main
cob=(2) ???
cfn=(560) 0x000000000483d000
calls=1 0
0 2
+3 1998
cob=(7) /x/libspringboard_bench.so
cfn=(600) add
calls=1 0
* 500

ob=(2)
fn=(560)
0 2000
-4 1

ob=(7)
fn=(600)
12 300
totals: 9999
";

    #[test]
    fn instructions_go_to_their_object() {
        assert_eq!(Profile::read(TEXT), Ok(Profile { made: 2001, all: 4299 }));
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(Profile::read("ob=(3)\n").is_err());
        assert!(Profile::read("ob=(3) y\n1 many\n").is_err());
    }
}
