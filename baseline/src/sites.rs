//! What the tables will know of the code: source positions, call sites, instructions that may trap.
//!
//! A site only notes its region; the list of handlers of each region is made once, at the end, when the landing
//! pads have their places.

use crate::state::Gen;
use crate::target::Target;
use isthmus_frontend_ir::region::RegionId;
use isthmus_runtime_abi::artifact::{
    CallSite, CompiledMethod, Handler, Handlers, SourcePos, TrapSite,
};
use isthmus_runtime_abi::trap::TrapKind;

/// A place of the code with its position and region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub offset: u32,
    pub pos: u32,
    pub region: RegionId,
}

/// All sites so far.
#[derive(Default, Debug)]
pub(crate) struct Sites {
    pub positions: Vec<SourcePos>,
    pub calls: Vec<Site>,
    pub traps: Vec<(Site, TrapKind)>,
    pub line_map: Vec<(u32, u32)>,
    pub helper_calls: u32,
}

impl Sites {
    /// Index of a source position.
    pub fn position(&mut self, il: u32) -> u32 {
        if self.positions.last().is_none_or(|p| p.il != il) {
            self.positions.push(SourcePos { node: 0, il });
        }
        self.positions.len() as u32 - 1
    }
}

impl<A: Target> Gen<'_, A> {
    /// Position and region of the current instruction.
    pub fn here(&mut self) -> (u32, RegionId) {
        (
            self.sites.position(self.il),
            self.body.regions.region_of(self.at as u32),
        )
    }

    /// Notes that the last operation's access may fault.
    pub fn trap_here(&mut self, kind: TrapKind) {
        let offset = self.a.last_access();
        let (pos, region) = self.here();
        self.sites.traps.push((
            Site {
                offset,
                pos,
                region,
            },
            kind,
        ));
    }

    /// Notes that the last operation faults if its base is null.
    pub fn null_trap(&mut self) {
        self.trap_here(TrapKind::NullReference);
    }

    /// Notes the call just made.
    pub fn call_here(&mut self) {
        let (pos, region) = self.here();
        self.call_at(pos, region);
    }

    /// Notes the call just made for another place of the source.
    pub fn call_at(&mut self, pos: u32, region: RegionId) {
        let offset = self.a.offset();
        self.sites.calls.push(Site {
            offset,
            pos,
            region,
        });
    }

    /// Writes the sites into the artifact. Landing pads are bound.
    pub fn write_sites(&mut self, out: &mut CompiledMethod) {
        let regions = self.body.regions.regions.len();
        let mut lists: Vec<Option<Handlers>> = vec![None; regions];
        lists[0] = Some(Handlers::new());
        let mut handlers = |region: RegionId| -> Handlers {
            lists[region as usize]
                .get_or_insert_with(|| {
                    self.body
                        .regions
                        .clauses_around(region)
                        .iter()
                        .filter_map(|&clause| {
                            let pad = self.clauses.pad(clause)?;
                            let landing = self.a.label_offset(pad)?;
                            Some(Handler { clause, landing })
                        })
                        .collect()
                })
                .clone()
        };
        out.call_sites = self
            .sites
            .calls
            .iter()
            .map(|s| CallSite {
                ret: s.offset,
                pos: s.pos,
                handlers: handlers(s.region),
            })
            .collect();
        out.traps = self
            .sites
            .traps
            .iter()
            .map(|&(s, kind)| TrapSite {
                offset: s.offset,
                kind,
                pos: s.pos,
                handlers: handlers(s.region),
            })
            .collect();
        out.positions = std::mem::take(&mut self.sites.positions);
        out.line_map = std::mem::take(&mut self.sites.line_map);
        out.helper_calls = self.sites.helper_calls;
    }
}
