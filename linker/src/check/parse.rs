//! Reads equations.

/// An expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Expr {
    Number(u64),
    Symbol(String),
    Load(u32, Box<Expr>),
    Bits(Box<Expr>, u32, u32),
    Binary(Box<Expr>, Operator, Box<Expr>),
    Call(String, Vec<String>),
}

/// What stands between two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Add,
    Sub,
    Left,
    Right,
    And,
    Or,
}

const OPERATORS: &[(&str, Operator)] = &[
    ("+", Operator::Add),
    ("-", Operator::Sub),
    ("<<", Operator::Left),
    (">>", Operator::Right),
    ("&", Operator::And),
    ("|", Operator::Or),
];

/// Deepest nesting.
const MAX_DEPTH: u32 = 100;

struct Parser<'a> {
    rest: &'a str,
    depth: u32,
}

/// Both sides of an equation.
pub(super) fn equation(text: &str) -> Result<(Expr, Expr), String> {
    let mut parser = Parser {
        rest: text,
        depth: 0,
    };
    let left = parser.expression()?;
    parser.expect("=")?;
    let right = parser.expression()?;
    match parser.rest.trim() {
        "" => Ok((left, right)),
        rest => Err(format!("`{rest}` is too much")),
    }
}

impl<'a> Parser<'a> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(token) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        match self.take(token) {
            true => Ok(()),
            false => Err(format!("`{token}` expected before `{}`", self.rest.trim())),
        }
    }

    fn word(&mut self) -> Result<&'a str, String> {
        let rest = self.rest.trim_start();
        let part = |c: char| c.is_alphanumeric() || "_.$".contains(c);
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(format!("a name or number expected before `{rest}`"));
        }
        self.rest = &rest[end..];
        Ok(&rest[..end])
    }

    fn number(&mut self) -> Result<u64, String> {
        let word = self.word()?;
        number(word).ok_or_else(|| format!("{word} is no number"))
    }

    fn expression(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too deeply nested".to_owned());
        }
        let mut left = self.operand()?;
        while let Some(&(_, operator)) = OPERATORS.iter().find(|(t, _)| self.take(t)) {
            let right = self.operand()?;
            left = Expr::Binary(Box::new(left), operator, Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expr, String> {
        let mut value = self.primary()?;
        while self.take("[") {
            let high = self.number()?;
            self.expect(":")?;
            let low = self.number()?;
            self.expect("]")?;
            if high > 63 || low > high {
                return Err(format!("no bits {high} to {low}"));
            }
            value = Expr::Bits(Box::new(value), high as u32, low as u32);
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expr, String> {
        if self.take("(") {
            let value = self.expression()?;
            self.expect(")")?;
            return Ok(value);
        }
        if self.take("*{") {
            let size = self.number()?;
            self.expect("}")?;
            if ![1, 2, 4, 8].contains(&size) {
                return Err(format!("{size} bytes cannot be loaded"));
            }
            self.depth += 1;
            if self.depth > MAX_DEPTH {
                return Err("too deeply nested".to_owned());
            }
            let address = self.primary()?;
            self.depth -= 1;
            return Ok(Expr::Load(size as u32, Box::new(address)));
        }
        let word = self.word()?;
        if let Some(value) = number(word) {
            return Ok(Expr::Number(value));
        }
        if !self.take("(") {
            return Ok(Expr::Symbol(word.to_owned()));
        }
        let mut arguments = vec![self.word()?.to_owned()];
        while self.take(",") {
            arguments.push(self.word()?.to_owned());
        }
        self.expect(")")?;
        Ok(Expr::Call(word.to_owned(), arguments))
    }
}

fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_bind_tighter_than_operators_and_loads_take_what_follows() {
        let (left, right) = equation("*{4}(a + 4)[7:0] - 1 = f(x.o, y)").unwrap();
        let sum = Expr::Binary(
            Box::new(Expr::Symbol("a".into())),
            Operator::Add,
            Box::new(Expr::Number(4)),
        );
        let bits = Expr::Bits(Box::new(Expr::Load(4, Box::new(sum))), 7, 0);
        let one = Box::new(Expr::Number(1));
        assert_eq!(left, Expr::Binary(Box::new(bits), Operator::Sub, one));
        let arguments = vec!["x.o".to_owned(), "y".to_owned()];
        assert_eq!(right, Expr::Call("f".into(), arguments));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for text in [
            "",
            "1",
            "1 =",
            "1 = 2 3",
            "(1 = 2",
            "*{3}x = 1",
            "x[1:2] = 1",
            "x[64:0] = 1",
            "f( = 1",
            "f(a b) = 1",
        ] {
            assert!(equation(text).is_err(), "{text}");
        }
        let deep = "(".repeat(100_000);
        assert!(equation(&deep).is_err());
        let deep = "*{4}".repeat(100_000);
        assert!(equation(&deep).is_err());
    }
}
