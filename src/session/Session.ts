/**
 * The shell of a conversation: carries out what the machine decides, and tells it what happens.
 *
 * `dispatch` runs the machine synchronously: holding, releasing and ending speech act before it returns. What takes time
 * (a reply, a timer, a window) is a fiber of the session's scope; closing the scope ends them all.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Agent } from "../agent/Agent.ts"
import type { AgentSession } from "../agent/Agent.ts"
import * as Pcm from "../audio/Pcm.ts"
import * as Resampler from "../audio/Resampler.ts"
import { type BackendError, ContextCanceled, fromCause, InvalidConfig, SessionNotFound } from "../BackendError.ts"
import * as Conversation from "../conversation/Conversation.ts"
import { ConversationPolicy } from "../conversation/ConversationPolicy.ts"
import type { Command, ConversationOptions, Event, State, TimerName } from "../conversation/ConversationState.ts"
import * as Backchannel from "../conversation/machine/Backchannel.ts"
import type { EngineIncident } from "../EngineIncident.ts"
import * as Faults from "../schema/Faults.ts"
import { TIMELINE_RATE } from "../speech/VoiceActivityDetector.ts"
import type { BackendMetrics } from "../telemetry/BackendMetrics.ts"
import type * as Names from "../telemetry/Names.ts"
import { Attachments } from "./Attachments.ts"
import { Broadcast } from "./Broadcast.ts"
import { AudioInput } from "./input/AudioInput.ts"
import * as ProcessorChain from "./input/ProcessorChain.ts"
import { ReceivedAudio } from "./input/ReceivedAudio.ts"
import * as MergePatch from "./MergePatch.ts"
import * as SessionPersistence from "./persistence/SessionPersistence.ts"
import type { Past } from "./persistence/SessionSnapshot.ts"
import type { SnapshotWriterOptions } from "./persistence/SnapshotWriter.ts"
import type { ConversationInput, Pipeline, PipelineFactory } from "./pipeline/Pipeline.ts"
import * as PipelineStream from "./PipelineStream.ts"
import { AudioOutput, type Convert } from "./playout/AudioOutput.ts"
import type { PlayoutClock } from "./playout/PlayoutClock.ts"
import { ReplyAudio } from "./playout/ReplyAudio.ts"
import * as SessionRecorder from "./retention/SessionRecorder.ts"
import { decodeMetadata, type Metadata, type SessionConfig } from "./SessionConfig.ts"
import type { SessionEnd, SessionEvent, SessionEventBody } from "./SessionEvent.ts"
import { Timers } from "./Timers.ts"
import type { SessionObserver } from "./tracing/SessionObserver.ts"
import * as UtteranceQueue from "./UtteranceQueue.ts"
import type { VoiceSession } from "./VoiceSession.ts"

/**
 * What a backend makes a session with.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOptions {
  readonly id: string
  readonly config: SessionConfig
  readonly agent: Agent
  /** Finds an agent by name, for a hand-over. */
  readonly findAgent: (name: string) => Effect.Effect<Agent, BackendError>
  readonly pipeline: PipelineFactory
  /** What processes the user's audio before it is heard. */
  readonly processors?: ReadonlyArray<ProcessorChain.ProcessorEntry> | undefined
  readonly clock: PlayoutClock["Service"]
  readonly policy: ConversationPolicy
  /** The session goes on from here. */
  readonly past?: Past | undefined
  /** Writes the session to its store; without it nothing is kept. */
  readonly keep?: SnapshotWriterOptions["write"] | undefined
  /** What is kept of it beyond its life, and where; without it nothing is. */
  readonly retention?: SessionRecorder.Retention | undefined
  readonly latencyTarget: Duration.Duration
  readonly timeout: Duration.Duration
  readonly maxRetries: number
  readonly retryDelay: Duration.Duration
  readonly connectWindow: Duration.Duration
  readonly resumeWindow: Duration.Duration
  readonly longest: Duration.Duration
  /** There is too much to do for what nobody waits for: interim words, answers asked for ahead. Default: never. */
  readonly busy?: (() => boolean) | undefined
  /** Takes so many milliseconds of the audio that the user may still send; `false` is a refusal. Default: no limit. */
  readonly takeAudio?: ((ms: number) => boolean) | undefined
  /** Each turn's latency, for the backend's health. */
  readonly onLatency: (totalMs: number) => void
  /** Who counts and traces what happens. Default: nobody. */
  readonly watch?: SessionObserver | undefined
  /** Measures what callers ask of the session. Default: nobody does. */
  readonly measure?: Measure | undefined
}

type Measure = BackendMetrics["operation"]
type SessionOperation = Names.Operation extends infer Name ? Name extends `session.${infer Own}` ? Own : never : never

const none = new Int16Array(0)
const policyContext = { op: "VoiceSession.updatePolicy", what: "the policy is not valid", at: ["conversation"] }

/** What must not be lost, beyond the history and what waits: what has been said. */
const weighty = ({ _tag }: Event): boolean => _tag === "ReplyText" || _tag === "ReplyAudible"

/** Readers of events lose the oldest beyond this. */
const EVENT_BUFFER = 256
const MAX_SAY_CHARACTERS = 16_384
const MAX_AUDIO_BYTES = 65_536
/** A stream that is read by a pipeline is at most so far ahead of what has been heard: 2 s. */
const MAX_BEHIND = 32_000
/** So far ahead of a detector that works elsewhere: 0.3 s, what it is behind at most in real time. */
const MAX_LATE = 4_800
/** The final words of a turn are awaited at most so long. */
const FINALIZE_TIMEOUT_MS = 5_000

/**
 * Makes a session in a scope of its own; the session has ended when `ended` completes, and is gone when its scope is
 * closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: SessionOptions) {
  const clock = yield* Clock.Clock
  const factory = yield* Resampler.load
  const fibers = yield* FiberMap.make<string>()
  const run = yield* FiberMap.runtime(fibers)<never>()
  const events = new Broadcast<SessionEvent>(EVENT_BUFFER)
  const heard = new ReceivedAudio()
  const ended = yield* Deferred.make<SessionEnd>()
  const now = () => clock.currentTimeMillisUnsafe()

  const { past, watch } = options
  const createdAtMs = past?.createdAtMs ?? now()
  let state: State = Conversation.initial(past?.history, past?.queue, past?.turn)
  let agent = options.agent
  let agentName = typeof options.config.agent === "string" ? options.config.agent : undefined
  let metadata: Metadata = options.config.metadata ?? {}
  let seq = past?.seq ?? 0
  let pipeline: Pipeline | undefined
  const says = new Map<number, Int16Array>()
  let sayKey = 0
  let backgrounds = 0

  // ---- events -------------------------------------------------------------------------------------------------------

  const emit = (body: SessionEventBody): void => {
    const event: SessionEvent = { ...body, seq: ++seq, atMs: now() }
    events.publish(event)
    attachments.current?.notify(event)
    retained?.event(event)
    if (event.type === "turn.latency") options.onLatency(event.totalMs)
    watch?.event(event)
    flush()
    // whoever has been here may come back
    if (event.type === "connection.attached") keeping.touch()
  }

  /** Tells how much audio there has been so far. */
  const flush = (): void => watch?.audio(input.arrivedMs, output.sentMs)

  // ---- audio --------------------------------------------------------------------------------------------------------

  const chain = yield* ProcessorChain.make(options.processors ?? [], {
    sessionId: options.id,
    metadata: () => metadata,
    timeout: options.timeout,
    onIncident: ({ error, name, what }) => {
      if (state.lifecycle._tag === "Closed") return
      emit({ type: "processor.incident", name, what, ...(error === undefined ? {} : { code: error.code }) })
      if (what === "stopped") dispatch({ _tag: "Close", reason: "failed" })
    }
  })
  const input = new AudioInput<TimerName>(factory, (name) => timers.end(name), chain)
  const output = new AudioOutput(options.clock, {
    audible: (epoch) => dispatch({ _tag: "ReplyAudible", epoch }),
    text: (epoch, text) => dispatch({ _tag: "ReplyText", epoch, text }),
    played: (epoch) => dispatch({ _tag: "ReplyPlayed", epoch }),
    slow: (which) => emit({ type: "connection.slow", connection: which.id }),
    dead: (which) => attachments.detach(which, "too slow", "too_slow"),
    room: () => voice.resume()
  })
  const voice = new ReplyAudio(factory, output)
  const convert: Convert = (samples, from, to) => Result.getOrElse(factory.convert(samples, from, to), () => none)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      over = true
      output.attach(undefined, convert)
      options.clock.remove(output)
      input.free()
      voice.free()
    })
  )

  // ---- the machine --------------------------------------------------------------------------------------------------

  let policy = options.policy
  let isBackchannel = Backchannel.make(policy.interruption.backchannels)
  const busy = options.busy ?? (() => false)
  // asked for at every event, and changes with the policy alone
  let rules: ConversationOptions | undefined
  const conversation = (): ConversationOptions =>
    rules ??= {
      policy,
      isBackchannel,
      // words that are left out are not waited for
      get interims() {
        return pipeline?.interims === true && !busy()
      },
      get busy() {
        return busy()
      },
      detector: pipeline?.judge !== undefined,
      turnAuthority: pipeline?.turnAuthority ?? "own",
      textual: pipeline?.textual ?? true,
      latencyTargetMs: Duration.toMillis(options.latencyTarget),
      finalizeTimeoutMs: Math.min(FINALIZE_TIMEOUT_MS, Duration.toMillis(options.timeout))
    }
  const waiting: Array<Event> = []
  let running = false
  let over = false
  const dispatch = (happening: ConversationInput): void => {
    // the scope is closing: nobody is left to carry anything out
    if (over) return
    watch?.happened(happening)
    waiting.push({ ...happening, atMs: now() })
    if (running) return
    running = true
    try {
      for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) {
        const { queue } = state
        const next = Conversation.step(conversation(), state, event)
        state = next.state
        for (const command of next.commands) execute(command)
        if (weighty(event) || state.queue !== queue) keeping.touch()
      }
    } finally {
      running = false
    }
    // what is heard has been told of
    for (let sound = sounds.shift(); sound !== undefined; sound = sounds.shift()) sound.play()
  }
  /** Sound that begins when everything has been told; at most one, of the reply that goes on. */
  let sounds: Array<{ readonly epoch: number; readonly play: () => void }> = []
  const silence = (epoch: number): void => {
    sounds = sounds.filter((sound) => sound.epoch !== epoch)
  }
  const release = (epoch: number): void => void sounds.push({ epoch, play: () => output.release(epoch) })

  const cancel = (name: string): void => {
    const fiber = FiberMap.getUnsafe(fibers, name)
    if (fiber._tag === "Some") fiber.value.interruptUnsafe()
  }
  const timers = new Timers({
    input,
    run,
    cancel,
    fired: (name, id) => dispatch({ _tag: "TimerFired", name, id, atSample: input.position })
  })

  const execute = (command: Command): void => {
    switch (command._tag) {
      case "Emit":
        return emit(command.event)
      case "Append":
      case "Withdraw":
        return keeping.touch()
      case "SetTimer":
        return timers.set(command)
      case "CancelTimer":
        return timers.cancel(command.name)
      case "Finalize":
        return pipeline?.finalize(command.id, command.untilSample)
      case "Start":
        return startReply(command)
      case "Hold":
        silence(command.epoch)
        return output.hold(command.epoch)
      case "Release":
        return release(command.epoch)
      case "Commit": {
        release(command.epoch)
        watch?.commit(command.epoch)
        const commit = commits.get(command.epoch)
        commits.delete(command.epoch)
        if (commit !== undefined) Deferred.doneUnsafe(commit, Effect.void)
        return
      }
      case "Discard":
        commits.delete(command.epoch)
        watch?.discard(command.epoch)
        stopReply(command.epoch, { completed: false, playedMs: output.end(command.epoch).playedMs })
        return
      case "Judge":
        return judge(command)
      case "End": {
        silence(command.epoch)
        const { playedMs, text } = output.end(command.epoch)
        watch?.end(command.epoch, command.reason, text)
        stopReply(command.epoch, { completed: command.reason === "completed", playedMs })
        // before anything else that happens
        waiting.unshift({ _tag: "ReplyHeard", epoch: command.epoch, text, atMs: now() })
        // one that nobody has heard is said later
        for (const key of says.keys()) {
          if (!state.queue.some((source) => source._tag === "Audio" && source.key === key)) says.delete(key)
        }
        return
      }
      case "Close":
        return close(command.reason)
    }
  }

  const stopReply = (epoch: number, played: Parameters<Pipeline["ended"]>[1]): void => {
    voice.resume()
    pipeline?.ended(epoch, played)
    cancel(`reply:${epoch}`)
  }

  const judge = ({ agentSaid, id, transcript }: Extract<Command, { readonly _tag: "Judge" }>): void => {
    if (pipeline?.judge === undefined) return
    run(
      "judge",
      pipeline.judge(transcript, agentSaid).pipe(
        // without its opinion the turn is taken to be over
        Effect.catchCause((cause) => Effect.as(Effect.logDebug("the turn detector failed", cause), 1)),
        Effect.map((probability) => dispatch({ _tag: "Judged", id, probability }))
      )
    )
  }

  /** Who waits for a speculative reply to be the one. */
  const commits = new Map<number, Deferred.Deferred<void>>()
  const startReply = (command: Extract<Command, { readonly _tag: "Start" }>): void => {
    const { epoch, source, speculative, turn } = command
    const trace = watch?.start(command, pipeline?.textual === false ? undefined : { name: agentName ?? agent.name })
    // a reply that has its sound already is heard when its beginning has been told, not before
    output.begin(epoch, turn, true)
    if (!speculative) release(epoch)
    let committed: Effect.Effect<void> = Effect.void
    if (speculative) {
      const commit = Deferred.makeUnsafe<void>()
      commits.set(epoch, commit)
      committed = Deferred.await(commit)
    }
    if (source._tag === "Audio") {
      const pcm = says.get(source.key) ?? none
      sounds.push({
        epoch,
        play: () => {
          output.push(epoch, { pcm, text: "" })
          output.finish(epoch)
        }
      })
      return
    }
    if (pipeline === undefined) return
    run(
      `reply:${epoch}`,
      pipeline.reply({ ...command, committed, trace }).pipe(
        // an agent that interrupts itself has failed, too; a reply that was ended is not listened to any more
        Effect.catchCause((cause) =>
          Effect.sync(() => dispatch({ _tag: "ReplyFailed", epoch, error: fromCause("VoiceSession.reply", cause) }))
        ),
        watch?.withinTurn(turn) ?? identity
      )
    )
  }

  const close = (reason: SessionEnd): void => {
    events.end()
    heard.end()
    attachments.end(Deferred.succeed(ended, reason))
  }

  // ---- attachments --------------------------------------------------------------------------------------------------

  const attachments = new Attachments({
    input,
    output,
    convert,
    resumeWindow: options.resumeWindow,
    resumed: past?.attached ?? false,
    takeAudio: options.takeAudio,
    now,
    emit,
    dispatch,
    state: () => state,
    run,
    cancel
  })

  // ---- what is kept ----------------------------------------------------------------------------------------------

  const keeping = yield* SessionPersistence.make({
    write: options.keep,
    config: options.config,
    createdAtMs,
    read: () => ({ state, metadata, policy, agent: agentName, attached: attachments.attachedBefore, seq }),
    heard: (epoch) => output.heard(epoch),
    onSaved: (through) => emit({ type: "session.saved", through }),
    onTakenOver: () => dispatch({ _tag: "Close", reason: "taken_over" })
  })

  const { retention } = options
  const retained = retention === undefined ? undefined : yield* SessionRecorder.make({
    ...retention,
    id: options.id,
    resamplers: factory,
    history: () => state.history,
    about: () => ({ session: options.id, created_at_ms: createdAtMs, metadata })
  })
  output.tap = retained?.agent

  // ---- operations ---------------------------------------------------------------------------------------------------

  /** Lets what is in flight end; without a connection nobody would hear it. */
  const drain = (reason: SessionEnd): void =>
    dispatch(attachments.attended ? { _tag: "Drain", reason } : { _tag: "Close", reason })

  const isClosed = () => state.lifecycle._tag === "Closed"
  const open = (op: string): Effect.Effect<void, SessionNotFound> =>
    Effect.suspend(() =>
      isClosed()
        ? Effect.fail(
          new SessionNotFound({ op, message: `session ${options.id} has ended`, details: { session: options.id } })
        )
        : Effect.void
    )
  const invalid = (op: string, message: string) => Effect.fail(new InvalidConfig({ op, message }))

  const measure: Measure = options.measure ?? (() => identity)
  /** An operation, measured; on a session that has ended it fails. */
  const operation = (
    name: SessionOperation,
    run: (op: string) => Effect.Effect<void, BackendError>
  ): Effect.Effect<void, BackendError> => {
    const op = `VoiceSession.${name}`
    return measure(`session.${name}`)(Effect.andThen(open(op), Effect.suspend(() => run(op))))
  }

  const queue = (op: string, what: () => void): Effect.Effect<void, BackendError> => {
    if (state.lifecycle._tag === "Draining") {
      return Effect.fail(new ContextCanceled({ op, message: "the session is ending" }))
    }
    if (state.queue.length >= UtteranceQueue.MAX) return Effect.fail(UtteranceQueue.full(op))
    what()
    return Effect.void
  }

  /** Waits while what was given is far ahead of what has been heard: whoever gives audio may be faster than time. */
  const room = Effect.suspend(() =>
    input.behind <= MAX_BEHIND && input.late <= MAX_LATE
      ? Effect.void
      : Effect.callback<void>((resume) => input.settle(() => resume(Effect.void)))
  )

  const session: VoiceSession = {
    id: options.id,
    config: options.config,
    start: operation("start", () => Effect.sync(() => attachments.begin())),
    stop: measure("session.stop")(Effect.suspend(() => {
      drain("closed")
      return Effect.asVoid(Deferred.await(ended))
    })),
    processAudio: (audio) =>
      operation("processAudio", (op) => {
        if (attachments.current !== undefined) return invalid(op, "a connection feeds this session already")
        if (state.lifecycle._tag === "New") return invalid(op, "the session has not been started")
        if (audio.length > MAX_AUDIO_BYTES) return invalid(op, `more than ${MAX_AUDIO_BYTES} bytes at once`)
        if (audio.length % 2 !== 0) return invalid(op, "not 16-bit samples: an odd number of bytes")
        const fed = attachments.feedByHand()
        if (Result.isFailure(fed)) return Effect.fail(fed.failure)
        input.push(Pcm.toInt16(audio))
        return room
      }),
    sendAudio: (audio) =>
      operation("sendAudio", (op) =>
        audio.length % 2 !== 0 || audio.length > MAX_AUDIO_BYTES * 64
          ? invalid(op, "expected 16-bit samples, at most 4 MiB")
          : queue(op, () => {
            says.set(++sayKey, Pcm.copyInt16(audio))
            dispatch({ _tag: "Say", source: { _tag: "Audio", key: sayKey } })
          })),
    get receiveAudio() {
      return heard.stream
    },
    setAgent: (next) =>
      operation("setAgent", () => {
        agent = next
        return Effect.void
      }),
    state: {
      get: Effect.sync(() => Conversation.publicState(state)),
      // subscribed before the value is read, so that no change falls between
      get changes() {
        return Stream.unwrap(Effect.map(events.subscribe, (told) =>
          Stream.concat(
            Stream.sync(() => Conversation.publicState(state)),
            told.pipe(
              Stream.filter((event) => event.type === "session.state"),
              Stream.map((event) => event.state)
            )
          ).pipe(Stream.changes)))
      }
    },
    persistenceStatus: Effect.sync(() => isClosed() ? "completed" : "active"),
    metadata: Effect.sync(() => metadata),
    updateMetadata: (patch) =>
      operation("updateMetadata", (op) =>
        Effect.map(decodeMetadata(op, MergePatch.merge(metadata, patch)), (next) => {
          metadata = next
          keeping.touch()
        })),
    get events() {
      return events.stream
    },
    history: Effect.sync(() => state.history),
    say: (text, sayOptions) =>
      operation("say", (op) =>
        text.trim() === "" || text.length > MAX_SAY_CHARACTERS
          ? invalid(op, `expected 1 to ${MAX_SAY_CHARACTERS} characters`)
          : queue(op, () =>
            dispatch({
              _tag: "Say",
              source: { _tag: "Text", text, optional: false, uninterruptible: sayOptions?.interruptible === false }
            }))),
    updatePolicy: (next) =>
      operation("updatePolicy", () =>
        Effect.map(Faults.check(ConversationPolicy, next, policyContext), (checked) => {
          policy = checked
          keeping.touch()
          isBackchannel = Backchannel.make(checked.interruption.backchannels)
          rules = undefined
        })),
    sendText: (text) =>
      operation("sendText", (op) => {
        if (UtteranceQueue.isFullOfTexts(state)) return Effect.fail(UtteranceQueue.full(op))
        dispatch({ _tag: "UserText", text })
        return Effect.void
      }),
    interrupt: operation("interrupt", () => Effect.sync(() => dispatch({ _tag: "Interrupt" }))),
    attach: (next) => operation("attach", () => attachments.attach(next)),
    pipeline: (source, pipelineOptions) =>
      PipelineStream.make(session, source, {
        inputSampleRate: pipelineOptions?.inputSampleRate ?? 16_000,
        outputSampleRate: pipelineOptions?.outputSampleRate ?? 24_000,
        room,
        inputEnded: () => input.settle(() => dispatch({ _tag: "InputEnded", atSample: input.position }))
      }),
    ended: Deferred.await(ended)
  }

  /** The session, as its agents see it. */
  const agentSession: AgentSession = {
    background: (effect) => Effect.sync(() => run(`background:${++backgrounds}`, effect)),
    publish: (event) => isClosed() ? undefined : emit(event),
    handOver: (name, turn) =>
      Effect.andThen(
        open("Agent.handOver"),
        Effect.map(options.findAgent(name), (next) => {
          const from = agentName ?? agent.name
          emit({
            type: "agent.handed_over",
            turn,
            ...(from === undefined ? {} : { from }),
            to: name
          })
          agent = next
          agentName = name
          keeping.touch()
          return next
        })
      )
  }

  /** Something happened to an engine while it worked for this session. */
  const incident = ({ engine, error, kind, to, what }: EngineIncident): void => {
    if (isClosed()) return
    emit({
      type: "engine.incident",
      engine,
      kind,
      what,
      ...(to === undefined ? {} : { to }),
      ...(error === undefined ? {} : { code: error.code })
    })
    if (what === "unavailable" && error !== undefined) dispatch({ _tag: "EngineDown", engine, error })
    if (what === "available") {
      for (const down of state.down) dispatch({ _tag: "EngineUp", engine: down })
    }
  }

  // ---- ears and limits ----------------------------------------------------------------------------------------------

  pipeline = yield* options.pipeline({
    sessionId: options.id,
    userId: options.config.userId,
    metadata: () => metadata,
    agent: () => agent,
    session: agentSession,
    history: state.history,
    dispatch,
    tell: (event) => isClosed() ? undefined : emit(event),
    incident,
    planned: keeping.planned,
    input,
    voice,
    busy,
    timeout: options.timeout,
    maxRetries: options.maxRetries,
    retryDelay: options.retryDelay
  })
  rules = undefined
  yield* Effect.fromResult(input.add(heard))
  const record = retained?.user
  if (record !== undefined) {
    // the silence that ends what a lost connection was saying is nobody's
    const push = (pcm: Int16Array) => attachments.attended ? record(pcm) : undefined
    yield* Effect.fromResult(input.add({ sampleRate: TIMELINE_RATE, branch: "receive", push }))
  }
  if (past?.attached === true) attachments.expect(options.resumeWindow, "resume_expired")
  else attachments.expect(options.connectWindow, "never_connected")
  run(
    "longest",
    Effect.sleep(options.longest).pipe(
      Effect.andThen(Effect.sync(() => drain("longest"))),
      // what is in flight may end, but not go on for ever
      Effect.andThen(Effect.suspend(() => Effect.sleep(policy.longestTurn))),
      Effect.andThen(Effect.sync(() => dispatch({ _tag: "Close", reason: "longest" })))
    )
  )

  return {
    session,
    /** The session as it is to be kept. */
    kept: keeping.kept,
    /** Ends the session at once. */
    close: (reason: SessionEnd) => dispatch({ _tag: "Close", reason }),
    /** Nobody can come any more: it ends with its present connection, or at once. An error is told before. */
    last: (reason: SessionEnd, error?: Extract<SessionEventBody, { readonly type: "error" }>) => {
      if (state.lifecycle._tag === "Closed") return
      if (error !== undefined) emit(error)
      attachments.last(reason)
    },
    /** Lets the session finish. */
    drain,
    incident,
    flush
  }
})

/**
 * A session as its backend holds it.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionHandle = Effect.Success<ReturnType<typeof make>>
