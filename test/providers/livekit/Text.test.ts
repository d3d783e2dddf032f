/** Text into and out of a room, with a fake room that the test controls. */
import { assert, describe, it } from "@effect/vitest"
import { DataStream_Chunk } from "@livekit/rtc-ffi-bindings"
import { Room, RpcError, type RpcInvocationData, TextStreamReader, TextStreamWriter } from "@livekit/rtc-node"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as TextInbox from "../../../src/providers/livekit/text/TextInbox.ts"
import * as TextOutbox from "../../../src/providers/livekit/text/TextOutbox.ts"
import { type ClientMessage, MAX_TEXT_LENGTH } from "../../../src/session/ClientMessage.ts"
import type { SessionEvent, SessionEventBody } from "../../../src/session/SessionEvent.ts"

/** A room that writes down what is sent; `stalled`, it takes nothing and refuses nothing. */
const scripted = (stalled = false) => {
  const log: Array<string> = []
  const taken = <A>(what: string, result: A): Promise<A> => {
    log.push(what)
    return stalled ? new Promise(() => {}) : Promise.resolve(result)
  }
  const room: TextOutbox.TextRoom = {
    localParticipant: {
      publishData: (data, { destination_identities = [] }) =>
        taken(
          `data ${String(Reflect.get(JSON.parse(Buffer.from(data).toString()), "seq"))} ${destination_identities}`,
          undefined
        ),
      sendText: (text, { destinationIdentities = [] } = {}) =>
        taken(`stream ${String(Reflect.get(JSON.parse(text), "seq"))} ${destinationIdentities}`, {
          streamId: "s",
          mimeType: "text/plain",
          topic: TextOutbox.TOPIC,
          timestamp: 0
        }),
      setAttributes: (attributes) => taken(`state ${Object.values(attributes)}`, undefined),
      streamText: ({ attributes = {}, senderIdentity } = {}) => {
        const name = `${attributes["lk.segment_id"]}${attributes["lk.transcription_final"] === "true" ? "!" : ""}`
        return taken(
          `open ${name}${senderIdentity === undefined ? "" : ` of ${senderIdentity}`}`,
          new TextStreamWriter(
            new WritableStream<string>({
              write: (text) => void log.push(`write ${name} ${JSON.stringify(text)}`),
              close: () => void log.push(`close ${name}`)
            }),
            { streamId: "s", mimeType: "text/plain", topic: "t", timestamp: 0 }
          )
        )
      }
    }
  }
  return { room, log }
}

const outbox = (room: TextOutbox.TextRoom, listeners: ReadonlyArray<string> = ["ann"]) =>
  TextOutbox.make({
    room,
    session: "ses_1",
    listeners: () => listeners,
    speaker: () => "ann",
    tracks: { user: () => "TR_u", agent: () => "TR_a" }
  })

const event = (body: SessionEventBody, seq = 1): SessionEvent => ({ ...body, seq, atMs: 0 })

/** Ends when it does within so long on the test's clock; a defect otherwise. */
const within = Effect.fnUntraced(function*<A>(seconds: number, effect: Effect.Effect<A>) {
  const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
  yield* TestClock.adjust(`${seconds} seconds`)
  const exit = fiber.pollUnsafe()
  if (exit === undefined) {
    fiber.interruptUnsafe()
    return assert.fail(`not over after ${seconds} s`)
  }
  return yield* Fiber.join(fiber)
})

describe("TextOutbox", () => {
  it.effect("sends in order: the agent's text as a stream, and once more as a whole", () =>
    Effect.gen(function*() {
      const { log, room } = scripted()
      const { flushed, send } = yield* outbox(room, [])
      send(event({ type: "user.transcript", turn: 1, text: "hello", final: true }))
      send(event({ type: "agent.transcript", turn: 1, text: "Good" }))
      send(event({ type: "agent.transcript", turn: 1, text: "day." }))
      send(event({ type: "agent.speech_stopped", turn: 1, reason: "completed", text: "Good day." }))
      send(event({ type: "agent.transcript", turn: 2, text: "And?" }))
      yield* flushed
      assert.deepStrictEqual(log, [
        "open ses_1-user-1! of ann",
        "write ses_1-user-1! \"hello\"",
        "close ses_1-user-1!",
        "open ses_1-agent-1",
        "write ses_1-agent-1 \"Good\"",
        "write ses_1-agent-1 \" day.\"",
        "close ses_1-agent-1",
        "open ses_1-agent-1!",
        "write ses_1-agent-1! \"Good day.\"",
        "close ses_1-agent-1!",
        "open ses_1-agent-2",
        "write ses_1-agent-2 \"And?\""
      ])
    }))

  it.effect("sends events to the present users, as packets, or as streams if too large", () =>
    Effect.gen(function*() {
      const { log, room } = scripted()
      const { flushed, send } = yield* outbox(room, ["ann", "bob"])
      send(event({ type: "pong" }, 1))
      send(event({ type: "error", code: "invalid_config", message: "é".repeat(8_000) }, 2))
      send(event({ type: "pong" }, 3))
      yield* flushed
      assert.deepStrictEqual(log, ["data 1 ann,bob", "stream 2 ann,bob", "data 3 ann,bob"])
    }))

  it.effect("never blocks on a room that takes nothing, however much is queued", () =>
    Effect.gen(function*() {
      const { log, room } = scripted(true)
      const { flushed, send } = yield* outbox(room)
      for (let seq = 1; seq <= 600; seq++) send(event({ type: "pong" }, seq))
      yield* within(6, flushed)
      yield* within(
        6,
        Effect.all([
          flushed,
          Effect.sync(() => {
            for (let seq = 0; seq < 300; seq++) send(event({ type: "pong" }, seq))
          })
        ], { concurrency: "unbounded" })
      )
      assert.isBelow(log.length, 5)
    }))

  it.effect("flushes at once after leaving the room", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { flushed, send } = yield* outbox(scripted().room).pipe(Scope.provide(scope))
      yield* Scope.close(scope, Exit.void)
      send(event({ type: "pong" }))
      yield* within(0, flushed)
    }))
})

describe("TextInbox", () => {
  const inbox = Effect.fnUntraced(function*() {
    const methods = new Map<string, (call: RpcInvocationData) => Promise<string>>()
    const messages: Array<ClientMessage> = []
    const faults: Array<string> = []
    const floor: Array<string> = []
    let nowMs = 0
    const handlers = new Map<string, Parameters<Room["registerTextStreamHandler"]>[1]>()
    const room = new Room()
    room.registerTextStreamHandler = (topic, handler) => void handlers.set(topic, handler)
    const { registerRpc: answer } = yield* TextInbox.listen({
      room,
      makeRpcError: (code, message) => new RpcError(code, message),
      accepts: (identity) => identity !== "eve",
      message: (message) => void messages.push(message),
      malformed: (reason) => void faults.push(reason),
      floor: (identity, holds) => floor.push(`${identity} ${holds}`) > 0,
      nowMs: () => nowMs
    })
    answer({ registerRpcMethod: (method, handler) => void methods.set(method, handler) })
    const call = (method: string, callerIdentity: string, payload = "") =>
      Effect.promise(() =>
        Promise.resolve(
          methods.get(method)?.({ requestId: "r", callerIdentity, payload, responseTimeout: 1_000, method })
        )
          .catch((error: unknown) => error instanceof RpcError ? error.code : error)
      )
    /** A text stream begins; its parts come when the test sends them. */
    const stream = (identity: string, options: { readonly topic?: string; readonly totalSize?: number } = {}) => {
      const { topic = TextInbox.CHAT_TOPIC, ...size } = options
      let controller: ReadableStreamDefaultController<DataStream_Chunk> | undefined
      const parts = new ReadableStream<DataStream_Chunk>({
        start: (given) => {
          controller = given
        }
      })
      const info = { streamId: "s", mimeType: "text/plain", topic, timestamp: 0, ...size }
      handlers.get(topic)?.(new TextStreamReader(info, parts), { identity })
      return {
        part: (text: string) => controller?.enqueue(new DataStream_Chunk({ content: new TextEncoder().encode(text) })),
        end: () => controller?.close(),
        fail: () => controller?.error(new Error("cut off"))
      }
    }
    const settled = Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
    return {
      call,
      messages,
      faults,
      stream,
      settled,
      texts: () => messages.map((message) => message.type === "user.text" ? message.text : message.type),
      floor,
      later: (ms: number) => {
        nowMs += ms
      }
    }
  })

  it.effect("answers RPC: messages, malformed ones, and callers without permission", () =>
    Effect.gen(function*() {
      const { call, messages } = yield* inbox()
      assert.strictEqual(yield* call("session.message", "ann", "{\"type\":\"ping\"}"), "{}")
      assert.strictEqual(yield* call("session.message", "ann", "{"), 2_400)
      assert.strictEqual(yield* call("session.message", "ann", `"${"x".repeat(100_000)}"`), 2_400)
      assert.strictEqual(yield* call("session.message", "eve", "{\"type\":\"ping\"}"), 2_403)
      assert.strictEqual(yield* call("start_turn", "eve"), 2_403)
      assert.deepStrictEqual(messages, [{ type: "ping" }])
    }))

  it.effect("limits how often a caller interrupts the agent, and always lets them give the floor back", () =>
    Effect.gen(function*() {
      const { call, floor, later } = yield* inbox()
      let taken = 0
      for (let i = 0; i < 1_000; i++) if ((yield* call("start_turn", "ann")) === "{}") taken++
      assert.isBelow(taken, 30)
      assert.strictEqual(floor.length, taken)
      assert.strictEqual(yield* call("start_turn", "ann"), 2_429)
      assert.strictEqual(yield* call("end_turn", "ann"), "{}")
      assert.strictEqual(yield* call("start_turn", "bob"), "{}", "another has a pace of their own")
      later(2_000)
      assert.strictEqual(yield* call("start_turn", "ann"), "{}")
    }))

  it.effect("takes the texts of a participant in the order in which they began, and waits for no other's", () =>
    Effect.gen(function*() {
      const { faults, settled, stream, texts } = yield* inbox()
      const streams = Array.from({ length: 8 }, () => stream("ann"))
      for (const i of [2, 0, 6, 7, 1, 3]) {
        streams[i]?.part(`number ${i}`)
        streams[i]?.end()
      }
      const other = stream("bob")
      other.part("from bob")
      other.end()
      yield* settled
      assert.deepStrictEqual(texts().toSorted(), ["from bob", "number 0", "number 1", "number 2", "number 3"])
      streams[5]?.fail()
      streams[4]?.part("number 4")
      streams[4]?.end()
      yield* settled
      assert.deepStrictEqual(
        texts().filter((text) => text !== "from bob"),
        [0, 1, 2, 3, 4, 6, 7].map((i) => `number ${i}`)
      )
      assert.deepStrictEqual(faults, ["a text was broken off, or did not end in time"])
    }))

  it.effect("says that a text is too long, however it comes, with the one limit", () =>
    Effect.gen(function*() {
      const { faults, later, settled, stream, texts } = yield* inbox()
      const send = Effect.fnUntraced(function*(text: string, options?: Parameters<typeof stream>[1]) {
        const { end, part } = stream("ann", options)
        part(text)
        end()
        yield* settled
        later(10_000)
      })
      yield* send("ä".repeat(MAX_TEXT_LENGTH))
      assert.deepStrictEqual(texts(), ["ä".repeat(MAX_TEXT_LENGTH)])
      yield* send("x".repeat(MAX_TEXT_LENGTH + 1))
      yield* send(JSON.stringify({ type: "user.text", text: "x".repeat(MAX_TEXT_LENGTH + 1) }), {
        topic: TextOutbox.TOPIC
      })
      yield* send("x".repeat(70_000))
      yield* send("", { totalSize: 70_000 })
      assert.lengthOf(faults, 4)
      for (const fault of faults.slice(0, 2)) assert.match(fault, /text: at most 16,384 characters/)
      for (const fault of faults.slice(2)) assert.match(fault, /65536 bytes/)
      assert.strictEqual(texts().length, 1)
    }))

  it.effect("gives a text that does not end ten seconds, and then takes those behind it", () =>
    Effect.gen(function*() {
      const { faults, settled, stream, texts } = yield* inbox()
      stream("ann").part("without end")
      const next = stream("ann")
      next.part("next")
      next.end()
      yield* settled
      assert.deepStrictEqual(texts(), [])
      yield* TestClock.adjust("10 seconds")
      yield* settled
      assert.deepStrictEqual([texts(), faults.length], [["next"], 1])
    }))

  it.effect("bounds how many texts are read at once, and says so", () =>
    Effect.gen(function*() {
      const { faults, stream } = yield* inbox()
      for (let i = 0; i < 1_000; i++) stream("ann")
      assert.deepStrictEqual(faults, ["flood limit exceeded; some messages were dropped"])
    }))
})
