//! Damaged images: whatever bytes there are, decoding gives an error or something to look at, and never panics.
//!
//! Check sums find damage before anything is decoded; here they are made right again after each change, so that what is behind them is
//! tried, too. (Damaged headers of shared objects: `src/shared.rs`.)

use isthmus_aot::build::{Builder, Parts};
use isthmus_aot::check;
use isthmus_aot::elf;
use isthmus_aot::file::ImageFile;
use isthmus_aot::format::{self, Part};
use isthmus_aot::image::Image;
use isthmus_aot::names::{self, Id, Name, NameError, Names};
use isthmus_runtime_abi::artifact::{
    CallSite, Clause, ClauseKind, CompiledMethod, Handler, InlineNode, SourcePos, Tier, TrapSite,
};
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::{Reloc, RelocKind, Symbol};
use isthmus_runtime_abi::target::Arch;
use isthmus_runtime_abi::trap::TrapKind;

/// Ids as they are.
struct Raw;

impl Names for Raw {
    fn write(&mut self, id: Id, out: &mut Vec<u8>) -> Result<(), NameError> {
        match id {
            Id::Method(m) => out.extend(m.raw().to_le_bytes()),
            Id::Type(t) => out.extend(t.raw().to_le_bytes()),
            _ => return Err(NameError::Vm("not here".into())),
        }
        Ok(())
    }
}

fn method(n: usize) -> CompiledMethod {
    let id = MethodId::from_index(n);
    let mut m = CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Opt);
    m.code = vec![0x90; 40 + 7 * n];
    let reloc = |offset, kind, symbol| Reloc {
        offset,
        kind,
        symbol,
        addend: -4,
    };
    let cell = Symbol::MethodCell(MethodId::from_index(n % 3));
    let statics = Symbol::Statics(TypeId::from_index(n));
    m.relocs = vec![
        reloc(3, RelocKind::X64PcRel32, cell),
        reloc(12, RelocKind::X64GotPcRel32, statics),
        reloc(21, RelocKind::X64Call32, cell),
    ];
    // The linker's.
    for r in &m.relocs {
        m.code[r.offset as usize..][..4].fill(0);
    }
    m.inline_tree.push(InlineNode {
        method: MethodId::from_index(n + 1),
        parent: Some((0, 5)),
    });
    let pos = |node, il| SourcePos { node, il };
    m.positions = vec![pos(0, 2), pos(1, 7), pos(0, 30)];
    let clause = |kind, node| Clause { kind, node };
    m.clauses = vec![
        clause(ClauseKind::Catch(TypeId::from_index(n)), 0),
        clause(ClauseKind::Finally, 0),
    ];
    let site = |ret, pos, clause, landing| CallSite {
        ret,
        pos,
        handlers: [Handler { clause, landing }].into_iter().collect(),
    };
    m.call_sites = vec![site(7, 0, 0, 33), site(25, 1, 1, 30)];
    m.traps = vec![TrapSite {
        offset: 9,
        kind: TrapKind::NullReference,
        pos: 2,
        handlers: Default::default(),
    }];
    m
}

fn image() -> Parts {
    let mut names = Raw;
    let mut builder = Builder::new(Arch::X64, &mut names);
    let owner = Id::Type(TypeId::from_index(4));
    for n in 0..8 {
        let mut code = method(n);
        if n % 4 == 1 {
            let mut filter = method(n);
            filter.symbol = Symbol::Filter(MethodId::from_index(n), 0);
            filter.clauses.clear();
            filter.call_sites.clear();
            code.clauses[1].kind = ClauseKind::Filter(0);
            code.filters.push(filter);
        }
        let owners = [owner];
        let owners = if n % 2 == 0 { &owners[..] } else { &[] };
        builder.add(MethodId::from_index(n), code, owners).unwrap();
    }
    let slots = [0, 1].map(|n| Symbol::MethodCell(MethodId::from_index(n)));
    builder.add_slots(owner, &slots).unwrap();
    builder.finish(b"identity", FeatureSet::MINIMUM).unwrap()
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n
    }
}

/// Makes the check sums of an image's data right.
fn seal(data: &mut [u8]) {
    let sum = format::checksum(data);
    data[format::CHECKSUM..][..4].copy_from_slice(&sum.to_le_bytes());
    let sum = format::head_checksum(data);
    data[format::HEAD_CHECKSUM..][..4].copy_from_slice(&sum.to_le_bytes());
}

/// Everything that a loader may do with an image. `true`: nothing was wrong.
fn use_all(data: &[u8]) -> bool {
    let Ok(image) = Image::of_data(data, Arch::X64) else {
        return false;
    };
    let good = check::check(&image, Arch::X64, check::shape);
    for n in 0..8 {
        let id = Name::Id(Id::Method(MethodId::from_index(n)));
        let name = names::write(&mut Raw, id).unwrap();
        if let Ok(Some(unit)) = image.find(&name) {
            let _ = (image.table(unit), image.fixups(unit), image.contexts(unit));
        }
    }
    for n in 0..image.owner_count().min(100) {
        let _ = image.slots(n);
    }
    let _ = image.check_features(FeatureSet::host());
    good.is_ok()
}

#[test]
fn parts_of_images_are_damaged_one_by_one() {
    let good = image().data;
    assert!(use_all(&good));
    let range_of = |part: Part| {
        let at = format::DIRECTORY + 8 * part as usize;
        let number = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().unwrap()) as usize;
        number(at)..number(at) + number(at + 4)
    };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut refused = 0;
    for part in Part::ALL {
        let range = range_of(part);
        assert!(!range.is_empty(), "{part:?}");
        for _ in 0..1000 {
            let mut bad = good.clone();
            for _ in 0..1 + random.below(3) {
                let at = range.start + random.below(range.len());
                bad[at] = match random.below(3) {
                    0 => bad[at] ^ 1 << random.below(8),
                    1 => [0, 0x7f, 0x80, 0xff][random.below(4)],
                    _ => bad[at].wrapping_add(1),
                };
            }
            seal(&mut bad);
            refused += usize::from(!use_all(&bad));
        }
    }
    assert!(refused > 3000, "{refused}");
}

#[test]
fn headers_of_images_are_damaged() {
    let good = image().data;
    let mut random = Random(7);
    for _ in 0..5000 {
        let mut bad = good.clone();
        for _ in 0..1 + random.below(3) {
            bad[random.below(format::HEADER_LEN)] = random.below(256) as u8;
        }
        seal(&mut bad);
        use_all(&bad);
    }
    for len in format::HEADER_LEN..good.len() {
        let mut bad = good[..len].to_vec();
        let short = u32::try_from(len).unwrap();
        bad[format::DATA_LEN..][..4].copy_from_slice(&short.to_le_bytes());
        seal(&mut bad);
        assert!(!use_all(&bad), "{len}");
    }
}

#[test]
fn objects_are_damaged() {
    let label = |m: MethodId| format!("{m:?}");
    let good = elf::object(&image(), Some(&label), &[]).unwrap();
    let look = |file: &[u8]| {
        let found = ImageFile::parse(file)?;
        let image = Image::of_data(found.data, Arch::X64).map_err(|e| e.to_string())?;
        let text = image.verify_text(&found.text, found.distance);
        text.map_err(|e| e.to_string())?;
        image.verify_checksum().map_err(|e| e.to_string())
    };
    assert_eq!(look(&good), Ok(()));
    let mut random = Random(11);
    let mut refused = 0;
    for _ in 0..4000 {
        let mut bad = good.clone();
        for _ in 0..1 + random.below(2) {
            let at = random.below(bad.len());
            bad[at] ^= 1 << random.below(8);
        }
        refused += usize::from(look(&bad).is_err());
    }
    for len in 0..good.len() {
        assert!(look(&good[..len]).is_err(), "{len}");
    }
    assert!(refused > 1000, "{refused}");
}
