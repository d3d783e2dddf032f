/** An application whose agent says its secrets when it fails, as libraries do, and logs one. */
import { Effect } from "effect"
import * as Agent from "../../src/agent/index.ts"
import { defineApp } from "../../src/cli/index.ts"
import * as NamedParts from "../../src/testing/conformance/NamedParts.ts"

const variable = (name: string): string => process.env[name] ?? ""

class Refused extends Error {
  readonly headers = { authorization: `Bearer ${variable("TOOLS_KEY")}` }
}

export default defineApp({
  agents: {
    clumsy: Agent.fromCallback(() =>
      Effect.andThen(
        Effect.logInfo(`connecting with ${variable("TOOLS_KEY")}`),
        Effect.fail(
          new Refused(`${variable("SAID")}: GET https://db.example/?key=${variable("MODEL_KEY")}`, {
            cause: new Error(`redis://:${variable("CACHE_PASSWORD")}@cache.example, ${variable("SIGNING_KEY")}`)
          })
        )
      )
    )
  },
  engines: { stt: NamedParts.engines.stt, tts: NamedParts.engines.tts, vad: NamedParts.engines.vad },
  config: {
    stt_provider: "scripted_stt",
    tts_provider: "scripted_tts",
    vad_provider: "scripted_vad",
    turn_detection_provider: "silence",
    conversation: { greeting: "" },
    overload: { max_lag: "10s" }
  }
})
