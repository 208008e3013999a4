//! Shows graphs as text.

use super::{Plugin, ResourceKey};
use crate::graph::LinkGraph;
use crate::link::passes::{Passes, pass};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

/// The point of a link at which graphs are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// As they were read.
    Loaded,
    /// After dead-stripping.
    Pruned,
    /// With addresses.
    Allocated,
    /// With all bytes final.
    Fixed,
}

/// The plug-in.
#[derive(Clone)]
pub struct Print {
    point: Point,
    to: Arc<Mutex<dyn Write + Send>>,
}

impl std::fmt::Debug for Print {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Print at {:?}", self.point)
    }
}

impl Print {
    /// Writes graphs somewhere.
    pub fn new(point: Point, to: Arc<Mutex<dyn Write + Send>>) -> Print {
        Print { point, to }
    }
}

impl Plugin for Print {
    fn name(&self) -> &'static str {
        "print"
    }

    fn modify_passes(&mut self, _: ResourceKey, _: &LinkGraph, passes: &mut Passes) {
        let (list, first) = match self.point {
            Point::Loaded => (&mut passes.pre_prune, true),
            Point::Pruned => (&mut passes.post_prune, true),
            Point::Allocated => (&mut passes.post_allocation, false),
            Point::Fixed => (&mut passes.post_fixup, false),
        };
        let to = Arc::clone(&self.to);
        let show = pass("print", move |graph| {
            let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
            write!(to, "{graph}").map_err(|error| crate::Error::Io {
                what: graph.name.clone(),
                error,
            })
        });
        match first {
            true => list.insert(0, show),
            false => list.push(show),
        }
    }
}
