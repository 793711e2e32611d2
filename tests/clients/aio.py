"""aiokafka in the four roles of README.md."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from options import main, say


async def producer(o):
    client = AIOKafkaProducer(bootstrap_servers=o["bootstrap"], enable_idempotence=True)
    await client.start()
    try:
        sent = []
        for i in range(o.number("max_messages")):
            value = f"{o['value_prefix']}.{i}"
            sent.append((value, await client.send(o["topic"], value.encode(), key=str(i % 97).encode(),
                                                  headers=[("n", str(i).encode())])))
        for value, delivery in sent:
            at = await delivery
            say("producer_send_success", value=value, partition=at.partition, offset=at.offset)
    finally:
        await client.stop()


class Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        self.tell("partitions_revoked", revoked)

    def on_partitions_assigned(self, assigned):
        self.tell("partitions_assigned", assigned)

    @staticmethod
    def tell(name, partitions):
        say(name, partitions=[{"topic": p.topic, "partition": p.partition} for p in partitions])


async def consumer(o):
    client = AIOKafkaConsumer(
        bootstrap_servers=o["bootstrap"], group_id=o["group_id"], auto_offset_reset="earliest",
        enable_auto_commit=False, session_timeout_ms=o.number("session_timeout"), heartbeat_interval_ms=1000)
    client.subscribe([o["topic"]], listener=Listener())
    await client.start()
    while True:
        batches = await client.getmany(timeout_ms=200)
        for records in batches.values():
            for r in records:
                say("record_data", topic=r.topic, partition=r.partition, offset=r.offset, value=r.value.decode())
        if batches:
            try:
                await client.commit()
                say("offsets_committed", success=True)
            except KafkaError as e:
                say("offsets_committed", success=False, error=str(e))


async def reader(o):
    client = AIOKafkaConsumer(
        o["topic"], bootstrap_servers=o["bootstrap"], auto_offset_reset="earliest", enable_auto_commit=False,
        isolation_level=o.get("isolation_level", "read_uncommitted"))
    await client.start()
    try:
        for _ in range(o.number("max_messages")):
            record = await asyncio.wait_for(client.getone(), 30)
            print(record.value.decode(), flush=True)
    finally:
        await client.stop()


async def copier(o):
    source = TopicPartition(o["input_topic"], o.number("input_partition"))
    group = o["consumer_group"]
    client = AIOKafkaConsumer(
        bootstrap_servers=o["bootstrap"], group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
        isolation_level="read_committed")
    writer = AIOKafkaProducer(bootstrap_servers=o["bootstrap"], transactional_id=o["transactional_id"])
    client.assign([source])
    await client.start()
    await writer.start()
    try:
        end = (await client.end_offsets([source]))[source]
        client.seek(source, 0)
        position, transactions = 0, 0
        while position < end:
            batches = await client.getmany(source, timeout_ms=5000, max_records=o.number("transaction_size"))
            records = batches.get(source, [])
            if not records:
                continue
            transactions += 1
            await writer.begin_transaction()
            for r in records:
                await writer.send(o["output_topic"], r.value, key=r.key, partition=r.partition)
            after = records[-1].offset + 1
            await writer.send_offsets_to_transaction({source: after}, group)
            if transactions % 3 == 0:
                await writer.abort_transaction()
                client.seek(source, position)
            else:
                await writer.commit_transaction()
                position = after
        committed = await client.committed(source)
        if committed != position:
            raise SystemExit(f"committed offset {committed}, expected {position}")
    finally:
        await writer.stop()
        await client.stop()


main({role.__name__: lambda o, role=role: asyncio.run(role(o)) for role in (producer, consumer, reader, copier)})
