//! A module or a body as text.
