/**
 * Rows of the hooks: authentication and authorization, rate limits, retention, audio processors.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as BackendProvider from "../../../backend/provider/BackendProvider.ts"
import { AuthenticationFailed, type BackendError } from "../../../BackendError.ts"
import * as AudioProcessor from "../../../hooks/AudioProcessor.ts"
import { AuthHook, type Operation } from "../../../hooks/AuthHook.ts"
import { RateLimiter } from "../../../hooks/RateLimiter.ts"
import { assertCompletesWithin, assertEqual, assertFailsWith, assertThat, waitUntil } from "../Assertions.ts"
import { type Check, type Row, test } from "../Row.ts"
import { make as makeBackends } from "../TestBackends.ts"
import { processorsInOrder } from "./ConversationChecks.ts"
import * as RetentionRows from "./RetentionRows.ts"

/** An AuthHook that accepts one token and permits all operations but the `forbidden` ones. */
export const auth = (options: {
  readonly forbidden?: ReadonlyArray<Operation> | undefined
  readonly asked?: Array<string> | undefined
} = {}) =>
  Layer.succeed(AuthHook, {
    authenticate: (token) =>
      token === "good"
        ? Effect.succeed({ userId: "ada", authorized: true, tenant: "acme", metadata: { plan: "gold" } })
        : Effect.fail(new AuthenticationFailed({ op: "users", message: `unknown token: ${token}` })),
    authorize: (userId, operation) =>
      Effect.sync(() => {
        options.asked?.push(`${userId} ${operation}`)
        return options.forbidden?.includes(operation) !== true
      })
  })

export const authentication: Check = (backends) =>
  Effect.gen(function*() {
    const { createSession } = yield* backends.start({ services: auth() })
    yield* assertFailsWith("authentication_failed", createSession())
    const error = yield* assertFailsWith("authentication_failed", createSession({ token: "s3cret" }))
    yield* assertThat(!JSON.stringify(error).includes("s3cret"), "the error does not contain the token")
    const session = yield* createSession({ userId: "somebody", token: "good", metadata: { a: 1 } })
    yield* assertEqual(session.config.userId, "ada", "the user id of the hook")
    yield* assertEqual(yield* session.metadata, { a: 1, plan: "gold" }, "the metadata")
  })

export const createAuthorization: Check = (backends) =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const { createSession } = yield* backends.start({ services: auth({ forbidden: ["session.create"], asked }) })
    yield* assertFailsWith("authorization_failed", createSession({ token: "good" }))
    yield* assertEqual(asked, ["ada session.create"], "the calls of the hook")
  })

export const connectAuthorization: Check = (backends) =>
  Effect.gen(function*() {
    const { connectUser, createSession } = yield* backends.start({ services: auth({ forbidden: ["session.connect"] }) })
    const session = yield* createSession({ token: "good" })
    yield* assertFailsWith("authorization_failed", connectUser(session))
  })

const limiter = (refuses: (key: string) => boolean, asked: Array<string> = []): RateLimiter["Service"] => ({
  allow: (key) =>
    Effect.sync(() => {
      asked.push(key)
      return !refuses(key)
    }),
  wait: () => Effect.void
})

export const rateLimits: Check = (backends) =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const { createSession } = yield* backends.start({
      services: Layer.succeed(RateLimiter, limiter((key) => key === "user:greedy", asked))
    })
    const error = yield* assertFailsWith("rate_limit_exceeded", createSession({ userId: "greedy" }))
    yield* assertThat(typeof error.details?.["retryAfterMs"] === "number", "details.retryAfterMs is present")
    yield* createSession({ userId: "modest" })
    yield* assertEqual(asked, ["user:greedy", "user:modest"], "the keys that the limiter was asked for")
  })

/** The provider's own rate limiter is asked before the framework's. */
export const providerRateLimits: Check = (backends) =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const { provider } = backends.harness
    const own = limiter((key) => key === "user:greedy")
    const limited = {
      ...backends.harness,
      provider: BackendProvider.mapConnect(
        provider,
        (connect) => (...args) => Effect.map(connect(...args), (connection) => ({ ...connection, limiter: own }))
      )
    }
    const { createSession } = yield* makeBackends(limited).start({
      services: Layer.succeed(RateLimiter, limiter((key) => key === "user:hasty", asked))
    })
    yield* assertFailsWith("rate_limit_exceeded", createSession({ userId: "greedy" }))
    yield* assertEqual(asked, [], "keys that the framework's limiter was asked for after the provider had refused")
    yield* assertFailsWith("rate_limit_exceeded", createSession({ userId: "hasty" }))
    yield* createSession({ userId: "modest" })
  })

const layerOf = (rules: Parameters<typeof RateLimiter.layer>[0]): Layer.Layer<RateLimiter, BackendError> =>
  RateLimiter.layer(rules)

/**
 * The rows of the hooks.
 *
 * @category tables
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test(
    "AuthHook.Authenticate",
    "returns the user of a token; a missing or wrong token is refused",
    authentication
  ),
  test("AuthHook.Authorize", "is asked for each operation, and can refuse it", createAuthorization),
  test("AuthHook.Authorize connect", "can refuse a connection", connectAuthorization, ["admission"]),
  test("RateLimiter.Allow", "is asked with the user's key, and refuses with rate_limit_exceeded", rateLimits),
  test("RateLimiter.Wait", "waits until the key is allowed again", () =>
    Effect.gen(function*() {
      const limiter = yield* RateLimiter
      yield* assertThat(yield* limiter.allow("user:ada"), "the first is allowed")
      yield* assertThat(!(yield* limiter.allow("user:ada")), "the second is not")
      yield* assertCompletesWithin("30 seconds", "the wait", limiter.wait("user:ada"))
      yield* assertThat(yield* limiter.allow("user:bob"), "another user is not limited")
    }).pipe(Effect.provide(layerOf({ user: { limit: 1, window: "1s" } })))),
  ...RetentionRows.rows,
  test(
    "AudioProcessor.Process",
    "changes the user's audio; one that throws is bypassed and reported",
    (backends) =>
      Effect.gen(function*() {
        const throws = AudioProcessor.sync({
          name: "throws",
          process: () => {
            throw new Error("bug")
          }
        })
        const { createUser } = yield* backends.start({ processors: [throws] })
        const user = yield* createUser()
        yield* user.say("good morning")
        yield* user.waitForReply()
        const incident = yield* waitUntil("the incident is reported", () => user.eventsOf("processor.incident")[0])
        yield* assertEqual([incident.name, incident.what], ["throws", "failed"], "the incident")
      })
  ),
  test("AudioProcessor.GetName", "is the name in incidents and in the registry", () =>
    Effect.gen(function*() {
      const registry = yield* AudioProcessor.ProcessorRegistry
      const mute = AudioProcessor.sync({ name: "mute", process: (frame) => frame.fill(0) })
      yield* registry.register("mute", () => Effect.succeed(mute))
      yield* assertEqual(registry.list(), ["mute"], "the names")
      yield* assertFailsWith("invalid_config", registry.register("mute", () => Effect.succeed(mute)))
    }).pipe(Effect.provide(AudioProcessor.ProcessorRegistry.layer()))),
  test("AudioProcessor.GetOrder", "lower runs earlier", processorsInOrder)
]
