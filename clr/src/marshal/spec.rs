//! Parameters and results of P/Invokes and callbacks: what crosses, and when.
//!
//! ```text
//!  P/Invoke                                   callback
//!   before   managed → native                  enter    native → managed
//!   (the call of the foreign function)         (the call of the delegate)
//!   after    native → managed, release         leave    managed → native
//!   result   native → managed                  give     managed → native
//! ```
//!
//! Bodies name a parameter by the handle of the method that they are of and its position: that means the same in every process. Every function gets
//! the addresses of both locations. For a parameter by reference the managed one is the variable itself; the native one is what the foreign
//! function's pointer points to.

use super::convert::{self, read_ref, read_word, write_word};
use super::form::{self, Form, Load, Place, WORD};
use super::{any, arrays, custom, text};
use crate::metadata::{Image, Marshal, ParamAttributes, Row, native};
use crate::synth::{callback, pinvoke};
use crate::types::{Method, MethodKind, Type, TypeKey, types};
use crate::vm::Cx;
use crate::vm::cx::Result;
use crate::vm::heap;

/// How many elements an array has that native code made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Size {
    /// `SizeConst`.
    pub constant: u32,
    /// `SizeParamIndex`.
    pub param: Option<u16>,
}

/// A parameter or result.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Native form of the value.
    pub form: Form,
    /// By reference.
    pub by_ref: bool,
    /// The caller's value matters to the callee.
    pub input: bool,
    /// The callee's changes matter to the caller.
    pub output: bool,
    /// Size of arrays.
    pub size: Option<Size>,
    /// Whether `MarshalAs` says anything.
    pub explicit: bool,
}

/// All of a method: the result's (none for `void`), then the parameters' that cross.
pub type Specs = Vec<Option<Spec>>;

impl Spec {
    /// What the metadata say of a parameter (1 is the first) or the result (0) of a method, or of none.
    pub fn of(
        method: Option<&'static Method>,
        sequence: usize,
        ty: &'static Type,
        unicode: bool,
    ) -> Load<Spec> {
        let (target, by_ref) = match ty.key {
            TypeKey::ByRef(t) => (types().ty(t), true),
            _ => (ty, false),
        };
        let (marshal, flags) = match method {
            Some(m) => declared(m, sequence)?,
            None => (None, ParamAttributes::empty()),
        };
        let place = Place {
            unicode,
            inside: false,
            home: method.and_then(|m| m.assembly()),
            depth: 0,
        };
        let form = form::form_of(target, marshal, place)?;
        let (input, output) = (
            flags.contains(ParamAttributes::IN),
            flags.contains(ParamAttributes::OUT),
        );
        let both_ways = by_ref || matches!(form, Form::Builder(_));
        let builders = matches!(form, Form::Array(e) if matches!(e.form, Form::Builder(_)));
        Ok(Spec {
            form,
            by_ref,
            input: input || !output,
            output: output || (both_ways && !input) || builders,
            size: match marshal {
                Some(Marshal::Array {
                    size_param,
                    size,
                    flags,
                    ..
                }) => {
                    // Without the flag an index may be there only because a size follows it.
                    let given = flags.is_none_or(|f| f & 1 != 0);
                    Some(Size {
                        constant: size.unwrap_or(0),
                        param: size_param.filter(|_| given).map(|i| i as u16),
                    })
                }
                _ => None,
            },
            explicit: marshal.is_some_and(|m| m != Marshal::Simple(native::MAX)),
        })
    }

    /// Whether the size of an array that native code made is known.
    fn has_size(&self) -> bool {
        self.size
            .is_some_and(|s| s.constant > 0 || s.param.is_some())
    }

    /// Bytes of the native location. By reference, objects have a second word: the pointer that was passed.
    pub fn native_bytes(&self) -> u32 {
        let (size, _) = form::measure(self.form);
        let size = size.next_multiple_of(WORD).max(WORD);
        if self.keeps_pointer() { 2 * WORD } else { size }
    }

    fn keeps_pointer(&self) -> bool {
        self.by_ref && matches!(self.form, Form::Class(_) | Form::Array(_))
    }
}

/// The descriptor and flags of a parameter; 0 is the result.
fn declared(
    m: &'static Method,
    sequence: usize,
) -> Load<(Option<Marshal<'static>>, ParamAttributes)> {
    let (Some(a), Some(rid)) = (m.assembly(), m.rid()) else {
        return Ok((None, ParamAttributes::empty()));
    };
    let image: &'static Image = &a.image;
    for row in image.method_def(rid)?.params()? {
        let row = image.param(row)?;
        if usize::from(row.sequence()) == sequence {
            let marshal = match image.marshal_of(row.token())? {
                Some(marshal) => Some(marshal.descriptor()?),
                None => None,
            };
            return Ok((marshal, row.flags()));
        }
    }
    Ok((None, ParamAttributes::empty()))
}

/// The spec of a parameter (1 is the first) or the result (0) of a method, whose handle it is.
fn spec(cx: &Cx<'_>, method: usize, position: i32) -> Result<&'static Spec> {
    // SAFETY: bodies pass `Symbol::MethodHandle`, the address of a leaked method.
    let m: &'static Method = unsafe { &*(method as *const Method) };
    let all = match m.runtime.specs.get() {
        Some(all) => all,
        None => {
            let made = match m.kind {
                MethodKind::Callback(n) => callback::specs(n),
                _ => pinvoke::plan(m).map(|plan| plan.specs),
            };
            let made = made.map_err(|e| cx.load_error(&e))?;
            m.runtime.specs.get_or_init(|| made)
        }
    };
    let spec = all.get(position as usize).and_then(Option::as_ref);
    spec.ok_or_else(|| cx.exception("System", "InvalidProgramException", &m.full_name()))
}

/// Number of elements: a parameter's value and a constant.
fn count_of(spec: &Spec, count: i64) -> usize {
    let constant = spec.size.map_or(0, |s| i64::from(s.constant));
    usize::try_from(count.saturating_add(constant)).unwrap_or(0)
}

/// P/Invoke, before the call.
pub fn before(
    cx: &Cx<'_>,
    method: usize,
    position: i32,
    managed: usize,
    native: usize,
) -> Result<()> {
    let s = spec(cx, method, position)?;
    if let Form::Custom(c) = s.form {
        custom::check(cx, c)?;
    }
    match s.form {
        _ if s.by_ref && !s.input => {}
        Form::Any(unicode) => any::before(cx, unicode, read_ref(managed), s.input, native)?,
        Form::Array(e) if !s.input => {
            write_word(native, arrays::make(cx, read_ref(managed), e, false)?)
        }
        Form::Builder(encoding) if !s.input => write_word(
            native,
            text::make_buffer(cx, read_ref(managed), encoding, false)?,
        ),
        Form::Class(shape) if !s.input => {
            let null = read_ref(managed).is_null();
            let at = if null {
                0
            } else {
                text::memory(cx, shape.size as usize)?
            };
            write_word(native, at);
        }
        Form::Custom(_) if !s.input => {}
        form => convert::to_native(cx, form, managed, native)?,
    }
    if s.keeps_pointer() {
        write_word(native + WORD as usize, read_word(native));
    }
    Ok(())
}

/// P/Invoke, after the call. `count` is what the size parameter says.
pub fn after(
    cx: &Cx<'_>,
    method: usize,
    position: i32,
    managed: usize,
    native: usize,
    count: i64,
) -> Result<()> {
    let s = spec(cx, method, position)?;
    if s.by_ref {
        return after_by_ref(cx, s, managed, native, count);
    }
    match s.form {
        Form::Any(unicode) => any::after(cx, unicode, read_ref(managed), s.output, native),
        Form::Array(e) => {
            let (array, at) = (read_ref(managed), read_word(native));
            if s.output {
                arrays::read(cx, at, e, array)?;
            }
            let count = if array.is_null() { 0 } else { cx.length(array) };
            arrays::release(cx, at, e, count)
        }
        Form::Builder(encoding) => {
            if s.output {
                text::read_buffer(cx, read_ref(managed), read_word(native), encoding)?;
            }
            convert::release(cx, s.form, native)
        }
        Form::Class(shape) => {
            let (object, at) = (read_ref(managed), read_word(native));
            if s.output && !object.is_null() && at != 0 {
                convert::read_object(cx, shape, at, object)?;
            }
            convert::release(cx, s.form, native)
        }
        Form::Custom(c) => {
            let at = read_word(native);
            if s.output {
                custom::to_managed(cx, c, at)?;
            }
            custom::clean_native(cx, c, at)
        }
        form => convert::release(cx, form, native),
    }
}

fn after_by_ref(cx: &Cx<'_>, s: &Spec, managed: usize, native: usize, count: i64) -> Result<()> {
    let at = read_word(native);
    match s.form {
        Form::Array(e) => {
            let passed = read_word(native + WORD as usize);
            let before = match read_ref(managed) {
                array if array.is_null() => 0,
                array => cx.length(array),
            };
            let known = s.has_size();
            let count = count_of(s, count);
            if s.output && known {
                let array = arrays::read_new(cx, at, e, count)?;
                heap::store_ref_unknown(managed, array);
            }
            // What native code put in the pointer's place is ours now; it is let go only if all of it is known.
            match at == passed {
                true => arrays::release(cx, at, e, before),
                false if known => arrays::release(cx, at, e, count),
                false => Ok(()),
            }
        }
        Form::Class(_) => {
            if s.output {
                convert::to_managed(cx, s.form, native, managed)?;
            }
            match at == read_word(native + WORD as usize) {
                true => convert::release(cx, s.form, native),
                false => Ok(()),
            }
        }
        Form::Custom(c) => {
            if s.output {
                heap::store_ref_unknown(managed, custom::to_managed(cx, c, at)?);
            }
            custom::clean_native(cx, c, at)
        }
        form => {
            if s.output {
                convert::to_managed(cx, form, native, managed)?;
            }
            convert::release(cx, form, native)
        }
    }
}

/// P/Invoke: the result. Text and arrays belong to us now.
pub fn result(
    cx: &Cx<'_>,
    method: usize,
    position: i32,
    native: usize,
    managed: usize,
    count: i64,
) -> Result<()> {
    let s = spec(cx, method, position)?;
    match s.form {
        Form::Array(e) => {
            let array = arrays::read_new(cx, read_word(native), e, count_of(s, count))?;
            heap::store_ref_unknown(managed, array);
            arrays::release(cx, read_word(native), e, count_of(s, count))
        }
        Form::Custom(c) => {
            heap::store_ref_unknown(managed, custom::to_managed(cx, c, read_word(native))?);
            custom::clean_native(cx, c, read_word(native))
        }
        form => {
            convert::to_managed(cx, form, native, managed)?;
            match form {
                Form::Text(_) => convert::release(cx, form, native),
                _ => Ok(()),
            }
        }
    }
}

/// Callback, before the delegate is called.
pub fn enter(
    cx: &Cx<'_>,
    method: usize,
    position: i32,
    native: usize,
    managed: usize,
    count: i64,
) -> Result<()> {
    let s = spec(cx, method, position)?;
    if s.by_ref && native == 0 {
        return Err(cx.argument_null("ptr"));
    }
    if !s.input && (s.by_ref || !matches!(s.form, Form::Array(_))) {
        return Ok(());
    }
    match s.form {
        Form::Array(e) => {
            let at = read_word(native);
            let array = match s.input || at == 0 {
                true => arrays::read_new(cx, at, e, count_of(s, count))?,
                false => cx.alloc_array(e.ty, count_of(s, count))?,
            };
            heap::store_ref_unknown(managed, array);
            Ok(())
        }
        form => convert::to_managed(cx, form, native, managed),
    }
}

/// Callback, after the delegate was called.
pub fn leave(
    cx: &Cx<'_>,
    method: usize,
    position: i32,
    native: usize,
    managed: usize,
    count: i64,
) -> Result<()> {
    let s = spec(cx, method, position)?;
    match s.form {
        Form::Custom(c) if !s.by_ref => custom::clean_managed(cx, c, read_ref(managed)),
        _ if !s.output => Ok(()),
        form if s.by_ref => convert::to_native(cx, form, managed, native),
        Form::Array(e) => arrays::write(
            cx,
            read_ref(managed),
            e,
            read_word(native),
            count_of(s, count),
        ),
        Form::Class(shape) => {
            let (object, at) = (read_ref(managed), read_word(native));
            match object.is_null() || at == 0 {
                true => Ok(()),
                false => convert::write_object(cx, object, shape, at),
            }
        }
        _ => Ok(()),
    }
}

/// Callback: the result, which belongs to native code.
pub fn give(
    cx: &Cx<'_>,
    method: usize,
    position: i32,
    managed: usize,
    native: usize,
) -> Result<()> {
    let s = spec(cx, method, position)?;
    convert::to_native(cx, s.form, managed, native)?;
    match s.form {
        Form::Custom(c) => custom::clean_managed(cx, c, read_ref(managed)),
        _ => Ok(()),
    }
}
