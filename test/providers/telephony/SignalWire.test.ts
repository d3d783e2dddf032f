import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Buffer } from "node:buffer"
import * as FakeTwilio from "../../support/FakeTwilio.ts"
import { freePort } from "../../support/FreePort.ts"
import * as CloudService from "./CloudService.ts"

const PROJECT = "11111111-2222-3333-4444-555555555555"

describe("telephony, SignalWire", () => {
  it.live("answers with the codec that is configured, plays it in real time, and asks its own interface", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      // it is signed with the signing key, and asked with the token of the interface
      const fake = yield* FakeTwilio.start({
        accountSid: PROJECT,
        authToken: "the signing key of the space",
        outcomes: { "+15550102": "busy" }
      })
      const phone = yield* CloudService.make({
        port,
        texts: ["count"],
        carriers: [{
          name: "sw",
          kind: "signalwire",
          space: "example.signalwire.com",
          project: PROJECT,
          api_token: fake.authToken,
          signing_key: fake.authToken,
          codec: "L16@24000h",
          api_url: fake.url
        }]
      })
      const call = fake.call({ url: `${phone.url}/telephony/sw/answer` })
      const stream = yield* call.stream
      yield* stream.until("the greeting", () => stream.loudMs() >= 4 * CloudService.WORD_MS)
      assert.strictEqual(stream.wire.sampleRate, 24_000)
      assert.strictEqual(stream.wire.encoding, "l16")
      yield* stream.until("its end", () => stream.aheadMs === 0 && stream.quietSinceMs !== undefined)
      stream.say(new Int16Array(400 * 24).fill(8_000))
      yield* stream.until("the answer", () => stream.loudMs() > 8 * CloudService.WORD_MS)
      // its queue drops what is further ahead
      assert.isBelow(stream.mostAheadMs, 1_000)
      const [session] = yield* phone.backend.listSessions
      yield* session!.transfer("+15550102", {})
      yield* phone.until("the caller is back", ({ type }) => type === "call.transfer_failed")
      yield* call.until("the stream after it", () => call.streams.length === 2)
      assert.include(fake.requests[0]?.path, `/Accounts/${PROJECT}/Calls/${call.sid}.json`)
      assert.strictEqual(
        fake.requests[0]?.headers.authorization,
        `Basic ${Buffer.from(`${PROJECT}:${fake.authToken}`).toString("base64")}`
      )
      call.hangUp()
      yield* phone.until("the end", ({ type }) => type === "session.ended")
      assert.deepStrictEqual(stream.faults, [])
    }))
})
