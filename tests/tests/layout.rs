//! Layouts against GCC: size, alignment and the place of every member of thousands of random aggregates.
//!
//! For each target there is a compiler. It is given definitions and tables of constants made of them, and its object
//! file is read: nothing is run, so any target will do. Compilers that a machine may lack are those of ignored tests:
//! `cargo xtask test layouts` runs them, and says what is missing.

use std::{fmt::Write as _, path::Path, process::Command, sync::Arc};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use springboard_ir::{Aggregate, BitFields, Compiler, DataModel, Declarations, Definitions, Field, Type};
use springboard_tests::{decorated, types::Types};

/// Random aggregates for each target.
const COUNT: usize = 4000;

/// Aggregates in one C file.
const BATCH: usize = 500;

/// What random aggregates seldom contain.
const CORNERS: &str = "
struct c1 { };
struct c2 { struct c1 a, b[3]; char c; struct c1 d; };
struct c3 { char a; int b[0]; };
union c4 { };
struct __attribute__((packed)) c5 { char a; int b : 24; __attribute__((aligned(4))) char c; };
struct __attribute__((packed)) c6 { char a; int b : 24; __attribute__((aligned(4))) int c : 9; };
struct c7 { char a; int : 0; char b; };
struct c8 { char a; long long : 3; char b; };
struct c9 { int a : 31; long long b : 33; int c : 1; _Bool d : 1; };
struct c10 { char a : 7; short b : 9; int c : 17; long long d : 33; };
struct c11 { unsigned __int128 a : 100; unsigned __int128 b : 100; char c; };
union c12 { int a : 3; long long : 0; char b; };
struct c13 { int a; struct { char b; int c : 5; }; union { short d; struct { char e, f; }; }; };
struct __attribute__((packed, aligned(2))) c14 { char a; long double b; _Alignas(32) char c; };
struct c15 { char a; struct c14 b[2]; __attribute__((aligned(128))) char c; };
";

#[test]
fn x86_64() {
    compare(&["cc"], &DataModel::LP64, 1);
}

/// Bit-fields as on Windows, by the host's compiler.
#[test]
fn x86_64_with_bit_fields_of_windows() {
    compare(&["cc", "-mms-bitfields"], &DataModel { bit_fields: BitFields::Microsoft, ..DataModel::LP64 }, 2);
}

#[test]
#[ignore = "needs its compiler: cargo xtask test layouts"]
fn x86_64_windows() {
    compare(&["x86_64-w64-mingw32-gcc"], &model("x86_64-pc-windows-gnu"), 3);
}

#[test]
#[ignore = "needs its compiler: cargo xtask test layouts"]
fn aarch64() {
    compare(&["aarch64-linux-gnu-gcc"], &model("aarch64-unknown-linux-gnu"), 4);
}

#[test]
#[ignore = "needs its compiler: cargo xtask test layouts"]
fn riscv64() {
    compare(&["riscv64-linux-gnu-gcc"], &model("riscv64gc-unknown-linux-gnu"), 5);
}

/// With the vector registers of z13: without them vectors are aligned to their size, and passed otherwise.
#[test]
#[ignore = "needs its compiler: cargo xtask test layouts"]
fn s390x() {
    compare(&["s390x-linux-gnu-gcc", "-march=z13"], &model("s390x-unknown-linux-gnu"), 6);
}

fn model(triple: &str) -> DataModel {
    DataModel::of(&triple.parse().expect("a triple")).expect("a supported target")
}

/// One aggregate, with its members in the order in which the compiler tells their places.
struct Case {
    aggregate: Arc<Aggregate>,
    members: Vec<Member>,
}

/// A member that C can name, perhaps one of an anonymous aggregate.
struct Member {
    name: String,
    /// Offset from the start of the whole, in bits.
    offset: u64,
    /// Width in bits, of a bit-field.
    bits: Option<u8>,
}

/// Compares by a compiler, a program and its arguments.
fn compare(compiler: &[&str], model: &DataModel, seed: u64) {
    let folder = std::env::temp_dir().join(format!("springboard-layout-{}-{seed}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the C files");
    let mut types = Types::new(seed);
    let mut numbers = 0;
    let corners = corners(model);
    for batch in 0..=COUNT.div_ceil(BATCH) {
        let aggregates = match batch {
            0 => corners.clone(),
            _ => (0..BATCH).map(|_| types.aggregate()).collect(),
        };
        let cases: Vec<Case> = aggregates.into_iter().map(|aggregate| case(aggregate, model)).collect();
        numbers += compiled(compiler, &folder, &cases, &definitions(&cases), model);
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    println!("{}: {numbers} numbers of {COUNT} aggregates agree", compiler.join(" "));
}

/// Has `cases` compiled, and compares all numbers. Returns how many.
fn compiled(compiler: &[&str], folder: &Path, cases: &[Case], definitions: &str, model: &DataModel) -> usize {
    let source = folder.join("layout.c");
    let object = folder.join("layout.o");
    std::fs::write(&source, text(cases, definitions)).expect("a C file");
    let output = Command::new(compiler[0])
        .args(&compiler[1..])
        .args(["-std=gnu11", "-w", "-Wno-packed-bitfield-compat", "-fno-common", "-c", "-o"])
        .args([&object, &source])
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", compiler.join(" ")));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} refused {}:\n{said}", compiler.join(" "), source.display());
    let data = std::fs::read(&object).expect("the object file");
    let data = Data(object::File::parse(&*data).expect("an object file"));
    cases.iter().enumerate().map(|(index, case)| check(index, case, &data, model)).sum()
}

/// Text that is decorated in every way: what is read of it without knowing the compiler is what GCC and Clang both have.
#[test]
fn decorated_text() {
    compare_decorated("cc", &DataModel::LP64);
    compare_decorated("cc", &DataModel { compiler: Some(Compiler::Gcc), ..DataModel::LP64 });
}

#[test]
#[ignore = "needs clang-16: cargo xtask test layouts"]
fn decorated_text_by_clang() {
    compare_decorated("clang-16", &DataModel::LP64);
    compare_decorated("clang-16", &DataModel { compiler: Some(Compiler::Clang), ..DataModel::LP64 });
}

#[test]
#[ignore = "needs its compiler: cargo xtask test layouts"]
fn decorated_text_aarch64() {
    compare_decorated("aarch64-linux-gnu-gcc", &model("aarch64-unknown-linux-gnu"));
}

#[test]
#[ignore = "needs its compiler: cargo xtask test layouts"]
fn decorated_text_riscv64() {
    compare_decorated("riscv64-linux-gnu-gcc", &model("riscv64gc-unknown-linux-gnu"));
}

#[test]
#[ignore = "needs its compiler: cargo xtask test layouts"]
fn decorated_text_s390x() {
    compare_decorated("s390x-linux-gnu-gcc", &model("s390x-unknown-linux-gnu"));
}

/// Compares decorated text by a compiler, read for a target with knowing which that is or without.
fn compare_decorated(compiler: &str, model: &DataModel) {
    let seed = std::env::var("SEED").map_or(1, |seed| seed.parse().expect("a number"));
    let count = std::env::var("COUNT").map_or(COUNT / 2, |count| count.parse().expect("a number"));
    let mut rng = fastrand::Rng::with_seed(seed);
    let name = format!("springboard-decorated-{compiler}-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("a folder for the C files");
    let (mut numbers, mut refused) = (0, 0);
    for batch in 0..count.div_ceil(BATCH) {
        let mut text = String::new();
        let mut cases = Vec::new();
        for each in 0..BATCH {
            let drawn = decorated::draw(&mut rng, &format!("d{batch}_{each}"), model);
            text.push_str(&drawn.text);
            refused += drawn.refused;
            cases.extend(drawn.types.into_iter().map(|ty| match ty {
                Type::Aggregate(aggregate) => case(aggregate, model),
                other => panic!("{other} is drawn for a structure"),
            }));
        }
        numbers += compiled(&[compiler], &folder, &cases, &text, model);
    }
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    let named = model.compiler;
    println!("{compiler} {named:?}: {numbers} numbers of {count} texts agree, {refused} refused");
    assert!(numbers > count, "structures have members");
}

fn corners(model: &DataModel) -> Vec<Arc<Aggregate>> {
    let declarations = Declarations::parse_for(CORNERS, model).unwrap_or_else(|error| panic!("{error}"));
    let aggregate = |(_, ty)| match ty {
        Type::Aggregate(aggregate) => Some(aggregate),
        _ => None,
    };
    declarations.tagged_types().filter_map(aggregate).collect()
}

fn case(aggregate: Arc<Aggregate>, model: &DataModel) -> Case {
    let mut members = Vec::new();
    collect(&aggregate, 0, model, &mut members);
    Case { aggregate, members }
}

/// Adds the members of `aggregate`, which lies at `base` bits.
fn collect(aggregate: &Aggregate, base: u64, model: &DataModel, members: &mut Vec<Member>) {
    let layout = aggregate.layout(model).expect("every generated type has a layout");
    for (field, offset) in aggregate.fields.iter().zip(layout.bit_offsets) {
        let offset = base + offset;
        match field {
            Field { name: Some(name), bits, .. } => {
                members.push(Member { name: name.clone(), offset, bits: *bits });
            }
            Field { ty: Type::Aggregate(inner), .. } => collect(inner, offset, model, members),
            Field { .. } => {}
        }
    }
}

/// The types of all cases, as this project writes them.
fn definitions(cases: &[Case]) -> String {
    let mut definitions = Definitions::default();
    for case in cases {
        definitions.add_type(&Type::Aggregate(case.aggregate.clone())).expect("every name is used once");
    }
    definitions.to_string()
}

/// The C file. Of case `i`, `n_i` holds size, alignment and offsets, and `b_i_m` an object of which all bits of
/// bit-field `m` are one.
fn text(cases: &[Case], definitions: &str) -> String {
    let mut text = String::from(
        "#include <stddef.h>\n#include <stdint.h>\n#include <sys/types.h>\n#include <wchar.h>\ntypedef unsigned long long number;\n",
    );
    text.push_str(definitions);
    for (index, case) in cases.iter().enumerate() {
        let ty = Type::Aggregate(case.aggregate.clone());
        write!(text, "const number n_{index}[] = {{ sizeof({ty}), _Alignof({ty})").expect("strings take all");
        for member in case.members.iter().filter(|member| member.bits.is_none()) {
            write!(text, ", offsetof({ty}, {})", member.name).expect("strings take all");
        }
        text.push_str(" };\n");
        for (at, member) in case.members.iter().enumerate().filter(|(_, member)| member.bits.is_some()) {
            writeln!(text, "const {ty} b_{index}_{at} = {{ .{} = -1 }};", member.name)
                .expect("strings take all");
        }
    }
    text
}

/// The constants of an object file.
struct Data<'a>(object::File<'a>);

impl Data<'_> {
    /// The first `bytes` of the object `name`.
    fn of(&self, name: &str, bytes: usize) -> Vec<u8> {
        let symbol = self.0.symbol_by_name(name).unwrap_or_else(|| panic!("no {name} in the object file"));
        let section = symbol.section_index().and_then(|index| self.0.section_by_index(index).ok());
        let section = section.unwrap_or_else(|| panic!("{name} is in no section"));
        let at = (symbol.address() - section.address()) as usize;
        section.data().expect("a section with data")[at..at + bytes].to_vec()
    }
}

/// Compares one case. Returns how many numbers were compared.
fn check(index: usize, case: &Case, data: &Data<'_>, model: &DataModel) -> usize {
    let context = || format!("in {}", case.aggregate.definition());
    let layout = case.aggregate.layout(model).expect("every generated type has a layout").layout;
    let whole: Vec<&Member> = case.members.iter().filter(|member| member.bits.is_none()).collect();
    let bytes = data.of(&format!("n_{index}"), (whole.len() + 2) * 8);
    let mut numbers = bytes.chunks_exact(8).map(|chunk| {
        let chunk = chunk.try_into().expect("chunks of 8");
        if model.big_endian { u64::from_be_bytes(chunk) } else { u64::from_le_bytes(chunk) }
    });
    let mut number = || numbers.next().expect("as many numbers as were asked for");
    assert_eq!(
        (layout.size, u64::from(layout.align)),
        (number(), number()),
        "size and alignment {}",
        context()
    );
    for member in &whole {
        assert_eq!(member.offset, number() * 8, "offset of {} in bits {}", member.name, context());
    }
    for (at, member) in case.members.iter().enumerate() {
        let Some(bits) = member.bits else { continue };
        let bytes = data.of(&format!("b_{index}_{at}"), layout.size as usize);
        let expected = ones(member.offset, bits.into(), layout.size, model);
        assert_eq!(expected, bytes, "bits of {} {}", member.name, context());
    }
    case.members.len() + 2
}

/// `size` bytes of which `bits` are one, `offset` bits from the start. Bits count from the least significant one of
/// a byte on little-endian targets, from the most significant one on big-endian ones.
fn ones(offset: u64, bits: u64, size: u64, model: &DataModel) -> Vec<u8> {
    let mut bytes = vec![0; size as usize];
    for bit in offset..offset + bits {
        let mask = if model.big_endian { 0x80 >> (bit % 8) } else { 1 << (bit % 8) };
        bytes[(bit / 8) as usize] |= mask;
    }
    bytes
}
