/** Calls through the real Asterisk, by a real telephone: what the caller hears, and what the session says. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DtmfDetector } from "../../../src/audio/DtmfDetector.ts"
import * as WavReader from "../../../src/audio/WavReader.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as AsteriskServer from "../../support/asterisk/AsteriskServer.ts"
import { until } from "../../support/asterisk/ChrootProgram.ts"
import * as Recording from "../../support/asterisk/Recording.ts"
import * as SipCaller from "../../support/asterisk/SipCaller.ts"
import * as Sipp from "../../support/asterisk/Sipp.ts"
import { findFreePort, freePort } from "../../support/FreePort.ts"
import * as KilledService from "./KilledService.ts"
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
exten => sockets,1,Answer()
 same => n,AudioSocket(\${UUID()},127.0.0.1:\${SOCKETS})
 same => n,Hangup()
exten => recorded,1,MixMonitor(\${RECORDINGS}/\${UNIQUEID}.wav)
 same => n,Goto(talk,1)
`

/** How many call at once. */
const CALLS = 20

const webSocket = (port: number) => ({
  url: `ws://127.0.0.1:${port}/telephony/pbx/media`,
  username: PhoneService.USERNAME,
  password: PhoneService.PASSWORD
})
const ari = (exchange: AsteriskServer.AsteriskServer) => ({
  url: exchange.ariUrl,
  username: exchange.ariUser,
  password: exchange.ariPassword
})

/** The keys whose tones are in a recording. */
const keysIn = (samples: Int16Array): string => new DtmfDetector(SipCaller.SAMPLE_RATE).push(samples)

const speech = ScriptedEngines.speech(400, SipCaller.SAMPLE_RATE)

describe.skipIf(AsteriskServer.missing !== undefined)(
  `calls through Asterisk${AsteriskServer.missing === undefined ? "" : `: ${AsteriskServer.missing}`}`,
  () => {
    const scope = Scope.makeUnsafe()
    let asterisk: AsteriskServer.AsteriskServer
    let port: number
    let service: PhoneService.PhoneService
    const run = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>) =>
      Effect.runPromise(Effect.orDie(effect).pipe(Scope.provide(scope)))

    beforeAll(async () => {
      port = await findFreePort()
      const audioSocketPort = await findFreePort()
      asterisk = await run(AsteriskServer.make({
        dialplan,
        webSocket: webSocket(port)
      }))
      await run(asterisk.command(`dialplan set global SOCKETS ${audioSocketPort}`))
      await run(asterisk.command(`dialplan set global RECORDINGS ${asterisk.folder.inside}`))
      service = await run(PhoneService.make({
        port,
        audioSocketPort,
        ari: ari(asterisk),
        texts: ["say something long", ...Array.from({ length: 1_000 }, () => "something")]
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
        yield* until("the answer is heard", () => heard().split("l").length > 25, heard)
        yield* caller.say(speech)
        yield* until("the second answer is heard", () => heard().split("s").length > 10, heard)
        // the greeting is whole, and after the interruption nothing of the long answer is left
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

    /** A call that is answered, and its session. */
    const answered = Effect.fnUntraced(function*(caller: SipCaller.SipCaller, count = 1) {
      yield* caller.dial(asterisk.uri("talk"))
      yield* caller.next("CALL_ESTABLISHED", count)
      const heard = heardBy(caller)
      yield* until("the greeting is heard", () => /h{5}/u.test(heard()), heard)
      return (yield* service.backend.listSessions).at(-1) ?? assert.fail("no session")
    })
    const of = (session: string) => service.events.filter((event) => event.session === session)
    const ended = (session: string) =>
      until(
        "the session has ended",
        () => of(session).some(({ type }) => type === "session.ended"),
        () => JSON.stringify(of(session))
      )
    const callEnd = (session: string) => {
      const event = of(session).find(({ type }) => type === "call.ended")
      return event?.type === "call.ended" ? event.cause : undefined
    }

    it.live("hangs up after what the agent is saying, and does not take the call again", () =>
      Effect.scoped(Effect.gen(function*() {
        const caller = yield* SipCaller.make({ name: "bob" })
        const session = yield* answered(caller)
        yield* session.say("Bye now.")
        yield* session.hangUp
        yield* caller.next("CALL_CLOSED")
        const heard = heardBy(caller)()
        assert.isAtLeast(heard.split("b").length - 1, 20, heard)
        yield* ended(session.id)
        assert.strictEqual((yield* service.backend.listSessions).length, 0)
      })))

    it.live("transfers a call, and has it again when nobody takes it", () =>
      Effect.scoped(Effect.gen(function*() {
        const caller = yield* SipCaller.make({ name: "cleo" })
        const phone = yield* SipCaller.make({ name: "desk" })
        const session = yield* answered(caller)
        const heard = heardBy(caller)
        yield* session.transfer(phone.address)
        yield* phone.next("CALL_INCOMING")
        yield* phone.hangUp
        yield* until(
          "the transfer has failed",
          () => of(session.id).some(({ type }) => type === "call.transfer_failed")
        )
        assert.deepInclude(of(session.id).find(({ type }) => type === "call.transfer_failed"), { cause: "busy" })
        yield* session.say("Short word.")
        yield* until("the agent is heard again", () => heard().split("s").length > 10, heard)

        yield* session.transfer(phone.address)
        yield* phone.next("CALL_INCOMING", 2)
        yield* phone.answer
        yield* ended(session.id)
        assert.strictEqual(callEnd(session.id), "transferred")
        yield* phone.say(Recording.tone(PhoneService.tones.l, 0.5))
        yield* until("they hear each other", () => heard().split("l").length > 20, heard)
        yield* caller.hangUp
        yield* phone.next("CALL_CLOSED", 2)
      })))

    it.live("calls people: answered, busy, and nobody there", () =>
      Effect.scoped(Effect.gen(function*() {
        const phone = yield* SipCaller.make({ name: "dora" })
        const heard = heardBy(phone)
        const dial = () =>
          service.backend.createSession({
            userId: "dora",
            transport: "websocket",
            call: {
              carrier: "pbx",
              direction: "outbound",
              to: phone.address,
              from: "+15550100",
              parameters: { PURPOSE: "survey" },
              dial: { ringTimeoutMs: 3_000, machine: { detect: "carrier", onMachine: "go_on" }, request: "test" }
            }
          })
        const types = (session: string) =>
          of(session).map(({ type }) => type).filter((type) => type.startsWith("call."))
        const first = yield* dial()
        yield* phone.next("CALL_INCOMING")
        yield* phone.answer
        yield* until("the greeting is heard", () => heard().split("h").length > 40, heard)
        // it may ring before anybody listens to the events of its session
        assert.deepStrictEqual(types(first.id).filter((type) => type !== "call.ringing"), [
          "call.answered",
          "call.machine"
        ])
        assert.deepInclude(of(first.id).find(({ type }) => type === "call.machine"), { by: "carrier" })
        yield* first.sendDtmf("42#")
        yield* until("the keys are heard", () => keysIn(phone.heard()) === "42#", () => keysIn(phone.heard()))
        yield* phone.hangUp
        yield* ended(first.id)
        assert.strictEqual(callEnd(first.id), "user_hung_up")

        const second = yield* dial()
        yield* phone.next("CALL_INCOMING", 2)
        yield* phone.hangUp
        yield* ended(second.id)
        assert.strictEqual(callEnd(second.id), "busy")
        const third = yield* dial()
        yield* ended(third.id)
        assert.strictEqual(callEnd(third.id), "no_answer")
      })))

    it.live("carries calls over AudioSocket", () =>
      Effect.scoped(Effect.gen(function*() {
        const caller = yield* SipCaller.make({ name: "finn" })
        const heard = heardBy(caller)
        yield* caller.dial(asterisk.uri("sockets"))
        yield* caller.next("CALL_ESTABLISHED")
        yield* until("the greeting is heard", () => /h{5}/u.test(heard()), heard)
        const session = (yield* service.backend.listSessions)[0] ?? assert.fail("no session")
        yield* until("all of the greeting is heard", () => /h\.{10}/u.test(heard()), heard)
        assert.isAtLeast(heard().split("h").length - 1, 44, heard())
        yield* caller.say(speech)
        yield* until("the answer is heard", () => heard().split("s").length > 10, heard)
        yield* caller.press("7")
        yield* until("the key came", () => of(session.id).some(({ type }) => type === "dtmf.received"))
        yield* session.say("Bye now.")
        yield* session.hangUp
        yield* caller.next("CALL_CLOSED")
        yield* ended(session.id)
        assert.isAtLeast(heard().split("b").length - 1, 20, heard())
      })))

    it.live("refuses a stream without the password", () =>
      Effect.promise(async () => {
        for (const authorization of ["", "Basic dTpw"]) {
          const response = await fetch(`http://127.0.0.1:${port}/telephony/pbx/media?call=1`, {
            headers: { authorization }
          })
          assert.strictEqual(response.status, 401)
        }
      }))

    it.live("carries many calls at once, and disturbs none", () =>
      Effect.scoped(Effect.gen(function*() {
        const before = service.of("session.ended").length
        const { exitCode, log } = yield* Sipp.calls({
          sipPort: asterisk.sipPort,
          extension: "recorded",
          calls: CALLS,
          rate: 10,
          plays: ScriptedEngines.silence(1_000, SipCaller.SAMPLE_RATE),
          seconds: 4,
          digit: "5"
        })
        assert.strictEqual(exitCode, 0, log)
        yield* until("all sessions have ended", () => service.of("session.ended").length === before + CALLS)
        const recordings = readdirSync(asterisk.folder.outside).filter((name) => name.endsWith(".wav"))
        assert.lengthOf(recordings, CALLS)
        for (const name of recordings) {
          const wav = WavReader.parse(new Uint8Array(readFileSync(join(asterisk.folder.outside, name))))
          const heard = wav._tag === "Success" ? Recording.letters(wav.success.samples, PhoneService.tones) : ""
          assert.isAtLeast(heard.split("h").length - 1, 44, heard)
          assert.notMatch(heard, /h[^h]{5,}h/u, "no gap of 100 ms and more")
        }
      })))

    it.live("comes back to its session when our process was killed", () =>
      Effect.scoped(Effect.gen(function*() {
        const port = yield* freePort
        const exchange = yield* AsteriskServer.make({ dialplan, webSocket: webSocket(port) })
        const store = join(exchange.folder.outside, "sessions.db")
        const start = () => KilledService.start({ port, ari: ari(exchange), store })
        const caller = yield* SipCaller.make({ name: "eve" })
        const first = yield* start()
        yield* caller.dial(exchange.uri("talk"))
        yield* caller.next("CALL_ESTABLISHED")
        const heard = heardBy(caller)
        yield* until("the greeting is heard", () =>
          /h[^h]*\.{10}$/u.test(heard()) && heard().split("h").length > 40, heard)
        const before = first.events()[0]
        yield* first.kill
        const second = yield* start()
        yield* until("the call is back", () =>
          second.events().length > 0, () =>
          JSON.stringify(second.events()))
        assert.deepStrictEqual([
          ...new Set(
            second.events().map(({ session }) => session)
          )
        ], [before?.session])
        yield* caller.say(speech)
        yield* until("the agent answers", () => heard().split("s").length > 10, heard)
        // greeted once
        assert.isAtMost(heard().split("h").length - 1, 51)
        yield* caller.hangUp
        yield* until("the session has ended", () => second.events().some(({ type }) => type === "session.ended"))
      })))
  }
)
