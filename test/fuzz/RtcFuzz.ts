import { Cause, Effect } from "effect"
import * as WebRtcConnection from "../../src/transport/webrtc/WebRtcConnection.ts"
import * as RtcUser from "../transport/RtcUser.ts"
import { Chance } from "./Chance.ts"
import * as Mutate from "./Mutate.ts"
import { expect, expectDiscreet } from "./Surface.ts"
import { sdp } from "./surfaces/Media.ts"

const SEED = process.env["FUZZ_SEED"] ?? "effect-voice"

/** Mutates a few lines of an offer, so that it stays valid enough to reach native code. */
const spoil = (offer: string, chance: Chance): string => {
  const lines = offer.split("\r\n")
  for (let left = 1 + chance.small(3); left > 0; left--) {
    const at = chance.below(lines.length)
    const line = lines[at]!
    switch (chance.below(5)) {
      case 0:
        lines.splice(at, 1)
        break
      case 1:
        lines.splice(at, 0, line)
        break
      case 2:
        lines.splice(chance.below(lines.length), 0, chance.pick(sdp.dictionary ?? []).trim())
        break
      default: {
        const seed = new TextEncoder().encode(line)
        const changed = Mutate.bytes(seed, chance, { pool: [seed], maxBytes: 1_024, dictionary: sdp.dictionary })
        lines[at] = Mutate.textOf(changed)
      }
    }
  }
  return lines.join("\r\n")
}

/** Passes mutated offers to the native peer and closes each connection at once. */
export const offers = Effect.fnUntraced(function*(inputs: number) {
  const webRtc = yield* WebRtcConnection.make({ bindAddress: "127.0.0.1" })
  const { offer } = yield* RtcUser.make
  const seen = { answered: 0, refused: 0 }
  for (let index = 0; index < inputs; index++) {
    const text = spoil(offer, new Chance(`${SEED}/offer/${index}`))
    const exit = yield* Effect.exit(Effect.scoped(webRtc.accept(text)))
    if (exit._tag === "Success") {
      seen.answered++
      continue
    }
    seen.refused++
    for (const reason of exit.cause.reasons) {
      expect(
        reason._tag === "Fail" && ["invalid_config", "connection_failed"].includes(reason.error.code),
        () => `offer ${index} failed: ${Cause.pretty(exit.cause)}\n${Buffer.from(text).toString("base64")}`
      )
      if (reason._tag === "Fail") {
        expectDiscreet(reason.error.message)
        expect(reason.error.message.length < 1_500, () => `a long reason: ${reason.error.message}`)
      }
    }
  }
  expect(webRtc.size() === 0, () => `${webRtc.size()} links are left`)
  return seen
})
