//! Bytes under construction: the counterpart of [`Reader`](super::super::Reader).

/// Appends little-endian and compressed integers.
#[derive(Clone, Debug, Default)]
pub struct Out(Vec<u8>);

impl Out {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub fn zeros(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, 0);
    }

    /// Zeros up to a multiple of `alignment`, counted from the start.
    pub fn align(&mut self, alignment: usize) {
        self.0.resize(self.0.len().next_multiple_of(alignment), 0);
    }

    /// A compressed unsigned integer (II.23.2); only 29 bits can be told.
    pub fn compressed(&mut self, value: u32) {
        match value {
            0..0x80 => self.u8(value as u8),
            0x80..0x4000 => self.bytes(&(value as u16 | 0x8000).to_be_bytes()),
            _ => self.bytes(&((value & 0x1fff_ffff) | 0xc000_0000).to_be_bytes()),
        }
    }

    /// A compressed signed integer: the sign is rotated into the lowest bit of 7, 14 or 29 bits.
    pub fn compressed_signed(&mut self, value: i32) {
        let bits = match value {
            -0x40..0x40 => 7,
            -0x2000..0x2000 => 14,
            _ => 29,
        };
        let mask = (1u32 << bits) - 1;
        let rotated = ((value << 1) as u32 & mask) | u32::from(value < 0);
        match bits {
            7 => self.u8(rotated as u8),
            14 => self.bytes(&(rotated as u16 | 0x8000).to_be_bytes()),
            _ => self.bytes(&(rotated | 0xc000_0000).to_be_bytes()),
        }
    }

    /// A `SerString` of attributes and native types: compressed length, UTF-8; 0xff for none.
    pub fn text(&mut self, text: Option<&str>) {
        match text {
            None => self.u8(0xff),
            Some(text) => {
                self.compressed(text.len() as u32);
                self.bytes(text.as_bytes());
            }
        }
    }
}
