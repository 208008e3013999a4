//! `isthmus aot-check`: decodes all of images.

use crate::output::outln;
use anyhow::{Context, Result, anyhow, bail};
use isthmus_aot::check;
use isthmus_aot::file::ImageFile;
use isthmus_aot::format;
use isthmus_aot::image::Image;
use isthmus_runtime_abi::target::Arch;
use std::fs;
use std::path::PathBuf;

/// Arguments of `aot-check`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Images: relocatable or shared objects.
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

/// Decodes all of images.
pub fn run(args: Args) -> Result<()> {
    for path in &args.images {
        let context = || path.display().to_string();
        let file = fs::read(path).with_context(context)?;
        let file = ImageFile::parse(&file);
        let file = file.map_err(|e| anyhow!("{}: {e}", path.display()))?;
        let arch = format::arch_of(file.data).unwrap_or(Arch::X64);
        let image = Image::of_data(file.data, arch).with_context(context)?;
        let text = image.verify_text(&file.text, file.distance);
        text.with_context(context)?;
        let found = check::check(&image, arch, check::shape);
        match found {
            Ok(found) => outln!(
                "{}: {} units, {} bytes of code, {} words, {} ids, for {}",
                path.display(),
                found.units,
                found.code,
                found.words,
                found.ids,
                found.features.describe(arch)
            ),
            Err(reason) => bail!("{}: {reason}", path.display()),
        }
    }
    Ok(())
}
