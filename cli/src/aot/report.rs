//! `isthmus aot --report FILE`: what takes how much of the images, as text, or as JSON if the file's name ends so.

use anyhow::{Context, Result};
use isthmus_aot::build::PieceKind;
use isthmus_aot::format::Part;
use isthmus_aot::image::Image;
use isthmus_clr::aot::compile::Made;
use isthmus_clr::types::{Method, types};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// Bytes of code and of unwind and handler tables, and how many methods they belong to.
#[derive(Clone, Copy, Default)]
struct Sum {
    code: usize,
    tables: usize,
    methods: usize,
}

/// What is summed up: each with the names and their sums.
const LEVELS: [&str; 4] = ["namespaces", "types", "methods", "instantiations"];

/// An image's part of the report.
struct ImageReport {
    name: String,
    total: Sum,
    names: usize,
    words: usize,
    levels: [BTreeMap<String, Sum>; LEVELS.len()],
    /// Reasons, how many methods have each, and one of them.
    declined: Vec<(String, usize, String)>,
}

/// The images that were made.
#[derive(Default)]
pub struct Report(Vec<ImageReport>);

impl Report {
    /// Takes up an image.
    pub fn add(&mut self, name: &str, made: &Made) -> Result<()> {
        let parts = &made.parts;
        let image = Image::of_data(&parts.data, parts.arch)?;
        let mut tables = BTreeMap::new();
        for n in 0..image.unit_count() {
            tables.insert(image.unit(n)?.text, image.table(n)?.len());
        }
        let mut total = Sum::default();
        let mut levels: [BTreeMap<String, Sum>; LEVELS.len()] = Default::default();
        for piece in &parts.pieces {
            let (id, methods) = match piece.what {
                PieceKind::Method(m) => (m, 1),
                PieceKind::Filter(m, _) => (m, 0),
                PieceKind::Stub(_) => continue,
            };
            let found = Sum {
                code: piece.len as usize,
                tables: tables.get(&piece.offset).copied().unwrap_or_default(),
                methods,
            };
            total.add(found);
            for (level, name) in levels.iter_mut().zip(names(types().method(id))) {
                if let Some(name) = name {
                    level.entry(name).or_default().add(found);
                }
            }
        }
        let declined = made.declined.iter();
        self.0.push(ImageReport {
            name: name.to_owned(),
            total,
            names: parts.part_sizes[Part::Names as usize],
            words: parts.words.len(),
            levels,
            declined: declined
                .map(|(reason, (n, first))| (reason.clone(), *n, first.clone()))
                .collect(),
        });
        Ok(())
    }

    /// Writes all.
    pub fn write(&self, path: &Path) -> Result<()> {
        let is_json = path.extension().is_some_and(|e| e == "json");
        let text = match is_json {
            true => {
                let images: Vec<Value> = self.0.iter().map(ImageReport::json).collect();
                format!("{:#}\n", json!({ "images": images }))
            }
            false => self.0.iter().map(ImageReport::text).collect(),
        };
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.code += other.code;
        self.tables += other.tables;
        self.methods += other.methods;
    }
}

/// What a method counts for, by level.
fn names(m: &'static Method) -> [Option<String>; LEVELS.len()] {
    let definition = m.owner.definition();
    let mut outer = definition;
    while let Some(around) = outer.enclosing() {
        outer = around;
    }
    let ty = definition.full_name();
    let method = format!("{ty}::{}", m.name);
    let is_instance = !(m.owner.args.is_empty() && m.args.is_empty());
    [
        Some(outer.namespace().to_owned()),
        Some(ty),
        Some(method),
        is_instance.then(|| m.full_name()),
    ]
}

/// The largest first.
fn sorted(level: &BTreeMap<String, Sum>) -> Vec<(&String, &Sum)> {
    let mut all: Vec<_> = level.iter().collect();
    all.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.code + sum.tables));
    all
}

impl ImageReport {
    fn text(&self) -> String {
        let Sum {
            code,
            tables,
            methods,
        } = self.total;
        let mut out = format!(
            "{}: {methods} methods, {code} bytes of code, {tables} of tables, {} of names, {} words\n",
            self.name, self.names, self.words
        );
        // Writing to a String cannot fail.
        for (reason, n, first) in &self.declined {
            let _ = writeln!(out, "declined {n}: {reason} (first: {first})");
        }
        for (title, level) in LEVELS.iter().zip(&self.levels) {
            let _ = writeln!(
                out,
                "\n{:>9} {:>9} {:>8}  {title}",
                "code", "tables", "methods"
            );
            for (name, sum) in sorted(level) {
                let Sum {
                    code,
                    tables,
                    methods,
                } = sum;
                let _ = writeln!(out, "{code:9} {tables:9} {methods:8}  {name}");
            }
        }
        out.push('\n');
        out
    }

    fn json(&self) -> Value {
        let sum = |s: &Sum| json!({ "code": s.code, "tables": s.tables, "methods": s.methods });
        let mut value = sum(&self.total);
        value["name"] = json!(self.name);
        value["names"] = json!(self.names);
        value["words"] = json!(self.words);
        let declined = self.declined.iter();
        value["declined"] = declined
            .map(|(reason, n, first)| json!({ "reason": reason, "methods": n, "first": first }))
            .collect();
        for (title, level) in LEVELS.iter().zip(&self.levels) {
            let list = sorted(level).into_iter().map(|(name, found)| {
                let mut entry = sum(found);
                entry["name"] = json!(name);
                entry
            });
            value[title] = list.collect();
        }
        value
    }
}
