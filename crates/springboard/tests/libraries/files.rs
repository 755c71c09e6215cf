//! Files that are no library of this machine's, and paths of any letters.

use std::{fs, path::Path};

use springboard::{
    Library, Value,
    library::{LibraryError, SymbolError},
};

use super::support::{self, call, engine};

#[test]
fn a_library_of_another_machine_is_refused() {
    let file = support::compile("int f(void) { return 1; }", "elsewhere");
    let mut bytes = fs::read(&file).unwrap();
    // `e_machine` of ELF, after the identification and the type; `Machine` of PE, where the word at 60 says.
    let at = match bytes[0] {
        0x7f => 18,
        _ => u32::from_le_bytes(bytes[60..64].try_into().unwrap()) as usize + 4,
    };
    // MIPS, by its number in both.
    let mips: u16 = if bytes[0] == 0x7f { 8 } else { 0x166 };
    bytes[at..at + 2].copy_from_slice(&if cfg!(target_endian = "big") {
        mips.to_be_bytes()
    } else {
        mips.to_le_bytes()
    });
    fs::write(&file, bytes).unwrap();
    // SAFETY: nothing of it can run here.
    let refused = unsafe { Library::open(&file) }.unwrap_err();
    assert!(matches!(refused, LibraryError::Load { .. }), "{refused:?}");
    fs::remove_file(file).unwrap();
}

#[test]
fn a_file_of_something_else_is_refused() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("text.{}", support::system::SUFFIX));
    fs::write(&file, "no library at all").unwrap();
    // SAFETY: nothing of it can run.
    let refused = unsafe { Library::open(&file) }.unwrap_err();
    assert!(matches!(refused, LibraryError::Load { .. }), "{refused:?}");
    fs::remove_file(file).unwrap();
}

/// On Windows a code page has a few hundred letters, and the system's paths have all.
#[test]
fn a_path_has_any_letters() {
    let file = support::compile("int letters(void) { return 7; }", "letters");
    let named = file.with_file_name(format!("библиотека 漢字 😀.{}", support::system::SUFFIX));
    fs::rename(&file, &named).unwrap();
    // SAFETY: the library has neither initialisers nor finalisers.
    let library = unsafe { Library::open(&named) }.unwrap();
    let function = engine(springboard::Jit::On).function(&library, "int letters(void)").unwrap();
    assert_eq!(call(&function, &[]), Value::from(7));
    support::system::remove_loaded(named);
}

/// Windows numbers the symbols of a DLL as well. A name that looks like a number is a name.
#[test]
fn symbols_are_found_by_name_alone() {
    for name in ["#1", "1", "\u{1}"] {
        let refused = super::library().symbol(name).unwrap_err();
        assert!(matches!(refused, SymbolError::Missing { .. }), "{refused:?}");
    }
}
