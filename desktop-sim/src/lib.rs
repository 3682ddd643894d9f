//! desktop-sim
