import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as StreamQuery from "../../../src/providers/telephony/asterisk/StreamQuery.ts"

const parse = (text: string) => StreamQuery.parse(new URLSearchParams(text))

describe("StreamQuery", () => {
  it("reads what the dialplan tells of a call", () => {
    assert.deepStrictEqual(parse("call=1796057734.0&from=%2B15550100&to=talk&transfer=BUSY&amd=HUMAN&plan=gold"), {
      call: "1796057734.0",
      from: "+15550100",
      to: "talk",
      transfer: "busy",
      machine: "human",
      parameters: { plan: "gold" }
    })
    assert.deepStrictEqual(parse("call=&from=&transfer=&amd="), {
      call: undefined,
      from: undefined,
      to: undefined,
      transfer: undefined,
      machine: undefined,
      parameters: {}
    })
  })

  it("takes each way in which nobody answers, and each finding of AMD", () => {
    const transfers = ["ANSWER", "BUSY", "NOANSWER", "DONTCALL", "CHANUNAVAIL", "CONGESTION", "x"]
    assert.deepStrictEqual(transfers.map((status) => parse(`transfer=${status}`).transfer), [
      undefined,
      "busy",
      "no_answer",
      "rejected",
      "failed",
      "failed",
      "failed"
    ])
    assert.deepStrictEqual(["HUMAN", "MACHINE", "NOTSURE", "HANGUP"].map((status) => parse(`amd=${status}`).machine), [
      "human",
      "machine",
      "unknown",
      undefined
    ])
  })

  it("knows the channels of calls that we make", () => {
    const channel = StreamQuery.channelOf("ses_0123456789abcdef")
    assert.isTrue(StreamQuery.isOurs(channel))
    assert.strictEqual(StreamQuery.sessionOf(channel), "ses_0123456789abcdef")
    assert.isFalse(StreamQuery.isOurs("1796057734.0"))
  })

  it("lets into dial strings what the dialplan reads as text alone", () => {
    for (const good of ["+442071838750", "100", "sip:desk@example.com:5060", "queue:sales", "*72#"]) {
      assert.strictEqual(StreamQuery.isAddress(good), !good.startsWith("*"), good)
    }
    for (const bad of ["", "a,b", "a)b", "${SHELL(x)}", "a&PJSIP/b", "a/b", "a b", "a\nb", "a^b", "a|b", "-x"]) {
      assert.isFalse(StreamQuery.isAddress(bad), bad)
    }
  })

  it.prop(
    "bears any query, and keeps a bounded number of parameters",
    [Schema.String, Schema.String],
    ([text, name]) => {
      const { parameters } = parse(text)
      assert.isAtMost(Object.keys(parameters).length, 64)
      StreamQuery.isAddress(text)
      const variables = StreamQuery.variablesOf({ [name]: "x", good_name: "y" })
      assert.strictEqual(variables["good_name"], "y")
      for (const each of Object.keys(variables)) assert.match(each, /^\w+$/u)
    }
  )
})
