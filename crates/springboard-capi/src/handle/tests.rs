//! Handles: what is accepted and refused.

use super::*;

fn code<T>(result: Result<T, Failure>) -> i64 {
    result.map_or_else(|failure| failure.code, |_| SB_OK)
}

#[test]
fn a_handle_is_good_until_it_is_closed() {
    let handle = open::<EngineHandle>(7_u32).map_err(|failure| failure.message).unwrap();
    assert_eq!(*get::<EngineHandle, u32>(handle).map_err(|failure| failure.message).unwrap(), 7);
    assert_eq!(code(close(handle)), SB_OK);
    assert_eq!(code(close(handle)), SB_ERROR_CLOSED);
    assert_eq!(code(get::<EngineHandle, u32>(handle)), SB_ERROR_CLOSED);
}

#[test]
fn what_is_no_handle_is_refused() {
    let handle = open::<EngineHandle>(7_u32).map_err(|failure| failure.message).unwrap();
    assert_eq!(code(get::<LibraryHandle, u32>(handle.cast())), SB_ERROR_KIND);
    assert_eq!(code(close::<LibraryHandle>(handle.cast())), SB_ERROR_KIND);
    assert_eq!(code(get::<EngineHandle, u32>(std::ptr::null())), SB_ERROR_NULL);
    for wrong in [1, 16, handle.addr() ^ 1 << COPY_SHIFT, handle.addr() + (1 << 40), usize::MAX] {
        let wrong = std::ptr::without_provenance::<EngineHandle>(wrong);
        assert_eq!(code(get::<EngineHandle, u32>(wrong)), SB_ERROR_HANDLE, "{wrong:?}");
    }
    assert_eq!(code(close(handle)), SB_OK);
}

#[test]
fn local_objects_are_their_threads_and_end_with_it() {
    struct Told(Arc<AtomicU64>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let drops = Arc::new(AtomicU64::new(0));
    let told = Told(Arc::clone(&drops));
    let handle = std::thread::spawn(move || {
        let handle = open_local::<MailboxHandle>(told).map_err(|failure| failure.message).unwrap();
        assert_eq!(code(get_local::<MailboxHandle, Told>(handle)), SB_OK);
        let address = handle.addr();
        std::thread::spawn(move || {
            let handle = std::ptr::without_provenance::<MailboxHandle>(address);
            assert_eq!(code(get_local::<MailboxHandle, Told>(handle)), SB_ERROR_THREAD);
            assert_eq!(code(close(handle)), SB_ERROR_THREAD);
        })
        .join()
        .unwrap();
        address
    });
    let handle = std::ptr::without_provenance::<MailboxHandle>(handle.join().unwrap());
    assert_eq!(drops.load(Relaxed), 1);
    assert_eq!(code(get_local::<MailboxHandle, Told>(handle)), SB_ERROR_CLOSED);
}
