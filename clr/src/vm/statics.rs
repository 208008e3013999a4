//! Memory of static fields.

use super::Cx;
use super::vtables::block_vtable;
use crate::types::layout::Place;
use crate::types::{Field, Result, Type};
use isthmus_rt::object::{Ref, Thrown};
use isthmus_rt::thread::Thread;
use isthmus_runtime_abi::context::STATIC_BLOCKS;
use isthmus_runtime_abi::layout::{HEADER, VtableHeader};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

static MAKING: Mutex<()> = Mutex::new(());

impl Type {
    /// Address of the native memory of the type's statics without references.
    pub fn static_memory(&'static self) -> Result<usize> {
        let found = self.runtime.statics.load(Ordering::Acquire);
        if found != 0 {
            return Ok(found);
        }
        let size = self.statics()?.plain.size.max(8) as usize;
        let _making = MAKING.lock().unwrap_or_else(|e| e.into_inner());
        let found = self.runtime.statics.load(Ordering::Acquire);
        if found != 0 {
            return Ok(found);
        }
        let memory: &'static [AtomicUsize] =
            Box::leak((0..size.div_ceil(8)).map(|_| AtomicUsize::new(0)).collect());
        self.runtime
            .statics
            .store(memory.as_ptr() as usize, Ordering::Release);
        Ok(memory.as_ptr() as usize)
    }

    /// Address of the non-moving object with the type's statics that hold references.
    pub fn static_object(&'static self) -> Result<usize> {
        let found = self.runtime.ref_statics.load(Ordering::Acquire);
        if found != 0 {
            return Ok(found);
        }
        let area = &self.statics()?.refs;
        let vtable = block_vtable(area.size, &area.refs)?;
        let object = super::heap::alloc_immortal(vtable, None)?;
        // Two threads may make one each; the loser's is garbage that stays.
        match self.runtime.ref_statics.compare_exchange(
            0,
            object.addr(),
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) => Ok(object.addr()),
            Err(first) => Ok(first),
        }
    }
}

thread_local! {
    /// The thread's blocks of thread statics that found no place in the thread's table, by the type's block number.
    static MORE_BLOCKS: RefCell<FxHashMap<usize, usize>> = RefCell::default();
}

/// Cleared blocks of thread statics that ended threads left behind, by the type's block number. Blocks are immortal, and new threads take them
/// from here: there are never more than threads lived at once.
static FREE_BLOCKS: Mutex<Option<FxHashMap<usize, Vec<usize>>>> = Mutex::new(None);

/// The next type's block number.
static NEXT_BLOCK: AtomicU32 = AtomicU32::new(1);

impl Type {
    /// Number of the type's block of thread statics, from 1.
    fn block_number(&'static self) -> usize {
        let number = &self.runtime.thread_statics;
        if number.load(Ordering::Acquire) == 0 {
            let new = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed);
            let _ = number.compare_exchange(0, new, Ordering::AcqRel, Ordering::Acquire);
        }
        number.load(Ordering::Acquire) as usize
    }

    /// Offset of the type's word in threads' tables of such blocks, 0 if it has none.
    pub fn block_offset(&'static self) -> usize {
        match self.block_number() {
            n @ ..STATIC_BLOCKS => n * size_of::<usize>(),
            _ => 0,
        }
    }
}

/// Address of the current thread's block of thread statics of a type.
pub fn thread_block(cx: &Cx, ty: &'static Type) -> std::result::Result<usize, Thrown> {
    let n = ty.block_number();
    let word = cx.thread.static_block(n);
    let found = match word {
        Some(word) => word.load(Ordering::Relaxed),
        None => MORE_BLOCKS.with_borrow(|b| b.get(&n).copied().unwrap_or(0)),
    };
    if found != 0 {
        return Ok(found);
    }
    let make = || -> Result<usize> {
        let area = &ty.statics()?.thread;
        Ok(super::heap::alloc_immortal(block_vtable(area.size, &area.refs)?, None)?.addr())
    };
    let left = {
        let mut free = FREE_BLOCKS.lock().unwrap_or_else(|e| e.into_inner());
        free.get_or_insert_default().get_mut(&n).and_then(Vec::pop)
    };
    let block = match left {
        Some(block) => block,
        None => make().map_err(|e| cx.load_error(&e))?,
    };
    match word {
        Some(word) => word.store(block, Ordering::Relaxed),
        None => MORE_BLOCKS.with_borrow_mut(|b| _ = b.insert(n, block)),
    }
    Ok(block)
}

/// Lets the thread statics of a thread go that ends: what they refer to may die, and other threads get the blocks.
pub fn release_thread_blocks(thread: &Thread) {
    let numbers = 1..NEXT_BLOCK.load(Ordering::Acquire) as usize;
    let mut blocks: Vec<(usize, usize)> = numbers
        .filter_map(|n| Some((n, thread.static_block(n)?.swap(0, Ordering::Relaxed))))
        .filter(|(_, block)| *block != 0)
        .collect();
    // Gone already on a thread that native code made and whose storage is being torn down: these stay.
    let _ = MORE_BLOCKS.try_with(|more| blocks.extend(more.take()));
    let mut free = FREE_BLOCKS.lock().unwrap_or_else(|e| e.into_inner());
    let free = free.get_or_insert_default();
    for (n, block) in blocks {
        // SAFETY: an immortal object made by `thread_block`, with a vtable of `block_vtable`.
        let bytes = unsafe {
            let header = Ref::from_addr(block).vtable() as *const VtableHeader;
            (*header).base_size.load(Ordering::Relaxed)
        };
        super::heap::zero(block + HEADER as usize, bytes - HEADER as usize);
        free.entry(n).or_default().push(block);
    }
}

/// Address of a static field.
pub fn address_of(cx: &Cx, field: &'static Field) -> std::result::Result<usize, Thrown> {
    let owner = crate::types::types().ty(field.owner.id);
    let thrown = |e| cx.load_error(&e);
    Ok(match field.place().map_err(thrown)? {
        Place::Static(offset) => owner.static_memory().map_err(thrown)? + offset as usize,
        Place::RefStatic(offset) => owner.static_object().map_err(thrown)? + offset as usize,
        Place::ThreadStatic(offset) => thread_block(cx, owner)? + offset as usize,
        Place::Data => data_of(field).map_err(thrown)?,
        Place::Instance(_) | Place::Literal => {
            return Err(cx.exception(
                "System",
                "MissingFieldException",
                &format!("{field:?} is not a static field"),
            ));
        }
    })
}

/// Address of a field's data in the image, copied once so that it is aligned and as long as the field's type.
pub fn data_of(field: &'static Field) -> Result<usize> {
    static COPIES: Mutex<Vec<(u32, usize)>> = Mutex::new(Vec::new());
    let mut copies = COPIES.lock().unwrap_or_else(|e| e.into_inner());
    if let Some((_, address)) = copies.iter().find(|(id, _)| *id == field.id.raw()) {
        return Ok(*address);
    }
    let a = field.owner.assembly.expect("fields belong to definitions");
    let (size, _) = field.ty()?.size_align()?;
    let rva = a.image.field(field.rid)?.address()?.unwrap_or(0);
    let bytes = a.image.rva_data(rva, size)?;
    let mut words = vec![0u64; (size as usize).div_ceil(8).max(1)];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
        let mut le = [0; 8];
        le[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_le_bytes(le);
    }
    let address = Box::leak(words.into_boxed_slice()).as_ptr() as usize;
    copies.push((field.id.raw(), address));
    Ok(address)
}
