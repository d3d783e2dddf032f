/**
 * Checks of telemetry: traces, metrics of operations, keys of log lines.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as Agent from "../../../agent/Agent.ts"
import * as TelemetryNames from "../../../telemetry/TelemetryNames.ts"
import { assertEqual, assertThat, waitUntil } from "../Assertions.ts"
import type { ConformanceClient } from "../ConformanceClient.ts"
import type { Check } from "../Row.ts"
import type { TestBackends } from "../TestBackends.ts"

const { spans } = TelemetryNames

/** Runs an effect with a tracer that collects all spans. */
const withTracer = <A, E, R>(body: (made: ReadonlyArray<Tracer.Span>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const made: Array<Tracer.Span> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        made.push(span)
        return span
      }
    })
    return Effect.provideService(body(made), Tracer.Tracer, tracer)
  })

const oneTurn = (backends: TestBackends, config: { readonly enableTracing?: boolean }) =>
  Effect.scoped(Effect.gen(function*() {
    const { createUser } = yield* backends.start({ config })
    const user: ConformanceClient = yield* createUser()
    yield* user.say("good morning")
    yield* user.waitForReply()
    yield* user.hangUp
    yield* Effect.ignore(user.session.stop)
  }))

/** One trace covers a turn, from the user's speech to the agent's. */
export const singleTrace: Check = (backends) =>
  withTracer((made) =>
    Effect.gen(function*() {
      yield* oneTurn(backends, {})
      const find = (name: string) =>
        waitUntil(
          `a span ${name} that has ended`,
          () => made.find((span) => span.name === name && span.status._tag === "Ended")
        )
      const session = yield* find(spans.session)
      const turn = yield* find(spans.turn)
      yield* assertThat(
        Option.getOrUndefined(turn.parent)?.spanId === session.spanId,
        "the session's span is the parent of the turn's"
      )
      for (const name of [spans.hear, spans.think, spans.speak]) {
        const part = yield* find(name)
        yield* assertThat(
          Option.getOrUndefined(part.parent)?.spanId === turn.spanId,
          `the turn's span is the parent of ${name}`
        )
        yield* assertEqual(part.traceId, session.traceId, "the trace")
      }
      const texts = made.flatMap((span) => [span.name, ...Array.from(span.attributes.values(), String)]).join(" ")
      yield* assertThat(!texts.includes("good morning"), "no span contains the text of the conversation")
    })
  )

/** Without tracing there are no spans. */
export const tracingSwitch: Check = (backends) =>
  withTracer((made) =>
    Effect.gen(function*() {
      yield* oneTurn(backends, { enableTracing: false })
      yield* assertEqual(made.filter(({ name }) => name.startsWith("voice.")).map(({ name }) => name), [], "the spans")
      yield* oneTurn(backends, { enableTracing: true })
      yield* assertThat(made.some(({ name }) => name === spans.session), "there is a span of the session")
    })
  )

/** Each operation has a metric before it is called, and is counted when it is. */
export const operationMetrics: Check = (backends) =>
  Effect.gen(function*() {
    const { backend, createUser } = yield* backends.start()
    yield* createUser()
    yield* backend.listSessions
    const counts = Effect.map(Metric.snapshot, (all) => {
      const found = new Map<string, number>()
      for (const { attributes, id, state } of all) {
        if (id !== TelemetryNames.metrics.operationDuration) continue
        const operation = attributes?.[TelemetryNames.labels.operation] ?? ""
        found.set(operation, (found.get(operation) ?? 0) + ("count" in state ? Number(state.count) : 0))
      }
      return found
    })
    const found = yield* counts
    for (const operation of TelemetryNames.operations) {
      yield* assertThat(found.has(operation), `${operation} has a metric`)
    }
    for (const operation of ["createSession", "listSessions", "session.attach"]) {
      // the user may attach after `createUser` has returned
      yield* waitUntil(`${operation} is counted`, () => Effect.map(counts, (found) => (found.get(operation) ?? 0) > 0))
    }
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

/** Log lines of a session carry its id and turn, unless structured logging is off. */
export const loggingSwitch: Check = (backends) =>
  Effect.gen(function*() {
    const keys = (enableStructuredLogging: boolean) =>
      Effect.suspend(() => {
        let seen: { readonly [key: string]: unknown } | undefined
        const logger = Logger.make<unknown, void>(({ fiber, message }) => {
          if (String(message) === "here") seen = fiber.getRef(References.CurrentLogAnnotations)
        })
        const agent = Agent.fromCallback(() => Effect.as(Effect.logInfo("here"), "Here."))
        return Effect.scoped(Effect.gen(function*() {
          const { createUser } = yield* backends.start({ agent, config: { enableStructuredLogging } })
          const user = yield* createUser()
          yield* user.type("where")
          const found = yield* waitUntil("the agent's log line", () => seen)
          return [found["session"] === user.session.id, found["turn"]]
        })).pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Info"))
      })
    yield* assertEqual([yield* keys(true), yield* keys(false)], [[true, 1], [false, undefined]], "the keys")
  })
