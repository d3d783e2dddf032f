import { assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { SessionEvent } from "../../../src/session/SessionEvent.ts"
import { Invariants, type Recording, Scenario } from "../../../src/testing/index.ts"

type Recorded = Recording.Recording

/** A correct conversation with an interruption, to which the tests add faults. */
let call: Recorded

const withEvents = (change: (events: ReadonlyArray<SessionEvent>) => ReadonlyArray<SessionEvent>): Recorded => {
  const events = change(call.events)
  return { ...call, events }
}
const found = (check: Invariants.Invariant, recording: Recorded) =>
  check(recording).map((violation) => violation.message)
const indexOf = (type: SessionEvent["type"]) =>
  call.trace.findIndex((at) => at._tag === "Event" && at.event.type === type)
const frame = (atMs: number): Recording.Trace => ({
  _tag: "Frame",
  atMs,
  frame: { atMs, turn: 1, reply: 1, pcm: undefined }
})

describe("Invariants", () => {
  beforeAll(async () => {
    call = await Effect.runPromise(Scenario.run({
      user: [
        Scenario.say("first question"),
        Scenario.waitForSpeech("300 millis"),
        Scenario.cough("100 millis"),
        Scenario.pause("300 millis"),
        Scenario.interruptWhenHeard("first", "second question"),
        Scenario.waitForAgent
      ]
    }))
  })

  it("find nothing in a correct conversation", () => {
    assert.strictEqual(Invariants.report(call), "")
    assert.deepStrictEqual(Invariants.noWordLost(call), [])
    const types = call.events.map((event) => event.type)
    assert.includeMembers(types, ["agent.speech_paused", "agent.speech_resumed", "playout.clear"])
  })

  it("P1 find a frame while paused, after the end of a reply and after the end of the session", () => {
    for (const type of ["agent.speech_paused", "agent.speech_stopped", "session.ended"] as const) {
      const at = indexOf(type)
      const trace = call.trace.toSpliced(at + 1, 0, frame(call.trace[at]?.atMs ?? 0))
      assert.deepStrictEqual(found(Invariants.noAudioAfterClear, { ...call, trace }), [
        `a frame of reply 1 after ${type}`
      ])
    }
    assert.deepStrictEqual(found(Invariants.noAudioAfterClear, { ...call, trace: [frame(0), ...call.trace] }), [
      "a frame of reply 1 after the start"
    ])
  })

  it("P2 find words that were not heard, words that are missing, and a wrong order", () => {
    const change = (index: number, text: string) => ({
      ...call,
      history: call.history.map((item, at) => at === index ? { ...item, text } : item)
    })
    assert.strictEqual(call.history[1]?.role, "agent")
    const text = call.history[1]?.text ?? ""
    assert.deepStrictEqual(found(Invariants.historyMatchesHeard, change(1, `${text} more`)), [])
    assert.lengthOf(found(Invariants.historyMatchesHeard, change(1, `${text} question. And`)), 1)
    assert.lengthOf(found(Invariants.historyMatchesHeard, change(1, "You")), 1)
    assert.lengthOf(found(Invariants.historyMatchesHeard, change(1, "You never heard")), 1)
    const dropped = { ...call, history: call.history.filter((item) => item.role === "user") }
    assert.lengthOf(found(Invariants.historyMatchesHeard, dropped), 2)
    assert.isNotEmpty(found(Invariants.historyMatchesHeard, { ...call, history: call.history.toReversed() }))
    const unmarked = { ...call, history: call.history.map((item) => ({ ...item, interrupted: false })) }
    assert.lengthOf(found(Invariants.historyMatchesHeard, unmarked), 1)
    const unheard = { ...call, replies: call.replies.slice(0, 1) }
    assert.match(found(Invariants.historyMatchesHeard, unheard)[0] ?? "", /which was not heard/u)
  })

  it("P3 find a session without an end, one that is stuck and a reply without an end", () => {
    assert.deepStrictEqual(found(Invariants.everythingEnds, { ...call, ended: undefined }), [
      "the session did not end"
    ])
    const at = call.trace.findIndex((item) =>
      item._tag === "Event" && item.event.type === "session.state" && item.event.state === "processing"
    )
    const late = call.trace.map((item, index) => index > at ? { ...item, atMs: item.atMs + 170_000 } : item)
    assert.match(found(Invariants.everythingEnds, { ...call, trace: late })[0] ?? "", /^processing for 17\d{4} ms/u)
    const replies = call.replies.map((reply) => ({ ...reply, ended: undefined }))
    assert.lengthOf(found(Invariants.everythingEnds, { ...call, replies }), 2)
    const more = withEvents((events) => [...events, { type: "pong", seq: 99, atMs: 99 }])
    assert.deepStrictEqual(found(Invariants.everythingEnds, more), ["pong after the end"])
  })

  it("find a reply that ends twice or never, or resumes without a pause", () => {
    const without = (type: SessionEvent["type"]) =>
      withEvents((events) => events.toSpliced(events.findIndex((event) => event.type === type), 1))
    const twice = (type: SessionEvent["type"]) =>
      withEvents((events) => {
        const at = events.findIndex((event) => event.type === type)
        const event = events[at]
        return event === undefined ? events : events.toSpliced(at, 0, event)
      })
    assert.lengthOf(found(Invariants.repliesEndOnce, twice("agent.speech_stopped")), 1)
    assert.lengthOf(found(Invariants.repliesEndOnce, without("agent.speech_stopped")), 1)
    assert.isNotEmpty(found(Invariants.repliesEndOnce, without("agent.speech_started")))
    assert.lengthOf(found(Invariants.repliesEndOnce, twice("agent.speech_paused")), 1)
    assert.isNotEmpty(found(Invariants.repliesEndOnce, without("agent.speech_paused")))
  })

  it("find a state change that the diagram does not have, and a gap in the sequence numbers", () => {
    const back = withEvents((events) =>
      events.map((event) =>
        event.type === "session.state" && event.state === "speaking" ? { ...event, state: "idle" } : event
      )
    )
    assert.isNotEmpty(found(Invariants.statesFollowDiagram, back))
    assert.lengthOf(found(Invariants.statesFollowDiagram, withEvents((events) => events.toSpliced(4, 1))), 1)
  })

  it("find a latency that does not add up", () => {
    const wrong = withEvents((events) =>
      events.map((event) => event.type === "turn.latency" ? { ...event, totalMs: event.totalMs + 1 } : event)
    )
    assert.lengthOf(found(Invariants.latencyAddsUp, wrong), 2)
    const late = { ...call, frames: call.frames.map((each) => ({ ...each, atMs: each.atMs + 20 })) }
    assert.lengthOf(found(Invariants.latencyAddsUp, late), 2)
  })

  it("find leaks, and a word that is missing from the history", () => {
    assert.deepStrictEqual(found(Invariants.noLeaks, { ...call, leaks: { ...call.leaks, sessionTimers: 2 } }), [
      "2 sessionTimers left"
    ])
    assert.lengthOf(found(Invariants.noWordLost, { ...call, saidByUser: [...call.saidByUser, "more"] }), 1)
  })

  it("report the seed and the timeline", () => {
    const report = Invariants.report({ ...call, seed: "lucky", ended: undefined })
    assert.match(
      report,
      /^1 violation in the scenario with seed "lucky":\n {2}\d+\.\d{3} P3 everything ends: the session did not end/u
    )
    assert.include(report, "user    says \"first question\"")
  })
})
