//! Brokers, processes, network and virtual clock in one deterministic simulation with a trace.
