//! Silence for a library that prints.
//!
//! halo2curves 0.9 writes 62 lines to standard output whenever it checks that a point of G2 is in its
//! subgroup (a `println!` left in `exp_by_x`), which nova-snark does when it reads a key. Standard
//! output belongs to results, so it is pointed elsewhere meanwhile.

/// Runs `f` while what this process prints to standard output is dropped. One at a time; calls may nest.
///
/// For calls that read a commitment key; everything else is better off printing.
pub fn quietly<T>(f: impl FnOnce() -> T) -> T {
    #[cfg(unix)]
    {
        use std::io::Write;
        use std::sync::{Mutex, PoisonError};
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        // The lock is not reentrant.
        if QUIET.get() {
            return f();
        }
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let null = std::fs::OpenOptions::new().write(true).open("/dev/null");
        let saved = rustix::io::dup(rustix::stdio::stdout());
        if let (Ok(null), Ok(saved)) = (null, saved) {
            let _ = std::io::stdout().flush();
            let redirected = rustix::stdio::dup2_stdout(null).is_ok();
            let restore = Restore(saved);
            QUIET.set(true);
            let result = f();
            if redirected {
                drop(restore);
            }
            return result;
        }
    }
    f()
}

#[cfg(unix)]
thread_local! {
    /// Whether this thread is inside [`quietly`].
    static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

#[cfg(unix)]
struct Restore(std::os::fd::OwnedFd);

#[cfg(unix)]
impl Drop for Restore {
    fn drop(&mut self) {
        use std::io::Write;
        QUIET.set(false);
        let _ = std::io::stdout().flush();
        let _ = rustix::stdio::dup2_stdout(&self.0);
    }
}
