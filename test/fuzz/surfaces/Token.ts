import { Duration, Effect, Exit, Scope } from "effect"
import * as Headers from "effect/http/Headers"
import { toProblemJson } from "../../../src/BackendError.ts"
import { tokenOf } from "../../../src/providers/local/RouteSupport.ts"
import * as SessionLinks from "../../../src/providers/local/SessionLinks.ts"
import { textOf } from "../Mutate.ts"
import { CANARY, expect, expectDiscreet, type Surface, text } from "../Surface.ts"

const id = "s1"

/** Three lines: the offered subprotocols, the authorization, and the address. */
const read = (input: string) => {
  const [offered = "", authorization = "", url = "/"] = input.split("\n")
  return tokenOf({
    url,
    headers: Headers.fromInput({
      ...(offered === "" ? {} : { "sec-websocket-protocol": offered }),
      ...(authorization === "" ? {} : { authorization })
    })
  })
}

/** The token of a session, wherever it may stand; the good one alone lets anybody in. */
export const token: Effect.Effect<Surface> = Effect.gen(function*() {
  const scope = yield* Scope.make()
  const links = yield* SessionLinks.make({
    tokenTtl: Duration.hours(1),
    resumeWindow: Duration.hours(1),
    maxConnectionsPerSession: 4
  }).pipe(Effect.provideService(Scope.Scope, scope))
  const opened = yield* links.open({
    id,
    config: { userId: "ada", transport: "websocket" },
    resumed: false
  }).pipe(Effect.provideService(Scope.Scope, scope))
  const path = `/v1/sessions/${id}/audio`
  return {
    name: "token",
    seeds: text(
      `effect-voice.v1, token.${opened.token}\n\n${path}`,
      `\nBearer ${opened.token}\n${path}?input_rate=16000`,
      `\n\n${path}?token=${opened.token}&x=%41`,
      `token.${CANARY}, token.${opened.token}\nbearer  ${CANARY}\n${path}?token=${encodeURIComponent(CANARY)}`,
      `\nBasic ${CANARY}\n${path}?token=`
    ),
    dictionary: ["token.", "Bearer ", "token=", "%", "%00", "%ff", "&", "?", "#", ",", opened.token, "__proto__"],
    run: (input) => {
      const given = textOf(input)
      const found = read(given)
      expect(found === undefined || found.length <= given.length, () => "a token out of nothing")
      for (const each of [id, given.slice(0, 64)]) {
        const exit = Effect.runSyncExit(links.authenticate(each, found))
        if (Exit.isSuccess(exit)) {
          expect(each === id && found === opened.token, () => `a wrong token opened a session: ${found}`)
          continue
        }
        const failure = exit.cause.reasons[0]
        expect(failure?._tag === "Fail", () => `no failure: ${failure?._tag}`)
        if (failure?._tag !== "Fail") continue
        const told = JSON.stringify(toProblemJson(failure.error))
        expect(["session_not_found", "authentication_failed"].includes(failure.error.code), () => failure.error.code)
        expect(!told.includes(opened.token), () => "the token was told")
        expect(told.length < 500, () => "a long answer")
        expectDiscreet(told)
      }
    }
  }
})
