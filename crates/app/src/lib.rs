//! What a team writes around a client: producers, consumers, processors, outside stores.
