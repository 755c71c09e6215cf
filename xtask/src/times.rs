//! How long suites took here the last time.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use crate::project;

/// Seconds by the suite's name.
pub(crate) struct Times(BTreeMap<String, f64>);

fn file() -> PathBuf {
    project::root().join("target/suite-times.json")
}

impl Times {
    /// Those of this folder; none where no suite has run here.
    pub(crate) fn read() -> Times {
        let text = fs::read_to_string(file()).unwrap_or_default();
        Times(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Keeps a suite's time. That it cannot be kept is no reason to fail.
    pub(crate) fn keep(&mut self, suite: &str, took: Duration) {
        self.0.insert(suite.to_owned(), took.as_secs_f64());
        if let Ok(text) = serde_json::to_string_pretty(&self.0) {
            let _ = fs::write(file(), text);
        }
    }

    /// About how long these take, in words.
    pub(crate) fn estimate(&self, suites: &[&str]) -> String {
        let known: Vec<f64> = suites.iter().filter_map(|suite| self.0.get(*suite).copied()).collect();
        let minutes = (known.iter().sum::<f64>() / 60.0).ceil();
        match suites.len() - known.len() {
            0 => format!("about {minutes} min, by the last run"),
            all if all == suites.len() => {
                "how long that takes is not known here yet: most of a first run is building".to_owned()
            }
            new => format!("about {minutes} min, by the last run, and {new} that have not run here yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn estimates_say_what_they_know() {
        let times = Times([("a".to_owned(), 61.0), ("b".to_owned(), 20.0)].into());
        assert_eq!(times.estimate(&["a", "b"]), "about 2 min, by the last run");
        assert!(
            times.estimate(&["a", "c"]).ends_with("2 min, by the last run, and 1 that have not run here yet")
        );
        assert!(times.estimate(&["c"]).contains("not known"));
    }
}
