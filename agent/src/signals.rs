//! The wish to stop, as the system says it.

#[cfg_attr(windows, path = "signals/windows.rs")]
#[cfg_attr(not(windows), path = "signals/unix.rs")]
mod imp;

/// Waits for the system or a person to ask for an end.
#[derive(Debug)]
pub struct Stop(imp::Stop);

impl Stop {
    /// Listens from now on. Needs a runtime.
    ///
    /// # Errors
    /// When the system does not let us listen.
    pub fn listen() -> std::io::Result<Self> {
        imp::Stop::listen().map(Self)
    }

    /// Returns when the end was asked for, with the name of the signal. May be dropped and called again.
    pub async fn asked(&mut self) -> &'static str {
        self.0.asked().await
    }
}
