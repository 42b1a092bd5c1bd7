//! The machine a page is made on, and when.

use std::num::NonZero;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::error::{Error, Result};
use crate::text::plain;

/// The end of the year 9999: RFC 3339 has four digits for a year.
const LAST_SECOND: u64 = 253_402_300_799;

/// Where and when; the same on one machine and at one `SOURCE_DATE_EPOCH`.
#[derive(Clone, Debug, Serialize)]
pub struct Made {
    /// RFC 3339, universal time.
    pub date: String,
    /// Version of this program.
    pub pleat: &'static str,
    /// Its name, where the system says it.
    pub processor: Option<String>,
    /// Threads this process may run at once.
    pub cores: Option<usize>,
    /// Of the whole machine.
    pub memory_bytes: u64,
    /// Operating system and architecture.
    pub system: String,
}

impl Made {
    /// Here and now.
    ///
    /// # Errors
    /// A `SOURCE_DATE_EPOCH` that is no time.
    pub(crate) fn now() -> Result<Self> {
        let kind = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let machine = System::new_with_specifics(kind);
        let brand = machine.cpus().first().map(|cpu| plain(cpu.brand().trim()));
        let name = System::long_os_version().unwrap_or_else(|| std::env::consts::OS.into());
        Ok(Self {
            date: date(std::env::var_os("SOURCE_DATE_EPOCH").as_deref())?,
            pleat: env!("CARGO_PKG_VERSION"),
            processor: brand.filter(|brand| !brand.is_empty()),
            cores: std::thread::available_parallelism().ok().map(NonZero::get),
            memory_bytes: machine.total_memory(),
            system: format!("{}, {}", plain(&name), System::cpu_arch()),
        })
    }
}

/// The time of the clock, or of the variable that reproducible builds set.
fn date(epoch: Option<&std::ffi::OsStr>) -> Result<String> {
    let now = match epoch {
        None => SystemTime::now(),
        Some(epoch) => {
            let text = epoch.to_string_lossy();
            let seconds = text.parse().ok().filter(|s| *s <= LAST_SECOND);
            let seconds = seconds.ok_or_else(|| {
                Error::Invalid(format!(
                    "SOURCE_DATE_EPOCH is '{text}', no number of seconds; correct or unset it"
                ))
            })?;
            UNIX_EPOCH + Duration::from_secs(seconds)
        }
    };
    Ok(humantime::format_rfc3339_seconds(now).to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_from_the_clock_or_the_environment() {
        let of = |text: &str| date(Some(text.as_ref()));
        assert_eq!(of("0").unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(of("253402300799").unwrap(), "9999-12-31T23:59:59Z");
        assert_eq!(of("1700000000").unwrap(), "2023-11-14T22:13:20Z");
        for text in ["", "yesterday", "1e9", "-1", "253402300800"] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains("SOURCE_DATE_EPOCH"), "{error}");
        }
        let now = date(None).unwrap();
        assert!(
            now.starts_with("20") && now.ends_with('Z') && now.len() == 20,
            "{now}"
        );
    }
}
