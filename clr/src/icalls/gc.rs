//! `System.GC` and `GCHandle`.

use crate::types::types;
use crate::vm::cx::Result;
use crate::vm::{Cx, finalizers, heap};
use isthmus_rt::gc::{Handle, HandleKind};
use isthmus_rt::object::Ref;
use isthmus_runtime_abi::layout::HEADER;
use std::sync::OnceLock;

icalls! {
    "System.GC" {
        "InternalCollect" => collect [generation: i32] -> ();
        "GetMaxGeneration" => max_generation [] -> i32;
        "GetGeneration" => generation_of [object: Ref] -> i32;
        "GetCollectionCount" => collection_count [generation: i32] -> i32;
        "GetTotalMemory" => total_memory [collect: bool] -> i64;
        "RecordPressure" => record_pressure [bytes: i64] -> ();
        "_SuppressFinalize" => suppress_finalize [object: Ref] -> ();
        "_ReRegisterForFinalize" => register_for_finalize [object: Ref] -> ();
        "WaitForPendingFinalizers" => wait_for_finalizers [] -> ();
        "get_ephemeron_tombstone" => tombstone [] -> Ref;
        "register_ephemeron_array" => register_ephemerons [array: Ref] -> ();
    }
    "System.Runtime.InteropServices.GCHandle" {
        "GetTarget" => target [handle: i32] -> Ref;
        "GetTargetHandle" => set_target [object: Ref, handle: i32, kind: i32] -> i32;
        "FreeHandle" => free_handle [handle: i32] -> ();
        "GetAddrOfPinnedObject" => pinned_address [handle: i32] -> isize;
        "CheckCurrentDomain" => is_of_domain [handle: i32] -> bool;
    }
}

fn collect(_cx: &Cx<'_>, generation: i32) -> Result<()> {
    // SAFETY: this thread is attached and runs; its references are in locals, which are scanned.
    unsafe { heap::heap().collect(generation != 0) };
    Ok(())
}

/// Generations 0 and 1: a nursery and the rest.
fn max_generation(_cx: &Cx<'_>) -> Result<i32> {
    Ok(1)
}

fn generation_of(_cx: &Cx<'_>, object: Ref) -> Result<i32> {
    // Objects that the barrier watches have survived a collection; others count as young.
    Ok(i32::from(
        !object.is_null() && heap::heap().needs_barrier(object),
    ))
}

fn collection_count(_cx: &Cx<'_>, generation: i32) -> Result<i32> {
    let stats = heap::heap().stats();
    Ok(if generation <= 0 {
        stats.collections() as i32
    } else {
        stats.full_collections as i32
    })
}

fn total_memory(cx: &Cx<'_>, full: bool) -> Result<i64> {
    if full {
        collect(cx, 1)?;
    }
    Ok(heap::heap().stats().used as i64)
}

/// `AddMemoryPressure`, or with a negative number `RemoveMemoryPressure`.
fn record_pressure(_cx: &Cx<'_>, bytes: i64) -> Result<()> {
    heap::heap().add_pressure(bytes);
    Ok(())
}

fn suppress_finalize(cx: &Cx<'_>, object: Ref) -> Result<()> {
    if object.is_null() {
        return Err(cx.argument_null("obj"));
    }
    if cx.type_of(object).has_finalizer() {
        heap::heap().suppress_finalizer(object);
    }
    Ok(())
}

fn register_for_finalize(cx: &Cx<'_>, object: Ref) -> Result<()> {
    if object.is_null() {
        return Err(cx.argument_null("obj"));
    }
    if cx.type_of(object).has_finalizer() {
        heap::heap().register_finalizer(object);
    }
    Ok(())
}

fn wait_for_finalizers(_cx: &Cx<'_>) -> Result<()> {
    finalizers::wait();
    Ok(())
}

/// The object that marks dead keys in ephemeron tables.
fn tombstone(cx: &Cx<'_>) -> Result<Ref> {
    static TOMBSTONE: OnceLock<usize> = OnceLock::new();
    if let Some(address) = TOMBSTONE.get() {
        return Ok(Ref::from_addr(*address));
    }
    let vtable = types()
        .known
        .object()
        .vtable_pointer()
        .map_err(|e| cx.load_error(&e))?;
    let object = heap::alloc_immortal(vtable, None).map_err(|e| cx.load_error(&e))?;
    let object = Ref::from_addr(*TOMBSTONE.get_or_init(|| object.addr()));
    heap::heap().set_ephemeron_tombstone(object);
    Ok(object)
}

fn register_ephemerons(cx: &Cx<'_>, array: Ref) -> Result<()> {
    tombstone(cx)?;
    if !array.is_null() {
        heap::heap().register_ephemerons(array);
    }
    Ok(())
}

fn handle(raw: i32) -> Option<Handle> {
    Handle::from_raw(raw as u32)
}

fn target(_cx: &Cx<'_>, raw: i32) -> Result<Ref> {
    Ok(handle(raw).map_or(Ref::NULL, |h| heap::heap().handle_target(h)))
}

/// Makes a handle (`raw` 0) of a `GCHandleType`, or, with kind -1, gives an old one another target.
fn set_target(cx: &Cx<'_>, object: Ref, raw: i32, kind: i32) -> Result<i32> {
    if let Some(h) = handle(raw).filter(|_| kind == -1 || raw != 0) {
        heap::heap().set_handle(h, object);
        return Ok(raw);
    }
    let kind = match kind {
        0 => HandleKind::WeakShort,
        1 => HandleKind::WeakLong,
        3 => HandleKind::Pinned,
        _ => HandleKind::Strong,
    };
    let made = heap::heap()
        .new_handle(kind, object)
        .ok_or_else(|| cx.out_of_memory())?;
    Ok(made.raw() as i32)
}

fn free_handle(_cx: &Cx<'_>, raw: i32) -> Result<()> {
    if let Some(h) = handle(raw) {
        heap::heap().free_handle(h);
    }
    Ok(())
}

/// Address of the data of a pinned object: -2 if the handle does not pin, 0 for null.
fn pinned_address(cx: &Cx<'_>, raw: i32) -> Result<isize> {
    let Some(h) = handle(raw).filter(|h| h.kind() == HandleKind::Pinned) else {
        return Ok(-2);
    };
    let object = heap::heap().handle_target(h);
    if object.is_null() {
        return Ok(0);
    }
    let class = cx.type_of(object);
    if class == types().known.string() {
        return Ok((object.addr() + isthmus_runtime_abi::layout::STRING_CHARS as usize) as isize);
    }
    if class.element().is_some() {
        return Ok(super::array::elements(cx, object)?.data as isize);
    }
    Ok((object.addr() + HEADER as usize) as isize)
}

fn is_of_domain(_cx: &Cx<'_>, raw: i32) -> Result<bool> {
    Ok(handle(raw).is_some())
}
