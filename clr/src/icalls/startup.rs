use crate::types::types;
use crate::vm::cx::Result;
use crate::vm::{Cx, arrays, heap, reflect};
use isthmus_rt::object::Ref;

icalls! {
    "System.String" { "FastAllocateString" => fast_allocate [n: i32] -> Ref; }
    "System.Runtime.CompilerServices.RuntimeHelpers" { "InitializeArray" => initialize_array [array: Ref, field: usize] -> (); }
    "System.Threading.Thread" { "GetCurrentThread" => current_thread [] -> Ref; }
    "System.Array" { "GetLength" => get_length [a: Ref, d: i32] -> i32; "GetLowerBound" => get_lower [a: Ref, d: i32] -> i32; "GetRank" => get_rank [a: Ref] -> i32; }
    "System.Type" { "internal_from_handle" => from_handle [h: usize] -> Ref; }
}
fn fast_allocate(cx: &Cx<'_>, n: i32) -> Result<Ref> {
    cx.string_of_length(n.max(0) as usize)
}
fn current_thread(cx: &Cx<'_>) -> Result<Ref> {
    crate::vm::threads::current(cx)
}
fn from_handle(cx: &Cx<'_>, h: usize) -> Result<Ref> {
    reflect::type_object(cx, unsafe { &*(h as *const crate::types::Type) })
}
fn get_length(cx: &Cx<'_>, a: Ref, d: i32) -> Result<i32> {
    let t = cx.type_of(a);
    Ok(if t.is_sz_array() {
        cx.length(a) as i32
    } else {
        arrays::bounds(cx, a, d as u32).0
    })
}
fn get_lower(cx: &Cx<'_>, a: Ref, d: i32) -> Result<i32> {
    let t = cx.type_of(a);
    Ok(if t.is_sz_array() {
        0
    } else {
        arrays::bounds(cx, a, d as u32).1
    })
}
fn get_rank(cx: &Cx<'_>, a: Ref) -> Result<i32> {
    Ok(cx.type_of(a).rank() as i32)
}
fn initialize_array(cx: &Cx<'_>, array: Ref, field: usize) -> Result<()> {
    let f = unsafe { &*(field as *const crate::types::Field) };
    let from = crate::vm::statics::data_of(f).map_err(|e| cx.load_error(&e))?;
    let size = cx
        .type_of(array)
        .element()
        .unwrap_or(types().known.byte())
        .size_align()
        .map_err(|e| cx.load_error(&e))?
        .0 as usize;
    let at = if cx.type_of(array).is_sz_array() {
        16
    } else {
        isthmus_runtime_abi::layout::md_data(cx.type_of(array).rank())
    };
    heap::copy_unknown(
        array.addr() + at as usize,
        from,
        size * cx.length(array),
        false,
    );
    Ok(())
}
