import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import * as Wav from "../../src/audio/Wav.ts"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"
import { cli, directory, type Ended } from "../support/Cli.ts"

const failed = (ended: Ended, code: number, message: RegExp) => {
  assert.strictEqual(ended.code, code, ended.err)
  assert.strictEqual(ended.out, "")
  assert.match(ended.err, message)
  assert.notMatch(ended.err, /^\s+at .*:\d+:\d+/m)
}

describe("cli", () => {
  it.live("prints usage errors with help, and exits 2", () =>
    Effect.gen(function*() {
      const [none, unknown, port, missing, loss] = yield* Effect.all(
        [
          cli([]),
          cli(["bogus"]),
          cli(["serve", "--port", "99999"]),
          cli(["talk"]),
          cli(["talk", "--input", "in.wav", "--phone-loss", "101"])
        ],
        { concurrency: 2 }
      )
      failed(none, 2, /SUBCOMMANDS/)
      failed(unknown, 2, /SUBCOMMANDS[^]*bogus/)
      failed(port, 2, /USAGE[^]*65535/)
      failed(missing, 2, /USAGE[^]*--input/)
      failed(loss, 2, /USAGE[^]*a percentage from 0 to 100/)
    }))

  it.live("prints help and providers to stdout", () =>
    Effect.gen(function*() {
      const [help, providers] = yield* Effect.all([cli(["--help"]), cli(["providers", "--json"])], { concurrency: 2 })
      assert.strictEqual(help.code, 0)
      assert.match(help.out, /serve[^]*talk[^]*check/)
      assert.strictEqual(providers.code, 0)
      const { engines, providers: known } = JSON.parse(providers.out)
      assert.includeMembers(known.map(({ name }: { readonly name: string }) => name), ["local", "livekit"])
      assert.include(engines.stt, "moonshine")
    }))

  it.live("checks a config: all faults, no values, exit 1", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const bad = Path.join(dir, "bad.yaml")
      Fs.writeFileSync(bad, "provider: hunter2\nmax_retries: 99\nengines: { flite: { nope: hunter2 } }\n")
      const good = Path.join(dir, "good.yaml")
      Fs.writeFileSync(
        good,
        [
          "max_concurrent_sessions: 3",
          "server: { api_keys: [\"${KEY}\"] }",
          "session: { signing_key: \"${KEY}${KEY}\" }",
          "rate_limits: { create: { user: { limit: 1, window: 1m } }, store: redis, url: \"redis://:${KEY}@localhost\" }\n"
        ].join("\n")
      )
      const limits = Path.join(dir, "limits.yaml")
      Fs.writeFileSync(limits, "rate_limits: { create: { user: { limit: 0, window: hunter2 } }, store: redis }\n")
      const hook = Path.join(dir, "hook.yaml")
      Fs.writeFileSync(hook, "server: { authentication: hook, trusted_proxies: [hunter2], tls: { cert: hunter2 } }\n")
      const [faults, ok, missing, limit, proxy] = yield* Effect.all([
        cli(["check", "--config", bad]),
        cli(["check", "--config", good], { env: { KEY: "hunter2-hunter2-hunter2" } }),
        cli(["check", "--config", Path.join(dir, "none.yaml")]),
        cli(["check", "--config", limits]),
        cli(["check", "--config", hook])
      ], { concurrency: 2 })
      failed(faults, 1, /^error: .*\n {2}max_retries: .*\n {2}engines\.flite\.nope: .*\n {2}provider: /m)
      assert.notInclude(faults.err, "hunter2")
      assert.strictEqual(ok.code, 0, ok.err)
      assert.match(ok.out, /^OK[^]*at most 3 sessions[^]*API keys: 1/)
      assert.notInclude(ok.out + ok.err + limit.err + proxy.err, "hunter2")
      for (
        const fault of [
          /create\.user\.limit: /,
          /create\.user\.window: /,
          /rate_limits\.url: required with store redis/
        ]
      ) {
        failed(limit, 1, fault)
      }
      for (const fault of [/server\.trusted_proxies\S*: /, /server\.tls\.key: /]) failed(proxy, 1, fault)
      failed(missing, 1, /no such file/)
    }).pipe(Effect.scoped))

  it.live("shows every fault with its path and the nearest known key, whichever command reads the config", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const bad = Path.join(dir, "bad.yaml")
      Fs.writeFileSync(
        bad,
        [
          "stt_provder: hunter2",
          "stt_provider: moonshin",
          "tts_provider: flite",
          "latency_target: soon",
          "session: { resume_windw: 1m }",
          "conversation: { endpointing: { mode: adaptiv, silense: 1s } }",
          "engines:",
          "  moonshine: { modle: hunter2 }",
          "  openai: { api_key: \"${HUNTER2}\", stt: { modl: hunter2 } }",
          "  deepgrm: { api_key: hunter2 }",
          "provider_config: { bind_adress: hunter2 }",
          "custom_processors: [{ name: gain, options: { dbs: 3, db: 99 } }]",
          "agent: bultin",
          "server: { prt: 1, host: \"${HUNTER2_HOST}\" }",
          "\"hunter2 = a key\": 1\n"
        ].join("\n")
      )
      const wav = Path.join(dir, "said.wav")
      Fs.writeFileSync(wav, Wav.encode(new Int16Array(1_600), { sampleRate: 16_000 }))
      const env = { EFFECT_VOICE_MAX_RETRIES: "99", EFFECT_VOICE_SESION__LONGEST: "1h" }
      const commands = [["check"], ["serve", "--port", "0"], ["talk", "--input", wav]]
      for (const command of commands) {
        const { code, err, out } = yield* cli([...command, "--config", bad], { env })
        assert.deepStrictEqual([code, out], [1, ""], err)
        assert.sameMembers(err.trim().split("\n").slice(2), [
          "  stt_provder: unknown key `stt_provder`; did you mean `stt_provider`?",
          "  stt_provider: unknown speech-to-text engine; did you mean `moonshine`?",
          "  latency_target: expected a duration such as \"500ms\" or \"1m30s\"",
          "  max_retries: expected a value between 0 and 10",
          "  session.resume_windw: unknown key `resume_windw`; did you mean `resume_window`?",
          "  conversation.endpointing.mode: expected \"fixed\" | \"adaptive\"",
          "  conversation.endpointing.silense: unknown key `silense`; did you mean `silence`?",
          "  engines.moonshine.modle: unknown key `modle`; did you mean `model`?",
          "  engines.openai.api_key: the environment variable HUNTER2 is not set",
          "  engines.openai.stt.modl: unknown key `modl`; did you mean `model`?",
          "  engines.deepgrm: unknown engine; did you mean `deepgram`?",
          "  provider_config.bind_adress: unknown key `bind_adress`; did you mean `bind_address`?",
          "  custom_processors.0.options.dbs: unknown key `dbs`; did you mean `db`?",
          "  custom_processors.0.options.db: expected a value between -60 and 40",
          "  agent: unknown agent; did you mean `builtin`?",
          "  server.prt: unknown key `prt`; did you mean `port`?",
          "  server.host: the environment variable HUNTER2_HOST is not set",
          "  (invalid key): unknown key `(invalid key)`"
        ], command[0])
        assert.deepStrictEqual(err.split("\n").slice(0, 2), [
          "note: unknown variables: EFFECT_VOICE_SESION__LONGEST (did you mean EFFECT_VOICE_SESSION__LONGEST?)",
          `error: the config ${bad} is not valid`
        ])
        assert.notInclude(err, "hunter2")
      }
    }).pipe(Effect.scoped))

  it.live("lists at most 100 faults, and counts the rest", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const file = Path.join(dir, "many.json")
      const keys = Array.from({ length: 5_000 }, (_, i) => [`key_${i}`, 0])
      Fs.writeFileSync(file, JSON.stringify({ ...Object.fromEntries(keys), agent: "nobody" }))
      const { code, err } = yield* cli(["check", "--config", file])
      assert.strictEqual(code, 1)
      const lines = err.trim().split("\n")
      assert.lengthOf(lines, 102)
      assert.strictEqual(lines[1], "  key_0: unknown key `key_0`")
      assert.strictEqual(lines[101], "  and 4901 more")
    }).pipe(Effect.scoped))

  it.live("reports an invalid recording or URL in one line", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const broken = Path.join(dir, "broken.wav")
      Fs.writeFileSync(broken, "RIFFxxxxWAVEnonsense")
      const empty = Path.join(dir, "empty.wav")
      Fs.writeFileSync(empty, Wav.encode(new Int16Array(0), { sampleRate: 8_000 }))
      const short = Path.join(dir, "short.wav")
      Fs.writeFileSync(short, Wav.encode(new Int16Array(160), { sampleRate: 8_000 }))
      const [one, two, three, four, five] = yield* Effect.all([
        cli(["talk", "--input", broken]),
        cli(["talk", "--input", empty]),
        cli(["talk", "--input", Path.join(dir, "none.wav")]),
        cli(["talk", "--input", short, "--url", "http://127.0.0.1:9"]),
        cli(["talk", "--input", short, "--output", Path.join(dir, "no", "dir.wav")])
      ], { concurrency: 2 })
      failed(one, 1, /^error: .*not a valid WAV file/)
      failed(two, 1, /^error: .*contains no audio/)
      failed(three, 1, /^error: .*no such file/)
      failed(four, 1, /^error: cannot reach the server at /)
      failed(five, 1, /^error: .*directory does not exist/)
    }).pipe(Effect.scoped))

  it.live("refuses a public address or URL without keys, in check too, and survives a closed pipe", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const file = Path.join(dir, "public.yaml")
      Fs.writeFileSync(file, "server: { public_url: \"https://voice.example\" }\n")
      const insists = Path.join(dir, "insists.yaml")
      Fs.writeFileSync(insists, "server: { trusted_proxies: [10.0.0.1], authentication: none, admin_port: 9090 }\n")
      const [network, served, checked, none, piped] = yield* Effect.all([
        cli(["serve", "--host", "0.0.0.0"]),
        cli(["serve", "--config", file]),
        cli(["check", "--config", file]),
        cli(["check", "--config", insists]),
        cli(["providers", "--json"], { watch: (_, child) => child.stdout?.destroy() })
      ], { concurrency: 2 })
      failed(network, 1, /^error: .*\n {2}server: refusing .*api_keys/)
      for (const each of [served, checked]) {
        failed(each, 1, /^error: .*\n {2}server: refusing to serve with server\.public_url .*api_keys/)
      }
      assert.strictEqual(none.code, 0, none.err)
      assert.match(none.out, /no authentication[^]*port 9090/)
      assert.strictEqual(piped.code, 0, piped.err)
    }).pipe(Effect.scoped))

  it.live("reports that its port is in use before it downloads models", () =>
    Effect.gen(function*() {
      const models = yield* directory
      const taken = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const address = taken.address()
      const port = String(typeof address === "object" && address !== null ? address.port : 0)
      // No model is here, and none can be fetched.
      const ended = yield* cli(["serve", "--port", port], {
        env: { EFFECT_VOICE_MODELS: models, npm_config_registry: "http://127.0.0.1:9/" }
      })
      failed(ended, 1, new RegExp(`^error: port ${port} of 127.0.0.1 is in use`))
      assert.notMatch(ended.err, /model/)
    }).pipe(Effect.scoped))

  it.live("serves until a signal, then drains and exits 0", () =>
    Effect.gen(function*() {
      const pages: Array<Promise<number>> = []
      const ended = yield* cli(["serve", "--port", "0"], {
        watch: (out, child) => {
          const url = /listening on (http:\S+)/.exec(out)?.[1]
          if (url === undefined || pages.length > 0) return
          pages.push(
            fetch(url).then(async (response) => {
              await response.text()
              child.kill("SIGTERM")
              return response.status
            })
          )
        }
      })
      assert.strictEqual(ended.code, 0, ended.err)
      assert.match(
        ended.err,
        /speech-to-text: moonshine; turn detection: smart-turn; text-to-speech: hibari \(fallback: flite\); voice activity detection: silero; agent: builtin/
      )
      assert.match(ended.err, /draining/)
      assert.deepEqual(yield* Effect.promise(() => Promise.all(pages)), [200])
    }))

  it.live("erases a user's data from the archive of the config", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const kept = Path.join(dir, "kept")
      const config = Path.join(dir, "voice.yaml")
      Fs.writeFileSync(
        config,
        "provider: local\npipeline_type: stt_tts\nstt_provider: moonshine\ntts_provider: flite\n" +
          `retention: { directory: ${JSON.stringify(kept)}, transcript: 1h }\n`
      )
      const archive = yield* SessionArchiveDirectory.make(kept)
      for (const [session, userId] of [["a", "anna"], ["b", "ben"]] as const) {
        yield* archive.begin({ session, userId, periods: { transcript: Duration.hours(1) } })
        yield* archive.write(session, "transcript", "words")
      }
      const both = yield* cli(["erase", "--config", config])
      assert.notStrictEqual(both.code, 0)
      const { code, err, out } = yield* cli(["erase", "--config", config, "--user", "anna"])
      assert.strictEqual(code, 0, err)
      assert.strictEqual(out, "erased 1 session\n")
      assert.lengthOf(yield* archive.list("a"), 0)
      assert.lengthOf(yield* archive.list("b"), 1)
    }))
})
