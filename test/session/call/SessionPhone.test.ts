/** What a session does with its call, and what any session can do without one. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Scope, Stream } from "effect"
import { AgentRegistry } from "../../../src/agent/AgentRegistry.ts"
import * as Agent from "../../../src/agent/index.ts"
import { VoiceBackend } from "../../../src/backend/VoiceBackend.ts"
import type { BackendError } from "../../../src/BackendError.ts"
import type { CallEvent } from "../../../src/session/call/CallControl.ts"
import type { CallDetails } from "../../../src/session/call/CallDetails.ts"
import { SessionStore } from "../../../src/session/persistence/SessionStore.ts"
import * as MemoryStore from "../../../src/store/MemoryStore.ts"
import * as ScriptedCalls from "../../../src/testing/scripted/ScriptedCalls.ts"
import { call, echo, layer, pass, provider, running, type User } from "../Harness.ts"
import { TestConnection } from "../TestConnection.ts"

const codeOf = <A>(effect: Effect.Effect<A, BackendError>) =>
  Effect.match(effect, {
    onFailure: ({ code, details }) => details?.["reason"] === undefined ? code : `${code}: ${details["reason"]}`,
    onSuccess: () => "success"
  })

describe("hold", () => {
  it.effect("stops the reply, and lets nothing through in either direction until the call is taken back", () =>
    running(
      layer({ policy: { greeting: "Good morning, this is a long greeting that goes on for quite a while." } }),
      Effect.gen(function*() {
        const user = yield* call()
        const { connection, session } = user
        yield* user.hears(1_000)
        assert.isAbove(connection.frames.length, 0)
        yield* session.hold(true)
        yield* session.hold(true)
        const sent = connection.frames.length
        assert.isAbove(connection.clears, 0)
        yield* user.speaks(1_500)
        yield* user.hears(2_000)
        yield* session.say("Nobody hears this yet.")
        yield* user.hears(3_000)
        assert.strictEqual(connection.frames.length, sent)
        assert.notInclude(connection.types, "user.speech_started")
        yield* session.hold(false)
        yield* user.hears(3_000)
        assert.isAbove(connection.frames.length, sent)
        assert.deepStrictEqual(connection.types.filter((type) => type.startsWith("call.")), [
          "call.held",
          "call.resumed"
        ])
        const said = yield* user.said
        assert.match(said[0] ?? "", /^agent: Good morning.* …$/u)
        assert.strictEqual(said[1], "agent: Nobody hears this yet.")
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        assert.include(yield* user.said, "agent: You said one.")
      })
    ))

  it.effect("does not wait for an absent user meanwhile, and waits as long as ever afterwards", () =>
    running(
      layer({ policy: { away: { after: Duration.seconds(10), closeAfter: Duration.seconds(10) } } }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.hold(true)
        yield* pass("2 minutes")
        assert.notInclude(user.connection.types, "user.away")
        assert.strictEqual(yield* user.session.persistenceStatus, "active")
        yield* user.session.hold(false)
        yield* pass("11 seconds")
        assert.include(user.connection.types, "user.away")
        yield* pass("11 seconds")
        assert.strictEqual(yield* user.session.persistenceStatus, "completed")
      })
    ))
})

describe("mute", () => {
  it.effect("gives the agent silence, and lets it be heard", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.hears(100)
        yield* user.session.mute(true)
        yield* user.session.mute(true)
        yield* user.speaks(1_500)
        yield* user.hears(2_000)
        assert.notInclude(user.connection.types, "user.speech_started")
        yield* user.session.say("You are muted.")
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["agent: You are muted."])
        yield* user.session.mute(false)
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        assert.deepStrictEqual((yield* user.said).slice(1), ["user: one", "agent: You said one."])
        assert.deepStrictEqual(user.connection.types.filter((type) => type.startsWith("call.")), [
          "call.muted",
          "call.unmuted"
        ])
      })
    ))

  it.effect("ends an utterance that it cuts", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.session.mute(true)
        yield* user.speaks(4_000)
        assert.include(yield* user.said, "agent: You said one.")
      })
    ))
})

describe("hangUp", () => {
  it.effect("returns at once, and ends the session after the last word and the goodbye", () =>
    running(
      layer({ policy: { goodbye: "Goodbye." } }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.say("One last thing before we end.")
        yield* user.hears(200)
        yield* user.session.hangUp
        assert.strictEqual(yield* user.session.persistenceStatus, "active")
        yield* user.hears(8_000)
        assert.strictEqual(yield* user.session.ended, "hung_up")
        assert.deepStrictEqual(yield* user.said, ["agent: One last thing before we end.", "agent: Goodbye."])
        assert.strictEqual(yield* codeOf(user.session.hangUp), "session_not_found")
      })
    ))

  it.effect("may be called by a tool, whose answer is still said", () =>
    running(
      layer({
        agent: Agent.fromCallback(() =>
          Effect.gen(function*() {
            const { session } = holder
            if (session !== undefined) yield* Effect.orDie(session.hangUp)
            return "Thank you, goodbye."
          })
        )
      }),
      Effect.gen(function*() {
        const user = yield* call()
        holder.session = user.session
        yield* user.speaks(1_000)
        yield* user.hears(6_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: Thank you, goodbye."])
        assert.strictEqual(yield* user.session.ended, "hung_up")
      })
    ))

  const holder: { session?: User["session"] } = {}
})

describe("transfer", () => {
  it.effect("hands any session over to another agent", () =>
    running(
      Layer.unwrap(
        Effect.gen(function*() {
          const agents = yield* AgentRegistry
          yield* agents.register("billing", Agent.fromCallback((text) => Effect.succeed(`Billing heard ${text}.`)))
          return layer({ agent: echo }).pipe(Layer.provide(Layer.succeed(AgentRegistry, agents)))
        }).pipe(Effect.orDie)
      ).pipe(Layer.provide(AgentRegistry.layer())),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        yield* user.session.transfer({ agent: "billing" })
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, [
          "user: one",
          "agent: You said one.",
          "user: two",
          "agent: Billing heard two."
        ])
        assert.include(user.connection.types, "agent.handed_over")
        assert.strictEqual(yield* codeOf(user.session.transfer({ agent: "nobody" })), "invalid_config")
      })
    ))

  it.effect("to anybody else needs a call, and one whose carrier can", () => {
    const calls = ScriptedCalls.make()
    return running(
      layer({ provider: calls.provider }),
      Effect.gen(function*() {
        const { session } = yield* call()
        assert.strictEqual(yield* codeOf(session.transfer("+442071838750")), "invalid_config: no_call")
        assert.strictEqual(yield* codeOf(session.transfer({ queue: "sales" })), "invalid_config: no_call")
        for (const wrong of ["", "a b", "x".repeat(300), "<sip:a@b>", "a&b"]) {
          assert.strictEqual(yield* codeOf(session.transfer(wrong)), "invalid_config", wrong)
        }
        assert.strictEqual(
          yield* codeOf(session.transfer("+442071838750", { warm: true, summary: "x".repeat(1_001) })),
          "invalid_config"
        )
        const backend = yield* VoiceBackend
        const dialled = yield* backend.dial({ to: "+442071838750", userId: "u" })
        assert.strictEqual(yield* codeOf(dialled.transfer("+442071838751")), "invalid_config: unsupported")
      })
    )
  })
})

describe("the end of a call", () => {
  const ends: ReadonlyArray<readonly [Extract<CallEvent, { readonly type: "call.ended" }>["cause"], string]> = [
    ["user_hung_up", "user_ended"],
    ["agent_hung_up", "hung_up"],
    ["machine", "hung_up"],
    ["transferred", "transferred"],
    ["busy", "not_reached"],
    ["no_answer", "not_reached"],
    ["rejected", "not_reached"],
    ["failed", "not_reached"]
  ]

  it.effect("ends its session, for the reason that it has", () => {
    const calls = ScriptedCalls.make()
    return running(
      layer({ provider: calls.provider }),
      Effect.gen(function*() {
        const { dial } = yield* VoiceBackend
        for (const [cause, expected] of ends) {
          const session = yield* dial({ to: "+442071838750", userId: "u" })
          const scripted = calls.made.at(-1)
          scripted?.answer(new TestConnection())
          yield* pass("100 millis")
          scripted?.tell({ type: "call.ended", cause })
          scripted?.tell({ type: "call.answered" })
          yield* pass("100 millis")
          assert.strictEqual(yield* session.ended, expected, cause)
        }
      })
    )
  })

  it.effect("is not that of the session where the provider's events fail", () => {
    const failing = provider({
      open: () =>
        Effect.succeed({
          access: { connectionUrl: "memory:" },
          attachments: Stream.never,
          call: { facts: () => ({}), events: Stream.die(new Error("the events broke")) }
        })
    })
    return running(
      layer({ provider: failing }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.speaks(1_000)
        yield* user.hears(3_000)
        assert.deepStrictEqual(yield* user.said, ["user: one", "agent: You said one."])
      })
    )
  })
})

describe("a key of the telephone", () => {
  it.effect("that a client sends is an event, and of a session without keypad turns nothing else", () =>
    running(
      layer(),
      Effect.gen(function*() {
        const user = yield* call()
        for (const digit of ["1", "#", "D"]) user.connection.listener?.message({ type: "user.dtmf", digit } as never)
        yield* user.hears(5_000)
        assert.deepStrictEqual(
          user.connection.events.flatMap((event) => event.type === "dtmf.received" ? [event.digit] : []),
          ["1", "#", "D"]
        )
        assert.deepStrictEqual(yield* user.said, [])
      })
    ))
})

describe("the far end", () => {
  it.effect("is never sent further ahead than its connection says", () =>
    running(
      layer({ policy: { greeting: "A greeting that is long enough to be far ahead of what is heard of it." } }),
      Effect.gen(function*() {
        const aheadOf = Effect.fnUntraced(function*(leadMs: number | undefined) {
          const connection = new TestConnection()
          Object.assign(connection, { leadMs })
          yield* call({ connection })
          yield* pass(20)
          return connection.frames.length * 20
        })
        assert.isAtMost(yield* aheadOf(60), 80)
        const usual = yield* aheadOf(undefined)
        assert.isAbove(usual, 100)
        assert.isAtMost(usual, 220)
        const far = yield* aheadOf(1_000)
        assert.isAbove(far, 800)
        assert.isAtMost(far, 1_020)
      })
    ))

  it.effect("says what was heard of a reply: later than was sent, never more", () => {
    const heardWith = (report: (user: User) => Effect.Effect<void>) =>
      Effect.gen(function*() {
        const connection = new TestConnection()
        let epoch = 0
        const { send } = connection
        Object.assign(connection, {
          send: (frame: Int16Array, of?: number) => {
            epoch = of ?? epoch
            return send(frame)
          }
        })
        const user = yield* call({ connection })
        yield* user.hears(1_500)
        played = (ms, of = epoch) => connection.listener?.played?.(of, ms)
        yield* report(user)
        yield* user.session.interrupt({ force: true })
        yield* user.hears(200)
        const [said = ""] = yield* user.said
        return said.replace(/^agent: | …$/gu, "").split(" ").filter((word) => word !== "").length
      })
    let played: (ms: number, of?: number) => void = () => {}
    return running(
      layer({
        policy: { greeting: "one two three four five six seven eight nine ten eleven twelve thirteen fourteen" }
      }),
      Effect.gen(function*() {
        const byClock = yield* heardWith(() => Effect.void)
        assert.isAbove(byClock, 2)
        const behind = yield* heardWith(() => Effect.sync(() => played(400)))
        assert.isBelow(behind, byClock)
        assert.isAbove(behind, 0)
        // more than was sent, or of another reply, says nothing
        assert.strictEqual(yield* heardWith(() => Effect.sync(() => played(60_000))), byClock)
        assert.strictEqual(yield* heardWith(() => Effect.sync(() => played(0, 999))), byClock)
      })
    )
  })
})

describe("the call of a stored session", () => {
  it.effect("is there when another process takes the session over, with the id that the carrier gave it", () =>
    Effect.gen(function*() {
      const table = MemoryStore.makeTable()
      const start = Effect.fnUntraced(function*() {
        const calls = ScriptedCalls.make()
        const scope = yield* Scope.make()
        yield* Effect.addFinalizer(() => Effect.forkDetach(Scope.close(scope, Exit.void)))
        const context = yield* Layer.buildWithScope(
          layer({ provider: calls.provider }).pipe(
            Layer.provide(Layer.succeed(SessionStore, MemoryStore.make({ table })))
          ),
          scope
        )
        return { calls, backend: yield* Effect.provide(VoiceBackend, context) }
      })
      const inbound: CallDetails = {
        carrier: "scripted",
        direction: "inbound",
        id: "CA1",
        from: "+442071838750",
        to: "+15005550006",
        parameters: { menu: "2" }
      }
      const one = yield* start()
      const session = yield* one.backend.createSession({
        userId: "u",
        transport: "websocket",
        call: inbound,
        inputSampleRate: 8_000
      })
      const dialled = yield* one.backend.dial({ to: "+442071838750", userId: "u", machine: { detect: "carrier" } })
      yield* pass("3 seconds")
      yield* one.backend.store?.releaseAll ?? Effect.void
      const two = yield* start()
      yield* two.backend.recover(session.id)
      yield* two.backend.recover(dialled.id)
      const configs = two.calls.opened.map(({ config, restored }) => ({ config, restored }))
      assert.deepStrictEqual(configs.map(({ restored }) => restored), [true, true])
      assert.deepStrictEqual(configs[0]?.config.call, inbound)
      assert.strictEqual(configs[0]?.config.inputSampleRate, 8_000)
      assert.deepStrictEqual<unknown>(configs[1]?.config.call, { ...dialled.config.call, id: "call-1" })
      assert.strictEqual(two.calls.made.length, 0)
    }).pipe(Effect.scoped))
})
