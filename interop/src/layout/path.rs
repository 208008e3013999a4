//! Paths to the parts of a layout: `points[2].x`.

use super::{Group, Layout};
use isthmus_runtime_abi::target::Arch;

/// Why a path leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// A name that the structure does not have, or a name of something that is no structure.
    #[error("there is no member `{0}`")]
    NoMember(String),
    /// An index into something that is no array, or past its end.
    #[error("there is no element {0}")]
    NoElement(u32),
    /// Not a path.
    #[error("`{0}` is not a path")]
    Syntax(String),
}

impl Layout {
    /// Offset and layout of the part that a path names. An empty path names the whole.
    pub fn part(&self, path: &str, arch: Arch) -> Result<(u32, &Layout), PathError> {
        let mut rest = path;
        let (mut at, mut here) = (0, self);
        while !rest.is_empty() {
            if let Some(index) = rest.strip_prefix('[') {
                let (index, after) = index
                    .split_once(']')
                    .ok_or_else(|| PathError::Syntax(path.to_owned()))?;
                let index: u32 = index
                    .parse()
                    .map_err(|_| PathError::Syntax(path.to_owned()))?;
                let Layout::Array(element, count) = here else {
                    return Err(PathError::NoElement(index));
                };
                if index >= *count {
                    return Err(PathError::NoElement(index));
                }
                at += index * element.size(arch);
                here = element;
                rest = after;
            } else {
                let name = rest.strip_prefix('.').unwrap_or(rest);
                let end = name.find(['.', '[']).unwrap_or(name.len());
                let (name, after) = name.split_at(end);
                if name.is_empty() {
                    return Err(PathError::Syntax(path.to_owned()));
                }
                let found = here.group().and_then(|g| g.member(name));
                let (offset, layout) = found.ok_or_else(|| PathError::NoMember(name.to_owned()))?;
                at += offset;
                here = layout;
                rest = after;
            }
        }
        Ok((at, here))
    }

    fn group(&self) -> Option<&Group> {
        match self {
            Layout::Struct(g) | Layout::Union(g) => Some(g),
            Layout::Value(_) | Layout::Array(..) => None,
        }
    }
}

impl Group {
    /// Offset and layout of a member; those of nameless members count as this one's.
    fn member(&self, name: &str) -> Option<(u32, &Layout)> {
        self.members.iter().find_map(|m| {
            if m.name == name {
                return Some((m.offset, &m.layout));
            }
            let inner = m.layout.group().filter(|_| m.name.is_empty())?;
            inner.member(name).map(|(at, l)| (m.offset + at, l))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Value;

    #[test]
    fn paths() {
        let text =
            "struct { i8 n; [3 x struct { f32 x; f32 y; }] points; union { i32 i; f32 f; }; }";
        let layout = Layout::parse(text, Arch::X64).unwrap();
        let part = |path| layout.part(path, Arch::X64);
        assert_eq!(part("points[2].y"), Ok((24, &Value::F32.into())));
        assert_eq!(part("f"), Ok((28, &Value::F32.into())));
        assert_eq!(part("").unwrap().0, 0);
        assert_eq!(part("points[3]"), Err(PathError::NoElement(3)));
        assert_eq!(part("n.x"), Err(PathError::NoMember("x".into())));
        assert!(matches!(part("points[x]"), Err(PathError::Syntax(_))));
        assert!(matches!(part("n."), Err(PathError::Syntax(_))));
    }
}
