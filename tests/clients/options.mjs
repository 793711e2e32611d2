// Command lines of the Node clients: a role, then `--name value` pairs; a flag alone is "true".

export function read(argv) {
  const [role, ...words] = argv
  const options = {}
  while (words.length > 0) {
    const name = words.shift().replace(/^--/, '')
    const alone = words.length === 0 || words[0].startsWith('--')
    options[name] = alone ? 'true' : words.shift()
  }
  options.bootstrap = (options['bootstrap-server'] ?? options['broker-list']).split(',')
  return [role, options]
}

/** One JSON line, as Kafka's verifiable clients print them. */
export function say(name, fields) {
  process.stdout.write(JSON.stringify({ name, ...fields }) + '\n')
}

export async function main(roles) {
  const [role, options] = read(process.argv.slice(2))
  await roles[role](options)
}

/** Rejects when nothing came for `ms`; `alive()` starts the wait anew. */
export function patience(ms, what) {
  let timer
  let fail
  const expired = new Promise((_, reject) => { fail = reject })
  const alive = () => {
    clearTimeout(timer)
    timer = setTimeout(() => fail(new Error(`${what}: nothing for ${ms} ms`)), ms)
  }
  alive()
  return { expired, alive, stop: () => clearTimeout(timer) }
}
