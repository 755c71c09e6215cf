//! What hosts need beside calls.

use std::{hint::black_box, process::Command};

use springboard::{
    Engine, LastError, Library, Word,
    ir::{DataModel, Header, Signature, Type},
};
use springboard_everyday::{
    columns::{Column, Columns, Input, Output},
    header,
    memory::{Member, View},
};

use super::{bind_native, leak, pointer};
use crate::{
    case::{Bench, Case, DIRECT, Group, Runner, repeat, repeat_slots, write_slots},
    native,
};

pub(super) static CASES: [Case; 5] = [
    Case { group: Group::Everyday, name: "errno", runners: errno },
    Case { group: Group::Everyday, name: "field", runners: field },
    Case { group: Group::Everyday, name: "header", runners: header },
    Case { group: Group::Everyday, name: "columns_i32", runners: columns_i32 },
    Case { group: Group::Everyday, name: "columns_f64", runners: columns_f64 },
];

/// A call of two integers, with `errno` delivered and without.
fn errno(bench: &Bench) -> Vec<Runner> {
    let address = native::address(&bench.library, "add_i32");
    let signature = Signature::parse("int (int, int)").expect("it is C");
    // SAFETY: the type is that of the C function.
    let direct = unsafe { pointer::<unsafe extern "C" fn(i32, i32) -> i32>(address) };
    let plain = bind_native(bench, address, &signature);
    let capturing = leak(bench.engine.with_last_error(plain, LastError::Errno).expect("there is a stub"));
    let fallback = bench.fallback.function_at(address, signature).expect("libffi can call it");
    let fallback =
        leak(bench.fallback.with_last_error(&fallback, LastError::Errno).expect("libffi can call it"));
    let slots = plain.slots::<i32>().expect("the type of the case");
    let delivering = |path, slots: springboard::Slots<i32>| {
        Runner::new(path, move |calls| {
            let mut error = 0;
            let to = (&raw mut error).into_slot();
            let slots = slots.clone();
            repeat_slots::<i32>(calls, move |memory, index, _| {
                // SAFETY: the memory is large enough, and gets the slots of these arguments and of the error.
                unsafe {
                    write_slots(memory, [(index as i32).into_slot(), 7i32.into_slot(), to]);
                    slots.call_pointer(memory)
                }
            })
        })
    };
    vec![
        // SAFETY: the function may be called with any numbers.
        Runner::new(DIRECT, move |calls| repeat::<i32>(calls, move |i, _| unsafe { direct(i as i32, 7) })),
        Runner::new("slots", move |calls| {
            let slots = slots.clone();
            repeat_slots::<i32>(calls, move |memory, index, _| {
                // SAFETY: the memory is large enough, and gets the slots of two numbers; the function takes any.
                unsafe {
                    write_slots(memory, [(index as i32).into_slot(), 7i32.into_slot()]);
                    slots.call_pointer(memory)
                }
            })
        }),
        delivering("errno", capturing.slots().expect("the type of the case")),
        delivering("fallback", fallback.slots().expect("the type of the case")),
    ]
}

/// A read of one member of a structure, natively and through a view.
fn field(_: &Bench) -> Vec<Runner> {
    #[repr(C)]
    struct Shape {
        kind: u8,
        size: i64,
    }
    let shape: &'static Shape = leak(Shape { kind: 1, size: 7 });
    let ty =
        Type::parse("struct shape { unsigned char kind; long long size; }; struct shape").expect("it is C");
    let size = Member::<i64>::of(&ty, "size", &DataModel::LP64).expect("the structure has it");
    let address = std::ptr::NonNull::from(shape).cast();
    // SAFETY: the structure is of this type, and lives as long as the program.
    let view = unsafe { View::at(address, &ty, &DataModel::LP64) }.expect("the type has a layout");
    vec![
        Runner::new(DIRECT, move |times| {
            let count = |sum: i64, _| sum + black_box(shape).size;
            (0..times).fold(i64::from(shape.kind), count) as u64
        }),
        Runner::new("view", move |times| {
            let count = |sum: i64, _| sum + black_box(&view).get_member(size).expect("it is within bounds");
            (0..times).fold(1, count) as u64
        }),
    ]
}

/// SQLite's header, preprocessed: read; and read and bound, by an engine that knows nothing yet.
fn header(_: &Bench) -> Vec<Runner> {
    let output = Command::new("cc").args(["-E", "-x", "c", "-include", "sqlite3.h", "/dev/null"]).output();
    let output = output.expect("a C compiler");
    // SAFETY: SQLite does nothing when it is loaded.
    let library = unsafe { Library::open("libsqlite3.so.0") };
    let (true, Ok(library)) = (output.status.success(), library) else {
        eprintln!("SKIPPED everyday header: apt-get install --no-install-recommends libsqlite3-dev");
        return vec![Runner::new(DIRECT, |times| times)];
    };
    let text: &'static str = leak(String::from_utf8(output.stdout).expect("headers of ASCII"));
    let read = || Header::scan(text, &DataModel::LP64);
    let bind = move || {
        let binding = header::bind(&Engine::new(), &library, &read(), |place| {
            place.file.as_deref().is_some_and(|file| file.ends_with("/sqlite3.h"))
        });
        assert!(binding.bound.len() > 200, "only {} functions are bound", binding.bound.len());
    };
    vec![
        Runner::new(DIRECT, move |times| {
            (0..times).for_each(|_| drop(black_box(read())));
            times
        }),
        Runner::new("bind", move |times| {
            (0..times).for_each(|_| bind());
            times
        }),
    ]
}

/// Rows of a column.
const ROWS: usize = 1024;

/// Two columns into one, a row at a time: by a loop in C, by a stub, and by one call per row from the host.
macro_rules! columns {
    ($name:ident, $symbol:literal, $loop:literal, $rust:ty, $declaration:literal) => {
        fn $name(bench: &Bench) -> Vec<Runner> {
            type Add = unsafe extern "C" fn($rust, $rust) -> $rust;
            type Loop = unsafe extern "C" fn(Add, *const $rust, *const $rust, *mut $rust, i64);
            let address = native::address(&bench.library, $symbol);
            let signature = Signature::parse($declaration).expect("it is C");
            let add = bind_native(bench, address, &signature);
            // SAFETY: the type is that of the C function.
            let direct = unsafe { pointer::<Add>(address) };
            let looping = native::address(&bench.library, $loop);
            // SAFETY: the type is that of the C function.
            let looping = unsafe { pointer::<Loop>(looping) };
            let a: &'static [$rust] =
                leak([1, 2, 3, 4].repeat(ROWS / 4).into_iter().map(|x| x as $rust).collect::<Vec<_>>());
            let over = Columns::new(&bench.engine, add, &[Input::Column; 2]).expect("its types are words");
            let slots = add.slots::<$rust>().expect("the type of the case");
            let in_turns = |mut turn: Box<dyn FnMut(&mut [$rust])>| {
                let mut out = vec![<$rust>::default(); ROWS];
                move |rows: u64| {
                    let mut left = rows as usize;
                    while left > 0 {
                        let now = left.min(ROWS);
                        turn(&mut out[..now]);
                        left -= now;
                    }
                    out.iter().take(rows as usize).map(|x| *x as u64).sum()
                }
            };
            let in_c = move |out: &mut [$rust]| {
                // SAFETY: there are as many rows in each column.
                unsafe { looping(direct, a.as_ptr(), a.as_ptr(), out.as_mut_ptr(), out.len() as i64) };
            };
            let by_stub = move |out: &mut [$rust]| {
                let column = Column::of(&a[..out.len()]);
                // SAFETY: the function may be called with any numbers.
                unsafe { over.call(&[column, column], &[Output::of(out)], None) }.expect("columns that fit");
            };
            let by_row = move |out: &mut [$rust]| {
                for (row, out) in out.iter_mut().enumerate() {
                    // SAFETY: the function takes any numbers, which the two slots hold.
                    *out = unsafe { slots.call(&[a[row].into_slot(), a[row].into_slot()]) };
                }
            };
            vec![
                Runner::new(DIRECT, in_turns(Box::new(in_c))),
                Runner::new("over", in_turns(Box::new(by_stub))),
                Runner::new("slots", in_turns(Box::new(by_row))),
            ]
        }
    };
}

columns!(columns_i32, "add_i32", "loop_i32", i32, "int (int, int)");
columns!(columns_f64, "add_f64", "loop_f64", f64, "double (double, double)");
