"""confluent-kafka (librdkafka) in the four roles of README.md."""

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from options import main, say


def producer(o):
    failed = []

    def delivered(error, message):
        if error is not None:
            failed.append(error)
            say("producer_send_error", message=str(error))
        else:
            say("producer_send_success", value=message.value().decode(),
                partition=message.partition(), offset=message.offset())

    client = Producer({"bootstrap.servers": o["bootstrap"], "acks": "all", "enable.idempotence": True})
    for i in range(o.number("max_messages")):
        value = f"{o['value_prefix']}.{i}"
        client.produce(o["topic"], key=str(i % 97), value=value, headers={"n": str(i)}, on_delivery=delivered)
        client.poll(0)
    left = client.flush(60)
    if left or failed:
        raise SystemExit(f"{left} records not delivered, {len(failed)} refused")


def consumer(o):
    # Of the consumer protocol the broker keeps the session, and librdkafka refuses the setting.
    new = o.get("group_protocol", "classic") == "consumer"
    session = {} if new else {"session.timeout.ms": o.number("session_timeout"), "heartbeat.interval.ms": 1000}
    client = Consumer({
        "bootstrap.servers": o["bootstrap"], "group.id": o["group_id"], "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "group.protocol": o.get("group_protocol", "classic"), **session,
    })

    def named(name):
        return lambda _, partitions: say(name, partitions=[{"topic": p.topic, "partition": p.partition} for p in partitions])

    client.subscribe([o["topic"]], on_assign=named("partitions_assigned"), on_revoke=named("partitions_revoked"),
                     on_lost=named("partitions_revoked"))
    while True:
        messages = [m for m in client.consume(500, 0.2) if m.error() is None]
        for m in messages:
            say("record_data", topic=m.topic(), partition=m.partition(), offset=m.offset(), value=m.value().decode())
        if messages:
            try:
                client.commit(asynchronous=False)
                say("offsets_committed", success=True)
            except KafkaException as e:
                say("offsets_committed", success=False, error=str(e))


def reader(o):
    client = Consumer({
        "bootstrap.servers": o["bootstrap"], "group.id": "reader", "enable.auto.commit": False,
        "isolation.level": o.get("isolation_level", "read_uncommitted"),
    })
    partitions = client.list_topics(o["topic"], timeout=30).topics[o["topic"]].partitions
    client.assign([TopicPartition(o["topic"], p, 0) for p in partitions])
    read = 0
    while read < o.number("max_messages"):
        m = client.poll(30)
        if m is None:
            raise SystemExit(f"no record for 30 s after {read}")
        if m.error() is not None:
            raise KafkaException(m.error())
        print(m.value().decode(), flush=True)
        read += 1
    client.close()


def copier(o):
    source = TopicPartition(o["input_topic"], o.number("input_partition"))
    client = Consumer({
        "bootstrap.servers": o["bootstrap"], "group.id": o["consumer_group"], "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "isolation.level": "read_committed",
    })
    _, end = client.get_watermark_offsets(source, timeout=30)
    writer = Producer({"bootstrap.servers": o["bootstrap"], "transactional.id": o["transactional_id"]})
    writer.init_transactions(60)
    position, transactions = 0, 0
    client.assign([TopicPartition(source.topic, source.partition, 0)])
    while position < end:
        messages = [m for m in client.consume(o.number("transaction_size"), 5) if m.error() is None]
        if not messages:
            continue
        transactions += 1
        writer.begin_transaction()
        for m in messages:
            writer.produce(o["output_topic"], key=m.key(), value=m.value(), partition=m.partition())
        after = TopicPartition(source.topic, source.partition, messages[-1].offset() + 1)
        writer.send_offsets_to_transaction([after], client.consumer_group_metadata(), 60)
        if transactions % 3 == 0:
            writer.abort_transaction(60)
            client.seek(TopicPartition(source.topic, source.partition, position))
        else:
            writer.commit_transaction(60)
            position = after.offset
    committed = client.committed([source], timeout=30)[0].offset
    if committed != position:
        raise SystemExit(f"committed offset {committed}, expected {position}")
    client.close()


main({"producer": producer, "consumer": consumer, "reader": reader, "copier": copier})
