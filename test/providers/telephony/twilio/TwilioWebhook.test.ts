import { assert, describe, it } from "@effect/vitest"
import * as TwilioWebhook from "../../../../src/providers/telephony/twilio/TwilioWebhook.ts"

const form = (parameters: Record<string, string>) => new URLSearchParams(parameters)
const call = { CallSid: "CA1", AccountSid: "AC1", From: "+15550100", To: "+15550101" }

describe("TwilioWebhook", () => {
  it("reads the call of a request", () => {
    assert.deepStrictEqual(TwilioWebhook.callOf(form({ ...call, Direction: "inbound" })), {
      callSid: "CA1",
      accountSid: "AC1",
      from: "+15550100",
      to: "+15550101",
      direction: "inbound",
      parent: undefined
    })
    assert.propertyVal(TwilioWebhook.callOf(form({ ...call, Direction: "outbound-api" })), "direction", "outbound")
    assert.propertyVal(TwilioWebhook.callOf(form({ ...call, ParentCallSid: "CA0" })), "parent", "CA0")
    assert.strictEqual(TwilioWebhook.callOf(form({ ...call, CallSid: "" })), undefined)
    assert.strictEqual(TwilioWebhook.callOf(form({ ...call, AccountSid: "x".repeat(257) })), undefined)
    assert.propertyVal(TwilioWebhook.callOf(form({ ...call, From: "x".repeat(257) })), "from", undefined)
  })

  it("reads what becomes of a call", () => {
    const read = (CallStatus: string) => TwilioWebhook.statusOf(form({ CallStatus }))
    assert.deepStrictEqual(
      ["initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"].map(read),
      ["waiting", "ringing", "answered", "ended", "busy", "no_answer", "failed", "canceled"]
    )
    assert.strictEqual(read("constructor"), undefined)
    assert.strictEqual(TwilioWebhook.statusOf(form({})), undefined)
  })

  it("reads how a transfer ended", () => {
    const dial = (DialCallStatus: string) => TwilioWebhook.transferOf(form({ DialCallStatus }))
    assert.deepStrictEqual(
      ["completed", "answered", "busy", "no-answer", "canceled", "failed", "of tomorrow"].map(dial),
      ["connected", "connected", "busy", "no_answer", "rejected", "failed", "failed"]
    )
    const queue = (QueueResult: string) => TwilioWebhook.transferOf(form({ QueueResult }))
    assert.deepStrictEqual(["bridged", "queue-full", "error"].map(queue), ["connected", "no_answer", "failed"])
    assert.strictEqual(TwilioWebhook.transferOf(form(call)), undefined)
  })

  it("reads who has answered", () => {
    const read = (AnsweredBy: string) => TwilioWebhook.answeredBy(form({ AnsweredBy }))
    assert.deepStrictEqual(
      ["human", "machine_start", "fax", "machine_end_beep", "machine_end_silence", "unknown", "of tomorrow"].map(read),
      ["human", "machine", "machine", "beep", "beep", "unknown", "unknown"]
    )
    assert.strictEqual(TwilioWebhook.answeredBy(form({})), undefined)
  })
})
