//! All managers keep the same promises.

use super::dual::Dual;
use super::in_process::InProcess;
use super::pooled::Pooled;
use super::simulated::Simulated;
use super::*;

fn managers() -> Vec<Box<dyn MemoryManager>> {
    vec![
        Box::new(InProcess::new()),
        Box::new(Dual::new()),
        Box::new(Pooled::new(1 << 20).unwrap()),
        Box::new(Simulated::new(0x10000, 1 << 24)),
    ]
}

fn request(prot: Prot, size: u64, align: u64) -> Request {
    Request { prot, size, align }
}

/// Protections of the pages around an address, as the system tells.
fn protections(address: u64) -> Option<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let holds = |line: &&str| {
        let (range, _) = line.split_once(' ').unwrap();
        let (from, to) = range.split_once('-').unwrap();
        let parse = |s| u64::from_str_radix(s, 16).unwrap();
        (parse(from)..parse(to)).contains(&address)
    };
    let line = maps.lines().find(holds)?;
    Some(line.split(' ').nth(1).unwrap()[..3].to_owned())
}

#[test]
fn what_is_finalized_can_be_read_patched_and_given_back() {
    for m in managers() {
        let requests = [
            request(Prot::RX, 100, 64),
            request(Prot::R, 5000, 16),
            request(Prot::RW, 8, 1 << 14),
        ];
        let r = m.reserve(&requests).unwrap();
        for (s, q) in r.segments.iter().zip(&requests) {
            assert_eq!((s.address % q.align, s.size, s.prot), (0, q.size, q.prot));
        }
        let bytes = [1, 2, 3];
        let chunks = [
            Chunk {
                address: r.segments[0].address + 97,
                bytes: &bytes,
            },
            Chunk {
                address: r.segments[1].address,
                bytes: &[9; 5000],
            },
        ];
        m.finalize(&r, &chunks).unwrap();
        assert_eq!(m.read(r.segments[0].address + 96, 4).unwrap(), [0, 1, 2, 3]);
        assert_eq!(m.read(r.segments[2].address, 8).unwrap(), [0; 8]);
        m.patch(r.segments[1].address + 1, &[7]).unwrap();
        m.patch(r.segments[2].address, &[6]).unwrap();
        assert_eq!(m.read(r.segments[1].address, 3).unwrap(), [9, 7, 9]);
        assert_eq!(m.read(r.segments[2].address, 2).unwrap(), [6, 0]);
        m.release(&r).unwrap();
    }
}

#[test]
fn protections_are_those_asked_for_and_nothing_is_writable_code() {
    for m in managers().into_iter().take(3) {
        let requests = [Prot::RX, Prot::R, Prot::RW].map(|p| request(p, 64, 16));
        let r = m.reserve(&requests).unwrap();
        m.finalize(&r, &[]).unwrap();
        for s in &r.segments {
            assert_eq!(protections(s.address), Some(s.prot.to_string()), "{m:?}");
        }
        m.release(&r).unwrap();
        let error = m.reserve(&[request(Prot::new(true, true), 1, 1)]);
        assert!(error.is_err(), "{m:?}");
    }
}

#[test]
fn code_is_patched_where_it_is_mapped_twice() {
    for (n, m) in managers().into_iter().enumerate() {
        let r = m.reserve(&[request(Prot::RX, 64, 16)]).unwrap();
        let at = r.segments[0].address;
        m.finalize(
            &r,
            &[Chunk {
                address: at,
                bytes: &[0x90; 64],
            }],
        )
        .unwrap();
        let patched = m.patch(at, &[0xc3]);
        assert_eq!(patched.is_ok(), n != 0, "{m:?}");
    }
}

#[test]
fn what_is_outside_is_refused() {
    for m in managers() {
        let r = m.reserve(&[request(Prot::RW, 32, 16)]).unwrap();
        let at = r.segments[0].address;
        let bytes = [0; 64];
        assert!(
            m.finalize(
                &r,
                &[Chunk {
                    address: at + 16,
                    bytes: &bytes[..17]
                }]
            )
            .is_err()
        );
        assert!(
            m.finalize(
                &r,
                &[Chunk {
                    address: at - 1,
                    bytes: &bytes[..1]
                }]
            )
            .is_err()
        );
        assert!(m.read(at.wrapping_sub(1 << 40), 1).is_err());
        assert!(m.patch(u64::MAX, &[1]).is_err());
        assert!(m.reserve(&[request(Prot::RW, 1 << 40, 16)]).is_err());
    }
}

#[test]
fn a_pool_has_all_its_memory_again_and_zeros_in_it() {
    let m = Pooled::new(1 << 16).unwrap();
    let requests = [request(Prot::RX, 100, 16), request(Prot::RW, 20, 16)];
    let a = m.reserve(&requests).unwrap();
    let b = m.reserve(&requests).unwrap();
    // They share pages.
    assert_eq!(b.segments[0].address - a.segments[0].address, 112);
    let chunk = Chunk {
        address: a.segments[1].address,
        bytes: &[5; 20],
    };
    m.finalize(&a, &[chunk]).unwrap();
    m.release(&a).unwrap();
    m.release(&b).unwrap();
    assert_eq!(m.used(), [0; 3]);
    let again = m.reserve(&requests).unwrap();
    assert_eq!(again.segments[1].address, a.segments[1].address);
    m.finalize(&again, &[]).unwrap();
    assert_eq!(m.read(again.segments[1].address, 20).unwrap(), [0; 20]);
    // What does not fit takes nothing.
    let used = m.used();
    assert!(
        m.reserve(&[request(Prot::R, 8, 8), request(Prot::RW, 1 << 16, 8)])
            .is_err()
    );
    assert_eq!(m.used(), used);
}
