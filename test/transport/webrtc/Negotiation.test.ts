import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { readFileSync } from "node:fs"
import { Negotiation, type RemoteCandidate } from "../../../src/transport/webrtc/Negotiation.ts"
import * as Sdp from "../../../src/transport/webrtc/Sdp.ts"

const text = readFileSync(new URL("offers/small-webrtc.sdp", import.meta.url), "utf8")
const answer = "v=0\r\na=group:BUNDLE 0 2\r\nm=audio 9 X 111\r\na=mid:0\r\nm=application 9 X x\r\na=mid:2\r\n"
const host = (port: number, address = "192.0.2.7") => `candidate:1 1 udp 2122260223 ${address} ${port} typ host`

const make = () => {
  const offer = Sdp.inspect(text)
  const applied: Array<string> = []
  if (Result.isFailure(offer)) return assert.fail(offer.failure)
  const negotiation = new Negotiation(offer.success, answer, (candidate) => void applied.push(candidate))
  const failure = (candidates: ReadonlyArray<RemoteCandidate>) => {
    const result = negotiation.add(candidates)
    return Result.isFailure(result) ? result.failure : undefined
  }
  const again = (offer: string) => {
    const result = negotiation.again(offer)
    return Result.isFailure(result) ? { failure: result.failure } : { answer: result.success }
  }
  return { again, applied, failure, negotiation }
}
const before = (line: string, more: string) => text.replace(line, `${more}\r\n${line}`)

describe("Negotiation", () => {
  it("takes candidates by the name or the place of their section, once each", () => {
    const { applied, failure } = make()
    assert.isUndefined(failure([
      { candidate: host(1), mid: "0", index: 7 },
      { candidate: host(2), index: 2 },
      { candidate: `a=${host(3)}` },
      { candidate: host(1), mid: "2" },
      // of the video, the end of them, and one whose name would have to be resolved
      { candidate: host(4), mid: "1" },
      { candidate: host(4), index: 1 },
      { candidate: "", mid: "0" },
      { candidate: host(5, "0f7f6a2c.local"), mid: "0" }
    ]))
    assert.deepStrictEqual(applied, [host(1), host(2), host(3)])
    assert.isUndefined(failure([{ candidate: host(2), mid: "0" }]))
    assert.lengthOf(applied, 3)
  })

  it("takes none of a list of which one is not valid, and never more than 40 in all", () => {
    const { again, applied, failure } = make()
    const refused = (candidate: RemoteCandidate) => failure([{ candidate: host(1) }, candidate])
    for (
      const candidate of ["x", "candidate:1", host(65_536), `${host(1)}\r\na=x`, `${host(1)} ${"x".repeat(1_024)}`]
    ) {
      assert.match(refused({ candidate }) ?? "", /candidate 2 is not valid/)
    }
    assert.match(refused({ candidate: host(2), mid: "9" }) ?? "", /of no section/)
    assert.match(refused({ candidate: host(2), index: 3 }) ?? "", /of no section/)
    assert.match(refused({ candidate: host(2), index: -1 }) ?? "", /of no section/)
    assert.deepStrictEqual(applied, [])
    for (let i = 0; i < 100; i++) failure([{ candidate: host(i) }])
    assert.lengthOf(applied, 40)
    assert.match(failure([{ candidate: host(100) }]) ?? "", /more than 40/)
    assert.match(failure(Array.from({ length: 41 }, () => ({ candidate: "" }))) ?? "", /more than 40/)
    assert.match(again(before("m=video", `a=${host(101)}`)).failure ?? "", /more than 40/)
    assert.lengthOf(applied, 40)
  })

  it("answers the same peer again, which has more candidates or another video", () => {
    const { again, applied, negotiation } = make()
    assert.deepStrictEqual(again(text), { answer: negotiation.answer })
    assert.deepStrictEqual(again(before("m=video", `a=${host(1)}`)), { answer: negotiation.answer })
    assert.deepStrictEqual(applied, [host(1)])
    const screen = again(text.replace("m=application", "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\nm=application"))
    assert.deepStrictEqual(screen.answer?.match(/^m=\w+ \d/gm), [
      "m=audio 9",
      "m=video 0",
      "m=video 0",
      "m=application 9"
    ])
  })

  it("leaves the offer of a peer that begins anew to whoever accepts it, and says what is wrong with another", () => {
    const { again } = make()
    assert.deepStrictEqual(again(text.replaceAll(/^a=ice-ufrag:.*$/gm, "a=ice-ufrag:anew")), { answer: undefined })
    assert.deepStrictEqual(again(text.replaceAll("a=mid:0", "a=mid:voice").replace("BUNDLE 0", "BUNDLE voice")), {
      answer: undefined
    })
    assert.deepStrictEqual(again(text.replaceAll(/\b111\b/g, "112")), { answer: undefined })
    assert.match(again("v=0").failure ?? "", /one audio section/)
  })
})
