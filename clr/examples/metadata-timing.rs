//! Times the metadata reader: `cargo run --release -p isthmus-clr --example metadata-timing [file]`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use isthmus_clr::metadata::{Image, Limits, LocalEnums, MethodDefRow, TypeDefRow, walk_image};

/// The least time of several runs.
fn least<T>(runs: u32, mut f: impl FnMut() -> T) -> Duration {
    let time = |_| {
        let start = Instant::now();
        black_box(f());
        start.elapsed()
    };
    (0..runs).map(time).min().unwrap_or_default()
}

fn find_body(path: &str) -> usize {
    let image = Image::open(path).unwrap();
    let ty = image.find_type("System", "String").expect("System.String");
    let ty: TypeDefRow<'_> = image.type_def(ty).unwrap();
    let named = |&m: &MethodDefRow<'_>| m.name().is_ok_and(|n| n == "Concat");
    let method = ty
        .methods()
        .unwrap()
        .filter_map(|rid| image.method_def(rid).ok())
        .find(named);
    image
        .method_body(method.unwrap())
        .unwrap()
        .map_or(0, |body| body.code.len())
}

fn main() {
    let path = std::env::args().nth(1);
    let path = path.as_deref().unwrap_or("/usr/lib/mono/4.5/mscorlib.dll");
    let start = Instant::now();
    find_body(path);
    println!(
        "open, find System.String::Concat, read its body: {:?} at first,",
        start.elapsed()
    );
    println!("  {:?} at best", least(50, || find_body(path)));

    let image = Image::open(path).unwrap();
    println!("open alone: {:?}", least(50, || Image::open(path).unwrap()));
    let bodies = || {
        let rows = image.rows::<MethodDefRow>();
        rows.filter(|m| m.rva() != 0)
            .filter(|&m| image.method_body(m).is_ok())
            .count()
    };
    println!("all {} bodies: {:?}", bodies(), least(10, bodies));
    let signatures = || {
        image
            .rows::<MethodDefRow>()
            .filter(|m| m.sig().is_ok())
            .count()
    };
    println!(
        "all {} method signatures: {:?}",
        signatures(),
        least(10, signatures)
    );
    let walk = || walk_image(&image, Limits::default(), &LocalEnums(&image));
    println!("everything ({} rows): {:?}", walk().rows, least(3, walk));
}
