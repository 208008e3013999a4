//! Assemblies that several threads need at once.

use isthmus_clr::types::types;
use isthmus_clr::vm::run::{class_library, start_types};
use std::path::Path;
use std::sync::Barrier;

#[test]
fn threads_that_need_an_assembly_at_once_get_the_same() {
    start_types(Path::new("/program.exe"), None).unwrap();
    let files = std::fs::read_dir(class_library(None)).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let libraries = paths.filter(|path| path.extension().is_some_and(|e| e == "dll"));
    let names: Vec<String> = libraries
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    const THREADS: usize = 4;
    let gate = Barrier::new(THREADS);
    let load_all = || {
        let load = |name: &String| {
            gate.wait();
            types().load(name).map(|a| a.index).ok()
        };
        names.iter().map(load).collect()
    };
    let found: Vec<Vec<Option<u32>>> = std::thread::scope(|s| {
        let threads: Vec<_> = (0..THREADS).map(|_| s.spawn(load_all)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(found[0].iter().flatten().count() > 20, "{names:?}");
    for other in &found[1..] {
        assert_eq!(other, &found[0]);
    }
    let mut paths: Vec<_> = types().assemblies().iter().map(|a| &a.path).collect();
    let count = paths.len();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), count, "one is there twice");
}
