import { Effect } from "effect"
import * as Headers from "effect/http/Headers"
import { tokenOf } from "../../../src/providers/RouteRequest.ts"
import { textOf } from "../Mutate.ts"
import { CANARY, expect, type Surface, text } from "../Surface.ts"
import { tokens } from "../TokenFuzz.ts"

const path = "/v1/sessions/s1/audio"

/** Where a token may stand in a request: three lines for the offered subprotocols, the authorization, and the address. */
export const token: Effect.Effect<Surface> = Effect.map(tokens, ({ good }) => ({
  name: "token",
  seeds: text(
    `effect-voice.v1, token.${good}\n\n${path}`,
    `\nBearer ${good}\n${path}?input_rate=16000`,
    `\n\n${path}?token=${good}&x=%41`,
    `token.${CANARY}, token.${good}\nbearer  ${CANARY}\n${path}?token=${encodeURIComponent(CANARY)}`,
    `\nBasic ${CANARY}\n${path}?token=`
  ),
  dictionary: ["token.", "Bearer ", "token=", "%", "%00", "%ff", "&", "?", "#", ",", ".", good, "__proto__"],
  run: (input) => {
    const given = textOf(input)
    const [offered = "", authorization = "", url = "/"] = given.split("\n")
    const found = tokenOf({
      url,
      headers: Headers.fromInput({
        ...(offered === "" ? {} : { "sec-websocket-protocol": offered }),
        ...(authorization === "" ? {} : { authorization })
      })
    })
    if (found === undefined) return
    expect(found.length <= given.length, () => "a token out of nothing")
    expect(offered.includes("token.") || /bearer/i.test(authorization) || url.includes("?"), () => "from nowhere")
  }
}))
