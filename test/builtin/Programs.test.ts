/** What a check says of the programs that a config names. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import * as Preflight from "../../src/builtin/Preflight.ts"

describe("Preflight", () => {
  it.live("finds that the program of an MCP server is missing", () =>
    Effect.gen(function*() {
      const config = yield* BackendConfig.decode({
        provider: "local",
        pipeline_type: "stt_tts",
        stt_provider: "moonshine",
        tts_provider: "flite",
        mcp: [
          { name: "a", command: process.execPath },
          { name: "b", command: "no-such-program-here" },
          { name: "c", command: "./no/such/program" },
          { name: "d", url: "http://127.0.0.1:9/mcp" }
        ]
      })
      const faults = yield* Preflight.faultsOf({ config, engines: [] })
      assert.deepStrictEqual(faults, [
        { path: "mcp.1.command", message: "there is no program no-such-program-here" },
        { path: "mcp.2.command", message: "there is no program ./no/such/program" }
      ])
    }))
})
