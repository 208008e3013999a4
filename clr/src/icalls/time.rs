//! Clocks.

use crate::vm::Cx;
use crate::vm::cx::Result;

icalls! {
    "System.DateTime" {
        "GetSystemTimeAsFileTime" => system_time [] -> i64;
    }
    "System.Diagnostics.Stopwatch" {
        "GetTimestamp" => timestamp [] -> i64;
    }
    "System.Environment" {
        "get_TickCount" => tick_count [] -> i32;
    }
    "System.Threading.Timer" {
        "GetTimeMonotonic" => timestamp [] -> i64;
    }
}

/// Seconds from 1601, where file times begin, to 1970.
const EPOCH: i64 = 11_644_473_600;

/// A file time (units of 100 ns since 1601) of a Unix time.
pub(super) fn file_time(seconds: i64, nanos: i64) -> i64 {
    (seconds + EPOCH) * 10_000_000 + nanos / 100
}

/// Seconds and nanoseconds of a Unix time from a file time.
pub(super) fn unix_time(file_time: i64) -> (i64, i64) {
    let seconds = file_time.div_euclid(10_000_000) - EPOCH;
    (seconds, file_time.rem_euclid(10_000_000) * 100)
}

fn clock(id: libc::clockid_t) -> libc::timespec {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: stores the time.
    unsafe { libc::clock_gettime(id, &mut now) };
    now
}

fn system_time(_cx: &Cx<'_>) -> Result<i64> {
    let now = clock(libc::CLOCK_REALTIME);
    Ok(file_time(now.tv_sec, now.tv_nsec))
}

/// Units of 100 ns since some moment.
fn timestamp(_cx: &Cx<'_>) -> Result<i64> {
    let now = clock(libc::CLOCK_MONOTONIC);
    Ok(now.tv_sec * 10_000_000 + now.tv_nsec / 100)
}

/// Milliseconds since the machine started; wraps.
fn tick_count(_cx: &Cx<'_>) -> Result<i32> {
    let now = clock(libc::CLOCK_BOOTTIME);
    Ok((now.tv_sec * 1000 + now.tv_nsec / 1_000_000) as i32)
}
