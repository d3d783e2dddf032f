import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import plivo from "plivo"
import * as PlivoXml from "../../../src/providers/telephony/plivo/PlivoXml.ts"
import * as Texml from "../../../src/providers/telephony/telnyx/Texml.ts"
import * as Ncco from "../../../src/providers/telephony/vonage/Ncco.ts"
import * as Xml from "../../../src/providers/telephony/Xml.ts"

/** An official document without its declaration and layout. */
const official = (build: (response: ReturnType<typeof plivo.Response>) => void): string => {
  const response = plivo.Response()
  build(response)
  return response.toXML()
}

describe("Vonage's documents", () => {
  it("connect the stream with its headers, and people by number or address", () => {
    assert.deepStrictEqual(
      Ncco.stream({ url: "wss://a/b", sampleRate: 16_000, headers: { token: "t" }, from: "+15550100" }),
      [{
        action: "connect",
        from: "15550100",
        endpoint: [{
          type: "websocket",
          uri: "wss://a/b",
          "content-type": "audio/l16;rate=16000",
          headers: { token: "t" }
        }]
      }]
    )
    assert.deepStrictEqual(Ncco.connect("+15550101", { from: "+15550100", timeoutSeconds: 20 }), [{
      action: "connect",
      from: "15550100",
      timeout: 20,
      endpoint: [{ type: "phone", number: "15550101" }]
    }])
    assert.deepStrictEqual(Ncco.connect("sip:a@b"), [{
      action: "connect",
      endpoint: [{ type: "sip", uri: "sip:a@b" }]
    }])
    assert.deepStrictEqual(Ncco.conversation("c1", { endOnExit: true }), [
      { action: "conversation", name: "c1", endOnExit: true }
    ])
    assert.deepStrictEqual(Ncco.talk("Hi", "de-DE"), [{ action: "talk", text: "Hi", language: "de-DE" }])
    assert.deepStrictEqual(["447700900000", "anonymous", "sip:a@b", "+15550100", "100"].map(Ncco.fromNumber), [
      "+447700900000",
      "anonymous",
      "sip:a@b",
      "+15550100",
      "100"
    ])
  })
})

describe("Plivo's documents", () => {
  it("are those of the official package", () => {
    assert.strictEqual(
      Xml.response(
        PlivoXml.stream({
          url: "wss://voice.example.com/plivo?a=1&b=2",
          contentType: "audio/x-l16;rate=16000",
          headers: { session: "ses_1", token: "t-1" },
          statusUrl: "https://voice.example.com/status"
        })
      ).slice("<?xml version=\"1.0\" encoding=\"UTF-8\"?>".length),
      official((response) =>
        response.addStream("wss://voice.example.com/plivo?a=1&b=2", {
          bidirectional: "true",
          keepCallAlive: "true",
          contentType: "audio/x-l16;rate=16000",
          extraHeaders: "session=ses_1,token=t-1",
          statusCallbackUrl: "https://voice.example.com/status",
          statusCallbackMethod: "POST"
        })
      )
    )
    const pairs: ReadonlyArray<readonly [Xml.Element, (response: ReturnType<typeof plivo.Response>) => void]> = [
      [
        PlivoXml.dial("15550101", { callerId: "15550100", timeoutSeconds: 20 }),
        (response) => response.addDial({ callerId: "15550100", timeout: "20" }).addNumber("15550101", {})
      ],
      [PlivoXml.dial("sip:a@phone.plivo.com"), (response) => response.addDial({}).addUser("sip:a@phone.plivo.com", {})],
      [
        PlivoXml.conference("room", { endOnExit: true }),
        (response) => response.addConference("room", { endConferenceOnExit: "true" })
      ],
      [
        PlivoXml.speak("Hello & welcome", "en-US"),
        (response) => response.addSpeak("Hello & welcome", { language: "en-US" })
      ],
      [
        PlivoXml.dial("15550101", { actionUrl: "https://a/b?c=1&d=2", eventUrl: "https://a/e" }),
        (response) =>
          response.addDial({
            action: "https://a/b?c=1&d=2",
            method: "POST",
            callbackUrl: "https://a/e",
            callbackMethod: "POST"
          }).addNumber("15550101", {})
      ],
      [PlivoXml.redirect("https://a/b"), (response) => response.addRedirect("https://a/b", { method: "POST" })],
      [PlivoXml.hangUp("rejected"), (response) => response.addHangup({ reason: "rejected" })],
      [PlivoXml.hangUp(), (response) => response.addHangup({})]
    ]
    for (const [ours, build] of pairs) {
      assert.strictEqual(`<Response>${ours.xml}</Response>`, official(build))
    }
  })

  it("have only headers that Plivo carries", () => {
    assert.strictEqual(PlivoXml.headersText({ a: "1", "b-c": "x_y.z" }), "a=1,b-c=x_y.z")
    for (const headers of [{ a: "1,b=2" }, { "a b": "1" }, { a: "" }, { a: "x".repeat(512) }, { a: "é" }]) {
      assert.isUndefined(PlivoXml.headersText(headers))
    }
  })
})

describe("Telnyx' documents", () => {
  it("connect the stream both ways as raw audio, with parameters", () => {
    assert.strictEqual(
      Texml.stream({ url: "wss://voice.example.com/telnyx", codec: "L16", sampleRate: 16_000 }, { token: "a<b" }),
      `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://voice.example.com/telnyx" track="inbound_track" codec="L16" bidirectionalMode="rtp" bidirectionalCodec="L16" bidirectionalSamplingRate="16000"><Parameter name="token" value="a&lt;b"/></Stream></Connect></Response>`
    )
    assert.strictEqual(Texml.hangUp(), `<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>`)
  })
})

describe("Xml", () => {
  it.prop("never lets a text become markup", [Schema.String, Schema.String], ([value, text]) => {
    const { xml } = Xml.element("A", { b: value }, text)
    assert.match(xml, /^<A b="[^"<>]*"(?:\/>|>[^<>]*<\/A>)$/)
    assert.notMatch(xml, /&(?!(?:amp|lt|gt|quot|apos|#9|#10|#13);)/)
    // oxlint-disable-next-line no-control-regex
    assert.notMatch(xml, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
    assert.isTrue(xml.isWellFormed())
  })
})
