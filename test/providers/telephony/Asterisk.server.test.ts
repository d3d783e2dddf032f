/** Calls through the real Asterisk, by a real telephone: what the caller hears, and what the session says. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as AsteriskServer from "../../support/asterisk/AsteriskServer.ts"
import { until } from "../../support/asterisk/ChrootProgram.ts"
import * as Recording from "../../support/asterisk/Recording.ts"
import * as SipCaller from "../../support/asterisk/SipCaller.ts"
import { findFreePort } from "../../support/FreePort.ts"
import * as PhoneService from "./PhoneService.ts"

/** The dialplan of the README. */
const dialplan = `
[voice]
exten => talk,1,Answer()
 same => n,Set(lost=0)
 same => n(talk),Dial(WebSocket/effectvoice/c(slin16)v(call=\${UNIQUEID},from=\${URIENCODE(\${CALLERID(num)})},to=\${EXTEN},transfer=\${failed},amd=\${AMDSTATUS}),,g)
 same => n,Set(next=\${GLOBAL(effectvoice-\${UNIQUEID})})
 same => n,GotoIf($["\${next}" != ""]?transfer)
 same => n,Wait(0.5)
 same => n,Set(lost=$[\${lost} + 1])
 same => n,GotoIf($[\${lost} < 40]?talk)
 same => n,Hangup()
 same => n(transfer),Set(GLOBAL(effectvoice-\${UNIQUEID})=)
 same => n,Dial(PJSIP/phone/\${next},5)
 same => n,Set(failed=\${DIALSTATUS})
 same => n,Goto(talk)
exten => machine,1,AMD()
 same => n,Goto(talk,1)
`

const speech = ScriptedEngines.speech(400, SipCaller.SAMPLE_RATE)

describe.skipIf(AsteriskServer.missing !== undefined)(
  `calls through Asterisk${AsteriskServer.missing === undefined ? "" : `: ${AsteriskServer.missing}`}`,
  () => {
    const scope = Scope.makeUnsafe()
    let asterisk: AsteriskServer.AsteriskServer
    let service: PhoneService.PhoneService
    const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>) =>
      Effect.runPromise(Effect.orDie(effect).pipe(Scope.provide(scope)))

    beforeAll(async () => {
      const port = await findFreePort()
      asterisk = await run(AsteriskServer.make({
        dialplan,
        webSocket: {
          url: `ws://127.0.0.1:${port}/telephony/pbx/media`,
          username: PhoneService.USERNAME,
          password: PhoneService.PASSWORD
        }
      }))
      service = await run(PhoneService.make({
        port,
        ari: { url: asterisk.ariUrl, username: asterisk.ariUser, password: asterisk.ariPassword },
        texts: ["say something long", "stop"]
      }))
    }, 120_000)
    afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

    const heardBy = (caller: SipCaller.SipCaller) => () => Recording.letters(caller.heard(), PhoneService.tones)

    it.live("greets, hears, is interrupted, takes keys, and ends when the caller hangs up", () =>
      Effect.scoped(Effect.gen(function*() {
        const caller = yield* SipCaller.make({ name: "ann" })
        const heard = heardBy(caller)
        yield* caller.dial(asterisk.uri("talk"))
        yield* caller.next("CALL_ESTABLISHED")
        yield* until("the greeting is heard", () => /h\.{10}/u.test(heard()), heard)
        const session = (yield* service.backend.listSessions)[0] ?? assert.fail("no session")
        const metadata = yield* session.metadata
        assert.deepInclude(metadata["call"], { carrier: "pbx", direction: "inbound", from: "ann", to: "talk" })

        yield* caller.say(speech)
        yield* until("the answer is heard", () => /l{25}/u.test(heard()), heard)
        yield* caller.say(speech)
        yield* until("the second answer is heard", () => /s{10}/u.test(heard()), heard)
        // the greeting is whole, and after the interruption nothing of the long answer is left
        console.log(heard())
        const count = (letter: string) => heard().split(letter).length - 1
        assert.isAtLeast(count("h"), 44)
        assert.match(heard(), /^[^ls]*h[^hs]*l[^hs]*s[^hl]*$/u)
        yield* caller.press("42#")
        yield* until("the keys came", () => service.of("dtmf.received").length === 3)
        assert.strictEqual(service.of("dtmf.received").map(({ digit }) => digit).join(""), "42#")
        yield* caller.hangUp
        yield* until("the session has ended", () => service.of("session.ended").length === 1)
        assert.strictEqual(service.of("call.ended")[0]?.cause, "user_hung_up")
      })))
  }
)
