/**
 * What is kept of a session beyond its life: the contract's retention hook, and the config's own periods.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DataRetentionHook, type DataType } from "../../hooks/DataRetentionHook.ts"
import type { Periods } from "../../hooks/RetentionPolicy.ts"
import { SessionArchive } from "../../session/retention/SessionArchive.ts"
import { same, that, until } from "./Assertions.ts"
import { type Act, type Row, test } from "./Row.ts"

/** An archive that only remembers. */
const remembering = () => {
  const begun = new Map<string, Periods>()
  const written = new Map<string, string>()
  const layer = Layer.succeed(SessionArchive, {
    begin: ({ periods, session }) =>
      Effect.sync(() => {
        begun.set(session, periods)
        return 0
      }),
    write: (session, dataType, content) =>
      Effect.sync(() => {
        written.set(`${session} ${dataType}`, content)
        return begun.has(session)
      }),
    append: (session, dataType) =>
      Effect.sync(() => {
        written.set(`${session} ${dataType}`, "")
        return begun.has(session)
      }),
    finish: () => Effect.void,
    list: () => Effect.succeed([]),
    erase: () => Effect.succeed(0),
    eraseUser: () => Effect.succeed(0),
    sweep: Effect.succeed(0)
  })
  return { begun, layer, written }
}

const hook = (asked: Array<DataType> = []) =>
  Layer.succeed(DataRetentionHook, {
    shouldRetain: (dataType, metadata) =>
      Effect.sync(() => {
        asked.push(dataType)
        return dataType === "transcript" && metadata["consent"] === true
      }),
    getRetentionPeriod: () => Effect.succeed(Duration.days(30))
  })

/** Only what the hook allows is kept, and only of the session of which it allows it. */
const asksTheHook: Act = (stage) =>
  Effect.gen(function*() {
    const asked: Array<DataType> = []
    const { begun, layer, written } = remembering()
    const { call } = yield* stage.open({ services: Layer.mergeAll(layer, hook(asked)) })
    const yes = yield* call({ metadata: { consent: true } })
    const no = yield* call({ metadata: { consent: false } })
    for (const user of [yes, no]) {
      yield* user.type("remember this")
      yield* user.answered()
      yield* user.send(JSON.stringify({ type: "session.end" }))
    }
    const kept = yield* until("the transcript is kept", () => written.get(`${yes.session.id} transcript`))
    yield* that(kept.includes("remember this"), "the transcript has the words")
    yield* same([...begun.keys()], [yes.session.id], "the sessions that are kept")
    yield* same([...written.keys()], [`${yes.session.id} transcript`], "what is kept")
    yield* same(asked.slice(0, 4).sort(), ["audio", "events", "metadata", "transcript"], "what the hook was asked")
  })

const asksHowLong: Act = (stage) =>
  Effect.gen(function*() {
    const { begun, layer } = remembering()
    const { create } = yield* stage.open({ services: Layer.mergeAll(layer, hook()) })
    const session = yield* create({ metadata: { consent: true } })
    const period = begun.get(session.id)?.transcript
    yield* that(period !== undefined && Duration.equals(period, Duration.days(30)), "the period is the hook's")
  })

/** Without a hook the config decides, and it keeps nothing by itself. */
export const keepsByConfig: Act = (stage) =>
  Effect.gen(function*() {
    const plain = remembering()
    yield* (yield* stage.open({ services: plain.layer })).create()
    yield* same(plain.begun.size, 0, "what is kept by default")
    const { begun, layer } = remembering()
    const { create } = yield* stage.open({ services: layer, config: { retention: { metadata: Duration.hours(1) } } })
    const session = yield* create()
    yield* same(Object.keys(begun.get(session.id) ?? {}), ["metadata"], "what the config keeps")
  })

/**
 * The rows of the retention hook.
 *
 * @category rows
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test("DataRetentionHook.ShouldRetain", "decides what may be kept, by the session's metadata", asksTheHook),
  test("DataRetentionHook.GetRetentionPeriod", "and for how long", asksHowLong)
]

/**
 * The same as a requirement.
 *
 * @category rows
 * @since 0.1.0
 */
export const functional: ReadonlyArray<Row> = [
  test("FR-027", "the backend's own data retention: nothing by default, and what the config says", keepsByConfig),
  test("FR-028", "hooks for one's own data retention", asksTheHook)
]
