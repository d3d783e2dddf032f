/**
 * A session's media links: one at a time, the newest replaces the former, and without one a window runs.
 *
 * Synchronous but for what closes; what takes time is run under a name in the session's fibers.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { BackendError } from "../BackendError.ts"
import * as Conversation from "../conversation/Conversation.ts"
import type { ConversationInput } from "../conversation/ConversationInput.ts"
import type { State } from "../conversation/ConversationState.ts"
import type { ClientMessage } from "./ClientMessage.ts"
import type { AudioInput } from "./input/AudioInput.ts"
import * as PipelineStream from "./PipelineStream.ts"
import type { AudioOutput } from "./playout/AudioOutput.ts"
import type { Convert } from "./playout/ReplyPlayout.ts"
import type { SessionEnd, SessionEventBody } from "./SessionEvent.ts"
import type { ConnectionClose, UserConnection } from "./UserConnection.ts"
import * as UtteranceQueue from "./UtteranceQueue.ts"

/** A connection may send audio this much faster than real time, and ahead of it. */
const FLOOD_RATE = 1.5
const FLOOD_BURST_MS = 5_000
/** A connection that goes on so long when its user's audio is used up is let go of. */
const MAX_EXCESS_MS = 60_000
/** How long a connection that is let go of may take to close. */
const CLOSE_DEADLINE = "2 seconds"

/**
 * What the attachments need of their session.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttachmentsOptions {
  readonly input: Pick<AudioInput, "open" | "push" | "gap" | "settle" | "position">
  readonly output: Pick<AudioOutput, "attach" | "reported">
  readonly convert: Convert
  readonly resumeWindow: Duration.Duration
  /** It has had an attachment in a former process. */
  readonly resumed: boolean
  /** Takes so much of the audio that the user may still send; `false` is a refusal. */
  readonly takeAudio?: ((ms: number) => boolean) | undefined
  readonly now: () => number
  readonly emit: (event: SessionEventBody) => void
  readonly dispatch: (event: ConversationInput) => void
  readonly state: () => State
  /** Runs in the session's scope; a former one of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}

const closeConnection = (which: UserConnection, reason: ConnectionClose) =>
  which.close(reason).pipe(Effect.timeoutOption(CLOSE_DEADLINE), Effect.ignore)

/**
 * @category models
 * @since 0.1.0
 */
export class Attachments {
  readonly #options: AttachmentsOptions
  #connection: UserConnection | undefined
  #attachedBefore: boolean
  #handFed = false
  #noMore: SessionEnd | undefined

  constructor(options: AttachmentsOptions) {
    this.#options = options
    this.#attachedBefore = options.resumed
  }

  /** Who listens now. */
  get current(): UserConnection | undefined {
    return this.#connection
  }

  /** Somebody is there to hear what the agent says, or a program feeds the session. */
  get attended(): boolean {
    return this.#connection !== undefined || this.#handFed
  }

  /** There has been one. */
  get attachedBefore(): boolean {
    return this.#attachedBefore
  }

  /** Nobody is waited for any longer: the conversation begins. */
  begin(): void {
    this.#options.cancel("window")
    this.#options.dispatch({ _tag: "Started" })
  }

  /** The session ends unless somebody comes within the window. */
  expect(window: Duration.Duration, reason: SessionEnd): void {
    const { dispatch, run } = this.#options
    run("window", Effect.andThen(Effect.sleep(window), Effect.sync(() => dispatch({ _tag: "Close", reason }))))
  }

  attach(next: UserConnection): Effect.Effect<void, BackendError> {
    return Effect.suspend(() => {
      const { convert, emit, input, output, state } = this.#options
      const opened = input.open(next.format.input.sampleRate)
      if (Result.isFailure(opened)) return Effect.fail(opened.failure)
      const former = this.#connection
      // the former hears of it: a link without close codes would come back and take its place again
      if (former !== undefined) emit({ type: "connection.detached", connection: former.id, reason: "replaced" })
      this.#connection = next
      this.#handFed = false
      const resumed = this.#attachedBefore
      this.#attachedBefore = true
      emit({
        type: "session.started",
        input: next.format.input,
        output: next.format.output,
        resumed
      })
      emit({ type: "session.state", state: Conversation.publicState(state()) })
      emit({ type: "connection.attached", connection: next.id, transport: next.transport })
      output.attach(next, convert)
      // what has arrived already is part of the conversation
      this.begin()
      this.#listen(next)
      return former === undefined ? Effect.void : closeConnection(former, "replaced")
    })
  }

  /** Audio comes from a program at 16 kHz; what the agent says is played to nobody. */
  feedByHand(): Result.Result<void, BackendError> {
    if (this.#handFed) return Result.void
    const { cancel, convert, input, output } = this.#options
    return Result.map(input.open(16_000), () => {
      this.#handFed = true
      // it is not waited for anybody
      cancel("window")
      // nobody listens, but time goes on: what the agent says is played to nobody
      output.attach(PipelineStream.nobody, convert)
    })
  }

  /** Lets go of a connection, if it is the present one; without a close it is gone already. */
  detach(which: UserConnection, reason: string, close: ConnectionClose | undefined): void {
    if (this.#connection !== which) return
    const { convert, dispatch, emit, input, output, resumeWindow, run, state } = this.#options
    this.#connection = undefined
    output.attach(undefined, convert)
    emit({ type: "connection.detached", connection: which.id, reason })
    if (close !== undefined) run("detach", closeConnection(which, close))
    const { lifecycle, user } = state()
    if (lifecycle._tag === "Closed") return
    // there is nobody left to hear the rest
    if (lifecycle._tag === "Draining") return dispatch({ _tag: "Close", reason: lifecycle.reason })
    // nobody speaks any more: what was being said is complete
    input.gap(which.format.input.sampleRate * 2)
    input.settle(() => {
      if (user._tag !== "Speaking" || this.#connection !== undefined) return
      dispatch({ _tag: "SpeechStopped", atSample: input.position, decidedAtSample: input.position })
    })
    if (this.#noMore !== undefined) return dispatch({ _tag: "Close", reason: this.#noMore })
    this.expect(resumeWindow, "resume_expired")
  }

  /** Nobody can come any more: the session ends for this reason with its present connection, or at once. */
  last(reason: SessionEnd): void {
    this.#noMore = reason
    if (!this.attended) this.#options.dispatch({ _tag: "Close", reason })
  }

  /** The session has ended: lets go of what is there at once, closes it, and then does the last thing. */
  end(then: Effect.Effect<unknown>): void {
    const { cancel, convert, output, run } = this.#options
    const last = this.#connection
    this.#connection = undefined
    output.attach(undefined, convert)
    cancel("window")
    run("close", Effect.ensuring(last === undefined ? Effect.void : closeConnection(last, "session_ended"), then))
  }

  #heed(which: UserConnection, message: ClientMessage): void {
    if (this.#connection !== which) return
    const { dispatch, emit, output, state } = this.#options
    switch (message.type) {
      case "user.text": {
        if (!UtteranceQueue.isFullOfTexts(state())) return dispatch({ _tag: "UserText", text: message.text })
        const { code, message: refusal } = UtteranceQueue.full("VoiceSession.sendText")
        return emit({ type: "error", code, message: refusal, details: { reason: "queue_full" } })
      }
      case "agent.interrupt":
        return dispatch({ _tag: "Interrupt" })
      case "playout.position":
        return output.reported(message.turn, message.playedMs)
      case "session.end":
        return dispatch({ _tag: "Close", reason: "user_ended" })
      case "ping":
        return emit({ type: "pong" })
    }
  }

  #listen(which: UserConnection): void {
    const { emit, input, now, takeAudio: take } = this.#options
    const rate = which.format.input.sampleRate
    const since = now()
    let takenMs = 0
    let droppedMs = 0
    let excessMs = 0
    let toldAt = Number.NEGATIVE_INFINITY
    const bounded = which.transport !== "memory"
    const takeAudio = bounded ? take : undefined
    const drop = (ms: number, reason: string): void => {
      droppedMs += ms
      if (now() - toldAt < 1_000) return
      toldAt = now()
      emit({ type: "audio.dropped", reason, ms: Math.round(droppedMs) })
      droppedMs = 0
    }
    const refuse = (ms: number): void => {
      excessMs += ms
      if (excessMs < MAX_EXCESS_MS) return drop(ms, "rate limit")
      emit({ type: "error", code: "rate_limit_exceeded", message: "the user's audio is used up for now" })
      this.detach(which, "rate limit", "rate_limited")
    }
    which.listen({
      audio: (pcm) => {
        if (this.#connection !== which) return
        const ms = pcm.length * 1000 / rate
        if (bounded && takenMs + ms > (now() - since) * FLOOD_RATE + FLOOD_BURST_MS) {
          return drop(ms, "faster than real time")
        }
        takenMs += ms
        if (takeAudio !== undefined && !takeAudio(ms)) {
          // silence in its place: what was being said comes to its end
          input.gap(pcm.length)
          return refuse(ms)
        }
        input.push(pcm)
      },
      gap: (samples) => this.#connection === which ? input.gap(samples) : undefined,
      message: (message) => this.#heed(which, message),
      malformed: (reason) => {
        if (this.#connection !== which) return
        emit({ type: "error", code: "invalid_config", message: `a message was ignored: ${reason}` })
      },
      closed: (reason) => this.detach(which, reason, undefined)
    })
  }
}
