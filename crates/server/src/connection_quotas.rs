//! How many connections there may be (`ConnectionQuotas`).

use std::net::IpAddr;

use logbrook_sorted::SortedMap;

/// Connections by address.
#[derive(Debug)]
pub(crate) struct ConnectionQuotas {
    /// `max.connections`: at that many none is accepted until one closes, as Kafka's acceptor waits.
    max: usize,
    /// `max.connections.per.ip`: one more from the same address is closed at once.
    max_per_ip: usize,
    by_ip: SortedMap<IpAddr, usize>,
    open: usize,
}

impl ConnectionQuotas {
    pub(crate) fn new(max: usize, max_per_ip: usize) -> ConnectionQuotas {
        ConnectionQuotas { max, max_per_ip, by_ip: SortedMap::new(), open: 0 }
    }

    /// Whether the next connection may be accepted.
    pub(crate) fn has_slot(&self) -> bool {
        self.open < self.max
    }

    /// Counts a connection in; `false` if its address has too many.
    pub(crate) fn inc(&mut self, ip: IpAddr) -> bool {
        let count = self.by_ip.entry(ip).or_default();
        if *count >= self.max_per_ip {
            return false;
        }
        *count += 1;
        self.open += 1;
        true
    }

    /// Counts one out.
    pub(crate) fn dec(&mut self, ip: IpAddr) {
        let Some(count) = self.by_ip.get_mut(&ip) else { return };
        *count -= 1;
        if *count == 0 {
            self.by_ip.remove(&ip);
        }
        self.open -= 1;
    }

    /// The limit that [`ConnectionQuotas::inc`] kept.
    pub(crate) fn max_per_ip(&self) -> usize {
        self.max_per_ip
    }

    /// Connections counted in.
    pub(crate) fn open(&self) -> usize {
        self.open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_own_limit_and_gives_back_what_it_had() {
        let mut quotas = ConnectionQuotas::new(3, 2);
        let [a, b]: [IpAddr; 2] = [[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
        assert!(quotas.inc(a) && quotas.inc(a) && !quotas.inc(a));
        assert!(quotas.has_slot() && quotas.inc(b) && !quotas.has_slot());
        quotas.dec(a);
        assert!(quotas.has_slot() && quotas.inc(a));
        assert_eq!(quotas.open(), 3);
        let mut none = ConnectionQuotas::new(3, 0);
        assert!(!none.inc(a), "0 lets nobody in");
    }
}
