import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Metric, Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Agent from "../../src/agent/Agent.ts"
import * as Wav from "../../src/audio/Wav.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as Builtin from "../../src/builtin/index.ts"
import { none } from "../../src/cli/app/DefineApp.ts"
import { talk } from "../../src/cli/Talk.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import { call, neverOverloaded } from "./support.ts"

const server = (asked: Deferred.Deferred<void>) =>
  Server.layer({ port: 0 }).pipe(
    Layer.provideMerge(VoiceBackend.layerSttTts({
      agent: Agent.fromCallback((text) => Effect.as(Deferred.succeed(asked, void 0), `You said ${text}.`)),
      config: { maxConcurrentSessions: 2, overload: neverOverloaded }
    })),
    Layer.provide([
      Local.layer,
      ScriptedEngines.layerVad(),
      ScriptedEngines.layerStt(["hello"]),
      ScriptedEngines.layerTts()
    ])
  )

const post = (url: string, body: object) =>
  call(`${url}/v1/sessions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body)
  })

describe("server, backend and local provider", () => {
  it.live("talk over a WebSocket, and finish the turn in flight when the server stops", () =>
    Effect.gen(function*() {
      const dir = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-whole-"))),
        (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
      )
      const [input, output] = [Path.join(dir, "in.wav"), Path.join(dir, "out.wav")]
      Fs.writeFileSync(input, Wav.encode(ScriptedEngines.speech(400, 8_000), { sampleRate: 8_000 }))

      const asked = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const { url } = yield* Effect.provideContext(
        Server.VoiceServer,
        yield* Layer.buildWithScope(server(asked), scope)
      )
      const talking = yield* Effect.forkChild(talk({ input, output, url, json: true, config: undefined, app: none }))
      yield* Deferred.await(asked)
      // The agent has answered, and nothing has been played yet: now the server stops.
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(talking)
      const reply = Wav.parse(Fs.readFileSync(output))
      if (reply._tag !== "Success") throw reply.failure
      // All of "You said hello.", at 50 ms a character.
      assert.isAtLeast(reply.success.samples.filter((sample) => sample !== 0).length, 0.95 * 15 * 50 * 24)
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, Builtin.layer])))

  it.live("count sessions, turns and latencies in /metrics", () =>
    Effect.gen(function*() {
      const input = Path.join(
        yield* Effect.acquireRelease(
          Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-metrics-"))),
          (dir) => Effect.sync(() => Fs.rmSync(dir, { recursive: true, force: true }))
        ),
        "in.wav"
      )
      Fs.writeFileSync(input, Wav.encode(ScriptedEngines.speech(400, 8_000), { sampleRate: 8_000 }))
      const { url } = yield* Server.VoiceServer
      const read = Effect.map(call(`${url}/metrics`), ({ text }) =>
        ["sessions_active", "sessions_total", "turns_total", "turn_latency_seconds_count"].map((name) =>
          Number(new RegExp(`^effect_voice_${name}\\{provider="local"\\} (\\d+)$`, "m").exec(text)?.[1])
        ))
      assert.deepEqual(yield* read, [0, 0, 0, 0])
      yield* post(url, { user_id: "ada", transport: "websocket" })
      yield* talk({ input, output: undefined, url, json: true, config: undefined, app: none })
      while ((yield* read)[0] !== 1) {
        yield* Effect.yieldNow
      }
      assert.deepEqual(yield* read, [1, 2, 1, 1])
    }).pipe(
      Effect.scoped,
      Effect.provide([
        NodeServices.layer,
        Builtin.layer,
        Layer.unwrap(Effect.map(Deferred.make<void>(), server)).pipe(
          Layer.provideMerge(Layer.effect(
            Metric.MetricRegistry,
            Effect.sync(() =>
              new Map()
            )
          ))
        )
      ])
    ))

  it.live("answer with the backend's errors", () =>
    Effect.gen(function*() {
      const { url } = yield* Server.VoiceServer
      const good = { user_id: "ada", transport: "websocket" }
      assert.strictEqual((yield* post(url, { ...good, agent: "nobody" })).json["code"], "invalid_config")
      assert.strictEqual((yield* post(url, { ...good, pipeline_type: "s2s" })).json["code"], "invalid_config")
      const first = yield* post(url, good)
      assert.match(first.json["connection_url"], /^ws:\/\/127\.0\.0\.1:\d+\/v1\/sessions\/.+\/audio$/)
      assert.isAbove(first.json["expires_at"], 0)
      const large = yield* call(`${url}/v1/sessions/${first.json["id"]}/metadata`, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text: "x".repeat(17_000) })
      })
      assert.strictEqual(large.status, 400)
      yield* post(url, { ...good, transport: "webrtc" })
      const full = yield* post(url, good)
      assert.deepEqual([full.status, full.json["code"]], [503, "session_limit_exceeded"])
      assert.strictEqual(full.headers.get("retry-after"), "1")
      assert.strictEqual((yield* call(`${url}/v1/sessions/${first.json["id"]}`, { method: "DELETE" })).status, 204)
      assert.strictEqual((yield* post(url, good)).status, 201)
      assert.strictEqual((yield* call(`${url}/health/ready`)).status, 200)
    }).pipe(Effect.provide(Layer.unwrap(Effect.map(Deferred.make<void>(), server)))))
})
