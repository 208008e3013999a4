//! Finds the image in a relocatable or shared object, to look at: nothing is loaded.

use crate::format;
use object::{
    Architecture, File, Object, ObjectKind, ObjectSection, ObjectSymbol, RelocationKind,
    RelocationTarget,
};
use std::borrow::Cow;

/// The image of a file.
#[derive(Debug)]
pub struct ImageFile<'a> {
    /// The data, from the header on; there may be more behind it.
    pub data: &'a [u8],
    /// The text, linked.
    pub text: Cow<'a, [u8]>,
    /// Distance from the start of the text to the first word.
    pub distance: i64,
}

impl<'a> ImageFile<'a> {
    /// Finds the image. The error says what is wrong with the file.
    pub fn parse(file: &'a [u8]) -> Result<ImageFile<'a>, String> {
        let elf = File::parse(file).map_err(|e| e.to_string())?;
        let mut symbols = elf.symbols().chain(elf.dynamic_symbols());
        let header = symbols.find(|s| s.name() == Ok(format::HEADER_SYMBOL));
        let header = header.ok_or("it is no image")?;
        let nowhere = "its header is nowhere";
        let section = header
            .section_index()
            .and_then(|n| elf.section_by_index(n).ok());
        let section = section.ok_or(nowhere)?;
        let at = header.address().checked_sub(section.address());
        let at = usize::try_from(at.ok_or(nowhere)?).map_err(|e| e.to_string())?;
        let data = section.data().map_err(|e| e.to_string())?;
        let data = data.get(at..).filter(|d| d.len() >= format::HEADER_LEN);
        let data = data.ok_or(nowhere)?;
        let (text, distance) = match elf.kind() {
            ObjectKind::Relocatable => unlinked(&elf)?,
            _ => linked(&elf, data, header.address())?,
        };
        Ok(ImageFile {
            data,
            text,
            distance,
        })
    }
}

/// The text of a shared object, where the header says that it is.
fn linked<'a>(
    elf: &File<'a>,
    data: &[u8],
    header: u64,
) -> Result<(Cow<'a, [u8]>, i64), &'static str> {
    let number = |at: usize| data[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    let address = |at: usize| header.wrapping_add(at as u64).wrapping_add(number(at));
    let len = number(format::TEXT_LEN) & 0xffff_ffff;
    let (text, words) = (address(format::TEXT), address(format::WORDS));
    let mut sections = elf.sections();
    let bytes = sections.find_map(|s| s.data_range(text, len).ok().flatten());
    let bytes = bytes.ok_or("its text is nowhere")?;
    Ok((Cow::Borrowed(bytes), words.wrapping_sub(text) as i64))
}

/// The text of a relocatable object, linked with the words right behind it.
fn unlinked<'a>(elf: &File<'a>) -> Result<(Cow<'a, [u8]>, i64), String> {
    let section = elf.section_by_name(".text").ok_or("it has no text")?;
    let mut text = section.data().map_err(|e| e.to_string())?.to_vec();
    let distance = text.len().next_multiple_of(64) as i64;
    // Other architectures' relocations are not displacements, and the text has no check sum.
    let is_x64 = elf.architecture() == Architecture::X86_64;
    for (offset, reloc) in section.relocations().filter(|_| is_x64) {
        let RelocationTarget::Symbol(symbol) = reloc.target() else {
            return Err(format!("strange relocation at {offset:#x} of its text"));
        };
        let symbol = elf.symbol_by_index(symbol).map_err(|e| e.to_string())?;
        let is_displacement = reloc.kind() == RelocationKind::Relative && reloc.size() == 32;
        let place = usize::try_from(offset).ok();
        let place = place.and_then(|at| text.get_mut(at..at.checked_add(4)?));
        let (Some(place), true) = (place, is_displacement) else {
            return Err(format!("strange relocation at {offset:#x} of its text"));
        };
        let to = (symbol.address() as i64).wrapping_add(reloc.addend());
        let value = distance.wrapping_add(to).wrapping_sub(offset as i64);
        place.copy_from_slice(&(value as i32).to_le_bytes());
    }
    Ok((Cow::Owned(text), distance))
}
