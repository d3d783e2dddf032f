/**
 * The operations of a session: checks what callers ask for, measures it, and hands it to the session's core.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Agent } from "../agent/Agent.ts"
import * as Pcm from "../audio/Pcm.ts"
import { type BackendError, ContextCanceled, InvalidConfig, SessionLimitExceeded } from "../BackendError.ts"
import * as Conversation from "../conversation/Conversation.ts"
import type { ConversationPolicy } from "../conversation/ConversationPolicy.ts"
import type { HistoryItem } from "../conversation/History.ts"
import type { LanguageChange } from "../LanguageChange.ts"
import type * as TelemetryNames from "../telemetry/TelemetryNames.ts"
import * as CallCommand from "./call/CallCommand.ts"
import * as DigitCollection from "./call/DigitCollection.ts"
import { textFault } from "./ClientMessage.ts"
import * as MergePatch from "./MergePatch.ts"
import type { Observable } from "./Observable.ts"
import * as PipelineStream from "./PipelineStream.ts"
import { hasEnded } from "./SessionAgent.ts"
import { checkPolicy, decodeMetadata, decodeSpeech, type Metadata, type SessionConfig } from "./SessionConfig.ts"
import type { SessionControl } from "./SessionControl.ts"
import type { SessionCore } from "./SessionCore.ts"
import type { SessionEnd, SessionEvent, SessionState } from "./SessionEvent.ts"
import { uninterruptible } from "./Uninterruptible.ts"
import type { UserConnection } from "./UserConnection.ts"
import * as UtteranceQueue from "./UtteranceQueue.ts"
import type {
  InterruptOptions,
  PersistenceStatus,
  PipelineOptions,
  PipelineOutput,
  SayOptions,
  VoiceSession
} from "./VoiceSession.ts"

type SessionOperation = TelemetryNames.Operation extends infer Name ? Name extends `session.${infer Own}` ? Own : never
  : never

const MAX_AUDIO_BYTES = 65_536
/** `sendAudio` takes up to 4 MiB at once. */
const MAX_SEND_AUDIO_BYTES = MAX_AUDIO_BYTES * 64
/** The most audio that may wait to be played: 5 min, about 14 MB at 24 kHz. */
const MAX_QUEUED_AUDIO_MS = 5 * 60_000
/** A caller that feeds audio faster than real time waits while more than this has not passed the processors: 2 s. */
const MAX_BEHIND = 32_000
/** And while a detector in another thread is further behind than this: 0.3 s, the most that it is in real time. */
const MAX_DETECTOR_BEHIND = 4_800

const invalid = (op: string, message: string) => Effect.fail(new InvalidConfig({ op, message }))

/**
 * The public side of a session.
 *
 * @category models
 * @since 0.1.0
 */
export class SessionOperations implements VoiceSession {
  readonly id: string
  readonly config: SessionConfig
  readonly start: Effect.Effect<void, BackendError>
  readonly stop: Effect.Effect<void, BackendError>
  readonly state: Observable<SessionState>
  readonly persistenceStatus: Effect.Effect<PersistenceStatus>
  readonly metadata: Effect.Effect<Metadata>
  readonly language: Effect.Effect<string | undefined>
  readonly history: Effect.Effect<ReadonlyArray<HistoryItem>>
  readonly hangUp: Effect.Effect<void, BackendError>
  readonly ended: Effect.Effect<SessionEnd>
  readonly #core: SessionCore
  /** Waits while fed audio is too far ahead of what the engines have heard. */
  readonly #inputCapacity: Effect.Effect<void>

  constructor(core: SessionCore) {
    const { config, id, measure = () => identity } = core.options
    this.#core = core
    this.id = id
    this.config = config
    this.start = this.#operation("start", () => Effect.sync(() => core.attachments.start()))
    this.stop = measure("session.stop")(Effect.suspend(() => {
      core.drain("closed")
      return Effect.asVoid(Deferred.await(core.runtime.ended))
    }))
    this.state = stateOf(core)
    this.persistenceStatus = Effect.sync(() => core.isClosed ? "completed" : "active")
    this.metadata = Effect.sync(() => core.metadata)
    this.language = Effect.sync(core.text.ofUser)
    this.history = Effect.sync(() => core.state.history)
    this.hangUp = this.#call("hangUp", { action: "hang_up" })
    this.ended = Deferred.await(core.runtime.ended)
    const { input } = core
    this.#inputCapacity = Effect.suspend(() =>
      input.behind <= MAX_BEHIND && input.detectorBehind <= MAX_DETECTOR_BEHIND
        ? Effect.void
        // a session that ends hears nothing any more
        : Effect.raceFirst(
          Effect.callback<void>((resume) => input.settle(() => resume(Effect.void))),
          this.ended
        ).pipe(Effect.asVoid)
    )
  }

  get receiveAudio(): Stream.Stream<Uint8Array> {
    return this.#core.receivedAudio.stream
  }

  get events(): Stream.Stream<SessionEvent> {
    return this.#core.events.readers.stream
  }

  readonly processAudio = (audio: Uint8Array): Effect.Effect<void, BackendError> =>
    this.#operation("processAudio", (op) => {
      const { attachments, input, state } = this.#core
      if (attachments.current !== undefined) return invalid(op, "a connection already feeds this session")
      if (state.lifecycle._tag === "New") return invalid(op, "the session has not been started: call start first")
      if (audio.length > MAX_AUDIO_BYTES) return invalid(op, `expected at most ${MAX_AUDIO_BYTES} bytes at once`)
      if (audio.length % 2 !== 0) return invalid(op, "expected 16-bit samples, got an odd number of bytes")
      const fed = attachments.feedByProgram()
      if (Result.isFailure(fed)) return Effect.fail(fed.failure)
      input.push(Pcm.toInt16(audio))
      return this.#inputCapacity
    })

  readonly sendAudio = (audio: Uint8Array): Effect.Effect<void, BackendError> =>
    this.#operation("sendAudio", (op) =>
      audio.length % 2 !== 0 || audio.length > MAX_SEND_AUDIO_BYTES
        ? invalid(op, "expected 16-bit samples, at most 4 MiB")
        : Effect.suspend(() => {
          const { dispatch, output: { sampleRate }, replies } = this.#core
          const ms = audio.length / 2 * 1_000 / sampleRate
          if (replies.queuedAudioMs + ms > MAX_QUEUED_AUDIO_MS) {
            return Effect.fail(
              new SessionLimitExceeded({
                op,
                message: "more than 5 min of audio wait to be played",
                details: { reason: "queue_full" }
              })
            )
          }
          return this.#enqueue(op, "", () => {
            const key = replies.addAudio(Pcm.copyInt16(audio), sampleRate)
            dispatch({ _tag: "Say", source: { _tag: "Audio", key } })
          })
        }))

  readonly setAgent = (agent: Agent): Effect.Effect<void, BackendError> =>
    this.#operation("setAgent", () => {
      this.#core.agent.current = agent
      return Effect.void
    })

  readonly setLanguage = (language: string): Effect.Effect<LanguageChange, BackendError> =>
    this.#operation(
      "setLanguage",
      (op) => Effect.map(decodeSpeech(op, { language }), () => this.#core.setLanguage(language))
    )

  readonly updateMetadata = (patch: Metadata): Effect.Effect<void, BackendError> =>
    this.#operation(
      "updateMetadata",
      (op) =>
        Effect.map(decodeMetadata(op, MergePatch.merge(this.#core.metadata, patch)), (next) => {
          this.#core.metadata = next
          this.#core.persistence?.requestSave()
        })
    )

  readonly say = (text: string, options?: SayOptions): Effect.Effect<void, BackendError> =>
    this.#operation("say", (op) => {
      const fault = text.trim() === "" ? "expected a text" : textFault(text)
      if (fault !== undefined) return invalid(op, fault)
      return this.#enqueue(op, text, () =>
        this.#core.dispatch({
          _tag: "Say",
          source: { _tag: "Text", text, optional: false, uninterruptible: options?.interruptible === false }
        }))
    })

  readonly interrupt = (options?: InterruptOptions): Effect.Effect<void, BackendError> =>
    this.#operation("interrupt", (op) => {
      const force = options?.force === true
      if (!force && Conversation.isReplyUninterruptible(this.#core.state)) return Effect.fail(uninterruptible(op))
      this.#core.dispatch({ _tag: "Interrupt", force })
      return Effect.void
    })

  readonly sendText = (text: string): Effect.Effect<void, BackendError> =>
    this.#operation("sendText", (op) => {
      const fault = textFault(text)
      if (fault !== undefined) return invalid(op, fault)
      if (UtteranceQueue.isFullOfTexts(this.#core.state, text)) return Effect.fail(UtteranceQueue.full(op))
      this.#core.dispatch({ _tag: "UserText", text })
      return Effect.void
    })

  readonly updatePolicy = (policy: ConversationPolicy): Effect.Effect<void, BackendError> =>
    this.#operation(
      "updatePolicy",
      () =>
        Effect.map(checkPolicy(policy), (checked) => {
          this.#core.settings.setPolicy(checked)
          this.#core.persistence?.requestSave()
          this.#core.dispatch({ _tag: "PolicyChanged" })
        })
    )

  readonly control = (control: SessionControl): Effect.Effect<void, BackendError> =>
    this.#operation("control", () => {
      const refused = this.#core.controls.control(control)
      return refused === undefined ? Effect.void : Effect.fail(refused)
    })

  readonly sendDtmf = (digits: string): Effect.Effect<void, BackendError> =>
    this.#call("sendDtmf", { action: "send_dtmf", digits })

  readonly collectDigits = (
    options?: DigitCollection.CollectOptions
  ): Effect.Effect<DigitCollection.CollectedDigits, BackendError> =>
    this.#operation("collectDigits", (op) =>
      Effect.flatMap(
        DigitCollection.make(op, options),
        (asked) => this.#core.phone.keypad.collect(op, asked, true)
      ))

  readonly transfer = (
    target: CallCommand.TransferTarget,
    options?: CallCommand.TransferOptions
  ): Effect.Effect<void, BackendError> => this.#call("transfer", CallCommand.transfer(target, options))

  readonly hold = (on: boolean): Effect.Effect<void, BackendError> => this.#call("hold", { action: "hold", on })

  readonly mute = (on: boolean): Effect.Effect<void, BackendError> => this.#call("mute", { action: "mute", on })

  readonly attach = (connection: UserConnection): Effect.Effect<void, BackendError> =>
    this.#operation("attach", () => this.#core.attachments.attach(connection))

  readonly pipeline = <E, R>(
    source: Stream.Stream<Uint8Array, E, R>,
    options?: PipelineOptions
  ): Stream.Stream<PipelineOutput, BackendError | E, R> => {
    const { attachments, dispatch, input } = this.#core
    return PipelineStream.make(this, source, {
      inputSampleRate: options?.inputSampleRate ?? 16_000,
      outputSampleRate: options?.outputSampleRate ?? 24_000,
      inputCapacity: this.#inputCapacity,
      inputEnded: () => input.settle(() => dispatch({ _tag: "InputEnded", atSample: input.position })),
      isAttached: (connection) => attachments.current === connection
    })
  }

  #call(name: SessionOperation, command: CallCommand.CallCommand): Effect.Effect<void, BackendError> {
    return this.#operation(
      name,
      (op) => Effect.flatMap(CallCommand.check(op, command), (checked) => this.#core.phone.run(op, checked))
    )
  }

  /** Measures an operation; on a session that has ended it fails `session_not_found`. */
  #operation<A>(
    name: SessionOperation,
    run: (op: string) => Effect.Effect<A, BackendError>
  ): Effect.Effect<A, BackendError> {
    const { id, measure = () => identity } = this.#core.options
    const op = `VoiceSession.${name}`
    return measure(`session.${name}`)(
      Effect.suspend(() => this.#core.isClosed ? Effect.fail(hasEnded(op, id)) : run(op))
    )
  }

  #enqueue(op: string, text: string, add: () => void): Effect.Effect<void, BackendError> {
    const { state } = this.#core
    const { lifecycle } = state
    if (lifecycle._tag === "Draining") {
      return Effect.fail(new ContextCanceled({ op, message: "the session is ending" }))
    }
    if (UtteranceQueue.isFull(state, text)) return Effect.fail(UtteranceQueue.full(op))
    add()
    return Effect.void
  }
}

/** The public state; subscribed to before it is read, so that no change is missed in between. */
const stateOf = (core: SessionCore): Observable<SessionState> => ({
  get: Effect.sync(() => Conversation.publicState(core.state)),
  get changes() {
    return Stream.unwrap(Effect.map(core.events.readers.subscribe, (events) =>
      Stream.concat(
        Stream.sync(() => Conversation.publicState(core.state)),
        events.pipe(
          Stream.filter((event) => event.type === "session.state"),
          Stream.map((event) => event.state)
        )
      ).pipe(Stream.changes)))
  }
})
