// kafkajs in the four roles of README.md.

import kafkajs from 'kafkajs'
import { main, patience, say } from './options.mjs'

const connect = o => new kafkajs.Kafka({ clientId: 'kafkajs', brokers: o.bootstrap, logLevel: kafkajs.logLevel.ERROR })

async function producer (o) {
  const client = connect(o).producer({ idempotent: true, maxInFlightRequests: 1 })
  await client.connect()
  const all = Array.from({ length: Number(o['max-messages']) }, (_, i) => ({
    key: String(i % 97), value: `${o['value-prefix']}.${i}`, headers: { n: String(i) }
  }))
  // kafkajs tells where a batch began in each partition, not where each record is.
  for (let at = 0; at < all.length; at += 100) {
    const messages = all.slice(at, at + 100)
    await client.send({ topic: o.topic, acks: -1, messages })
    for (const message of messages) say('producer_send_success', { value: message.value })
  }
  await client.disconnect()
}

async function consumer (o) {
  const client = connect(o).consumer({
    groupId: o['group-id'], sessionTimeout: Number(o['session-timeout']), heartbeatInterval: 1000
  })
  let held = []
  client.on(client.events.GROUP_JOIN, ({ payload }) => {
    say('partitions_revoked', { partitions: held })
    held = (payload.memberAssignment[o.topic] ?? []).map(partition => ({ topic: o.topic, partition }))
    say('partitions_assigned', { partitions: held })
  })
  await client.connect()
  await client.subscribe({ topics: [o.topic], fromBeginning: true })
  await client.run({
    autoCommit: false,
    eachBatch: async ({ batch, heartbeat }) => {
      for (const m of batch.messages) {
        say('record_data', { topic: batch.topic, partition: batch.partition, offset: Number(m.offset), value: m.value.toString() })
      }
      await client.commitOffsets([
        { topic: batch.topic, partition: batch.partition, offset: String(BigInt(batch.lastOffset()) + 1n) }
      ])
      say('offsets_committed', { success: true })
      await heartbeat()
    }
  })
}

async function reader (o) {
  const client = connect(o).consumer({
    groupId: `reader-${process.pid}`, readUncommitted: o['isolation-level'] !== 'read_committed'
  })
  await client.connect()
  await client.subscribe({ topics: [o.topic], fromBeginning: true })
  const wanted = Number(o['max-messages'])
  const waiting = patience(30000, 'reader')
  let read = 0
  const all = new Promise(resolve => {
    client.run({
      eachMessage: async ({ message }) => {
        if (read === wanted) return
        process.stdout.write(message.value.toString() + '\n')
        waiting.alive()
        if (++read === wanted) resolve()
      }
    })
  })
  await Promise.race([all, waiting.expired])
  waiting.stop()
  await client.disconnect()
}

async function copier (o) {
  const kafka = connect(o)
  const topic = o['input-topic']
  const partition = Number(o['input-partition'])
  const admin = kafka.admin()
  await admin.connect()
  const end = BigInt((await admin.fetchTopicOffsets(topic)).find(p => p.partition === partition).offset)
  const writer = kafka.producer({ transactionalId: o['transactional-id'], idempotent: true, maxInFlightRequests: 1 })
  await writer.connect()
  const client = kafka.consumer({ groupId: o['consumer-group'], readUncommitted: false })
  await client.connect()
  await client.subscribe({ topics: [topic], fromBeginning: true })
  const size = Number(o['transaction-size'])
  const waiting = patience(60000, 'copier')
  let transactions = 0
  let position = 0n
  const all = new Promise((resolve, reject) => {
    client.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, isStale }) => {
        if (batch.partition !== partition) return
        try {
          let at = 0
          while (at < batch.messages.length && !isStale()) {
            const messages = batch.messages.slice(at, at + size)
            const transaction = await writer.transaction()
            await transaction.send({
              topic: o['output-topic'],
              messages: messages.map(m => ({ key: m.key, value: m.value, partition }))
            })
            const after = BigInt(messages.at(-1).offset) + 1n
            await transaction.sendOffsets({
              consumerGroupId: o['consumer-group'],
              topics: [{ topic, partitions: [{ partition, offset: String(after) }] }]
            })
            transactions += 1
            waiting.alive()
            if (transactions % 3 === 0) {
              await transaction.abort()
            } else {
              await transaction.commit()
              at += messages.length
              position = after
            }
          }
          client.seek({ topic, partition, offset: String(position) })
          if (position >= end) resolve()
        } catch (error) {
          reject(error)
        }
      }
    })
  })
  await Promise.race([all, waiting.expired])
  waiting.stop()
  const [committed] = await admin.fetchOffsets({ groupId: o['consumer-group'], topics: [topic] })
  const { offset } = committed.partitions.find(p => p.partition === partition)
  if (offset !== String(position)) throw new Error(`committed offset ${offset}, expected ${position}`)
  await client.disconnect()
  await writer.disconnect()
  await admin.disconnect()
}

await main({ producer, consumer, reader, copier })
