/** Who answers a call. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Agent from "../../../src/agent/Agent.ts"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import { call, start } from "./Phone.ts"

describe("a call", () => {
  it.live(
    "is answered by the agent of its number, or of its carrier where its number names none",
    () =>
      Effect.gen(function*() {
        const says = (name: string) => Agent.fromCallback(() => Effect.succeed(`This is ${name}.`), { name })
        const { url } = yield* start({
          services: AgentRegistry.layer({ sales: says("sales"), support: says("support") }),
          carrier: { agent: "support", numbers: { "+49800": { agent: "sales" }, "+49801": { language: "de" } } }
        })
        const answerTo = Effect.fnUntraced(function*(to: string, expected: string) {
          const phone = yield* call(url, { call: `to ${to}`, to })
          phone.say("hello there")
          yield* phone.until("the answer", () => phone.heard === `This is ${expected}.`)
        }, Effect.scoped)
        yield* Effect.forEach(
          [["+49800", "sales"], ["+49801", "support"], ["+49802", "support"]] as const,
          ([to, expected]) => answerTo(to, expected),
          { concurrency: "unbounded", discard: true }
        )
      }).pipe(Effect.scoped),
    60_000
  )
})
