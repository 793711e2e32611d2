// @platformatic/kafka in the four roles of README.md.

import { Consumer, FetchIsolationLevels, ListOffsetTimestamps, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { main, patience, say } from './options.mjs'

const base = o => ({ clientId: 'platformatic', bootstrapBrokers: o.bootstrap })
const isolation = o =>
  o['isolation-level'] === 'read_committed' ? FetchIsolationLevels.READ_COMMITTED : FetchIsolationLevels.READ_UNCOMMITTED

async function producer (o) {
  const client = new Producer({ ...base(o), serializers: stringSerializers, idempotent: true })
  const all = Array.from({ length: Number(o['max-messages']) }, (_, i) => ({
    topic: o.topic, key: String(i % 97), value: `${o['value-prefix']}.${i}`, headers: new Map([['n', String(i)]])
  }))
  for (let at = 0; at < all.length; at += 100) {
    const messages = all.slice(at, at + 100)
    await client.send({ messages, acks: -1 })
    for (const message of messages) say('producer_send_success', { value: message.value })
  }
  await client.close()
}

async function consumer (o) {
  const group = o['group-protocol'] === 'consumer'
    ? { groupProtocol: 'consumer' }
    : { sessionTimeout: Number(o['session-timeout']), heartbeatInterval: 1000 }
  const client = new Consumer({ ...base(o), groupId: o['group-id'], deserializers: stringDeserializers, ...group })
  // Its events differ between the two protocols; what it holds is the same property in both.
  let held = []
  setInterval(() => {
    const now = (client.assignments ?? []).flatMap(({ partitions }) => partitions)
    const named = all => all.map(partition => ({ topic: o.topic, partition }))
    const gone = held.filter(p => !now.includes(p))
    const come = now.filter(p => !held.includes(p))
    if (gone.length > 0) say('partitions_revoked', { partitions: named(gone) })
    if (come.length > 0) say('partitions_assigned', { partitions: named(come) })
    held = now
  }, 200)
  const stream = await client.consume({ topics: [o.topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false })
  stream.on('error', error => say('error', { message: String(error) }))
  for await (const m of stream) {
    say('record_data', { topic: m.topic, partition: m.partition, offset: Number(m.offset), value: m.value })
    try {
      await m.commit()
    } catch (error) {
      say('offsets_committed', { success: false, error: String(error) })
    }
  }
}

async function reader (o) {
  const client = new Consumer({ ...base(o), groupId: `reader-${process.pid}`, deserializers: stringDeserializers })
  const stream = await client.consume({
    topics: [o.topic], mode: 'earliest', autocommit: false, isolationLevel: isolation(o)
  })
  const wanted = Number(o['max-messages'])
  const waiting = patience(30000, 'reader')
  const all = (async () => {
    let read = 0
    for await (const m of stream) {
      process.stdout.write(m.value + '\n')
      waiting.alive()
      if (++read === wanted) return
    }
  })()
  await Promise.race([all, waiting.expired])
  waiting.stop()
  await client.close(true)
}

async function copier (o) {
  const topic = o['input-topic']
  const partition = Number(o['input-partition'])
  const client = new Consumer({ ...base(o), groupId: o['consumer-group'], deserializers: stringDeserializers })
  const writer = new Producer({ ...base(o), transactionalId: o['transactional-id'], idempotent: true, serializers: stringSerializers })
  const ends = await client.listOffsets({ topics: [topic], partitions: { [topic]: [partition] }, timestamp: ListOffsetTimestamps.LATEST })
  const end = ends.get(topic)[partition]
  const stream = await client.consume({
    topics: [topic], mode: 'earliest', autocommit: false, isolationLevel: FetchIsolationLevels.READ_COMMITTED
  })
  const size = Number(o['transaction-size'])
  const waiting = patience(60000, 'copier')
  let transactions = 0
  const copy = async messages => {
    // An aborted transaction is done again with the same records.
    for (;;) {
      transactions += 1
      waiting.alive()
      const transaction = await writer.beginTransaction()
      await transaction.addConsumer(client)
      await transaction.send({
        messages: messages.map(m => ({ topic: o['output-topic'], key: m.key, value: m.value, partition }))
      })
      await transaction.addOffset(messages.at(-1))
      if (transactions % 3 !== 0) return await transaction.commit()
      await transaction.abort()
    }
  }
  const all = (async () => {
    let batch = []
    for await (const m of stream) {
      waiting.alive()
      if (m.partition !== partition) continue
      batch.push(m)
      if (batch.length === size || m.offset + 1n >= end) {
        await copy(batch)
        batch = []
      }
      if (m.offset + 1n >= end) return
    }
  })()
  await Promise.race([all, waiting.expired])
  waiting.stop()
  await client.close(true)
  await writer.close(true)
}

await main({ producer, consumer, reader, copier })
