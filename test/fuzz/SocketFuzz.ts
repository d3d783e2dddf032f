import { Effect } from "effect"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import * as Server from "../../src/server/Server.ts"
import { Chance } from "./Chance.ts"
import * as Json from "./Json.ts"
import * as Mutate from "./Mutate.ts"
import { expect, expectDiscreet } from "./Surface.ts"
import { create, type Created, portOf } from "./TestServer.ts"

const SEED = process.env["FUZZ_SEED"] ?? "effect-voice"
/** Frames of one socket. */
const FRAMES = 12

const texts = [
  "{\"type\":\"user.text\",\"text\":\"hello\"}",
  "{\"type\":\"playout.position\",\"turn\":1,\"played_ms\":20}",
  "{\"type\":\"agent.interrupt\"}",
  "{\"type\":\"ping\"}"
]

/** A client frame (RFC 6455 §5.2), masked, sometimes with a wrong opcode or length. */
const frame = (opcode: number, payload: Uint8Array, chance: Chance): Buffer => {
  const spoilt = chance.one(12)
  const masked = !(spoilt && chance.one(2))
  const first = (spoilt && chance.one(3) ? chance.word() & 0xff : 0x80 | opcode) & 0xff
  const length = spoilt && chance.one(3) ? chance.pick([0, 125, 65_535, 65_537, 2 ** 31, 2 ** 40]) : payload.length
  const head = length < 126
    ? Buffer.of(first, length)
    : length < 65_536
    ? Buffer.of(first, 126, length >> 8, length & 0xff)
    : Buffer.concat([Buffer.of(first, 127), u64(length)])
  if (masked) head[1]! |= 0x80
  const key = Buffer.alloc(4)
  key.writeUInt32BE(chance.word())
  const body = Buffer.from(payload)
  if (masked) { for (let i = 0; i < body.length; i++) body[i]! ^= key[i & 3]! }
  return masked ? Buffer.concat([head, key, body]) : Buffer.concat([head, body])
}

const u64 = (value: number): Buffer => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64BE(BigInt(value))
  return out
}

const encoder = new TextEncoder()

const frames = (chance: Chance): Buffer => {
  const list = Array.from({ length: FRAMES }, () => {
    const pcm = new Uint8Array(chance.small(2_000)).fill(chance.word() & 0xff)
    switch (chance.below(8)) {
      case 0:
      case 1:
        return frame(2, pcm, chance)
      case 2:
        return frame(1, encoder.encode(chance.pick(texts)), chance)
      case 3:
      case 4:
        return frame(1, encoder.encode(Json.mutate(chance.pick(texts), chance) ?? ""), chance)
      case 5: {
        const pool = texts.map((text) => encoder.encode(text))
        return frame(1, Mutate.bytes(chance.pick(pool), chance, { pool, maxBytes: 66_000 }), chance)
      }
      case 6:
        return frame(9, pcm.subarray(0, 125), chance)
      default:
        return frame(chance.pick([0, 8, 10, 3, 11]), pcm.subarray(0, chance.one(2) ? 2 : 125), chance)
    }
  })
  const whole = Buffer.concat(list)
  return chance.one(6) ? Buffer.from(Mutate.bytes(whole, chance, { pool: [whole], maxBytes: 300_000 })) : whole
}

/** Opens a socket, writes everything, and reads until the server has closed or answered a last ping. */
const attack = (port: number, { id, token }: Created, bytes: Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const parts: Array<Buffer> = []
    const socket = Net.connect({ port, host: "127.0.0.1" })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error("the socket stayed open for 10 s"))
    }, 10_000)
    socket.on("data", (part) => parts.push(part))
    socket.on("error", () => {})
    socket.on("close", () => {
      clearTimeout(timer)
      resolve(Buffer.concat(parts).toString("latin1"))
    })
    socket.write(
      `GET /v1/sessions/${id}/audio HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Crypto.randomBytes(16).toString("base64")}\r\n` +
        `Sec-WebSocket-Protocol: effect-voice.v1, token.${token}\r\n\r\n`
    )
    socket.write(bytes)
    // A client that closes before the token is checked gets no answer.
    socket.once("data", () => socket.end())
  })

/** Sends mutated WebSocket frames to a whole server. */
export const sockets = Effect.fnUntraced(function*(inputs: number) {
  const { url } = yield* Server.VoiceServer
  const port = portOf(url)
  const ends = new Map<string, number>()
  let session = yield* Effect.promise(() => create(url))
  for (let index = 0; index < inputs / FRAMES; index++) {
    const bytes = frames(new Chance(`${SEED}/socket/${index}`))
    const answer = yield* Effect.promise(async () => {
      try {
        return await attack(port, session, bytes)
      } catch (cause) {
        throw new Error(`socket failed at ${index}: ${String(cause)} ${bytes.toString("base64")}`, { cause })
      }
    })
    expectDiscreet(answer)
    const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? "nothing"
    ends.set(status, (ends.get(status) ?? 0) + 1)
    expect(["101", "404", "429"].includes(status), () => `${index}: ${answer.slice(0, 400)}`)
    // An input contained `session.end`.
    if (status === "404") session = yield* Effect.promise(() => create(url))
  }
  return Object.fromEntries(ends)
})
