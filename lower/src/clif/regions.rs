//! Memory classes of SSA as Cranelift's alias regions.
//!
//! Cranelift holds that accesses in different regions never touch the same memory, and that a location belongs to one region
//! for the whole function (an access without a region is a fence as a store, but no reader of other regions as a load). So:
//!
//! * If some access may touch any memory ([`Scan::any_access`]), all mutable memory is *one* region, except slots whose
//!   address does not escape.
//! * Fields are told apart by offset modulo 128 bytes, unless some field access crosses an 8-byte boundary.
//! * Elements are told apart by size only: code may see a `byte[]` as `sbyte[]`, or an array of an enum as one of integers.
//! * What never changes (type words, lengths, vtables, bounds) has regions of its own, which element and field stores leave alone.
//! * Words of the thread context have a region, but their loads are never merged anyway: each one's address is a new
//!   `get_pinned_reg`, which is not numbered. Allocation cursors, poll pages and log bits must be read anew each
//!   time, since the runtime changes them at polls, which Cranelift does not see as calls.

use super::scan::Scan;
use cranelift_codegen::ir::{AliasRegion, AliasRegionData, Function, MemFlagsData};
use isthmus_ssa::ir::Region;

/// A region of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A memory class of SSA.
    Ssa(Region),
    /// Thread context.
    Context,
    /// Slots of a generic context.
    GenericContext,
    /// State bytes of class initialization.
    InitState,
    /// The poll page.
    PollPage,
    /// The collector's log bits.
    LogBits,
}

const MUTABLE: usize = 0;
const FIELD: usize = 16;
const FIELD_BUCKETS: usize = 16;
const ELEMENT: usize = 32;
const FRAME: usize = 48;
const FRAMES: usize = 32;
const COUNT: usize = FRAME + FRAMES;

/// The alias regions of one function.
#[derive(Debug)]
pub struct Regions {
    made: [Option<AliasRegion>; COUNT],
}

impl Default for Regions {
    fn default() -> Self {
        Regions {
            made: [None; COUNT],
        }
    }
}

impl Regions {
    /// Forgets all regions.
    pub fn clear(&mut self) {
        self.made = [None; COUNT];
    }

    /// Flags of an access at `offset` in a region, which neither traps nor moves.
    pub fn flags(
        &mut self,
        func: &mut Function,
        scan: &Scan,
        class: Class,
        offset: i32,
    ) -> MemFlagsData {
        let (index, name) = number(scan, class, offset);
        let region = *self.made[index].get_or_insert_with(|| {
            func.dfg.alias_regions.insert(AliasRegionData {
                user_id: index as u32,
                description: name.into(),
            })
        });
        MemFlagsData::new()
            .with_notrap()
            .with_alias_region(Some(region))
    }
}

fn number(scan: &Scan, class: Class, offset: i32) -> (usize, &'static str) {
    match class {
        Class::Ssa(Region::Header) => (1, "header"),
        Class::Ssa(Region::Length) => (2, "length"),
        Class::Ssa(Region::Vtable) => (3, "vtable"),
        Class::Ssa(Region::Fixed) => (10, "fixed"),
        Class::Context => (4, "context"),
        Class::GenericContext => (5, "generic context"),
        Class::InitState => (6, "init state"),
        Class::PollPage => (7, "poll page"),
        Class::LogBits => (8, "log bits"),
        Class::Ssa(Region::Frame(slot))
            if !scan.any_access || !scan.exposed.get(slot.index()).copied().unwrap_or(true) =>
        {
            (FRAME + slot.index() % FRAMES, "frame")
        }
        Class::Ssa(_) if scan.any_access => (MUTABLE, "mutable"),
        Class::Ssa(Region::Field) if scan.straddling_field => (FIELD, "field"),
        Class::Ssa(Region::Field) => (
            FIELD + (offset.div_euclid(8).rem_euclid(FIELD_BUCKETS as i32)) as usize,
            "field",
        ),
        Class::Ssa(Region::Element(mem)) => (ELEMENT + mem.bytes(8) as usize, "element"),
        Class::Ssa(Region::Static) => (9, "static"),
        Class::Ssa(Region::Any | Region::Frame(_)) => (MUTABLE, "mutable"),
    }
}

const _: () = assert!(ELEMENT + 8 < FRAME);
