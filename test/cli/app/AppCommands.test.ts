/** The commands with an application: by `--app`, and of a program that is its own command. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Wav from "../../../src/audio/Wav.ts"
import { encode } from "../../../src/testing/scenario/SpokenAudio.ts"
import { cli, directory, program } from "../../support/Cli.ts"
import { some } from "../../support/Full.ts"

const hotel = Path.join("test", "cli", "app", "HotelApp.ts")
const loadApps = Path.join("test", "cli", "app", "LoadApps.ts")
const root = Path.resolve(import.meta.dirname, "../../..")
const linesOf = (text: string) =>
  text.split("\n").filter((line) => line.startsWith("  ")).map((line) => line.trim()).sort()

describe("effect-voice --app", () => {
  it.live("knows the application's names, and which ones neither knows", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const good = Path.join(dir, "good.yaml")
      Fs.writeFileSync(
        good,
        [
          "agent: night",
          "stt_fallback: [moonshine]",
          "tts_provider: scripted_tts",
          "engines: { scripted_tts: { ms_per_character: 30 } }",
          "custom_processors: [{ name: attenuate, options: { shift: 2 } }, { name: agc }]",
          "server: { authentication: hook }\n"
        ].join("\n")
      )
      const bad = Path.join(dir, "bad.yaml")
      Fs.writeFileSync(
        bad,
        [
          "agent: nihgt",
          "tts_provider: belboy",
          "stt_fallback: [moonshin]",
          "engines: { bellboy: { volume: hunter2 }, scripted_tts: { ms_per_character: 1000 } }",
          "custom_processors: [{ name: attenuate, options: { shift: 9 } }, { name: atenuate }]\n"
        ].join("\n")
      )
      const [ok, faults, defaults] = yield* Effect.all([
        cli(["check", "--app", hotel, "--config", good]),
        cli(["check", "--app", hotel, "--config", bad]),
        cli(["check", "--app", hotel], { env: { EFFECT_VOICE_ENGINES__SCRIPTED_TTS__MS_PER_CHARACTER: "50" } })
      ], { concurrency: 2 })
      assert.strictEqual(ok.code, 0, ok.err)
      assert.match(ok.out, /agent: night\n {2}speech-to-text: scripted_stt\n {2}text-to-speech: scripted_tts\n/)
      assert.match(ok.out, /users by the AuthHook/)
      assert.deepStrictEqual([faults.code, faults.out], [1, ""], faults.err)
      assert.deepStrictEqual(linesOf(faults.err), [
        "agent: unknown agent; did you mean `night`?",
        "custom_processors.0.options.shift: expected a value between 0 and 8",
        "custom_processors.1.name: unknown audio processor; did you mean `attenuate`?",
        "engines.bellboy.volume: unknown key `volume`: this engine is a Layer, which has no options",
        "engines.scripted_tts.ms_per_character: expected a value between 10 and 200",
        "stt_fallback.0: unknown speech-to-text engine; did you mean `moonshine`?",
        "tts_provider: unknown text-to-speech engine; did you mean `bellboy`?"
      ])
      assert.notInclude(faults.err, "hunter2")
      assert.strictEqual(defaults.code, 0, defaults.err)
      // its first agent, and the fields that it gives
      assert.match(defaults.out, /agent: concierge\n {2}speech-to-text: scripted_stt\n {2}text-to-speech: bellboy\n/)
    }).pipe(Effect.scoped))

  it.live("lists and describes them", () =>
    Effect.gen(function*() {
      const [providers, schema] = yield* Effect.all([
        cli(["providers", "--app", hotel, "--json"]),
        cli(["schema", "--app", hotel])
      ], { concurrency: 2 })
      const known = JSON.parse(providers.out)
      assert.includeMembers(known.engines.tts, ["bellboy", "scripted_tts", "hibari"])
      assert.includeMembers(known.agents, ["builtin", "concierge", "llm", "night"])
      assert.includeMembers(known.processors, ["attenuate", "gain"])
      assert.includeMembers(known.stores, ["memory", "sqlite"])
      const { properties } = JSON.parse(schema.out)
      assert.strictEqual(properties.agent.default, "concierge")
      assert.deepStrictEqual(properties.engines.properties.scripted_tts.properties.ms_per_character.anyOf[0], {
        type: "integer",
        minimum: 10,
        maximum: 200
      })
      assert.strictEqual(schema.err, "")
    }))

  it.live("talks to the application's agent, as the user whose token the hook knows", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const input = Path.join(dir, "said.wav")
      Fs.writeFileSync(input, Wav.encode(encode("is there a room"), { sampleRate: 16_000 }))
      const talk = ["talk", "--app", hotel, "--input", input]
      const [known, stranger] = yield* Effect.all([
        cli(talk, { env: { EFFECT_VOICE_API_KEY: "guest-ada" } }),
        cli(talk)
      ], { concurrency: 2 })
      assert.strictEqual(known.code, 0, known.err)
      assert.match(known.out, /^you {4}is there a room\n(?:.*\n)*agent {2}Room twelve\. You said is there a room\n/m)
      assert.match(known.err, /speech-to-text: scripted_stt; .*text-to-speech: bellboy; .*agent: concierge/)
      assert.deepStrictEqual([stranger.code, stranger.out], [1, ""], stranger.err)
      assert.match(stranger.err, /^error: missing token \(set EFFECT_VOICE_API_KEY\)$/m)
    }).pipe(Effect.scoped))

  it.live("says in a sentence what is wrong with a module", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const write = (name: string, text: string) => {
        const file = Path.join(dir, name)
        Fs.writeFileSync(file, text)
        return file
      }
      const commonJs = Path.join(dir, "npm-init")
      Fs.mkdirSync(commonJs)
      write(Path.join("npm-init", "package.json"), "{ \"type\": \"commonjs\" }")
      const define = `import { defineApp } from ${JSON.stringify(Path.join(root, "src", "cli", "index.ts"))}\n`
      const layer = `import * as Layer from "${Path.join(root, "node_modules", "effect", "dist", "Layer.js")}"\n` +
        `import * as Effect from "${Path.join(root, "node_modules", "effect", "dist", "Effect.js")}"\n`
      type Case = readonly [file: string, message: RegExp]
      const loaded: ReadonlyArray<Case> = [
        [Path.join(dir, "none.ts"), /^error: cannot load the application \S+none\.ts: no such file$/m],
        [
          write("throws.ts", "const answer: number = 1\nthrow new TypeError(`no key ${answer}`)\n"),
          /^error: cannot load the application \S+throws\.ts: no key 1 \(\S*throws\.ts:2\)$/m
        ],
        [write("syntax.ts", "export default {{\n"), /^error: cannot load the application \S+syntax\.ts: \S/m],
        [
          write("enum.ts", "export enum A { B }\n"),
          /^error: cannot load the application \S+enum\.ts: .*enum.*; Node only strips types/m
        ],
        [
          write("package.ts", "import \"nobody-has-this-package\"\nexport default 1\n"),
          /^error: cannot load the application \S+package\.ts: Cannot find package 'nobody-has-this-package'/m
        ],
        ...["import \"node:fs\"\nexport default 1\n", "export default 1\n"].map((text, at) =>
          [
            write(Path.join("npm-init", `${at}.ts`), text),
            /^error: cannot load the application \S+\.ts: .*; set "type": "module" in its package\.json, or name it \.mts/m
          ] as const
        ),
        [
          write("named.ts", "export const app = 1\n"),
          /^error: the application \S+named\.ts has no default export: expected export default defineApp/m
        ],
        [
          write("other.ts", "export default { agents: {} }\n"),
          /^error: the default export of \S+other\.ts is an object with parts of an application: .*defineApp/m
        ],
        [
          write("parts.ts", `${define}export default defineApp({ agents: { a: "hunter2" } } as any)\n`),
          /^error: the default export of \S+parts\.ts is not valid\n {2}agents\.a: expected an agent, such as/m
        ]
      ]
      // what happens to the process, or is only found by a command
      const ofProcess: ReadonlyArray<Case> = [
        [
          write("exits.ts", "process.exit(0)\n"),
          /^error: the application \S+exits\.ts ended the process while it was loaded, with code 0$/m
        ],
        [
          write("failing.ts", `${layer}export default Layer.effectDiscard(Effect.fail(new Error("the db is away")))\n`),
          /the db is away[^]*^error: the layer of the application could not be built: the log has the cause$/m
        ],
        [
          write(
            "runs.ts",
            `import { defineApp, run } from ${
              JSON.stringify(Path.join(root, "src", "cli", "index.ts"))
            }\nexport default defineApp({})\nrun(defineApp({}))\n`
          ),
          /^error: cannot load the application \S+runs\.ts: run was called although the command line runs already: /m
        ]
      ]
      const reports = yield* program(loadApps, loaded.map(([file]) => file))
      assert.strictEqual(reports.code, 0, reports.err)
      const texts = reports.err.split("\f")
      assert.lengthOf(texts, loaded.length + 1)
      for (const [at, [, message]] of loaded.entries()) assert.match(texts[at] ?? "", message)
      assert.notInclude(reports.err, "hunter2")
      yield* Effect.forEach([...ofProcess, ...some(loaded, 2)], ([file, message]) =>
        Effect.map(cli(["check", "--app", file]), ({ code, err, out }) => {
          assert.deepStrictEqual([code, out], [1, ""], err)
          assert.match(err, message)
          assert.notInclude(err, "hunter2")
        }), { concurrency: 2 })
    }).pipe(Effect.scoped))

  it.live("is a command of its own in a program that runs its application", () =>
    Effect.gen(function*() {
      const [help, version, checked, other, usage] = yield* Effect.all([
        program(hotel, ["serve", "--help"]),
        program(hotel, ["--version"]),
        program(hotel, ["check"]),
        program(hotel, ["check", "--app", hotel]),
        program(hotel, ["bogus"])
      ], { concurrency: 2 })
      assert.strictEqual(help.code, 0, help.err)
      assert.match(help.out, /hotel serve/)
      assert.notMatch(help.out, /--app|never/)
      assert.match(version.out, /3\.2\.1/)
      assert.strictEqual(checked.code, 0, checked.err)
      assert.match(checked.out, /agent: concierge/)
      assert.strictEqual(other.code, 2)
      assert.match(other.err, /--app/)
      assert.strictEqual(usage.code, 2)
    }))
})
