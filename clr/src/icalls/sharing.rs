//! Which files are open in this process, and what their openers let others do with them (`FileShare`): POSIX knows no such thing.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::Mutex;

const READ: i32 = 1;
const WRITE: i32 = 2;

struct Open {
    fd: i32,
    device: u64,
    inode: u64,
    access: i32,
    share: i32,
}

static OPEN: Mutex<Vec<Open>> = Mutex::new(Vec::new());

/// Whether a file may be opened beside those who have it open.
pub fn allows(file: Option<&Metadata>, access: i32, share: i32) -> bool {
    let Some(file) = file else { return true };
    let fits = |access: i32, share: i32| {
        (access & READ == 0 || share & READ != 0) && (access & WRITE == 0 || share & WRITE != 0)
    };
    let list = OPEN.lock().unwrap_or_else(|e| e.into_inner());
    list.iter()
        .filter(|o| o.device == file.dev() && o.inode == file.ino())
        .all(|o| fits(access, o.share) && fits(o.access, share))
}

/// A regular file was opened.
pub fn opened(fd: i32, file: Option<&Metadata>, access: i32, share: i32) {
    if let Some(file) = file.filter(|f| f.is_file()) {
        let mut list = OPEN.lock().unwrap_or_else(|e| e.into_inner());
        list.push(Open {
            fd,
            device: file.dev(),
            inode: file.ino(),
            access,
            share,
        });
    }
}

/// A descriptor is about to be closed.
pub fn closed(fd: i32) {
    let mut list = OPEN.lock().unwrap_or_else(|e| e.into_inner());
    list.retain(|o| o.fd != fd);
}
