/** Every example: also those with databases, a config file, or against a server by its command. */
import { assert } from "@effect/vitest"
import { Effect, Semaphore } from "effect"
import { globSync, mkdtempSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Venv from "../../scripts/pipecat/Venv.ts"
import * as DatabaseServers from "../support/DatabaseServers.ts"
import * as ExampleProject from "../support/examples/ExampleProject.ts"
import { type ExampleRun, long, short } from "../support/examples/ExampleRuns.ts"
import { isFull, some } from "../support/Full.ts"

const infrastructure: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const postgres = yield* Effect.flatMap(DatabaseServers.postgres, DatabaseServers.database)
    const redis = yield* DatabaseServers.redis
    const { stdout } = yield* ExampleProject.run(project, "UseInfrastructure.ts", {
      env: { DATABASE_URL: postgres.url, REDIS_URL: redis.url }
    })
    assert.match(stdout, /store: postgres; .*rate limits: limiter/u)
    assert.match(stdout, /the backend is healthy/u)
  })

const whatIsKept: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const state = mkdtempSync(join(project.directory, "state-"))
    const { stdout } = yield* ExampleProject.run(project, "UseWhatIsKept.ts", { env: { XDG_STATE_HOME: state } })
    const [, id] = /^with consent: (\w+)$/mu.exec(stdout) ?? []
    const kept = globSync("effect-voice/kept/*/*/transcript.json", { cwd: state })
    assert.deepStrictEqual(kept.map((file) => file.split(/[/\\]/u).at(-2)), [id])
  })

const swap: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    // as an editor on Windows writes it, and with the port from the environment
    const yaml = [
      "# which agent",
      "agent: concierge",
      "stt_provider: moonshine",
      "tts_provider: hibari",
      "server:",
      "  port: ${PORT}",
      ""
    ]
    writeFileSync(join(project.directory, "swap.yaml"), yaml.join("\r\n"))
    const server = yield* ExampleProject.serve(project, "Swap.ts", { args: ["swap.yaml"] })
    const { stdout } = yield* ExampleProject.talk(project, server)
    assert.include(stdout, "At your service. You said:")
  })

const reload: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const file = join(mkdtempSync(join(project.directory, "reload-")), "voice.yaml")
    const write = (most: number) =>
      Effect.sync(() =>
        writeFileSync(file, `agent: concierge\nmax_concurrent_sessions: ${most}\nserver:\n  port: \${PORT}\n`)
      )
    yield* write(1)
    const { signal, url } = yield* ExampleProject.serve(project, "Reload.ts", { args: [file] })
    const sessions = `${url}/v1/sessions`
    assert.strictEqual((yield* ExampleProject.createSession(sessions)).status, 201)
    const refused = yield* ExampleProject.askForSession(sessions)
    assert.include(yield* Effect.promise(() => refused.text()), "session_limit_exceeded")
    yield* write(2)
    yield* signal("SIGHUP")
    // refused until it has read the config again
    assert.strictEqual((yield* ExampleProject.createSession(sessions)).status, 201)
  })

const python = Effect.sync(() => {
  const found = Venv.find()
  return "python" in found ? found.python : undefined
})

const clients: ExampleRun["run"] = (project) =>
  Effect.gen(function*() {
    const { url } = yield* ExampleProject.serveCli(project, ["--app", project.programOf("Voice.ts")])
    const { stdout } = yield* ExampleProject.run(project, "WireClient.mjs", { args: [url, "Where is my room?"] })
    assert.match(stdout, /Are you a guest of ours\?[^]*ended: user_ended/u)
    const command = yield* python
    if (command === undefined) return // PythonClient.server.test.ts says what is missing
    const said = yield* ExampleProject.execute(project, command, ["wire_client.py", url, "Where is my room?"])
    assert.match(said.stdout, /Are you a guest of ours\?[^]*ended: user_ended/u)
  })

const hasDatabases = DatabaseServers.missingPostgres === undefined && DatabaseServers.missingRedis === undefined

/** So many at once: the embedded engines keep a core busy while they load, and CI runs others beside these. */
const slots = Semaphore.makeUnsafe(isFull ? 2 : 1)

const each: ReadonlyArray<ExampleRun> = [
  ...short,
  ...long,
  ...(hasDatabases
    ? [{ title: "stores sessions over the clients of the guide", files: ["Infrastructure.ts"], run: infrastructure }]
    : []),
  { title: "keeps what the hook of the guide lets it keep", files: ["WhatIsKept.ts"], run: whatIsKept },
  { title: "runs on the config of a file", files: ["Swap.ts"], run: swap },
  { title: "reads the config of a file again", files: ["Reload.ts"], run: reload },
  {
    title: "answers the clients of the protocol, by its command",
    files: ["WireClient.mjs", "wire_client.py", "Voice.ts"],
    run: clients
  }
]

/** In CI, one of those that are soon done: it runs all of them from the sources (`Examples.test.ts`). */
const left: ReadonlySet<ExampleRun> = new Set(short.filter((example) => !some(short, 1).includes(example)))

/** Every example that runs here. */
export const all = each.filter((example) => !left.has(example)).map(({ run, ...example }): ExampleRun => ({
  ...example,
  run: (project) => slots.withPermits(1)(Effect.scoped(run(project)))
}))

/** The files of all examples, here or elsewhere. */
export const files: ReadonlyArray<string> = each.flatMap((example) => example.files)
