import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as AriEvents from "../../../src/providers/telephony/asterisk/AriEvents.ts"

const decode = (event: unknown) => AriEvents.decode(JSON.stringify(event))

describe("AriEvents", () => {
  it("tells ringing, entering and the end, and why", () => {
    assert.deepStrictEqual(decode({ type: "ChannelStateChange", channel: { id: "c1", state: "Ringing" } }), {
      _tag: "Ringing",
      channel: "c1"
    })
    assert.deepStrictEqual(decode({ type: "Dial", dialstatus: "RINGING", peer: { id: "c1" } }), {
      _tag: "Ringing",
      channel: "c1"
    })
    assert.deepStrictEqual(decode({ type: "StasisStart", channel: { id: "c1" }, args: [] }), {
      _tag: "Entered",
      channel: "c1"
    })
    const causes = [16, 17, 18, 19, 20, 21, 1, 38, undefined].map((cause) => {
      const event = decode({ type: "ChannelDestroyed", channel: { id: "c1" }, cause })
      return event._tag === "Destroyed" ? event.cause : event._tag
    })
    assert.deepStrictEqual(causes, [
      "normal",
      "busy",
      "no_answer",
      "no_answer",
      "no_answer",
      "rejected",
      "failed",
      "failed",
      "failed"
    ])
  })

  it("tells when the dialplan has connected a call with somebody, and not with us", () => {
    const answered = {
      type: "Dial",
      dialstatus: "ANSWER",
      caller: { id: "c0" },
      peer: { id: "c1", name: "PJSIP/sales-1" }
    }
    assert.deepStrictEqual(decode(answered), { _tag: "Connected", channel: "c0" })
  })

  it("takes everything else for nothing", () => {
    for (
      const event of [
        { type: "ChannelStateChange", channel: { id: "c1", state: "Up" } },
        {
          type: "Dial",
          dialstatus: "ANSWER",
          caller: { id: "c0" },
          peer: { id: "c1", name: "WebSocket/effectvoice/0x1" }
        },
        { type: "ChannelVarset" },
        [],
        null,
        {}
      ]
    ) assert.strictEqual(decode(event)._tag, "Other")
    assert.strictEqual(AriEvents.decode("no JSON")._tag, "Other")
  })

  it.prop("bears any message", [Schema.Json, Schema.String], ([value, text]) => {
    AriEvents.decode(text)
    for (const type of ["ChannelStateChange", "Dial", "StasisStart", "ChannelDestroyed"]) {
      decode({ type, channel: value, peer: value, cause: value, dialstatus: value })
    }
  })
})
