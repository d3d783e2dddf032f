/** The Python client against a real server: its own tests, a conversation of recorded speech, and its command. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Venv from "../../scripts/pipecat/Venv.ts"
import * as Agent from "../../src/agent/Agent.ts"
import * as Pcm from "../../src/audio/Pcm.ts"
import * as Wav from "../../src/audio/Wav.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import * as Energy from "../../src/engines/energy/index.ts"
import * as Local from "../../src/providers/local/index.ts"
import * as Server from "../../src/server/Server.ts"
import * as SpokenAudio from "../../src/testing/scenario/SpokenAudio.ts"
import * as ScriptedEngines from "../../src/testing/scripted/ScriptedEngines.ts"
import { neverOverloaded } from "../server/support.ts"
import { cuttingProxy, run } from "../server/WireClients.ts"

/** Pipecat's Python, which has the package `websockets`, or one that PYTHON names. */
const found = Venv.find()
const python = [..."python" in found ? [found.python] : [], process.env["PYTHON"] ?? ""].find((name) =>
  name !== "" && spawnSync(name, ["-c", "import websockets.asyncio.client"]).status === 0
)

const home = Path.resolve("scripts/clients/python")
const question = Path.resolve("test/fixtures/two-nine-three-four-zero.wav")
const interruption = Path.resolve("test/fixtures/queen-of-clubs.wav")

const greeting = "Hello there."
const msPerCharacter = 50
const answer = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
  "seventeen eighteen nineteen twenty, and so on until somebody says stop."

/** A server with a real detector of speech, and words and a voice that the test can read again. */
const server = (words: ReadonlyArray<string>, reply = answer) =>
  Layer.build(
    Server.layer({ port: 0 }).pipe(
      Layer.provide(VoiceBackend.layerSttTts({
        agent: Agent.fromCallback((text) => Effect.succeed(text === "Goodbye." ? "Bye." : reply)),
        config: {
          conversation: { ...defaultPolicy, greeting },
          overload: neverOverloaded,
          providerConfig: { bind_address: "127.0.0.1" }
        }
      })),
      Layer.provide([
        Local.layer,
        Energy.layer(),
        ScriptedEngines.layerStt(words),
        ScriptedEngines.layerTts({ msPerCharacter })
      ])
    )
  ).pipe(Effect.flatMap((context) => Effect.provide(Server.VoiceServer, context)))

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-voice-python-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

/** Runs Python with the package; what it prints is for the assertion where it fails. */
const program = (...args: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    process.env["PYTHONPATH"] = home
    process.env["PYTHONDONTWRITEBYTECODE"] = "1"
    return run(python ?? "", args)
  })

const talk = (url: string, output: string) =>
  program("-m", "effect_voice", "talk", "--url", url, "--input", question, "--output", output)

interface Report {
  readonly stopped: ReadonlyArray<{ readonly reason: string; readonly text: string }>
  readonly heard_ms: readonly [number, number, number]
  readonly history: { readonly history: ReadonlyArray<{ readonly role: string; readonly text: string }> }
  readonly ended: string
}

/** Positions are told four times a second: of each answer the server may count half a second more than was heard. */
const SLACK_WORDS = 6

const words = (text: string): ReadonlyArray<string> => text.split(" ")

describe.skipIf(python === undefined)(
  `the Python client${
    python === undefined
      ? " (no Python with the package websockets found: npm run pipecat:install, or set PYTHON)"
      : ""
  }`,
  () => {
    it.live(
      "greets, is asked, is interrupted, and the history has what its loudspeaker has played",
      () =>
        Effect.gen(function*() {
          const { url } = yield* server(["two nine three four zero", "four queen of clubs"])
          const file = Path.join(yield* directory, "heard.pcm")
          const script = Path.resolve("test/clients/conversation.py")
          const { code, output } = yield* program(script, url, question, interruption, file)
          assert.strictEqual(code, 0, output)
          const report: Report = JSON.parse(output.split("\n").at(-2) ?? "")
          const [hello, first, second, third] = report.stopped
          assert.deepStrictEqual(
            report.stopped.map(({ reason }) => reason),
            ["completed", "interrupted", "interrupted", "completed"]
          )
          assert.deepStrictEqual([hello?.text, third?.text, report.ended], [greeting, "Bye.", "user_ended"])
          assert.deepStrictEqual(
            report.history.history.map(({ role, text }) => [role, text]),
            [
              ["agent", greeting],
              ["user", "two nine three four zero"],
              ["agent", first?.text],
              ["user", "four queen of clubs"],
              ["agent", second?.text],
              ["user", "Goodbye."],
              ["agent", "Bye."]
            ]
          )
          for (const cut of [first, second]) {
            assert.isTrue(cut !== undefined && cut.text !== "" && answer.startsWith(`${cut.text} `), cut?.text)
          }
          // The loudspeaker stood still for three seconds: the server does not take that for heard.
          const recordedMs = (second?.text.length ?? 0) * msPerCharacter
          assert.isAtMost(recordedMs, report.heard_ms[1] + 1_500)
          // What was heard is what was said, and each word of it once.
          const heard = SpokenAudio.decode(Pcm.toInt16(Fs.readFileSync(file)))
          const said = `${greeting} ${first?.text} ${second?.text} Bye.`
          assert.isTrue(heard.startsWith(`${greeting} one two`) && heard.endsWith(" Bye."), heard)
          assert.isAtLeast(
            words(heard).length,
            words(said).length - SLACK_WORDS,
            `heard "${heard}", recorded "${said}"`
          )
        }),
      240_000
    )

    // side by side: both wait most of their time
    it.live("passes its own tests", () =>
      Effect.gen(function*() {
        const { code, output } = yield* program(
          "-m",
          "unittest",
          "discover",
          "-t",
          home,
          "-s",
          Path.join(home, "tests")
        )
        assert.strictEqual(code, 0, output)
        assert.match(output, /Ran [1-9]\d tests/)
      }), { concurrent: true, timeout: 240_000 })

    it.live("talks by its command, and hears no word twice when the connection is cut", () =>
      Effect.gen(function*() {
        const said = "one two three four five six seven eight nine ten."
        const { port } = yield* server(["two nine three four zero"], said)
        const proxy = yield* cuttingProxy(port, "turn.latency")
        const file = Path.join(yield* directory, "reply.wav")
        const { code, output } = yield* talk(`http://127.0.0.1:${proxy.port}`, file)
        assert.strictEqual(code, 0, output)
        assert.strictEqual(proxy.cuts(), 1)
        const lines = output.split("\n")
        assert.include(lines, `agent  ${greeting}`)
        assert.include(lines, "you    two nine three four zero")
        assert.include(lines, "       [reconnecting]")
        assert.include(lines, "       [connected]")
        const reply = Wav.parse(Fs.readFileSync(file))
        if (reply._tag !== "Success") throw reply.failure
        // On a busy machine some words are missing: the server's clock runs on until it sees the cut, and it waits for no client that is late.
        const heard = words(SpokenAudio.decode(reply.success.samples))
        const places = heard.map((word) => words(`${greeting} ${said}`).indexOf(word))
        assert.deepStrictEqual(
          places,
          Array.from(new Set(places)).toSorted((left, right) => left - right),
          heard.join(" ")
        )
        assert.isAtLeast(heard.length, 5)
        assert.notInclude(places, -1)
      }), { concurrent: true, timeout: 240_000 })
  }
)
