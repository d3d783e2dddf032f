import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Schema } from "effect"
import type { SessionPage } from "../../src/backend/BackendContract.ts"
import * as BackendConfig from "../../src/backend/config/BackendConfig.ts"
import * as BackendErrors from "../../src/BackendError.ts"
import { MAX_PAGE_BYTES } from "../../src/cluster/nodes/VoiceNode.ts"
import * as VoiceNodeHandlers from "../../src/cluster/nodes/VoiceNodeHandlers.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import { SessionArchive } from "../../src/session/retention/SessionArchive.ts"
import type { VoiceSession } from "../../src/session/VoiceSession.ts"
import { pass } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"
import * as InProcess from "./InProcess.ts"

const config = { userId: "u", transport: "websocket" } as const
type Told = { readonly code: string; readonly details?: unknown; readonly message: string }
const told = <A>(effect: Effect.Effect<A, BackendErrors.BackendError>): Effect.Effect<Told | "success"> =>
  Effect.match(BackendErrors.normalize("test")(effect), {
    onFailure: ({ code, details, message }) => ({ code, message, ...(details === undefined ? {} : { details }) }),
    onSuccess: () => "success" as const
  })

/** Two nodes, a session of the second, and how the first one sees it. */
const two = Effect.gen(function*() {
  const { a, b } = yield* InProcess.two()
  const session = yield* b.local.createSession(config)
  yield* session.attach(new TestConnection())
  yield* pass("1 second")
  return { a, b, session, remote: yield* a.backend.getSession(session.id) }
})

const operations: {
  readonly [name: string]: (session: VoiceSession) => Effect.Effect<unknown, BackendErrors.BackendError>
} = {
  setLanguage: (session) => session.setLanguage("de"),
  updateMetadata: (session) => session.updateMetadata({ order: 1 }),
  updatePolicy: (session) => session.updatePolicy({ ...defaultPolicy, apology: "Sorry." }),
  control: (session) => session.control({ _tag: "Insert", id: "n1", role: "user", text: "I am in Rome." }),
  say: (session) => session.say("One more thing."),
  sendText: (session) => session.sendText("hello"),
  interrupt: (session) => session.interrupt({ force: true }),
  history: (session) => session.history,
  start: (session) => session.start
}

const refused: typeof operations = {
  "no language": (session) => session.setLanguage("no language at all"),
  "a language of any length": (session) => session.setLanguage("x".repeat(300)),
  "metadata beyond its size": (session) => session.updateMetadata({ text: "x".repeat(40_000) }),
  "what is not in the history": (session) => session.control({ _tag: "Remove", item: { id: "none" } }),
  "nothing to say": (session) => session.say(""),
  "no text": (session) => session.sendText(""),
  "text beyond its size": (session) => session.sendText("x".repeat(70_000)),
  "words beyond their size": (session) => session.say("x".repeat(70_000)),
  "a policy without sense": (session) =>
    session.updatePolicy({ ...defaultPolicy, endSilence: Duration.millis(-5) } as never)
}

describe("the operations of a session through another node", () => {
  it.effect("do what they do at its own node", () =>
    Effect.gen(function*() {
      const { remote, session } = yield* two
      for (const [name, run] of Object.entries(operations)) {
        assert.strictEqual(yield* told(run(remote)), "success", name)
        yield* pass(200)
      }
      const collecting = yield* Effect.forkChild(Effect.flip(remote.collectDigits({ min: 5, max: 4 })))
      const digits = yield* Effect.forkChild(remote.collectDigits({ firstDigitTimeout: "1 second" }))
      yield* pass("10 seconds")
      assert.strictEqual((yield* Fiber.join(collecting)).code, "invalid_config")
      assert.deepStrictEqual(yield* Fiber.join(digits), { _tag: "no_input" })
      assert.strictEqual(yield* session.language, "de")
      assert.strictEqual(yield* remote.language, "de")
      assert.deepStrictEqual(yield* session.metadata, { order: 1 })
      assert.deepStrictEqual(yield* remote.history, yield* session.history)
      const stopping = yield* Effect.forkChild(told(remote.stop))
      yield* pass("10 seconds")
      assert.strictEqual(yield* Fiber.join(stopping), "success")
      assert.strictEqual(yield* session.ended, "closed")
    }))

  it.effect("fail as they fail there", () =>
    Effect.gen(function*() {
      const { remote, session } = yield* two
      const codes = new Set<string>()
      for (const [name, run] of Object.entries(refused)) {
        const own = yield* told(run(session))
        assert.deepStrictEqual(yield* told(run(remote)), own, name)
        if (own !== "success") codes.add(own.code)
      }
      assert.deepStrictEqual(Array.from(codes), ["invalid_config"])
    }))

  it.effect("fail session_not_found after its end", () =>
    Effect.gen(function*() {
      const { a, remote } = yield* two
      yield* a.backend.closeSession(remote.id)
      yield* pass("2 seconds")
      for (const [name, run] of Object.entries(operations)) {
        assert.deepInclude(yield* told(run(remote)), { code: "session_not_found" }, name)
      }
      assert.deepInclude(yield* told(a.backend.closeSession(remote.id)), { code: "session_not_found" })
      assert.strictEqual(yield* remote.state.get, "closed")
    }))

  it("send each of the thirteen errors as it is", () => {
    const classes = [
      BackendErrors.InvalidConfig,
      BackendErrors.ProviderNotFound,
      BackendErrors.ConnectionFailed,
      BackendErrors.ConnectionTimeout,
      BackendErrors.SessionNotFound,
      BackendErrors.SessionLimitExceeded,
      BackendErrors.RateLimitExceeded,
      BackendErrors.AuthenticationFailed,
      BackendErrors.AuthorizationFailed,
      BackendErrors.PipelineError,
      BackendErrors.AgentError,
      BackendErrors.Timeout,
      BackendErrors.ContextCanceled
    ]
    assert.strictEqual(classes.length, BackendErrors.BackendErrorCode.literals.length)
    for (const Class of classes) {
      const failed = new Class({
        op: "VoiceSession.say",
        message: "why",
        retryable: true,
        details: { retryAfterMs: 5 }
      })
      const error = VoiceNodeHandlers.portable(failed)
      assert.deepInclude(error, { code: failed.code, message: "why", details: { retryAfterMs: 5 } })
      const sent = Schema.encodeSync(Schema.toCodecJson(BackendErrors.BackendError))(error)
      const back = Schema.decodeUnknownSync(Schema.toCodecJson(BackendErrors.BackendError))(
        JSON.parse(JSON.stringify(sent))
      )
      assert.strictEqual(back.code, failed.code)
      assert.deepStrictEqual(
        [back.op, back.message, back.retryable, back.details, back._tag],
        [error.op, error.message, error.retryable, error.details, error._tag]
      )
    }
  })
})

/** An archive of one node, in memory. */
const memory = () => {
  const files = new Map<
    string,
    { readonly session: string; readonly dataType: "transcript" | "metadata"; bytes: number }
  >()
  const users = new Map<string, string>()
  const erase = (isErased: (session: string) => boolean) =>
    Effect.sync(() => {
      const gone = Array.from(files).filter(([, { session }]) => isErased(session))
      for (const [name] of gone) files.delete(name)
      return gone.length
    })
  const put = (session: string, dataType: string, content: { readonly length: number }) =>
    Effect.sync(() => {
      if (dataType === "transcript" || dataType === "metadata") {
        files.set(`${session} ${dataType}`, { session, dataType, bytes: content.length })
      }
      return true
    })
  return Layer.succeed(SessionArchive, {
    begin: ({ session, userId }) =>
      Effect.clockWith((clock) => {
        users.set(session, userId)
        return clock.currentTimeMillis
      }),
    write: put,
    append: put,
    finish: () => Effect.void,
    list: (id) =>
      Effect.sync(() =>
        Array.from(files.values()).flatMap(({ bytes, dataType, session }) =>
          session === id ? [{ dataType, file: `${dataType}.json`, bytes, expiresAt: 5 }] : []
        )
      ),
    erase: (id) => erase((session) => session === id),
    eraseUser: (userId) => erase((session) => users.get(session) === userId),
    sweep: Effect.succeed(0)
  })
}
const hour = Duration.hours(1)
const setup = {
  config: { retention: { ...BackendConfig.defaults.retention, transcript: hour, metadata: hour } }
}

describe("what is kept of a session", () => {
  it.effect("is told and erased through another node, also after its end", () =>
    Effect.gen(function*() {
      const cluster = yield* InProcess.make({ setup })
      const a = yield* cluster.add("a", { archive: memory() })
      const b = yield* cluster.add("b", { archive: memory() })
      yield* cluster.settle
      const { archive } = a.backend
      const own = b.local.archive
      if (archive === undefined || own === undefined) return yield* Effect.die("no archive")
      const ended = Effect.fnUntraced(function*(userId: string) {
        const session = yield* b.local.createSession({ ...config, userId, metadata: { order: 1 } })
        yield* session.attach(new TestConnection())
        yield* session.sendText("hello")
        yield* pass("3 seconds")
        yield* a.backend.closeSession(session.id)
        yield* pass("2 seconds")
        return session.id
      })
      const id = yield* ended("u")
      const other = yield* ended("v")
      const told = yield* archive.list(id)
      assert.deepStrictEqual(told, yield* own.list(id))
      assert.deepStrictEqual(told.map(({ dataType }) => dataType).sort(), ["metadata", "transcript"])
      assert.strictEqual(yield* archive.erase(id), 2)
      assert.deepStrictEqual(yield* own.list(id), [])
      assert.strictEqual(yield* archive.eraseUser("v"), 2)
      assert.deepStrictEqual(yield* archive.list(other), [])
      // what a node has that does not answer is not erased, and nobody is told that it was
      b.cut(true)
      const failing = yield* Effect.forkChild(Effect.flip(archive.erase(id)))
      yield* pass("6 seconds")
      assert.deepInclude((yield* Fiber.join(failing)).details, { reason: "node_gone" })
    }))
})

describe("a page of sessions of several nodes", () => {
  it.effect("has no more bytes than it may, and leaves none out", () =>
    Effect.gen(function*() {
      const { a, b, c, cluster } = yield* InProcess.three({ setup: { config: { maxConcurrentSessions: 1_000 } } })
      const ids: Array<string> = []
      const add = (local: typeof a.local, bytes: number, count: number) =>
        Effect.forEach(Array.from({ length: count }), () =>
          Effect.map(
            local.createSession({ ...config, metadata: { text: "x".repeat(bytes) } }),
            ({ id }) => ids.push(id)
          ))
      yield* add(a.local, 10, 10)
      yield* add(b.local, 15_000, 90)
      yield* add(c.local, 10, 30)
      yield* cluster.settle
      const seen: Array<string> = []
      const sizes: Array<number> = []
      let after: string | undefined
      do {
        const page: SessionPage = yield* a.backend.listPage({ limit: 500, after })
        const metadata = yield* Effect.forEach(page.sessions, (session) => session.metadata)
        sizes.push(JSON.stringify(metadata).length)
        seen.push(...page.sessions.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      assert.deepStrictEqual(seen, [...ids].sort())
      for (const size of sizes) assert.isAtMost(size, MAX_PAGE_BYTES / 2)
      assert.isAtLeast(sizes.length, 2)
      assert.strictEqual((yield* a.backend.listSessions).length, ids.length)
    }))
})
