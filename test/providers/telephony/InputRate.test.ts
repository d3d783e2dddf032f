/** What a recogniser is given of a call: the samples of the carrier, at the carrier's rate. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Queue, Stream } from "effect"
import { WebSocket } from "ws"
import * as Agent from "../../../src/agent/Agent.ts"
import * as G711 from "../../../src/audio/G711.ts"
import { BackendProvider } from "../../../src/backend/provider/BackendProvider.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import * as Telephony from "../../../src/providers/telephony/index.ts"
import * as Server from "../../../src/server/index.ts"
import { SpeechToText, type TranscriptEvent } from "../../../src/speech/SpeechToText.ts"
import * as Scripted from "../../../src/testing/scripted/ScriptedEngines.ts"

const SECRET = "a-secret-of-the-tests"
const FRAMES = 25

describe("the telephony provider", () => {
  it.live(
    "opens a recogniser at 8 kHz for a call at 8 kHz, and gives it the samples that the carrier sends",
    () =>
      Effect.gen(function*() {
        const asked: Array<number | undefined> = []
        const heard: Array<number> = []
        const done = yield* Deferred.make<void>()
        const Stt = Layer.succeed(SpeechToText, {
          name: "recorder",
          sampleRate: 16_000,
          sampleRates: [8_000],
          capabilities: { interim: false, endOfTurn: false, languages: [] },
          open: ({ sampleRate }) =>
            Effect.map(Queue.bounded<TranscriptEvent>(16), (events) => {
              asked.push(sampleRate)
              return {
                push: (pcm) => {
                  heard.push(...pcm)
                  if (heard.length >= FRAMES * 160) Deferred.doneUnsafe(done, Effect.void)
                },
                activity: () => {},
                finalize: (id) => void Queue.offerUnsafe(events, { _tag: "Finalized", id }),
                events: Stream.fromQueue(events)
              }
            })
        })
        const Backend = VoiceBackend.layerSttTts({
          agent: Agent.fromCallback(() => Effect.succeed("Hello.")),
          config: {
            providerConfig: { carriers: [{ name: "flow", kind: "stream", protocol: "twilio", secret: SECRET }] }
          }
        }).pipe(Layer.provide([
          Layer.succeed(BackendProvider, Telephony.provider),
          Stt,
          Scripted.layerTts(),
          Scripted.layerVad()
        ]))
        const sent = Int16Array.from({ length: FRAMES * 160 }, (_, i) => Math.round(900 * Math.sin(i / 7)))
        yield* Effect.gen(function*() {
          const { url } = yield* Server.VoiceServer
          const socket = yield* Effect.acquireRelease(
            Effect.callback<WebSocket>((resume) => {
              const socket = new WebSocket(`${url.replace(/^http/u, "ws")}/telephony/flow/media?secret=${SECRET}`)
              socket.once("open", () => resume(Effect.succeed(socket)))
            }),
            (socket) => Effect.sync(() => socket.terminate())
          )
          const send = (message: object) => socket.send(JSON.stringify({ ...message, streamSid: "MZ1" }))
          const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8_000, channels: 1 }
          send({ event: "start", start: { streamSid: "MZ1", callSid: "CA1", mediaFormat } })
          for (let i = 0; i < FRAMES; i++) {
            const codes = G711.encodeMuLaw(sent.subarray(i * 160, (i + 1) * 160))
            const payload = Buffer.from(codes).toString("base64")
            send({ event: "media", media: { track: "inbound", chunk: String(i + 1), payload } })
          }
          yield* Deferred.await(done)
        }).pipe(Effect.scoped, Effect.provide(Server.layer({ port: 0 }).pipe(Layer.provide(Backend))))
        assert.deepStrictEqual(asked, [8_000])
        assert.deepStrictEqual(heard.slice(0, FRAMES * 160), Array.from(G711.decodeMuLaw(G711.encodeMuLaw(sent))))
      }),
    60_000
  )
})
