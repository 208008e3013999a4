//! `System.IO.MonoIO`: files, over POSIX. A handle is a file descriptor; error codes are those of Win32, as the
//! library expects.

use super::array::elements;
use super::sharing;
use super::string::native_text_to_zero;
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use isthmus_rt::transition::blocking;
use std::ffi::CString;

icalls! {
    "System.IO.MonoIO" {
        "Open" => open [name: usize, mode: i32, access: i32, share: i32, options: i32, error: usize] -> isize;
        "Close" => close [handle: isize, error: usize] -> bool;
        "Read" => read [handle: isize, target: Ref, start: i32, count: i32, error: usize] -> i32;
        "Write" => write [handle: isize, source: Ref, start: i32, count: i32, error: usize] -> i32;
        "Seek" => seek [handle: isize, offset: i64, origin: i32, error: usize] -> i64;
        "Flush" => flush [handle: isize, error: usize] -> bool;
        "GetLength" => get_length [handle: isize, error: usize] -> i64;
        "SetLength" => set_length [handle: isize, length: i64, error: usize] -> bool;
        "GetFileType" => file_type [handle: isize, error: usize] -> i32;
        "get_ConsoleInput" => console_input [] -> isize;
        "get_ConsoleOutput" => console_output [] -> isize;
        "get_ConsoleError" => console_error [] -> isize;
        "get_VolumeSeparatorChar" => volume_separator [] -> u16;
        "get_DirectorySeparatorChar" => directory_separator [] -> u16;
        "get_AltDirectorySeparatorChar" => directory_separator [] -> u16;
        "get_PathSeparator" => path_separator [] -> u16;
        "CreateDirectory" => create_directory [path: usize, error: usize] -> bool;
        "RemoveDirectory" => remove_directory [path: usize, error: usize] -> bool;
        "GetCurrentDirectory" => current_directory [error: usize] -> Ref;
        "SetCurrentDirectory" => set_current_directory [path: usize, error: usize] -> bool;
        "MoveFile" => move_file [path: usize, to: usize, error: usize] -> bool;
        "CopyFile" => copy_file [path: usize, to: usize, overwrite: bool, error: usize] -> bool;
        "DeleteFile" => delete_file [path: usize, error: usize] -> bool;
        "GetFileAttributes" => file_attributes [path: usize, error: usize] -> i32;
        "SetFileAttributes" => set_file_attributes [path: usize, attributes: i32, error: usize] -> bool;
        "SetFileTime" => set_file_time [handle: isize, created: i64, accessed: i64, written: i64, error: usize] -> bool;
        "ReplaceFile" => replace_file [from: usize, to: usize, backup: usize, lax: bool, error: usize] -> bool;
        "Lock" => lock [handle: isize, position: i64, length: i64, error: usize] -> ();
        "Unlock" => unlock [handle: isize, position: i64, length: i64, error: usize] -> ();
        "CreatePipe" => create_pipe [reads: usize, writes: usize, error: usize] -> bool;
        "DuplicateHandle" => duplicate [source_process: isize, source: isize, target_process: isize, target: usize, access: i32, inherit: i32, options: i32, error: usize] -> bool;
        "GetFileStat" => file_stat [path: usize, stat: usize, error: usize] -> bool;
    }
    "System.IO.Path" {
        "get_temp_path" => temp_path [] -> Ref;
    }
}

/// Win32 error codes.
pub(super) mod code {
    pub const FILE_NOT_FOUND: i32 = 2;
    pub const PATH_NOT_FOUND: i32 = 3;
    pub const TOO_MANY_OPEN_FILES: i32 = 4;
    pub const ACCESS_DENIED: i32 = 5;
    pub const INVALID_HANDLE: i32 = 6;
    pub const NOT_ENOUGH_MEMORY: i32 = 8;
    pub const NOT_SAME_DEVICE: i32 = 17;
    pub const SHARING_VIOLATION: i32 = 32;
    pub const GEN_FAILURE: i32 = 31;
    pub const FILE_EXISTS: i32 = 80;
    pub const INVALID_PARAMETER: i32 = 87;
    pub const BROKEN_PIPE: i32 = 109;
    pub const DISK_FULL: i32 = 112;
    pub const INVALID_NAME: i32 = 123;
    pub const DIR_NOT_EMPTY: i32 = 145;
    pub const ALREADY_EXISTS: i32 = 183;
    pub const FILENAME_EXCED_RANGE: i32 = 206;
}

/// The Win32 code of a POSIX error; a missing directory on the way is told from a missing file by `is_path`.
pub(super) fn win32(errno: i32, is_path: bool) -> i32 {
    match errno {
        0 => 0,
        libc::ENOENT if is_path => code::PATH_NOT_FOUND,
        libc::ENOENT => code::FILE_NOT_FOUND,
        libc::ENOTDIR => code::PATH_NOT_FOUND,
        libc::EACCES | libc::EPERM | libc::EROFS | libc::EISDIR => code::ACCESS_DENIED,
        libc::EMFILE | libc::ENFILE => code::TOO_MANY_OPEN_FILES,
        libc::EBADF => code::INVALID_HANDLE,
        libc::ENOMEM => code::NOT_ENOUGH_MEMORY,
        libc::EXDEV => code::NOT_SAME_DEVICE,
        libc::EBUSY | libc::EAGAIN | libc::ETXTBSY => code::SHARING_VIOLATION,
        libc::EEXIST => code::FILE_EXISTS,
        libc::EINVAL | libc::ESPIPE => code::INVALID_PARAMETER,
        libc::EPIPE => code::BROKEN_PIPE,
        libc::ENOSPC => code::DISK_FULL,
        libc::ENOTEMPTY => code::DIR_NOT_EMPTY,
        libc::ENAMETOOLONG => code::FILENAME_EXCED_RANGE,
        _ => code::GEN_FAILURE,
    }
}

pub(super) fn set(error: usize, value: i32) {
    if error != 0 {
        // SAFETY: a managed pointer to an int.
        unsafe { (error as *mut i32).write_unaligned(value) };
    }
}

/// Stores the error of a failed operation and gives its default.
fn done<T: Default>(error: usize, result: std::io::Result<T>) -> T {
    match result {
        Ok(value) => {
            set(error, 0);
            value
        }
        Err(e) => {
            set(error, win32(e.raw_os_error().unwrap_or(libc::EIO), false));
            T::default()
        }
    }
}

fn succeeded(error: usize, result: std::io::Result<()>) -> bool {
    done(error, result.map(|()| true))
}

/// The result of a system call that gives -1 on errors.
fn check(result: i64) -> std::io::Result<i64> {
    if result == -1 {
        Err(std::io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// Repeats a system call that signals interrupt.
fn retry(mut call: impl FnMut() -> i64) -> std::io::Result<i64> {
    loop {
        match check(call()) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn open(
    _cx: &Cx<'_>,
    name: usize,
    mode: i32,
    access: i32,
    share: i32,
    options: i32,
    error: usize,
) -> Result<isize> {
    let path = native_text_to_zero(name);
    let Ok(c_path) = CString::new(path.as_str()) else {
        set(error, code::INVALID_NAME);
        return Ok(-1);
    };
    // FileAccess: 1 read, 2 write; FileMode: 1 CreateNew … 6 Append.
    let mut flags = libc::O_CLOEXEC
        | match access & 3 {
            1 => libc::O_RDONLY,
            2 => libc::O_WRONLY,
            _ => libc::O_RDWR,
        };
    flags |= match mode {
        1 => libc::O_CREAT | libc::O_EXCL,
        2 => libc::O_CREAT | libc::O_TRUNC,
        4 | 6 => libc::O_CREAT,
        5 => libc::O_TRUNC,
        _ => 0,
    };
    // Before a file is emptied.
    if !sharing::allows(std::fs::metadata(&path).ok().as_ref(), access, share) {
        set(error, code::SHARING_VIOLATION);
        return Ok(-1);
    }
    // SAFETY: a C string.
    let opened =
        blocking(|| retry(|| i64::from(unsafe { libc::open(c_path.as_ptr(), flags, 0o666) })));
    match opened {
        Ok(fd) => {
            if std::fs::metadata(&path).is_ok_and(|m| m.is_dir()) {
                // SAFETY: the descriptor just opened.
                unsafe { libc::close(fd as i32) };
                set(error, code::ACCESS_DENIED);
                return Ok(-1);
            }
            sharing::opened(
                fd as i32,
                std::fs::metadata(&path).ok().as_ref(),
                access,
                share,
            );
            // FileOptions.DeleteOnClose: the name goes at once, the file with its last descriptor.
            if options & 0x400_0000 != 0 {
                let _ = std::fs::remove_file(&path);
            }
            set(error, 0);
            Ok(fd as isize)
        }
        Err(e) => {
            let errno = e.raw_os_error().unwrap_or(libc::EIO);
            let parent = std::path::Path::new(&path).parent();
            let no_directory = errno == libc::ENOENT
                && parent.is_some_and(|p| !p.as_os_str().is_empty() && !p.is_dir());
            set(error, win32(errno, no_directory));
            Ok(-1)
        }
    }
}

fn close(_cx: &Cx<'_>, handle: isize, error: usize) -> Result<bool> {
    sharing::closed(handle as i32);
    // SAFETY: closes the descriptor that the program owns.
    let result = check(i64::from(unsafe { libc::close(handle as i32) }));
    Ok(succeeded(error, result.map(drop)))
}

/// Address of `count` bytes of an array from `start`; checked.
fn window(cx: &Cx<'_>, array: Ref, start: i32, count: i32) -> Result<usize> {
    if array.is_null() {
        return Err(cx.argument_null("buffer"));
    }
    let e = elements(cx, array)?;
    if start < 0 || count < 0 || start as usize + count as usize > e.count * e.size {
        return Err(cx.exception("System", "ArgumentException", "array too small"));
    }
    Ok(e.data + start as usize)
}

fn read(
    cx: &Cx<'_>,
    handle: isize,
    target: Ref,
    start: i32,
    count: i32,
    error: usize,
) -> Result<i32> {
    let at = window(cx, target, start, count)?;
    // SAFETY: the window lies in the array, which the caller's local keeps in place.
    let result = blocking(|| {
        retry(
            || unsafe { libc::read(handle as i32, at as *mut libc::c_void, count as usize) } as i64,
        )
    });
    std::hint::black_box(target);
    if let Err(e) = &result {
        set(error, win32(e.raw_os_error().unwrap_or(libc::EIO), false));
        return Ok(-1);
    }
    Ok(done(error, result) as i32)
}

fn write(
    cx: &Cx<'_>,
    handle: isize,
    source: Ref,
    start: i32,
    count: i32,
    error: usize,
) -> Result<i32> {
    let at = window(cx, source, start, count)?;
    let mut written = 0usize;
    while written < count as usize {
        // SAFETY: as `read`.
        let result = blocking(|| {
            retry(|| unsafe {
                libc::write(
                    handle as i32,
                    (at + written) as *const libc::c_void,
                    count as usize - written,
                )
            } as i64)
        });
        match result {
            Ok(n) => written += n as usize,
            Err(e) => {
                set(error, win32(e.raw_os_error().unwrap_or(libc::EIO), false));
                return Ok(-1);
            }
        }
    }
    std::hint::black_box(source);
    set(error, 0);
    Ok(written as i32)
}

fn seek(_cx: &Cx<'_>, handle: isize, offset: i64, origin: i32, error: usize) -> Result<i64> {
    let whence = match origin {
        0 => libc::SEEK_SET,
        1 => libc::SEEK_CUR,
        _ => libc::SEEK_END,
    };
    // SAFETY: no memory involved.
    match check(unsafe { libc::lseek(handle as i32, offset, whence) }) {
        Ok(at) => {
            set(error, 0);
            Ok(at)
        }
        Err(e) => {
            set(error, win32(e.raw_os_error().unwrap_or(libc::EIO), false));
            Ok(-1)
        }
    }
}

/// Writes what the kernel holds to the disk; pipes and terminals have nothing to flush.
fn flush(_cx: &Cx<'_>, handle: isize, error: usize) -> Result<bool> {
    // SAFETY: no memory involved.
    let result = blocking(|| retry(|| i64::from(unsafe { libc::fsync(handle as i32) })));
    Ok(match result {
        Err(e)
            if !matches!(
                e.raw_os_error(),
                Some(libc::EINVAL | libc::EROFS | libc::ENOTSUP)
            ) =>
        {
            succeeded(error, Err(e))
        }
        _ => succeeded(error, Ok(())),
    })
}

fn stat_of(handle: isize) -> std::io::Result<libc::stat> {
    // SAFETY: `stat` is plain data, filled by fstat.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        check(i64::from(libc::fstat(handle as i32, &mut stat)))?;
        Ok(stat)
    }
}

fn get_length(_cx: &Cx<'_>, handle: isize, error: usize) -> Result<i64> {
    match stat_of(handle) {
        Ok(stat) => {
            set(error, 0);
            Ok(stat.st_size)
        }
        Err(e) => {
            set(error, win32(e.raw_os_error().unwrap_or(libc::EIO), false));
            Ok(-1)
        }
    }
}

fn set_length(_cx: &Cx<'_>, handle: isize, length: i64, error: usize) -> Result<bool> {
    // SAFETY: no memory involved.
    let result =
        blocking(|| retry(|| i64::from(unsafe { libc::ftruncate(handle as i32, length) })));
    Ok(succeeded(error, result.map(drop)))
}

/// `MonoFileType`: 1 disk, 2 character device, 3 pipe.
fn file_type(_cx: &Cx<'_>, handle: isize, error: usize) -> Result<i32> {
    Ok(done(
        error,
        stat_of(handle).map(|s| match s.st_mode & libc::S_IFMT {
            libc::S_IFREG | libc::S_IFDIR | libc::S_IFBLK => 1,
            libc::S_IFCHR => 2,
            libc::S_IFIFO | libc::S_IFSOCK => 3,
            _ => 0,
        }),
    ))
}

fn console_input(_cx: &Cx<'_>) -> Result<isize> {
    Ok(0)
}

fn console_output(_cx: &Cx<'_>) -> Result<isize> {
    Ok(1)
}

fn console_error(_cx: &Cx<'_>) -> Result<isize> {
    Ok(2)
}

fn volume_separator(_cx: &Cx<'_>) -> Result<u16> {
    Ok(u16::from(b'/'))
}

fn directory_separator(_cx: &Cx<'_>) -> Result<u16> {
    Ok(u16::from(b'/'))
}

fn path_separator(_cx: &Cx<'_>) -> Result<u16> {
    Ok(u16::from(b':'))
}

fn create_directory(_cx: &Cx<'_>, path: usize, error: usize) -> Result<bool> {
    let path = native_text_to_zero(path);
    match std::fs::create_dir(&path) {
        Err(e) if e.raw_os_error() == Some(libc::EEXIST) => {
            set(error, code::ALREADY_EXISTS);
            Ok(false)
        }
        Err(e) if e.raw_os_error() == Some(libc::ENOENT) => {
            set(error, code::PATH_NOT_FOUND);
            Ok(false)
        }
        other => Ok(succeeded(error, other)),
    }
}

fn remove_directory(_cx: &Cx<'_>, path: usize, error: usize) -> Result<bool> {
    Ok(succeeded(
        error,
        std::fs::remove_dir(native_text_to_zero(path)),
    ))
}

fn current_directory(cx: &Cx<'_>, error: usize) -> Result<Ref> {
    let path = done(error, std::env::current_dir());
    cx.string(&path.to_string_lossy())
}

fn set_current_directory(_cx: &Cx<'_>, path: usize, error: usize) -> Result<bool> {
    Ok(succeeded(
        error,
        std::env::set_current_dir(native_text_to_zero(path)),
    ))
}

fn move_file(_cx: &Cx<'_>, path: usize, to: usize, error: usize) -> Result<bool> {
    let (path, to) = (native_text_to_zero(path), native_text_to_zero(to));
    if std::fs::symlink_metadata(&to).is_ok() && path != to {
        set(error, code::ALREADY_EXISTS);
        return Ok(false);
    }
    let moved = std::fs::rename(&path, &to).or_else(|e| {
        if e.raw_os_error() != Some(libc::EXDEV) {
            return Err(e);
        }
        std::fs::copy(&path, &to)?;
        std::fs::remove_file(&path)
    });
    Ok(succeeded(error, moved))
}

fn copy_file(_cx: &Cx<'_>, path: usize, to: usize, overwrite: bool, error: usize) -> Result<bool> {
    let (path, to) = (native_text_to_zero(path), native_text_to_zero(to));
    if !overwrite && std::fs::symlink_metadata(&to).is_ok() {
        set(error, code::FILE_EXISTS);
        return Ok(false);
    }
    Ok(succeeded(
        error,
        blocking(|| std::fs::copy(path, to)).map(drop),
    ))
}

fn delete_file(_cx: &Cx<'_>, path: usize, error: usize) -> Result<bool> {
    Ok(succeeded(
        error,
        std::fs::remove_file(native_text_to_zero(path)),
    ))
}

/// `FileAttributes` of a file: read-only 1, hidden 2, directory 16, normal 128, reparse point 1024.
pub(super) fn attributes(path: &str) -> std::io::Result<i32> {
    let link = std::fs::symlink_metadata(path)?;
    let file = std::fs::metadata(path).unwrap_or_else(|_| link.clone());
    let mut bits = 0;
    if file.permissions().readonly() {
        bits |= 1;
    }
    let name = std::path::Path::new(path).file_name();
    if name.is_some_and(|n| n.as_encoded_bytes().first() == Some(&b'.')) {
        bits |= 2;
    }
    if file.is_dir() {
        bits |= 16;
    }
    if link.is_symlink() {
        bits |= 1024;
    }
    Ok(if bits == 0 { 128 } else { bits })
}

fn file_attributes(_cx: &Cx<'_>, path: usize, error: usize) -> Result<i32> {
    let path = native_text_to_zero(path);
    match attributes(&path) {
        Ok(bits) => {
            set(error, 0);
            Ok(bits)
        }
        Err(e) => {
            set(error, win32(e.raw_os_error().unwrap_or(libc::EIO), false));
            Ok(-1)
        }
    }
}

/// Fills a `MonoIOStat`: attributes, length, creation, last access, last write (file times).
fn file_stat(_cx: &Cx<'_>, path: usize, stat: usize, error: usize) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let path = native_text_to_zero(path);
    let found = attributes(&path).and_then(|bits| {
        Ok((
            bits,
            std::fs::metadata(&path).or_else(|_| std::fs::symlink_metadata(&path))?,
        ))
    });
    let time = |seconds: i64, nanos: i64| super::time::file_time(seconds, nanos);
    Ok(succeeded(
        error,
        found.map(|(bits, m)| {
            let written = time(m.mtime(), m.mtime_nsec());
            let changed = time(m.ctime(), m.ctime_nsec());
            let words = [
                m.len() as i64,
                written.min(changed),
                time(m.atime(), m.atime_nsec()),
                written,
            ];
            // SAFETY: a managed pointer to a `MonoIOStat`: an int, padding, four longs.
            unsafe {
                (stat as *mut i32).write_unaligned(bits);
                for (i, w) in words.iter().enumerate() {
                    ((stat + 8 + 8 * i) as *mut i64).write_unaligned(*w);
                }
            }
        }),
    ))
}

fn temp_path(cx: &Cx<'_>) -> Result<Ref> {
    let mut path = std::env::temp_dir().to_string_lossy().into_owned();
    if !path.ends_with('/') {
        path.push('/');
    }
    cx.string(&path)
}

/// Read-only or not, and the library's own bit for "executable"; the other attributes have no counterpart.
fn set_file_attributes(_cx: &Cx<'_>, path: usize, attributes: i32, error: usize) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    const EXECUTABLE: i32 = i32::MIN;
    let path = native_text_to_zero(path);
    let changed = std::fs::metadata(&path).and_then(|m| {
        let mut permissions = m.permissions();
        let mode = permissions.mode();
        permissions.set_mode(if attributes & EXECUTABLE != 0 {
            // Who may read may execute.
            mode | (mode & 0o444) >> 2
        } else if attributes & 1 != 0 {
            mode & !0o222
        } else {
            mode | 0o200
        });
        std::fs::set_permissions(&path, permissions)
    });
    Ok(succeeded(error, changed))
}

/// Times of last access and last write; -1 leaves one as it is. The time of creation cannot be changed.
fn set_file_time(
    _cx: &Cx<'_>,
    handle: isize,
    _created: i64,
    accessed: i64,
    written: i64,
    error: usize,
) -> Result<bool> {
    let time = |t: i64| match t {
        -1 | 0 => libc::timespec {
            tv_sec: 0,
            tv_nsec: libc::UTIME_OMIT,
        },
        t => {
            let (seconds, nanos) = super::time::unix_time(t);
            libc::timespec {
                tv_sec: seconds,
                tv_nsec: nanos,
            }
        }
    };
    let times = [time(accessed), time(written)];
    // SAFETY: two times.
    let result = check(i64::from(unsafe {
        libc::futimens(handle as i32, times.as_ptr())
    }));
    Ok(succeeded(error, result.map(drop)))
}

fn replace_file(
    _cx: &Cx<'_>,
    from: usize,
    to: usize,
    backup: usize,
    _lax: bool,
    error: usize,
) -> Result<bool> {
    let (from, to) = (native_text_to_zero(from), native_text_to_zero(to));
    let kept = if backup == 0 {
        Ok(())
    } else {
        std::fs::rename(&to, native_text_to_zero(backup))
    };
    Ok(succeeded(
        error,
        kept.and_then(|()| std::fs::rename(&from, &to)),
    ))
}

/// Takes or gives up a lock of a part of a file; 0 bytes are all of it.
fn lock_region(handle: isize, position: i64, length: i64, kind: i32) -> std::io::Result<()> {
    // SAFETY: `flock` is plain data.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = position;
    lock.l_len = length;
    // SAFETY: a lock record for F_SETLK.
    check(i64::from(unsafe {
        libc::fcntl(handle as i32, libc::F_SETLK, &lock)
    }))
    .map(drop)
}

fn lock(_cx: &Cx<'_>, handle: isize, position: i64, length: i64, error: usize) -> Result<()> {
    succeeded(error, lock_region(handle, position, length, libc::F_WRLCK));
    Ok(())
}

fn unlock(_cx: &Cx<'_>, handle: isize, position: i64, length: i64, error: usize) -> Result<()> {
    succeeded(error, lock_region(handle, position, length, libc::F_UNLCK));
    Ok(())
}

fn create_pipe(_cx: &Cx<'_>, reads: usize, writes: usize, error: usize) -> Result<bool> {
    let mut ends = [0i32; 2];
    // SAFETY: room for two descriptors.
    let made = check(i64::from(unsafe {
        libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC)
    }));
    for (to, fd) in [reads, writes].into_iter().zip(ends) {
        // SAFETY: managed pointers to native integers.
        unsafe { (to as *mut isize).write_unaligned(fd as isize) };
    }
    Ok(succeeded(error, made.map(drop)))
}

#[allow(clippy::too_many_arguments)] // the argument words of an internal call
fn duplicate(
    _cx: &Cx<'_>,
    _source_process: isize,
    source: isize,
    _target_process: isize,
    target: usize,
    _access: i32,
    inherit: i32,
    _options: i32,
    error: usize,
) -> Result<bool> {
    // To wait for a process.
    if let Some(copy) = super::processes::duplicate(source as usize) {
        // SAFETY: a managed pointer to a native integer.
        unsafe { (target as *mut isize).write_unaligned(copy as isize) };
        return Ok(succeeded(error, Ok(())));
    }
    let command = if inherit != 0 {
        libc::F_DUPFD
    } else {
        libc::F_DUPFD_CLOEXEC
    };
    // SAFETY: no memory involved.
    let copy = check(i64::from(unsafe { libc::fcntl(source as i32, command, 0) }));
    Ok(succeeded(
        error,
        copy.map(|fd| {
            // SAFETY: a managed pointer to a native integer.
            unsafe { (target as *mut isize).write_unaligned(fd as isize) };
        }),
    ))
}
