import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import twilio from "twilio"
import * as TwiML from "../../../../src/providers/telephony/twilio/TwiML.ts"

const { VoiceResponse } = twilio.twiml

/** A document of any writer, as its elements, attributes and texts. */
const parsed = (xml: string): unknown => {
  const decode = (text: string) =>
    text.replaceAll(
      /&(?:#(x?)([0-9a-f]+)|(\w+));/giu,
      (_, hex: string, code: string, name: string) =>
        name === undefined
          ? String.fromCodePoint(parseInt(code, hex === "" ? 10 : 16))
          : { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'" }[name] ?? "?"
    )
  const found: Array<unknown> = []
  for (
    const [, closing, name, attributes = "", empty, text] of xml.matchAll(
      /<(\/?)([A-Za-z]+)((?:\s+\w+="[^"]*")*)\s*(\/?)>|([^<]+)/gu
    )
  ) {
    if (text !== undefined) found.push(decode(text))
    else {
      const pairs = Array.from(
        attributes.matchAll(/(\w+)="([^"]*)"/gu),
        ([, key = "", value = ""]) => [key, decode(value)] as const
      )
      if (closing === "") found.push([name, Object.fromEntries(pairs)])
      if (closing === "/" || empty === "/") found.push(`/${name}`)
    }
  }
  return found
}

const same = (ours: string, theirs: { readonly toString: () => string }) =>
  assert.deepStrictEqual(
    parsed(ours.slice(ours.indexOf("<Response"))),
    parsed(theirs.toString().slice(theirs.toString().indexOf("<Response")))
  )

const Text = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isPattern(/^[^\p{Cc}\p{Cs}\ufffe\uffff\s](?:[^\p{Cc}\p{Cs}\ufffe\uffff])*$/u)
)

describe("TwiML", () => {
  it("writes the golden answer", () => {
    const document = TwiML.document(TwiML.connectStream({
      url: "wss://voice.example.com/twilio/media",
      action: "https://voice.example.com/twilio/ended",
      statusCallback: "https://voice.example.com/twilio/stream",
      parameters: { session: "ses_1", token: "abc" }
    }))
    assert.strictEqual(
      document,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Connect action=\"https://voice.example.com/twilio/ended\">" +
        "<Stream url=\"wss://voice.example.com/twilio/media\" statusCallback=\"https://voice.example.com/twilio/stream\">" +
        "<Parameter name=\"session\" value=\"ses_1\"/><Parameter name=\"token\" value=\"abc\"/></Stream></Connect></Response>"
    )
    const response = new VoiceResponse()
    const stream = response.connect({ action: "https://voice.example.com/twilio/ended" }).stream({
      url: "wss://voice.example.com/twilio/media",
      statusCallback: "https://voice.example.com/twilio/stream"
    })
    stream.parameter({ name: "session", value: "ses_1" })
    stream.parameter({ name: "token", value: "abc" })
    assert.strictEqual(document, response.toString())
  })

  it("writes each verb as the official package does", () => {
    const of = (write: (response: InstanceType<typeof VoiceResponse>) => unknown) => {
      const response = new VoiceResponse()
      write(response)
      return response
    }
    same(TwiML.document(TwiML.hangUp), of((response) => response.hangup()))
    same(TwiML.document(TwiML.reject("busy")), of((response) => response.reject({ reason: "busy" })))
    same(TwiML.document(TwiML.playDigits("ww42#")), of((response) => response.play({ digits: "ww42#" })))
    same(
      TwiML.document(TwiML.redirect("https://a/?x=1&y=2")),
      of((response) => response.redirect("https://a/?x=1&y=2"))
    )
    same(
      TwiML.document(TwiML.say("Hi", { language: "de-DE" }), TwiML.pause(2)),
      of((response) => {
        response.say({ language: "de-DE" }, "Hi")
        response.pause({ length: 2 })
      })
    )
    same(
      TwiML.document(TwiML.enqueue("support", { action: "https://a/", waitUrl: "https://b/" })),
      of((response) => response.enqueue({ action: "https://a/", waitUrl: "https://b/" }, "support"))
    )
    const action = "https://a/after?c=1&d=2"
    same(
      TwiML.document(TwiML.dial({ number: "+15550102", url: "https://a/w" }, {
        action,
        callerId: "+15550101",
        timeoutSeconds: 20,
        answerOnBridge: true
      })),
      of((response) =>
        response.dial({ action, callerId: "+15550101", timeout: 20, answerOnBridge: true })
          .number({ url: "https://a/w" }, "+15550102")
      )
    )
    same(
      TwiML.document(TwiML.dial({ sip: "sip:a@b.example.com" })),
      of((response) => response.dial().sip("sip:a@b.example.com"))
    )
    same(TwiML.document(TwiML.dial({ queue: "support" })), of((response) => response.dial().queue("support")))
    same(
      TwiML.document(TwiML.dial({ conference: "room 7", endOnExit: true, beep: false })),
      of((response) => response.dial().conference({ endConferenceOnExit: true, beep: "false" }, "room 7"))
    )
  })

  it.prop("escapes every text as the official package does", [Text, Text], ([name, value]) => {
    const ours = TwiML.document(
      TwiML.connectStream({ url: "wss://a", parameters: { [name]: value } }),
      TwiML.say(value)
    )
    const response = new VoiceResponse()
    response.connect().stream({ url: "wss://a" }).parameter({ name, value })
    response.say(value)
    same(ours, response)
  })

  it("leaves out what no document can have", () => {
    const document = TwiML.document(TwiML.say("a\u0000b\ud800c\uffffd<e>\"'&\r\n"))
    assert.strictEqual(
      document.slice(document.indexOf("<Say>")),
      "<Say>abcd&lt;e&gt;&quot;&apos;&amp;&#13;&#10;</Say></Response>"
    )
  })
})
