//! Who may use what: accessibility of types and members (ECMA-335 I.8.5.3, II.23.1.5, II.23.1.10, II.23.1.15).
//!
//! The code of a class stands for itself and for the classes that it is nested in: it sees the private members of all of these. Generic
//! arguments of the member's class do not matter for who may see the member, but must be visible themselves.
//!
//! | access | who |
//! | --- | --- |
//! | compiler controlled | the assembly (only by definition tokens) |
//! | private | the class and those nested in it |
//! | famandassem | both of the next two |
//! | assembly | the assembly and its friends (`InternalsVisibleToAttribute`) |
//! | family | classes derived from the class (or that implement the interface), and those nested in them; on instances of the derived class |
//! | famorassem | one of the two |
//! | public | all that see the class |

use super::member::{Field, Method};
use super::system::{Assembly, types};
use super::ty::{Type, TypeKey};
use crate::metadata::{MemberAccess, Reader, Row, TypeVisibility};

/// The code that wants to use something: that of a class.
#[derive(Clone, Copy)]
pub struct Accessor {
    class: &'static Type,
    /// Type arguments must be visible too.
    arguments: bool,
}

impl Accessor {
    /// The code of a class.
    pub fn of(class: &'static Type) -> Accessor {
        Accessor {
            class: class.definition(),
            arguments: true,
        }
    }

    /// The code of a class, where its own type parameters stand for arguments that others gave: those need not be visible to it.
    pub fn of_instance(class: &'static Type) -> Accessor {
        Accessor {
            arguments: false,
            ..Accessor::of(class)
        }
    }

    /// Whether it may name a type, with all its parts.
    pub fn sees_type(self, ty: &'static Type) -> bool {
        match &ty.key {
            TypeKey::Def(..) => self.sees_definition(ty),
            TypeKey::Inst(..) => self.sees_definition(ty.definition()) && self.sees_all(&ty.args),
            TypeKey::SzArray(e) | TypeKey::MdArray(e, _) | TypeKey::Ptr(e) | TypeKey::ByRef(e) => {
                self.sees_type(types().ty(*e))
            }
            TypeKey::FnPtr(parts) => parts.iter().all(|&p| self.sees_type(types().ty(p))),
            TypeKey::Var(_)
            | TypeKey::MVar(_)
            | TypeKey::Param(..)
            | TypeKey::SharedVar(_)
            | TypeKey::SharedMVar(_) => true,
        }
    }

    fn sees_definition(self, ty: &'static Type) -> bool {
        use TypeVisibility::*;
        let Some(assembly) = ty.assembly else {
            return true;
        };
        let visibility = ty.flags.visibility();
        if visibility == Public {
            return true;
        }
        let near = || self.is_in(assembly);
        if visibility == NotPublic {
            return near();
        }
        let Some(outer) = ty.enclosing() else {
            return true;
        };
        self.sees_definition(outer)
            && match visibility {
                NestedPrivate => self.is_part_of(outer),
                NestedFamily => self.derives_from(outer).is_some(),
                NestedAssembly => near(),
                NestedFamAndAssem => near() && self.derives_from(outer).is_some(),
                NestedFamOrAssem => near() || self.derives_from(outer).is_some(),
                NestedPublic | Public | NotPublic => true,
            }
    }

    /// Whether it may use a method; `on` is the class of the instance, where one is at hand.
    pub fn sees_method(self, m: &Method, on: Option<&'static Type>) -> bool {
        // What the VM makes is for all.
        m.rid().is_none()
            || self.sees_member(m.owner, m.flags.access(), on.filter(|_| !m.is_static()))
                && self.sees_all(&m.args)
    }

    fn sees_all(self, args: &[&'static Type]) -> bool {
        !self.arguments || args.iter().all(|a| self.sees_type(a))
    }

    /// Whether it may use a field; `on` is the class of the instance, where one is at hand.
    pub fn sees_field(self, f: &Field, on: Option<&'static Type>) -> bool {
        self.sees_member(f.owner, f.flags.access(), on.filter(|_| !f.is_static()))
    }

    fn sees_member(
        self,
        owner: &'static Type,
        access: MemberAccess,
        on: Option<&'static Type>,
    ) -> bool {
        use MemberAccess::*;
        let class = owner.definition();
        if class == self.class {
            return true;
        }
        let near = || class.assembly.is_some_and(|a| self.is_in(a));
        let family = || {
            self.derives_from(class).is_some_and(|through| {
                on.is_none_or(|on| on.kind == super::ty::Kind::Param || derives(on, through))
            })
        };
        self.sees_type(owner)
            && (access == Public
                || self.is_part_of(class)
                || match access {
                    CompilerControlled | Assembly => near(),
                    FamAndAssem => near() && family(),
                    Family => family(),
                    FamOrAssem => near() || family(),
                    Private | Reserved | Public => false,
                })
    }

    /// Itself and the classes around it.
    fn classes(self) -> impl Iterator<Item = &'static Type> {
        std::iter::successors(Some(self.class), |t| t.enclosing())
    }

    /// Whether it is the code of a class or nested in it.
    fn is_part_of(self, class: &'static Type) -> bool {
        self.classes().any(|c| c == class)
    }

    /// The class, of itself and those around it, that derives from `class`.
    fn derives_from(self, class: &'static Type) -> Option<&'static Type> {
        self.classes().find(|c| derives(c, class))
    }

    /// Whether it is of an assembly, in any of its modules, or of a friend of it.
    fn is_in(self, assembly: &'static Assembly) -> bool {
        self.class
            .assembly
            .is_some_and(|a| a.main() == assembly.main() || assembly.main().has_friend(a.main()))
    }
}

/// Whether a class is another, derives from it or implements it, whatever the type arguments.
fn derives(class: &'static Type, base: &'static Type) -> bool {
    let class = class.definition();
    let is_base = |t: &&'static Type| t.definition() == base;
    match base.is_interface() {
        true => class == base || class.interfaces().is_ok_and(|all| all.iter().any(is_base)),
        false => class == base || class.ancestors().any(|t| is_base(&t)),
    }
}

impl Assembly {
    /// Whether this assembly calls another its friend.
    pub fn has_friend(&self, other: &Assembly) -> bool {
        let friends = self.friends.get_or_init(|| self.read_friends());
        friends.iter().any(|friend| {
            friend.name.eq_ignore_ascii_case(&other.name)
                && friend.key.as_ref().is_none_or(|key| {
                    let row = other.image.assembly();
                    row.is_some_and(|r| r.public_key().is_ok_and(|k| k == &key[..]))
                })
        })
    }

    fn read_friends(&self) -> Vec<Friend> {
        let Some(row) = self.image.assembly() else {
            return Vec::new();
        };
        let (namespace, name) = (
            "System.Runtime.CompilerServices",
            "InternalsVisibleToAttribute",
        );
        self.attributes_named(row.token(), namespace, name)
            .filter_map(Friend::parse)
            .collect()
    }
}

/// An assembly that sees the internal types and members of another.
pub(super) struct Friend {
    name: String,
    /// Its public key, if it is named by that too.
    key: Option<Vec<u8>>,
}

impl Friend {
    /// Reads the value of an `InternalsVisibleToAttribute`: `Name, PublicKey=0024…`.
    fn parse(value: &[u8]) -> Option<Friend> {
        let mut r = Reader::new(value);
        r.skip(2).ok()?;
        let length = r.compressed().ok()?;
        let text = std::str::from_utf8(r.bytes(length as usize).ok()?).ok()?;
        let mut parts = text.split(',').map(str::trim);
        let name = parts.next()?.to_owned();
        let hex = parts.find_map(|p| {
            let (key, value) = p.split_once('=')?;
            let value = value.trim();
            (key.trim().eq_ignore_ascii_case("PublicKey") && value != "null").then_some(value)
        });
        let byte = |pair: &[u8]| {
            let digits = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        let key = hex.map(|h| h.as_bytes().chunks(2).map_while(byte).collect());
        Some(Friend { name, key })
    }
}

#[cfg(test)]
mod tests {
    use super::Friend;

    fn friend(text: &str) -> Option<(String, Option<Vec<u8>>)> {
        let mut value = vec![1, 0, text.len() as u8];
        value.extend(text.as_bytes());
        Friend::parse(&value).map(|f| (f.name, f.key))
    }

    #[test]
    fn names_of_friends() {
        assert_eq!(friend("A.B"), Some(("A.B".to_owned(), None)));
        assert_eq!(
            friend("A, PublicKey=00fF12"),
            Some(("A".to_owned(), Some(vec![0, 0xff, 0x12])))
        );
        assert_eq!(Friend::parse(&[1, 0, 9, b'A']).map(|f| f.name), None);
    }
}
