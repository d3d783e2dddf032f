/** Holds our fakes of hosted voices to reality: the vendors' own clients talk to them. */
import type * as CartesiaClient from "@cartesia/cartesia-js"
import { DeepgramClient } from "@deepgram/sdk"
import { assert, describe, it } from "@effect/vitest"
import * as ElevenLabs from "@elevenlabs/elevenlabs-js/serialization/index.js"
import { Effect } from "effect"
import { createRequire } from "node:module"
import { connect } from "node:net"
import OpenAI, { AuthenticationError, RateLimitError } from "openai"
import { WebSocket } from "ws"
import { fromInt16 } from "../../../../src/audio/Pcm.ts"
import * as ElevenLabsWire from "../../../../src/engines/elevenlabs/SpeakProtocol.ts"
import * as FakeModel from "../../../support/FakeModel.ts"
import * as FakeOpenAiSpeech from "../../../support/FakeOpenAiSpeech.ts"
import * as Fakes from "../../../support/FakeVoices.ts"

// as a module it finds no `ws`, and takes a socket of Node's that nobody can lead elsewhere
const { Cartesia } = createRequire(import.meta.url)("@cartesia/cartesia-js") as typeof CartesiaClient

const text = "Hello there, this is a sentence."
const expected = Buffer.concat(FakeModel.speech(text, 24_000).map(({ pcm }) => fromInt16(pcm)))

describe("the vendors' own clients", () => {
  it.live("Cartesia's speaks a context that is continued, with the times of its words", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.cartesia()
      const { port } = new URL(fake.url)
      const client = new Cartesia({ apiKey: Fakes.KEY, baseURL: `https://127.0.0.1:${port}` })
      yield* Effect.promise(async () => {
        // it insists on wss: our fake speaks plain TCP
        const socket = await client.tts.websocket({ createConnection: () => connect(Number(port), "127.0.0.1") })
        const context = socket.context({
          model_id: "sonic-3",
          voice: { mode: "id", id: "694f9389-aac1-45b6-b726-9d9369183238" },
          output_format: { container: "raw", encoding: "pcm_s16le", sample_rate: 24_000 },
          add_timestamps: true
        })
        await context.push({ transcript: text.slice(0, 12) })
        await context.push({ transcript: text.slice(12) })
        await context.no_more_inputs()
        const audio: Array<Buffer> = []
        const words: Array<string> = []
        for await (const event of context.receive({ timeout: 5_000 })) {
          if (event.type === "chunk") {
            const chunk = event.audio
            if (chunk !== null && chunk !== undefined) audio.push(Buffer.from(chunk))
          }
          if (event.type === "timestamps") words.push(...event.word_timestamps?.words ?? [])
        }
        assert.deepStrictEqual(Buffer.concat(audio), expected)
        assert.deepStrictEqual(words, text.split(" "))
        socket.close()
      })
    })))

  it.live("Deepgram's speaks, flushes, clears and closes", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.deepgram({ paceMs: 5 })
      const client = new DeepgramClient({ apiKey: Fakes.KEY, baseUrl: fake.url })
      yield* Effect.promise(async () => {
        const socket = await client.speak.v1.createConnection({
          model: "aura-2-thalia-en",
          encoding: "linear16",
          sample_rate: "24000",
          reconnectAttempts: 0
        })
        const audio: Array<Blob> = []
        const types: Array<string> = []
        let told = () => {}
        socket.on("message", (message) => {
          if (message instanceof Blob) audio.push(message)
          else if (typeof message === "object") types.push(message.type)
          told()
        })
        const until = (type: string) =>
          new Promise<void>((resolve) => {
            told = () => types.includes(type) ? resolve() : undefined
            told()
          })
        socket.connect()
        await socket.waitForOpen()
        socket.sendText({ type: "Speak", text })
        socket.sendFlush({ type: "Flush" })
        await until("Flushed")
        assert.deepStrictEqual(Buffer.from(await new Blob(audio).arrayBuffer()), expected)
        socket.sendText({ type: "Speak", text })
        socket.sendFlush({ type: "Flush" })
        socket.sendClear({ type: "Clear" })
        await until("Cleared")
        assert.deepStrictEqual(types, ["Metadata", "Flushed", "Cleared"])
        socket.sendClose({ type: "Close" })
        socket.close()
      })
    })))

  it.live("OpenAI's takes speech as it is made, and tells a spent account and a wrong key", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* FakeOpenAiSpeech.start({
        faults: [{}, { refuse: { status: 429 } }],
        code: "insufficient_quota"
      })
      const baseURL = fake.url.replace("/audio/speech", "")
      const client = new OpenAI({ apiKey: Fakes.KEY, baseURL, maxRetries: 0 })
      yield* Effect.promise(async () => {
        const ask = (openai: OpenAI) =>
          openai.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "marin", input: text, response_format: "pcm" })
        const response = await ask(client)
        assert.strictEqual(response.headers.get("x-request-id"), "req_0")
        assert.deepStrictEqual(Buffer.from(await response.arrayBuffer()), expected)
        const spent = await ask(client).catch((error: unknown) => error)
        assert.instanceOf(spent, RateLimitError)
        assert.deepInclude(spent, { code: "insufficient_quota", requestID: "req_1" })
        const wrong = await ask(new OpenAI({ apiKey: "wrong", baseURL, maxRetries: 0 })).catch((error: unknown) =>
          error
        )
        assert.instanceOf(wrong, AuthenticationError)
      })
    })))

  it.live("ElevenLabs' has no socket for speech, but reads every message of our fake by its own schemas", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.elevenLabs()
      const messages = yield* Effect.callback<ReadonlyArray<unknown>>((resume) => {
        const socket = new WebSocket(
          `${fake.url}/v1/text-to-speech/voice/multi-stream-input?output_format=pcm_24000`,
          { headers: { "xi-api-key": Fakes.KEY } }
        )
        const seen: Array<unknown> = []
        const wire = ElevenLabsWire.make({ sampleRate: 24_000, voiceSettings: {} })
        socket.on("open", () => {
          for (const message of wire.speak("c0", text, 0)) socket.send(message)
        })
        socket.on("message", (data: Buffer) => {
          const raw = data.toString("utf8")
          seen.push(JSON.parse(raw))
          if (!wire.receive(raw).some(({ _tag }) => _tag === "Done")) return
          socket.close()
          resume(Effect.succeed(seen))
        })
        return Effect.sync(() => socket.terminate())
      })
      assert.isAbove(messages.length, 2)
      for (const message of messages.slice(0, -1)) {
        const read = ElevenLabs.AudioOutputMulti.parse(message, { unrecognizedObjectKeys: "fail" })
        assert.isTrue(read.ok, JSON.stringify(read))
      }
      const last = ElevenLabs.FinalOutputMulti.parse(messages.at(-1), { unrecognizedObjectKeys: "fail" })
      assert.deepStrictEqual(last, { ok: true, value: { isFinal: true, contextId: "c0" } })
    })))
})
