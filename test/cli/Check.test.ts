/** What `check` finds, and that `serve` refuses the same. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Path from "node:path"
import { cli, directory } from "../support/Cli.ts"
import { isFull } from "../support/Full.ts"

const hosted = "pipeline_type: stt_tts\nstt_provider: deepgram\ntts_provider: elevenlabs\nvad_provider: energy\n"
/** The paths and messages of the faults that a command prints. */
const faultsOf = (err: string) =>
  err.split("\n").filter((line) => line.startsWith("  ")).map((line) => line.trim()).sort()

interface Case {
  readonly name: string
  readonly config: string | ((dir: string) => string)
  readonly env?: Record<string, string>
  readonly faults: ReadonlyArray<RegExp>
}

const cases: ReadonlyArray<Case> = [
  {
    name: "everything that is missing, at once",
    config: (dir) =>
      [
        hosted.trimEnd(),
        "stt_fallbak: [openai]",
        "rate_limits: { create: { user: { limit: 1, window: 1m } }, store: redis, url: \"${HUNTER2_URL}\" }",
        `server: { authentication: hook, tls: { cert: "${dir}/none.pem", key: "${dir}/none.key" } }\n`
      ].join("\n"),
    faults: [
      /engines\.deepgram: .*DEEPGRAM_API_KEY/,
      /engines\.elevenlabs: .*ELEVENLABS_API_KEY/,
      /stt_fallbak: unknown key `stt_fallbak`; did you mean `stt_fallback`\?/,
      /rate_limits\.url: the environment variable HUNTER2_URL is not set/,
      /server\.authentication: no AuthHook service/,
      /server\.tls\.cert: does not exist/,
      /server\.tls\.key: does not exist/
    ]
  },
  {
    name: "addresses that nothing could use",
    config: (dir) =>
      [
        "store: { kind: redis, url: \"http://127.0.0.1:9\" }",
        "rate_limits: { store: redis, url: hunter2 }",
        `server: { host: 192.0.2.77, authentication: none, tls: { cert: "${dir}", key: "${dir}/none" } }\n`
      ].join("\n"),
    faults: [
      /store\.url: expected redis:/,
      /rate_limits\.url: expected redis:/,
      /server\.tls\.cert: is a directory/,
      /server\.tls\.key: does not exist/,
      /server\.host: 192\.0\.2\.77 is not an address of this machine/
    ]
  },
  {
    name: "what the config asks of engines that cannot do it",
    config: "pipeline_type: stt_tts\nstt_provider: moonshine\ntts_provider: flite\nturn_detection_provider: stt\n",
    faults: [/turn_detection_provider: moonshine has no endpointing/]
  },
  {
    name: "a role of the agent that the model does not leave it",
    config: "pipeline_type: s2s\ns2s_provider: cascade\nagent_in_loop: \"off\"\n",
    faults: [/agent_in_loop: cascade has no answers of its own/]
  },
  {
    name: "the keys of both parts of an engine",
    config: "pipeline_type: s2s\ns2s_provider: cascade\nengines: { cascade: { stt: deepgram, tts: elevenlabs } }\n",
    faults: [/engines\.cascade: .*DEEPGRAM_API_KEY/, /engines\.cascade: .*ELEVENLABS_API_KEY/]
  },
  {
    name: "a file that is no database",
    config: (dir) => {
      Fs.writeFileSync(Path.join(dir, "notes.txt"), "Buy milk, and bread, and more milk.")
      return `store: { kind: sqlite, path: "${dir}/notes.txt" }\n`
    },
    faults: [/store\.path: .*not an SQLite database/]
  },
  {
    name: "keys that no header can carry",
    config: `${hosted}engines: { elevenlabs: { api_key: "hunter2…" } }\n`,
    env: { DEEPGRAM_API_KEY: "hunter2\nhunter2" },
    faults: [
      /engines\.deepgram: .*DEEPGRAM_API_KEY.*line break/,
      /engines\.elevenlabs\.api_key: .*characters that no header can carry/
    ]
  },
  {
    name: "keys in quotation marks",
    config: `${hosted}engines: { elevenlabs: { api_key: "'hunter2'" } }\n`,
    env: { DEEPGRAM_API_KEY: "\"hunter2\"" },
    faults: [
      /engines\.deepgram: .*DEEPGRAM_API_KEY.*quotation marks/,
      /engines\.elevenlabs\.api_key: .*quotation marks/
    ]
  },
  {
    name: "an address for WebRTC that is not of this machine",
    config: "provider_config: { bind_address: 203.0.113.7 }\n",
    faults: [/provider_config\.bind_address: 203\.0\.113\.7 is not an address of this machine/]
  },
  {
    name: "the engines that the named pipeline needs",
    config: "pipeline_type: stt_tts\n",
    faults: [/stt_provider: required/, /tts_provider: required/]
  },
  {
    name: "directories that cannot be written",
    config: (dir) => {
      Fs.writeFileSync(Path.join(dir, "file"), "")
      return [
        `store: { kind: sqlite, path: "${dir}/file/sessions.db" }`,
        `retention: { transcript: 1h, directory: "${dir}/file/kept" }\n`
      ].join("\n")
    },
    faults: [/retention\.directory: .*is not a directory/, /store\.path: .*is not a directory/]
  }
]

/** Both read the config by the same code: each `serve` is a process more, and a few of them show it. */
const isServed = (at: number): boolean => isFull || at % 4 === 0

describe("check", () => {
  for (const [at, { config, env = {}, faults, name }] of cases.entries()) {
    it.live(`finds ${name}${isServed(at) ? ", as serve does" : ""}`, () =>
      Effect.gen(function*() {
        const dir = yield* directory
        const file = Path.join(dir, "voice.yaml")
        Fs.writeFileSync(file, typeof config === "string" ? config : config(dir))
        const options = { env: { DEEPGRAM_API_KEY: "", ELEVENLABS_API_KEY: "", XDG_STATE_HOME: dir, ...env } }
        const [checked, served] = yield* Effect.all([
          cli(["check", "--json", "--config", file], options),
          isServed(at) ? cli(["serve", "--port", "0", "--config", file], options) : Effect.succeed(undefined)
        ], { concurrency: 2 })
        assert.strictEqual(checked.code, 1, checked.err)
        const found = faultsOf(checked.err)
        if (served !== undefined) {
          assert.strictEqual(served.code, 1, served.err)
          assert.deepStrictEqual(faultsOf(served.err), found)
          assert.notInclude(served.err, "hunter2")
        }
        assert.lengthOf(found, faults.length, checked.err)
        for (const fault of faults) assert.isTrue(found.some((line) => fault.test(line)), `${fault} in ${checked.err}`)
        const report: { readonly ok: boolean; readonly faults: ReadonlyArray<unknown> } = JSON.parse(checked.out)
        assert.deepStrictEqual([report.ok, report.faults.length], [false, found.length])
        assert.notInclude(checked.out + checked.err, "hunter2")
      }).pipe(Effect.scoped))
  }

  it.live("takes values with the white space and line breaks that secrets and variables come with", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const file = Path.join(dir, "voice.yaml")
      Fs.writeFileSync(file, `${hosted}engines: { deepgram: { api_key: "\${KEY}" } }\n`)
      const env = {
        KEY: "some-key\r\n",
        ELEVENLABS_API_KEY: "\ufeffother-key \n",
        EFFECT_VOICE_VAD_PROVIDER: "energy\r",
        EFFECT_VOICE_SERVER__API_KEYS: "0123456789abcdef\r\n",
        XDG_STATE_HOME: dir
      }
      const { code, err, out } = yield* cli(["check", "--config", file], { env })
      assert.strictEqual(code, 0, err)
      assert.match(out, /voice activity detection: energy\n[^]*API keys: 1/)
    }).pipe(Effect.scoped))

  it.live("checks the environment and the defaults where no file is named", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const { code, err, out } = yield* cli(["check"], { env: { XDG_STATE_HOME: dir } })
      assert.strictEqual(code, 0, err)
      assert.match(
        out,
        /speech-to-text: moonshine\n {2}text-to-speech: hibari \(fallback: flite\)\n {2}turn detection: smart-turn \(the default\)\n[^]*voice activity detection: silero/
      )
      const bad = yield* cli(["check"], {
        env: { EFFECT_VOICE_MAX_RETRIES: "99", EFFECT_VOICE_ENABLE_METRICS: "0", EFFECT_VOICE_ENABLE_TRACING: "2" }
      })
      assert.match(bad.err, /max_retries/)
      assert.match(bad.err, /enable_tracing/)
      assert.notMatch(bad.err, /enable_metrics/)
    }).pipe(Effect.scoped))

  it.live("looks at the default detector of a model that leaves the turns to the backend", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const file = Path.join(dir, "voice.yaml")
      Fs.writeFileSync(file, "pipeline_type: s2s\ns2s_provider: cascade\n")
      const { code, err, out } = yield* cli(["check", "--config", file], { env: { XDG_STATE_HOME: dir } })
      assert.strictEqual(code, 0, err)
      assert.match(out, /voice activity detection: silero \(the default\)/)
    }).pipe(Effect.scoped))

  it.live("says that a model cannot be reached, without the words of the HTTP client", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const file = Path.join(dir, "voice.yaml")
      Fs.writeFileSync(
        file,
        "agent: llm\nstore: { kind: memory }\nengines: { openai-compatible: { model: m, url: \"http://127.0.0.1:9/v1\" } }\n"
      )
      const { code, err } = yield* cli(["check", "--connect", "--config", file], { env: { XDG_STATE_HOME: dir } })
      assert.strictEqual(code, 1)
      assert.match(
        err,
        /engines\.openai-compatible: openai-compatible.* could not be reached: check engines\.openai-compatible\.url\n/
      )
      assert.notInclude(err, "POST")
    }).pipe(Effect.scoped), 90_000)

  it.live("reaches the endpoints with --connect, and says what each of them answers", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const asked: Array<string | undefined> = []
      const server = yield* Effect.acquireRelease(
        Effect.promise(() =>
          new Promise<Http.Server>((resolve) => {
            const made: Http.Server = Http.createServer((request, response) => {
              asked.push(request.headers.authorization)
              response.writeHead(401, { "content-type": "application/json" })
              // some vendors repeat the key that they refuse
              response.end(JSON.stringify({ error: { message: `no such key: ${request.headers.authorization}` } }))
            }).listen(0, "127.0.0.1", () => resolve(made))
          })
        ),
        (made) => Effect.sync(() => made.close())
      )
      const { port } = server.address() as AddressInfo
      const file = Path.join(dir, "voice.yaml")
      Fs.writeFileSync(
        file,
        [
          "pipeline_type: stt_tts",
          "stt_provider: deepgram",
          "tts_provider: flite",
          "vad_provider: energy",
          "agent: llm",
          "llm_provider: openai-compatible",
          "store: { kind: memory }",
          "engines:",
          `  deepgram: { api_key: hunter2, stt: { url: "ws://127.0.0.1:${port}" } }`,
          `  openai-compatible: { api_key: hunter2, model: m, url: "http://127.0.0.1:${port}/v1" }\n`
        ].join("\n")
      )
      const without = yield* cli(["check", "--config", file])
      assert.strictEqual(without.code, 0, without.err)
      assert.deepStrictEqual(asked, [])
      const { code, err } = yield* cli(["check", "--connect", "--config", file])
      assert.strictEqual(code, 1)
      assert.match(err, /engines\.deepgram: /)
      assert.match(err, /engines\.openai-compatible: /)
      assert.notInclude(err, "hunter2")
      assert.include(asked, "Token hunter2")
    }).pipe(Effect.scoped), 90_000)
})
