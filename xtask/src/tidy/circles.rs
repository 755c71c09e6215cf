//! No circles: among the modules that lie side by side in a crate, at every level, imports lead one way. A module and
//! those below it may import each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Finding,
    imports::{self, Import},
    tree::Tree,
};

/// Modules side by side that import each other, directly or through one another.
pub(crate) struct Circle {
    /// The crate, and the module in which they lie.
    within: String,
    pub(crate) members: BTreeSet<String>,
    /// Who imports whom among them, and where.
    edges: Edges,
}

/// The places at which one module imports another.
type Edges = BTreeMap<(String, String), BTreeSet<(String, usize)>>;

/// One finding for each circle: a shortest way round it.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let (circles, mut findings) = circles(tree);
    findings.extend(circles.iter().map(Circle::finding));
    findings
}

/// All circles of all crates, and the files that cannot be read.
pub(crate) fn circles(tree: &Tree) -> (Vec<Circle>, Vec<Finding>) {
    let (mut circles, mut findings) = (Vec::new(), Vec::new());
    for root in roots(tree) {
        match imports::read(tree, root) {
            Ok(imports) => circles.extend(circles_of(root, &imports)),
            Err(finding) => findings.push(finding),
        }
    }
    (circles, findings)
}

/// The files that crates begin with: libraries and programs, not their tests and examples.
fn roots(tree: &Tree) -> impl Iterator<Item = &str> {
    let paths = tree.sources().map(|file| file.path.as_str());
    paths.filter(|path| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let whole = matches!(name, "lib.rs" | "main.rs") && folder.ends_with("src");
        let manifest = || format!("{}/Cargo.toml", folder.trim_end_matches("/src"));
        (whole && tree.has(&manifest())) || folder.ends_with("src/bin")
    })
}

fn circles_of(root: &str, imports: &[Import]) -> Vec<Circle> {
    // By the module in which both lie.
    let mut levels: BTreeMap<&[String], Edges> = BTreeMap::new();
    for Import { from, to, file, line } in imports {
        let same = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        let (Some(a), Some(b)) = (from.get(same), to.get(same)) else { continue };
        let edges = levels.entry(&from[..same]).or_default();
        edges.entry((a.clone(), b.clone())).or_default().insert((file.clone(), *line));
    }
    let mut circles = Vec::new();
    for (within, edges) in levels {
        let mut rest: BTreeSet<&String> = edges.keys().map(|(from, _)| from).collect();
        while let Some(first) = rest.pop_first() {
            let around = |other: &String| leads(&edges, first, other) && leads(&edges, other, first);
            let members: BTreeSet<String> =
                edges.keys().map(|(from, _)| from).filter(|other| around(other)).cloned().collect();
            if members.is_empty() {
                continue;
            }
            rest.retain(|other| !members.contains(*other));
            let inside = |(from, to): &(String, String)| members.contains(from) && members.contains(to);
            let edges = edges.iter().filter(|(edge, _)| inside(edge));
            let edges = edges.map(|(edge, places)| (edge.clone(), places.clone())).collect();
            let within = [&[root.to_owned()], within].concat().join("::");
            circles.push(Circle { within, members, edges });
        }
    }
    circles
}

/// Whether one module imports the other, directly or through others.
fn leads(edges: &Edges, from: &str, to: &str) -> bool {
    way(edges, from, to).is_some()
}

/// The modules of a shortest way, both ends included.
fn way(edges: &Edges, from: &str, to: &str) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way.last().expect("a way has a beginning");
            for (_, next) in edges.keys().filter(|(from, _)| from == last) {
                let way = [&way[..], std::slice::from_ref(next)].concat();
                if next == to {
                    return Some(way);
                }
                if seen.insert(next) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

impl Circle {
    fn finding(&self) -> Finding {
        let ways = self.members.iter().filter_map(|member| way(&self.edges, member, member));
        let way = ways.min_by_key(Vec::len).unwrap_or_default();
        let mut steps = Vec::new();
        let mut place = ("", 1);
        for (from, to) in way.iter().zip(&way[1..]) {
            let places = self.edges.get(&(from.clone(), to.clone()));
            let Some((file, line)) = places.and_then(BTreeSet::first) else { continue };
            if steps.is_empty() {
                place = (file, *line);
            }
            steps.push(format!("{from} imports {to} ({file}:{line})"));
        }
        let Circle { within, members, .. } = self;
        let what = format!(
            "a circle of {} modules in {within}: {}; all of it: cargo xtask tidy --circles",
            members.len(),
            steps.join(", ")
        );
        Finding::new(place.0, place.1, what)
    }

    /// Prints every edge with its places, those with the fewest first: they are the cheapest to cut.
    pub(crate) fn print(&self) {
        let members: Vec<&str> = self.members.iter().map(String::as_str).collect();
        println!("{}: {} modules import each other: {}", self.within, members.len(), members.join(", "));
        let mut edges: Vec<_> = self.edges.iter().collect();
        edges.sort_by_key(|(_, places)| places.len());
        for ((from, to), places) in edges {
            let places: Vec<String> = places.iter().map(|(file, line)| format!("{file}:{line}")).collect();
            println!("    {from} imports {to}: {}", places.join(" "));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::tree;
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let files = [&[("Cargo.toml", ""), ("a/Cargo.toml", "")], files].concat();
        check(&tree(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_circle_is_named_with_its_edges() {
        let found = found(&[
            ("a/src/lib.rs", "mod x; mod y; mod z; mod apart;"),
            ("a/src/x.rs", "\nuse crate::y::Y;"),
            ("a/src/y.rs", "fn f() { super::z::g(); }"),
            ("a/src/z.rs", "mod inner;"),
            ("a/src/z/inner.rs", "use crate::x; use super::super::apart;"),
            ("a/src/apart.rs", "fn f() {}"),
        ]);
        let expected = "a/src/x.rs:2: a circle of 3 modules in a/src/lib.rs: x imports y (a/src/x.rs:2), \
                        y imports z (a/src/y.rs:1), z imports x (a/src/z/inner.rs:1); \
                        all of it: cargo xtask tidy --circles";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn circles_are_found_at_every_level() {
        let found = found(&[
            ("a/src/lib.rs", "mod x;"),
            ("a/src/x.rs", "mod p; mod q; use p::P;"),
            ("a/src/x/p.rs", "use super::q; use super::own;"),
            ("a/src/x/q.rs", "mod r { use crate::x::p; }"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("2 modules in a/src/lib.rs::x"), "{found:?}");
    }

    #[test]
    fn one_way_is_no_circle() {
        let found = found(&[
            ("a/src/lib.rs", "mod x; mod y; pub use y::Y;"),
            ("a/src/x.rs", "use crate::Y; #[cfg(test)] mod tests;"),
            ("a/src/y.rs", "#[cfg(test)] mod tests { use crate::x::X; }"),
            ("a/src/x/tests.rs", "use crate::x;"),
        ]);
        assert_eq!(found, [""; 0]);
    }
}
