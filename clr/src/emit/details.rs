//! What rows say beside: constants, native types, attributes, permissions.

use super::emitter::Emitter;
use super::objects::{Fields, elements, invalid};
use crate::metadata::sig::Prim;
use crate::metadata::write::Out;
use crate::metadata::{TableId, Token, native};
use crate::types::types;
use crate::vm::cx::Result;
use isthmus_rt::object::Ref;

impl Emitter<'_> {
    /// The constant of a field, parameter or property: a boxed value, text or null.
    pub fn constant(&mut self, owner: Token, value: Ref) -> Result<()> {
        const NULL: u32 = 0x12;
        let cx = self.cx;
        let (element, bytes) = if value.is_null() {
            (NULL, vec![0; 4])
        } else {
            let class = cx.type_of(value);
            if class == types().known.string() {
                let units = cx.units(value);
                let bytes = units.iter().flat_map(|u| u.to_le_bytes()).collect();
                (Prim::String as u32, bytes)
            } else {
                let class = class.underlying();
                let prim = class.prim.filter(|_| class.is_value());
                let Some(prim) = prim else {
                    let text = format!("a constant of {}", class.full_name());
                    return Err(invalid(cx, &text));
                };
                let (size, _) = self.thrown(class.size_align())?;
                // SAFETY: the value in a live box of that size.
                let bytes = unsafe {
                    std::slice::from_raw_parts((value.addr() + 8) as *const u8, size as usize)
                };
                (prim as u32, bytes.to_vec())
            }
        };
        // An empty text is an empty blob; so is nothing, which readers tell by the type.
        let blob = self.out.heaps.blob(&bytes);
        self.out
            .add(TableId::Constant, &[element, owner.raw(), blob]);
        Ok(())
    }

    /// How a field or parameter is marshalled: an `UnmanagedMarshal`.
    pub fn marshal(&mut self, owner: Token, marshal: Ref) -> Result<()> {
        let cx = self.cx;
        let fields = Fields::of(cx, marshal)?;
        let kind = fields.get::<i32>("t")? as u8;
        let (count, element) = (fields.get::<i32>("count")?, fields.get::<i32>("tbase")?);
        let mut out = Out::default();
        out.u8(kind);
        match kind {
            native::BY_VAL_TSTR | native::BY_VAL_ARRAY => out.compressed(count.max(0) as u32),
            native::SAFE_ARRAY if element != 0 => out.compressed(element as u32),
            native::ARRAY => {
                let element = if element == 0 {
                    i32::from(native::MAX)
                } else {
                    element
                };
                out.compressed(element as u32);
                let parameter: i32 = fields.get("param_num")?;
                let sized = fields.is("has_size")?;
                if parameter > 0 || sized {
                    out.compressed(parameter.max(0) as u32);
                    if count > 0 {
                        out.compressed(count as u32);
                        // Whether the parameter counts beside the constant.
                        out.compressed(u32::from(parameter > 0));
                    }
                }
            }
            native::CUSTOM => {
                let guid = fields.text("guid")?;
                out.text(Some(&guid));
                out.text(Some(""));
                let class: Ref = fields.get("marshaltyperef")?;
                let name = match class {
                    Ref::NULL => fields.text("marshaltype")?,
                    class => super::attribute::type_name(cx, class)?,
                };
                out.text(Some(&name));
                let cookie = fields.text("mcookie")?;
                out.text(Some(&cookie));
            }
            _ => {}
        }
        let blob = self.out.heaps.blob(out.as_bytes());
        self.out.add(TableId::FieldMarshal, &[owner.raw(), blob]);
        Ok(())
    }

    /// Custom attributes: an array of `CustomAttributeBuilder`.
    pub fn attributes(&mut self, owner: Token, list: Ref) -> Result<()> {
        let cx = self.cx;
        for (_, attribute) in elements(cx, list) {
            let fields = Fields::of(cx, attribute)?;
            let ctor = self.method_token(fields.get("ctor")?, Ref::NULL)?;
            let data = fields.bytes("data")?.unwrap_or_default();
            let blob = self.out.heaps.blob(&data);
            self.out
                .add(TableId::CustomAttribute, &[owner.raw(), ctor.raw(), blob]);
        }
        Ok(())
    }

    /// Permissions: an array of `RefEmitPermissionSet`.
    pub fn permissions(&mut self, owner: Token, list: Ref) -> Result<()> {
        for set in Fields::of_array(self.cx, list) {
            let action = set.get::<i32>("action")? as u32;
            let text = set.text("pset")?;
            let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let blob = self.out.heaps.blob(&bytes);
            self.out
                .add(TableId::DeclSecurity, &[action, owner.raw(), blob]);
        }
        Ok(())
    }
}
