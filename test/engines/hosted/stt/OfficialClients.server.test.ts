/** Holds our fakes of hosted recognisers to reality: the vendors' own clients talk to them. */
import { DeepgramClient } from "@deepgram/sdk"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import OpenAI from "openai"
import { OpenAIRealtimeWS } from "openai/realtime/ws"
import * as Pcm from "../../../../src/audio/Pcm.ts"
import * as SpokenAudio from "../../../../src/testing/scenario/SpokenAudio.ts"
import * as Fakes from "../../../support/FakeRecognisers.ts"

const speech = (sampleRate: number) =>
  Pcm.concat([
    SpokenAudio.encode("book a flight", { sampleRate, msPerCharacter: 40 }),
    new Int16Array(sampleRate / 2)
  ])

/** Its bytes, in pieces of 80 ms. */
const pieces = (sampleRate: number): ReadonlyArray<Uint8Array<ArrayBuffer>> => {
  const bytes = Uint8Array.from(Pcm.fromInt16(speech(sampleRate)))
  const size = sampleRate * 2 * 80 / 1_000
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.slice(i * size, (i + 1) * size))
}

describe("the vendors' own clients", () => {
  it.live("Deepgram's streams, finalizes and closes", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.deepgram()
      const client = new DeepgramClient({ apiKey: Fakes.KEY, baseUrl: fake.url })
      yield* Effect.promise(async () => {
        const socket = await client.listen.v1.createConnection({
          model: "nova-3",
          encoding: "linear16",
          sample_rate: 16_000,
          interim_results: "true",
          reconnectAttempts: 0
        })
        const finals: Array<string> = []
        let interims = 0
        const ended = new Promise<void>((resolve) => {
          socket.on("message", (message) => {
            if (typeof message !== "object" || !("type" in message)) return
            if (message.type === "Results") {
              const [best] = message.channel.alternatives
              if (message.is_final === true) finals.push(best?.transcript ?? "")
              else interims++
            } else if (message.type === "Metadata") resolve()
          })
        })
        socket.connect()
        await socket.waitForOpen()
        socket.sendKeepAlive({ type: "KeepAlive" })
        for (const piece of pieces(16_000)) socket.sendMedia(piece)
        socket.sendFinalize({ type: "Finalize" })
        socket.sendCloseStream({ type: "CloseStream" })
        await ended
        assert.deepStrictEqual(finals, ["book a flight"])
        assert.strictEqual(interims, 3)
        socket.close()
      })
    })), 20_000)

  it.live("Deepgram's hears a turn of Flux", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.flux()
      const client = new DeepgramClient({ apiKey: Fakes.KEY, baseUrl: fake.url })
      yield* Effect.promise(async () => {
        const socket = await client.listen.v2.createConnection({
          model: "flux-general-en",
          encoding: "linear16",
          sample_rate: 16_000,
          reconnectAttempts: 0
        })
        const seen: Array<string> = []
        const over = new Promise<string>((resolve) => {
          socket.on("message", (message) => {
            if (typeof message !== "object" || !("type" in message)) return
            if (message.type === "Connected") seen.push("Connected")
            if (message.type !== "TurnInfo") return
            seen.push(message.event)
            if (message.event === "EndOfTurn") resolve(message.transcript)
          })
        })
        socket.connect()
        await socket.waitForOpen()
        for (const piece of pieces(16_000)) socket.sendMedia(piece)
        assert.strictEqual(await over, "book a flight")
        assert.deepStrictEqual(seen, ["Connected", "StartOfTurn", "Update", "Update", "EagerEndOfTurn", "EndOfTurn"])
        socket.sendCloseStream({ type: "CloseStream" })
        socket.close()
      })
    })), 20_000)

  it.live("OpenAI's transcribes what is committed", () =>
    Effect.scoped(Effect.gen(function*() {
      const fake = yield* Fakes.openai()
      const port = Number(new URL(fake.url).port)
      yield* Effect.promise(async () => {
        // it insists on wss: our fake speaks plain TCP
        const socket = new OpenAIRealtimeWS({
          intent: "transcription",
          options: { createConnection: () => connect(port, "127.0.0.1") }
        }, new OpenAI({ apiKey: Fakes.KEY, baseURL: `https://127.0.0.1:${port}/v1` }))
        const deltas: Array<string> = []
        const done = new Promise<string>((resolve, reject) => {
          socket.on("error", reject)
          socket.on("session.created", () =>
            socket.send({
              type: "session.update",
              session: {
                type: "transcription",
                audio: {
                  input: {
                    format: { type: "audio/pcm", rate: 24_000 },
                    transcription: { model: "gpt-4o-mini-transcribe" },
                    turn_detection: null
                  }
                }
              }
            }))
          socket.on("session.updated", () => {
            for (const piece of pieces(24_000)) {
              socket.send({ type: "input_audio_buffer.append", audio: Buffer.from(piece).toString("base64") })
            }
            socket.send({ type: "input_audio_buffer.commit" })
          })
          socket.on("conversation.item.input_audio_transcription.delta", ({ delta }) => deltas.push(delta ?? ""))
          socket.on(
            "conversation.item.input_audio_transcription.completed",
            ({ transcript }) => resolve(transcript)
          )
        })
        assert.strictEqual(await done, "book a flight")
        assert.strictEqual(deltas.join(""), "book a flight")
        socket.close()
      })
    })), 20_000)
})
