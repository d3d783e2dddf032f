import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import { call, layer, pass, running } from "./Harness.ts"
import { TestConnection } from "./TestConnection.ts"

/** The causes of the errors that were logged. */
const logged = () => {
  const lines: Array<string> = []
  return {
    lines,
    layer: Logger.layer([Logger.make(({ cause, logLevel, message }) => {
      if (logLevel === "Error") lines.push(`${String(message)} ${String(cause)}`)
    })])
  }
}

describe("Session after a defect", () => {
  it.effect("closes as failed when a command of the conversation throws", () => {
    const log = logged()
    return running(
      layer(),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const user = yield* call()
        const { notify } = user.connection
        Object.assign(user.connection, {
          notify: (event: SessionEvent) => {
            if (event.type === "user.transcript") throw new Error("notify is broken")
            notify(event)
          }
        })
        yield* user.speaks(300)
        yield* user.hears(2_000)
        assert.strictEqual(yield* user.session.state.get, "closed")
        assert.strictEqual(yield* user.session.ended, "failed")
        assert.deepStrictEqual(user.connection.of("error").map(({ code }) => code), ["pipeline_error"])
        assert.notInclude(user.connection.of("error")[0]?.message, "broken", "strangers get a generic sentence")
        assert.deepStrictEqual(user.connection.of("session.ended").map(({ reason }) => reason), ["failed"])
        assert.deepStrictEqual(user.connection.closes, ["session_ended"])
        assert.strictEqual(log.lines.length, 1)
        assert.include(log.lines[0], "notify is broken")
        const error = yield* Effect.flip(user.session.say("Hello."))
        assert.strictEqual(error.code, "session_not_found")
        assert.strictEqual(yield* backend.activeSessionCount, 0)
      })
    ).pipe(Effect.provide(log.layer))
  })

  it.effect("closes as failed when a playout tick throws", () => {
    const log = logged()
    return running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("one two three four five six seven eight nine ten")
        yield* pass("500 millis")
        assert.strictEqual(yield* user.session.state.get, "speaking")
        user.connection.onSend = () => {
          throw new Error("the link is broken")
        }
        yield* pass("1 second")
        assert.strictEqual(yield* user.session.ended, "failed")
        assert.deepStrictEqual(user.connection.of("error").map(({ code }) => code), ["pipeline_error"])
        assert.strictEqual(user.connection.of("agent.speech_stopped")[0]?.reason, "interrupted")
        assert.deepStrictEqual(user.connection.of("session.ended").map(({ reason }) => reason), ["failed"])
        assert.strictEqual(log.lines.length, 1)
        assert.include(log.lines[0], "the link is broken")
      })
    ).pipe(Effect.provide(log.layer))
  })

  it.effect("closes even when everything of the connection throws", () => {
    const log = logged()
    return running(
      layer(),
      Effect.gen(function*() {
        const connection = new TestConnection()
        const user = yield* call({ connection })
        const other = yield* call()
        for (const each of [user, other]) yield* each.session.say("one two three four five six seven eight nine ten")
        yield* pass("500 millis")
        const broken = () => {
          throw new Error("broken")
        }
        Object.assign(connection, { send: broken, clear: broken, notify: broken, close: () => Effect.die("broken") })
        yield* pass("3 seconds")
        assert.strictEqual(yield* user.session.ended, "failed")
        assert.strictEqual(yield* user.session.state.get, "closed")
        // another session of the process plays on
        assert.strictEqual(yield* other.session.state.get, "listening")
        assert.deepStrictEqual(other.connection.of("agent.speech_stopped").map(({ reason }) => reason), ["completed"])
        assert.include(log.lines[0], "broken")
      })
    ).pipe(Effect.provide(log.layer))
  })

  it.effect("goes on when the agent throws: the reply fails, and the apology is spoken", () =>
    running(
      layer({
        agent: {
          name: undefined,
          respond: () => {
            throw new Error("the agent is broken")
          }
        }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(300)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: Sorry."])
        assert.strictEqual(yield* user.session.state.get, "listening")
        assert.strictEqual(user.connection.of("error").length, 1)
      })
    ))
})
