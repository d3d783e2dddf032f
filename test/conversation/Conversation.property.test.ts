import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { AgentError, PipelineError } from "../../src/BackendError.ts"
import * as Conversation from "../../src/conversation/Conversation.ts"
import type { Command } from "../../src/conversation/ConversationCommand.ts"
import type { ConversationInput, TimedInput } from "../../src/conversation/ConversationInput.ts"
import type { ConversationOptions } from "../../src/conversation/ConversationOptions.ts"
import { defaultPolicy } from "../../src/conversation/ConversationPolicy.ts"
import type { State } from "../../src/conversation/ConversationState.ts"
import type { ItemReference } from "../../src/conversation/History.ts"
import { TIMER_GRACE_MS } from "../../src/conversation/machine/Step.ts"
import { inWords, optionsOf } from "./Script.ts"

/** Steps in all; CI and `verify:full` ask for more. */
const STEPS = Number(process.env["EFFECT_VOICE_PROPERTY_STEPS"] ?? 24_000)
const LENGTH = 120

/** A small generator of numbers that a seed decides (mulberry32). */
const randomOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296
}

const agentFailed = new AgentError({ op: "Agent.respond", message: "x", retryable: false })
const engineFailed = new PipelineError({ op: "Engine", message: "x", retryable: true })

/** Which tags may follow each other; staying is always allowed. */
const diagram: { readonly [from: string]: ReadonlyArray<string> } = {
  New: ["Open", "Closed"],
  Open: ["Draining", "Closed"],
  Draining: ["Closed"],
  Closed: [],
  // by a remote model, or by a recogniser that ends a turn, everything may become quiet
  // and words without a sound are a pause in a turn, to a recogniser that decides
  // and a client may end a turn whose sound was not detected
  Quiet: ["Speaking", "Waiting", "Paused", "Finalizing"],
  Speaking: ["Paused", "Finalizing", "Quiet", "Waiting", "Noise"],
  Paused: ["Speaking", "Finalizing", "Quiet", "Waiting"],
  // a turn that sounds unfinished gets more time
  Finalizing: ["Speaking", "Quiet", "Waiting", "Paused"],
  Waiting: ["Speaking", "Quiet", "Finalizing"],
  Noise: ["Speaking", "Quiet", "Waiting", "Finalizing"],
  Silent: ["Active"],
  Active: ["Held", "Ending"],
  Held: ["Active", "Ending"],
  Ending: ["Silent", "Active"]
}

class Model {
  state: State = Conversation.initial()
  options: ConversationOptions
  /** Whether a client asks for anything beside speaking. */
  readonly controlled: boolean
  readonly log: Array<string> = []
  readonly trace: Array<{ readonly event: TimedInput; readonly options: ConversationOptions }> = []
  /** The epoch whose `Start` has had no `End`. */
  running: number | undefined
  /** The epoch of the preemptive reply. */
  preemptive: number | undefined
  readonly ended = new Set<number>()
  readonly timers = new Map<string, number>()
  readonly timerIds = new Set<number>()
  lastState = "idle"
  lastTurn = 0
  closed = false
  readonly finals = new Map<number, number>()
  /** The user makes a sound, according to the events. */
  sounding = false
  /** The turn of the user's words that were appended, and whose answer has not begun. */
  unanswered: number | undefined
  /** When the agent was held. */
  heldMs: number | undefined
  atMs = 1_000
  /** What is still to be heard of the present reply. */
  left: TimedInput["left"]
  lag: number
  readonly late: Array<ConversationInput> = []

  constructor(options: ConversationOptions, lag: number, controlled: boolean) {
    this.options = options
    this.controlled = controlled
    this.lag = lag
  }

  on(input: ConversationInput): void {
    const event: TimedInput = { ...input, atMs: this.atMs, left: this.left }
    this.trace.push({ event, options: this.options })
    if (event._tag === "TimerFired" && this.timers.get(event.name) === event.id) this.timers.delete(event.name)
    const before = this.state
    const { commands, state } = Conversation.step(this.options, before, event)
    this.state = state
    this.log.push(`${JSON.stringify(input)} => ${commands.map(inWords).join(" | ")}`)
    for (const part of ["lifecycle", "user", "agent"] as const) {
      const [from, to] = [before[part]._tag, state[part]._tag]
      assert.isFalse(from === "Quiet" && to === "Paused" && this.options.turnAuthority !== "stt")
      assert.isTrue(from === to || diagram[from]?.includes(to), `${part} went from ${from} to ${to}`)
    }
    const { agent } = before
    const spoken = agent._tag === "Active" || agent._tag === "Held" ? agent.reply.source : undefined
    if (spoken?._tag === "Text" && spoken.uninterruptible === true && !(event._tag === "Interrupt" && event.force)) {
      const cut = commands.some((command) => command._tag === "End" && command.reason === "interrupted")
      // a model starts replies by itself
      const may = event._tag === "Close" || event._tag === "ModelReplyStarted"
      assert.isTrue(!cut || may, `an uninterruptible reply was interrupted by ${event._tag}`)
    }
    if (before.answersQuestion && !this.options.policy.echoGuard) {
      const dropped = commands.some((command) => command._tag === "Emit" && command.event.type === "user.backchannel")
      assert.isFalse(dropped, "an answer to a question is no backchannel")
    }
    for (const command of commands) this.obey(command)
    if (this.options.policy.answers === "on_request") {
      const answered = commands.some((command) =>
        command._tag === "Start" && !command.speculative && command.source._tag === "Answer"
      )
      assert.isFalse(answered && before.request === undefined && event._tag !== "Respond", "nothing answers unasked")
      this.unanswered = undefined
    } else if (this.options.transcriptBased) {
      assert.isUndefined(this.unanswered, "every question of the user is answered")
    }
    if (this.options.policy.turns === "manual" && this.options.turnAuthority !== "remote") {
      const ends = commands.some((command) => command._tag === "Finalize")
      const may = event._tag === "EndTurn" || event._tag === "DropTurn" || event._tag === "InputEnded"
      assert.isFalse(ends && !may, `${event._tag} ended a turn that the client ends`)
    }
    if (this.late.length > 0 && this.late.length > this.lag) {
      const next = this.late.shift()
      if (next !== undefined) this.on(next)
    }
  }

  changePolicy(random: () => number): void {
    const policy = {
      ...this.options.policy,
      turns: random() < 0.5 ? "automatic" : "manual",
      answers: random() < 0.5 ? "automatic" : "on_request"
    } as const
    this.options = { ...this.options, policy }
  }

  obey(command: Command): void {
    assert.isFalse(this.closed, "no command after the close")
    switch (command._tag) {
      case "Start":
        assert.isUndefined(this.running, "one reply at a time")
        assert.isFalse(this.ended.has(command.epoch), "an epoch is new")
        assert.isUndefined(this.preemptive, "one preemptive reply at a time, and none beside a reply")
        if (command.speculative) this.preemptive = command.epoch
        else this.running = command.epoch
        if (!command.speculative) this.unanswered = undefined
        // the words of a turn that a model answers are known when they are known
        if (this.options.transcriptBased) {
          const { source } = command
          const asked = source._tag === "Answer" && source.resumed === true && source.transcript !== ""
          const expected = this.state.history.filter((item) => item.id !== undefined || item.turn < command.turn)
          // a question that is in the history is not told twice
          const question = expected.at(-1)
          const isThere = asked && question?.role === "user" && command.history.length < expected.length
          if (isThere) assert.strictEqual(question.text, source.transcript)
          assert.deepStrictEqual(command.history, isThere ? expected.slice(0, -1) : expected)
        }
        return
      case "Commit":
        assert.isUndefined(this.running, "one reply at a time")
        assert.strictEqual(command.epoch, this.preemptive)
        this.running = this.preemptive
        this.preemptive = undefined
        this.unanswered = undefined
        return
      case "Discard":
        assert.strictEqual(command.epoch, this.preemptive)
        this.preemptive = undefined
        this.ended.add(command.epoch)
        return
      case "PredictEndOfTurn":
        return
      case "Hold":
        this.heldMs = this.atMs
        return assert.strictEqual(command.epoch, this.running)
      case "Release":
        this.heldMs = undefined
        return assert.strictEqual(command.epoch, this.running)
      case "End":
        assert.strictEqual(command.epoch, this.running, "only the running reply is ended")
        this.running = undefined
        this.heldMs = undefined
        this.ended.add(command.epoch)
        this.late.push({ _tag: "ReplyEnded", epoch: command.epoch, text: "said" })
        return
      case "SetTimer":
        assert.isFalse(this.timerIds.has(command.id), "a timer's id is new")
        assert.isAtLeast(command.afterMs, 0)
        if (command.name === "confirm" && this.heldMs !== undefined) {
          const { minSpeech, patience } = this.options.policy.interruption
          const speechMs = Duration.toMillis(minSpeech) + this.state.detectorLagMs
          const longestMs = Math.max(speechMs, 2 * Duration.toMillis(patience))
          // a late timer does not shorten the next one
          const untilMs = Math.max(this.atMs, this.heldMs + longestMs) + TIMER_GRACE_MS
          assert.isAtMost(this.atMs + command.afterMs, untilMs, "a held agent is silent for at most twice `patience`")
        }
        if (command.name === "longest" && this.state.turnStart !== undefined) {
          const untilMs = this.state.turnStart.ms + Duration.toMillis(this.options.policy.longestTurn) + TIMER_GRACE_MS
          assert.isAtMost(
            this.atMs + command.afterMs,
            Math.max(untilMs, this.atMs + TIMER_GRACE_MS),
            "a turn ends after longestTurn in all"
          )
        }
        this.timerIds.add(command.id)
        this.timers.set(command.name, command.id)
        return
      case "CancelTimer":
        this.timers.delete(command.name)
        return
      case "Withdraw":
        this.finals.delete(command.turn)
        this.lastTurn = command.turn - 1
        return
      case "Append":
        if (this.options.transcriptBased) assert.isAtLeast(command.item.turn, this.lastTurn)
        assert.isTrue(command.item.text !== "" || command.item.kind === "audio")
        if (command.item.role === "user") this.unanswered = command.item.turn
        else assert.isUndefined(this.preemptive, "a preemptive reply appends nothing")
        this.lastTurn = command.item.turn
        return
      case "Emit": {
        const { event } = command
        if (event.type === "session.state") {
          assert.notStrictEqual(event.state, this.lastState, "no state is emitted twice")
          this.lastState = event.state
        }
        if (event.type === "user.speech_started" || event.type === "user.speech_stopped") {
          const sounding = event.type === "user.speech_started"
          assert.notStrictEqual(sounding, this.sounding, `${event.type} twice`)
          this.sounding = sounding
        }
        if (event.type === "user.transcript" && event.final) {
          if (this.options.transcriptBased) {
            assert.isFalse(this.finals.has(event.turn), `turn ${event.turn} has one final transcript`)
          }
          this.finals.set(event.turn, 1)
        }
        const ofEnded = event.type === "agent.speech_stopped" || event.type === "agent.transcript_cut"
        if (event.type.startsWith("agent.") && !ofEnded) {
          assert.isDefined(this.running, `${event.type} of a reply that has ended`)
        }
        return
      }
      case "Close":
        assert.isUndefined(this.running, "nothing is being said")
        assert.isUndefined(this.preemptive, "there is no preemptive reply")
        this.closed = true
        return
      case "Finalize":
        return
    }
  }

  check(): void {
    const { agent, history, lifecycle, timers, user } = this.state
    const published = Conversation.publicState(this.state)
    if (agent._tag !== "Ending") assert.strictEqual(this.lastState, published, "the public state was emitted")
    assert.strictEqual(agent._tag === "Active" || agent._tag === "Held", this.running !== undefined)
    const { speculation } = this.state
    assert.strictEqual(speculation?.failed === false ? speculation.epoch : undefined, this.preemptive)
    assert.deepStrictEqual(new Map(Object.entries(timers)), this.timers, "the timers that run are those asked for")
    for (let i = 1; i < history.length; i++) assert.isAtLeast(history[i]!.turn, history[i - 1]!.turn)
    if (lifecycle._tag === "Closed") return
    const sounds = user._tag === "Speaking" || user._tag === "Noise" ||
      (user._tag === "Finalizing" && user.userStillSpeaking)
    assert.strictEqual(sounds, this.sounding, "the events tell whether the user makes a sound")
    // every wait has a timer that ends it
    const manual = this.options.policy.turns === "manual" && this.options.turnAuthority !== "remote"
    if (user._tag === "Speaking" && !manual) assert.isDefined(timers.longest, "a speaking user has a timer")
    if (manual) {
      assert.notStrictEqual(user._tag, "Paused", "a turn that the client ends has no pause")
      assert.isUndefined(timers.endpoint ?? timers.longest ?? timers.noise, "nor a timer that ends it")
    }
    if (
      this.state.request !== undefined && agent._tag === "Silent" && (user._tag === "Quiet" || user._tag === "Noise")
    ) {
      assert.strictEqual(lifecycle._tag, "New", "what was requested is answered when nobody speaks")
    }
    const ids = history.flatMap(({ id }) => id ?? [])
    assert.strictEqual(new Set(ids).size, ids.length, "an id is there once")
    if (user._tag === "Paused") {
      assert.isDefined(timers.endpoint, "a pause has a timer")
      assert.isDefined(timers.longest, "and so has its turn")
    }
    assert.isAtMost(this.state.awaitedTranscripts.length, 8, "at most 8 late transcripts are awaited")
    const open = user._tag === "Speaking" || user._tag === "Paused" || user._tag === "Finalizing"
    assert.strictEqual(this.state.turnStart !== undefined, open, "an open turn has a start, and only an open one")
    if (user._tag === "Finalizing") assert.isDefined(timers.finalize, "the final transcript has a timeout")
    if (user._tag === "Waiting") assert.notStrictEqual(agent._tag, "Silent", "a turn waits only for the agent")
    if (agent._tag === "Held") assert.isDefined(timers.confirm, "a held agent has a timer")
    if (lifecycle._tag !== "New" && agent._tag === "Silent" && (user._tag === "Quiet" || user._tag === "Noise")) {
      assert.deepStrictEqual(this.state.queue, [], "the queue is empty when nobody speaks")
      assert.strictEqual(lifecycle._tag, "Open", "a draining conversation has closed")
    }
  }
}

const between = (random: () => number, min: number, max: number) => min + Math.floor(random() * (max - min + 1))

const referenceOf = (model: Model, random: () => number): ItemReference =>
  random() < 0.5
    ? { id: `i${between(random, 1, 8)}` }
    : { turn: between(random, 0, model.state.turn), role: random() < 0.5 ? "user" : "agent" }

const inputOf = (model: Model, random: () => number): ConversationInput => {
  const { state } = model
  const sample = (model.atMs - 1_000) * 16
  const epoch = random() < 0.85 ? state.epoch : between(random, 0, state.epoch + 1)
  const kinds: ReadonlyArray<() => ConversationInput> = [
    () => ({ _tag: "SpeechStarted", atSample: sample, decidedAtSample: sample + between(random, 0, 300) * 16 }),
    () => ({ _tag: "SpeechStopped", atSample: sample, decidedAtSample: sample + 1_600 }),
    () => ({ _tag: "Interim", text: ["", "maybe", "mhm", "said said said", "words"][between(random, 0, 4)] ?? "" }),
    () => ({
      _tag: "EndOfTurnPredicted",
      id: (state.endOfTurnPrediction?.id ?? 0) - (random() < 0.1 ? 1 : 0),
      probability: random(),
      heard: random() < 0.5
    }),
    () => ({ _tag: "Final", text: random() < 0.2 ? " " : "words" }),
    () => ({ _tag: "Finalized", id: between(random, Math.max(0, state.finalizeId - 1), state.finalizeId) }),
    () => ({ _tag: "EndOfTurn" }),
    () => {
      const names = ["endpoint", "confirm", "longest", "finalize", "noise", "away"] as const
      const running = names.filter((name) => state.timers[name] !== undefined)
      const name = running[between(random, 0, running.length - 1)] ?? "endpoint"
      const stale = random() < 0.1
      return { _tag: "TimerFired", name, id: stale ? state.timerId - 1 : state.timers[name] ?? 0, atSample: sample }
    },
    () => ({ _tag: "UserText", text: random() < 0.1 ? " " : "typed" }),
    () => ({
      _tag: "Say",
      source: random() < 0.5
        ? { _tag: "Text", text: "news", optional: random() < 0.3, uninterruptible: random() < 0.4 }
        : { _tag: "Audio", key: 1 }
    }),
    () => ({ _tag: "Interrupt", force: random() < 0.3 }),
    () => ({ _tag: "ModelReplyStarted", reply: `r${model.trace.length}` }),
    () => ({ _tag: "ReplyProgress", epoch, stage: "tts" }),
    () => ({ _tag: "ReplyAudible", epoch }),
    () => ({ _tag: "ReplyText", epoch, text: "said" }),
    () => ({ _tag: "ReplyPlayed", epoch }),
    () => ({ _tag: "ReplyFailed", epoch, error: agentFailed }),
    () => ({ _tag: "ReplyEnded", epoch: random() < 0.5 ? -1 : state.epoch + 1, text: "lie" }),
    () => ({ _tag: "EngineDown", engine: "stt", error: engineFailed }),
    () => ({ _tag: "EngineUp", engine: "stt" })
  ]
  const controls: ReadonlyArray<() => ConversationInput> = [
    () => ({ _tag: "EndTurn", atSample: sample }),
    () => ({ _tag: "DropTurn", atSample: sample }),
    () => ({ _tag: "Respond", instructions: random() < 0.5 ? "be brief" : undefined }),
    () => ({
      _tag: "Insert",
      id: `i${between(random, 1, 8)}`,
      role: random() < 0.5 ? "user" : "agent",
      text: "note",
      after: random() < 0.5 ? undefined : random() < 0.5 ? "start" : referenceOf(model, random)
    }),
    () => ({ _tag: "Remove", item: referenceOf(model, random) }),
    () => ({ _tag: "Cut", turn: between(random, 0, state.turn), text: random() < 0.3 ? "" : "sai" }),
    () => {
      if (random() < 0.5) model.changePolicy(random)
      return { _tag: "PolicyChanged" }
    }
  ]
  const roll = random()
  if (roll < 0.003) return { _tag: "Drain", reason: "drained" }
  if (roll < 0.005) return { _tag: "InputEnded", atSample: sample }
  if (roll < 0.006) return { _tag: "Close", reason: "closed" }
  if (roll < 0.03) return { _tag: "Started" }
  if (model.controlled && random() < 0.25) {
    return controls[between(random, 0, controls.length - 1)]?.() ?? { _tag: "Interrupt", force: false }
  }
  for (;;) {
    const input = kinds[between(random, 0, kinds.length - 1)]?.() ?? { _tag: "Interrupt", force: false }
    if (input._tag !== "ModelReplyStarted" || model.options.turnAuthority === "remote") return input
  }
}

const optionsFrom = (random: () => number, controlled: boolean): ConversationOptions => {
  const authority = (["own", "stt", "remote"] as const)[between(random, 0, 2)] ?? "own"
  return optionsOf({
    turnAuthority: authority,
    transcriptBased: authority === "stt" ? true : authority === "remote" ? false : random() < 0.7,
    latencyTargetMs: between(random, 0, 1_000),
    policy: {
      firstSpeaker: random() < 0.5 ? "agent" : "user",
      greeting: random() < 0.5 ? "hello" : "",
      goodbye: random() < 0.5 ? "bye" : "",
      apology: random() < 0.5 ? "sorry" : "",
      interruption: {
        ...defaultPolicy.interruption,
        enabled: random() < 0.7,
        minSpeech: Duration.millis(between(random, 0, random() < 0.7 ? 300 : 2_000)),
        minWords: between(random, 0, random() < 0.8 ? 2 : 20),
        ignoreBackchannels: random() < 0.5,
        patience: Duration.millis(between(random, 100, 1_500))
      },
      turns: controlled && random() < 0.5 ? "manual" : "automatic",
      answers: controlled && random() < 0.5 ? "on_request" : "automatic",
      endpointing: { ...defaultPolicy.endpointing, mode: random() < 0.5 ? "fixed" : "adaptive" },
      speculation: random() < 0.5,
      longestTurn: Duration.millis(between(random, 5_000, 30_000)),
      echoGuard: random() < 0.5,
      away: {
        after: Duration.millis(random() < 0.5 ? 0 : 5_000),
        closeAfter: Duration.millis(random() < 0.5 ? 0 : 20_000)
      }
    },
    interimTranscripts: random() < 0.5,
    turnDetector: random() < 0.5,
    hearsTurns: random() < 0.5
  })
}

/** A conversation by a seed; throws with the seed and what happened when a promise is broken. */
const run = (seed: number): Model => {
  const random = randomOf(seed)
  const controlled = seed % 4 === 0
  const options = optionsFrom(random, controlled)
  // a session answers `End` at once; a late answer may only change the order of a model's late transcripts
  const model = new Model(options, !options.transcriptBased || random() < 0.7 ? 0 : 2, controlled)
  try {
    if (random() < 0.9) model.on({ _tag: "Started" })
    for (let i = 0; i < LENGTH; i++) {
      model.atMs += between(random, 0, 400)
      model.left = random() < 0.4
        ? { ms: between(random, 0, 2_000), text: random() < 0.7 ? "Shall I book it?" : "I will." }
        : undefined
      model.on(inputOf(model, random))
      model.check()
    }
    settle(model)
  } catch (cause) {
    throw new Error(
      `seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}\n${JSON.stringify(model.options)}\n${
        model.log.slice(-30).join("\n")
      }`,
      { cause }
    )
  }
  return model
}

/** However it stands: asked to end, it ends by itself, in a bounded number of events. */
const settle = (model: Model): void => {
  model.lag = 0
  for (let next = model.late.shift(); next !== undefined; next = model.late.shift()) model.on(next)
  model.on({ _tag: "Drain", reason: "drained" })
  for (let i = 0; i < 60 && !model.closed; i++) {
    model.atMs += 100
    const [name, id] = [...model.timers][0] ?? []
    const { epoch } = model.state
    if (model.running !== undefined) {
      model.on({ _tag: "ReplyAudible", epoch })
      model.on({ _tag: "ReplyPlayed", epoch })
    } else if (name !== undefined && id !== undefined) {
      model.on({ _tag: "TimerFired", name: name as "endpoint", id, atSample: 0 }) // a key of the timers' record
    }
    // the user is quiet: a pause comes to an end, and nothing begins
    if (model.state.user._tag === "Speaking") {
      model.on({ _tag: "SpeechStopped", atSample: 0, decidedAtSample: 0 })
    }
    model.check()
  }
  assert.isTrue(model.closed, "a drain comes to its end")
}

describe("Conversation, whatever happens", () => {
  it(`keeps its promises over ${STEPS} steps`, () => {
    const first = Number(process.env["EFFECT_VOICE_PROPERTY_SEED"] ?? 1)
    let steps = 0
    const seen = new Set<string>()
    const kinds = [
      ..."history,hold,release,withdraw,finalize,end failed,close,commit,discard,predict,user.backchannel,user.away"
        .split(","),
      "-noise"
    ]
    for (let seed = first; steps < STEPS; seed++) {
      const model = run(seed)
      steps += model.trace.length
      for (const line of model.log) {
        for (const name of kinds) {
          if (line.includes(name)) seen.add(name)
        }
      }
    }
    // otherwise it would promise nothing
    assert.strictEqual(seen.size, kinds.length, [...seen].join())
  }, 600_000)

  it("is the same conversation when the same things happen", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const model = run(seed)
      let state = Conversation.initial()
      const log = model.trace.map(({ event, options }) => {
        const next = Conversation.step(options, state, event)
        state = next.state
        return next.commands.map(inWords).join(" | ")
      })
      assert.deepStrictEqual(log, model.log.map((line) => line.slice(line.indexOf(" => ") + 4)))
      assert.deepStrictEqual(state, model.state)
    }
  })
})
