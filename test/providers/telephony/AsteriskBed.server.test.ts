import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as WavReader from "../../../src/audio/WavReader.ts"
import * as AsteriskServer from "../../support/asterisk/AsteriskServer.ts"
import { until } from "../../support/asterisk/ChrootProgram.ts"
import * as Recording from "../../support/asterisk/Recording.ts"
import * as SipCaller from "../../support/asterisk/SipCaller.ts"
import * as Sipp from "../../support/asterisk/Sipp.ts"

const dialplan = `
[voice]
exten => echo,1,Answer()
 same => n,Echo()
exten => record,1,Answer()
 same => n,MixMonitor(\${RECORDINGS}/\${UNIQUEID}.wav)
 same => n,Read(key,,1,,1,10)
 same => n,Verbose(1,pressed \${key})
 same => n,Wait(30)
exten => phone,1,Dial(PJSIP/phone/\${PHONE})
`
const tones = { a: 440, b: 600 }

describe.skipIf(AsteriskServer.missing !== undefined)(
  `Asterisk's test bed${AsteriskServer.missing === undefined ? "" : `: ${AsteriskServer.missing}`}`,
  () => {
    it.live("carries sound and keys both ways between telephones", () =>
      Effect.scoped(Effect.gen(function*() {
        const asterisk = yield* AsteriskServer.make({ dialplan })
        const caller = yield* SipCaller.make()
        const heard = () => Recording.letters(caller.heard(), tones)
        yield* caller.dial(asterisk.uri("echo"))
        yield* caller.next("CALL_ESTABLISHED")
        yield* caller.say(Recording.tone(440, 0.5))
        yield* until("the caller hears the tone", () => heard().split("a").length > 20)
        yield* caller.press("5")
        assert.strictEqual((yield* caller.next("CALL_DTMF_START")).param, "5")
        yield* caller.hangUp
        yield* caller.next("CALL_CLOSED")
        // another telephone: busy, then answered, and hung up by the caller
        const phone = yield* SipCaller.make({ name: "phone" })
        yield* asterisk.command(`dialplan set global PHONE ${phone.address}`)
        yield* caller.dial(asterisk.uri("phone"))
        yield* phone.next("CALL_INCOMING")
        yield* phone.hangUp
        assert.match((yield* caller.next("CALL_CLOSED", 2)).param, /486/u)
        yield* caller.dial(asterisk.uri("phone"))
        yield* phone.next("CALL_INCOMING", 2)
        yield* phone.answer
        yield* caller.next("CALL_ESTABLISHED", 2)
        yield* phone.say(Recording.tone(600, 0.5))
        yield* until("the caller hears the telephone", () => heard().split("b").length > 20)
        yield* caller.hangUp
        yield* phone.next("CALL_CLOSED", 2)
      })))

    it.live("takes many calls at once, each with its sound and its key", () =>
      Effect.scoped(Effect.gen(function*() {
        const asterisk = yield* AsteriskServer.make({ dialplan })
        yield* asterisk.command(`dialplan set global RECORDINGS ${asterisk.folder.inside}`)
        const { exitCode, log } = yield* Sipp.calls({
          sipPort: asterisk.sipPort,
          extension: "record",
          calls: 5,
          plays: Recording.tone(600, 1),
          seconds: 2,
          digit: "7"
        })
        assert.strictEqual(exitCode, 0, log)
        assert.lengthOf(asterisk.log().match(/"1,pressed 7"/gu) ?? [], 5)
        const recordings = readdirSync(asterisk.folder.outside).filter((name) => name.endsWith(".wav"))
        assert.lengthOf(recordings, 5)
        for (const name of recordings) {
          const wav = WavReader.parse(new Uint8Array(readFileSync(join(asterisk.folder.outside, name))))
          assert.strictEqual(wav._tag, "Success")
          if (wav._tag === "Success") {
            assert.isAbove(Recording.letters(wav.success.samples, tones).split("b").length, 40)
          }
        }
      })))
  }
)
