/**
 * Python clients of OpenAI's Realtime API that others have made, against a real server: each has the same conversation, and the history
 * of each is the same.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { spawnSync } from "node:child_process"
import * as Path from "node:path"
import * as Venv from "../../scripts/pipecat/Venv.ts"
import * as Agent from "../../src/agent/index.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import * as Energy from "../../src/engines/energy/index.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { neverOverloaded } from "../server/support.ts"
import { run } from "../server/WireClients.ts"

const question = Path.resolve("test/fixtures/two-nine-three-four-zero.wav")
const interruption = Path.resolve("test/fixtures/queen-of-clubs.wav")

const greeting = "Hello there."
const msPerCharacter = 50
const answer =
  "It has twenty degrees in Paris and the sun shines on all the streets and the river and the gardens and " +
  "the hills behind them and so on until somebody says stop."

/** Pipecat's Python, and one with other clients that is named so. */
const pythons = [process.env["OPENAI_CLIENTS_PYTHON"] ?? "", Venv.find()].flatMap((each) =>
  typeof each === "string" ? each === "" ? [] : [each] : "python" in each ? [each.python] : []
)

/** `asks`: the client asks for the first words itself, and the agent has no greeting. */
const clients = [
  { name: "openai", module: "openai.resources.realtime", program: "openai_package.py", install: "openai[realtime]" },
  { name: "openai-agents", module: "agents.realtime", program: "agents_sdk.py", install: "openai-agents==0.24.0" },
  {
    name: "Pipecat's OpenAIRealtimeLLMService",
    module: "pipecat.services.openai.realtime.llm",
    program: "pipecat_service.py",
    asks: true,
    install: "pipecat-ai[websocket,openai]==1.14.0"
  },
  {
    name: "LiveKit's RealtimeModel",
    module: "livekit.plugins.openai",
    program: "livekit_plugin.py",
    install: "livekit-plugins-openai==1.8.9"
  }
].map((client) => ({
  asks: false,
  ...client,
  python: pythons.find((python) => spawnSync(python, ["-c", `import ${client.module}`]).status === 0)
}))

const last = (prompt: ScriptedLanguageModel.Request["prompt"]) => JSON.stringify(prompt.content.at(-1))

const server = (asks: boolean) =>
  Layer.build(
    Server.layer({ port: 0 }).pipe(
      Layer.provide(VoiceBackend.layerSttTts({
        agent: Agent.fromLanguageModel({ instructions: "You know the weather." }),
        config: {
          conversation: { ...defaultPolicy, greeting: asks ? "" : greeting },
          overload: neverOverloaded,
          providerConfig: { bind_address: "127.0.0.1" }
        }
      })),
      Layer.provide([
        Local.layer,
        Energy.layer(),
        ScriptedEngines.layerStt(["two nine three four zero", "four queen of clubs", "Goodbye."]),
        ScriptedEngines.layerTts({ msPerCharacter }),
        ScriptedLanguageModel.layer(({ prompt }) => {
          const asked = last(prompt)
          if (asked.includes("tool-result")) return [answer]
          if (asked.includes("zero")) return [{ call: "get_weather", params: { city: "Paris" } }]
          return [asked.includes("queen") ? "All right." : asked.includes("Goodbye.") ? "Bye." : greeting]
        })
      ])
    )
  ).pipe(Effect.flatMap((context) => Effect.provide(Server.VoiceServer, context)))

interface Report {
  readonly history: ReadonlyArray<{ readonly role: string; readonly text: string }>
  readonly truncated: ReadonlyArray<number>
  readonly errors: ReadonlyArray<string>
  readonly cities: ReadonlyArray<string>
  readonly failures: ReadonlyArray<string>
  readonly own: ReadonlyArray<readonly [string, string]> | null
}

/** The history counts whole words, and what a client has played is known to it in pieces of 20 ms. */
const SLACK_MS = 12 * msPerCharacter

describe("clients of OpenAI's Realtime API in Python", () => {
  for (const { asks, install, name, program, python } of clients) {
    it.live.skipIf(python === undefined)(
      `${name} has the conversation, and is cut at what it has reported${
        python === undefined
          ? ` (not found: pip install '${install}' into a Python, and name it in OPENAI_CLIENTS_PYTHON)`
          : ""
      }`,
      () =>
        Effect.gen(function*() {
          const { url } = yield* server(asks)
          const script = Path.resolve("test/clients/openai", program)
          const { code, output } = yield* run(python ?? "", ["-B", script, url, question, interruption])
          assert.strictEqual(code, 0, output)
          const report: Report = JSON.parse(output.split("\n").find((line) => line.startsWith("{\"history\"")) ?? "")
          const cut = report.history[2]?.text ?? ""
          assert.deepStrictEqual(
            report.history.map(({ role, text }) => [role, text]),
            [
              ["agent", greeting],
              ["user", "two nine three four zero"],
              ["agent", cut],
              ["user", "four queen of clubs"],
              ["agent", "All right."],
              ["user", "Goodbye."],
              ["agent", "Bye."]
            ],
            output
          )
          assert.isTrue(cut !== "" && answer.startsWith(`${cut} `), cut)
          assert.strictEqual(report.truncated.length, 1, output)
          const reportedMs = report.truncated[0] ?? 0
          const cutMs = cut.length * msPerCharacter
          assert.isTrue(
            cutMs <= reportedMs + msPerCharacter && cutMs >= reportedMs - SLACK_MS,
            `${cutMs}, ${reportedMs}`
          )
          assert.deepStrictEqual([report.cities, report.failures], [["Paris"], []], output)
        }),
      240_000
    )
  }
})
