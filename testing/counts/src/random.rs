//! Replaces the random bytes of the operating system, so that each run has the same: the order of
//! a `HashMap` depends on them, and with it the number of instructions.

use std::ffi::{c_uint, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of the next eight bytes. Bytes that repeat could make a caller that needs a new name
/// try for ever.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Replaces `getrandom` of the C library, which the standard library and the crate `getrandom`
/// call. aws-lc does not call it, but makes the system call itself. This does not disturb the
/// counts: its keys and its blinding of RSA take the same number of instructions for almost all
/// numbers.
///
/// # Safety
/// `buffer` must be valid for writing `length` bytes.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, _flags: c_uint) -> isize {
    // SAFETY: The caller guarantees it.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    for chunk in bytes.chunks_mut(8) {
        let number = splitmix(NEXT.fetch_add(1, Ordering::Relaxed)).to_le_bytes();
        chunk.copy_from_slice(&number[..chunk.len()]);
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// Turns successive numbers into numbers that look random (SplitMix64).
fn splitmix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
