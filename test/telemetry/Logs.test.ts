import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, References } from "effect"
import * as Agent from "../../src/agent/Agent.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import { call, layer, pass, running } from "../session/Harness.ts"

interface Line {
  readonly message: unknown
  readonly keys: { readonly [key: string]: unknown }
}

const logged = (
  enableStructuredLogging: boolean,
  body: (ids: Array<string>) => Effect.Effect<void, unknown, VoiceBackend>
) =>
  Effect.gen(function*() {
    const lines: Array<Line> = []
    const ids: Array<string> = []
    const logger = Logger.make<unknown, void>(({ fiber, message }) =>
      void lines.push({
        message: Array.isArray(message) && message.length === 1 ? message[0] : message,
        keys: fiber.getRef(References.CurrentLogAnnotations)
      })
    )
    const agent = Agent.fromCallback((text) => Effect.as(Effect.logInfo("thinking"), text))
    yield* running(layer({ agent, config: { enableStructuredLogging } }), body(ids)).pipe(
      Effect.provide(Logger.layer([logger])),
      Effect.annotateLogs("mine", true)
    )
    return { lines: lines.filter(({ message }) => message === "thinking"), ids }
  })

const twoTurnsEach = (ids: Array<string>) =>
  Effect.gen(function*() {
    for (const user of [yield* call(), yield* call()]) {
      ids.push(user.session.id)
      yield* user.session.sendText("one")
      yield* pass("1 second")
      yield* user.session.sendText("two")
      yield* pass("1 second")
    }
  })

describe("log lines of a session", () => {
  it.effect("have the session's id and turn, and the annotations of the caller", () =>
    Effect.gen(function*() {
      const { ids, lines } = yield* logged(true, twoTurnsEach)
      assert.deepStrictEqual(
        lines.map(({ keys }) => keys),
        ids.flatMap((session) => [1, 2].map((turn) => ({ mine: true, session, turn })))
      )
    }))

  it.effect("have no fields when they are off; new sessions use a new value", () =>
    Effect.gen(function*() {
      const { ids, lines } = yield* logged(false, (ids) =>
        Effect.gen(function*() {
          yield* twoTurnsEach([])
          const backend = yield* VoiceBackend
          yield* backend.updateConfig({ ...(yield* backend.config), enableStructuredLogging: true })
          yield* twoTurnsEach(ids)
        }))
      const [plain, keyed] = [lines.slice(0, 4), lines.slice(4)]
      assert.deepStrictEqual(plain.map(({ keys }) => keys), Array.from({ length: 4 }, () => ({ mine: true })))
      assert.deepStrictEqual(keyed.map(({ keys }) => keys["session"]), ids.flatMap((id) => [id, id]))
    }))
})
