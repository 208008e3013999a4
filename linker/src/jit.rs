//! The short way for the runtime: one method at a time, into [`CodeMemory`], with words and stubs that all methods share.
//!
//! ```text
//!  call S  (X64Call32)       near:  e8 S              far:  e8 island ──▶ ff 25 [word of S] ──▶ S
//!  mov r,[got S]             X64GotPcRel32: the word of S
//! ```
//! A method goes through a [`LinkGraph`] like everything else: its relocations are edges, their kinds rows of the tables of [`arch`], and the same
//! code computes and checks values. What differs from a [session](crate::link::session): symbols are asked for one by one, from whoever knows them; a method is
//! one block, so nothing is pruned or laid out; and words of addresses and islands (stubs) are made once for a symbol and kept for all methods,
//! since the address of a symbol that code reaches through them must not change.
//!
//! The graph is kept and used again by each thread, so linking a method allocates next to nothing.

use crate::arch::{self, Via, fixup};
use crate::error::{Error, LinkError};
use crate::formats::method;
use crate::graph::{BlockId, LinkGraph, Name, Place, SymbolId};
use crate::memory::near::CodeMemory;
use isthmus_runtime_abi::artifact::CompiledMethod;
use isthmus_runtime_abi::symbol::Symbol;
use isthmus_runtime_abi::target::Arch;
use std::cell::Cell;

/// Code in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LinkedCode {
    /// Address.
    pub base: usize,
    /// Size in bytes.
    pub size: usize,
}

impl LinkedCode {
    /// Whether an address lies in it.
    pub fn contains(&self, pc: usize) -> bool {
        pc.wrapping_sub(self.base) < self.size
    }
}

/// Answers for addresses of symbols. It may link other code in the same memory.
pub type Resolve<'a> = dyn Fn(Symbol) -> Result<u64, LinkError> + 'a;

thread_local! {
    /// What this thread's last link used. Taken while a link is under way, for that may begin another one.
    static SCRATCH: Cell<Option<Box<method::Builder>>> = const { Cell::new(None) };
}

impl CodeMemory {
    /// Places the code of `method` (not of its filters, which are artifacts of their own) and applies its relocations.
    pub fn link(
        &self,
        method: &CompiledMethod,
        resolve: &Resolve<'_>,
    ) -> Result<LinkedCode, LinkError> {
        let scratch = SCRATCH.try_with(Cell::take).ok().flatten();
        let mut builder = scratch.unwrap_or_default();
        let linked = self.link_through(&mut builder, method, resolve);
        // A thread that ends needs it no more.
        let _ = SCRATCH.try_with(|s| s.set(Some(builder)));
        linked
    }

    fn link_through(
        &self,
        builder: &mut method::Builder,
        method: &CompiledMethod,
        resolve: &Resolve<'_>,
    ) -> Result<LinkedCode, LinkError> {
        builder.clear(method.arch);
        let block = builder.add(method)?;
        let graph = builder.graph_mut();
        let code = self.alloc_code(method.code.len(), method.align as usize)?;
        graph.block_mut(block).address = code.base as u64;
        let fixed = self.fix(graph, block, resolve);
        match fixed {
            Ok(()) => {
                self.write(code, 0, graph.bytes(block));
                self.publish(code);
                Ok(code)
            }
            Err(error) => {
                self.free(code);
                Err(error)
            }
        }
    }

    /// Applies all edges, through shared words and islands where they need them.
    fn fix(
        &self,
        graph: &mut LinkGraph,
        block: BlockId,
        resolve: &Resolve<'_>,
    ) -> Result<(), LinkError> {
        let arch = graph.arch;
        let base = graph.block(block).address;
        for n in 0..graph.block(block).edges.len() {
            let edge = graph.block(block).edges[n];
            let mut terms = fixup::Terms {
                a: edge.addend,
                p: base + u64::from(edge.offset),
                ..fixup::Terms::default()
            };
            let kind = match edge.kind.info(arch).via {
                Via::Got(kind) => {
                    let symbol = code_symbol(graph, edge.target)?;
                    terms.s = self.got(symbol, resolve)?;
                    kind
                }
                Via::Stub(kind) => {
                    terms.s = self.address(graph, edge.target, resolve)?;
                    let row = kind.info(arch);
                    let value = fixup::evaluate(row.value, &terms);
                    if !value.is_ok_and(|v| row.field.check(v).is_ok()) {
                        let symbol = code_symbol(graph, edge.target)?;
                        terms.s = self.island(arch, symbol, terms.s)?;
                    }
                    kind
                }
                _ => {
                    terms.s = self.address(graph, edge.target, resolve)?;
                    edge.kind
                }
            };
            let bytes = graph.bytes_mut(block);
            if let Err(what) = fixup::apply(arch, kind, bytes, edge.offset, terms) {
                return Err(graph.edge_error(block, &edge, what).into());
            }
        }
        Ok(())
    }

    /// The address of a symbol of the graph; asked for once.
    fn address(
        &self,
        graph: &mut LinkGraph,
        symbol: SymbolId,
        resolve: &Resolve<'_>,
    ) -> Result<u64, LinkError> {
        if let Some(address) = graph.address(symbol) {
            return Ok(address);
        }
        let address = resolve(code_symbol(graph, symbol)?)?;
        graph.symbol_mut(symbol).place = Place::External {
            address: Some(address),
            home: None,
        };
        Ok(address)
    }

    /// The word that holds the address of a symbol.
    fn got(&self, symbol: Symbol, resolve: &Resolve<'_>) -> Result<u64, LinkError> {
        if let Some(&word) = self.state().got.get(&symbol) {
            return Ok(word as u64);
        }
        // Not under the lock: `resolve` may link.
        let to = resolve(symbol)?;
        self.got_of(symbol, to)
    }

    fn got_of(&self, symbol: Symbol, to: u64) -> Result<u64, LinkError> {
        let word = self.word(to as usize)?;
        let kept = *self.state().got.entry(symbol).or_insert(word);
        if kept != word {
            self.free_data(word, 1);
        }
        Ok(kept as u64)
    }

    /// Code that jumps to a far symbol.
    fn island(&self, arch: Arch, symbol: Symbol, to: u64) -> Result<u64, LinkError> {
        if let Some(&island) = self.state().islands.get(&symbol) {
            return Ok(island as u64);
        }
        let known = self.state().got.get(&symbol).copied();
        let word = match known {
            Some(word) => word as u64,
            None => self.got_of(symbol, to)?,
        };
        let stub = &arch::description(arch).stub;
        let island = self.alloc_code(stub.code.len(), 16)?;
        let mut code = stub.code.to_vec();
        for &(offset, kind, a) in stub.edges {
            let row = kind.info(arch);
            let terms = fixup::Terms {
                s: if stub.through_got { word } else { to },
                a,
                p: island.base as u64 + u64::from(offset),
                ..fixup::Terms::default()
            };
            let place = offset as usize..(offset + row.field.bytes()) as usize;
            let value = fixup::evaluate(row.value, &terms).unwrap_or(0);
            debug_assert!(row.field.check(value).is_ok());
            row.field.write(&mut code[place], value);
        }
        self.write(island, 0, &code);
        self.publish(island);
        let kept = *self.state().islands.entry(symbol).or_insert(island.base);
        if kept != island.base {
            self.free(island);
        }
        Ok(kept as u64)
    }
}

fn code_symbol(graph: &LinkGraph, id: SymbolId) -> Result<Symbol, LinkError> {
    match graph.symbol(id).name {
        Name::Code(symbol) => Ok(symbol),
        _ => Err(Error::graph(graph, "a symbol without a compiler's name").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::near::Config;
    use isthmus_runtime_abi::artifact::Tier;
    use isthmus_runtime_abi::ids::MethodId;
    use isthmus_runtime_abi::symbol::{Reloc, RelocKind};

    fn memory() -> CodeMemory {
        CodeMemory::new(Config {
            code: 1 << 20,
            data: 1 << 16,
        })
        .unwrap()
    }

    fn method(code: &[u8], relocs: &[(u32, RelocKind, Symbol)]) -> CompiledMethod {
        let id = MethodId::from_index(0);
        let relocs = relocs.iter().map(|&(offset, kind, symbol)| Reloc {
            offset,
            kind,
            symbol,
            addend: match kind {
                RelocKind::Abs64 | RelocKind::Abs32 => 0,
                _ => -4,
            },
        });
        CompiledMethod {
            code: code.to_vec(),
            relocs: relocs.collect(),
            ..CompiledMethod::new(Symbol::MethodBody(id), id, Arch::X64, Tier::Stub)
        }
    }

    extern "C" fn forty_two() -> u64 {
        42
    }

    fn call(code: LinkedCode) -> u64 {
        // SAFETY: the tests' code is a C function without arguments.
        unsafe {
            let f: extern "C" fn() -> u64 = std::mem::transmute(code.base);
            f()
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn near_and_far_calls_and_words_work() {
        let memory = memory();
        let resolve = |symbol| match symbol {
            Symbol::Native(_) => Ok(forty_two as *const () as u64),
            Symbol::VmData(n) => Ok(u64::from(n)),
            symbol => Err(LinkError::Unresolved {
                symbol,
                reason: "unknown".into(),
            }),
        };
        // sub rsp, 8; call Native(1); add rsp, 8; ret
        let far = method(
            &[
                0x48, 0x83, 0xec, 8, 0xe8, 0, 0, 0, 0, 0x48, 0x83, 0xc4, 8, 0xc3,
            ],
            &[(5, RelocKind::X64Call32, Symbol::Native(1))],
        );
        let code = memory.link(&far, &resolve).unwrap();
        assert_eq!(call(code), 42);
        assert!(code.contains(code.base) && !code.contains(code.base + code.size));

        // Same symbol: same island, same word.
        let used = memory.used();
        let again = memory.link(&far, &resolve).unwrap();
        assert_eq!(memory.used(), (used.0 + 16, used.1));
        assert_eq!(call(again), 42);

        // mov rax, [got VmData(7)]; ret
        let word = method(
            &[0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3],
            &[(3, RelocKind::X64GotPcRel32, Symbol::VmData(7))],
        );
        assert_eq!(call(memory.link(&word, &resolve).unwrap()), 7);

        // jmp to near code, through a resolver that knows it
        let near = method(
            &[0xe9, 0, 0, 0, 0],
            &[(1, RelocKind::X64Call32, Symbol::VmData(0))],
        );
        let to = code.base as u64;
        assert_eq!(call(memory.link(&near, &|_| Ok(to)).unwrap()), 42);
    }

    #[test]
    fn errors_name_kind_and_symbol_and_leak_nothing() {
        let memory = memory();
        let cases = [
            (RelocKind::X64PcRel32, "pcrel32 of VmData(3)"),
            (RelocKind::Abs32, "is out of range"),
            (RelocKind::A64Call26, "not for this architecture"),
        ];
        for (kind, text) in cases {
            let m = method(&[0; 8], &[(0, kind, Symbol::VmData(3))]);
            let error = memory.link(&m, &|_| Ok(1 << 60)).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
            assert!(error.contains("VmData(3)"), "{error}");
        }
        let m = method(&[0; 8], &[(0, RelocKind::Abs64, Symbol::VmData(3))]);
        let none = |symbol| {
            Err(LinkError::Unresolved {
                symbol,
                reason: "nobody made it".into(),
            })
        };
        let error = memory.link(&m, &none).unwrap_err().to_string();
        assert_eq!(error, "no address for VmData(3): nobody made it");
        assert_eq!(memory.used(), (0, 0));
    }

    /// What placing a method costs. Run with `cargo test -p isthmus-linker -- --ignored --nocapture speed`.
    #[test]
    #[ignore = "a measurement"]
    fn speed() {
        let memory = memory();
        let near = memory.alloc_code(16, 16).unwrap().base as u64;
        let relocs: Vec<_> = (0..20)
            .map(|i| match i % 2 {
                0 => (16 * i, RelocKind::X64GotPcRel32, Symbol::VmData(i)),
                _ => (16 * i, RelocKind::X64Call32, Symbol::Native(0)),
            })
            .collect();
        let m = method(&[0x90; 400], &relocs);
        let resolve = |_| Ok(near);
        let start = std::time::Instant::now();
        let rounds: u32 = 20_000;
        for _ in 0..rounds {
            let code = memory.link(&m, &resolve).unwrap();
            memory.free(code);
        }
        let each = start.elapsed() / rounds;
        println!("400 bytes, 20 relocations: {each:?} to link and free");
    }

    #[test]
    fn threads_link_at_the_same_time() {
        let memory = memory();
        let resolve = |symbol| match symbol {
            Symbol::VmData(n) => Ok(u64::from(n)),
            _ => Ok(0),
        };
        // mov rax, [got VmData(n)]; ret
        let get = |n| {
            let code = [0x48, 0x8b, 0x05, 0, 0, 0, 0, 0xc3];
            method(&code, &[(3, RelocKind::X64GotPcRel32, Symbol::VmData(n))])
        };
        std::thread::scope(|scope| {
            for t in 0..4 {
                let (memory, resolve, get) = (&memory, &resolve, &get);
                scope.spawn(move || {
                    for i in 0..2_000u32 {
                        let n = (i * (t + 1)) % 50;
                        let code = memory.link(&get(n), resolve).unwrap();
                        if cfg!(target_arch = "x86_64") {
                            assert_eq!(call(code), u64::from(n));
                        }
                        memory.free(code);
                    }
                });
            }
        });
        // 50 shared words, no code.
        assert_eq!(memory.used(), (0, 50 * size_of::<usize>()));
    }
}
