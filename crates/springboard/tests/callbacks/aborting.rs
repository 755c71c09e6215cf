//! Calls that come too late and end the process: in a forked child.

use std::os::fd::FromRawFd;

use super::*;

/// The process ends after a line that names the callback.
#[test]
fn after_close_late_calls_end_the_process() {
    for jit in BOTH {
        let engine = &engine(jit);
        let kind = engine.callback_type("int64_t (int64_t, uint64_t)").unwrap();
        let late = engine.function(&library(), "int64_t late(void *)").unwrap();
        let ends = kind.callback(|_: i64, _: u64| 1i64).unwrap();
        ends.close_and(AfterClose::Abort);
        let slots = [ends.as_ptr().into_slot()];
        let late = late.slots::<i64>().unwrap();
        let mut pipe = [0; 2];
        // SAFETY: room for two descriptors. The child calls, and leaves by `_exit` if it survives that.
        let (child, mut output) = unsafe {
            assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
            let child = libc::fork();
            if child == 0 {
                libc::dup2(pipe[1], 2);
                late.call(&slots);
                libc::_exit(0);
            }
            libc::close(pipe[1]);
            (child, std::fs::File::from_raw_fd(pipe[0]))
        };
        let (mut line, mut status) = (String::new(), 0);
        std::io::Read::read_to_string(&mut output, &mut line).unwrap();
        // SAFETY: the child is this process' own, and `status` is an integer.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGABRT);
        assert!(line.contains(&format!("{:p}", ends.as_ptr())), "{line}");
    }
}
