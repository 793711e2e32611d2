//! Requests of one connection are processed one at a time: Kafka mutes the channel until the response is sent
//! (`SocketServer.Processor`).

use std::collections::VecDeque;

use logbrook_sorted::SortedMap;

use crate::wire::RequestFrame;
use crate::{ClientInfo, ConnectionId};

/// The connections of a node, and their requests in the order in which they can be processed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections {
    open: SortedMap<ConnectionId, Connection>,
    /// Connections with a request to process, in the order in which they became ready.
    ready: VecDeque<ConnectionId>,
}

#[derive(Clone, Debug, Default)]
struct Connection {
    busy: bool,
    queue: VecDeque<(String, RequestFrame)>,
}

impl Connections {
    /// A request came in. The first one of a connection opens it.
    pub(crate) fn push(&mut self, client: &ClientInfo, frame: RequestFrame) {
        let connection = self.open.entry(client.connection).or_default();
        connection.queue.push_back((client.host.clone(), frame));
        if !connection.busy && connection.queue.len() == 1 {
            self.ready.push_back(client.connection);
        }
    }

    /// The next request to process, with the client's host. Its connection waits until [`Connections::unmute`].
    pub(crate) fn next(&mut self) -> Option<(ConnectionId, String, RequestFrame)> {
        while let Some(id) = self.ready.pop_front() {
            let Some(connection) = self.open.get_mut(&id) else { continue };
            if let Some((host, frame)) = connection.queue.pop_front() {
                connection.busy = true;
                return Some((id, host, frame));
            }
        }
        None
    }

    /// Whether the connection is there: a response can go to it.
    pub(crate) fn contains(&self, id: ConnectionId) -> bool {
        self.open.contains_key(&id)
    }

    /// A request was answered: the connection's next one can be processed.
    pub(crate) fn unmute(&mut self, id: ConnectionId) {
        if let Some(connection) = self.open.get_mut(&id) {
            connection.busy = false;
            if !connection.queue.is_empty() {
                self.ready.push_back(id);
            }
        }
    }

    /// The connection is gone, and its requests with it.
    pub(crate) fn remove(&mut self, id: ConnectionId) {
        self.open.remove(&id);
    }
}
