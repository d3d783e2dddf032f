/** Text into and out of a room, with a fake room that the test controls. */
import { assert, describe, it } from "@effect/vitest"
import { Room, RpcError, type RpcInvocationData, TextStreamWriter } from "@livekit/rtc-node"
import { Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as TextInbox from "../../../src/providers/livekit/text/TextInbox.ts"
import * as TextOutbox from "../../../src/providers/livekit/text/TextOutbox.ts"
import type { ClientMessage } from "../../../src/session/ClientMessage.ts"
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
    const floor: Array<string> = []
    let nowMs = 0
    const { registerRpc: answer } = yield* TextInbox.listen({
      room: new Room(),
      makeRpcError: (code, message) => new RpcError(code, message),
      accepts: (identity) => identity !== "eve",
      message: (message) => void messages.push(message),
      malformed: () => {},
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
    return {
      call,
      messages,
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
})
