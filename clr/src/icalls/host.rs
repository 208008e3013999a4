//! What the library asks about the machine, the user and the process besides `System.Environment`: drives, identities, evidence.

use super::io::{code, set};
use super::string::native_text;
use crate::metadata::TypeAttributes;
use crate::types::types;
use crate::vm::cx::{Result, Value};
use crate::vm::{Cx, reflect, run};
use isthmus_rt::object::Ref;
use std::ffi::{CStr, CString};

icalls! {
    "System.Environment" {
        "internalGetGacPath" => cache_path [] -> Ref;
    }
    "System.AppDomain" {
        "ExecuteAssembly" => execute [this: Ref, assembly: Ref, args: Ref] -> i32;
        "InternalGetProcessGuid" => process_guid [new: Ref] -> Ref;
    }
    "System.Security.Policy.Evidence" {
        "IsAuthenticodePresent" => no_signature [assembly: Ref] -> bool;
    }
    "System.Runtime.InteropServices.RuntimeInformation" {
        "GetOSName" => system_name [] -> Ref;
        "GetRuntimeArchitecture" => architecture [] -> Ref;
    }
    "System.IO.DriveInfo" {
        "GetDiskFreeSpaceInternal" => free_space [path: usize, length: i32, available: usize, total: usize, free: usize, error: usize] -> bool;
        "GetDriveTypeInternal" => drive_type [path: usize, length: i32] -> u32;
        "GetDriveFormatInternal" => drive_format [path: usize, length: i32] -> Ref;
    }
    "System.Security.Principal.WindowsIdentity" {
        "GetCurrentToken" => current_user [] -> usize;
        "GetTokenName" => name_of_user [token: usize] -> Ref;
        "GetUserToken" => user_of_name [name: Ref] -> usize;
        "_GetRoles" => groups_of_user [token: usize] -> Ref;
    }
    "System.Configuration.InternalConfigurationHost" {
        "get_bundled_machine_config" => no_bundle [] -> Ref;
        "get_bundled_app_config" => no_bundle [] -> Ref;
    }
    "System.Configuration.DefaultConfig" {
        "get_bundled_machine_config" => no_bundle [] -> Ref;
        "get_machine_config_path" => super::environment::machine_config [] -> Ref;
    }
    "System.IO.FileSystemWatcher" {
        "InternalSupportsFSW" => watching [] -> i32;
    }
    "System.Runtime.Remoting.Activation.ActivationServices" {
        "AllocateUninitializedClassInstance" => blank_instance [ty: Ref] -> Ref;
        "EnableProxyActivation" => no_proxies [ty: Ref, on: bool] -> ();
    }
    "System.RuntimeType" {
        "GetPacking" => declared_layout [this: Ref, packing: usize, size: usize] -> ();
    }
}

/// The global assembly cache: beside the class library.
fn cache_path(cx: &Cx<'_>) -> Result<Ref> {
    let library = &types().search_path().bcl;
    let root = library.parent().and_then(|p| p.parent()).unwrap_or(library);
    cx.string(&root.to_string_lossy())
}

/// Runs the program in an assembly; its exit code.
fn execute(cx: &Cx<'_>, _this: Ref, assembly: Ref, args: Ref) -> Result<i32> {
    let a = reflect::assembly_of(cx, assembly)?;
    let main = run::entry_point(a).map_err(|e| {
        let text = e.to_string();
        cx.exception("System", "MissingMethodException", &text)
    })?;
    let sig = main.sig().map_err(|e| cx.load_error(&e))?;
    let args = match args {
        Ref::NULL => run::string_array(cx, &[])?,
        args => args,
    };
    let result = match sig.params.is_empty() {
        true => cx.invoke(main, &[])?,
        false => cx.invoke(main, &[Value::Ref(args)])?,
    };
    Ok(match sig.ret.is_void() {
        true => 0,
        false => result.first().map_or(0, |&word| word as i32),
    })
}

/// One for the process: the first that is proposed.
fn process_guid(cx: &Cx<'_>, new: Ref) -> Result<Ref> {
    static GUID: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    cx.string(GUID.get_or_init(|| cx.text(new)))
}

/// Signatures of Windows files are not looked at.
fn no_signature(_cx: &Cx<'_>, _assembly: Ref) -> Result<bool> {
    Ok(false)
}

fn system_name(cx: &Cx<'_>) -> Result<Ref> {
    cx.string(std::env::consts::OS)
}

fn architecture(cx: &Cx<'_>) -> Result<Ref> {
    cx.string(match std::env::consts::ARCH {
        "x86_64" => "x86-64",
        "aarch64" => "arm64",
        other => other,
    })
}

/// A path of the library as a C string.
fn c_path(path: usize, length: i32) -> Option<CString> {
    CString::new(native_text(path, length)).ok()
}

fn free_space(
    _cx: &Cx<'_>,
    path: usize,
    length: i32,
    available: usize,
    total: usize,
    free: usize,
    error: usize,
) -> Result<bool> {
    // SAFETY: plain data, filled by the call.
    let mut stat: libc::statvfs = unsafe { std::mem::zeroed() };
    let path = c_path(path, length);
    // SAFETY: a C string and room for the answer.
    let found = path.is_some_and(|p| unsafe { libc::statvfs(p.as_ptr(), &mut stat) } == 0);
    if !found {
        set(error, code::PATH_NOT_FOUND);
        return Ok(false);
    }
    for (to, blocks) in [
        (available, stat.f_bavail),
        (total, stat.f_blocks),
        (free, stat.f_bfree),
    ] {
        // SAFETY: managed pointers to 64-bit integers.
        unsafe { (to as *mut u64).write_unaligned(blocks * stat.f_frsize) };
    }
    set(error, 0);
    Ok(true)
}

/// The type of the file system that a path is on, by the table of mounted ones.
fn file_system(path: usize, length: i32) -> Option<String> {
    let path = native_text(path, length);
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let trimmed = |p: &str| match p.trim_end_matches('/') {
        "" => "/".to_owned(),
        p => p.to_owned(),
    };
    let wanted = trimmed(&path);
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .filter(|(place, _)| trimmed(place) == wanted)
        .map(|(_, kind)| kind)
        .next_back()
}

/// Win32's `DRIVE_…`: no root directory 1, fixed 3, remote 4, CD 5, memory 6.
fn drive_type(_cx: &Cx<'_>, path: usize, length: i32) -> Result<u32> {
    Ok(match file_system(path, length).as_deref() {
        None => 1,
        Some("nfs" | "nfs4" | "cifs" | "smbfs" | "9p" | "fuse.sshfs") => 4,
        Some("iso9660" | "udf") => 5,
        Some(
            "tmpfs" | "ramfs" | "proc" | "sysfs" | "devtmpfs" | "devpts" | "cgroup" | "cgroup2"
            | "mqueue" | "debugfs" | "tracefs" | "securityfs",
        ) => 6,
        Some(_) => 3,
    })
}

fn drive_format(cx: &Cx<'_>, path: usize, length: i32) -> Result<Ref> {
    match file_system(path, length) {
        Some(kind) => cx.string(&kind),
        None => Ok(Ref::NULL),
    }
}

/// A user is its number.
fn current_user(_cx: &Cx<'_>) -> Result<usize> {
    // SAFETY: no memory involved.
    Ok(unsafe { libc::geteuid() } as usize)
}

fn name_of_user(cx: &Cx<'_>, token: usize) -> Result<Ref> {
    let mut buffer = vec![0; 4096];
    // SAFETY: plain data, filled by the call.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: room for the entry and its texts.
    unsafe {
        libc::getpwuid_r(
            token as libc::uid_t,
            &mut entry,
            buffer.as_mut_ptr(),
            buffer.len(),
            &mut found,
        );
    }
    if found.is_null() {
        return cx.string(&token.to_string());
    }
    // SAFETY: the entry was found: a C string in the buffer.
    let name = unsafe { CStr::from_ptr(entry.pw_name) };
    cx.string(&name.to_string_lossy())
}

/// The user of a name; 0 for none, as Mono has it.
fn user_of_name(cx: &Cx<'_>, name: Ref) -> Result<usize> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = cx.text(name);
    let number = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    });
    Ok(number.unwrap_or(0))
}

/// The names of the groups that list a user.
fn groups_of_user(cx: &Cx<'_>, token: usize) -> Result<Ref> {
    let user = name_of_user(cx, token)?;
    let user = cx.text(user);
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let lists = |line: &&str| {
        let members = line.rsplit(':').next().unwrap_or("");
        members.split(',').any(|m| m == user)
    };
    let names = groups.lines().filter(lists);
    let names: Vec<String> = names
        .filter_map(|line| line.split(':').next())
        .map(str::to_owned)
        .collect();
    run::string_array(cx, &names)
}

/// What a type's declaration says of its layout.
fn declared_layout(cx: &Cx<'_>, this: Ref, packing: usize, size: usize) -> Result<()> {
    let ty = super::handle::type_of_object(cx, this)?;
    let declared = match ty.assembly {
        Some(a) => {
            let row = a.image.type_def(ty.rid).and_then(|row| row.layout());
            row.map_err(|e| cx.load_error(&e.into()))?
        }
        None => None,
    };
    let (pack, bytes) = declared.map_or((8, 0), |l| match l.packing_size() {
        0 => (8, l.class_size()),
        pack => (pack, l.class_size()),
    });
    set(packing, i32::from(pack));
    set(size, bytes as i32);
    Ok(())
}

/// How directories can be watched: 1 lets the library look at them again and again.
fn watching(_cx: &Cx<'_>) -> Result<i32> {
    Ok(1)
}

/// An object whose constructor is not run.
fn blank_instance(cx: &Cx<'_>, ty: Ref) -> Result<Ref> {
    let ty = super::handle::type_of_object(cx, ty)?;
    if ty.is_interface() || ty.flags.contains(TypeAttributes::ABSTRACT) {
        let text = format!("Type {} is abstract", ty.full_name());
        return Err(cx.exception("System", "MemberAccessException", &text));
    }
    cx.alloc(ty)
}

/// Objects of other application domains do not exist, so that there are no proxies of them.
fn no_proxies(_cx: &Cx<'_>, _ty: Ref, _on: bool) -> Result<()> {
    Ok(())
}

/// Configurations are files: none is part of the program.
fn no_bundle(_cx: &Cx<'_>) -> Result<Ref> {
    Ok(Ref::NULL)
}
