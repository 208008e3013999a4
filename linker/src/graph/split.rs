//! Dividing blocks.

use super::{BlockId, Content, LinkGraph, SymbolId};
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// For many cuts: which symbols are in which block. Splitting keeps it up to date.
#[derive(Debug, Default)]
pub struct SymbolsByBlock(BTreeMap<BlockId, Vec<SymbolId>>);

impl SymbolsByBlock {
    /// Of a graph.
    pub fn of(graph: &LinkGraph) -> SymbolsByBlock {
        let mut map = BTreeMap::<_, Vec<_>>::new();
        for id in graph.symbols() {
            if let Some(block) = graph.symbol(id).block() {
                map.entry(block).or_default().push(id);
            }
        }
        SymbolsByBlock(map)
    }
}

impl LinkGraph {
    /// Divides a block at offsets (in order, within the block, not at its ends). The first piece keeps the block's id; returns all
    /// pieces in order. Symbols and edges go with the bytes that they are at; a symbol exactly at a cut goes to the later piece.
    ///
    /// An edge that straddles a cut is an error.
    pub fn split_block(
        &mut self,
        id: BlockId,
        cuts: &[u64],
        symbols: &mut SymbolsByBlock,
    ) -> Result<Vec<BlockId>> {
        let block = self.block(id);
        let size = block.size;
        let in_order = cuts.windows(2).all(|w| w[0] < w[1]);
        if !in_order || cuts.first() == Some(&0) || cuts.last().is_some_and(|&c| c >= size) {
            return Err(Error::graph(
                self,
                format!("block {} cannot be divided at {cuts:?}", id.0),
            ));
        }
        let (section, content) = (block.section, block.content);
        let (align, align_offset) = (block.align, block.align_offset);
        let arch = self.arch;
        let edges = std::mem::take(&mut self.block_mut(id).edges);
        for edge in &edges {
            let at = u64::from(edge.offset);
            let end = at + u64::from(edge.kind.info(arch).field.bytes());
            let next = cuts.partition_point(|&c| c <= at);
            if cuts.get(next).is_some_and(|&cut| cut < end) {
                return Err(Error::graph(
                    self,
                    format!("a relocation at {at:#x} straddles a cut of block {}", id.0),
                ));
            }
        }
        let mut pieces = vec![id];
        let starts: Vec<u64> = std::iter::once(0).chain(cuts.iter().copied()).collect();
        for (n, &start) in starts.iter().enumerate() {
            let end = starts.get(n + 1).copied().unwrap_or(size);
            if n == 0 {
                self.block_mut(id).size = end;
                continue;
            }
            let offset = (align_offset + start) % align;
            let piece = match content {
                Content::Bytes(from) => {
                    let piece = self.add_content(section, &[], align, offset);
                    let b = self.block_mut(piece);
                    b.content = Content::Bytes(from + start as usize);
                    b.size = end - start;
                    piece
                }
                Content::Zero => self.add_zeros(section, end - start, align, offset),
            };
            pieces.push(piece);
        }
        self.place_after(id, pieces[1..].to_vec());
        let piece_of = |offset: u64| starts.partition_point(|&s| s <= offset) - 1;
        for mut edge in edges {
            let n = piece_of(u64::from(edge.offset));
            edge.offset -= starts[n] as u32;
            self.block_mut(pieces[n]).edges.push(edge);
        }
        for symbol in symbols.0.remove(&id).unwrap_or_default() {
            let s = self.symbol_mut(symbol);
            let n = piece_of(s.offset);
            s.offset -= starts[n];
            s.place = super::Place::Block(pieces[n]);
            symbols.0.entry(pieces[n]).or_default().push(symbol);
        }
        Ok(pieces)
    }
}
