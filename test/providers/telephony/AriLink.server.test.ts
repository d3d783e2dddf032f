import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted } from "effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as AriLink from "../../../src/providers/telephony/asterisk/AriLink.ts"
import * as AsteriskServer from "../../support/asterisk/AsteriskServer.ts"
import { until } from "../../support/asterisk/ChrootProgram.ts"
import * as SipCaller from "../../support/asterisk/SipCaller.ts"

const dialplan = `
[voice]
exten => talk,1,Verbose(1,\${UNIQUEID} \${PURPOSE})
 same => n,Wait(60)
exten => wait,1,Answer()
 same => n,Wait(60)
`

const link = (asterisk: AsteriskServer.AsteriskServer) =>
  Effect.gen(function*() {
    const made = yield* AriLink.make({
      client: yield* HttpClient.HttpClient,
      url: asterisk.ariUrl,
      authorization: Redacted.make(`Basic ${btoa(`${asterisk.ariUser}:${asterisk.ariPassword}`)}`),
      timeout: Duration.seconds(20),
      application: "effect-voice-test"
    })
    yield* until("events come", made.isConnected)
    return made
  })

describe.skipIf(AsteriskServer.missing !== undefined)(
  `AriLink${AsteriskServer.missing === undefined ? "" : `: ${AsteriskServer.missing}`}`,
  () => {
    it.live("makes calls and tells what becomes of them, over a restart of the exchange as well", () =>
      Effect.scoped(Effect.gen(function*() {
        const asterisk = yield* AsteriskServer.make({ dialplan })
        const ari = yield* link(asterisk)
        const phone = yield* SipCaller.make({ name: "phone" })
        const told: Array<string> = []
        const listener = (progress: AriLink.AriProgress) =>
          void told.push(progress._tag === "Ended" ? progress.cause : progress._tag)
        let calls = 0
        const dial = (endpoint: string) =>
          ari.dial({
            channel: `call-${++calls}`,
            endpoint,
            callerId: "+15550100",
            ringSeconds: 2,
            variables: { PURPOSE: "survey" },
            context: "voice",
            extension: "talk"
          }, listener)
        const endpoint = `PJSIP/phone/${phone.address}`
        const ends = (cause: string) =>
          until(`the call was ${cause}`, () => told.at(-1) === cause, () => told).pipe(
            Effect.andThen(Effect.sync(() => told.splice(0)))
          )

        // answered, and hung up by the person
        yield* dial(endpoint)
        yield* phone.next("CALL_INCOMING", 1)
        yield* phone.answer
        yield* until("it is in the dialplan", () => asterisk.log().includes("call-1 survey"))
        yield* phone.hangUp
        assert.include((yield* ends("normal")).join(), "Ringing,Answered,normal")

        // busy, nobody at home, and no such telephone
        yield* dial(endpoint)
        yield* phone.next("CALL_INCOMING", 2)
        yield* phone.hangUp
        yield* ends("busy")
        yield* dial(endpoint)
        yield* ends("no_answer")
        const refused = yield* Effect.exit(dial("PJSIP/nobody"))
        if (refused._tag === "Success") yield* ends("failed")

        // hung up by us
        yield* dial(endpoint)
        yield* phone.next("CALL_INCOMING", 4)
        yield* phone.answer
        yield* until("it was answered", () => told.includes("Answered"))
        yield* ari.rest.hangUp(`call-${calls}`)
        yield* ends("normal")
        yield* ari.rest.hangUp(`call-${calls}`)

        // a call that came in
        yield* phone.dial(asterisk.uri("wait"))
        yield* phone.next("CALL_ESTABLISHED", 3)
        const id = /"id":"([\d.]+)"/u.exec(
          yield* Effect.promise(() =>
            fetch(`${asterisk.ariUrl}/channels`, {
              headers: { authorization: `Basic ${btoa(`${asterisk.ariUser}:${asterisk.ariPassword}`)}` }
            }).then((response) => response.text())
          )
        )?.[1] ?? ""
        yield* ari.watch(id, listener)
        const none = yield* Effect.flip(ari.watch("nobody", listener))
        assert.strictEqual(none.code, "session_not_found")
        // the exchange dies, and with it the call
        yield* asterisk.kill
        yield* until("events are lost", () => !ari.isConnected())
        assert.strictEqual((yield* Effect.flip(dial(endpoint))).code, "connection_failed")
        yield* asterisk.start
        yield* until("events come again", ari.isConnected)
        yield* ends("failed")
      })).pipe(Effect.provide(FetchHttpClient.layer)))
  }
)
