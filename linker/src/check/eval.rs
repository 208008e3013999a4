//! Values of expressions.

use super::World;
use super::parse::{Expr, Operator};

impl World<'_> {
    pub(super) fn value(&self, e: &Expr) -> Result<u64, String> {
        Ok(match e {
            Expr::Number(n) => *n,
            Expr::Symbol(name) => self.symbol(name)?,
            Expr::Load(size, address) => {
                let address = self.value(address)?;
                let bytes = self.executor.memory().read(address, *size as usize);
                let bytes = bytes.map_err(|e| e.to_string())?;
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(&bytes);
                u64::from_le_bytes(word)
            }
            Expr::Bits(value, high, low) => {
                let count = high - low + 1;
                let mask = u64::MAX >> (64 - count);
                self.value(value)? >> low & mask
            }
            Expr::Binary(left, operator, right) => {
                let (a, b) = (self.value(left)?, self.value(right)?);
                match operator {
                    Operator::Add => a.wrapping_add(b),
                    Operator::Sub => a.wrapping_sub(b),
                    Operator::Left => a.checked_shl(b.min(64) as u32).unwrap_or(0),
                    Operator::Right => a.checked_shr(b.min(64) as u32).unwrap_or(0),
                    Operator::And => a & b,
                    Operator::Or => a | b,
                }
            }
            Expr::Call(name, arguments) => self.function(name, arguments)?,
        })
    }
}
