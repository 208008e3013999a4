//! The executor's side: does what a session asks for, in this process.

use super::local::Local;
use super::wire::{self, Fields, Kind, Message};
use super::{Executor, Runtime};
use crate::arch;
use crate::error::{Error, Result};
use crate::memory::Chunk;
use crate::memory::dual::Dual;
use std::io::{Read, Write};

/// Serves one session until it ends. Sessions must show the token.
pub fn serve(mut from: impl Read, mut to: impl Write, token: &str) -> Result<()> {
    let Some((Kind::Hello, mut fields)) = wire::receive(&mut from)? else {
        return Err(Error::executor("a session begins with a greeting"));
    };
    if fields.text()? != token {
        let refused = Message::new(Kind::Failed).bytes(b"wrong token");
        refused.send(&mut to)?;
        return Err(Error::executor("a session with a wrong token was refused"));
    }
    let executor = Local::new(Box::new(Dual::new()));
    let arch = executor.arch().map_or("", |a| arch::description(a).name);
    let runtime: Vec<u64> = Runtime::all().map(Runtime::address).collect();
    Message::new(Kind::Welcome)
        .number(wire::VERSION)
        .bytes(arch.as_bytes())
        .list(&runtime, |m, &address| m.number(address))
        .send(&mut to)?;
    while let Some((kind, mut fields)) = wire::receive(&mut from)? {
        if kind == Kind::Quit {
            break;
        }
        let answer = match answer(&executor, kind, &mut fields) {
            Ok(message) => message,
            Err(error) => Message::new(Kind::Failed).bytes(error.to_string().as_bytes()),
        };
        answer.send(&mut to)?;
    }
    Ok(())
}

fn answer(executor: &Local, kind: Kind, fields: &mut Fields) -> Result<Message> {
    let done = Message::new(Kind::Done);
    let memory = executor.memory();
    Ok(match kind {
        Kind::Reserve => done.reservation(&memory.reserve(&fields.requests()?)?),
        Kind::Finalize => {
            let reservation = fields.reservation()?;
            let parts = fields.list(|f| Ok((f.number()?, f.bytes()?)))?;
            let chunks: Vec<Chunk<'_>> = parts
                .iter()
                .map(|(address, bytes)| Chunk {
                    address: *address,
                    bytes,
                })
                .collect();
            memory.finalize(&reservation, &chunks)?;
            done
        }
        Kind::Release => {
            memory.release(&fields.reservation()?)?;
            done
        }
        Kind::Patch => {
            let address = fields.number()?;
            memory.patch(address, &fields.bytes()?)?;
            done
        }
        Kind::Read => {
            let address = fields.number()?;
            let size = usize::try_from(fields.number()?).unwrap_or(usize::MAX);
            done.bytes(&memory.read(address, size)?)
        }
        Kind::Lookup => {
            let names = fields.list(Fields::text)?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let found = executor.lookup(&names)?;
            done.list(&found, |m, a| {
                m.number(u64::from(a.is_some())).number(a.unwrap_or(0))
            })
        }
        Kind::Call => {
            let function = fields.number()?;
            let arguments = fields.list(Fields::number)?;
            done.number(executor.call(function, &arguments)?)
        }
        Kind::RunMain => {
            let function = fields.number()?;
            let arguments = fields.list(Fields::text)?;
            let status = executor.run_main(function, &arguments)?;
            done.number(i64::from(status) as u64)
        }
        Kind::LoadLibrary => {
            executor.load_library(&fields.text()?)?;
            done
        }
        other => return Err(Error::executor(format!("{other:?} is not understood"))),
    })
}
