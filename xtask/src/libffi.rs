//! `cargo xtask libffi`: the drop-in for `libffi.so.8`.

pub(crate) mod crates;
pub(crate) mod own_suite;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use serde_json::Value;

use crate::{
    cross::Cpu,
    project::{self, cargo},
};

/// Builds `libffi.so.8` with libffi's own binary interface, served by springboard.
///
/// A program linked to libffi uses it with `LD_LIBRARY_PATH=DIR PROGRAM`. `SPRINGBOARD_FFI_TRACE=1` in its environment
/// has it print at exit how many calls and closures were native, and why others were not. Needs objcopy, nm and cc.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The folder for the library; it is made where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Cargo's profile to build with
    #[arg(long, default_value = "dist")]
    profile: String,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    project::exit(build(&arguments.out, &arguments.profile, None).map(|Built { library, .. }| {
        println!("{}", library.display());
        println!("LD_LIBRARY_PATH={} PROGRAM uses it", arguments.out.display());
    }))
}

/// The name that programs ask for.
const SONAME: &str = "libffi.so.8";

/// What the crate puts before the names that it exports.
const OURS: &str = "springboard_libffi_";

/// What libffi's own names get before them.
const THEIRS: &str = "springboard_bundled_";

/// What a build has left behind.
pub(crate) struct Built {
    pub(crate) library: PathBuf,
    /// The folder of the crate that bundles libffi, and the one in which its libffi was built.
    bundle: PathBuf,
    bundle_built: PathBuf,
}

/// A tool for the CPU, this machine's where none is named.
fn tool(cpu: Option<&Cpu>, name: &str) -> Command {
    Command::new(cpu.map_or(name.to_owned(), |cpu| {
        let name = if name == "cc" { "gcc" } else { name };
        format!("{}-{name}", cpu.gnu)
    }))
}

/// Builds the library in `folder`, for this machine or another CPU.
pub(crate) fn build(folder: &Path, profile: &str, cpu: Option<&Cpu>) -> Result<Built, String> {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    println!("compiling springboard-libffi …");
    let (archive, built) = archive(folder, profile, cpu)?;
    println!("renaming libffi's own functions …");
    // Beside the archive: it is large, and nobody wants it beside the library.
    let renamed = archive.with_file_name("libspringboard_libffi_renamed.a");
    let names = archive.with_file_name("libspringboard_libffi.names");
    write(&names, &redefinitions(&archive, cpu)?)?;
    finish(
        tool(cpu, "objcopy").arg(format!("--redefine-syms={}", names.display())).arg(&archive).arg(&renamed),
    )?;
    println!("linking {SONAME} …");
    let versions = archive.with_file_name("libspringboard_libffi.map");
    write(&versions, &version_script())?;
    let mut link = tool(cpu, "cc");
    link.arg("-shared").arg("-o").arg(&built.library).arg(format!("-Wl,-soname,{SONAME}"));
    link.arg(format!("-Wl,--version-script={}", versions.display()));
    // What is exported keeps all that it needs. Code of ours may be on a stack when somebody unloads the library.
    link.args(VERSIONS.iter().flat_map(|version| version.names).map(|name| format!("-Wl,-u,{name}")));
    link.args([
        "-Wl,--gc-sections",
        "-Wl,-z,nodelete",
        "-Wl,-z,relro,-z,now",
        "-Wl,-z,noexecstack",
        "-Wl,-z,defs",
    ]);
    link.arg("-Wl,--strip-debug").arg(&renamed).args(["-lgcc_s", "-lpthread", "-lm", "-ldl", "-lc"]);
    finish(&mut link)?;
    Ok(built)
}

/// The crate with all that it depends on.
fn archive(folder: &Path, profile: &str, cpu: Option<&Cpu>) -> Result<(PathBuf, Built), String> {
    let arguments = ["rustc", "--profile", profile, "--package", "springboard-libffi"];
    let mut command = cpu.map_or_else(|| cargo(&arguments), |cpu| cpu.cargo(&arguments));
    command.args(["--crate-type", "staticlib", "--message-format", "json-render-diagnostics"]);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}", project::shown(&command)))?;
    if !output.status.success() {
        return Err(format!("{}: {}", project::shown(&command), output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let path = |value: &Value| value.as_str().map(PathBuf::from);
    let files = messages.iter().filter_map(|message| message["filenames"].as_array()).flatten();
    let archive = files.filter_map(path).find(|file| file.ends_with("libspringboard_libffi.a"));
    let bundle = |reason, field: &str| {
        let bundles = |message: &&Value| {
            let package = message["package_id"].as_str().unwrap_or_default();
            message["reason"] == reason && package.contains("libffi-sys")
        };
        messages.iter().filter(bundles).filter_map(|message| path(&message[field])).next_back()
    };
    match (archive, bundle("compiler-artifact", "manifest_path"), bundle("build-script-executed", "out_dir"))
    {
        (Some(archive), Some(manifest), Some(bundle_built)) => {
            let bundle = manifest.with_file_name("libffi");
            Ok((archive, Built { library: folder.join(SONAME), bundle, bundle_built }))
        }
        _ => Err("cargo built no libspringboard_libffi.a of a crate that bundles libffi".to_owned()),
    }
}

/// Lines of an old and a new name: libffi's own out of the way, and ours in their place.
fn redefinitions(archive: &Path, cpu: Option<&Cpu>) -> Result<String, String> {
    let mut command = tool(cpu, "nm");
    command.args(["--defined-only", "--extern-only", "--format=just-symbols"]).arg(archive);
    let output = command.output().map_err(|error| format!("nm: {error}"))?;
    let symbols = String::from_utf8_lossy(&output.stdout);
    let mut lines = String::new();
    let mut ours = 0;
    for symbol in symbols.lines() {
        if let Some(name) = symbol.strip_prefix(OURS) {
            lines += &format!("{symbol} {name}\n");
            ours += 1;
        } else if symbol.starts_with("ffi_") {
            lines += &format!("{symbol} {THEIRS}{symbol}\n");
        }
    }
    let wanted: usize = VERSIONS.iter().map(|version| version.names.len()).sum();
    if ours == wanted {
        Ok(lines)
    } else {
        Err(format!("{ours} names are exported, and {wanted} are listed"))
    }
}

/// A node of the version script.
struct Version {
    name: &'static str,
    /// The node that it follows.
    after: &'static str,
    names: &'static [&'static str],
}

/// libffi's symbols by version, those of 3.4 to 3.8 (libffi.map.in).
static VERSIONS: [Version; 8] = [
    Version {
        name: "LIBFFI_BASE_8.0",
        after: "",
        names: &[
            "ffi_type_void",
            "ffi_type_uint8",
            "ffi_type_sint8",
            "ffi_type_uint16",
            "ffi_type_sint16",
            "ffi_type_uint32",
            "ffi_type_sint32",
            "ffi_type_uint64",
            "ffi_type_sint64",
            "ffi_type_float",
            "ffi_type_double",
            "ffi_type_longdouble",
            "ffi_type_pointer",
            "ffi_call",
            "ffi_prep_cif",
            "ffi_prep_cif_var",
            "ffi_raw_call",
            "ffi_ptrarray_to_raw",
            "ffi_raw_to_ptrarray",
            "ffi_raw_size",
            "ffi_java_raw_call",
            "ffi_java_ptrarray_to_raw",
            "ffi_java_raw_to_ptrarray",
            "ffi_java_raw_size",
            "ffi_get_struct_offsets",
        ],
    },
    Version {
        name: "LIBFFI_BASE_8.1",
        after: "LIBFFI_BASE_8.0",
        names: &["ffi_get_version", "ffi_get_version_number", "ffi_get_default_abi", "ffi_get_closure_size"],
    },
    Version {
        name: "LIBFFI_CALL_PLAN_8.4",
        after: "LIBFFI_BASE_8.1",
        names: &["ffi_call_plan_alloc", "ffi_call_plan_invoke", "ffi_call_plan_free"],
    },
    Version { name: "LIBFFI_CALL_PLAN_8.5", after: "LIBFFI_CALL_PLAN_8.4", names: &["ffi_call_plan_size"] },
    Version {
        name: "LIBFFI_COMPLEX_8.0",
        after: "LIBFFI_BASE_8.0",
        names: &["ffi_type_complex_float", "ffi_type_complex_double", "ffi_type_complex_longdouble"],
    },
    Version {
        name: "LIBFFI_CLOSURE_8.0",
        after: "LIBFFI_BASE_8.0",
        names: &[
            "ffi_closure_alloc",
            "ffi_closure_free",
            "ffi_prep_closure",
            "ffi_prep_closure_loc",
            "ffi_prep_raw_closure",
            "ffi_prep_raw_closure_loc",
            "ffi_prep_java_raw_closure",
            "ffi_prep_java_raw_closure_loc",
        ],
    },
    Version {
        name: "LIBFFI_GO_CLOSURE_8.0",
        after: "LIBFFI_CLOSURE_8.0",
        names: &["ffi_call_go", "ffi_prep_go_closure"],
    },
    Version {
        name: "LIBFFI_INT128_8.3",
        after: "LIBFFI_BASE_8.1",
        names: &["ffi_type_sint128", "ffi_type_uint128"],
    },
];

fn version_script() -> String {
    let mut text = String::new();
    for Version { name, after, names } in &VERSIONS {
        let local = if after.is_empty() { " local: *;" } else { "" };
        text += &format!("{name} {{ global: {};{local} }} {after};\n", names.join("; "));
    }
    text
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn finish(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{}: {error}", project::shown(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", project::shown(command))) }
}
