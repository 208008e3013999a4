//! Dead-stripping: what no live symbol reaches is taken out.

use crate::error::Result;
use crate::graph::{BlockId, LinkGraph, Scope, SectionRole};

/// Marks what others may ask for: names that are not local, and functions that run by themselves.
pub fn mark_exported(graph: &mut LinkGraph) -> Result<()> {
    let ids: Vec<_> = graph.symbols().collect();
    for id in ids {
        let symbol = graph.symbol(id);
        if symbol.block().is_some() && symbol.scope != Scope::Local {
            graph.symbol_mut(id).live = true;
        }
    }
    let roots: Vec<BlockId> = graph
        .blocks()
        .filter(|&b| {
            let section = graph.section(graph.block(b).section);
            let runs = matches!(
                section.role,
                SectionRole::Initializers | SectionRole::Finalizers
            );
            runs && !section.discarded
        })
        .collect();
    for block in roots {
        let symbol = graph.add_anonymous(block, 0);
        graph.symbol_mut(symbol).live = true;
    }
    Ok(())
}

/// Takes out blocks that no live symbol leads to, and symbols that nothing refers to.
pub fn prune(graph: &mut LinkGraph) {
    let mut kept_symbols = vec![false; graph.symbol_limit()];
    let mut kept_blocks = vec![false; graph.block_limit()];
    let mut work: Vec<BlockId> = Vec::new();
    let reach = |block: Option<BlockId>, kept: &mut Vec<bool>, work: &mut Vec<BlockId>| {
        if let Some(block) = block
            && !std::mem::replace(&mut kept[block.index()], true)
        {
            work.push(block);
        }
    };
    for id in graph.symbols() {
        let symbol = graph.symbol(id);
        if symbol.live {
            kept_symbols[id.index()] = true;
            reach(symbol.block(), &mut kept_blocks, &mut work);
        }
    }
    while let Some(block) = work.pop() {
        for edge in &graph.block(block).edges {
            kept_symbols[edge.target.index()] = true;
            reach(
                graph.symbol(edge.target).block(),
                &mut kept_blocks,
                &mut work,
            );
        }
    }
    let symbols: Vec<_> = graph.symbols().collect();
    for id in symbols {
        // Names of kept blocks stay, for debuggers.
        let block = graph.symbol(id).block();
        let named = block.is_some_and(|b| kept_blocks[b.index()]);
        if !kept_symbols[id.index()] && !named {
            graph.remove_symbol(id);
        }
    }
    let blocks: Vec<_> = graph.blocks().collect();
    for id in blocks {
        if !kept_blocks[id.index()] {
            graph.remove_block(id);
        }
    }
}
