/** The harness of `pipecat eval`, from outside: it drives our RTVI server as it drives a bot of Pipecat, without a model that judges. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Venv from "../../../scripts/pipecat/Venv.ts"
import * as Agent from "../../../src/agent/index.ts"
import * as BackendConfig from "../../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import * as Local from "../../../src/providers/local/index.ts"
import * as Server from "../../../src/server/Server.ts"
import * as ScriptedEngines from "../../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../../src/testing/scripted/ScriptedLanguageModel.ts"
import { call, neverOverloaded } from "../../server/support.ts"

const found = Venv.find()
if ("missing" in found) process.stderr.write(`skipped, pipecat eval: ${found.missing}\n`)

const Weather = Tool.make("weather", {
  description: "The weather in a city now",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.Struct({ sky: Schema.String })
})
const toolkit = Toolkit.make(Weather)

const model = ScriptedLanguageModel.layer(({ prompt }) => {
  const last = JSON.stringify(prompt.content.at(-1))
  if (last.includes("tool-result")) return ["It is clear over Ulm."]
  if (last.includes("weather")) return [{ call: "weather", params: { city: "Ulm" } }]
  return last.includes("story") ? ["Once upon a time", { wait: "30 seconds" }, "there was a king."] : ["All right."]
})

const server = Server.layer({ port: 0, console: false, grace: "100 millis" }).pipe(
  Layer.provideMerge(VoiceBackend.layerSttTts({
    agent: Agent.fromLanguageModel({ toolkit }),
    config: {
      overload: neverOverloaded,
      conversation: { ...defaultPolicy, greeting: "Hello there." },
      // Python takes its time to begin
      session: { ...BackendConfig.defaults.session, connectWindow: Duration.minutes(5) }
    }
  })),
  Layer.provide([
    Local.layer,
    ScriptedEngines.layerVad(),
    ScriptedEngines.layerStt([]),
    ScriptedEngines.layerTts(),
    model,
    toolkit.toLayer({ weather: ({ city }) => Effect.succeed({ sky: `clear over ${city}` }) })
  ])
)

/** What is said, and what is to come back: a greeting, a tool, an answer that is interrupted, and what is never said. */
const scenario = (last: string): string => `
name: conversation
turns:
  - expect:
      - event: llm_response
        text_contains: "Hello there."
  - user: "how is the weather"
    expect:
      - event: llm_started
      - event: function_call
        calls:
          - name: weather
      - event: llm_response
        text_contains: "It is clear over Ulm."
  - user: "tell me a story"
    expect:
      - event: llm_started
  - user: "stop please"
    expect:
      - event: llm_response
        text_contains: "${last}"
        within_ms: 15000
`

/** Runs the harness against a session of its own; gives its exit code and what it printed. */
const evaluate = Effect.fnUntraced(function*(text: string) {
  if (!("python" in found)) return yield* Effect.die(new Error(found.missing))
  const { url } = yield* Server.VoiceServer
  const { json } = yield* call(`${url}/connect`, { method: "POST" })
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-voice-eval-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
  )
  const file = join(directory, "conversation.yaml")
  writeFileSync(file, text)
  const script = fileURLToPath(new URL("../../support/pipecat/eval.py", import.meta.url))
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(found.python, [script, file, `${json["wsUrl"]}?token=${json["token"]}`], {
        cwd: directory,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", OMP_NUM_THREADS: "1" }
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output += chunk.toString())
  const code = yield* Effect.callback<number | null>((resume) =>
    void child.once("exit", (code) => resume(Effect.succeed(code)))
  ).pipe(Effect.timeout("4 minutes"))
  return { code, output, id: /sessions\/([^/]+)\/rtvi/.exec(String(json["wsUrl"]))?.[1] ?? "" }
})

describe.skipIf("missing" in found)("pipecat eval", () => {
  it.live(
    "passes a scenario with a greeting, a tool and an interruption, and fails one that expects other words",
    () =>
      Effect.gen(function*() {
        const passed = yield* evaluate(scenario("All right."))
        assert.strictEqual(passed.code, 0, passed.output)
        const session = yield* Effect.flatMap(VoiceBackend, ({ getSession }) => getSession(passed.id))
        const history = yield* session.history
        assert.deepStrictEqual(
          history.filter(({ interrupted }) => !interrupted).map(({ role, text }) => `${role}: ${text}`),
          [
            "agent: Hello there.",
            "user: how is the weather",
            "agent: It is clear over Ulm.",
            "user: tell me a story",
            "user: stop please",
            "agent: All right."
          ]
        )
        const failed = yield* evaluate(scenario("never said"))
        assert.strictEqual(failed.code, 1, failed.output)
        assert.include(failed.output, "llm_response")
      }).pipe(Effect.scoped, Effect.provide(server)),
    280_000
  )
})
