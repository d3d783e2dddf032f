/**
 * The contract's hooks: authentication and authorization, rate limits, retention, audio processors.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AuthenticationFailed, type BackendError } from "../../BackendError.ts"
import * as AudioProcessor from "../../hooks/AudioProcessor.ts"
import { AuthHook, type Operation } from "../../hooks/AuthHook.ts"
import { RateLimiter } from "../../hooks/RateLimiter.ts"
import { refused, same, that, until, within } from "./Assertions.ts"
import { processorsInOrder } from "./ConversationChecks.ts"
import * as RetentionRows from "./RetentionRows.ts"
import { type Act, type Row, test } from "./Row.ts"
import { make as stageOf } from "./TestBackends.ts"

/** Knows one token, and allows all but some operations. */
export const auth = (options: {
  readonly forbidden?: ReadonlyArray<Operation> | undefined
  readonly asked?: Array<string> | undefined
} = {}) =>
  Layer.succeed(AuthHook, {
    authenticate: (token) =>
      token === "good"
        ? Effect.succeed({ userId: "ada", authorized: true, tenant: "acme", metadata: { plan: "gold" } })
        : Effect.fail(new AuthenticationFailed({ op: "users", message: `nobody has ${token}` })),
    authorize: (userId, operation) =>
      Effect.sync(() => {
        options.asked?.push(`${userId} ${operation}`)
        return options.forbidden?.includes(operation) !== true
      })
  })

export const authenticates: Act = (stage) =>
  Effect.gen(function*() {
    const { create } = yield* stage.open({ services: auth() })
    yield* refused("authentication_failed", create())
    const error = yield* refused("authentication_failed", create({ token: "s3cret" }))
    yield* that(!JSON.stringify(error).includes("s3cret"), "the error does not tell the token")
    const session = yield* create({ userId: "somebody", token: "good", metadata: { a: 1 } })
    yield* same(session.config.userId, "ada", "the user is whom the hook knows")
    yield* same(yield* session.metadata, { a: 1, plan: "gold" }, "the metadata")
  })

export const authorizesCreate: Act = (stage) =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const { create } = yield* stage.open({ services: auth({ forbidden: ["session.create"], asked }) })
    yield* refused("authorization_failed", create({ token: "good" }))
    yield* same(asked, ["ada session.create"], "what the hook was asked")
  })

export const authorizesConnect: Act = (stage) =>
  Effect.gen(function*() {
    const { connect, create } = yield* stage.open({ services: auth({ forbidden: ["session.connect"] }) })
    const session = yield* create({ token: "good" })
    yield* refused("authorization_failed", connect(session))
  })

const limiter = (refuses: (key: string) => boolean, asked: Array<string> = []): RateLimiter["Service"] => ({
  allow: (key) =>
    Effect.sync(() => {
      asked.push(key)
      return !refuses(key)
    }),
  wait: () => Effect.void
})

export const limits: Act = (stage) =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const { create } = yield* stage.open({
      services: Layer.succeed(RateLimiter, limiter((key) => key === "user:greedy", asked))
    })
    const error = yield* refused("rate_limit_exceeded", create({ userId: "greedy" }))
    yield* that(typeof error.details?.["retryAfterMs"] === "number", "details.retryAfterMs is told")
    yield* create({ userId: "modest" })
    yield* same(asked, ["user:greedy", "user:modest"], "what the limiter was asked")
  })

/** The provider's own limiter, asked before the framework's. */
export const providerLimits: Act = (stage) =>
  Effect.gen(function*() {
    const asked: Array<string> = []
    const { provider } = stage.harness
    const own = limiter((key) => key === "user:greedy")
    const limited = {
      ...stage.harness,
      provider: {
        ...provider,
        connect: (...args: Parameters<typeof provider.connect>) =>
          Effect.map(provider.connect(...args), (connection) => ({ ...connection, limiter: own }))
      }
    }
    const { create } = yield* stageOf(limited).open({
      services: Layer.succeed(RateLimiter, limiter((key) => key === "user:hasty", asked))
    })
    yield* refused("rate_limit_exceeded", create({ userId: "greedy" }))
    yield* same(asked, [], "what the framework's limiter was asked of whom the provider refused")
    yield* refused("rate_limit_exceeded", create({ userId: "hasty" }))
    yield* create({ userId: "modest" })
  })

const layerOf = (rules: Parameters<typeof RateLimiter.layer>[0]): Layer.Layer<RateLimiter, BackendError> =>
  RateLimiter.layer(rules)

/**
 * @category tables
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Row> = [
  test(
    "AuthHook.Authenticate",
    "says who a token belongs to; a token that is missing or wrong lets nobody in",
    authenticates
  ),
  test("AuthHook.Authorize", "is asked for each operation, and may refuse it", authorizesCreate),
  test("AuthHook.Authorize connect", "may refuse a user who connects", authorizesConnect, ["admission"]),
  test("RateLimiter.Allow", "is asked for the user, and refuses with rate_limit_exceeded", limits),
  test("RateLimiter.Wait", "waits until one more is allowed", () =>
    Effect.gen(function*() {
      const limiter = yield* RateLimiter
      yield* that(yield* limiter.allow("user:ada"), "the first is allowed")
      yield* that(!(yield* limiter.allow("user:ada")), "the second is not")
      yield* within("30 seconds", "the wait", limiter.wait("user:ada"))
      yield* that(yield* limiter.allow("user:bob"), "another user is not in the way")
    }).pipe(Effect.provide(layerOf({ user: { limit: 1, window: "1s" } })))),
  ...RetentionRows.rows,
  test(
    "AudioProcessor.Process",
    "changes what is heard; one that throws is passed by and told of",
    (stage) =>
      Effect.gen(function*() {
        const throws = AudioProcessor.sync({
          name: "throws",
          process: () => {
            throw new Error("bug")
          }
        })
        const { call } = yield* stage.open({ processors: [throws] })
        const user = yield* call()
        yield* user.say("hello")
        yield* user.answered()
        const incident = yield* until("the incident is told", () => user.of("processor.incident")[0])
        yield* same([incident.name, incident.what], ["throws", "failed"], "the incident")
      })
  ),
  test("AudioProcessor.GetName", "is the name in incidents, and that of a registry", () =>
    Effect.gen(function*() {
      const registry = yield* AudioProcessor.ProcessorRegistry
      const mute = AudioProcessor.sync({ name: "mute", process: (frame) => frame.fill(0) })
      yield* registry.register("mute", () => Effect.succeed(mute))
      yield* same(registry.list(), ["mute"], "the names")
      yield* refused("invalid_config", registry.register("mute", () => Effect.succeed(mute)))
    }).pipe(Effect.provide(AudioProcessor.ProcessorRegistry.layer()))),
  test("AudioProcessor.GetOrder", "lower runs earlier", processorsInOrder)
]
