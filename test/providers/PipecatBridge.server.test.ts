import { afterAll, assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Layer, Schedule, Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { fileURLToPath } from "node:url"
import * as Agent from "../../src/agent/Agent.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import * as Pipecat from "../../src/providers/pipecat/index.ts"
import * as Server from "../../src/server/Server.ts"
import type { SessionEvent } from "../../src/session/SessionEvent.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedRecogniser from "../../src/testing/scripted/ScriptedRecogniser.ts"
import { freePort } from "../support/FreePort.ts"
import { PipecatUser } from "../support/pipecat/PipecatUser.ts"
import * as Python from "../support/pipecat/Python.ts"

const script = fileURLToPath(new URL("../../scripts/pipecat/bridge.py", import.meta.url))
const LONG = "this is a long answer that goes on and on and would not end for quite some time if nobody spoke"

const agent = Agent.fromCallback((text) => Effect.succeed(text === "go on" ? LONG : `you said ${text}`))

/** A proxy to a port, whose connections can be made to fail. */
const network = Effect.fnUntraced(function*(target: number) {
  const lines = new Set<Socket>()
  const server = createServer((line) => {
    const other = connect(target, "127.0.0.1")
    for (const each of [line, other]) {
      lines.add(each)
      each.on("error", () => {})
      each.on("close", () => {
        lines.delete(each)
        line.destroy()
        other.destroy()
      })
    }
    line.pipe(other)
    other.pipe(line)
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        for (const line of lines) line.destroy()
        server.close()
      })
  )
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    fail: () => {
      for (const line of lines) line.resetAndDestroy()
    }
  }
})

/** Our server with provider pipecat, and the real bridge in front of it, with a network between. */
const bridge = Effect.gen(function*() {
  const context = yield* Layer.build(
    Server.layer({ port: 0, console: false, grace: "100 millis" }).pipe(
      Layer.provideMerge(
        VoiceBackend.layerSttTts({
          agent,
          config: {
            providerConfig: BackendConfig.defaults.providerConfig,
            maxConcurrentSessions: 2,
            conversation: { ...defaultPolicy, goodbye: "Good bye" },
            session: { ...BackendConfig.defaults.session, resumeWindow: Duration.seconds(2) }
          }
        })
      ),
      Layer.provide([
        Pipecat.layer,
        ScriptedRecogniser.layer(),
        ScriptedEngines.layerTts(),
        ScriptedEngines.layerVad()
      ])
    )
  )
  const backend = Context.get(context, VoiceBackend)
  const { url } = Context.get(context, Server.VoiceServer)
  const { fail, port: between } = yield* network(Number(new URL(url).port))
  const port = yield* freePort
  yield* Python.run(script, ["-t", "websocket", "--host", "127.0.0.1", "--port", String(port)], {
    ready: /Uvicorn running on/,
    env: { EFFECT_VOICE_URL: `http://127.0.0.1:${between}` }
  })
  return { backend, fail, url: `ws://127.0.0.1:${port}/ws-client` }
})

/** One for the tests that leave it running; it is given to each when nobody of the one before is left. */
const scope = Scope.makeUnsafe()
const shared = Effect.runSync(Effect.cached(Scope.provide(bridge, scope)))
const sharedBridge = Effect.tap(shared, ({ backend }) =>
  backend.activeSessionCount.pipe(
    Effect.repeat({ until: (count) => count === 0, schedule: Schedule.spaced("50 millis") }),
    Effect.timeout("20 seconds")
  ))

const until = (good: () => boolean, what: () => string) =>
  Effect.suspend(() => good() ? Effect.void : Effect.fail("not yet" as const)).pipe(
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "20 seconds" }))),
    Effect.catch(() => Effect.die(new Error(what())))
  )

const call = (url: string) =>
  Effect.acquireRelease(
    Effect.promise(() => PipecatUser.connect(url)),
    (user) => Effect.sync(() => user.hangUp())
  )

const has = (user: PipecatUser, type: SessionEvent["type"], count = 1) =>
  until(
    () => user.events.filter((event) => event.type === type).length >= count,
    () => `no ${type}: ${JSON.stringify(user.events)} ${JSON.stringify(user.types)}`
  )

describe.skipIf(Python.missing !== undefined)(
  `a user of the real Pipecat${Python.missing === undefined ? "" : ` (${Python.missing})`}`,
  () => {
    afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

    it.live("talks with our agent through the bridge", () =>
      Effect.gen(function*() {
        const { backend, url } = yield* sharedBridge
        const user = yield* call(url)
        user.tell({ type: "client-ready", id: "c1", data: { version: "2.1.0", about: { library: "test" } } })
        yield* has(user, "session.started")
        user.say("hello bridge")
        yield* has(user, "agent.speech_stopped")
        // Pipecat hands the last 20 ms on when we have played them
        yield* until(() => user.heard.length >= 4, () => `heard ${user.heard.join(" ")}`)
        assert.deepStrictEqual(user.heard, ["you", "said", "hello", "bridge"])
        assert.deepStrictEqual(
          user.events.flatMap((event) => event.type === "user.transcript" && event.final ? [event.text] : []),
          ["hello bridge"]
        )
        const ready = user.messages.find(({ type }) => type === "bot-ready")
        assert.strictEqual(ready?.id, "c1")
        for (
          const type of [
            "user-started-speaking",
            "user-stopped-speaking",
            "user-transcription",
            "bot-started-speaking",
            "bot-output",
            "bot-stopped-speaking"
          ]
        ) assert.include(user.types, type)
        const audio = user.arrived.flatMap(({ frame }) => frame._tag === "Audio" ? [frame] : [])
        assert.deepStrictEqual([...new Set(audio.map(({ sampleRate }) => sampleRate))], [24_000])

        const [session] = yield* backend.listSessions
        assert.isDefined(session)
        if (session === undefined) return
        user.hangUp()
        yield* until(
          () => user.closed !== undefined,
          () => "the bridge does not close"
        )
        assert.deepStrictEqual(
          (yield* session.history).map(({ role, text }) => [role, text]),
          [["user", "hello bridge"], ["agent", "you said hello bridge"]]
        )
        // nobody comes back within the window
        yield* backend.activeSessionCount.pipe(
          Effect.repeat({ until: (count) => count === 0, schedule: Schedule.spaced("100 millis") }),
          Effect.timeout("10 seconds")
        )
      }), 60_000)

    it.live("interrupts the agent, and gets no more audio of the reply", () =>
      Effect.gen(function*() {
        const { url } = yield* sharedBridge
        const user = yield* call(url)
        yield* has(user, "session.started")
        user.say("go on")
        yield* has(user, "agent.speech_started")
        yield* until(() => user.heard.length >= 3, () => `heard ${user.heard.join(" ")}`)
        user.say("stop it now")
        yield* has(user, "playout.clear")
        yield* until(() => user.arrived.some(({ frame }) => frame._tag === "Interruption"), () => "no interruption")
        const interrupted = user.arrived.find(({ frame }) => frame._tag === "Interruption")!.atMs
        yield* has(user, "agent.speech_stopped")
        const stopped = user.events.find((event) => event.type === "agent.speech_stopped")
        assert.deepInclude(stopped, { reason: "interrupted" })
        yield* has(user, "agent.speech_started", 2)
        const second = user.arrived.findLast(({ frame }) =>
          frame._tag === "Message" && frame.data.includes("agent.speech_started")
        )!.atMs
        const stale = user.loud.filter(({ atMs }) => atMs > interrupted && atMs < second)
        process.stdout.write(
          `pipecat bridge: after the interruption ${stale.length} frames of the old reply, the last after ` +
            `${Math.round((stale.at(-1)?.atMs ?? interrupted) - interrupted)} ms\n`
        )
        // one chunk of 20 ms may be on its way
        assert.isAtMost(stale.length, 1)
        yield* has(user, "agent.speech_stopped", 2)
        yield* until(() => user.heard.slice(-5).join(" ") === "you said stop it now", () => user.heard.join(" "))
        assert.isFalse(user.heard.includes("spoke"))
      }), 60_000)

    it.live("hangs up by RTVI, and is closed when the session ends", () =>
      Effect.gen(function*() {
        const { backend, url } = yield* sharedBridge
        const one = yield* call(url)
        const two = yield* call(url)
        yield* has(one, "session.started")
        yield* has(two, "session.started")
        const sessions = yield* backend.listSessions
        assert.strictEqual(sessions.length, 2)
        one.tell({ type: "disconnect-bot", id: "1" })
        yield* until(() => one.closed !== undefined, () => "the bridge does not hang up")
        assert.strictEqual(yield* backend.activeSessionCount, 1)
        assert.isUndefined(two.closed)
        const [left] = yield* backend.listSessions
        yield* backend.closeSession(left!.id)
        yield* until(() => two.closed !== undefined, () => "the bridge does not hang up")
        assert.strictEqual(yield* backend.activeSessionCount, 0)
      }), 60_000)

    it.live("resumes the session after a network failure", () =>
      Effect.gen(function*() {
        const { backend, fail, url } = yield* sharedBridge
        const user = yield* call(url)
        yield* has(user, "session.started")
        user.say("before")
        yield* has(user, "agent.speech_stopped")
        fail()
        yield* has(user, "session.started", 2)
        user.say("after")
        yield* has(user, "agent.speech_stopped", 2)
        yield* until(() => user.heard.join(" ") === "you said before you said after", () => user.heard.join(" "))
        const sessions = yield* backend.listSessions
        assert.strictEqual(sessions.length, 1)
        assert.isUndefined(user.closed)
      }), 60_000)

    it.live(
      "is refused when the server is full, and hears all that is said before it stops",
      () =>
        Effect.gen(function*() {
          const { backend, url } = yield* bridge
          const users = [yield* call(url), yield* call(url)]
          for (const user of users) yield* has(user, "session.started")
          const third = yield* call(url)
          yield* until(() => third.closed !== undefined, () => "the third user is kept waiting")
          for (const user of users) user.say("one more")
          for (const user of users) yield* has(user, "agent.speech_started")
          const report = yield* backend.stop
          assert.deepInclude(report, { completed: 2, interrupted: 0 })
          for (const user of users) {
            yield* until(() => user.closed !== undefined, () => "the bridge does not hang up")
            assert.strictEqual(user.heard.join(" "), "you said one more Good bye")
            assert.deepInclude(user.events.at(-1), { type: "session.ended", reason: "drained" })
          }
        }),
      60_000
    )
  }
)
