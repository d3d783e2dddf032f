/** What the page about the wire protocol shows runs against a real server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import * as AsyncApi from "../../src/server/protocol/AsyncApi.ts"
import { cuttingProxy, run, server } from "./WireClients.ts"

const example = join("test", "examples", "WireClient.mjs")

describe("clients of the wire protocol", () => {
  it.live("in JavaScript: asks, hears the answer, hangs up", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const { code, output } = yield* run(process.execPath, [example, url, "Is it late?"])
      assert.strictEqual(output, "agent (completed): You asked: Is it late?\nended: user_ended\n")
      assert.strictEqual(code, 0)
    }), 60_000)

  it.live("in JavaScript: connects again within a reply, and hears it to its end", () =>
    Effect.gen(function*() {
      const { port } = yield* server
      const proxy = yield* cuttingProxy(port, "agent.speech_started")
      const { code, output } = yield* run(process.execPath, [example, `http://127.0.0.1:${proxy.port}`, "Is it late?"])
      assert.strictEqual(proxy.cuts(), 1)
      assert.strictEqual(
        output,
        "connecting again after 1006\nagent (completed): You asked: Is it late?\nended: user_ended\n"
      )
      assert.strictEqual(code, 0)
    }), 60_000)

  it.live("finds the protocol at /asyncapi.json", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const response = yield* Effect.promise(() => fetch(`${url}/asyncapi.json`))
      assert.strictEqual(response.status, 200)
      assert.match(response.headers.get("content-type") ?? "", /^application\/json/u)
      assert.deepStrictEqual<unknown>(yield* Effect.promise(() => response.json()), AsyncApi.make())
    }), 60_000)
})
