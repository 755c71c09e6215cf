//! What a symbol is, as the symbol table of the library that has it says: a function, or data.

use std::{
    ffi::{CStr, c_char, c_int, c_ulonglong, c_void},
    mem::MaybeUninit,
    ptr::{self, NonNull},
    sync::OnceLock,
};

use crate::symbol_kind::{Entry, SymbolKind};

/// What the loader knows of a loaded object (link.h). It has more after these.
#[repr(C)]
struct LinkMap {
    /// What is added to the addresses in the object's file.
    base: usize,
    _name: *const c_char,
    dynamic: *const Dynamic,
}

unsafe extern "C" {
    /// dlinfo(3). glibc and musl have it, and the bindings for musl lack it.
    fn dlinfo(handle: *mut c_void, request: c_int, info: *mut c_void) -> c_int;
}

const RTLD_DI_LINKMAP: c_int = 2;

/// An entry of an object's dynamic section (System V gABI, "Dynamic Section").
#[repr(C)]
struct Dynamic {
    tag: i64,
    value: usize,
}

/// The entry for `name`, of `version` if one is asked for, that the loader found at `address`: in the object that was opened,
/// whose tables are `own`, or in the one that has the address.
pub(crate) fn entry(
    own: Option<&Tables>,
    address: NonNull<c_void>,
    name: &CStr,
    version: Option<&CStr>,
) -> Option<Entry> {
    // SAFETY: whoever has the tables keeps their object loaded.
    let found = own.and_then(|own| unsafe { own.find(name, version, address) });
    found.or_else(|| {
        let map = at_address(address)?;
        // SAFETY: the object that has the symbol is the process' own, or one that the library depends on and keeps loaded.
        unsafe { Tables::of(map)?.find(name, version, address) }
    })
}

/// The object that has an address, where the C library can say so without looking through its symbols (glibc 2.35).
fn at_address(address: NonNull<c_void>) -> Option<NonNull<LinkMap>> {
    /// `struct dl_find_object` (dlfcn.h): these, and on some machines more before what it reserves.
    #[repr(C)]
    struct Found {
        flags: c_ulonglong,
        start: *mut c_void,
        end: *mut c_void,
        map: *mut LinkMap,
        rest: [c_ulonglong; 12],
    }
    type FindObject = unsafe extern "C" fn(*mut c_void, *mut Found) -> c_int;
    static FIND: OnceLock<Option<FindObject>> = OnceLock::new();
    let find = (*FIND.get_or_init(|| {
        // SAFETY: the C library's function of this name, which is reserved to it, has this type.
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr());
            std::mem::transmute::<*mut c_void, Option<FindObject>>(found)
        }
    }))?;
    let mut found = MaybeUninit::<Found>::uninit();
    // SAFETY: the function takes any address, and writes its structure, for which there is room.
    let status = unsafe { find(address.as_ptr(), found.as_mut_ptr()) };
    // SAFETY: 0 says that the fields up to `map` were written.
    (status == 0).then(|| unsafe { (*found.as_ptr()).map }).and_then(NonNull::new)
}

/// The tables of an object that look-ups by name use.
#[derive(Debug)]
pub(crate) struct Tables {
    base: usize,
    symbols: *const libc::Elf64_Sym,
    strings: *const c_char,
    hash: *const u32,
    /// One index of a version per symbol.
    versions: *const u16,
    definitions: *const u8,
}

// SAFETY: the loader has written the tables before it gave the object to anybody, and nobody writes them again.
unsafe impl Send for Tables {}
// SAFETY: nobody writes the tables after the loader has given the object away.
unsafe impl Sync for Tables {}

const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const DT_VERSYM: i64 = 0x6fff_fff0;
const DT_VERDEF: i64 = 0x6fff_fffc;

impl Tables {
    /// Those of the object that was opened by a handle.
    ///
    /// # Safety
    /// `handle` must be one of dlopen(3), and stay open while the tables are used.
    pub(crate) unsafe fn of_handle(handle: *mut c_void) -> Option<Tables> {
        let mut map: *mut LinkMap = ptr::null_mut();
        // SAFETY: the handle is open; dlinfo(3) stores one pointer for this request.
        let found = unsafe { dlinfo(handle, RTLD_DI_LINKMAP, (&raw mut map).cast()) };
        // SAFETY: the loader keeps the map for as long as the handle is open.
        NonNull::new(map).filter(|_| found == 0).and_then(|map| unsafe { Tables::of(map) })
    }

    /// `None` where there is no table of GNU's hashes, which linkers on Linux write unless told otherwise.
    ///
    /// # Safety
    /// `map` must be the loader's, and its object stay loaded while the tables are used.
    unsafe fn of(map: NonNull<LinkMap>) -> Option<Tables> {
        // SAFETY: the object is loaded, so the loader has its map.
        let LinkMap { base, dynamic, .. } = unsafe { map.read() };
        let mut tables = Tables {
            base,
            symbols: ptr::null(),
            strings: ptr::null(),
            hash: ptr::null(),
            versions: ptr::null(),
            definitions: ptr::null(),
        };
        let mut at = NonNull::new(dynamic.cast_mut())?.as_ptr().cast_const();
        loop {
            // SAFETY: the dynamic section of a loaded object ends in an entry of tag 0.
            let Dynamic { tag, value } = unsafe { &*at };
            // glibc adds the base to some of these in place, on some machines. An address in the file is below it.
            let address = if *value < base { base + value } else { *value };
            match *tag {
                0 => break,
                DT_SYMTAB => tables.symbols = ptr::with_exposed_provenance(address),
                DT_STRTAB => tables.strings = ptr::with_exposed_provenance(address),
                DT_GNU_HASH => tables.hash = ptr::with_exposed_provenance(address),
                DT_VERSYM => tables.versions = ptr::with_exposed_provenance(address),
                DT_VERDEF => tables.definitions = ptr::with_exposed_provenance(address),
                _ => {}
            }
            // SAFETY: this entry is not the last.
            at = unsafe { at.add(1) };
        }
        (!tables.symbols.is_null() && !tables.strings.is_null() && !tables.hash.is_null()).then_some(tables)
    }

    /// The entry for `name` that the loader found at `address`.
    ///
    /// # Safety
    /// The object must be loaded.
    unsafe fn find(&self, name: &CStr, version: Option<&CStr>, address: NonNull<c_void>) -> Option<Entry> {
        let hash = name
            .to_bytes()
            .iter()
            .fold(5381u32, |hash, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)));
        // SAFETY: the table is a header of four words, `blooms` words of 8 bytes, `buckets` words, and a word for each
        // symbol from `first` on; in a bucket is its first symbol or 0, and the last of its chain has an odd hash.
        unsafe {
            let [buckets, first, blooms, _] = self.hash.cast::<[u32; 4]>().read();
            let bucket_words = self.hash.add(4 + 2 * blooms as usize);
            let chain = bucket_words.add(buckets as usize);
            let mut index = bucket_words.add((hash % buckets.max(1)) as usize).read();
            if index < first.max(1) {
                return None;
            }
            loop {
                let link = chain.add((index - first) as usize).read();
                if link | 1 == hash | 1
                    && let Some(entry) = self.matching(index as usize, name, version, address)
                {
                    return Some(entry);
                }
                if link & 1 == 1 {
                    return None;
                }
                index += 1;
            }
        }
    }

    /// What a symbol is, if it is the one.
    ///
    /// # Safety
    /// The object must be loaded and have a symbol of this index.
    unsafe fn matching(
        &self,
        index: usize,
        name: &CStr,
        version: Option<&CStr>,
        address: NonNull<c_void>,
    ) -> Option<Entry> {
        const STT_OBJECT: u8 = 1;
        const STT_FUNC: u8 = 2;
        const STT_COMMON: u8 = 5;
        const STT_TLS: u8 = 6;
        const STT_GNU_IFUNC: u8 = 10;
        // SAFETY: there is such a symbol, and its name is a C string in the table of strings.
        let (symbol, own) = unsafe {
            let symbol = self.symbols.add(index).read();
            (symbol, CStr::from_ptr(self.strings.add(symbol.st_name as usize)))
        };
        let here = self.base.wrapping_add(symbol.st_value as usize) == address.addr().get();
        let (kind, here) = match symbol.st_info & 0xf {
            STT_OBJECT | STT_COMMON => (Some(SymbolKind::Data), here),
            STT_FUNC => (Some(SymbolKind::Function), here),
            // Their addresses are those of the function that was chosen and of a thread's own.
            STT_GNU_IFUNC => (Some(SymbolKind::Function), true),
            STT_TLS => (Some(SymbolKind::ThreadLocal), true),
            _ => (None, here),
        };
        // SAFETY: there is such a symbol.
        let wanted = own == name && here && unsafe { self.has_version(index, version) };
        wanted.then_some(Entry { kind, bytes: symbol.st_size })
    }

    /// Whether a symbol is of a version. Where none is asked for any will do, because it has the address that was found.
    ///
    /// # Safety
    /// The object must be loaded and have a symbol of this index.
    unsafe fn has_version(&self, index: usize, version: Option<&CStr>) -> bool {
        let Some(version) = version else { return true };
        if self.versions.is_null() || self.definitions.is_null() {
            return false;
        }
        // SAFETY: there is an index of a version for each symbol. A definition (`Elf64_Verdef`) has its own index at byte 4,
        // at 12 the distance to what has its name's offset first, and at 16 the distance to the next, 0 for the last.
        unsafe {
            let wanted = self.versions.add(index).read() & 0x7fff;
            let mut at = self.definitions;
            loop {
                let word = |offset: usize| at.add(offset).cast::<u32>().read_unaligned() as usize;
                if at.add(4).cast::<u16>().read_unaligned() == wanted {
                    let name = at.add(word(12)).cast::<u32>().read_unaligned() as usize;
                    return CStr::from_ptr(self.strings.add(name)) == version;
                }
                match word(16) {
                    0 => return false,
                    next => at = at.add(next),
                }
            }
        }
    }
}
