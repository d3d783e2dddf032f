/** What an answer or a tool acquires is released with it, and a call that is made within another has nothing of it. */
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Layer, Logger, References, Schema, Scope, Stream } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { AgentRegistry } from "../../src/agent/AgentRegistry.ts"
import { CallContext } from "../../src/agent/CallContext.ts"
import * as Agent from "../../src/agent/index.ts"
import { VoiceBackend } from "../../src/backend/VoiceBackend.ts"
import * as ScriptedLanguageModel from "../../src/testing/scripted/ScriptedLanguageModel.ts"
import { call, layer, layerS2s, pass, running, type User } from "./Harness.ts"

/** Counts what is acquired, and what is still held. */
const resource = () => {
  const counts = { acquired: 0, held: 0 }
  const acquire = Effect.acquireRelease(
    Effect.sync(() => {
      counts.acquired++
      counts.held++
    }),
    () => Effect.sync(() => void counts.held--)
  )
  return { counts, acquire }
}

describe("an answer", () => {
  const agents: ReadonlyArray<
    readonly [string, (acquire: Effect.Effect<void, never, Scope.Scope>) => Agent.Agent<Scope.Scope>]
  > = [
    ["a function", (acquire) => Agent.fromCallback(() => Effect.as(acquire, "Yes."))],
    ["a stream", (acquire) => Agent.fromStream(() => Stream.fromEffect(Effect.as(acquire, "Yes.")))],
    ["an agent made by hand", (acquire) => ({
      name: undefined,
      respond: () => Stream.fromEffect(Effect.as(acquire, "Yes."))
    })]
  ]
  for (const [what, make] of agents) {
    it.effect(`releases what ${what} acquires when it is over`, () => {
      const { acquire, counts } = resource()
      return running(
        layer({ agent: make(acquire) }),
        Effect.gen(function*() {
          const user = yield* call()
          for (const turn of [1, 2]) {
            yield* user.session.sendText(`question ${turn}`)
            yield* pass("3 seconds")
            assert.deepStrictEqual(counts, { acquired: turn, held: 0 })
          }
        })
      )
    })
  }

  it.effect("releases what instructions acquire", () => {
    const { acquire, counts } = resource()
    const agent = Agent.fromLanguageModel({ instructions: () => Effect.as(acquire, "Be brief.") })
    return running(
      layer({ agent }).pipe(Layer.provide(ScriptedLanguageModel.layer([["Yes."]]))),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("question")
        yield* pass("3 seconds")
        assert.deepStrictEqual(counts, { acquired: 1, held: 0 })
      })
    )
  })
})

const Borrow = Tool.make("borrow", { description: "Borrows", success: Schema.String, dependencies: [Scope.Scope] })
const borrowing = Toolkit.make(Borrow)

describe("a tool", () => {
  it.effect("releases what its handler acquires when it has ended, though the answer goes on", () => {
    const { acquire, counts } = resource()
    const held: Array<number> = []
    const handlers = borrowing.toLayer({
      borrow: () => Effect.as(Effect.andThen(acquire, Effect.sync(() => held.push(counts.held))), "borrowed")
    })
    return running(
      layer({ agent: Agent.fromLanguageModel({ toolkit: borrowing }) }).pipe(
        Layer.provide([
          handlers,
          ScriptedLanguageModel.layer([[{ call: "borrow" }], [{ wait: "2 seconds" }, "Yes."]])
        ])
      ),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("question")
        yield* pass("1 second")
        assert.deepStrictEqual([held, counts], [[1], { acquired: 1, held: 0 }])
      })
    )
  })

  it.effect("of a speech-to-speech model does so, too", () => {
    const { acquire, counts } = resource()
    const handlers = borrowing.toLayer({ borrow: () => Effect.as(acquire, "borrowed") })
    return running(
      layerS2s([{ call: "borrow", input: {}, last: "Done." }], { backend: { toolkit: borrowing } }).pipe(
        Layer.provide(handlers)
      ),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("question")
        yield* pass("5 seconds")
        assert.deepStrictEqual(counts, { acquired: 1, held: 0 })
      })
    )
  })
})

const Leave = Tool.make("leave", { description: "Leaves work behind", success: Schema.String })
const leaving = Toolkit.make(Leave)

describe("work in the background", () => {
  const told: Array<string> = []
  /** Leaves as much as it may, and then frees one place. */
  const handlers = (done: Array<string>, held: { count: number }) =>
    leaving.toLayer({
      leave: () => {
        const work = Effect.never.pipe(
          Effect.onInterrupt(() => Effect.sync(() => void held.count--)),
          (never) => Effect.andThen(Effect.sync(() => void held.count++), never)
        )
        const short = Effect.flatMap(CallContext, ({ turn }) =>
          Effect.andThen(Effect.sleep("4 seconds"), Agent.setLanguage("de")).pipe(
            Effect.ignore,
            Effect.andThen(Effect.sync(() =>
              done.push(`turn ${turn}`)
            ))
          ))
        return Agent.background(short).pipe(
          Effect.andThen(Effect.forever(Agent.background(work))),
          Effect.catch(({ code, message }) => Effect.succeed(`${code}: ${message}`)),
          Effect.tap((text) => Effect.sync(() => told.push(text)))
        )
      }
    })

  for (const pipeline of ["stt_tts", "s2s"] as const) {
    it.effect(`is bounded, keeps its call, and ends with the session (${pipeline})`, () => {
      told.length = 0
      const done: Array<string> = []
      const held = { count: 0 }
      const ofHandlers = handlers(done, held)
      const backend = pipeline === "s2s"
        ? layerS2s([1, 2].map(() => ({ call: "leave", input: {}, last: "Done." })), { backend: { toolkit: leaving } })
          .pipe(Layer.provide(ofHandlers))
        : layer({ agent: Agent.fromLanguageModel({ toolkit: leaving }) }).pipe(
          Layer.provide([
            ofHandlers,
            ScriptedLanguageModel.layer([1, 2].flatMap(() => [[{ call: "leave" }], ["Done."]]))
          ])
        )
      return running(
        backend,
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("one")
          yield* pass("10 seconds")
          const full = "agent_error: 256 works of this session run in the background already"
          assert.deepStrictEqual([told, done, held.count], [[full], ["turn 1"], 255])
          assert.strictEqual(yield* user.session.language, "de")
          yield* user.session.sendText("two")
          yield* pass("10 seconds")
          // the short one of the first turn has freed its place
          assert.deepStrictEqual([told, done, held.count], [[full, full], ["turn 1", "turn 2"], 255])
          const other = yield* call({ config: { userId: "other" } })
          yield* user.session.stop
          yield* pass("10 seconds")
          assert.strictEqual(held.count, 0)
          assert.strictEqual(yield* other.session.state.get, "listening")
        })
      )
    })
  }
})

describe("the application's own context", () => {
  const given = Layer.mergeAll(
    ConfigProvider.layer(ConfigProvider.fromUnknown({ PLACE: "Ulm" })),
    Layer.succeed(References.MinimumLogLevel, "Debug")
  )
  const look = Effect.gen(function*() {
    const place = yield* Config.String("PLACE")
    yield* Effect.logDebug(`asked for ${place}`)
    return place
  }).pipe(Effect.orDie)
  for (const pipeline of ["stt_tts", "s2s"] as const) {
    it.effect(`reaches agents, instructions, tools and their work (${pipeline})`, () => {
      const seen: Array<string> = []
      const lines: Array<string> = []
      const note = (what: string) => Effect.map(look, (place) => void seen.push(`${what} ${place}`))
      const handlers = leaving.toLayer({
        leave: () =>
          Effect.andThen(note("tool"), Agent.background(Effect.andThen(Effect.sleep("1 second"), note("work")))).pipe(
            Effect.orDie,
            Effect.as("left")
          )
      })
      const instructed = Agent.fromLanguageModel({
        toolkit: leaving,
        instructions: () => Effect.as(note("instructions"), "Be brief.")
      })
      const model = ScriptedLanguageModel.layer([[{ call: "leave" }], ["Done."]])
      const backend = pipeline === "s2s"
        ? layerS2s([{ call: "leave", input: {}, last: "Done." }], { backend: { toolkit: leaving } }).pipe(
          Layer.provide(handlers)
        )
        : layer({
          agent: Agent.fallback([
            Agent.fromCallback(() => Effect.andThen(note("agent"), Effect.fail("no"))),
            instructed
          ])
        })
          .pipe(Layer.provide([handlers, model]))
      return running(
        // only what the backend is made in has it: sessions are created elsewhere
        backend.pipe(
          Layer.provide(given),
          Layer.provide(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))]))
        ),
        Effect.gen(function*() {
          const user = yield* call()
          yield* user.session.sendText("one")
          yield* pass("5 seconds")
          const expected = pipeline === "s2s"
            ? ["tool", "work"]
            : ["agent", "instructions", "instructions", "tool", "work"]
          assert.deepStrictEqual([...new Set(seen)], [...new Set(expected)].map((what) => `${what} Ulm`))
          assert.lengthOf(lines.filter((line) => line === "asked for Ulm"), seen.length)
        })
      )
    })
  }
})

const Dial = Tool.make("dial", { description: "Calls somebody", success: Schema.String })
const Pass = Tool.make("pass", { description: "Hands over", success: Schema.String })
const dialling = Toolkit.make(Dial, Pass)

describe("a call that is made by a tool of another", () => {
  it.effect("hands over itself, and not the other", () => {
    const made: Array<User> = []
    const ids: { [tool: string]: string } = {}
    const dial: { by: Effect.Effect<User> } = { by: Effect.die("not set") }
    const note = (tool: string) => Effect.map(CallContext, ({ sessionId }) => void (ids[tool] = sessionId))
    const handlers = dialling.toLayer({
      dial: () =>
        Effect.gen(function*() {
          yield* note("dial")
          const user = yield* dial.by
          made.push(user)
          return "called"
        }),
      pass: () => Effect.andThen(note("pass"), Agent.handOver("sales")).pipe(Effect.as("passed on"), Effect.orDie)
    })
    const model = ScriptedLanguageModel.layer(({ prompt }) => {
      const last = prompt.content.at(-1)
      return last?.role === "tool" ? ["Done."] : [{ call: JSON.stringify(last).includes("dial") ? "dial" : "pass" }]
    })
    const agents = AgentRegistry.layer({ sales: Agent.fromCallback(() => Effect.succeed("Sales."), { name: "sales" }) })
    return running(
      layer({ agent: Agent.fromLanguageModel({ toolkit: dialling }) }).pipe(Layer.provide([handlers, model, agents])),
      Effect.gen(function*() {
        const backend = yield* VoiceBackend
        dial.by = call({ config: { userId: "other" } }).pipe(
          Effect.provideService(VoiceBackend, backend),
          Effect.orDie
        )
        const user = yield* call()
        yield* user.session.sendText("dial")
        yield* pass("3 seconds")
        const [other] = made
        assert.ok(other !== undefined)
        yield* other.session.sendText("pass me on")
        yield* pass("3 seconds")
        assert.deepStrictEqual(ids, { dial: user.session.id, pass: other.session.id })
        assert.lengthOf(other.connection.of("agent.handed_over"), 1)
        assert.lengthOf(user.connection.of("agent.handed_over"), 0)
      })
    )
  })
})
