//! From compiled methods to the parts of an image: text, words, and data.
//!
//! ```text
//!  CompiledMethod ── code ───────────▶ text: units, 16-aligned, then stubs `jmp [word]`
//!                 ── relocations ────▶ displacements to words (left to the object's linker) and to stubs (made here)
//!                 ── symbols ────────▶ a word each; names of words
//!                 ── records ────────▶ tables, in which methods and types are numbers of bare ids
//! ```

use crate::format::{self, Part, Unit, uleb};
use crate::names::{self, Id, Name, NameError, Names};
use crate::text_sum::TextSum;
use indexmap::IndexSet;
use isthmus_eh_tables::encode::encode;
use isthmus_eh_tables::error::EncodeError;
use isthmus_runtime_abi::artifact::{ClauseKind, CompiledMethod, Tier};
use isthmus_runtime_abi::cpu::FeatureSet;
use isthmus_runtime_abi::ids::{MethodId, TypeId};
use isthmus_runtime_abi::symbol::{Reloc, RelocKind, Symbol};
use isthmus_runtime_abi::target::Arch;
use thiserror::Error;

/// Alignment of units in the text: the granule of the runtime's map of code.
pub const ALIGN: usize = 16;

/// Why code cannot be put into an image.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Something it refers to has no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A relocation that only code of this process can have.
    #[error("relocation {kind:?} of {symbol:?} has no place in an image")]
    Reloc {
        /// Its kind.
        kind: RelocKind,
        /// Its symbol.
        symbol: Symbol,
    },
    /// Its records cannot be encoded.
    #[error("unwind tables: {0}")]
    Tables(#[from] EncodeError),
    /// The image is full.
    #[error("images hold less than 2 GiB of code")]
    TooLarge,
}

/// A place in the text that leads to a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WordReloc {
    /// Where its 4 bytes are in the text.
    pub offset: u32,
    /// Number of the word.
    pub word: u32,
    /// To be added: for a displacement minus the distance from `offset` to the end of the instruction.
    pub addend: i32,
    /// What is written there.
    pub field: Field,
}

/// What a [`WordReloc`] writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    /// x86-64: the displacement from the place, 4 bytes.
    X64Displacement,
    /// AArch64 `adrp`: the distance in pages.
    A64Page,
    /// AArch64 `ldr` of 8 bytes: the offset in the page.
    A64PageOffset,
}

/// A piece of text.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Offset in the text.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
    /// What it is.
    pub what: PieceKind,
}

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PieceKind {
    /// A method's code.
    Method(MethodId),
    /// The code of a filter of a method.
    Filter(MethodId, u32),
    /// A jump through this word.
    Stub(u32),
}

/// An image before it is written.
#[derive(Debug)]
pub struct Parts {
    /// Architecture.
    pub arch: Arch,
    /// Code and stubs.
    pub text: Vec<u8>,
    /// Displacements in the text to be filled in.
    pub relocs: Vec<WordReloc>,
    /// What each word is for.
    pub words: Vec<Symbol>,
    /// The data; the header's distances to text and words are to be filled in.
    pub data: Vec<u8>,
    /// What the text is made of, in order.
    pub pieces: Vec<Piece>,
    /// What the first pieces are made of, without code and relocations, if the builder was to keep it: for listings and debuggers.
    pub sources: Vec<CompiledMethod>,
    /// Sizes of the parts of the data.
    pub part_sizes: [usize; Part::COUNT],
}

/// Names in order of first use.
struct NameTable<T> {
    entries: IndexSet<T, rustc_hash::FxBuildHasher>,
    ends: Vec<u32>,
}

impl<T: Copy + Eq + std::hash::Hash> NameTable<T> {
    fn new() -> NameTable<T> {
        NameTable {
            entries: IndexSet::default(),
            ends: Vec::new(),
        }
    }

    fn number(
        &mut self,
        entry: T,
        bytes: &mut Vec<u8>,
        write: impl FnOnce() -> Result<Vec<u8>, NameError>,
    ) -> Result<u32, NameError> {
        if let Some(n) = self.entries.get_index_of(&entry) {
            return Ok(n as u32);
        }
        bytes.extend(write()?);
        self.ends.push(bytes.len() as u32);
        self.entries.insert(entry);
        Ok(self.entries.len() as u32 - 1)
    }
}

/// Gathers units.
pub struct Builder<'n> {
    names: &'n mut dyn Names,
    arch: Arch,
    text: Vec<u8>,
    relocs: Vec<WordReloc>,
    pieces: Vec<Piece>,
    sources: Option<Vec<CompiledMethod>>,
    words: NameTable<Symbol>,
    word_names: Vec<u8>,
    ids: NameTable<Id>,
    id_names: Vec<u8>,
    units: Vec<Unit>,
    fixups: Vec<u8>,
    contexts: Vec<u8>,
    tables: Vec<u8>,
    owners: IndexSet<Id, rustc_hash::FxBuildHasher>,
    slots: Vec<(u32, Vec<u32>)>,
    /// Calls that go through stubs: (offset, word).
    calls: Vec<(u32, u32)>,
}

impl<'n> Builder<'n> {
    /// An empty image.
    pub fn new(arch: Arch, names: &'n mut dyn Names) -> Builder<'n> {
        Builder {
            names,
            arch,
            text: Vec::new(),
            relocs: Vec::new(),
            pieces: Vec::new(),
            sources: None,
            words: NameTable::new(),
            word_names: Vec::new(),
            ids: NameTable::new(),
            id_names: Vec::new(),
            units: Vec::new(),
            fixups: Vec::new(),
            contexts: Vec::new(),
            tables: Vec::new(),
            owners: IndexSet::default(),
            slots: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// Keeps what units are made of ([`Parts::sources`]).
    pub fn keep_sources(&mut self) {
        self.sources = Some(Vec::new());
    }

    /// Number of units so far.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    fn word(&mut self, symbol: Symbol) -> Result<u32, NameError> {
        let names = &mut *self.names;
        let write = || names::write(names, Name::Symbol(symbol));
        self.words.number(symbol, &mut self.word_names, write)
    }

    fn id(&mut self, id: Id) -> Result<u32, NameError> {
        let names = &mut *self.names;
        let write = || names::write(names, Name::Id(id));
        self.ids.number(id, &mut self.id_names, write)
    }

    /// Adds the code of a method with its filters. `owners`: whose generic contexts it looks things up in. If this fails, nothing is added.
    pub fn add(
        &mut self,
        method: MethodId,
        artifact: CompiledMethod,
        owners: &[Id],
    ) -> Result<(), BuildError> {
        let (text, relocs, calls) = (self.text.len(), self.relocs.len(), self.calls.len());
        let (units, fixups) = (self.units.len(), self.fixups.len());
        let (tables, pieces) = (self.tables.len(), self.pieces.len());
        let contexts = self.contexts.len();
        let result = self.add_units(method, artifact, owners);
        if result.is_err() {
            self.text.truncate(text);
            self.relocs.truncate(relocs);
            self.calls.truncate(calls);
            self.units.truncate(units);
            self.fixups.truncate(fixups);
            self.contexts.truncate(contexts);
            self.tables.truncate(tables);
            self.pieces.truncate(pieces);
            if let Some(sources) = &mut self.sources {
                sources.truncate(pieces);
            }
        }
        result
    }

    /// The unit, then its filters, breadth first: the filters of one unit follow each other.
    fn add_units(
        &mut self,
        method: MethodId,
        artifact: CompiledMethod,
        owners: &[Id],
    ) -> Result<(), BuildError> {
        let name = self.id(Id::Method(method))?;
        let mut numbers = Vec::new();
        for &owner in owners {
            self.id(owner)?;
            numbers.push(self.owners.insert_full(owner).0 as u32);
        }
        ascending(&mut self.contexts, numbers);
        let first = self.units.len();
        let mut queue = std::collections::VecDeque::from([artifact]);
        let mut made = 0;
        while let Some(mut part) = queue.pop_front() {
            let filters = std::mem::take(&mut part.filters);
            let unit = Unit {
                method: name,
                filters: (first + made + 1 + queue.len()) as u32,
                filter_count: filters.len() as u32,
                ..Unit::default()
            };
            self.add_unit(method, part, unit)?;
            queue.extend(filters);
            made += 1;
        }
        Ok(())
    }

    fn add_unit(
        &mut self,
        method: MethodId,
        mut part: CompiledMethod,
        unit: Unit,
    ) -> Result<(), BuildError> {
        self.text
            .resize(self.text.len().next_multiple_of(ALIGN), 0xcc);
        let base = u32::try_from(self.text.len()).map_err(|_| BuildError::TooLarge)?;
        if self.text.len() + part.code.len() > i32::MAX as usize {
            return Err(BuildError::TooLarge);
        }
        let mut needed = Vec::new();
        for reloc in &part.relocs {
            let (field, symbol) = place_of(reloc)?;
            let word = self.word(symbol)?;
            let offset = base + reloc.offset;
            needed.push(word);
            match field {
                None => self.calls.push((offset, word)),
                Some(field) => self.relocs.push(WordReloc {
                    offset,
                    word,
                    addend: reloc.addend as i32,
                    field,
                }),
            }
        }
        ascending(&mut self.fixups, needed);
        self.text.extend_from_slice(&part.code);
        self.pieces.push(Piece {
            offset: base,
            len: part.code.len() as u32,
            what: match part.symbol {
                Symbol::Filter(_, n) => PieceKind::Filter(method, n),
                _ => PieceKind::Method(method),
            },
        });
        if part.tier == Tier::Stub {
            // Stubs belong to no method, and have no source.
            part.inline_tree
                .iter_mut()
                .for_each(|node| node.method = method);
        }
        if let Some(sources) = &mut self.sources {
            sources.push(CompiledMethod {
                code: Vec::new(),
                relocs: Vec::new(),
                ..part.clone()
            });
        }
        self.number_ids(&mut part)?;
        self.tables.extend(encode(&part, &[])?);
        self.units.push(Unit {
            text: base,
            table_end: self.tables.len() as u32,
            fixups_end: self.fixups.len() as u32,
            contexts_end: self.contexts.len() as u32,
            ..unit
        });
        Ok(())
    }

    /// Replaces the ids of this process by numbers of the image.
    fn number_ids(&mut self, part: &mut CompiledMethod) -> Result<(), NameError> {
        for node in &mut part.inline_tree {
            node.method = MethodId::from_index(self.id(Id::Method(node.method))? as usize);
        }
        for clause in &mut part.clauses {
            if let ClauseKind::Catch(ty) = &mut clause.kind {
                *ty = TypeId::from_index(self.id(Id::Type(*ty))? as usize);
            }
        }
        Ok(())
    }

    /// The owners that units have named.
    pub fn owners(&self) -> Vec<Id> {
        self.owners.iter().copied().collect()
    }

    /// Says what the slots of an owner's generic contexts are, each as a symbol.
    pub fn add_slots(&mut self, owner: Id, slots: &[Symbol]) -> Result<(), BuildError> {
        let number = self.id(owner)?;
        let words = slots.iter().map(|&s| self.word(s));
        let words = words.collect::<Result<Vec<u32>, NameError>>()?;
        self.slots.push((number, words));
        Ok(())
    }

    /// Ends the image. `vm` is for the VM's loader to check, `features` is what code may use of the processor.
    pub fn finish(mut self, vm: &[u8], features: FeatureSet) -> Result<Parts, BuildError> {
        self.add_stubs();
        let word_names_len = self.word_names.len() as u32;
        let id_ends: Vec<u32> = self.ids.ends.iter().map(|e| e + word_names_len).collect();
        let mut slot_owners = Vec::new();
        let mut slots = Vec::new();
        for owner in &self.owners {
            let number = self.ids.entries.get_index_of(owner).unwrap_or_default() as u32;
            let said = self.slots.iter().find(|s| s.0 == number);
            slots.extend(said.iter().flat_map(|s| &s.1));
            slot_owners.extend([number, slots.len() as u32]);
        }
        let index = self.index();
        let numbers =
            |list: &[u32]| -> Vec<u8> { list.iter().flat_map(|n| n.to_le_bytes()).collect() };
        let part = |part: Part| -> Vec<u8> {
            match part {
                Part::Vm => vm.to_vec(),
                Part::Features => features.to_text(self.arch).into_bytes(),
                Part::WordNames => numbers(&self.words.ends),
                Part::IdNames => numbers(&id_ends),
                Part::Names => [&*self.word_names, &*self.id_names].concat(),
                Part::Units => self.units.iter().flat_map(|u| u.to_bytes()).collect(),
                Part::Fixups => self.fixups.clone(),
                Part::Contexts => self.contexts.clone(),
                Part::Index => numbers(&index),
                Part::Tables => self.tables.clone(),
                Part::SlotOwners => numbers(&slot_owners),
                Part::Slots => numbers(&slots),
            }
        };
        let mut part_sizes = [0; Part::COUNT];
        let mut data = vec![0; format::HEADER_LEN];
        for (n, size) in part_sizes.iter_mut().enumerate() {
            let bytes = part(Part::ALL[n]);
            data.resize(data.len().next_multiple_of(4), 0);
            let start = data_len(&data)?;
            put(
                &mut data,
                format::DIRECTORY + 8 * n,
                &[start, data_len(&bytes)?],
            );
            *size = bytes.len();
            data.extend(bytes);
        }
        let sum = TextSum::of(&self.text, &self.relocs);
        data[format::TEXT_SUM..][..8].copy_from_slice(&sum.base.to_le_bytes());
        data[format::TEXT_SUM + 8..][..8].copy_from_slice(&sum.slope.to_le_bytes());
        let checksum = format::checksum(&data);
        let len = data_len(&data)?;
        data[..8].copy_from_slice(&format::MAGIC);
        data[format::ARCH] = format::arch_code(self.arch);
        put(&mut data, format::DATA_LEN, &[len]);
        put(&mut data, format::TEXT_LEN, &[self.text.len() as u32]);
        put(
            &mut data,
            format::WORD_COUNT,
            &[self.words.entries.len() as u32],
        );
        put(
            &mut data,
            format::CHECKSUM,
            &[checksum, format::fingerprint()],
        );
        let head = format::head_checksum(&data);
        put(&mut data, format::HEAD_CHECKSUM, &[head]);
        Ok(Parts {
            arch: self.arch,
            text: self.text,
            relocs: self.relocs,
            words: self.words.entries.into_iter().collect(),
            data,
            pieces: self.pieces,
            sources: self.sources.unwrap_or_default(),
            part_sizes,
        })
    }

    /// Jumps for what code calls directly, and the displacements of the calls to them.
    fn add_stubs(&mut self) {
        let mut stubs = rustc_hash::FxHashMap::default();
        for (at, word) in std::mem::take(&mut self.calls) {
            let stub = *stubs
                .entry(word)
                .or_insert_with(|| self.add_stub(word) as u32);
            let place = &mut self.text[at as usize..at as usize + 4];
            let distance = i64::from(stub) - i64::from(at);
            match self.arch {
                Arch::A64 => {
                    // Text is shorter than the 128 MiB that `bl` reaches.
                    let call = u32::from_le_bytes([place[0], place[1], place[2], place[3]]);
                    let call = call & 0xfc00_0000 | (distance >> 2) as u32 & 0x03ff_ffff;
                    place.copy_from_slice(&call.to_le_bytes());
                }
                _ => place.copy_from_slice(&(distance as i32 - 4).to_le_bytes()),
            }
        }
    }

    /// A jump through a word; gives its offset.
    fn add_stub(&mut self, word: u32) -> usize {
        self.text.resize(self.text.len().next_multiple_of(8), 0xcc);
        let offset = self.text.len();
        // Instructions, and where the word is in them.
        let (code, fields): (&[u8], &[(u32, Field, i32)]) = match self.arch {
            Arch::A64 => (
                &A64_STUB,
                &[(0, Field::A64Page, 0), (4, Field::A64PageOffset, 0)],
            ),
            _ => (&X64_STUB, &[(2, Field::X64Displacement, -4)]),
        };
        self.text.extend(code);
        self.pieces.push(Piece {
            offset: offset as u32,
            len: code.len() as u32,
            what: PieceKind::Stub(word),
        });
        self.relocs
            .extend(fields.iter().map(|&(at, field, addend)| WordReloc {
                offset: offset as u32 + at,
                word,
                addend,
                field,
            }));
        offset
    }

    /// Hashes of the names of the methods that units are the code of, in order.
    fn index(&self) -> Vec<u32> {
        let name = |n: u32| {
            let start = n
                .checked_sub(1)
                .map_or(0, |before| self.ids.ends[before as usize]);
            &self.id_names[start as usize..self.ids.ends[n as usize] as usize]
        };
        // Only first units: a filter is found through its method.
        let mut filters = vec![false; self.units.len()];
        for unit in &self.units {
            let range = unit.filters as usize..(unit.filters + unit.filter_count) as usize;
            filters[range].fill(true);
        }
        let units = self.units.iter().zip(0..).zip(filters);
        let mut index: Vec<(u32, u32)> = units
            .filter(|(_, is_filter)| !is_filter)
            .map(|((unit, n), _)| (format::hash(name(unit.method)), n))
            .collect();
        index.sort_unstable();
        index.into_iter().flat_map(|(hash, n)| [hash, n]).collect()
    }
}

/// `jmp [rip + word]`.
const X64_STUB: [u8; 6] = [0xff, 0x25, 0, 0, 0, 0];
/// `adrp x16, word; ldr x16, [x16, word]; br x16`.
const A64_STUB: [u8; 12] = [
    0x10, 0x00, 0x00, 0x90, 0x10, 0x02, 0x40, 0xf9, 0x00, 0x02, 0x1f, 0xd6,
];

/// How a relocation leads to a word (`None`: by a call of a stub), and what that holds: the symbol, or for a call through a method's cell a
/// cell of the image's own.
fn place_of(reloc: &Reloc) -> Result<(Option<Field>, Symbol), BuildError> {
    let is_cell = matches!(reloc.symbol, Symbol::MethodCell(_));
    let field = match reloc.kind {
        RelocKind::X64Call32 => None,
        RelocKind::A64Call26 if reloc.addend == 0 => None,
        RelocKind::X64PcRel32 if is_cell => Some(Field::X64Displacement),
        RelocKind::X64GotPcRel32 => Some(Field::X64Displacement),
        RelocKind::A64AdrPrelPgHi21 if is_cell => Some(Field::A64Page),
        RelocKind::A64Ld64AbsLo12 if is_cell => Some(Field::A64PageOffset),
        RelocKind::A64AdrGotPage21 => Some(Field::A64Page),
        RelocKind::A64LdGotLo12 => Some(Field::A64PageOffset),
        kind => {
            let symbol = reloc.symbol;
            return Err(BuildError::Reloc { kind, symbol });
        }
    };
    match i32::try_from(reloc.addend) {
        Ok(_) => Ok((field, reloc.symbol)),
        Err(_) => Err(BuildError::Reloc {
            kind: reloc.kind,
            symbol: reloc.symbol,
        }),
    }
}

fn data_len(data: &[u8]) -> Result<u32, BuildError> {
    u32::try_from(data.len()).map_err(|_| BuildError::TooLarge)
}

fn put(data: &mut [u8], at: usize, numbers: &[u32]) {
    for (n, number) in numbers.iter().enumerate() {
        data[at + 4 * n..at + 4 * n + 4].copy_from_slice(&number.to_le_bytes());
    }
}

/// Appends numbers as differences of ascending ones.
fn ascending(out: &mut Vec<u8>, mut numbers: Vec<u32>) {
    numbers.sort_unstable();
    numbers.dedup();
    let mut last = 0;
    for n in numbers {
        uleb(out, n - last);
        last = n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Image, ImageError};
    use isthmus_runtime_abi::artifact::Tier;

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

    fn reloc(offset: u32, kind: RelocKind, symbol: Symbol) -> Reloc {
        Reloc {
            offset,
            kind,
            symbol,
            addend: -4,
        }
    }

    fn method(n: usize, relocs: Vec<Reloc>) -> (MethodId, CompiledMethod) {
        let id = MethodId::from_index(n);
        let mut m = CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Opt);
        m.code = vec![0x90; 20 + n];
        m.relocs = relocs;
        (id, m)
    }

    fn image() -> Parts {
        image_for(FeatureSet::MINIMUM)
    }

    fn image_for(features: FeatureSet) -> Parts {
        let cell = Symbol::MethodCell(MethodId::from_index(7));
        let entry = Symbol::MethodEntry(MethodId::from_index(8));
        let mut names = Raw;
        let mut builder = Builder::new(Arch::X64, &mut names);
        let (a, code) = method(0, vec![reloc(3, RelocKind::X64PcRel32, cell)]);
        builder.add(a, code, &[]).unwrap();
        let (b, mut code) = method(
            1,
            vec![
                reloc(1, RelocKind::X64Call32, entry),
                reloc(9, RelocKind::X64PcRel32, cell),
            ],
        );
        let (_, mut filter) = method(1, vec![reloc(5, RelocKind::X64GotPcRel32, entry)]);
        filter.symbol = Symbol::Filter(b, 0);
        code.filters.push(filter);
        let owner = Id::Type(isthmus_runtime_abi::ids::TypeId::from_index(4));
        builder.add(b, code, &[owner]).unwrap();
        builder.add_slots(owner, &[entry, cell]).unwrap();
        builder.finish(b"vm", features).unwrap()
    }

    #[test]
    fn what_was_put_in_is_found() {
        let parts = image();
        let image = Image::of_data(&parts.data, Arch::X64).unwrap();
        crate::check::check(&image, Arch::X64, |_| Ok(())).unwrap();
        assert_eq!(image.part(Part::Vm), b"vm");
        assert_eq!(image.unit_count(), 3);
        let name =
            |n| names::write(&mut Raw, Name::Id(Id::Method(MethodId::from_index(n)))).unwrap();
        assert_eq!(image.find(&name(0)), Ok(Some(0)));
        assert_eq!(image.find(&name(1)), Ok(Some(1)));
        assert_eq!(image.find(&name(2)), Ok(None));
        let unit = image.unit(1).unwrap();
        assert_eq!((unit.filters, unit.filter_count), (2, 1));
        assert_eq!(image.fixups(0), Ok(vec![0]));
        assert_eq!(image.fixups(1), Ok(vec![0, 1]));
        assert_eq!(image.fixups(2), Ok(vec![1]));
        assert_eq!(image.contexts(0), Ok(vec![]));
        let owners = image.contexts(1).unwrap();
        let (_, slots) = image.slots(owners[0]).unwrap();
        assert_eq!(slots, [1, 0]);
    }

    #[test]
    fn calls_go_through_stubs_and_words_are_left_to_the_linker() {
        let parts = image();
        let stub = parts.pieces.last().unwrap();
        assert_eq!(stub.what, PieceKind::Stub(1));
        let at = parts.pieces[1].offset as usize + 1;
        let distance = i32::from_le_bytes(parts.text[at..at + 4].try_into().unwrap());
        assert_eq!(at as i32 + 4 + distance, stub.offset as i32);
        let words: Vec<u32> = parts.relocs.iter().map(|r| r.word).collect();
        assert_eq!(words, [0, 0, 1, 1]);
    }

    #[test]
    fn what_belongs_to_this_process_is_no_part_of_an_image() {
        let mut names = Raw;
        let mut builder = Builder::new(Arch::X64, &mut names);
        let counter = Symbol::MethodCounter(MethodId::from_index(0));
        let (id, code) = method(0, vec![reloc(0, RelocKind::X64GotPcRel32, counter)]);
        assert!(builder.add(id, code, &[]).is_err());
        let vtable = Symbol::Vtable(isthmus_runtime_abi::ids::TypeId::from_index(0));
        let (id, code) = method(0, vec![reloc(0, RelocKind::Abs32, vtable)]);
        assert!(builder.add(id, code, &[]).is_err());
        assert!(builder.is_empty());
    }

    #[test]
    fn what_the_processor_lacks_is_named() {
        let set = |text| FeatureSet::parse(Arch::X64, text).unwrap();
        let parts = image_for(set("+avx2,+bmi1"));
        let image = Image::of_data(&parts.data, Arch::X64).unwrap();
        assert_eq!(image.features(), Ok(set("+avx2,+bmi1")));
        assert_eq!(image.check_features(set("x86-64-v3")), Ok(()));
        let refused = image.check_features(set("+avx"));
        let reason = "its code needs a processor with avx2, bmi1";
        assert_eq!(refused.unwrap_err().to_string(), reason);
    }

    #[test]
    fn damage_is_noticed() {
        let good = image().data;
        for at in 0..good.len() {
            let distances = format::TEXT..format::TEXT_LEN;
            // Distances are the linker's; four bytes are nothing.
            if distances.contains(&at) || (52..56).contains(&at) {
                continue;
            }
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let found = Image::of_data(&bad, Arch::X64).map_err(|e| e.to_string());
            let found = found.and_then(|i| crate::check::check(&i, Arch::X64, |_| Ok(())));
            assert!(found.is_err(), "byte {at}");
        }
        for len in 0..good.len() {
            assert!(Image::of_data(&good[..len], Arch::X64).is_err());
        }
        assert!(matches!(
            Image::of_data(&good, Arch::A64),
            Err(ImageError::Arch)
        ));
    }
}
