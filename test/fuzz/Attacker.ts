import * as Net from "node:net"

/**
 * A separate process that attacks a server, so that its CPU time and memory do not count as the server's. It receives
 * attacks and reports results by `process.send`.
 */
export type Attack =
  /** WebSocket handshakes without a token, and with a wrong one. */
  | { readonly kind: "no token"; readonly port: number; readonly id: string; readonly count: number }
  /** Silent connections. */
  | { readonly kind: "silent"; readonly port: number; readonly count: number; readonly ms: number }
  /** Heads of requests, a byte at a time. */
  | { readonly kind: "slow heads"; readonly port: number; readonly count: number; readonly ms: number }
  /** Bodies of requests, a byte at a time. */
  | {
    readonly kind: "slow bodies"
    readonly port: number
    readonly count: number
    readonly ms: number
    readonly key: string
  }
  /** Sessions, one after the other, beyond the session limit. */
  | { readonly kind: "create"; readonly port: number; readonly count: number; readonly key: string }
  /** An open socket that writes the same bytes as fast as possible, and may not read. */
  | {
    readonly kind: "socket"
    readonly port: number
    readonly id: string
    readonly token: string
    readonly query: string
    readonly first: string
    /** In base64; empty for nothing. */
    readonly bytes: string
    readonly reads: boolean
    readonly ms: number
  }

export interface Outcome {
  /** Connections, or answers by their status. */
  readonly counts: { readonly [what: string]: number }
  readonly bytes: number
  readonly ms: number
}

const AT_ONCE = 64

const connect = (port: number): Net.Socket => {
  const socket = Net.connect({ port, host: "127.0.0.1" })
  socket.on("error", () => {})
  return socket
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const handshake = (path: string, protocols: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${protocols}\r\n\r\n`

/** Sends a request and returns everything until the server closes. */
const ask = (port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port)
    let answer = ""
    socket.setTimeout(20_000, () => socket.destroy())
    socket.on("data", (part) => {
      answer += part.toString("latin1")
      // Only the status is needed.
      if (answer.startsWith("HTTP/1.1 1")) socket.destroy()
    })
    socket.on("close", () => resolve(answer))
    socket.write(text)
  })

const statusOf = (answer: string): string => /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "nothing"

const asks = async (port: number, count: number, text: (i: number) => string) => {
  const counts: Record<string, number> = {}
  let bytes = 0
  let next = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < count) {
      const answer = await ask(port, text(next++))
      const status = statusOf(answer)
      counts[status] = (counts[status] ?? 0) + 1
      bytes += answer.length
    }
  }))
  return { counts, bytes }
}

/** Opens `count` sockets, writes to each every 250 ms, and counts those that the server closes. */
const hold = async (port: number, count: number, ms: number, begin: string, drip: string) => {
  const sockets: Array<Net.Socket> = []
  const closed: Array<string> = []
  for (let i = 0; i < count; i++) {
    const socket = connect(port)
    let answer = ""
    socket.on("data", (part) => answer += part.toString("latin1"))
    socket.on("close", () => closed.push(statusOf(answer)))
    if (begin !== "") socket.write(begin)
    sockets.push(socket)
    if (i % 100 === 99) await sleep(1)
  }
  const until = performance.now() + ms
  while (performance.now() < until && closed.length < count) {
    if (drip !== "") { for (const socket of sockets) if (socket.writable) socket.write(drip) }
    await sleep(250)
  }
  const counts: Record<string, number> = { opened: count, closed: closed.length }
  for (const status of closed) counts[`status ${status}`] = (counts[`status ${status}`] ?? 0) + 1
  for (const socket of sockets) socket.destroy()
  return { counts, bytes: 0 }
}

const socket = async (attack: Extract<Attack, { kind: "socket" }>) => {
  const socket = connect(attack.port)
  let sent = 0
  let received = 0
  let head = ""
  const from = performance.now()
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()))
  await new Promise<void>((resolve) => {
    socket.once("data", (part) => {
      head = part.toString("latin1")
      resolve()
    })
    socket.write(handshake(`/v1/sessions/${attack.id}/audio${attack.query}`, `effect-voice.v1, token.${attack.token}`))
  })
  if (!attack.reads) socket.pause()
  socket.on("data", (part) => {
    received += part.length
  })
  if (attack.first !== "") socket.write(Buffer.from(attack.first, "base64"))
  const bytes = Buffer.from(attack.bytes, "base64")
  const write = (): void => {
    // Only as fast as the server reads; more would only fill this process's memory.
    while (bytes.length > 0 && socket.writable) {
      sent += bytes.length
      if (!socket.write(bytes)) return void socket.once("drain", write)
      if (sent % (bytes.length * 64) === 0) return void setImmediate(write)
    }
  }
  write()
  const gone = await Promise.race([closed.then(() => true), sleep(attack.ms).then(() => false)])
  const ms = performance.now() - from
  socket.destroy()
  return { counts: { [statusOf(head)]: 1, closed: gone ? 1 : 0, sent, received, ms: Math.round(ms) }, bytes: sent }
}

const run = (attack: Attack): Promise<{ readonly counts: Outcome["counts"]; readonly bytes: number }> => {
  switch (attack.kind) {
    case "no token":
      return asks(
        attack.port,
        attack.count,
        (i) =>
          handshake(
            `/v1/sessions/${i % 3 === 0 ? "nobody" : attack.id}/audio`,
            i % 2 === 0 ? "effect-voice.v1" : `effect-voice.v1, token.${"x".repeat(43)}`
          )
      )
    case "silent":
      return hold(attack.port, attack.count, attack.ms, "", "")
    case "slow heads":
      return hold(attack.port, attack.count, attack.ms, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", "x")
    case "slow bodies":
      return hold(
        attack.port,
        attack.count,
        attack.ms,
        "POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
          `Authorization: Bearer ${attack.key}\r\nContent-Length: 1000\r\n\r\n{`,
        " "
      )
    case "create": {
      const body = JSON.stringify({ user_id: "mallory", transport: "websocket", metadata: { a: "x".repeat(1_000) } })
      return asks(
        attack.port,
        attack.count,
        () =>
          "POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n" +
          `Authorization: Bearer ${attack.key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      )
    }
    case "socket":
      return socket(attack)
  }
}

process.on("message", (attack: Attack) => {
  const from = performance.now()
  void run(attack).then(
    ({ bytes, counts }) => process.send?.({ counts, bytes, ms: Math.round(performance.now() - from) }),
    (error: unknown) => {
      process.send?.({ counts: { [String(error)]: 1 }, bytes: 0, ms: 0 })
    }
  )
})
