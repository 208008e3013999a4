//! The heaps: each content once.

use super::out::Out;
use rustc_hash::FxHashMap;

/// One heap: bytes, and where each content lies.
#[derive(Debug)]
pub struct Heap {
    bytes: Out,
    known: FxHashMap<Box<[u8]>, u32>,
}

impl Heap {
    /// A heap whose first byte stands for "nothing", or an empty one.
    fn new(first: &[u8]) -> Heap {
        let mut bytes = Out::default();
        bytes.bytes(first);
        Heap {
            bytes,
            known: FxHashMap::default(),
        }
    }

    fn place(&mut self, content: &[u8], write: impl FnOnce(&mut Out)) -> u32 {
        if let Some(&at) = self.known.get(content) {
            return at;
        }
        let at = self.bytes.len() as u32;
        write(&mut self.bytes);
        self.known.insert(content.into(), at);
        at
    }

    /// Size in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes, filled up to a multiple of four.
    pub fn padded(&self) -> Vec<u8> {
        let mut out = self.bytes.clone();
        out.align(4);
        out.into_bytes()
    }
}

/// All heaps.
#[derive(Debug)]
pub struct Heaps {
    /// `#Strings`.
    pub strings: Heap,
    /// `#US`.
    pub user_strings: Heap,
    /// `#Blob`.
    pub blobs: Heap,
    /// `#GUID`.
    pub guids: Heap,
}

impl Default for Heaps {
    fn default() -> Self {
        Heaps {
            strings: Heap::new(&[0]),
            user_strings: Heap::new(&[0]),
            blobs: Heap::new(&[0]),
            guids: Heap::new(&[]),
        }
    }
}

impl Heaps {
    /// Offset of a name.
    pub fn string(&mut self, text: &str) -> u32 {
        // A zero would end the name for readers.
        let text = text.split('\0').next().unwrap_or("");
        if text.is_empty() {
            return 0;
        }
        self.strings.place(text.as_bytes(), |out| {
            out.bytes(text.as_bytes());
            out.u8(0);
        })
    }

    /// Offset of a blob.
    pub fn blob(&mut self, bytes: &[u8]) -> u32 {
        if bytes.is_empty() {
            return 0;
        }
        self.blobs.place(bytes, |out| {
            out.compressed(bytes.len() as u32);
            out.bytes(bytes);
        })
    }

    /// Number of a GUID.
    pub fn guid(&mut self, guid: [u8; 16]) -> u32 {
        self.guids.place(&guid, |out| out.bytes(&guid)) / 16 + 1
    }

    /// Token of a literal.
    pub fn user_string(&mut self, units: &[u16]) -> u32 {
        let bytes: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        // The last byte tells whether a unit needs more than an 8-bit character's care (II.24.2.4).
        let special = units
            .iter()
            .any(|&u| u > 0xff || matches!(u, 0x01..=0x08 | 0x0e..=0x1f | 0x27 | 0x2d | 0x7f));
        0x7000_0000
            | self.user_strings.place(&bytes, |out| {
                out.compressed(bytes.len() as u32 + 1);
                out.bytes(&bytes);
                out.u8(u8::from(special));
            })
    }
}
