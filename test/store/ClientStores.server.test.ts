/**
 * The stores over clients of the application's own: the same contract as over connections of their own, and what the application
 * does with its client at the same time.
 */
import * as NodeRedis from "@effect/platform-node/NodeRedis"
import * as PgClient from "@effect/sql-pg/PgClient"
import { afterAll, assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Context, Effect, Exit, Fiber, Layer, Redacted, Schedule, Scope, String as Text } from "effect"
import { Redis } from "effect/persistence"
import { SqlClient } from "effect/sql"
import { execFileSync, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { createClient } from "redis"
import { BackendProvider } from "../../src/backend/provider/ProviderContract.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../src/BackendError.ts"
import { RateLimiter } from "../../src/hooks/RateLimiter.ts"
import * as MonotonicTime from "../../src/MonotonicTime.ts"
import { SessionStore } from "../../src/session/persistence/SessionStore.ts"
import * as PostgresStore from "../../src/store/PostgresStore.ts"
import * as RedisRateLimits from "../../src/store/RedisRateLimits.ts"
import * as RedisStore from "../../src/store/RedisStore.ts"
import * as Scripted from "../../src/testing/scripted/ScriptedEngines.ts"
import { Backend } from "../examples/Infrastructure.ts"
import { echo, provider } from "../session/Harness.ts"
import { TestConnection } from "../session/TestConnection.ts"
import * as Servers from "../support/DatabaseServers.ts"
import { isFull } from "../support/Full.ts"
import { Recording } from "../telemetry/RecordingTracer.ts"
import * as StoreContract from "./StoreContract.ts"
import * as StoreDamage from "./StoreDamage.ts"

const lease = StoreContract.LEASE_MS
const empty = { head: "{}", items: [] }

for (const missing of [Servers.missingPostgres, Servers.missingRedis]) {
  if (missing !== undefined) process.stderr.write(`skipped, stores over the application's clients: ${missing}\n`)
}

/** One server of each kind, and on PostgreSQL a database for each test. */
const scope = Scope.makeUnsafe()
const postgres = Effect.runSync(Effect.cached(Scope.provide(Servers.postgres, scope)))
const redis = Effect.runSync(Effect.cached(Scope.provide(Servers.redis, scope)))
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const database = Effect.flatMap(postgres, Servers.database)
const psql = (url: string, statement: string): string =>
  execFileSync(Servers.psqlPath, ["-d", url, "-At", "-c", statement], { encoding: "utf8" }).trim()

/** As many applications have it: names in camel case. */
const sqlOf = (url: string, maxConnections = 6) =>
  Effect.map(
    Layer.build(PgClient.layer({
      url: Redacted.make(url),
      maxConnections,
      transformQueryNames: Text.camelToSnake,
      transformResultNames: Text.snakeToCamel
    })),
    (context) => Context.get(context, SqlClient.SqlClient)
  )
const over = (sql: SqlClient.SqlClient, options?: PostgresStore.PostgresClientOptions) =>
  Effect.provideService(PostgresStore.makeClient(options), SqlClient.SqlClient, sql)

/** Takes connections of the pool until the scope closes. */
const takeAll = (sql: SqlClient.SqlClient, count: number) =>
  Effect.forEach(Array.from({ length: count }), () => sql.reserve, { concurrency: count })

const tookMs = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const clock = yield* Effect.clockWith(Effect.succeed)
    const began = MonotonicTime.nowMs(clock)
    const value = yield* effect
    return { ms: MonotonicTime.nowMs(clock) - began, value }
  })

const reasonOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, { onFailure: ({ details }) => details?.["reason"], onSuccess: () => "done" })

const live = (says: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(says, () => Effect.scoped(body), 60_000)

describe.skipIf(Servers.missingPostgres !== undefined)("sessions in PostgreSQL over the application's client", () => {
  const harness = Effect.gen(function*() {
    const { url } = yield* database
    const sql = yield* sqlOf(url)
    return { owner: over(sql, { lease }), pass: Servers.pause, damage: StoreDamage.ofPostgres(url) }
  })
  // the same statements as those of a client of ours, which Servers.server.test.ts holds to all of it: here every kind of them
  if (isFull) StoreContract.tests(harness, "live")
  else StoreContract.stories(harness, "live")

  live(
    "leave the client open, and its transformations alone",
    Effect.gen(function*() {
      const { url } = yield* database
      const sql = yield* sqlOf(url)
      yield* Layer.build(PostgresStore.layerClient()).pipe(
        Effect.flatMap((context) => Context.get(context, SessionStore).create("s", empty, 60_000)),
        Effect.provideService(SqlClient.SqlClient, sql),
        Effect.scoped
      )
      const rows = yield* sql<{ resumeWindow: unknown; id: string }>`
        SELECT id, resume_window FROM effect_voice_sessions`
      assert.deepStrictEqual(rows.map(({ id }) => id), ["s"])
      assert.property(rows[0], "resumeWindow")
    })
  )

  live(
    "fail soon and say so while the application uses all of its connections, and work again afterwards",
    Effect.gen(function*() {
      const { url } = yield* database
      const sql = yield* sqlOf(url, 3)
      const store = yield* over(sql, { lease: "1 minute" })
      const session = yield* store.create("s", empty, 60_000)
      const held = yield* Scope.make()
      yield* Scope.provide(takeAll(sql, 3), held)
      const { ms, value } = yield* tookMs(Effect.all(
        [
          store.renew,
          store.write(session, { head: "{}", from: 0, items: ["1"] }),
          store.claim("other"),
          store.probe
        ].map((operation) => reasonOf<unknown>(operation)),
        { concurrency: "unbounded" }
      ))
      assert.deepStrictEqual(value, ["overloaded", "overloaded", "overloaded", "overloaded"])
      assert.isBelow(ms, 20_000)
      const error = yield* Effect.flip(store.renew)
      assert.strictEqual(error.code, "connection_failed")
      assert.include(error.message, "has no free connection")
      yield* Scope.close(held, Exit.void)
      yield* store.renew
      yield* store.write(session, { head: "{}", from: 0, items: ["1", "2"] })
      assert.deepStrictEqual(yield* store.read("s"), { head: "{}", items: ["1", "2"] })
    })
  )

  live(
    "are no part of a transaction of the application, which may be rolled back or end before the session",
    Effect.gen(function*() {
      const { url } = yield* database
      const sql = yield* sqlOf(url)
      const store = yield* over(sql)
      yield* sql`CREATE TABLE booking (id TEXT)`
      let writing: Fiber.Fiber<void, BackendError> | undefined
      const request = yield* Effect.exit(sql.withTransaction(Effect.gen(function*() {
        yield* sql`INSERT INTO booking VALUES ('b')`
        const session = yield* store.create("s", empty, 60_000)
        // like a session, which goes on long after the request that created it
        writing = yield* Effect.forkDetach(
          Effect.andThen(Servers.pause(300), store.write(session, { head: "{}", from: 0, items: ["1"] }))
        )
        return yield* Effect.fail("the booking is rolled back")
      })))
      assert.isTrue(Exit.isFailure(request))
      assert.isDefined(writing)
      if (writing !== undefined) yield* Fiber.join(writing)
      assert.strictEqual(psql(url, "SELECT count(*) FROM booking"), "0")
      assert.deepStrictEqual(yield* store.read("s"), { head: "{}", items: ["1"] })
    })
  )

  live(
    "have their own limits for locks and statements, whatever the client has",
    Effect.gen(function*() {
      const { url } = yield* database
      const sql = yield* sqlOf(url)
      const store = yield* over(sql, { lease: "1 minute" })
      const session = yield* store.create("s", empty, 60_000)
      yield* locked(url, "SELECT 1 FROM effect_voice_sessions WHERE id = 's' FOR UPDATE")
      yield* locked(url, "LOCK TABLE effect_voice_secrets IN ACCESS EXCLUSIVE MODE")
      const [row, table] = yield* Effect.all(
        [tookMs(reasonOf(store.releaseLease(session))), tookMs(reasonOf(store.secret("key", "x")))],
        { concurrency: 2 }
      )
      assert.deepStrictEqual([row.value, table.value], ["busy", "busy"])
      assert.isBelow(row.ms, table.ms)
      // the database ends it after 5 s; other statements go on meanwhile
      yield* store.renew
    })
  )

  live(
    "need no right to create tables where they are there already",
    Effect.gen(function*() {
      const { url } = yield* database
      const admin = yield* sqlOf(url)
      psql(
        url,
        "DROP ROLE IF EXISTS app; CREATE ROLE app LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC; " +
          "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO app"
      )
      const app = yield* sqlOf(url.replace("voice@", "app@"))
      const early = yield* Effect.flip(over(app))
      assert.strictEqual(early.details?.["reason"], "denied")
      yield* Effect.provideService(PostgresStore.migrate, SqlClient.SqlClient, admin)
      yield* Effect.provideService(PostgresStore.migrate, SqlClient.SqlClient, admin)
      const store = yield* over(app)
      const session = yield* store.create("s", { head: "{}", items: ["1"] }, 60_000)
      yield* store.write(session, { head: "{}", from: 1, items: ["2"] })
      yield* store.probe
      yield* store.sweep
      yield* store.remove(session)
      psql(url, "DROP OWNED BY app")
    })
  )

  live(
    "make no spans: each renewal of a lease would be a trace",
    Effect.gen(function*() {
      const { url } = yield* database
      const sql = yield* sqlOf(url)
      const recording = new Recording()
      yield* recording.provide(Effect.gen(function*() {
        const store = yield* over(sql)
        yield* sql`SELECT 1`
        yield* store.renew
        yield* Effect.flatMap(
          store.create("s", empty, 60_000),
          (session) => store.write(session, { head: "{}", from: 0, items: ["1"] })
        ).pipe(Effect.withSpan("request"))
        yield* store.probe
      }))
      assert.deepStrictEqual(recording.spans.map(({ name }) => name), ["postgres", "request"])
    })
  )

  live(
    "are stored as the guide shows, with rate limits in Redis",
    Effect.gen(function*() {
      if (Servers.missingRedis !== undefined) return
      const { url } = yield* database
      const env = { DATABASE_URL: url, REDIS_URL: (yield* redis).url }
      const backend = Context.get(
        yield* Layer.build(
          Backend.pipe(
            Layer.provide([
              Layer.succeed(BackendProvider, provider()),
              Scripted.layerStt([]),
              Scripted.layerTts(),
              Scripted.layerVad(),
              ConfigProvider.layer(ConfigProvider.fromEnv({ env }))
            ])
          )
        ),
        VoiceBackend
      )
      const codes: Array<string> = []
      // on a busy machine some are refused for another reason, and tried again
      yield* backend.createSession({ userId: "ada", transport: "websocket" }).pipe(
        Effect.match({ onFailure: ({ code }) => code, onSuccess: () => "created" }),
        Effect.tap((code) => Effect.sync(() => codes.push(code))),
        Effect.repeat({
          schedule: Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "30 seconds" })),
          until: (code) => code === "rate_limit_exceeded"
        })
      )
      assert.include(codes, "rate_limit_exceeded")
      const created = codes.filter((code) => code === "created").length
      assert.isAtLeast(created, 1)
      assert.strictEqual(psql(url, "SELECT count(*) FROM effect_voice_sessions"), String(created))
    })
  )

  live(
    "let a session answer and end while the application uses all of its connections",
    Effect.gen(function*() {
      const { url } = yield* database
      const sql = yield* sqlOf(url, 2)
      const backend = Context.get(
        yield* Layer.build(
          VoiceBackend.layerSttTts({ agent: echo, store: PostgresStore.layerClient({ lease: "1 minute" }) }).pipe(
            Layer.provide([
              Layer.succeed(SqlClient.SqlClient, sql),
              Layer.succeed(BackendProvider, provider()),
              Scripted.layerStt([]),
              Scripted.layerTts(),
              Scripted.layerVad()
            ])
          )
        ),
        VoiceBackend
      )
      const session = yield* backend.createSession({ userId: "ada", transport: "websocket" })
      yield* session.attach(new TestConnection())
      const held = yield* Effect.acquireRelease(Scope.make(), (each) => Scope.close(each, Exit.void))
      yield* Scope.provide(takeAll(sql, 2), held)
      const { ms } = yield* tookMs(Effect.gen(function*() {
        yield* session.sendText("hello")
        yield* Effect.flatMap(session.history, (items) => items.length > 1 ? Effect.void : Effect.fail("not yet")).pipe(
          Effect.retry(Schedule.spaced("50 millis").pipe(Schedule.upTo({ duration: "10 seconds" })))
        )
      }))
      assert.isBelow(ms, 10_000)
      const refused = yield* Effect.exit(backend.createSession({ userId: "ben", transport: "websocket" }))
      assert.isTrue(Exit.isFailure(refused), "a new one that cannot be stored is refused, not left waiting")
      yield* backend.closeSession(session.id).pipe(Effect.timeout("20 seconds"))
      yield* Scope.close(held, Exit.void)
      yield* backend.createSession({ userId: "ben", transport: "websocket" }).pipe(
        Effect.retry(Schedule.spaced("200 millis").pipe(Schedule.upTo({ duration: "20 seconds" })))
      )
    })
  )
})

/** Runs a statement and keeps its transaction open, as long as the scope. */
const locked = (url: string, statement: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(Servers.psqlPath, ["-d", url, "-At"], { stdio: ["pipe", "pipe", "ignore"] })
      child.stdin.write(`BEGIN; ${statement}; SELECT 'open';\n`)
      for await (const chunk of child.stdout) if (String(chunk).includes("open")) break
      return child
    }),
    (child) =>
      Effect.promise(async () => {
        const exited = once(child, "exit")
        child.kill("SIGKILL")
        await exited
      })
  )

let prefixes = 0
const prefix = () => `app-${++prefixes}:`

describe.skipIf(Servers.missingRedis !== undefined)("sessions in Redis over the application's client", () => {
  // the same statements as those of a client of ours, which Servers.server.test.ts holds to all of it
  if (isFull) {
    StoreContract.tests(
      Effect.gen(function*() {
        // a server for each: what is lost there is all
        const { url } = yield* Servers.redis
        const context = yield* Layer.build(NodeRedis.layer({ url }))
        return {
          owner: RedisStore.makeClient(Context.get(context, Redis.Redis), { lease }),
          pass: Servers.pause,
          damage: yield* StoreDamage.ofRedis(url)
        }
      }),
      "live"
    )
  }

  live(
    "leave the client open, and have a prefix of their own",
    Effect.gen(function*() {
      const { url } = yield* redis
      const context = yield* Layer.build(NodeRedis.layer({ url }))
      const [one, two] = [prefix(), prefix()]
      for (const each of [one, two]) {
        yield* Layer.build(RedisStore.layerClient({ prefix: each })).pipe(
          Effect.flatMap((built) => Context.get(built, SessionStore).create("s", empty, 60_000)),
          Effect.provideContext(context),
          Effect.scoped
        )
      }
      const { send } = Context.get(context, Redis.Redis)
      assert.deepStrictEqual(yield* send("EXISTS", `${one}s:s`, `${two}s:s`), 2)
    })
  )

  live(
    "work over any client that sends commands, and not over one that changes the names of keys",
    Effect.gen(function*() {
      const { url } = yield* redis
      const client = yield* Effect.acquireRelease(
        Effect.promise(() => createClient({ url }).on("error", () => undefined).connect()),
        (client) => Effect.sync(() => client.destroy())
      )
      const send = (...words: ReadonlyArray<string>) => Effect.tryPromise(() => client.sendCommand(words))
      const store = yield* RedisStore.makeClient({ send }, { prefix: prefix() })
      yield* store.create("s", { head: "{}", items: ["1"] }, 60_000)
      assert.deepStrictEqual(yield* store.read("s"), { head: "{}", items: ["1"] })
      const renaming = (command: string, ...args: ReadonlyArray<string>) =>
        command.startsWith("EVAL")
          ? send(
            command,
            args[0] ?? "",
            args[1] ?? "",
            ...args.slice(2).map((word, i) => i < Number(args[1]) ? `app:${word}` : word)
          )
          : send(command, ...args)
      const error = yield* Effect.flip(RedisStore.makeClient({ send: renaming }))
      assert.deepStrictEqual([error.code, error.details?.["reason"]], ["invalid_config", "unsupported"])
      assert.include(error.message, "changes the names of keys")
    })
  )

  live(
    "count rate limits together over the application's client",
    Effect.gen(function*() {
      const server = yield* redis
      const limiter = Effect.map(
        Layer.build(
          RateLimiter.layer({ user: { limit: 2, window: "1m" } }).pipe(
            Layer.provide(RedisRateLimits.layerClient()),
            Layer.provide(NodeRedis.layer({ url: server.url, disableOfflineQueue: true }))
          )
        ),
        (context) => Context.get(context, RateLimiter)
      )
      const [one, two] = yield* Effect.all([limiter, limiter])
      // the server is that of other tests as well
      const user = `user:${randomUUID()}`
      const answers = yield* Effect.forEach([one, two, one, two], ({ allow }) => allow(user))
      assert.deepStrictEqual(answers, [true, true, false, false])
    })
  )
})
