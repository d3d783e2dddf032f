/** The Python program of the page about the wire protocol runs against a real server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import * as Venv from "../../scripts/pipecat/Venv.ts"
import { cuttingProxy, run, server } from "./WireClients.ts"

const example = join("test", "examples", "wire_client.py")

/** Pipecat's Python, which has the package `websockets`, or one that PYTHON names. */
const found = Venv.find()
const python = [..."python" in found ? [found.python] : [], process.env["PYTHON"] ?? ""].find((name) =>
  name !== "" && spawnSync(name, ["-c", "import websockets.asyncio.client"]).status === 0
)

describe.skipIf(python === undefined)(
  `a client of the wire protocol in Python${
    python === undefined
      ? " (no Python with the package websockets found: npm run pipecat:install, or set PYTHON)"
      : ""
  }`,
  () => {
    it.live("asks, hears the answer, hangs up", () =>
      Effect.gen(function*() {
        const { url } = yield* server
        const { code, output } = yield* run(python ?? "", [example, url, "Is it late?"])
        assert.strictEqual(output, "agent (completed): You asked: Is it late?\nended: user_ended\n")
        assert.strictEqual(code, 0)
      }), 60_000)

    it.live("connects again within a reply, and hears it to its end", () =>
      Effect.gen(function*() {
        const { port } = yield* server
        const proxy = yield* cuttingProxy(port, "agent.speech_started")
        const { code, output } = yield* run(python ?? "", [example, `http://127.0.0.1:${proxy.port}`, "Is it late?"])
        assert.strictEqual(proxy.cuts(), 1)
        assert.strictEqual(
          output,
          "connecting again after 1006\nagent (completed): You asked: Is it late?\nended: user_ended\n"
        )
        assert.strictEqual(code, 0)
      }), 60_000)
  }
)
