/** The messages and the states of an agent worker: what a server may send, in any order. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as AgentMessage from "../../../../src/providers/livekit/dispatch/AgentMessage.ts"
import * as JobMetadata from "../../../../src/providers/livekit/dispatch/JobMetadata.ts"
import * as WorkerProtocol from "../../../../src/providers/livekit/dispatch/WorkerProtocol.ts"

const job = (id: string): AgentMessage.Job => ({ id, room: { name: `room of ${id}` } })
const ids = Schema.Literals(["a", "b", "c"])
const Event = Schema.Union([
  Schema.Struct({ _tag: Schema.Literals(["Asked", "Assigned", "Terminated", "Expired", "Ended"]), id: ids }),
  Schema.Struct({ _tag: Schema.Literal("Lost") })
])
type Event = typeof Event.Type

const toEvent = (event: Event): WorkerProtocol.WorkerEvent => {
  switch (event._tag) {
    case "Asked":
      return { _tag: "Asked", job: job(event.id) }
    case "Assigned":
      return { _tag: "Assigned", job: job(event.id), token: "t", url: undefined }
    case "Terminated":
    case "Expired":
      return { _tag: event._tag, job: event.id }
    case "Ended":
      return { _tag: "Ended", job: event.id, status: "JS_SUCCESS" }
    case "Lost":
      return event
  }
}

describe("WorkerProtocol", () => {
  it.effect.prop(
    "whatever the server sends, each place that was taken is used once or given back once, and each question answered once",
    { events: Schema.Array(Event), places: Schema.Array(Schema.Boolean) },
    ({ events, places }) =>
      Effect.sync(() => {
        let jobs: WorkerProtocol.WorkerJobs = new Map()
        /** The places that wait, and the sessions that run, as the shell keeps them. */
        const held = new Set<string>()
        const started = new Set<string>()
        let asked = 0
        let answered = 0
        let turn = 0
        for (const given of events) {
          // a session ends only where there is one
          if (given._tag === "Ended" && !started.delete(given.id)) continue
          if (given._tag === "Asked") asked++
          const queue: Array<WorkerProtocol.WorkerEvent> = [toEvent(given)]
          for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
            const { commands, jobs: next } = WorkerProtocol.step(jobs, event, "Agent")
            jobs = next
            for (const command of commands) {
              switch (command._tag) {
                case "Send":
                  if ("availability" in command.message) answered++
                  break
                case "Reserve": {
                  const has = places[turn++] ?? true
                  assert.isFalse(held.has(command.job.id) || started.has(command.job.id))
                  if (has) held.add(command.job.id)
                  queue.push(
                    has
                      ? { _tag: "Reserved", job: command.job.id, session: `ses_${turn}` }
                      : { _tag: "Refused", job: command.job.id }
                  )
                  break
                }
                case "Release":
                  assert.isTrue(held.delete(command.job))
                  break
                case "Start":
                  assert.isTrue(held.delete(command.job.id))
                  started.add(command.job.id)
                  break
                case "Drain":
                  assert.isTrue(started.has(command.job))
              }
            }
          }
          assert.deepStrictEqual(
            [...jobs].filter(([, phase]) => phase === "offered").map(([id]) => id).sort(),
            [...held].sort()
          )
          assert.deepStrictEqual(
            [...jobs].filter(([, phase]) => phase !== "offered").map(([id]) => id).sort(),
            [...started].sort()
          )
        }
        assert.strictEqual(answered, asked)
      })
  )

  it("the agent's identity names the session, and a job is reported from its assignment to its end", () => {
    const said: Array<AgentMessage.WorkerMessage> = []
    let jobs: WorkerProtocol.WorkerJobs = new Map()
    const on = (event: WorkerProtocol.WorkerEvent) => {
      const { commands, jobs: next } = WorkerProtocol.step(jobs, event, "Ada")
      jobs = next
      for (const command of commands) if (command._tag === "Send") said.push(command.message)
    }
    on({ _tag: "Asked", job: job("a") })
    on({ _tag: "Reserved", job: "a", session: "ses_1" })
    on({ _tag: "Assigned", job: job("a"), token: "t", url: undefined })
    on({ _tag: "Ended", job: "a", status: "JS_FAILED", error: "failed" })
    assert.deepStrictEqual(said, [
      {
        availability: {
          jobId: "a",
          available: true,
          participantIdentity: "agent-ses_1",
          participantName: "Ada",
          participantAttributes: { "lk.agent.state": "initializing", "effect-voice.session": "ses_1" }
        }
      },
      { updateJob: { jobId: "a", status: "JS_RUNNING" } },
      { updateJob: { jobId: "a", status: "JS_FAILED", error: "failed" } }
    ])
  })

  it("after the socket was lost nothing is said about a job, and it is not taken twice", () => {
    const { jobs } = WorkerProtocol.step(
      new Map([["a", "running"], ["b", "offered"]] as const),
      { _tag: "Lost" },
      "Ada"
    )
    assert.deepStrictEqual([...jobs], [["a", "forgotten"]])
    assert.deepStrictEqual(
      WorkerProtocol.step(jobs, { _tag: "Ended", job: "a", status: "JS_SUCCESS" }, "Ada").commands,
      []
    )
    assert.deepStrictEqual(WorkerProtocol.step(jobs, { _tag: "Asked", job: job("a") }, "Ada").commands, [
      { _tag: "Send", message: { availability: { jobId: "a", available: false } } }
    ])
  })
})

describe("AgentMessage", () => {
  it.effect.prop(
    "no text makes it fail",
    { text: Schema.String },
    ({ text }) => Effect.sync(() => assert.isDefined(AgentMessage.decode(text)))
  )

  it.effect.prop("nor any JSON", { json: Schema.Json }, ({ json }) =>
    Effect.sync(() => {
      for (const value of [json, { availability: json }, { assignment: { job: json, token: json } }]) {
        assert.isDefined(AgentMessage.decode(JSON.stringify(value)))
      }
    }))

  it.effect.prop(
    "a job comes through, with fields of other versions beside it",
    { job: AgentMessage.Job },
    ({ job }) =>
      Effect.sync(() => {
        const text = JSON.stringify({
          availability: { job: { ...job, state: { status: 9 }, next: [] }, resuming: false },
          x: 1
        })
        const decoded = AgentMessage.decode(text)
        if (text.length > AgentMessage.MAX_MESSAGE_CHARACTERS) return assert.strictEqual(decoded, "malformed")
        assert.deepStrictEqual(decoded, { _tag: "Asked", job })
      })
  )

  it("unknown messages are told from those that cannot be read", () => {
    assert.strictEqual(AgentMessage.decode("{\"pong\":{\"timestamp\":\"1\"}}"), "unknown")
    assert.strictEqual(AgentMessage.decode("{\"availability\":{}}"), "malformed")
    assert.strictEqual(AgentMessage.decode("nothing"), "malformed")
    assert.strictEqual(AgentMessage.decode(`"${"x".repeat(AgentMessage.MAX_MESSAGE_CHARACTERS)}"`), "malformed")
    assert.deepStrictEqual(AgentMessage.decode("{\"register\":{\"workerId\":\"AW_1\",\"serverInfo\":{}}}"), {
      _tag: "Registered",
      worker: "AW_1"
    })
  })
})

describe("JobMetadata", () => {
  it("an object gives its fields, a text is kept as it is, and what is too large is none", () => {
    const livekit = { room: "r" }
    assert.deepStrictEqual(JobMetadata.toSession("{\"order\":7,\"livekit\":1}", livekit), { order: 7, livekit })
    assert.deepStrictEqual(JobMetadata.toSession("", livekit), { livekit })
    assert.deepStrictEqual(JobMetadata.toSession("[1]", livekit), { livekit: { room: "r", metadata: "[1]" } })
    assert.deepStrictEqual(JobMetadata.toSession("hello", livekit), { livekit: { room: "r", metadata: "hello" } })
    assert.isUndefined(JobMetadata.toSession("x".repeat(20_000), livekit))
    assert.isUndefined(JobMetadata.toSession(`${"{\"a\":".repeat(40)}1${"}".repeat(40)}`, livekit))
  })

  it.effect.prop("no text makes it fail", { text: Schema.String }, ({ text }) =>
    Effect.sync(() => {
      const metadata = JobMetadata.toSession(text, { room: "r" })
      assert.isTrue(metadata === undefined || typeof metadata["livekit"] === "object")
    }))
})
