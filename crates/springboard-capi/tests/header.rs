//! `springboard.h` says what the crate does: the same functions of the same types, the same constants, the same
//! structures, the same version; and C compilers take it as it is.

use std::{
    collections::BTreeSet,
    env,
    ffi::{c_char, c_int, c_void},
    fmt::Write as _,
    fs,
    mem::offset_of,
    path::{Path, PathBuf},
    process::{self, Command},
};

use springboard::ir::{DataModel, Declarations, Scalar, Type};
use springboard_c::{
    Array, CONSTANTS, Given, Room, Text, Told, background, callback, callback_type, close, engine, error,
    function, library, mailbox,
};
use springboard_c::{bun, later, signature, thread, v8, version};

const HEADER: &str = include_str!("../include/springboard.h");
const VERSIONS: &str = include_str!("../springboard.map");

/// What a Rust type is in C, as far as a call can tell.
trait Form {
    const FORM: Option<Scalar>;
}

macro_rules! forms {
    ($($rust:ty, $form:expr;)*) => { $(impl Form for $rust { const FORM: Option<Scalar> = $form; })* };
}

forms! {
    (), None;
    c_int, Some(Scalar::Int { bytes: 4, signed: true });
    i64, Some(Scalar::Int { bytes: 8, signed: true });
    u64, Some(Scalar::Int { bytes: 8, signed: false });
    usize, Some(Scalar::Int { bytes: 8, signed: false });
    Text<'_>, Some(Scalar::Pointer);
}

impl<T> Form for *const T {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl<T> Form for *mut T {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl<T> Form for Array<'_, T> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl<T> Form for Room<'_, T> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl<T> Form for Given<'_, T> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl<T> Form for Told<'_, T> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl<T> Form for Option<&T> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl<T> Form for Option<&mut T> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl Form for Option<extern "C" fn(*mut c_void)> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl Form for Option<v8::V8TypeInfo> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

impl Form for Option<extern "C" fn(*mut c_void, *const c_char)> {
    const FORM: Option<Scalar> = Some(Scalar::Pointer);
}

/// The result, and the parameters.
type Forms = (Option<Scalar>, Vec<Option<Scalar>>);

trait Forms_ {
    fn forms(self) -> Forms;
}

macro_rules! functions {
    ($($($param:ident)*;)*) => {$(
        impl<R: Form, $($param: Form),*> Forms_ for extern "C" fn($($param),*) -> R {
            fn forms(self) -> Forms {
                (R::FORM, vec![$($param::FORM),*])
            }
        }

        impl<R: Form, $($param: Form),*> Forms_ for unsafe extern "C" fn($($param),*) -> R {
            fn forms(self) -> Forms {
                (R::FORM, vec![$($param::FORM),*])
            }
        }
    )*};
}

functions! {
    ;
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
}

macro_rules! exported {
    ($($module:ident::$name:ident($($_:tt),*) $($safety:ident)?;)*) => {
        vec![$((
            stringify!($name),
            ($module::$name as exported!(@ $($safety)? ($($_),*))).forms(),
        )),*]
    };
    (@ unsafe ($($_:tt),*)) => { unsafe extern "C" fn($($_),*) -> _ };
    (@ ($($_:tt),*)) => { extern "C" fn($($_),*) -> _ };
}

/// Every function of the crate, with its Rust type.
fn exported() -> Vec<(&'static str, Forms)> {
    exported! {
        version::sb_version();
        version::sb_version_text();
        error::sb_error_code();
        error::sb_error_message();
        error::sb_error_place(_, _, _);
        engine::sb_engine_new(_, _);
        engine::sb_engine_stats(_, _);
        close::sb_engine_close(_);
        engine::sb_engine_stub(_, _, _, _);
        engine::sb_explain(_, _, _, _, _);
        library::sb_library_open(_, _, _);
        library::sb_library_process(_);
        library::sb_library_symbol(_, _, _);
        close::sb_library_close(_);
        signature::sb_declarations_parse(_, _);
        close::sb_declarations_close(_);
        signature::sb_signature_parse(_, _, _);
        signature::sb_signature_declared(_, _, _);
        signature::sb_signature_text(_, _, _, _);
        signature::sb_signature_parameters(_, _);
        signature::sb_signature_slot(_, _, _);
        close::sb_signature_close(_);
        function::sb_function_bind(_, _, _, _);
        function::sb_function_bind_symbol(_, _, _, _, _);
        function::sb_function_bind_address(_, _, _, _);
        function::sb_function_bind_all(_, _, _, _, _, _);
        function::sb_function_with_last_error(_, _, _, _);
        function::sb_function_slots(_, _);
        function::sb_function_entry(_, _);
        function::sb_function_bound_code(_, _);
        function::sb_function_call(_, _, _) unsafe;
        function::sb_function_address(_, _);
        function::sb_function_path(_, _, _, _, _);
        close::sb_function_close(_);
        mailbox::sb_mailbox_unbounded(_);
        mailbox::sb_mailbox_bounded(_, _, _);
        mailbox::sb_mailbox_fd(_, _);
        mailbox::sb_mailbox_set_waker(_, _, _);
        mailbox::sb_mailbox_drain(_, _, _);
        mailbox::sb_mailbox_wait(_, _, _);
        mailbox::sb_mailbox_close(_, _, _);
        callback_type::sb_callback_type_new(_, _, _);
        callback_type::sb_callback_type_copy_text(_, _, _);
        callback_type::sb_callback_type_copy_counted(_, _, _, _, _);
        callback_type::sb_callback_type_copy_fixed(_, _, _, _);
        callback_type::sb_callback_type_reject(_, _);
        callback_type::sb_callback_type_post(_, _, _);
        callback_type::sb_callback_type_queue(_, _, _);
        later::sb_later_of(_, _);
        later::sb_later_answer(_, _);
        later::sb_later_answer_bytes(_, _, _);
        close::sb_later_close(_);
        later::sb_close_at_thread_exit();
        later::sb_heir_current(_);
        later::sb_heir_inherit(_);
        close::sb_heir_close(_);
        later::sb_leaked_handlers(_);
        bun::sb_bun_type_tagged(_, _);
        bun::sb_bun_type_named(_, _);
        bun::sb_bun_signature(_, _, _, _, _);
        bun::sb_bun_decode(_, _, _) unsafe;
        callback_type::sb_callback_type_block(_, _, _, _);
        callback_type::sb_callback_type_block_timeout(_, _, _, _, _, _);
        callback_type::sb_callback_type_counts(_, _);
        callback_type::sb_callback_type_path(_, _, _, _, _);
        close::sb_callback_type_close(_);
        callback::sb_callback_new(_, _, _, _);
        callback::sb_callback_in_flight(_, _);
        callback::sb_callback_close(_, _);
        callback::sb_raise(_);
        thread::sb_take_pending();
        thread::sb_native_enter();
        thread::sb_native_leave();
        thread::sb_set_reporter(_, _);
        background::sb_background_new(_, _, _);
        background::sb_background_call(_, _, _, _) unsafe;
        background::sb_pending_wait(_, _, _, _, _) unsafe;
        background::sb_pending_set_waker(_, _, _);
        close::sb_pending_close(_);
        background::sb_background_shutdown(_, _);
        close::sb_background_close(_);
        v8::sb_v8_library_new(_, _, _, _);
        v8::sb_v8_library_retire(_);
        close::sb_v8_library_close(_);
        v8::sb_v8_function_bind(_, _, _, _);
        v8::sb_v8_function_bind_all(_, _, _, _, _, _);
        v8::sb_v8_function_fast(_, _, _, _, _);
        v8::sb_v8_function_description(_, _, _, _);
        v8::sb_v8_function_call(_, _, _, _, _) unsafe;
        close::sb_v8_function_close(_);
        v8::sb_v8_function_bind_address(_, _, _, _, _);
        v8::sb_v8_node_type_at(_, _);
        v8::sb_v8_node_type_named(_, _);
        v8::sb_v8_node_function_bind(_, _, _, _);
        v8::sb_v8_reading_set(_, _) unsafe;
        v8::sb_v8_reading_text(_, _);
        v8::sb_v8_registry_new(_);
        v8::sb_v8_registry_add(_, _, _);
        v8::sb_v8_registry_add_function(_, _, _);
        v8::sb_v8_registry_remove(_, _);
        v8::sb_v8_registry_references(_, _, _, _, _, _) unsafe;
        close::sb_v8_registry_close(_);
        v8::sb_v8_data_variants(_, _, _) unsafe;
        v8::sb_v8_data_fast(_, _, _, _, _, _) unsafe;
        v8::sb_v8_data_call(_, _, _, _) unsafe;
        v8::sb_v8_data_context(_, _) unsafe;
        v8::sb_v8_track(_, _, _);
        v8::sb_v8_tracked(_, _);
        v8::sb_v8_helper_error(_, _, _, _) unsafe;
        error::sb_v8_thrown_code();
    }
}

/// The header without comments, directives and inline functions: declarations alone.
fn plain() -> String {
    let mut text = String::new();
    let mut rest = HEADER;
    while let Some((before, comment)) = rest.split_once("/*") {
        text.push_str(before);
        rest = comment.split_once("*/").expect("comments end").1;
    }
    text.push_str(rest);
    let mut inside = false;
    let mut plain = String::new();
    let mut continues = false;
    for line in text.lines() {
        let directive = line.starts_with('#') || continues;
        continues = directive && line.ends_with('\\');
        inside |= line.starts_with("static inline");
        if !directive && !inside && !line.contains("extern \"C\"") {
            plain.push_str(line);
            plain.push('\n');
        }
        inside &= line != "}";
    }
    // The end of the block for C++.
    plain.trim_end().strip_suffix('}').expect("the block for C++ ends").to_owned()
}

/// Words of a text that begin with `prefix`.
fn words<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let split = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    split.filter(|word| word.starts_with(prefix)).collect()
}

#[test]
fn functions_are_those_of_the_crate() {
    let declarations = Declarations::parse(&plain()).unwrap_or_else(|error| panic!("{error}"));
    let form = |ty: &Type| match ty {
        Type::Void => None,
        ty => Some(ty.scalar(&DataModel::LP64).unwrap_or_else(|| panic!("{ty} is no word"))),
    };
    let exported = exported();
    for (name, forms) in &exported {
        let declared = declarations.function(name).unwrap_or_else(|| panic!("{name} is not declared"));
        let params = declared.signature.params().iter().map(|param| form(&param.ty)).collect();
        assert_eq!((form(declared.signature.result()), params), *forms, "{declared}");
    }
    let here: BTreeSet<_> = exported.iter().map(|(name, _)| *name).collect();
    let there: BTreeSet<_> =
        declarations.functions().iter().filter_map(|prototype| prototype.name.as_deref()).collect();
    assert_eq!(here, there);
    assert_eq!(words(VERSIONS, "sb_"), there, "springboard.map");
}

#[test]
fn constants_and_structures_are_those_of_the_crate() {
    let names: BTreeSet<_> = CONSTANTS.iter().map(|(name, _)| *name).collect();
    // In the header's own order of things: macros that are no constants, and ends of names in comments.
    let there: BTreeSet<_> = words(HEADER, "SB_")
        .into_iter()
        .filter(|word| {
            !["SB_VERSION", "SB_CALL", "SB_V8_TRACK", "SB_V8_TRACKING"].contains(word) && !word.ends_with('_')
        })
        .collect();
    assert_eq!(names, there);

    let mut text = String::from("#include <springboard.h>\n");
    let mut claim =
        |claim: String| writeln!(text, "_Static_assert({claim}, \"{claim}\");").expect("a string");
    for (name, value) in CONSTANTS {
        claim(format!("{name} == {value}"));
    }
    macro_rules! structure {
        ($c:literal, $rust:ty, $($member:ident)*) => {
            claim(format!(concat!("sizeof(", $c, ") == {}"), size_of::<$rust>()));
            claim(format!(concat!("_Alignof(", $c, ") == {}"), align_of::<$rust>()));
            $(claim(format!(
                concat!("offsetof(", $c, ", ", stringify!($member), ") == {}"),
                offset_of!($rust, $member)
            ));)*
        };
    }
    structure!("sb_engine_options", engine::EngineOptions,
        size jit compile stubs landing_pads code_limit);
    structure!("sb_stats", engine::Stats,
        size hits misses compiles stamps live code_bytes mapped_bytes native pending unknown_target ineligible jit_off
        no_executable_memory code_limit emit);
    structure!("sb_slot", signature::Slot, form align bytes);
    structure!("sb_entry", function::Entry, code target);
    structure!("sb_handler", callback::Handler, call context release);
    structure!("sb_callback_counts", callback_type::CallbackCounts,
        size sent delivered refused dropped skipped late);
    structure!("sb_bun_type", bun::BunTypeRow, size tag reserved name aliases c);
    structure!("sb_v8_host", v8::V8Host, size closed range buffer fail value);
    structure!("sb_v8_settings", v8::V8Settings<'_>,
        size profile guard narrow options int64 callbacks buffers buffer_count context effects reserved);
    structure!("sb_v8_description", v8::V8Description, size result options int64 reserved arguments);
    structure!("sb_v8_value", v8::V8Value, form flag number low high bytes length);
    structure!("sb_v8_node_type", v8::V8NodeType, size name aliases c is_buffer reserved);
    structure!("sb_v8_node_declaration", v8::V8NodeDeclaration<'_>, name address arguments count result);
    structure!("sb_v8_node_settings", v8::V8NodeSettings, size wide callbacks effects reserved context);
    structure!("sb_v8_call", v8::V8Call<'_>, receiver arguments values count);
    structure!("sb_v8_thrown", v8::V8Thrown, kind reserved code message);
    structure!("sb_v8_variant", v8::V8Variant<'_>, code arguments count result options int64 reserved);
    structure!("sb_v8_twin", v8::V8Twin<'_>,
        size name slow context variants variant_count outcomes outcome_count effects reserved);
    claim(format!("SB_VERSION == {}", version::sb_version()));
    let structures = plain().matches("typedef struct").count() - 16;
    assert_eq!(structures, 18, "a structure of the header is not compared here");
    compile(&text);
}

#[test]
fn version_of_the_scripts() {
    assert_eq!(version::sb_version(), 1000);
    assert!(VERSIONS.contains("SPRINGBOARD_0 {"));
}

/// The C compiler for the machine that runs this, which under emulation is not the one of the build.
fn compiler() -> PathBuf {
    let named = format!("{}-linux-gnu-gcc", env::consts::ARCH);
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).map(|path| path.join(&named)).find(|file| file.exists());
    found.unwrap_or_else(|| "cc".into())
}

/// Compiles C11 with every warning an error.
fn compile(text: &str) {
    let input = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("header-{}.c", process::id()));
    fs::write(&input, text).expect("cargo's directory for tests is writable");
    let mut compiler = Command::new(compiler());
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic", "-fsyntax-only"]);
    compiler.arg("-I").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include")).arg(&input);
    let output = compiler.output().expect("there is a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_file(input).expect("the file is this process' own");
}
