//! The servers of a cluster: brokers, and the controller where it is a node of its own.

use logbrook_app::Random;
use logbrook_broker::wire::RequestFrame;
use logbrook_broker::{Broker, ClientInfo, ConnectionId, ControllerNode, Effects};

use crate::node_faults::Disk;
use crate::process_table::Pause;
use crate::queue::Slot;
use crate::trace::EventId;

/// What runs on a node.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    Broker(Box<Broker>),
    Controller(Box<ControllerNode>),
}

/// One node and whether it runs.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) server: Server,
    pub(crate) up: bool,
    /// It was asked to stop in order, by this event, and waits for the controller.
    pub(crate) stopping: Option<Option<EventId>>,
    /// It stands still.
    pub(crate) pause: Option<Pause>,
    pub(crate) disk: Disk,
    /// Its wall clock is so many ms ahead.
    pub(crate) clock_skew_ms: i64,
    /// How long its messages to other nodes travel is drawn from here.
    pub(crate) network: Random,
    /// What was done to it last, or to a way from or to it: why it is not heard of, if it is not.
    pub(crate) fault: Option<EventId>,
    /// The wake-up that is in the queue: for when (ms), and where.
    pub(crate) tick: Option<(i64, Slot)>,
}

impl Node {
    pub(crate) fn new(server: Server, network: Random) -> Node {
        Node {
            server,
            up: true,
            stopping: None,
            pause: None,
            disk: Disk::Ok,
            clock_skew_ms: 0,
            network,
            fault: None,
            tick: None,
        }
    }

    pub(crate) fn broker(&self) -> Option<&Broker> {
        match &self.server {
            Server::Broker(broker) => Some(broker),
            Server::Controller(_) => None,
        }
    }

    pub(crate) fn broker_mut(&mut self) -> Option<&mut Broker> {
        match &mut self.server {
            Server::Broker(broker) => Some(broker),
            Server::Controller(_) => None,
        }
    }

    pub(crate) fn handle(&mut self, now: i64, client: &ClientInfo, frame: RequestFrame) -> Effects {
        match &mut self.server {
            Server::Broker(broker) => broker.handle(now, client, frame),
            Server::Controller(controller) => controller.handle(now, client, frame),
        }
    }

    pub(crate) fn disconnect(&mut self, now: i64, connection: ConnectionId) -> Effects {
        match &mut self.server {
            Server::Broker(broker) => broker.disconnect(now, connection),
            Server::Controller(controller) => controller.disconnect(now, connection),
        }
    }

    pub(crate) fn tick(&mut self, now: i64) -> Effects {
        match &mut self.server {
            Server::Broker(broker) => broker.tick(now),
            Server::Controller(controller) => controller.tick(now),
        }
    }

    pub(crate) fn seal(&mut self) {
        match &mut self.server {
            Server::Broker(broker) => broker.seal(),
            Server::Controller(controller) => controller.seal(),
        }
    }

    pub(crate) fn next_wakeup(&self) -> Option<i64> {
        match &self.server {
            Server::Broker(broker) => broker.next_wakeup(),
            Server::Controller(controller) => controller.next_wakeup(),
        }
    }

    /// The process is gone, with what it knew besides its disk.
    pub(crate) fn crash(&mut self) {
        match &mut self.server {
            Server::Broker(broker) => broker.crash(),
            Server::Controller(_) => {}
        }
    }

    /// What was on its disk is gone.
    pub(crate) fn lose_disk(&mut self) {
        match &mut self.server {
            Server::Broker(broker) => broker.lose_disk(),
            Server::Controller(_) => {}
        }
    }

    pub(crate) fn restart(&mut self, now: i64) {
        match &mut self.server {
            Server::Broker(broker) => broker.restart(now),
            Server::Controller(controller) => controller.restart(now),
        }
    }
}
