/**
 * What a backend lets its operators see: traces, metrics of its operations, the keys of log lines.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as Agent from "../../agent/Agent.ts"
import * as TelemetryNames from "../../telemetry/TelemetryNames.ts"
import { same, that, until } from "./Assertions.ts"
import type { ConformanceClient } from "./ConformanceClient.ts"
import type { Act } from "./Row.ts"
import type { TestBackends } from "./TestBackends.ts"

const { spans } = TelemetryNames

/** Runs with a tracer that keeps all spans. */
const traced = <A, E, R>(body: (made: ReadonlyArray<Tracer.Span>) => Effect.Effect<A, E, R>) =>
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

const oneTurn = (stage: TestBackends, config: { readonly enableTracing?: boolean }) =>
  Effect.scoped(Effect.gen(function*() {
    const { call } = yield* stage.open({ config })
    const user: ConformanceClient = yield* call()
    yield* user.say("good morning")
    yield* user.answered()
    yield* user.hangUp
    yield* Effect.ignore(user.session.stop)
  }))

/** One trace from the user's voice to the agent's. */
export const oneTrace: Act = (stage) =>
  traced((made) =>
    Effect.gen(function*() {
      yield* oneTurn(stage, {})
      const find = (name: string) =>
        until(
          `a span ${name} that has ended`,
          () => made.find((span) => span.name === name && span.status._tag === "Ended")
        )
      const session = yield* find(spans.session)
      const turn = yield* find(spans.turn)
      yield* that(Option.getOrUndefined(turn.parent)?.spanId === session.spanId, "the turn belongs to the session")
      for (const name of [spans.hear, spans.think, spans.speak]) {
        const part = yield* find(name)
        yield* that(Option.getOrUndefined(part.parent)?.spanId === turn.spanId, `${name} belongs to the turn`)
        yield* same(part.traceId, session.traceId, "the trace")
      }
      const told = made.flatMap((span) => [span.name, ...Array.from(span.attributes.values(), String)]).join(" ")
      yield* that(!told.includes("good morning"), "no span holds what was said")
    })
  )

/** Without tracing there are no spans. */
export const tracingIsSwitched: Act = (stage) =>
  traced((made) =>
    Effect.gen(function*() {
      yield* oneTurn(stage, { enableTracing: false })
      yield* same(made.filter(({ name }) => name.startsWith("voice.")).map(({ name }) => name), [], "the spans")
      yield* oneTurn(stage, { enableTracing: true })
      yield* that(made.some(({ name }) => name === spans.session), "there is a span of the session")
    })
  )

/** Each operation stands in the registry before it is called, and is counted when it is. */
export const operationsAreMeasured: Act = (stage) =>
  Effect.gen(function*() {
    const { backend, call } = yield* stage.open()
    yield* call()
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
    for (const operation of TelemetryNames.operations) yield* that(found.has(operation), `${operation} is measured`)
    for (const operation of ["createSession", "listSessions", "session.attach"]) {
      // a user may come later
      yield* until(`${operation} is counted`, () => Effect.map(counts, (found) => (found.get(operation) ?? 0) > 0))
    }
  }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))

/** Log lines of a session have its id and its turn, or not. */
export const loggingIsSwitched: Act = (stage) =>
  Effect.gen(function*() {
    const keys = (enableStructuredLogging: boolean) =>
      Effect.suspend(() => {
        let seen: { readonly [key: string]: unknown } | undefined
        const logger = Logger.make<unknown, void>(({ fiber, message }) => {
          if (String(message) === "here") seen = fiber.getRef(References.CurrentLogAnnotations)
        })
        const agent = Agent.fromCallback(() => Effect.as(Effect.logInfo("here"), "Here."))
        return Effect.scoped(Effect.gen(function*() {
          const { call } = yield* stage.open({ agent, config: { enableStructuredLogging } })
          const user = yield* call()
          yield* user.type("where")
          const found = yield* until("the agent's log line", () => seen)
          return [found["session"] === user.session.id, found["turn"]]
        })).pipe(Effect.provide(Logger.layer([logger])), Effect.provideService(References.MinimumLogLevel, "Info"))
      })
    yield* same([yield* keys(true), yield* keys(false)], [[true, 1], [false, undefined]], "the keys")
  })
