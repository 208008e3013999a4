//! What is linked so far: names, resources, plug-ins.

use super::bounds::{Bounds, Common};
use super::job::Job;
use super::{layout, merge, resolve};
use crate::error::{Error, Result};
use crate::executor::{Executor, Runtime};
use crate::graph::{LinkGraph, Linkage, Scope, TlsHome};
use crate::memory::{Chunk, Reservation};
use crate::plugins::{Plugin, ResourceKey};
use isthmus_runtime_abi::symbol::Symbol as CodeSymbol;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What a definition is found by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum NameKey {
    Text(Box<str>),
    Code(CodeSymbol),
    /// A group of sections.
    Group(Box<str>),
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameKey::Text(text) | NameKey::Group(text) => f.write_str(text),
            NameKey::Code(code) => write!(f, "{code:?}"),
        }
    }
}

/// What a name means.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub address: u64,
    pub size: u64,
    pub linkage: Linkage,
    pub scope: Scope,
    pub callable: bool,
    pub thumb: bool,
    pub tls: Option<TlsHome>,
    /// Who defined it, for messages.
    pub graph: Arc<str>,
    /// Number of the graph.
    pub unit: Option<u64>,
}

impl Definition {
    pub fn absolute(address: u64) -> Definition {
        Definition {
            address,
            size: 0,
            linkage: Linkage::Strong,
            scope: Scope::Default,
            callable: false,
            thumb: false,
            tls: None,
            graph: "the command".into(),
            unit: None,
        }
    }
}

/// How a session links.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Names that nobody defines are 0 instead of an error.
    pub phony_externals: bool,
}

/// A linked graph.
#[derive(Debug)]
struct Unit {
    number: u64,
    /// Memory that is its own alone.
    reservation: Option<Reservation>,
    handle: u64,
    tls_key: Option<u64>,
    frames: Option<u64>,
    initializers: Vec<(u32, Range<u64>)>,
    finalizers: Vec<(u32, Range<u64>)>,
    /// What it defines.
    names: Vec<NameKey>,
    initialized: bool,
}

/// Memory that several graphs lie in together.
#[derive(Debug)]
struct Together {
    reservation: Reservation,
    users: Vec<ResourceKey>,
}

/// A program that is being linked, graph by graph.
pub struct Session {
    executor: Arc<dyn Executor>,
    options: Options,
    plugins: Vec<Box<dyn Plugin>>,
    names: FxHashMap<NameKey, Definition>,
    resources: BTreeMap<ResourceKey, Vec<Unit>>,
    /// Graphs of what several graphs share, and who those are.
    shared: Vec<(ResourceKey, Vec<ResourceKey>)>,
    together: Vec<Together>,
    next: u64,
    /// What the executor calls the session.
    number: Option<u64>,
}

impl Drop for Session {
    /// What is registered must not outlive its memory. Errors here have nobody to go to.
    fn drop(&mut self) {
        let _ = self.close();
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session of {} resources", self.resources.len())
    }
}

impl Session {
    /// An empty session that links for an executor.
    pub fn new(executor: Arc<dyn Executor>, options: Options) -> Session {
        Session {
            executor,
            options,
            plugins: Vec::new(),
            names: FxHashMap::default(),
            resources: BTreeMap::new(),
            shared: Vec::new(),
            together: Vec::new(),
            next: 1,
            number: None,
        }
    }

    /// The executor.
    pub fn executor(&self) -> &dyn Executor {
        &*self.executor
    }

    /// Adds a plug-in, which sees what is linked from now on.
    pub fn add_plugin(&mut self, plugin: Box<dyn Plugin>) {
        self.plugins.push(plugin);
    }

    /// Gives a name an address.
    pub fn define(&mut self, name: &str, address: u64) {
        let key = NameKey::Text(name.into());
        self.names.insert(key, Definition::absolute(address));
    }

    /// Gives a compiler's symbol an address.
    pub fn define_code(&mut self, symbol: CodeSymbol, address: u64) {
        let key = NameKey::Code(symbol);
        self.names.insert(key, Definition::absolute(address));
    }

    /// The address of a name that was linked or defined (not: of what the executor has besides). Hidden names are for graphs only.
    pub fn lookup(&self, name: &str) -> Option<u64> {
        let found = self.names.get(&NameKey::Text(name.into()))?;
        (found.scope == Scope::Default).then(|| found.address | u64::from(found.thumb))
    }

    /// The address of a compiler's symbol that was linked or defined.
    pub fn lookup_code(&self, symbol: CodeSymbol) -> Option<u64> {
        let found = self.names.get(&NameKey::Code(symbol))?;
        Some(found.address)
    }

    /// Links graphs that may refer to each other and to what is there. Either all of them are linked, each with a key of its own, or none.
    pub fn link(&mut self, graphs: Vec<LinkGraph>) -> Result<Vec<ResourceKey>> {
        let mut jobs: Vec<Job> = Vec::with_capacity(graphs.len());
        for graph in graphs {
            jobs.push(Job::new(ResourceKey(self.next), graph));
            self.next += 1;
        }
        let keys: Vec<ResourceKey> = jobs.iter().map(|j| j.key).collect();
        match self.run(&mut jobs) {
            Ok(()) => Ok(keys),
            Err(error) => {
                self.undo(&jobs);
                Err(error)
            }
        }
    }

    fn run(&mut self, jobs: &mut Vec<Job>) -> Result<()> {
        let executor = Arc::clone(&self.executor);
        for job in &mut *jobs {
            if let Some(arch) = executor.arch()
                && arch != job.graph.arch
            {
                return Err(Error::graph(&job.graph, "it is for another machine"));
            }
            self.begin(job)?;
        }
        resolve::claim(jobs, &self.names)?;
        let bounds = Bounds::of(jobs, &self.names);
        for job in &mut *jobs {
            job.prepare(&bounds)?;
        }
        self.share(jobs)?;
        let common = bounds.gather(jobs)?;
        self.allocate(jobs, common.as_ref())?;
        let same_offset = jobs.iter().any(Job::wants_thread_offsets);
        for job in &mut *jobs {
            job.settle(&*executor, same_offset)?;
            job.after_allocation()?;
        }
        jobs.iter_mut().for_each(|job| self.publish(job));
        resolve::resolve(jobs, &self.names, &*executor, self.options.phony_externals)?;
        for job in &mut *jobs {
            job.fix()?;
        }
        let session = match self.number {
            Some(number) => number,
            None => executor.runtime(Runtime::OpenSession, &[])?,
        };
        self.number = Some(session);
        self.fill(jobs, common.as_ref())?;
        for job in &mut *jobs {
            job.install(&*executor, session)?;
            self.keep(job);
        }
        // Functions that choose others may use anything.
        for job in &*jobs {
            job.choose(&*executor)?;
        }
        for job in jobs {
            for plugin in &mut self.plugins {
                plugin.emitted(job.key, &job.graph, &*executor)?;
            }
        }
        Ok(())
    }

    /// Tells the plug-ins about a graph.
    fn begin(&mut self, job: &mut Job) -> Result<()> {
        for plugin in &mut self.plugins {
            plugin.modify_passes(job.key, &job.graph, &mut job.passes);
            plugin.loaded(job.key, &job.graph)?;
        }
        Ok(())
    }

    /// Makes a graph of equal strings and constants of several graphs.
    fn share(&mut self, jobs: &mut Vec<Job>) -> Result<()> {
        let Some(graph) = merge::share(jobs, self.next) else {
            return Ok(());
        };
        let users = jobs.iter().map(|job| job.key).collect();
        let mut job = Job::new(ResourceKey(self.next), graph);
        self.next += 1;
        let begun = self
            .begin(&mut job)
            .and_then(|()| job.prepare(&Bounds::default()));
        self.shared.push((job.key, users));
        jobs.push(job);
        begun
    }

    /// Gives everything an address. Graphs that have sections in common get one piece of memory.
    fn allocate(&mut self, jobs: &mut [Job], common: Option<&Common>) -> Result<()> {
        let executor = Arc::clone(&self.executor);
        let members = common.map_or(&[][..], |common| &common.members);
        for (n, job) in jobs.iter_mut().enumerate() {
            if members.binary_search(&n).is_err() {
                let reservation = executor.memory().reserve(&job.lay_out()?)?;
                job.place(&reservation.segments);
                job.reservation = Some(reservation);
            }
        }
        let Some(common) = common else {
            return Ok(());
        };
        let (mut requests, mut ends) = (Vec::new(), Vec::new());
        for &n in members {
            requests.extend(jobs[n].lay_out()?);
            ends.push(requests.len());
        }
        requests.extend(common.requests());
        layout::check_size(&jobs[members[0]].graph, &requests)?;
        let reservation = executor.memory().reserve(&requests)?;
        let segments = &reservation.segments;
        let mut start = 0;
        for (&n, &end) in members.iter().zip(&ends) {
            jobs[n].place(&segments[start..end]);
            start = end;
        }
        common.place(jobs, &segments[start..]);
        let users = members.iter().map(|&n| jobs[n].key).collect();
        self.together.push(Together { reservation, users });
        Ok(())
    }

    /// Puts all bytes in their places.
    fn fill(&self, jobs: &[Job], common: Option<&Common>) -> Result<()> {
        let memory = self.executor.memory();
        for job in jobs {
            if let Some(reservation) = &job.reservation {
                let chunks: Vec<Chunk<'_>> = job.chunks().collect();
                memory.finalize(reservation, &chunks)?;
            }
        }
        if let (Some(common), Some(together)) = (common, self.together.last()) {
            let members = common.members.iter();
            let chunks: Vec<Chunk<'_>> = members.flat_map(|&n| jobs[n].chunks()).collect();
            memory.finalize(&together.reservation, &chunks)?;
        }
        Ok(())
    }

    /// Frees memory that nobody is left in.
    fn free_together(&mut self, key: ResourceKey) -> Result<()> {
        for together in &mut self.together {
            together.users.retain(|&user| user != key);
        }
        let unused = self.together.extract_if(.., |t| t.users.is_empty());
        let memory = self.executor.memory();
        unused
            .map(|together| memory.release(&together.reservation))
            .fold(Ok(()), Result::and)
    }

    /// Forgets that a graph uses what it shares with others. Gives what nobody uses any more.
    fn unshare(&mut self, key: ResourceKey) -> Vec<ResourceKey> {
        for (_, users) in &mut self.shared {
            users.retain(|&user| user != key);
        }
        let unused = self.shared.extract_if(.., |(_, users)| users.is_empty());
        unused.map(|(shared, _)| shared).collect()
    }

    /// Makes a graph's definitions known.
    fn publish(&mut self, job: &mut Job) {
        let graph = &job.graph;
        let name: Arc<str> = graph.name.as_str().into();
        for (_, group) in resolve::groups(graph) {
            let definition = Definition {
                graph: Arc::clone(&name),
                unit: Some(job.key.0),
                ..Definition::absolute(0)
            };
            self.names.insert(group.clone(), definition);
            job.names.push(group);
        }
        for id in graph.symbols() {
            let symbol = graph.symbol(id);
            if symbol.is_external() || symbol.scope == Scope::Local {
                continue;
            }
            let (Some(key), Some(address)) = (resolve::key(graph, id), graph.address(id)) else {
                continue;
            };
            let definition = Definition {
                address,
                size: symbol.size,
                linkage: symbol.linkage,
                scope: symbol.scope,
                callable: symbol.callable,
                thumb: symbol.thumb,
                tls: match symbol.thread_local {
                    true => graph.tls_home(id).copied(),
                    false => None,
                },
                graph: Arc::clone(&name),
                unit: Some(job.key.0),
            };
            self.names.insert(key.clone(), definition);
            job.names.push(key);
        }
    }

    /// Forgets a graph's definitions.
    fn retract(&mut self, number: u64, names: &[NameKey]) {
        for name in names {
            if self.names.get(name).is_some_and(|d| d.unit == Some(number)) {
                self.names.remove(name);
            }
        }
    }

    fn keep(&mut self, job: &mut Job) {
        let handle = job.handle();
        let unit = Unit {
            number: job.key.0,
            handle,
            reservation: job.reservation.take(),
            tls_key: job.tls_key.take(),
            frames: job.frames,
            initializers: std::mem::take(&mut job.initializers),
            finalizers: std::mem::take(&mut job.finalizers),
            names: std::mem::take(&mut job.names),
            initialized: false,
        };
        self.resources.entry(job.key).or_default().push(unit);
    }

    /// Takes back what jobs have got. Errors are of no interest: there is one already.
    fn undo(&mut self, jobs: &[Job]) {
        for job in jobs {
            self.unshare(job.key);
            self.retract(job.key.0, &job.names);
            for unit in self.resources.remove(&job.key).unwrap_or_default() {
                self.retract(unit.number, &unit.names);
                let _ = self.discard(&unit);
            }
            if let Some(reservation) = &job.reservation {
                let _ = self.executor.memory().release(reservation);
            }
            if let Some(key) = job.tls_key {
                let _ = self.executor.runtime(Runtime::TlsRelease, &[key]);
            }
            let _ = self.free_together(job.key);
            for plugin in &mut self.plugins {
                plugin.failed(job.key);
            }
        }
    }

    /// Calls the initializers of what was linked since the last time, by priority, and notes the finalizers.
    pub fn initialize(&mut self) -> Result<()> {
        let units = self.resources.values_mut().flatten();
        let mut new: Vec<&mut Unit> = units.filter(|u| !u.initialized).collect();
        new.sort_by_key(|u| u.number);
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for unit in new {
            unit.initialized = true;
            let (number, handle) = (unit.number, unit.handle);
            let of = |(p, r): &(u32, Range<u64>)| (*p, number, handle, r.clone());
            before.extend(unit.initializers.iter().map(of));
            after.extend(unit.finalizers.iter().map(of));
        }
        before.sort_by_key(|&(priority, number, ..)| (priority, number));
        after.sort_by_key(|&(priority, number, ..)| (priority, number));
        for (_, _, handle, range) in after {
            let arguments = [handle, range.start, range.end];
            self.executor.runtime(Runtime::AddFinalizers, &arguments)?;
        }
        for (_, _, _, range) in before {
            let arguments = [range.start, range.end];
            self.executor
                .runtime(Runtime::RunInitializers, &arguments)?;
        }
        Ok(())
    }

    /// Runs a function as `main`; its result.
    pub fn run_main(&self, name: &str, arguments: &[String]) -> Result<i32> {
        let Some(address) = self.lookup(name) else {
            let names = vec![format!("`{name}`")];
            return Err(Error::Undefined { names });
        };
        self.executor.run_main(address, arguments)
    }

    /// Removes what belongs to a key: finalizers run, tables are taken back, memory is freed. Nothing may use it any more.
    pub fn remove(&mut self, key: ResourceKey) -> Result<()> {
        for plugin in &mut self.plugins {
            plugin.removing(key, &*self.executor)?;
        }
        let units = self.resources.remove(&key).unwrap_or_default();
        for unit in units.iter().rev() {
            self.retract(unit.number, &unit.names);
            self.executor.runtime(Runtime::Finalize, &[unit.handle])?;
            self.discard(unit)?;
        }
        self.free_together(key)?;
        let unused = self.unshare(key);
        unused
            .into_iter()
            .try_for_each(|shared| self.remove(shared))
    }

    fn discard(&self, unit: &Unit) -> Result<()> {
        if let Some(frames) = unit.frames {
            self.executor
                .runtime(Runtime::DeregisterFrames, &[frames])?;
        }
        if let Some(key) = unit.tls_key {
            self.executor.runtime(Runtime::TlsRelease, &[key])?;
        }
        match &unit.reservation {
            Some(reservation) => self.executor.memory().release(reservation),
            None => Ok(()),
        }
    }

    /// What belongs to `from` belongs to `to` from now on.
    pub fn transfer(&mut self, from: ResourceKey, to: ResourceKey) {
        if from == to {
            return;
        }
        for plugin in &mut self.plugins {
            plugin.transferring(from, to);
        }
        let shared = self.shared.iter_mut().map(|(_, users)| users);
        let together = self.together.iter_mut().map(|t| &mut t.users);
        for users in shared.chain(together) {
            let of = users.iter_mut().filter(|user| **user == from);
            of.for_each(|user| *user = to);
        }
        let units = self.resources.remove(&from).unwrap_or_default();
        self.resources.entry(to).or_default().extend(units);
    }

    /// Ends the program: finalizers run, then everything is removed, the last first.
    pub fn close(&mut self) -> Result<()> {
        if let Some(number) = self.number {
            self.executor.runtime(Runtime::CloseSession, &[number])?;
        }
        let is_shared = |key: &ResourceKey| self.shared.iter().any(|(shared, _)| shared == key);
        // What graphs share goes with the last of them.
        let keys = self.resources.keys().rev().copied();
        let keys: Vec<ResourceKey> = keys.filter(|key| !is_shared(key)).collect();
        keys.into_iter().try_for_each(|key| self.remove(key))
    }
}
