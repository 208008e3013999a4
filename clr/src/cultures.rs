//! Cultures: names, formats and texts, from `data/cultures.txt` (see the README beside it for where they come from).
//!
//! ```text
//!  [de-DE]                 a block for each culture
//!  parent=de               values that this block lacks are there, or in the first, nameless block
//!  lcid=1031               with `lcid_of`, the number means that other culture
//!  short_dates=dd.MM.yyyy|dd.MM.yy|…
//!  region.iso2=DE          the country; `territory` is empty in neutral cultures
//! ```
//!
//! The text is cut into blocks on first use; values are looked up in it.

use rustc_hash::FxHashMap;
use std::sync::OnceLock;

static TEXT: &str = include_str!("../data/cultures.txt");

/// A culture.
#[derive(Debug)]
pub struct Culture {
    /// Name; empty for the block of defaults.
    pub name: &'static str,
    values: FxHashMap<&'static str, &'static str>,
}

struct Table {
    list: Vec<Culture>,
    by_name: FxHashMap<String, usize>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut list: Vec<Culture> = Vec::new();
        for line in TEXT.lines() {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                list.push(Culture {
                    name,
                    values: FxHashMap::default(),
                });
            } else if let (Some((key, value)), Some(last)) = (line.split_once('='), list.last_mut())
            {
                last.values.insert(key, value);
            }
        }
        let by_name = list.iter().enumerate();
        let by_name = by_name
            .map(|(i, c)| (c.name.to_ascii_lowercase(), i))
            .collect();
        Table { list, by_name }
    })
}

/// All cultures except the block of defaults, with their numbers.
pub fn all() -> impl Iterator<Item = (i32, &'static Culture)> {
    (0..).zip(&table().list).skip(1)
}

/// The culture with this number.
pub fn by_index(index: i32) -> Option<&'static Culture> {
    let index = usize::try_from(index).ok().filter(|&i| i > 0)?;
    table().list.get(index)
}

/// The number of the culture of this name, in any case.
pub fn find(name: &str) -> Option<i32> {
    let index = table().by_name.get(&name.to_ascii_lowercase()).copied()?;
    (index > 0).then_some(index as i32)
}

/// The number of the culture with this identifier.
pub fn find_lcid(lcid: i32) -> Option<i32> {
    let found = all().find(|(_, c)| c.number("lcid") == lcid && c.text("lcid_of").is_empty());
    found.map(|(i, _)| i)
}

/// A culture of this country.
pub fn find_region(iso2: &str) -> Option<&'static Culture> {
    all()
        .map(|(_, c)| c)
        .find(|c| !iso2.is_empty() && c.text("region.iso2").eq_ignore_ascii_case(iso2))
}

impl Culture {
    /// The value of a key; empty if there is none.
    pub fn text(&self, key: &str) -> &'static str {
        if let Some(value) = self.values.get(key) {
            return value;
        }
        let table = table();
        let parent = self.values.get("parent").and_then(|p| find(p));
        match parent.and_then(by_index) {
            Some(parent) if !std::ptr::eq(parent, self) => parent.text(key),
            _ => table
                .list
                .first()
                .and_then(|defaults| defaults.values.get(key))
                .copied()
                .unwrap_or(""),
        }
    }

    /// A number.
    pub fn number(&self, key: &str) -> i32 {
        self.text(key).parse().unwrap_or(0)
    }

    /// The parts of a list.
    pub fn list(&self, key: &str) -> impl Iterator<Item = &'static str> {
        self.text(key).split('|')
    }

    /// Group sizes: the first two, -1 for none.
    pub fn sizes(&self, key: &str) -> [i32; 2] {
        let mut sizes = self.list(key).map(|s| s.parse().unwrap_or(-1));
        [sizes.next().unwrap_or(-1), sizes.next().unwrap_or(-1)]
    }

    /// Whether it belongs to a language without a country.
    pub fn is_neutral(&self) -> bool {
        self.text("territory").is_empty()
    }

    /// The culture above, if it is not the invariant one.
    pub fn parent(&self) -> Option<&'static Culture> {
        self.values
            .get("parent")
            .and_then(|p| find(p))
            .and_then(by_index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_from_the_culture_its_parent_or_the_defaults() {
        let german = by_index(find("DE-de").unwrap()).unwrap();
        assert_eq!(german.number("lcid"), 1031);
        assert_eq!(german.text("dec"), ",");
        assert_eq!(german.list("months").nth(2), Some("März"));
        assert_eq!(german.sizes("sizes"), [3, -1]);
        assert_eq!(german.text("neg"), "-");
        assert!(!german.is_neutral() && german.parent().unwrap().is_neutral());
        assert_eq!(find_lcid(1031), find("de-DE"));
        assert_eq!(find_region("jp").unwrap().name, "ja-JP");
        assert_eq!(find(""), None);
    }

    #[test]
    fn every_culture_is_complete() {
        for (_, c) in all() {
            for (key, parts) in [
                ("months", 13),
                ("months_gen", 13),
                ("days", 7),
                ("days_abbr", 7),
            ] {
                assert_eq!(c.list(key).count(), parts, "{} {key}", c.name);
            }
            for key in [
                "lcid",
                "english",
                "native",
                "iso3",
                "short_dates",
                "long_times",
                "dec",
            ] {
                assert!(!c.text(key).is_empty(), "{} {key}", c.name);
            }
            assert_eq!(
                c.is_neutral(),
                c.text("region.iso2").is_empty(),
                "{}",
                c.name
            );
        }
    }
}
