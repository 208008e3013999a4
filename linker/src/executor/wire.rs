//! Messages between a session and an executor in another process.
//!
//! ```text
//!  message:  length (4 bytes, of what follows) │ kind (1 byte) │ fields
//!  number:   8 bytes, little endian            text, bytes:  length (8 bytes) │ bytes            list: count │ items
//!
//!  session                              executor
//!    Hello token ───────────────────────▶
//!    ◀──────────── Welcome version, architecture, addresses of the runtime's functions
//!    Reserve, Finalize, Lookup, Call, … ─▶
//!    ◀──────────── Done fields of the answer, or Failed text
//! ```
//! A session asks one thing at a time and waits for the answer. Example: `Call` of the function at 0x1000 with the argument 7 is
//! `19 00 00 00 │ 09 │ 00 10 00 00 00 00 00 00 │ 01 00 00 00 00 00 00 00 │ 07 00 …`, wait for `Done` and one number.

use crate::error::{Error, Result};
use crate::graph::Prot;
use crate::memory::{Request, Reservation, Segment};
use std::io::{ErrorKind, Read, Write};

/// Version of the protocol.
pub const VERSION: u64 = 1;
/// Largest message.
const MAX: usize = 1 << 31;

macro_rules! kinds {
    ($($name:ident = $number:literal,)*) => {
        /// Kind of a message.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[expect(missing_docs, reason = "named as what they ask for")]
        pub enum Kind { $($name = $number),* }

        impl Kind {
            fn of(number: u8) -> Option<Kind> {
                match number {
                    $($number => Some(Kind::$name),)*
                    _ => None,
                }
            }
        }
    };
}

kinds! {
    Hello = 1,
    Welcome = 2,
    Done = 3,
    Failed = 4,
    Reserve = 5,
    Finalize = 6,
    Release = 7,
    Lookup = 8,
    Call = 9,
    RunMain = 10,
    LoadLibrary = 11,
    Patch = 12,
    Read = 13,
    Quit = 14,
}

/// A message that is being made.
#[derive(Debug)]
pub struct Message(Vec<u8>);

impl Message {
    /// Of a kind, without fields yet.
    pub fn new(kind: Kind) -> Message {
        Message(vec![0, 0, 0, 0, kind as u8])
    }

    /// Adds a number.
    pub fn number(mut self, n: u64) -> Message {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }

    /// Adds bytes.
    pub fn bytes(self, bytes: &[u8]) -> Message {
        let mut message = self.number(bytes.len() as u64);
        message.0.extend_from_slice(bytes);
        message
    }

    /// Adds a list.
    pub fn list<T>(self, items: &[T], add: impl Fn(Message, &T) -> Message) -> Message {
        let message = self.number(items.len() as u64);
        items.iter().fold(message, add)
    }

    /// Sends it.
    pub fn send(mut self, to: &mut dyn Write) -> Result<()> {
        let size = self.0.len() - 4;
        if size > MAX {
            return Err(Error::executor("a message is too large"));
        }
        self.0[..4].copy_from_slice(&(size as u32).to_le_bytes());
        let sent = to.write_all(&self.0).and_then(|()| to.flush());
        sent.map_err(|e| Error::executor(format!("the connection broke: {e}")))
    }
}

/// A message that was received.
#[derive(Debug)]
pub struct Fields {
    bytes: Vec<u8>,
    at: usize,
}

/// Receives a message; `None` if the other side is gone.
pub fn receive(from: &mut dyn Read) -> Result<Option<(Kind, Fields)>> {
    let broke = |e: std::io::Error| Error::executor(format!("the connection broke: {e}"));
    let mut size = [0; 4];
    match from.read_exact(&mut size) {
        Ok(()) => {}
        Err(e)
            if matches!(
                e.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset
            ) =>
        {
            return Ok(None);
        }
        Err(e) => return Err(broke(e)),
    }
    let size = u32::from_le_bytes(size) as usize;
    if size == 0 || size > MAX {
        return Err(Error::executor("a message of a wrong length"));
    }
    // Grows as bytes come, so that a wrong length takes no memory.
    let mut bytes = Vec::new();
    let read = from.take(size as u64).read_to_end(&mut bytes);
    if read.map_err(broke)? != size {
        return Ok(None);
    }
    let kind = Kind::of(bytes[0]);
    let kind = kind.ok_or_else(|| Error::executor("a message of unknown kind"))?;
    Ok(Some((kind, Fields { bytes, at: 1 })))
}

impl Fields {
    fn take(&mut self, size: usize) -> Result<&[u8]> {
        let end = self.at.checked_add(size);
        let end = end.filter(|&e| e <= self.bytes.len());
        let end = end.ok_or_else(|| Error::executor("a message ends too early"))?;
        let start = std::mem::replace(&mut self.at, end);
        Ok(&self.bytes[start..end])
    }

    /// A number.
    pub fn number(&mut self) -> Result<u64> {
        let mut word = [0; 8];
        word.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(word))
    }

    /// Bytes.
    pub fn bytes(&mut self) -> Result<Vec<u8>> {
        let size = self.number()?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        Ok(self.take(size)?.to_vec())
    }

    /// Text.
    pub fn text(&mut self) -> Result<String> {
        let bytes = self.bytes()?;
        String::from_utf8(bytes).map_err(|_| Error::executor("a text that is none"))
    }

    /// A list.
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Fields) -> Result<T>) -> Result<Vec<T>> {
        let count = self.number()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }
}

/// A protection as a number.
pub fn prot_number(prot: Prot) -> u64 {
    u64::from(prot.write()) | u64::from(prot.execute()) << 1
}

/// A protection from a number.
pub fn prot_of(number: u64) -> Prot {
    Prot::new(number & 1 != 0, number & 2 != 0)
}

impl Message {
    /// Adds requests for memory.
    pub fn requests(self, requests: &[Request]) -> Message {
        self.list(requests, |m, r| {
            m.number(prot_number(r.prot)).number(r.size).number(r.align)
        })
    }

    /// Adds a reservation.
    pub fn reservation(self, r: &Reservation) -> Message {
        self.number(r.id).list(&r.segments, |m, s| {
            m.number(s.address)
                .number(s.size)
                .number(prot_number(s.prot))
        })
    }
}

impl Fields {
    /// Requests for memory.
    pub fn requests(&mut self) -> Result<Vec<Request>> {
        self.list(|f| {
            Ok(Request {
                prot: prot_of(f.number()?),
                size: f.number()?,
                align: f.number()?,
            })
        })
    }

    /// A reservation.
    pub fn reservation(&mut self) -> Result<Reservation> {
        let id = self.number()?;
        let segments = self.list(|f| {
            Ok(Segment {
                address: f.number()?,
                size: f.number()?,
                prot: prot_of(f.number()?),
            })
        })?;
        Ok(Reservation { id, segments })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_round_trip() {
        let request = Request {
            prot: Prot::RX,
            size: 100,
            align: 16,
        };
        let mut bytes = Vec::new();
        let message = Message::new(Kind::Lookup).number(7).bytes(b"abc");
        message
            .requests(&[request, request])
            .send(&mut bytes)
            .unwrap();
        let (kind, mut fields) = receive(&mut &*bytes).unwrap().unwrap();
        assert_eq!(kind, Kind::Lookup);
        assert_eq!(fields.number().unwrap(), 7);
        assert_eq!(fields.text().unwrap(), "abc");
        assert_eq!(fields.requests().unwrap(), [request, request]);
        assert!(fields.number().is_err());
    }

    #[test]
    fn the_worked_example_is_right() {
        let mut bytes = Vec::new();
        let message = Message::new(Kind::Call).number(0x1000);
        message
            .list(&[7], |m, &a| m.number(a))
            .send(&mut bytes)
            .unwrap();
        let mut expected = vec![0x19, 0, 0, 0, 9];
        for n in [0x1000u64, 1, 7] {
            expected.extend_from_slice(&n.to_le_bytes());
        }
        assert_eq!(bytes, expected);
    }

    #[test]
    fn damaged_messages_are_errors() {
        let mut good = Vec::new();
        let message = Message::new(Kind::Finalize).number(1).bytes(&[5; 20]);
        message.send(&mut good).unwrap();
        let mut seed = 1u32;
        for _ in 0..2000 {
            let mut bytes = good.clone();
            for _ in 0..3 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = (seed >> 8) as usize % bytes.len();
                bytes[at] = (seed >> 3) as u8;
            }
            let Ok(Some((_, mut fields))) = receive(&mut &*bytes) else {
                continue;
            };
            let _ = fields.number();
            let _ = fields.list(Fields::bytes);
        }
        assert!(receive(&mut &good[..0]).unwrap().is_none());
        assert!(receive(&mut &good[..10]).unwrap().is_none());
    }
}
