/**
 * Assembles a session in its scope: processors, persistence, recording, the pipeline on the backend's engines, and the
 * timers that bound its life.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Resampler from "../audio/resampling/Resampler.ts"
import { TIMELINE_RATE } from "../speech/VoiceActivityDetector.ts"
import type { CallControl } from "./call/CallControl.ts"
import * as EchoCancellation from "./input/EchoCancellation.ts"
import * as ProcessorChain from "./input/ProcessorChain.ts"
import * as ProcessorIncidents from "./input/ProcessorIncidents.ts"
import * as SessionPersistence from "./persistence/SessionPersistence.ts"
import * as SessionRecorder from "./retention/SessionRecorder.ts"
import * as SessionCall from "./SessionCall.ts"
import { SessionCore } from "./SessionCore.ts"
import type { SessionEnd, SessionEventBody } from "./SessionEvent.ts"
import { SessionOperations } from "./SessionOperations.ts"
import type { SessionOptions } from "./SessionOptions.ts"

/** The core of a session, with everything that ends with its scope. */
const makeCore = Effect.fnUntraced(function*(options: SessionOptions) {
  const resamplers = yield* Resampler.load
  const fibers = yield* FiberMap.make<string>()
  const run = yield* FiberMap.runtime(fibers)<never>()
  const { clock, echoCanceller, timeout } = options
  const cancellation = echoCanceller === undefined ? undefined : yield* EchoCancellation.open(echoCanceller, {
    resamplers,
    now: clock.now,
    timeout,
    onIncident: ProcessorIncidents.reporter(
      "the echo canceller",
      (effect) => void run("echo-canceller", effect),
      (incident) => core.onProcessorIncident(incident)
    )
  })
  const processors = yield* ProcessorChain.make(options.processors ?? [], {
    sessionId: options.id,
    metadata: () => core.metadata,
    timeout,
    forked: cancellation !== undefined,
    onIncident: (incident) => core.onProcessorIncident(incident)
  })
  const core: SessionCore = new SessionCore(options, {
    resamplers,
    processors,
    cancellation,
    ended: yield* Deferred.make<SessionEnd>(),
    run,
    cancel: (name) => {
      const fiber = FiberMap.getUnsafe(fibers, name)
      if (fiber._tag === "Some") fiber.value.interruptUnsafe()
    }
  })
  const unwatch = options.leaseWatch?.whenGoingOn(core.goOn)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      unwatch?.()
      core.release()
    })
  )
  return core
})

/** Writes snapshots while the session lives. */
const persist = (core: SessionCore) =>
  SessionPersistence.make({
    write: core.options.writeSnapshot,
    config: core.options.config,
    createdAtMs: core.createdAtMs,
    read: () => ({
      state: core.state,
      metadata: core.metadata,
      policy: core.settings.policy,
      agent: core.agent.registeredName,
      speech: core.text.speech,
      changedLanguage: core.text.changed(),
      callId: core.phone.control?.id,
      attached: core.attachments.attachedBefore,
      seq: core.events.seq
    }),
    heard: (epoch) => core.output.heard(epoch),
    onSaved: (through) => core.emit({ type: "session.saved", through }),
    onTakenOver: core.takenOver,
    onTooLarge: () =>
      core.emitIfOpen({
        type: "error",
        code: "invalid_config",
        message: "the session store refuses texts as too large: they are stored cut",
        details: { reason: "too_large" }
      })
  })

/** Records what the retention hook allows. */
const record = Effect.fnUntraced(function*(core: SessionCore, retention: SessionRecorder.Retention) {
  const { createdAtMs, options: { id } } = core
  const recorder = yield* SessionRecorder.make({
    ...retention,
    id,
    resamplers: core.runtime.resamplers,
    history: () => core.state.history,
    describe: () => ({ session: id, created_at_ms: createdAtMs, metadata: core.metadata })
  })
  core.output.tap = recorder.agent
  return recorder
})

/**
 * Ends the session when it has lasted too long since it was created, by whatever process: what is in flight may end within the
 * time of a turn.
 */
const limitDuration = (core: SessionCore) =>
  Effect.suspend(() => {
    const lastedMs = Math.max(0, core.options.now() - core.createdAtMs)
    return Effect.sleep(Duration.millis(Math.max(0, Duration.toMillis(core.options.maxDuration) - lastedMs)))
  }).pipe(
    Effect.andThen(Effect.sync(() => core.drain("longest"))),
    Effect.andThen(Effect.suspend(() => Effect.sleep(core.settings.policy.longestTurn))),
    Effect.andThen(Effect.sync(() => core.dispatch({ _tag: "Close", reason: "longest" })))
  )

/**
 * Makes a session in a scope of its own; the session has ended when `ended` completes, and is gone when its scope is
 * closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: SessionOptions) {
  const core = yield* makeCore(options)
  const { attachments, input } = core
  const persistence = yield* persist(core)
  core.persistence = persistence
  const recorder = options.retention === undefined ? undefined : yield* record(core, options.retention)
  core.recorder = recorder
  core.usePipeline(
    yield* options.pipeline.open({
      sessionId: options.id,
      speech: core.text.speech,
      textSettings: core.text.settings,
      languages: core.text,
      call: SessionCall.make({
        id: options.id,
        config: options.config,
        provider: options.provider,
        metadata: () => core.metadata,
        connection: () => attachments.latest,
        callFacts: () => core.phone.control?.facts()
      }),
      agent: () => core.agent.current,
      session: core.agent,
      history: core.state.history,
      dispatch: core.dispatch,
      emit: core.emitIfOpen,
      onIncident: core.onEngineIncident,
      planned: persistence.planned,
      inputSampleRate: options.config.inputSampleRate,
      input,
      replyAudio: core.replyAudio,
      output: () => core.settings.policy.output,
      busy: options.busy ?? (() => false),
      timeout: options.timeout,
      maxRetries: options.maxRetries,
      retryDelay: options.retryDelay
    })
  )
  yield* Effect.fromResult(input.add(core.receivedAudio))
  yield* Effect.fromResult(input.add(core.phone.machine))
  const recordUser = recorder?.user
  if (recordUser !== undefined) {
    // the silence that stands in for a lost connection is not the user's
    const push = (pcm: Int16Array) => attachments.isAttached ? recordUser(pcm) : undefined
    yield* Effect.fromResult(input.add({ sampleRate: TIMELINE_RATE, branch: "receive", push }))
  }
  if (options.restored?.attached === true) attachments.startWindow(options.resumeWindow, "resume_expired")
  else if (options.config.call?.dial === undefined) attachments.startWindow(options.connectWindow, "never_connected")
  else attachments.startWindow(options.connectWindow, () => core.phone.notReached())
  core.runtime.run("duration", limitDuration(core))

  return {
    session: new SessionOperations(core),
    /** Whether it is stored, so that another process can go on with it. */
    isStored: options.writeSnapshot !== undefined,
    /** The session as it is to be stored now. */
    snapshot: persistence.snapshot,
    /** Stores the whole session again: the store has lost what was written of it. */
    saveAgain: persistence.saveAgain,
    /** Ends the session here: another process has it. */
    takenOver: core.takenOver,
    /** Why it has ended; `undefined` while it goes on. */
    endReason: (): SessionEnd | undefined => {
      const { lifecycle } = core.state
      return lifecycle._tag === "Closed" ? lifecycle.reason : undefined
    },
    /** Whether its user has ever connected. */
    hasConnected: () => core.attachments.attachedBefore,
    /** Ends the session at once. */
    close: (reason: SessionEnd) => core.dispatch({ _tag: "Close", reason }),
    /** No user can connect any more: the session ends with its present connection, or at once; after the error, if any. */
    linkEnded: (reason: SessionEnd, error?: Extract<SessionEventBody, { readonly type: "error" }>) => {
      if (core.isClosed) return
      if (error !== undefined) core.emit(error)
      attachments.endWithConnection(reason)
    },
    /** Follows the session's call, as its provider controls it. */
    follow: (call: CallControl) =>
      Effect.suspend(() => {
        const following = core.phone.follow(call)
        // a process that takes the session over finds the call by its id
        if (call.id !== undefined) persistence.requestSave()
        return following
      }),
    /** Lets the session finish. */
    drain: core.drain,
    countAudio: () => core.countAudio()
  }
})

/**
 * A session as its backend holds it.
 *
 * @category models
 * @since 0.1.0
 */
export type SessionHandle = Effect.Success<ReturnType<typeof make>>
