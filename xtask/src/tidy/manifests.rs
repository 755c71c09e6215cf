//! Rules about the crates and the arrows between them.

use serde_json::Value;

use super::{Finding, tree::Tree};
use crate::project;

/// Which crates of the workspace a crate may depend on, outside of its own tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("springboard-ir", &[]),
    ("springboard-abi", &["springboard-ir"]),
    ("springboard-emit", &["springboard-abi", "springboard-ir"]),
    ("springboard-readback", &["springboard-abi"]),
    ("springboard-code", &["springboard-emit", "springboard-abi", "springboard-ir"]),
    // The emitter when it is built, the planner when it runs.
    ("springboard-pack", &["springboard-emit", "springboard-abi"]),
    (
        "springboard",
        &[
            "springboard-code",
            "springboard-pack",
            "springboard-emit",
            "springboard-readback",
            "springboard-abi",
            "springboard-ir",
        ],
    ),
    ("springboard-js", ENGINE),
    ("springboard-everyday", ENGINE),
    ("springboard-capi", EVERYTHING),
    ("springboard-libffi", ENGINE),
    ("springboard-python", EVERYTHING),
    ("springboard-bench", EVERYTHING),
    ("springboard-datafusion", EVERYTHING),
    ("springboard-duckdb", EVERYTHING),
    ("springboard-ballista-example", &["springboard-datafusion", "springboard"]),
    ("springboard-quickstart", &["springboard"]),
    ("springboard-explain", &["springboard-abi", "springboard-ir"]),
    ("springboard-interpreter", &["springboard", "springboard-everyday"]),
    ("springboard-loom", &[]),
    ("springboard-tests", EVERYTHING),
    ("springboard-process", &["springboard-code"]),
    ("springboard-v8-tests", WITH_C),
    ("xtask", &["springboard-emit", "springboard-abi", "springboard-ir"]),
];

/// The engine and what it is made of.
const ENGINE: &[&str] =
    &["springboard", "springboard-code", "springboard-emit", "springboard-abi", "springboard-ir"];

/// The same, and the crates that are its clients.
const EVERYTHING: &[&str] = &[
    "springboard-readback",
    "springboard-js",
    "springboard-everyday",
    "springboard",
    "springboard-code",
    "springboard-emit",
    "springboard-abi",
    "springboard-ir",
];

/// Those, and the interface for C.
const WITH_C: &[&str] = &[
    "springboard-capi",
    "springboard-js",
    "springboard-everyday",
    "springboard",
    "springboard-code",
    "springboard-emit",
    "springboard-abi",
    "springboard-ir",
];

/// What the engine does without, unless somebody asks for it by a feature: thread pools, channels for one message, writers
/// and readers of object files.
const NOT_IN_THE_ENGINE: [&str; 7] =
    ["cranelift-object", "crossbeam", "object", "oneshot", "rayon", "rayon-core", "tokio"];

/// The crates that may depend on Cranelift's crates, outside of tests: the emitter, and the bench, which compares
/// it with cranelift-jit.
const NAMES_CRANELIFT: [&str; 2] = ["springboard-emit", "springboard-bench"];

/// What cargo says about the workspace's crates.
pub(crate) fn metadata() -> Result<Value, String> {
    let mut command = project::cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let output = command.output().map_err(|error| format!("{}: {error}", project::shown(&command)))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// The features of each crate in `crates` that has some, by the crate's name.
pub(crate) fn features() -> Vec<(String, Vec<String>)> {
    let metadata = metadata().expect("cargo tells of the workspace");
    let crates = list(&metadata["packages"]).iter().filter(|package| {
        let path = word(&package["manifest_path"]).strip_prefix(word(&metadata["workspace_root"]));
        path.is_some_and(|path| path.starts_with("/crates/"))
    });
    let named = crates.map(|package| {
        let features = package["features"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        (word(&package["name"]).to_owned(), features.filter(|name| name != "default").collect::<Vec<_>>())
    });
    named.filter(|(_, features)| !features.is_empty()).collect()
}

pub(crate) fn check(metadata: &Value, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let packages = list(&metadata["packages"]);
    let members: Vec<&str> = packages.iter().map(|package| word(&package["name"])).collect();
    let root = word(&metadata["workspace_root"]);
    for package in packages {
        let name = word(&package["name"]);
        let path = word(&package["manifest_path"]);
        let path = path.strip_prefix(root).unwrap_or(path).trim_start_matches('/');
        let manifest = tree.text(path);
        let at =
            |words: &str| manifest.lines().position(|line| line.starts_with(words)).map_or(1, |at| at + 1);
        if !manifest.contains("[lints]\nworkspace = true") {
            findings.push(Finding::new(path, 1, "the crate does not take the workspace's lints"));
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            let what = format!("{name} is not in the list of arrows in xtask/src/tidy/manifests.rs");
            findings.push(Finding::new(path, at("name"), what));
            continue;
        };
        for dependency in list(&package["dependencies"]) {
            let to = word(&dependency["name"]);
            if dependency["kind"] == "dev" {
                continue;
            }
            if members.contains(&to) && !allowed.contains(&to) {
                findings.push(Finding::new(path, at(to), format!("{name} must not depend on {to}")));
            }
            let optional = dependency["optional"] == true;
            if name == "springboard" && !optional && NOT_IN_THE_ENGINE.contains(&to) {
                let what = format!("{name} must not depend on {to}, except for a feature");
                findings.push(Finding::new(path, at(to), what));
            }
            if to.starts_with("cranelift") && !NAMES_CRANELIFT.contains(&name) {
                let allowed = NAMES_CRANELIFT.join(" and ");
                let what = format!("{name} depends on {to}, and only {allowed} may name Cranelift");
                findings.push(Finding::new(path, at(to), what));
            }
        }
    }
    findings
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tree::tree;
    use super::*;

    fn found(name: &str, dependencies: &[(&str, Option<&str>)], manifest: &str) -> Vec<String> {
        let dependency = |(name, kind): &(&str, Option<&str>)| json!({ "name": name, "kind": kind });
        let package = |name: &str, dependencies: Vec<Value>| json!({ "name": name, "manifest_path": format!("/x/{name}/Cargo.toml"), "dependencies": dependencies });
        let metadata = json!({ "workspace_root": "/x", "packages": [
            package(name, dependencies.iter().map(dependency).collect()),
            package("springboard-emit", Vec::new()),
        ]});
        let path = format!("{name}/Cargo.toml");
        let good = "[lints]\nworkspace = true\n";
        let tree = tree(&[(&path, manifest), ("springboard-emit/Cargo.toml", good)]);
        check(&metadata, &tree).iter().map(ToString::to_string).collect()
    }

    const MANIFEST: &str = "[package]\nspringboard-emit.workspace = true\n[lints]\nworkspace = true\n";

    #[test]
    fn arrows_are_kept() {
        assert_eq!(found("springboard", &[("springboard-emit", None), ("libc", None)], MANIFEST), [""; 0]);
        let backward = found("springboard-abi", &[("springboard-emit", None)], MANIFEST);
        assert_eq!(
            backward,
            ["springboard-abi/Cargo.toml:2: springboard-abi must not depend on springboard-emit"]
        );
        assert_eq!(found("springboard-abi", &[("springboard-emit", Some("dev"))], MANIFEST), [""; 0]);
        assert_eq!(found("springboard-abi", &[("springboard-emit", Some("build"))], MANIFEST).len(), 1);
        assert_eq!(found("newcomer", &[], MANIFEST).len(), 1);
    }

    #[test]
    fn cranelift_is_the_emitters_alone() {
        assert_eq!(found("springboard", &[("cranelift-jit", None)], MANIFEST).len(), 1);
        assert_eq!(found("springboard", &[("cranelift-jit", Some("dev"))], MANIFEST), [""; 0]);
    }

    #[test]
    fn the_engine_does_without() {
        assert_eq!(found("springboard", &[("rayon-core", None)], MANIFEST).len(), 1);
        assert_eq!(found("springboard-everyday", &[("rayon-core", None)], MANIFEST), [""; 0]);
    }

    #[test]
    fn the_workspaces_lints_are_taken() {
        assert_eq!(found("springboard", &[], "[package]\n").len(), 1);
    }

    #[test]
    fn cargo_knows_the_workspace() {
        let metadata = metadata().expect("cargo metadata runs in the workspace");
        assert!(list(&metadata["packages"]).iter().any(|package| package["name"] == "xtask"));
    }
}
