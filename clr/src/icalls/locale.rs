//! Cultures and regions as the class library's objects: filled from [`crate::cultures`].
//!
//! `datetime_index` and `number_index` of a `CultureInfo` are the culture's number there; the library passes them back when
//! it wants the formats.

use crate::cultures::{self, Culture};
use crate::types::{Type, types};
use crate::vm::Cx;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;
use std::sync::Mutex;

icalls! {
    "System.Globalization.CultureInfo" {
        "construct_internal_locale_from_lcid" => from_lcid [this: Ref, lcid: i32] -> bool;
        "construct_internal_locale_from_name" => from_name [this: Ref, name: Ref] -> bool;
        "get_current_locale_name" => current_name [] -> Ref;
        "internal_get_cultures" => all_cultures [neutral: bool, specific: bool, installed: bool] -> Ref;
    }
    "System.Globalization.CultureData" {
        "fill_culture_data" => fill_culture_data [this: Ref, index: i32] -> ();
        "fill_number_data" => fill_number_data [index: i32, entry: usize] -> usize;
    }
    "System.Globalization.CalendarData" {
        "fill_calendar_data" => fill_calendar_data [this: Ref, name: Ref, calendar: i32] -> bool;
    }
    "System.Globalization.RegionInfo" {
        "construct_internal_region_from_name" => region_from_name [this: Ref, name: Ref] -> bool;
    }
}

/// The first of these environment variables that has a value.
pub(super) fn locale_variable(names: &[&str]) -> Option<String> {
    names
        .iter()
        .filter_map(|n| std::env::var(n).ok())
        .find(|v| !v.is_empty())
}

fn set_text(cx: &Cx<'_>, object: Ref, field: &str, text: &str) -> Result<()> {
    let at = cx.offset_of(cx.type_of(object), field);
    let string = cx.string(text)?;
    cx.write_ref(object, at, string);
    Ok(())
}

fn set_number(cx: &Cx<'_>, object: Ref, field: &str, value: i32) {
    let at = cx.offset_of(cx.type_of(object), field);
    cx.write(object, at, value);
}

fn set_list(
    cx: &Cx<'_>,
    object: Ref,
    field: &str,
    list: impl Iterator<Item = &'static str>,
) -> Result<()> {
    let texts: Vec<String> = list.map(str::to_owned).collect();
    let array = crate::vm::run::string_array(cx, &texts)?;
    let at = cx.offset_of(cx.type_of(object), field);
    cx.write_ref(object, at, array);
    Ok(())
}

/// Code pages and direction of a culture's script, as `CultureInfo.TextInfo` reads them.
#[repr(C)]
struct TextData {
    ansi: i32,
    ebcdic: i32,
    mac: i32,
    oem: i32,
    right_to_left: u8,
    list_separator: u8,
}

/// The address of such data, which stays.
fn text_data(index: i32, c: &Culture) -> usize {
    static MADE: Mutex<Vec<(i32, usize)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(&(_, at)) = made.iter().find(|(i, _)| *i == index) {
        return at;
    }
    let data = Box::leak(Box::new(TextData {
        ansi: c.number("ansi"),
        ebcdic: c.number("ebcdic"),
        mac: c.number("mac"),
        oem: c.number("oem"),
        right_to_left: (c.number("rtl") != 0).into(),
        list_separator: c.text("list").bytes().next().unwrap_or(b','),
    }));
    let at = std::ptr::from_ref(data) as usize;
    made.push((index, at));
    at
}

fn construct(cx: &Cx<'_>, this: Ref, index: i32) -> Result<bool> {
    let Some(c) = cultures::by_index(index) else {
        return Ok(false);
    };
    let parent = c.parent().map_or(0x7f, |p| p.number("lcid"));
    for (field, value) in [
        ("cultureID", c.number("lcid")),
        ("parent_lcid", parent),
        ("datetime_index", index),
        ("number_index", index),
        ("default_calendar_type", c.number("calendar")),
    ] {
        set_number(cx, this, field, value);
    }
    for (field, text) in [
        ("m_name", c.name),
        ("englishname", c.text("english")),
        ("nativename", c.text("native")),
        ("win3lang", c.text("win3")),
        ("iso3lang", c.text("iso3")),
        ("iso2lang", c.text("iso2")),
    ] {
        set_text(cx, this, field, text)?;
    }
    if !c.is_neutral() {
        set_text(cx, this, "territory", c.text("territory"))?;
    }
    set_list(cx, this, "native_calendar_names", c.list("calendars"))?;
    let at = cx.offset_of(cx.type_of(this), "textinfo_data");
    cx.write(this, at, text_data(index, c));
    Ok(true)
}

fn from_lcid(cx: &Cx<'_>, this: Ref, lcid: i32) -> Result<bool> {
    match cultures::find_lcid(lcid) {
        Some(index) => construct(cx, this, index),
        None => Ok(false),
    }
}

fn from_name(cx: &Cx<'_>, this: Ref, name: Ref) -> Result<bool> {
    match cultures::find(&cx.text(name)) {
        Some(index) => construct(cx, this, index),
        None => Ok(false),
    }
}

/// The culture that the environment asks for; null stands for the invariant one.
fn current_name(cx: &Cx<'_>) -> Result<Ref> {
    let Some(locale) = locale_variable(&["LC_ALL", "LANG"]) else {
        return Ok(Ref::NULL);
    };
    let name = locale.split(['.', '@']).next().unwrap_or("");
    if matches!(name, "C" | "POSIX" | "") || name.contains([' ', '/']) {
        return Ok(Ref::NULL);
    }
    cx.string(&name.replace('_', "-").to_ascii_lowercase())
}

/// Objects of the cultures that are neutral or specific, as asked for. The first element stays null if neutral ones are wanted: there the
/// library puts the invariant culture.
fn all_cultures(cx: &Cx<'_>, neutral: bool, specific: bool, _installed: bool) -> Result<Ref> {
    let class = class("CultureInfo");
    let wanted: Vec<i32> = cultures::all()
        .filter(|(_, c)| if c.is_neutral() { neutral } else { specific })
        .map(|(i, _)| i)
        .collect();
    let first = usize::from(neutral);
    let array = cx.alloc_array(class, wanted.len() + first)?;
    for (i, index) in wanted.iter().enumerate() {
        let culture = cx.alloc(class)?;
        cx.set_element(array, i + first, culture);
        construct(cx, culture, *index)?;
        cx.write(culture, cx.offset_of(class, "m_useUserOverride"), 1u8);
    }
    Ok(array)
}

fn class(name: &str) -> &'static Type {
    types()
        .corlib()
        .find_type("System.Globalization", name)
        .unwrap_or_else(|| panic!("mscorlib has no System.Globalization.{name}"))
}

/// The culture with a number that the library got from `construct`.
fn culture(cx: &Cx<'_>, index: i32) -> Result<&'static Culture> {
    cultures::by_index(index)
        .ok_or_else(|| cx.exception("System", "ArgumentOutOfRangeException", "index"))
}

fn fill_culture_data(cx: &Cx<'_>, this: Ref, index: i32) -> Result<()> {
    let c = culture(cx, index)?;
    set_text(cx, this, "sAM1159", c.text("am"))?;
    set_text(cx, this, "sPM2359", c.text("pm"))?;
    set_text(cx, this, "sTimeSeparator", c.text("time_sep"))?;
    set_list(cx, this, "saLongTimes", c.list("long_times"))?;
    set_list(cx, this, "saShortTimes", c.list("short_times"))?;
    set_number(cx, this, "iFirstDayOfWeek", c.number("first_day"));
    set_number(cx, this, "iFirstWeekOfYear", c.number("first_week"));
    Ok(())
}

/// The fields of `NumberFormatEntryManaged`, in order: a number, the offset of a text, or one of two group sizes.
enum Entry {
    Number(&'static str),
    Text(&'static str),
    Sizes(&'static str),
}

static NUMBER_ENTRY: &[Entry] = &[
    Entry::Number("cur_digits"),
    Entry::Text("cur_dec"),
    Entry::Text("cur_group"),
    Entry::Sizes("cur_sizes"),
    Entry::Number("cur_neg"),
    Entry::Number("cur_pos"),
    Entry::Text("cur"),
    Entry::Text("nan"),
    Entry::Text("neg_inf"),
    Entry::Text("neg"),
    Entry::Number("digits"),
    Entry::Text("dec"),
    Entry::Text("group"),
    Entry::Sizes("sizes"),
    Entry::Number("num_neg"),
    Entry::Text("per_mille"),
    Entry::Number("pct_neg"),
    Entry::Number("pct_pos"),
    Entry::Text("pct"),
    Entry::Text("inf"),
    Entry::Text("pos"),
];

/// Fills in the entry; texts are offsets from the address returned, where zero-ended UTF-8 texts lie for ever.
fn fill_number_data(cx: &Cx<'_>, index: i32, entry: usize) -> Result<usize> {
    static MADE: Mutex<Vec<(i32, usize)>> = Mutex::new(Vec::new());
    let c = culture(cx, index)?;
    let mut texts: Vec<u8> = Vec::new();
    let mut words: Vec<i32> = Vec::new();
    for e in NUMBER_ENTRY {
        match e {
            Entry::Number(key) => words.push(c.number(key)),
            Entry::Sizes(key) => words.extend(c.sizes(key)),
            Entry::Text(key) => {
                words.push(texts.len() as i32);
                texts.extend(c.text(key).bytes());
                texts.push(0);
            }
        }
    }
    for (i, word) in words.iter().enumerate() {
        // SAFETY: a managed pointer to a struct of that many ints.
        unsafe { (entry as *mut i32).add(i).write_unaligned(*word) };
    }
    let mut made = MADE.lock().unwrap_or_else(|e| e.into_inner());
    if let Some(&(_, at)) = made.iter().find(|(i, _)| *i == index) {
        return Ok(at);
    }
    let at = Box::leak(texts.into_boxed_slice()).as_ptr() as usize;
    made.push((index, at));
    Ok(at)
}

/// Date formats and names of days and months; those of the Gregorian calendar whatever calendar is asked for, as in Mono.
fn fill_calendar_data(cx: &Cx<'_>, this: Ref, name: Ref, _calendar: i32) -> Result<bool> {
    let Some(c) = cultures::find(&cx.text(name)).and_then(cultures::by_index) else {
        return Ok(false);
    };
    set_text(cx, this, "sNativeName", c.text("native"))?;
    set_text(cx, this, "sMonthDay", c.text("month_day"))?;
    for (field, key) in [
        ("saShortDates", "short_dates"),
        ("saYearMonths", "year_months"),
        ("saLongDates", "long_dates"),
        ("saDayNames", "days"),
        ("saAbbrevDayNames", "days_abbr"),
        ("saSuperShortDayNames", "days_short"),
        ("saMonthNames", "months"),
        ("saAbbrevMonthNames", "months_abbr"),
        ("saMonthGenitiveNames", "months_gen"),
        ("saAbbrevMonthGenitiveNames", "months_gen_abbr"),
    ] {
        set_list(cx, this, field, c.list(key))?;
    }
    Ok(true)
}

fn region_from_name(cx: &Cx<'_>, this: Ref, name: Ref) -> Result<bool> {
    let Some(c) = cultures::find_region(&cx.text(name)) else {
        return Ok(false);
    };
    set_number(cx, this, "regionId", c.number("region.id"));
    for (field, key) in [
        ("iso2Name", "region.iso2"),
        ("iso3Name", "region.iso3"),
        ("win3Name", "region.win3"),
        ("englishName", "region.english"),
        ("nativeName", "region.native"),
        ("currencySymbol", "region.cur"),
        ("isoCurrencySymbol", "region.cur_iso"),
        ("currencyEnglishName", "region.cur_english"),
        ("currencyNativeName", "region.cur_native"),
    ] {
        set_text(cx, this, field, c.text(key))?;
    }
    Ok(true)
}
