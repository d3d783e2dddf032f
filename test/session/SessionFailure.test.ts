import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Stream } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import { defaults } from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import { SpeechToText } from "../../src/speech/SpeechToText.ts"
import { VoiceActivityDetector } from "../../src/speech/VoiceActivityDetector.ts"
import * as MemoryStore from "../../src/store/MemoryStore.ts"
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

  it.effect("does not tell the user what was thrown inside a reply, but logs it", () => {
    const log = logged()
    return running(
      layer({ agent: Agent.fromStream(() => Stream.die(new Error("password s3cret of db-7"))) }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(300)
        yield* user.hears(3_000)
        const errors = user.connection.of("error")
        assert.deepStrictEqual(errors.map(({ code, message }) => [code, message]), [[
          "agent_error",
          "the agent failed"
        ]])
        assert.notInclude(JSON.stringify(user.connection.events), "s3cret")
        assert.isTrue(log.lines.some((line) => line.includes("s3cret")), log.lines.join("\n"))
        assert.strictEqual(yield* user.session.state.get, "listening")
      })
    ).pipe(Effect.provide(log.layer))
  })

  for (const part of ["recogniser", "voice activity detector"] as const) {
    it.effect(`closes as failed when the ${part} throws at a frame, which the connection does not notice`, () => {
      const log = logged()
      let frames = 0
      const push = () => {
        if (++frames > 10) throw new Error("the engine is broken")
      }
      return running(
        layer(
          part === "recogniser"
            ? {
              layerStt: Layer.succeed(SpeechToText, {
                name: "broken",
                sampleRate: 16_000,
                capabilities: { interim: false, endOfTurn: false, languages: [], keyterms: false },
                open: () => Effect.succeed({ push, activity: () => {}, finalize: () => {}, events: Stream.never })
              })
            }
            : {
              layerVad: Layer.succeed(VoiceActivityDetector, {
                name: "broken",
                sampleRate: 16_000,
                open: () => Effect.succeed({ push })
              })
            }
        ),
        Effect.gen(function*() {
          const user = yield* call()
          // a throw would come out of the connection's own callback
          yield* user.hears(2_000)
          const what = `${JSON.stringify(user.connection.types)} ${log.lines.join("\n")}`
          assert.isAbove(frames, 10)
          if (part === "recogniser") {
            // the resilient layer takes another stream, as for any failure of an engine
            assert.isUndefined(user.connection.of("session.ended")[0], what)
            return
          }
          assert.strictEqual(yield* user.session.ended, "failed", what)
          assert.deepStrictEqual(user.connection.of("session.ended").map(({ reason }) => reason), ["failed"])
          assert.isTrue(log.lines.some((line) => line.includes("the engine is broken")), what)
          assert.notInclude(JSON.stringify(user.connection.events), "broken")
        })
      ).pipe(Effect.provide(log.layer))
    })
  }

  it.effect("closes as failed when a connection throws at what was saved, instead of saving no more", () => {
    const log = logged()
    return running(
      layer().pipe(Layer.provide(MemoryStore.layer())),
      Effect.gen(function*() {
        const user = yield* call()
        const { notify } = user.connection
        Object.assign(user.connection, {
          notify: (event: SessionEvent) => {
            if (event.type === "session.saved") throw new Error("notify is broken")
            notify(event)
          }
        })
        yield* user.speaks(300)
        yield* user.hears(3_000)
        assert.strictEqual(yield* user.session.ended, "failed")
        assert.include(log.lines[0], "notify is broken")
      })
    ).pipe(Effect.provide(log.layer))
  })

  it.effect("ends what waits for the engines: processAudio does not wait for a session that is gone", () =>
    running(
      layer({
        layerVad: Layer.succeed(VoiceActivityDetector, {
          name: "late",
          sampleRate: 16_000,
          // never catches up
          open: () => Effect.succeed({ push: () => {}, settle: () => {}, behind: () => 16_000 })
        })
      }),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const session = yield* backend.createSession({ userId: "u", transport: "websocket" })
        yield* session.start
        const fed = yield* Effect.forkChild(session.processAudio(Pcm.fromInt16(new Int16Array(1_600))))
        yield* pass("1 second")
        assert.isUndefined(fed.pollUnsafe())
        yield* backend.closeSession(session.id)
        yield* pass("1 minute")
        assert.isDefined(fed.pollUnsafe())
      })
    ))

  it.effect("closes each detached connection: the close of a second does not cut that of the first", () =>
    running(
      layer({
        config: {
          rateLimits: {
            ...defaults.rateLimits,
            audio: { user: { limit: Duration.seconds(1), window: Duration.hours(1) } }
          }
        }
      }),
      Effect.gen(function*() {
        const closed: Array<string> = []
        const slow = () => {
          const connection = new TestConnection({ transport: "websocket" })
          connection.closing = Effect.sleep("1 second").pipe(
            Effect.andThen(Effect.sync(() => closed.push(connection.id)))
          )
          return connection
        }
        const first = slow()
        const user = yield* call({ connection: first })
        const minute = new Int16Array(61 * 16_000)
        first.listener?.audio(minute)
        yield* pass("500 millis")
        const second = slow()
        yield* user.session.attach(second)
        second.listener?.audio(minute)
        yield* pass("1500 millis")
        assert.deepStrictEqual([...first.closes, ...second.closes], ["rate_limited", "rate_limited"])
        assert.deepStrictEqual(closed, [first.id, second.id])
      })
    ))
})
