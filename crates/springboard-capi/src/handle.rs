//! Handles: what C holds instead of Rust values.
//!
//! ```text
//! bit 63        48 47                       4 3      0
//!     ┌───────────┬──────────────────────────┬────────┐
//!     │   copy    │      serial number       │  kind  │
//!     └───────────┴──────────────────────────┴────────┘
//! ```
//!
//! A handle is a number that has a pointer's type only so that C can check it: nothing lies at that address. Serial
//! numbers are never used again, so a closed handle is always recognised as one. The copy tells apart the handles of
//! two copies of the library in one process.
//!
//! Objects of one thread stay on it: the table has the thread's number, and the thread the object. What is left when
//! the thread ends is dropped there.
//!
//! Nothing of springboard runs while the table is locked, and a process that forks waits for the lock.

mod kinds;
#[cfg(test)]
mod tests;

use std::{
    any::Any,
    cell::{Cell, RefCell},
    collections::HashMap,
    ffi::c_int,
    ptr,
    rc::Rc,
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use foldhash::fast::FixedState;
use springboard_code::fork;

pub use self::kinds::*;
use crate::{
    boundary::{Failure, OutHandle, give_or},
    constants::*,
};

const KIND_BITS: u32 = 4;
const COPY_SHIFT: u32 = 48;
const SERIALS: u64 = 1 << (COPY_SHIFT - KIND_BITS);

type Objects<T> = HashMap<u64, T, FixedState>;

static TABLE: Mutex<Table> =
    Mutex::new(Table { serial: 0, places: HashMap::with_hasher(FixedState::with_seed(0)) });

struct Table {
    /// The last serial number that was given out.
    serial: u64,
    places: Objects<Place>,
}

/// Where an object is.
enum Place {
    Shared(Arc<dyn Any + Send + Sync>),
    /// On the thread of this number.
    Thread(u64),
}

thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    static LOCAL: Local = const { Local(RefCell::new(HashMap::with_hasher(FixedState::with_seed(0)))) };
}

/// The objects of one thread.
struct Local(RefCell<Objects<Rc<dyn Any>>>);

impl Drop for Local {
    fn drop(&mut self) {
        let objects = std::mem::take(self.0.get_mut());
        let mut table = table();
        objects.keys().for_each(|handle| _ = table.places.remove(handle));
        drop(table);
    }
}

/// The number of the running thread, never another's.
fn thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    if NUMBER.get() == 0 {
        NUMBER.set(NEXT.fetch_add(1, Relaxed));
    }
    NUMBER.get()
}

fn table() -> MutexGuard<'static, Table> {
    static LOCKED_AT_FORK: Once = Once::new();
    LOCKED_AT_FORK.call_once(|| fork::lock_at_fork(|| Box::new(locked())));
    locked()
}

fn locked() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bits by which this copy of the library knows its own handles.
fn copy() -> u64 {
    // Copies lie in different pages.
    ((&raw const TABLE).addr() as u64 >> 12) << COPY_SHIFT
}

fn open_at<K: Kind>(place: Place) -> Result<u64, Failure> {
    let mut table = table();
    if table.serial + 1 == SERIALS {
        return Err(Failure::new(SB_ERROR_MEMORY, format_args!("there are no more than {SERIALS} handles")));
    }
    table.serial += 1;
    let handle = copy() | table.serial << KIND_BITS | K::NUMBER;
    table.places.insert(handle, place);
    Ok(handle)
}

fn pointer<K>(handle: u64) -> *mut K {
    ptr::without_provenance_mut(handle as usize)
}

/// Runs the body of a function that opens a handle, for an object that any thread may use. C finds null if it fails.
pub(crate) fn opens<K: Kind, T: Any + Send + Sync>(
    to: OutHandle<'_, K>,
    name: &str,
    body: impl FnOnce() -> Result<T, Failure>,
) -> c_int {
    give_or(to, name, ptr::null_mut(), || open(body()?))
}

/// The same for an object of the running thread.
pub(crate) fn opens_local<K: Kind, T: Any>(
    to: OutHandle<'_, K>,
    name: &str,
    body: impl FnOnce() -> Result<T, Failure>,
) -> c_int {
    give_or(to, name, ptr::null_mut(), || open_local(body()?))
}

/// A handle for an object that any thread may use.
pub(crate) fn open<K: Kind>(object: impl Any + Send + Sync) -> Result<*mut K, Failure> {
    open_at::<K>(Place::Shared(Arc::new(object))).map(pointer)
}

/// A handle for an object of the running thread.
pub(crate) fn open_local<K: Kind>(object: impl Any) -> Result<*mut K, Failure> {
    LOCAL
        .try_with(|local| {
            let handle = open_at::<K>(Place::Thread(thread()))?;
            local.0.borrow_mut().insert(handle, Rc::new(object));
            Ok(pointer(handle))
        })
        .unwrap_or_else(|_| Err(thread_ends()))
}

/// What a handle stands for.
pub(crate) enum Found<S, L> {
    Shared(Arc<S>),
    Local(Rc<L>),
}

/// What `handle` stands for, of a kind whose objects are `S` on all threads or `L` on one.
pub(crate) fn find<K: Kind, S: Any + Send + Sync, L: Any>(handle: *const K) -> Result<Found<S, L>, Failure> {
    let number = handle.addr() as u64;
    let table = table();
    match table.places.get(&number) {
        Some(place) if number & kind_mask() == K::NUMBER => match place {
            Place::Shared(object) => Ok(Found::Shared(
                Arc::clone(object).downcast().unwrap_or_else(|_| unreachable!("{OTHER_TYPE}")),
            )),
            Place::Thread(owner) => {
                let owner = *owner;
                drop(table);
                local_object::<K, L>(number, owner).map(Found::Local)
            }
        },
        place => Err(refusal::<K>(number, place.is_some(), table.serial)),
    }
}

/// What stands for nothing.
enum Never {}

/// What `handle` stands for, of a kind that any thread may use.
pub(crate) fn get<K: Kind, S: Any + Send + Sync>(handle: *const K) -> Result<Arc<S>, Failure> {
    match find::<K, S, Never>(handle)? {
        Found::Shared(object) => Ok(object),
        Found::Local(never) => match *never {},
    }
}

/// What `handle` stands for, of a kind whose objects belong to threads.
pub(crate) fn get_local<K: Kind, L: Any>(handle: *const K) -> Result<Rc<L>, Failure> {
    match find::<K, (), L>(handle)? {
        Found::Local(object) => Ok(object),
        Found::Shared(_) => unreachable!("objects of this kind are never shared"),
    }
}

/// Takes a handle back, and drops what it stands for, or leaves that to the calls that are using it.
pub(crate) fn close<K: Kind>(handle: *const K) -> Result<(), Failure> {
    let number = handle.addr() as u64;
    let mut table = table();
    let place = table.places.get(&number).filter(|_| number & kind_mask() == K::NUMBER);
    let place = match place {
        None => return Err(refusal::<K>(number, table.places.contains_key(&number), table.serial)),
        Some(Place::Thread(owner)) if *owner != thread() => return Err(wrong_thread::<K>()),
        Some(_) => table.places.remove(&number),
    };
    drop(table);
    // Objects are dropped here, where the table is not locked.
    if let Some(Place::Thread(_)) = place {
        let object =
            LOCAL.try_with(|local| local.0.borrow_mut().remove(&number)).map_err(|_| thread_ends())?;
        drop(object);
    }
    Ok(())
}

/// Takes a handle and its object back, which belongs to the running thread and which no call is using.
pub(crate) fn take_local<K: Kind, L: Any>(handle: *const K) -> Result<L, Failure> {
    let object = get_local::<K, L>(handle)?;
    // One is this one, the other is kept.
    if Rc::strong_count(&object) > 2 {
        return Err(Failure::new(
            SB_ERROR_BUSY,
            format_args!("{} is in use by a function further up on this thread's stack", K::NAME),
        ));
    }
    close(handle)?;
    Ok(Rc::into_inner(object).unwrap_or_else(|| unreachable!("the table had the other")))
}

const OTHER_TYPE: &str = "the kind says of which type the object is";

fn kind_mask() -> u64 {
    (1 << KIND_BITS) - 1
}

fn local_object<K: Kind, L: Any>(number: u64, owner: u64) -> Result<Rc<L>, Failure> {
    if owner != thread() {
        return Err(wrong_thread::<K>());
    }
    let object = LOCAL.try_with(|local| local.0.borrow().get(&number).cloned()).ok().flatten();
    let object = object.ok_or_else(thread_ends)?;
    Ok(object.downcast().unwrap_or_else(|_| unreachable!("{OTHER_TYPE}")))
}

fn wrong_thread<K: Kind>() -> Failure {
    Failure::new(SB_ERROR_THREAD, format_args!("{} belongs to another thread", K::NAME))
}

fn thread_ends() -> Failure {
    Failure::new(SB_ERROR_THREAD, "the thread is ending, and its objects are gone")
}

/// Why a number is no handle of kind `K`.
#[cold]
fn refusal<K: Kind>(number: u64, is_open: bool, last: u64) -> Failure {
    let wanted = K::NAME;
    if number == 0 {
        return Failure::new(SB_ERROR_NULL, format_args!("a null pointer is given for {wanted}"));
    }
    let serial = number >> KIND_BITS & (SERIALS - 1);
    let ours = number >> COPY_SHIFT << COPY_SHIFT == copy() && (1..=last).contains(&serial);
    match name(number & kind_mask()) {
        Some(found) if ours && number & kind_mask() != K::NUMBER => {
            Failure::new(SB_ERROR_KIND, format_args!("a handle of {found} is given for {wanted}"))
        }
        Some(_) if ours && !is_open => {
            Failure::new(SB_ERROR_CLOSED, format_args!("the handle of {wanted} has been closed"))
        }
        _ => Failure::new(
            SB_ERROR_HANDLE,
            format_args!("{number:#x} is no handle of this copy of springboard, and was given for {wanted}"),
        ),
    }
}
