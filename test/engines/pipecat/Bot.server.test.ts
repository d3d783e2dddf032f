import { assert, describe, it } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Result, Schedule, Stream } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Wav from "../../../src/audio/Wav.ts"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as Engine from "../../../src/engines/pipecat/index.ts"
import * as Provider from "../../../src/providers/pipecat/index.ts"
import * as Server from "../../../src/server/Server.ts"
import type { SessionEvent } from "../../../src/session/SessionEvent.ts"
import { SpeechToSpeech } from "../../../src/speech/SpeechToSpeech.ts"
import * as SpokenAudio from "../../../src/testing/scenario/SpokenAudio.ts"
import { freePort } from "../../support/FreePort.ts"
import { isFull } from "../../support/Full.ts"
import { PipecatUser } from "../../support/pipecat/PipecatUser.ts"
import * as Python from "../../support/pipecat/Python.ts"

const HEARS = "unless to be rather cold hearted"
const SAYS = "this is what a bot of Pipecat has to say about it and it takes a while"

const recording = (name: string): Int16Array =>
  Result.getOrThrow(Wav.parse(readFileSync(new URL(`../../fixtures/${name}.wav`, import.meta.url)))).samples

/** A real bot behind Pipecat's own runner. */
const bot = Effect.gen(function*() {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-bot-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
  const voice = join(directory, "voice.pcm")
  writeFileSync(voice, Pcm.fromInt16(SpokenAudio.encode(SAYS, { sampleRate: 24_000 })))
  const port = yield* freePort
  const script = fileURLToPath(new URL("../../support/pipecat/bot.py", import.meta.url))
  const program = yield* Python.run(script, ["-t", "websocket", "--host", "127.0.0.1", "--port", String(port)], {
    ready: /Uvicorn running on/,
    env: { BOT_HEARS: HEARS, BOT_SAYS: SAYS, BOT_PCM: voice }
  })
  return { program, host: `127.0.0.1:${port}` }
})

const call = Effect.fnUntraced(function*(options: Parameters<typeof Engine.layer>[0]) {
  const context = yield* Layer.build(
    Server.layer({ port: 0, console: false, grace: "100 millis" }).pipe(
      Layer.provideMerge(
        VoiceBackend.layerS2s({ config: { providerConfig: BackendConfig.defaults.providerConfig } })
      ),
      Layer.provide([Provider.layer, Engine.layer(options)]),
      Layer.provide(FetchHttpClient.layer)
    )
  )
  const backend = Context.get(context, VoiceBackend)
  const { url } = Context.get(context, Server.VoiceServer)
  const session = yield* backend.createSession({ userId: "ada", transport: "websocket" })
  const { connectionUrl, token } = yield* backend.access(session.id)
  const user = yield* Effect.acquireRelease(
    Effect.promise(() =>
      PipecatUser.connect(new URL(connectionUrl, url.replace(/^http/u, "ws")).href, {
        authorization: `Bearer ${token}`
      })
    ),
    (user) => Effect.sync(() => user.hangUp())
  )
  yield* has(user, "session.started")
  return { session, user }
})

const until = (good: () => boolean, what: () => string) =>
  Effect.suspend(() => good() ? Effect.void : Effect.fail("not yet" as const)).pipe(
    Effect.retry(Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "25 seconds" }))),
    Effect.catch(() => Effect.die(new Error(what())))
  )

const has = (user: PipecatUser, type: SessionEvent["type"], count = 1) =>
  until(
    () => user.events.filter((event) => event.type === type).length >= count,
    () => `no ${type}: ${JSON.stringify(user.events)}`
  )
const atOf = (user: PipecatUser, type: SessionEvent["type"]) =>
  user.events.findLast((event) => event.type === type)?.atMs ?? Number.NaN

describe.skipIf(Python.missing !== undefined)(
  `a real Pipecat bot as speech-to-speech engine${Python.missing === undefined ? "" : ` (${Python.missing})`}`,
  () => {
    it.live("transcribes the user, answers, and is interrupted", () =>
      Effect.gen(function*() {
        const { host, program } = yield* bot
        const { session, user } = yield* call({ url: `ws://${host}/ws-client` })
        user.play(recording("queen-of-clubs"))
        yield* has(user, "agent.speech_started")
        yield* has(user, "agent.speech_stopped")
        yield* until(() => user.heard.length >= SAYS.split(" ").length, () => user.heard.join(" "))
        assert.strictEqual(user.heard.join(" "), SAYS)
        const first = yield* session.history
        assert.deepStrictEqual(first.map(({ role, text }) => [role, text]).at(-1), ["agent", SAYS])
        assert.isTrue(first.some(({ role, text }) => role === "user" && text === HEARS))

        user.play(recording("queen-of-clubs"))
        yield* has(user, "agent.speech_started", 2)
        yield* until(() => user.heard.length >= SAYS.split(" ").length + 3, () => user.heard.join(" "))
        const spokeAt = Date.now()
        user.play(recording("cold-hearted"))
        yield* has(user, "playout.clear")
        const cutMs = atOf(user, "playout.clear") - spokeAt
        yield* has(user, "agent.speech_stopped", 2)
        const stopped = user.events.findLast((event) => event.type === "agent.speech_stopped")
        assert.deepInclude(stopped, { reason: "interrupted" })
        const said = stopped !== undefined && "text" in stopped ? stopped.text : ""
        assert.isTrue(SAYS.startsWith(said) && said.length < SAYS.length && said !== "", said)
        process.stdout.write(`pipecat bot: silent ${cutMs} ms after the user began; it had said "${said}"\n`)
        user.hangUp()
        yield* session.stop
        yield* until(() => program.output().includes("GONE"), () => "the bot keeps its client")
      }), 90_000)

    // the engine's own tests play these with a bot of ours
    it.live.skipIf(!isFull)(
      "is started for each session, answers typed text, and can close the connection",
      () =>
        Effect.gen(function*() {
          const { host } = yield* bot
          const { user } = yield* call({ startUrl: `http://${host}/start` })
          user.tell({ type: "send-text", id: "1", data: { content: "tell me" } })
          yield* has(user, "agent.speech_stopped")
          yield* until(() => user.heard.length >= SAYS.split(" ").length, () => user.heard.join(" "))
          assert.strictEqual(user.heard.join(" "), SAYS)
          user.tell({ type: "send-text", id: "2", data: { content: "bye" } })
          yield* has(user, "session.ended")
        }),
      90_000
    )

    it.live("fails the session when the bot exits for good", () =>
      Effect.gen(function*() {
        const { host } = yield* bot
        const { user } = yield* call({ url: `ws://${host}/ws-client`, maxRetries: 1 })
        user.tell({ type: "send-text", id: "1", data: { content: "tell me" } })
        yield* has(user, "agent.speech_started")
        user.tell({ type: "send-text", id: "2", data: { content: "die" } })
        yield* has(user, "session.ended")
        assert.isTrue(user.events.some((event) => event.type === "error" && event.code === "connection_failed"))
      }), 90_000)

    it.live.skipIf(!isFull)(
      "fails with a typed error for another sample rate, or another server",
      () =>
        Effect.gen(function*() {
          const { host } = yield* bot
          const open = (options: Parameters<typeof Engine.layer>[0]) =>
            Effect.gen(function*() {
              const engine = yield* SpeechToSpeech
              return yield* engine.open({ sessionId: "s", answers: true, tools: [], history: [] })
            }).pipe(Effect.provide(Engine.layer(options).pipe(Layer.provide(FetchHttpClient.layer))))
          const fault = (exit: Exit.Exit<unknown, unknown>) =>
            Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

          const stream = yield* open({ url: `ws://${host}/ws-client`, outputSampleRate: 16_000 })
          stream.userText("tell me", "a")
          const ended = yield* Effect.exit(Stream.runDrain(stream.events))
          assert.deepInclude(fault(ended), { code: "pipeline_error", retryable: false })
          const elsewhere = yield* Effect.exit(open({ url: `ws://${host}/elsewhere` }))
          assert.deepInclude(fault(elsewhere), { code: "authorization_failed" })
          const none = yield* Effect.exit(open({ url: "ws://127.0.0.1:9" }))
          assert.deepInclude(fault(none), { code: "connection_failed", retryable: true })
          const unstarted = yield* Effect.exit(open({ startUrl: `http://${host}/begin` }))
          assert.deepInclude(fault(unstarted), { code: "invalid_config" })
        }),
      90_000
    )
  }
)
