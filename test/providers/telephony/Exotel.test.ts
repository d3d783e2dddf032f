import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import { type CarrierProtocol, FakeStream, isJson } from "../../support/FakeCarrier.ts"
import { freePort } from "../../support/FreePort.ts"
import * as CloudService from "./CloudService.ts"

const SECRET = "the secret of the applet"

/** Exotel's Voicebot applet, by its documents; it takes whole pieces of 320 bytes. */
const exotelProtocol = (): CarrierProtocol => {
  let sequence = 0
  const message = (event: string, more: object) => ({
    event,
    sequence_number: String(++sequence),
    stream_sid: "MZ1",
    ...more
  })
  return {
    encoding: "l16",
    sampleRate: 8_000,
    first: () => [
      { event: "connected" },
      message("start", {
        start: {
          stream_sid: "MZ1",
          call_sid: "CA1",
          account_sid: "exotel1",
          from: "+919876543210",
          to: "+918047491899",
          custom_parameters: { department: "sales" },
          media_format: { encoding: "audio/x-raw", sample_rate: "8000", bit_rate: "16" }
        }
      })
    ],
    media: (chunk, payload) =>
      message("media", {
        media: { chunk: String(chunk), timestamp: String(20 * chunk), payload: payload.toString("base64") }
      }),
    dtmf: (digit) => message("dtmf", { dtmf: { digit, duration: "100" } }),
    played: (name) => message("mark", { mark: { name } }),
    stop: () => message("stop", { stop: { call_sid: "CA1", account_sid: "exotel1", reason: "callended" } }),
    read: (data) => {
      const asked: unknown = typeof data === "string" ? JSON.parse(data) : undefined
      if (!isJson(asked) || asked["stream_sid"] !== "MZ1") return { _tag: "Fault", reason: "of no stream" }
      const { event, mark, media } = asked
      if (event === "clear") return { _tag: "Clear" }
      if (event === "mark" && isJson(mark)) return { _tag: "Mark", name: String(mark["name"]) }
      const payload = Buffer.from(isJson(media) ? String(media["payload"]) : "", "base64")
      return event === "media" && payload.length > 0 && payload.length % 320 === 0
        ? { _tag: "Audio", payload }
        : { _tag: "Fault", reason: `a piece of ${payload.length} bytes` }
    },
    answersCleared: true
  }
}

describe("telephony, Exotel by its stream", () => {
  it.live("lets the applet in by its password, and plays whole pieces", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const phone = yield* CloudService.make({
        port,
        carriers: [{ name: "exotel", kind: "stream", protocol: "exotel", secret: SECRET }]
      })
      const url = `ws://127.0.0.1:${port}/telephony/exotel/media`
      const basic = (password: string) => ({
        authorization: `Basic ${Buffer.from(`key:${password}`).toString("base64")}`
      })
      const stranger = new FakeStream({ url, headers: basic("guessed, and long enough"), wire: exotelProtocol() })
      assert.deepInclude(yield* stranger.ended, { by: "us", code: 1_008 })
      const stream = new FakeStream({ url, headers: basic(SECRET), wire: exotelProtocol() })
      yield* Effect.addFinalizer(() => Effect.sync(() => stream.cut()))
      yield* stream.until("the greeting", () => stream.loudMs() >= 4 * CloudService.WORD_MS)
      // 100 ms a message
      assert.isAtMost(stream.audioMessages, Math.ceil(4 * CloudService.WORD_MS / 100) + 1)
      const [session] = yield* phone.backend.listSessions
      assert.deepNestedInclude(yield* session!.metadata, {
        "call.from": "+919876543210",
        "call.parameters": { department: "sales" }
      })
      stream.press("7")
      yield* phone.until("the key", (event) => event.type === "dtmf.received" && event.digit === "7")
      stream.stop()
      const ended = yield* phone.until("the end", ({ type }) => type === "session.ended")
      assert.propertyVal(ended, "reason", "user_ended")
      assert.deepStrictEqual(stream.faults, [])
    }))
})
