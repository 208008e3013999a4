//! What can be done with a session besides running a program: removal, transfer, plug-ins, harnesses.

#![cfg(target_arch = "x86_64")]

mod support;

use isthmus_linker::executor::Executor;
use isthmus_linker::executor::local::Local;
use isthmus_linker::formats::elf;
use isthmus_linker::graph::LinkGraph;
use isthmus_linker::link::passes::{Passes, pass};
use isthmus_linker::link::{Options, Session, harness};
use isthmus_linker::memory::pooled::Pooled;
use isthmus_linker::memory::{Chunk, MemoryManager, Request, Reservation};
use isthmus_linker::plugins::call_sites::CallSites;
use isthmus_linker::plugins::gdb::Gdb;
use isthmus_linker::plugins::jitdump::JitDump;
use isthmus_linker::plugins::print::{Point, Print};
use isthmus_linker::plugins::{Plugin, ResourceKey};
use isthmus_linker::{Error, Result};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// A pool that tests can look at while a session uses it.
#[derive(Clone, Debug)]
struct Pool(Arc<Pooled>);

impl MemoryManager for Pool {
    fn reserve(&self, requests: &[Request]) -> Result<Reservation> {
        self.0.reserve(requests)
    }
    fn finalize(&self, reservation: &Reservation, chunks: &[Chunk<'_>]) -> Result<()> {
        self.0.finalize(reservation, chunks)
    }
    fn release(&self, reservation: &Reservation) -> Result<()> {
        self.0.release(reservation)
    }
    fn patch(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.0.patch(address, bytes)
    }
    fn read(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.0.read(address, size)
    }
}

struct World {
    session: Session,
    pool: Pool,
    folder: PathBuf,
}

fn world(name: &str) -> World {
    let pool = Pool(Arc::new(Pooled::new(1 << 20).unwrap()));
    let executor = Arc::new(Local::new(Box::new(pool.clone())));
    World {
        session: Session::new(executor, Options::default()),
        pool,
        folder: support::scratch(name),
    }
}

impl World {
    fn graph(&self, name: &str) -> LinkGraph {
        self.graph_of("parts", name)
    }

    fn graph_of(&self, corpus: &str, name: &str) -> LinkGraph {
        let source = support::corpus(corpus).join(name);
        let object = support::compile("gcc", &["-O1", "-g"], &source, &self.folder);
        elf::graph(name, &std::fs::read(object).unwrap()).unwrap()
    }

    fn call(&self, function: &str, argument: u64) -> i32 {
        let address = self.session.lookup(function).unwrap();
        self.session.executor().call(address, &[argument]).unwrap() as i32
    }
}

#[test]
fn graphs_are_linked_one_after_the_other_and_removed_again() {
    let mut w = world("removed");
    let (caller, target) = (w.graph("caller.c"), w.graph("target.c"));
    let error = w.session.link(vec![caller.clone()]).unwrap_err();
    assert_eq!(error.to_string(), "undefined: `target` (caller.c)");
    assert_eq!(w.pool.0.used(), [0; 3]);
    for _ in 0..50 {
        let first = w.session.link(vec![target.clone()]).unwrap();
        let second = w.session.link(vec![caller.clone()]).unwrap();
        assert_eq!((w.call("call", 1), w.call("call_again", 1)), (12, 34));
        let error = w
            .session
            .link(vec![target.clone()])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "`target` is defined in target.c and again in target.c"
        );
        w.session.remove(second[0]).unwrap();
        assert!(w.session.lookup("call").is_none());
        assert_eq!(w.call("target", 5), 15);
        w.session.remove(first[0]).unwrap();
        assert_eq!(w.pool.0.used(), [0; 3]);
    }
    w.session.link(vec![caller, target]).unwrap();
    assert_eq!(w.call("call", 1), 12);
    w.session.close().unwrap();
    assert_eq!(w.pool.0.used(), [0; 3]);
}

/// Finalizers run once, however a session ends, and before its memory goes.
#[test]
fn a_session_that_is_dropped_is_closed() {
    for close in [false, true] {
        let mut w = world("dropped");
        let mut ended = Box::new(0i32);
        let pool = w.pool.clone();
        w.session.link(vec![w.graph("ends.c")]).unwrap();
        w.session.initialize().unwrap();
        w.call("watch", (&raw mut *ended).expose_provenance() as u64);
        if close {
            w.session.close().unwrap();
        }
        drop(w);
        assert_eq!(*ended, 1);
        assert_eq!(pool.0.used(), [0; 3]);
    }
}

#[test]
fn what_was_transferred_goes_with_its_new_key() {
    let mut w = world("transferred");
    let graphs = vec![w.graph("caller.c"), w.graph("target.c")];
    let keys = w.session.link(graphs).unwrap();
    w.session.transfer(keys[0], keys[1]);
    w.session.remove(keys[0]).unwrap();
    assert_eq!(w.call("call", 1), 12);
    w.session.remove(keys[1]).unwrap();
    assert_eq!(w.pool.0.used(), [0; 3]);
}

/// Strings that several graphs have belong to none of them: they go with the last.
#[test]
fn shared_strings_stay_as_long_as_any_user() {
    let mut w = world("shared-strings");
    let string = |w: &World, function: &str| {
        let address = w.session.lookup(function).unwrap();
        w.session.executor().call(address, &[]).unwrap()
    };
    for transferred in [false, true] {
        let names = ["strings.c", "strings_other.c"];
        let graphs = names.map(|n| w.graph_of("features", n));
        let keys = w.session.link(graphs.into()).unwrap();
        let shared = string(&w, "greeting");
        assert_eq!(string(&w, "other_greeting"), shared);
        w.session.remove(keys[0]).unwrap();
        assert_eq!(string(&w, "other_greeting"), shared);
        let text = w.pool.read(shared, 19).unwrap();
        assert_eq!(text, b"a greeting of both\0");
        let mut last = keys[1];
        if transferred {
            last = w.session.link(vec![w.graph("target.c")]).unwrap()[0];
            w.session.transfer(keys[1], last);
        }
        w.session.remove(last).unwrap();
        assert_eq!(w.pool.0.used(), [0; 3]);
    }
    let graphs = ["strings.c", "strings_other.c"].map(|n| w.graph_of("features", n));
    w.session.link(graphs.into()).unwrap();
    w.session.close().unwrap();
    assert_eq!(w.pool.0.used(), [0; 3]);
}

/// What lies between bounds stays as long as anybody may look there.
#[test]
fn sections_in_common_stay_as_long_as_any_user() {
    let mut w = world("common-sections");
    let names = ["registry.c", "registry_other.c", "registry_last.c"];
    let first = |w: &World| {
        let address = w.session.lookup("other_start").unwrap();
        w.session.executor().call(address, &[]).unwrap()
    };
    let error = w.session.link(vec![w.graph_of("features", names[0])]);
    assert!(matches!(error, Err(Error::Undefined { .. })), "{error:?}");
    assert_eq!(w.pool.0.used(), [0; 3]);
    for order in [[0, 2, 1], [2, 0, 1]] {
        let graphs = names.map(|n| w.graph_of("features", n));
        let keys = w.session.link(graphs.into()).unwrap();
        let entries = w.pool.read(first(&w), 32).unwrap();
        assert!(entries.chunks(8).all(|entry| entry != [0; 8]));
        w.session.remove(keys[order[0]]).unwrap();
        w.session.remove(keys[order[1]]).unwrap();
        assert_eq!(w.pool.read(first(&w), 32).unwrap(), entries);
        let last = w.session.link(vec![w.graph("target.c")]).unwrap()[0];
        w.session.transfer(keys[order[2]], last);
        w.session.remove(last).unwrap();
        assert_eq!(w.pool.0.used(), [0; 3]);
    }
    // The bounds are those of one link, and of nobody else.
    let graphs = names.map(|n| w.graph_of("features", n));
    w.session.link(graphs.into()).unwrap();
    assert!(w.session.lookup("__start_registry").is_none());
    let before = w.pool.0.used();
    let mut user = isthmus_linker::graph::text::parse(USER).unwrap();
    let error = w.session.link(vec![user.clone()]).unwrap_err();
    assert_eq!(error.to_string(), "undefined: `__start_registry` (user)");
    assert_eq!(w.pool.0.used(), before);
    // A definition is what it says.
    w.session.define("__start_registry", 0x1234);
    user.name = "user of a definition".to_owned();
    w.session.link(vec![user]).unwrap();
    let word = w.session.lookup("word").unwrap();
    assert_eq!(w.pool.read(word, 2).unwrap(), [0x34, 0x12]);
    w.session.close().unwrap();
    assert_eq!(w.pool.0.used(), [0; 3]);
}

/// Refers to a bound.
const USER: &str = r#"graph "user" x86-64
section 0 ".data" rw- plain ordinal 0
block 0 in 0 align 8+0 bytes 8 at 0x0
  hex 00000000 00000000
  edge 0 abs64 1 0
symbol 0 "word" block 0+0 size 8 strong default
symbol 1 "__start_registry" external size 0 strong default
"#;

/// A group is there as long as the graph that it was taken from.
#[test]
fn a_group_is_taken_once() {
    let mut w = world("groups");
    let grouped = isthmus_linker::graph::text::parse(GROUPED).unwrap();
    let first = w.session.link(vec![grouped.clone()]).unwrap();
    let used = w.pool.0.used();
    assert_ne!(used, [0; 3]);
    let second = w.session.link(vec![grouped.clone(); 2]).unwrap();
    assert_eq!(w.pool.0.used(), used);
    w.session.remove(first[0]).unwrap();
    assert_eq!(w.pool.0.used(), [0; 3]);
    w.session.link(vec![grouped]).unwrap();
    assert_eq!(w.pool.0.used(), used);
    w.session.remove(second[0]).unwrap();
    assert_eq!(w.pool.0.used(), used);
}

/// Has nothing but an initializer in a group.
const GROUPED: &str = r#"graph "grouped" x86-64
section 0 ".init_array" rw- initializers ordinal 1 group "a group" attached
block 0 in 0 align 8+0 bytes 8 at 0x0
  hex 00000000 00000000
symbol 0 anonymous block 0+0 size 0 strong local live
"#;

#[test]
fn calls_are_led_elsewhere_while_the_code_stays() {
    let mut w = world("led");
    let sites = CallSites::of(&["target"]);
    w.session.add_plugin(Box::new(sites.clone()));
    let graphs = vec![w.graph("caller.c"), w.graph("target.c"), w.graph("other.c")];
    let keys = w.session.link(graphs).unwrap();
    assert_eq!(sites.calls("target").len(), 3);
    assert_eq!(w.call("call_again", 1), 34);
    let to = w.session.lookup("replacement").unwrap();
    sites.lead("target", to, w.session.executor()).unwrap();
    assert_eq!((w.call("call", 1), w.call("call_again", 1)), (502, 1504));
    assert_eq!(w.call("target", 1), 11);
    assert!(sites.lead("target", 1 << 60, w.session.executor()).is_err());
    w.session.transfer(keys[0], keys[1]);
    w.session.remove(keys[0]).unwrap();
    assert_eq!(sites.calls("target").len(), 3);
    w.session.remove(keys[1]).unwrap();
    assert!(sites.calls("target").is_empty());
}

#[test]
fn a_harness_replaces_definitions_and_sees_local_ones() {
    let mut w = world("harness");
    let mut tested = vec![w.graph("caller.c"), w.graph("target.c")];
    let harnesses = vec![w.graph("harness.c")];
    harness::apply(&harnesses, &mut tested);
    tested.extend(harnesses);
    w.session.link(tested).unwrap();
    assert_eq!(w.call("probe", 7), 1007 * 10000 - 6);
}

/// What a plug-in hears.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Watcher {
    log: Log,
    fail: bool,
}

impl Log {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }
}

impl Plugin for Watcher {
    fn name(&self) -> &'static str {
        "watcher"
    }
    fn modify_passes(&mut self, _: ResourceKey, graph: &LinkGraph, passes: &mut Passes) {
        let name = graph.name.clone();
        for (list, point) in [
            (&mut passes.pre_prune, "pre-prune"),
            (&mut passes.post_prune, "post-prune"),
            (&mut passes.post_allocation, "post-allocation"),
            (&mut passes.pre_fixup, "pre-fixup"),
            (&mut passes.post_fixup, "post-fixup"),
        ] {
            let (log, name) = (self.log.clone(), name.clone());
            list.push(pass("watch", move |graph| {
                assert_eq!(graph.name, name);
                log.add(point);
                Ok(())
            }));
        }
    }
    fn loaded(&mut self, _: ResourceKey, _: &LinkGraph) -> Result<()> {
        self.log.add("loaded");
        Ok(())
    }
    fn emitted(&mut self, _: ResourceKey, _: &LinkGraph, _: &dyn Executor) -> Result<()> {
        self.log.add("emitted");
        match self.fail {
            true => Err(Error::Plugin {
                plugin: "watcher",
                what: "no".to_owned(),
            }),
            false => Ok(()),
        }
    }
    fn failed(&mut self, _: ResourceKey) {
        self.log.add("failed");
    }
    fn removing(&mut self, _: ResourceKey, _: &dyn Executor) -> Result<()> {
        self.log.add("removing");
        Ok(())
    }
    fn transferring(&mut self, _: ResourceKey, _: ResourceKey) {
        self.log.add("transferring");
    }
}

const POINTS: [&str; 7] = [
    "loaded",
    "pre-prune",
    "post-prune",
    "post-allocation",
    "pre-fixup",
    "post-fixup",
    "emitted",
];

#[test]
fn plugins_hear_everything_in_order() {
    let mut w = world("heard");
    let log = Log::default();
    let watcher = Watcher {
        log: log.clone(),
        fail: false,
    };
    w.session.add_plugin(Box::new(watcher));
    let keys = w.session.link(vec![w.graph("target.c")]).unwrap();
    assert_eq!(*log.0.lock().unwrap(), POINTS);
    log.0.lock().unwrap().clear();
    let more = w.session.link(vec![w.graph("other.c")]).unwrap();
    w.session.transfer(more[0], keys[0]);
    w.session.remove(keys[0]).unwrap();
    assert_eq!(log.0.lock().unwrap()[7..], ["transferring", "removing"]);
}

#[test]
fn a_plugin_can_refuse_and_nothing_is_left() {
    let mut w = world("refused");
    let log = Log::default();
    let watcher = Watcher {
        log: log.clone(),
        fail: true,
    };
    w.session.add_plugin(Box::new(watcher));
    let error = w.session.link(vec![w.graph("target.c")]).unwrap_err();
    assert_eq!(error.to_string(), "watcher: no");
    assert_eq!(log.0.lock().unwrap()[7..], ["failed"]);
    assert!(w.session.lookup("target").is_none());
    assert_eq!(w.pool.0.used(), [0; 3]);
}

#[test]
fn graphs_are_shown_at_each_step() {
    for (point, wanted) in [
        (Point::Loaded, "section 0 \".text\""),
        (Point::Pruned, "edge"),
        (Point::Allocated, "$STUBS"),
        (Point::Fixed, "pcrel32"),
    ] {
        let mut w = world("shown");
        let to = Arc::new(Mutex::new(Vec::<u8>::new()));
        w.session
            .add_plugin(Box::new(Print::new(point, to.clone())));
        w.session.define("target", 0x1234_5678_9abc);
        w.session.link(vec![w.graph("caller.c")]).unwrap();
        let text = String::from_utf8(to.lock().unwrap().clone()).unwrap();
        assert!(text.contains(wanted), "{point:?}: {text}");
        let again = isthmus_linker::graph::text::parse(&text).unwrap();
        assert_eq!(again.to_string(), text);
    }
}

#[test]
fn perf_is_told_names_addresses_and_code() {
    let mut w = world("dumped");
    let dump = JitDump::create(&w.folder).unwrap();
    let path = dump.path().to_owned();
    w.session.add_plugin(Box::new(dump));
    w.session.link(vec![w.graph("target.c")]).unwrap();
    let address = w.session.lookup("target").unwrap();
    let bytes = std::fs::read(path).unwrap();
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(
        (half(0), half(4), half(8), half(12)),
        (0x4a69_5444, 1, 40, 62)
    );
    let size = half(44) as usize;
    assert_eq!((half(40), 40 + size), (0, bytes.len()));
    assert_eq!((word(64), word(72)), (address, address));
    let code = word(80) as usize;
    assert_eq!(&bytes[96..103], b"target\0");
    let linked = w.pool.read(address, code).unwrap();
    assert_eq!(bytes[103..], linked);
}

#[test]
fn gdb_is_told_objects_and_they_go_again() {
    let mut w = world("debugged");
    w.session.add_plugin(Box::new(Gdb::new()));
    let before = w.pool.0.used();
    let keys = w
        .session
        .link(vec![w.graph("caller.c"), w.graph("target.c")]);
    let keys = keys.unwrap();
    // The objects are in read-only memory of the pool.
    assert!(w.pool.0.used()[1] > before[1] + 1000);
    for key in keys {
        w.session.remove(key).unwrap();
    }
    assert_eq!(w.pool.0.used(), [0; 3]);
}
