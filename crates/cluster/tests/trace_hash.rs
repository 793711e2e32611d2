//! The same seed gives the same trace: on a second run, across a fork, natively and on wasm32.
//!
//! `cargo test -p logbrook-cluster --test trace_hash -- --nocapture` prints one line a seed; the lines
//! of a native build and of a wasm32-wasip1 build are the same.

mod support;

use logbrook_app::{StoreKind, StoreSpec};
use logbrook_cluster::{Cluster, ClusterConfig, Target};
use support::{SECOND_US, bank, create_topic, ledger};

/// `TRACE_SEEDS=1000 cargo xtask test hashes` compares more. Known when the test is built, as there is no
/// environment in a browser's virtual machine.
fn seeds() -> u64 {
    option_env!("TRACE_SEEDS").and_then(|seeds| seeds.parse().ok()).unwrap_or(50)
}

/// Two producers with different keys and three consumers; one is killed and started again, one
/// application is deployed, the store is away for a while. The network loses one message in a hundred.
fn start(seed: u64) -> Cluster {
    let mut cluster =
        Cluster::new(ClusterConfig { seed, loss_ppm: 10_000, ..ClusterConfig::default() });
    create_topic(&mut cluster, "movements", 3);
    cluster.add_store(StoreSpec::new("balances", StoreKind::Rows));
    let retrying =
        [("session.timeout.ms", "6000"), ("process_ms", "5..30"), ("on_error", "retry-forever")];
    cluster.add_app(ledger(3, &retrying).with("retry_backoff_ms", "200").unwrap()).unwrap();
    cluster.add_app(bank(300)).unwrap();
    let mut till = bank(200)
        .with_all([
            ("key", "account"),
            ("send", "sync"),
            ("acks", "1"),
            ("enable.idempotence", "false"),
        ])
        .unwrap();
    till.name = "till".into();
    cluster.add_app(till).unwrap();
    cluster.run_until_us(3 * SECOND_US);
    cluster
}

fn finish(cluster: &mut Cluster) -> u64 {
    let second = Target::read("ledger/2").unwrap();
    cluster.action("@kill ledger/2");
    cluster.kill_app(&second).unwrap();
    cluster.run_until_us(5 * SECOND_US);
    cluster.action("@deploy bank key=account");
    cluster.deploy("bank", &[("key", "account")]).unwrap();
    cluster.set_store_down("balances", true);
    cluster.run_until_us(6 * SECOND_US);
    cluster.set_store_down("balances", false);
    cluster.start_app(&second).unwrap();
    cluster.run_until_us(12 * SECOND_US);
    assert_eq!(cluster.error(), None);
    cluster.trace().hash()
}

#[test]
fn seeds_repeat_themselves() {
    let mut hashes = logbrook_sorted::SortedSet::new();
    for seed in 0..seeds() {
        let mut run = start(seed);
        let mut fork = run.clone();
        let hash = finish(&mut run);
        assert_eq!(hash, finish(&mut fork), "seed {seed}: a fork differs");
        // Each run again from the start would double the test's time; every fifth is enough.
        if seed % 5 == 0 {
            assert_eq!(hash, finish(&mut start(seed)), "seed {seed}: a second run differs");
        }
        println!("trace_hash seed={seed} hash={hash:016x}");
        hashes.insert(hash);
    }
    assert_eq!(hashes.len() as u64, seeds(), "a seed changes what happens");
}
