/**
 * Rows of data retention: the retention hook, and the periods of the config.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DataRetentionHook, type DataType } from "../../../hooks/DataRetentionHook.ts"
import type { Periods } from "../../../hooks/RetentionPolicy.ts"
import { SessionArchive } from "../../../session/retention/SessionArchive.ts"
import { assertEqual, assertThat, waitUntil } from "../Assertions.ts"
import { type Check, type Row, test } from "../Row.ts"

/** An archive in memory that records its calls. */
const memoryArchive = () => {
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
    append: (session, dataType, content) =>
      Effect.sync(() => {
        const key = `${session} ${dataType}`
        written.set(key, (written.get(key) ?? "") + new TextDecoder().decode(content))
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

/** Only the data types that the hook permits are retained, for the sessions that it permits. */
const retentionByHook: Check = (backends) =>
  Effect.gen(function*() {
    const asked: Array<DataType> = []
    const { begun, layer, written } = memoryArchive()
    const { createUser } = yield* backends.start({ services: Layer.mergeAll(layer, hook(asked)) })
    const yes = yield* createUser({ metadata: { consent: true } })
    const no = yield* createUser({ metadata: { consent: false } })
    for (const user of [yes, no]) {
      yield* user.type("remember this")
      yield* user.waitForReply()
      yield* user.send(JSON.stringify({ type: "session.end" }))
    }
    const kept = yield* waitUntil("the transcript is retained", () => written.get(`${yes.session.id} transcript`))
    yield* assertThat(kept.includes("remember this"), "the transcript has the words")
    yield* assertEqual([...begun.keys()], [yes.session.id], "the sessions retained")
    yield* assertEqual([...written.keys()], [`${yes.session.id} transcript`], "the data retained")
    yield* assertEqual(
      asked.slice(0, 4).sort(),
      ["audio", "events", "metadata", "transcript"],
      "the data types that the hook was asked for"
    )
  })

const retentionPeriodByHook: Check = (backends) =>
  Effect.gen(function*() {
    const { begun, layer } = memoryArchive()
    const { createSession } = yield* backends.start({ services: Layer.mergeAll(layer, hook()) })
    const session = yield* createSession({ metadata: { consent: true } })
    const period = begun.get(session.id)?.transcript
    yield* assertThat(
      period !== undefined && Duration.equals(period, Duration.days(30)),
      "the period comes from the hook"
    )
  })

/** Without a hook the config decides; by default it retains nothing. */
export const retentionByConfig: Check = (backends) =>
  Effect.gen(function*() {
    const plain = memoryArchive()
    yield* (yield* backends.start({ services: plain.layer })).createSession()
    yield* assertEqual(plain.begun.size, 0, "sessions retained by default")
    const { begun, layer } = memoryArchive()
    const { createSession } = yield* backends.start({
      services: layer,
      config: { retention: { metadata: Duration.hours(1) } }
    })
    const session = yield* createSession()
    yield* assertEqual(Object.keys(begun.get(session.id) ?? {}), ["metadata"], "the data that the config retains")
  })

/**
 * The rows of the retention hook.
 *
 * @category rows
 * @since 0.1.0
 */
export const rows: ReadonlyArray<Row> = [
  test("DataRetentionHook.ShouldRetain", "decides what is retained, from the session's metadata", retentionByHook),
  test("DataRetentionHook.GetRetentionPeriod", "decides for how long", retentionPeriodByHook)
]

/**
 * The requirements about retention.
 *
 * @category rows
 * @since 0.1.0
 */
export const functional: ReadonlyArray<Row> = [
  test("FR-027", "built-in data retention: nothing by default, otherwise as configured", retentionByConfig),
  test("FR-028", "custom data retention by a hook", retentionByHook)
]
