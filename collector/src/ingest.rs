//! Reports come in here: who sends them ([`peer`]), and whether they are taken.

pub mod peer;
