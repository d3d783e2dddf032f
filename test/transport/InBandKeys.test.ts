import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { readFileSync } from "node:fs"
import * as Dtmf from "../../src/audio/Dtmf.ts"
import * as Wav from "../../src/audio/Wav.ts"
import type { ClientMessage } from "../../src/session/ClientMessage.ts"
import * as InBandKeys from "../../src/transport/InBandKeys.ts"
import { TestConnection } from "../session/TestConnection.ts"

const speech = Result.getOrThrow(
  Wav.parse(readFileSync(new URL("../fixtures/two-nine-three-four-zero.wav", import.meta.url)))
).samples

/** What a session gets of a connection on which this audio comes, in frames of 20 ms. */
const listen = (samples: Int16Array, sampleRate: number) => {
  const connection = new TestConnection({ input: sampleRate })
  const messages: Array<ClientMessage> = []
  const audio: Array<number> = []
  InBandKeys.make(connection).listen({
    audio: (pcm) => void audio.push(...pcm),
    gap: () => {},
    message: (message) => void messages.push(message),
    malformed: () => {},
    closed: () => {}
  })
  for (let at = 0; at < samples.length; at += sampleRate / 50) {
    connection.listener?.audio(samples.slice(at, at + sampleRate / 50))
  }
  return { messages, audio }
}

describe("InBandKeys", () => {
  it("makes keys of tones, at 8 and at 16 kHz, and passes all audio on", () => {
    for (const sampleRate of [8_000, 16_000]) {
      const samples = Dtmf.tones("147#D", { sampleRate })
      const { audio, messages } = listen(samples, sampleRate)
      assert.deepStrictEqual(messages, [..."147#D"].map((digit) => ({ type: "user.dtmf", digit })))
      assert.deepStrictEqual(audio, [...samples])
    }
  })

  it("makes no keys of speech", () => {
    assert.deepStrictEqual(listen(speech, 16_000).messages, [])
  })

  it("stays the connection that it is", () => {
    const connection = new TestConnection({ input: 8_000 })
    const heard = InBandKeys.make(connection)
    assert.strictEqual(heard.id, connection.id)
    assert.isTrue(heard.send(new Int16Array(480)))
    assert.strictEqual(heard.clear?.(), 0)
    assert.strictEqual(connection.clears, 1)
  })
})
