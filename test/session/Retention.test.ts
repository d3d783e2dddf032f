import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Logger, References, Result } from "effect"
import { TestClock } from "effect/testing"
import { spawn } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { setImmediate, setTimeout } from "node:timers/promises"
import * as Resampler from "../../src/audio/resampling/Resampler.ts"
import * as Wav from "../../src/audio/Wav.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { PipelineError } from "../../src/BackendError.ts"
import type { HistoryItem } from "../../src/conversation/History.ts"
import { DataRetentionHook } from "../../src/hooks/DataRetentionHook.ts"
import * as ArchiveOutage from "../../src/session/retention/ArchiveOutage.ts"
import { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import * as SessionRecorder from "../../src/session/retention/SessionRecorder.ts"
import * as SessionArchiveDirectory from "../../src/store/SessionArchiveDirectory.ts"
import * as WhatIsKept from "../examples/WhatIsKept.ts"
import { call, layer, pass, running, type Setup } from "./Harness.ts"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "kept-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)
const tree = (path: string) =>
  Fs.readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^\.(?:secret|probe)/u.test(entry.name))
    .map((entry) => Path.join(entry.parentPath, entry.name))
const names = (path: string) => tree(path).map((file) => Path.basename(file)).sort()
const holds = (path: string, words: string) => tree(path).some((file) => Fs.readFileSync(file).includes(words))
const off = BackendConfig.defaults.retention
const hour = Duration.hours(1)
const all = { ...off, audio: hour, transcript: hour, metadata: hour, events: hour }

/** A conversation of one turn, and its end. */
const converse = Effect.gen(function*() {
  const backend = yield* VoiceBackend
  const user = yield* call({ config: { metadata: { plan: "gold" } } })
  yield* user.speaks(600)
  yield* user.hears(3_000)
  assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
  yield* backend.closeSession(user.session.id)
  return user.session.id
})
const backend = (path: string, setup: Setup) => layer(setup).pipe(Layer.provide(SessionArchiveDirectory.layer(path)))

/** An archive that answers at once. */
const memory = (fails: () => boolean = () => false) => {
  const files = new Map<string, Uint8Array>()
  const put = (session: string, content: Uint8Array, at: number) => {
    const former = files.get(session) ?? new Uint8Array(0)
    const next = new Uint8Array(Math.max(former.length, at + content.length))
    next.set(former)
    next.set(content, at)
    files.set(session, next)
  }
  const archive = SessionArchive.of({
    begin: () => Effect.map(Effect.clockWith((clock) => clock.currentTimeMillis), (now) => now),
    write: () => Effect.succeed(true),
    append: (session, _, content, at = 0) =>
      Effect.suspend(() => {
        if (fails()) return Effect.fail(new PipelineError({ op: "test", message: "full", retryable: true }))
        put(session, content, at)
        return Effect.succeed(true)
      }),
    finish: () => Effect.void,
    list: () => Effect.succeed([]),
    erase: () => Effect.succeed(0),
    eraseUser: () => Effect.succeed(0),
    sweep: Effect.succeed(0)
  })
  /** The times in ms between which a channel (0: the user) is not silent. */
  const sounds = (session: string, channel: 0 | 1): ReadonlyArray<readonly [number, number]> => {
    const bytes = files.get(session) ?? new Uint8Array(44)
    const samples = new Int16Array(bytes.slice(44).buffer)
    const parts: Array<[number, number]> = []
    for (let i = channel; i < samples.length; i += 2) {
      if (Math.abs(samples[i] ?? 0) < 50) continue
      const ms = Math.floor(i / 32)
      const last = parts.at(-1)
      if (last !== undefined && ms - last[1] <= 100) last[1] = ms
      else parts.push([ms, ms])
    }
    return parts
  }
  return { layer: Layer.succeed(SessionArchive, archive), sounds }
}
/** An archive in a directory, and an effect that waits until the disk has done all it was asked for: virtual time is faster. */
const tracked = Effect.fnUntraced(function*(path: string) {
  const archive = yield* SessionArchiveDirectory.make(path)
  let pending = 0
  const track = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      pending++
      return Effect.ensuring(effect, Effect.sync(() => pending--))
    })
  const disk = Effect.promise(async () => {
    for (let quiet = 0; quiet < 50; quiet = pending === 0 ? quiet + 1 : 0) await setImmediate()
  })
  const layer = Layer.succeed(SessionArchive, {
    ...archive,
    begin: (entry) => track(archive.begin(entry)),
    write: (...write) => track(archive.write(...write)),
    append: (...append) => track(archive.append(...append)),
    list: (session) => track(archive.list(session)),
    renew: (...renew) => track(archive.renew?.(...renew) ?? Effect.succeed(true)),
    read: (...read) => track(archive.read?.(...read) ?? Effect.undefined)
  })
  return { layer, disk }
})
const near = (actual: number | undefined, expected: number, what: string, within = 20) =>
  assert.isAtMost(Math.abs((actual ?? Number.NaN) - expected), within, `${what}: ${actual}, expected ${expected}`)

describe("Retention", () => {
  it.effect("records nothing by default (P12)", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* running(backend(path, {}), Effect.asVoid(converse))
      assert.deepStrictEqual(names(path), [])
    }))

  for (
    const [type, file] of [
      ["audio", "recording.wav"],
      ["transcript", "transcript.json"],
      ["metadata", "metadata.json"],
      ["events", "events.ndjson"]
    ] as const
  ) {
    it.effect(`keeps ${type} alone, until its period is over`, () =>
      Effect.gen(function*() {
        const path = yield* directory
        yield* running(backend(path, { config: { retention: { ...off, [type]: hour } } }), Effect.asVoid(converse))
        assert.deepStrictEqual(names(path), ["manifest.json", file].sort())
        assert.strictEqual(holds(path, "You said one."), type === "transcript")
        assert.strictEqual(holds(path, "gold"), type === "metadata")
        const archive = yield* SessionArchiveDirectory.make(path)
        yield* TestClock.adjust("1 hour")
        yield* archive.sweep
        assert.deepStrictEqual(names(path), [])
      }))
  }

  it.effect("records what the hook allows, and nothing when it fails", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const hook = (fails: boolean) =>
        Layer.succeed(DataRetentionHook, {
          shouldRetain: (type, metadata) => Effect.succeed(type === "transcript" && metadata["plan"] === "gold"),
          getRetentionPeriod: () =>
            fails
              ? Effect.fail(new PipelineError({ op: "test", message: "no", retryable: false }))
              : Effect.succeed(hour)
        })
      const setup = { config: { retention: all } }
      yield* running(backend(path, setup).pipe(Layer.provide(hook(true))), Effect.asVoid(converse))
      assert.deepStrictEqual(names(path), [])
      yield* running(backend(path, setup).pipe(Layer.provide(hook(false))), Effect.asVoid(converse))
      assert.deepStrictEqual(names(path), ["manifest.json", "transcript.json"])
    }))

  it.effect("records what the README's hook allows", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* running(
        backend(path, {}).pipe(Layer.provide(WhatIsKept.Retention)),
        Effect.gen(function*() {
          for (const consent of [false, true]) {
            const user = yield* call({ config: { metadata: { consent } } })
            yield* user.speaks(600)
            yield* user.hears(3_000)
            yield* (yield* VoiceBackend).closeSession(user.session.id)
            assert.deepStrictEqual(names(path), consent ? ["manifest.json", "transcript.json"] : [])
          }
        })
      )
    }))

  it.effect("does not let a session wait for an archive that hangs, and finishes what begins too late, once", () =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      const calls: Array<string> = []
      const called = (what: string) => Effect.sync(() => void calls.push(what))
      const archive = Layer.succeed(SessionArchive, {
        begin: () => Effect.andThen(called("begin"), Effect.as(Deferred.await(begun), 0)),
        write: () => Effect.as(called("write"), true),
        append: () => Effect.as(called("append"), true),
        finish: () => called("finish"),
        list: () => Effect.succeed([]),
        erase: () => Effect.succeed(0),
        eraseUser: () => Effect.succeed(0),
        sweep: Effect.succeed(0)
      })
      yield* running(
        layer({ config: { retention: all } }).pipe(Layer.provide(archive)),
        Effect.gen(function*() {
          const creating = yield* Effect.forkChild(call())
          yield* pass("1 second")
          const user = yield* Fiber.join(creating)
          yield* user.hears(2_000)
          assert.deepStrictEqual([...new Set(calls)], ["begin"])
          const health = yield* (yield* VoiceBackend).healthCheck
          assert.strictEqual(health.parts.find(({ name }) => name === "retention")?.status, "degraded")
          yield* Deferred.succeed(begun, undefined)
          yield* user.hears(10_000)
          assert.include(calls, "append")
          yield* (yield* VoiceBackend).closeSession(user.session.id)
        })
      )
      assert.lengthOf(calls.filter((what) => what === "finish"), 1)
    }))

  it.effect("keeps nothing of a session that is refused for its voice", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* running(
        backend(path, { config: { retention: all } }),
        Effect.gen(function*() {
          const { createSession } = yield* VoiceBackend
          const error = yield* Effect.flip(
            createSession({ userId: "u", transport: "websocket", voice: "nobody", metadata: { plan: "gold" } })
          )
          assert.strictEqual(error.code, "invalid_config")
        })
      )
      assert.deepStrictEqual(names(path), [])
    }))

  it.effect("erases everything, and records no more of a session that is running", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* running(
        layer({ config: { retention: all } }).pipe(Layer.provide(Layer.succeed(SessionArchive, archive))),
        Effect.gen(function*() {
          const id = yield* converse
          assert.isTrue(holds(path, "You said one."))
          const user = yield* call()
          yield* user.speaks(600)
          yield* user.hears(3_000)
          assert.strictEqual(yield* archive.erase(user.session.id), 1)
          yield* user.speaks(600)
          yield* user.hears(3_000)
          yield* (yield* VoiceBackend).closeSession(user.session.id)
          assert.lengthOf(yield* archive.list(user.session.id), 0)
          assert.lengthOf(yield* archive.list(id), 4)
          assert.strictEqual(yield* archive.eraseUser("u"), 1)
          assert.deepStrictEqual(names(path), [])
        })
      )
    }))

  it.effect("has both channels at their times, and the cut of an interruption; sessions are not mixed", () => {
    const kept = memory()
    return running(
      layer({ config: { retention: { ...off, audio: hour } } }).pipe(Layer.provide(kept.layer)),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        const now = Effect.clockWith((clock) => clock.currentTimeMillis)
        const start = yield* now
        const user = yield* call()
        const other = yield* call()
        yield* user.hears(1_000)
        yield* user.speaks(600)
        while (!user.connection.events.some(({ type }) => type === "agent.speech_started")) yield* user.hears(20)
        const answered = user.connection.events.find(({ type }) => type === "agent.speech_started")
        yield* user.hears(300)
        const interrupted = (yield* now) - start
        yield* user.session.interrupt()
        yield* user.hears(2_000)
        yield* backend.closeSession(user.session.id)
        yield* backend.closeSession(other.session.id)
        const [said] = kept.sounds(user.session.id, 0)
        // what arrives has been spoken in the 20 ms before
        near(said?.[0], 980, "the user begins")
        near(said?.[1], 1_580, "the user ends")
        const [heard, ...more] = kept.sounds(user.session.id, 1)
        near(heard?.[0], (answered?.atMs ?? 0) - start, "the agent begins")
        near(heard?.[1], interrupted, "the agent is cut")
        assert.deepStrictEqual(more, [])
        assert.deepStrictEqual(kept.sounds(other.session.id, 0), [])
        assert.deepStrictEqual(kept.sounds(other.session.id, 1), [])
      })
    )
  })

  it.effect("leaves a silent gap in a recording while the disk is full; the call and the times stay", () => {
    let full = false
    const kept = memory(() => full)
    return running(
      layer({ config: { retention: { ...off, audio: hour } } }).pipe(Layer.provide(kept.layer)),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(3_000)
        full = true
        yield* user.speaks(4_000)
        full = false
        yield* user.speaks(2_000)
        yield* user.hears(2_000)
        yield* (yield* VoiceBackend).closeSession(user.session.id)
        const parts = kept.sounds(user.session.id, 0)
        assert.lengthOf(parts, 2)
        near(parts[1]?.[1], 8_980, "the end")
      })
    )
  })

  for (const how of ["removed", "taken for a file"] as const) {
    it.effect(`records a call again whose directory was ${how}: the transcript whole, the audio with a gap`, () =>
      Effect.gen(function*() {
        const parent = yield* directory
        const path = Path.join(parent, "kept")
        const lines: Array<string> = []
        const logger = Logger.make(({ fiber, message }) =>
          void lines.push(JSON.stringify([message, fiber.getRef(References.CurrentLogAnnotations)]))
        )
        const { disk, layer: archive } = yield* tracked(path)
        yield* running(
          layer({ config: { retention: all } }).pipe(
            Layer.provide(archive),
            Layer.provideMerge(Logger.layer([logger]))
          ),
          Effect.gen(function*() {
            const user = yield* call()
            const hears = (seconds: number) =>
              Effect.replicateEffect(Effect.andThen(user.hears(1_000), disk), seconds, { discard: true })
            yield* user.speaks(600)
            yield* hears(4)
            assert.isTrue(holds(path, "You said one."))
            Fs.rmSync(path, { recursive: true })
            if (how === "taken for a file") Fs.writeFileSync(path, "not a directory")
            yield* user.speaks(600)
            yield* hears(20)
            if (how === "taken for a file") Fs.rmSync(path)
            yield* hears(15)
            yield* user.speaks(600)
            yield* hears(4)
            yield* (yield* VoiceBackend).closeSession(user.session.id)
          })
        )
        const read = (name: string) => Fs.readFileSync(tree(path).find((file) => file.endsWith(name)) ?? "")
        const items: ReadonlyArray<{ readonly text: string }> = JSON.parse(read("transcript.json").toString())
        assert.deepStrictEqual(items.map(({ text }) => text), [
          "one",
          "You said one.",
          "two",
          "You said two.",
          "three",
          "You said three."
        ])
        const wav = Result.getOrThrow(Wav.parse(read("recording.wav")))
        assert.isFalse(wav.truncated)
        const { gaps } = JSON.parse(read("manifest.json").toString())
        assert.strictEqual(gaps[0][0], 0)
        near(gaps[0][1], how === "removed" ? 4_500 : 25_500, "the end of the gap", 1_500)
        assert.isAbove(read("metadata.json").length, 0)
        const told = lines.filter((line) => /retention is/u.test(line))
        assert.lengthOf(told, 2, told.join("\n"))
        assert.match(told[0] ?? "none", how === "removed" ? /removed or replaced/u : /ENOTDIR/u)
        assert.match(told[1] ?? "", /healthy again/u)
      }))
  }

  it.effect("writes the files of a running call anew that were removed or emptied one by one", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const { disk, layer: archive } = yield* tracked(path)
      yield* running(
        layer({ config: { retention: all } }).pipe(Layer.provide(archive)),
        Effect.gen(function*() {
          const user = yield* call()
          const hears = (seconds: number) =>
            Effect.replicateEffect(Effect.andThen(user.hears(1_000), disk), seconds, { discard: true })
          yield* user.speaks(600)
          yield* hears(4)
          assert.isTrue(holds(path, "You said one."))
          for (const file of tree(path)) {
            if (file.endsWith(".wav")) Fs.rmSync(file)
            if (/transcript|events/u.test(file)) Fs.truncateSync(file)
          }
          yield* hears(5)
          yield* user.speaks(600)
          yield* hears(4)
          // nothing is written to them any more
          for (const file of tree(path)) if (/transcript|metadata/u.test(file)) Fs.rmSync(file)
          yield* (yield* VoiceBackend).closeSession(user.session.id)
        })
      )
      const read = (name: string) => Fs.readFileSync(tree(path).find((file) => file.endsWith(name)) ?? "")
      assert.isAbove(read("metadata.json").length, 0)
      const items: ReadonlyArray<{ readonly text: string }> = JSON.parse(read("transcript.json").toString())
      assert.deepStrictEqual(items.map(({ text }) => text), ["one", "You said one.", "two", "You said two."])
      const wav = Result.getOrThrow(Wav.parse(read("recording.wav")))
      assert.isFalse(wav.truncated)
      near(wav.samples.length / 16, 14_200, "the length of the recording", 1_000)
      for (const line of read("events.ndjson").toString().trim().split("\n")) JSON.parse(line)
    }))

  it.effect("keeps what has left the history in the transcript of a call that another process continues", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const periods = { transcript: hour }
      const item = (turn: number): HistoryItem => (
        { role: "user", turn, kind: "text", text: `Words ${turn}`, interrupted: false, atMs: turn }
      )
      const record = (history: ReadonlyArray<HistoryItem>) =>
        Effect.scoped(Effect.gen(function*() {
          const archive = yield* SessionArchiveDirectory.make(path)
          yield* SessionRecorder.make({
            archive,
            periods,
            userId: "anna",
            outage: yield* ArchiveOutage.make(Effect.void),
            startedAtMs: yield* archive.begin({ session: "ses_1", userId: "anna", periods }),
            id: "ses_1",
            resamplers: yield* Resampler.load,
            history: () => history,
            describe: () => ({})
          })
        }))
      yield* record([item(1), item(2), item(3)])
      yield* record([{ ...item(3), omittedBefore: 2 }, item(4)])
      const items: ReadonlyArray<HistoryItem> = JSON.parse(
        Fs.readFileSync(tree(path).find((file) => file.endsWith("transcript.json")) ?? "", "utf8")
      )
      assert.deepStrictEqual(items.map(({ turn }) => turn), [1, 2, 3, 4])
    }))

  it.effect("records a session from its beginning that was created while the archive was away", () =>
    Effect.gen(function*() {
      const parent = yield* directory
      const path = Path.join(parent, "kept")
      Fs.writeFileSync(path, "not a directory")
      yield* running(
        backend(path, { config: { retention: all } }),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.speaks(600)
          yield* user.hears(3_000)
          Fs.rmSync(path)
          yield* user.hears(2_000)
          yield* (yield* VoiceBackend).closeSession(user.session.id)
        })
      )
      assert.deepStrictEqual(names(path), [
        "events.ndjson",
        "manifest.json",
        "metadata.json",
        "recording.wav",
        "transcript.json"
      ])
      assert.isTrue(holds(path, "You said one."))
      const events = Fs.readFileSync(tree(path).find((file) => file.endsWith("ndjson")) ?? "", "utf8").trim().split(
        "\n"
      )
      assert.deepStrictEqual(events.map((line) => JSON.parse(line).seq), events.map((_, index) => index + 1))
    }))

  it.effect("finishes the recording of a killed process, and lets it expire", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* Effect.promise(async () => {
        const child = spawn(process.execPath, [Path.join(import.meta.dirname, "Recording.ts"), path], {
          stdio: "ignore"
        })
        const exited = once(child, "exit")
        const size = () =>
          tree(path).reduce((sum, file) => sum + (file.endsWith(".wav") ? Fs.statSync(file).size : 0), 0)
        while (child.exitCode === null && size() < 50_000) await setTimeout(50)
        child.kill("SIGKILL")
        await exited
      })
      const read = () => {
        const file = tree(path).find((name) => name.endsWith(".wav"))
        return Fs.readFileSync(file ?? "")
      }
      // an unfinished recording can be read to its end, too
      assert.strictEqual(read().readUInt32LE(40), 0xffffffff)
      assert.isAbove(Result.getOrThrow(Wav.parse(read())).samples.length, 8_000)
      yield* TestClock.setTime(Fs.statSync(path).mtimeMs)
      const archive = yield* SessionArchiveDirectory.make(path)
      assert.strictEqual(yield* archive.sweep, 0)
      assert.strictEqual(read().readUInt32LE(40), read().length - 44)
      assert.isFalse(Result.getOrThrow(Wav.parse(read())).truncated)
      assert.isTrue(holds(path, "secret words"))
      yield* TestClock.adjust("61 minutes")
      yield* archive.sweep
      assert.deepStrictEqual(names(path), [])
    }))

  it.effect("deletes data whose retention period is unknown", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* running(backend(path, { config: { retention: all } }), Effect.asVoid(converse))
      for (const file of tree(path)) if (file.endsWith("manifest.json")) Fs.writeFileSync(file, "{ torn")
      const archive = yield* SessionArchiveDirectory.make(path)
      yield* archive.sweep
      yield* TestClock.adjust("2 minutes")
      yield* archive.sweep
      assert.deepStrictEqual(names(path), [])
    }))

  it.effect("refuses a config with retention and without an archive", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(layer({ config: { retention: all } })))
      assert.match(error.message, /retention\.audio/u)
      yield* pass("1 second")
    }))
})
