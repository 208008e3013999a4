//! Functions of the class library's own native library (`System.Native`) that are built in: programs need them, and that
//! library cannot be loaded outside the VM that it was made for.

/// The address of a built-in function by its entry point's name.
pub fn find(entry: &str) -> Option<usize> {
    Some(match entry {
        "SystemNative_GetNonCryptographicallySecureRandomBytes" => {
            random_bytes as *const () as usize
        }
        "SystemNative_GetEUid" => libc::geteuid as *const () as usize,
        "SystemNative_GetEGid" => libc::getegid as *const () as usize,
        _ => return None,
    })
}

/// Fills a buffer with random bytes.
extern "C" fn random_bytes(buffer: *mut u8, length: i32) {
    let length = length.max(0) as usize;
    let mut done = 0;
    while done < length {
        // SAFETY: the library passes a buffer of that length.
        let n = unsafe { libc::getrandom(buffer.add(done).cast(), length - done, 0) };
        // Interrupted calls are repeated; nothing else fails for the default source.
        done += usize::try_from(n).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn random_bytes_fill_the_whole_buffer_and_no_more() {
        let mut buffer = [0u8; 513];
        super::random_bytes(buffer.as_mut_ptr(), 512);
        assert_eq!(buffer[512], 0);
        assert!(buffer.chunks(64).take(8).all(|c| c.iter().any(|b| *b != 0)));
    }
}
