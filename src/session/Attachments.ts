/**
 * A session's connections: one at a time, the newest replaces the former, and without one a time window runs.
 *
 * Synchronous except for closing; what takes time runs under a name in the session's fibers.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { type BackendError, InvalidConfig } from "../BackendError.ts"
import { BurstLimit } from "../BurstLimit.ts"
import * as Conversation from "../conversation/Conversation.ts"
import type { ConversationInput } from "../conversation/ConversationInput.ts"
import type { State } from "../conversation/ConversationState.ts"
import { finalizeWithin } from "../Deadline.ts"
import type { ClientMessage } from "./ClientMessage.ts"
import { FloodLimit } from "./FloodLimit.ts"
import type { AudioInput } from "./input/AudioInput.ts"
import * as PipelineStream from "./PipelineStream.ts"
import type { AudioOutput } from "./playout/AudioOutput.ts"
import type { Convert } from "./playout/ReplyPlayout.ts"
import type { SessionEnd, SessionEventBody } from "./SessionEvent.ts"
import { uninterruptible } from "./Uninterruptible.ts"
import type { ConnectionClose, ConnectionListener, UserConnection } from "./UserConnection.ts"
import * as UtteranceQueue from "./UtteranceQueue.ts"

/** A connection that sends this much more audio than its quota is detached, in ms. */
const MAX_EXCESS_MS = 60_000
/**
 * How many messages of a connection are answered at once (`pong`, `error`), and a second: what the flood limit lets in. A
 * transport that has stopped reading still delivers what it has read, ten thousand messages and more.
 */
const ANSWERS = { burst: 512, perSecond: 128 }
/** How long a detached connection may take to close. */
const CLOSE_DEADLINE = "2 seconds"

/**
 * What the attachments use of their session.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttachmentsOptions {
  readonly input: Pick<AudioInput, "open" | "push" | "gap" | "settle" | "position">
  readonly output: Pick<AudioOutput, "attach" | "reported" | "playedAtFarEnd">
  readonly convert: Convert
  readonly resumeWindow: Duration.Duration
  /** How long a user who is gone is waited for at least, now: while their call is being transferred. Default: no longer. */
  readonly leastWindow?: (() => Duration.Duration | undefined) | undefined
  /** Whether the restored session has had a connection before. */
  readonly resumed: boolean
  /** Takes so many ms from the user's audio quota; `false` when it is exhausted. */
  readonly takeAudio?: ((ms: number) => boolean) | undefined
  /** Whether the user's audio reaches the agent now. Default: always. */
  readonly hears?: (() => boolean) | undefined
  /** A connection is gone, or was replaced. */
  readonly onDetached?: (() => void) | undefined
  /** Takes a key that the user has pressed. */
  readonly onDigit?: ((digit: string) => void) | undefined
  /** Carries out what a client asks of the conversation; returns why it is refused. Default: nothing can be asked. */
  readonly control?: ConnectionListener["control"]
  readonly now: () => number
  readonly emit: (event: SessionEventBody) => void
  readonly dispatch: (event: ConversationInput) => void
  readonly state: () => State
  /** Whether the policy lets the user interrupt the agent. */
  readonly interruptible: () => boolean
  /** Runs in the session's scope; a former effect of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}

/** Not ended by the end of the session's scope: a connection whose close is interrupted may stay open. */
const closeConnection = (which: UserConnection, reason: ConnectionClose) =>
  Effect.uninterruptible(Effect.asVoid(finalizeWithin(CLOSE_DEADLINE)(which.close(reason))))

/** The refusal of what a connection asks that is not the session's any more. */
const gone = new InvalidConfig({
  op: "VoiceSession.control",
  message: "another connection has the session",
  details: { reason: "detached" }
})

/** What a connection that is gone says of the call. Facts that throw must not keep it. */
const lastOf = (which: UserConnection): Pick<UserConnection, "transport" | "facts"> => {
  const { transport } = which
  try {
    return { transport, facts: which.facts }
  } catch {
    return { transport }
  }
}

/**
 * @category models
 * @since 0.1.0
 */
export class Attachments {
  readonly #options: AttachmentsOptions
  #connection: UserConnection | undefined
  /** Of the connection that was closed last. */
  #closed: Pick<UserConnection, "transport" | "facts"> | undefined
  #attachedBefore: boolean
  #isFedByProgram = false
  #endReason: SessionEnd | undefined
  /** How many connections have been closed. */
  #closes = 0
  /** The last reply whose interruption was refused. */
  #refusedEpoch = 0

  constructor(options: AttachmentsOptions) {
    this.#options = options
    this.#attachedBefore = options.resumed
  }

  /** The present connection. */
  get current(): UserConnection | undefined {
    return this.#connection
  }

  /** What the present connection says of the call, else what the last one said; `undefined` before the first. */
  get latest(): Pick<UserConnection, "transport" | "facts"> | undefined {
    return this.#connection ?? this.#closed
  }

  /** Whether there is a connection, or a program feeds the session. */
  get isAttached(): boolean {
    return this.#connection !== undefined || this.#isFedByProgram
  }

  /** Whether there has been a connection. */
  get attachedBefore(): boolean {
    return this.#attachedBefore
  }

  /** Stops the time window, and starts the conversation. */
  start(): void {
    this.#options.cancel("window")
    this.#options.dispatch({ _tag: "Started" })
  }

  /** Ends the session unless a connection comes within the window: for this reason, or as is said. */
  startWindow(window: Duration.Duration, end: SessionEnd | (() => void)): void {
    const { dispatch, run } = this.#options
    const close = typeof end === "function" ? end : () => dispatch({ _tag: "Close", reason: end })
    run("window", Effect.andThen(Effect.sleep(window), Effect.sync(close)))
  }

  /** Does not wait until the former connection, if there is one, has closed. */
  attach(next: UserConnection): Effect.Effect<void, BackendError> {
    return Effect.suspend(() => {
      if (next === this.#connection) return Effect.void
      const { convert, emit, input, output, state } = this.#options
      const opened = input.open(next.format.input.sampleRate)
      if (Result.isFailure(opened)) return Effect.fail(opened.failure)
      const former = this.#connection
      // also to the former connection: a client without close codes would reconnect and replace this one again
      if (former !== undefined) {
        emit({ type: "connection.detached", connection: former.id, reason: "replaced" })
        this.#options.onDetached?.()
        // in a fiber of the session: the caller may be interrupted, and must not leave it open
        this.#closeLater(former, "replaced")
      }
      // the former connection may have ended it by a defect
      if (state().lifecycle._tag === "Closed") return closeConnection(next, "session_ended")
      this.#connection = next
      this.#isFedByProgram = false
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
      // audio that has arrived already belongs to the conversation
      this.start()
      this.#listen(next)
      return Effect.void
    })
  }

  /** A program feeds audio at 16 kHz; the agent's speech is paced, and discarded. */
  feedByProgram(): Result.Result<void, BackendError> {
    if (this.#isFedByProgram) return Result.void
    const { cancel, convert, input, output } = this.#options
    return Result.map(input.open(16_000), () => {
      this.#isFedByProgram = true
      cancel("window")
      output.attach(PipelineStream.nullConnection, convert)
    })
  }

  /** Detaches a connection, if it is the present one. Without a close reason it is closed already. */
  detach(which: UserConnection, reason: string, close: ConnectionClose | undefined): void {
    if (this.#connection !== which) return
    const { convert, dispatch, emit, input, output, resumeWindow, state } = this.#options
    this.#connection = undefined
    this.#closed = lastOf(which)
    output.attach(undefined, convert)
    emit({ type: "connection.detached", connection: which.id, reason })
    this.#options.onDetached?.()
    if (close !== undefined) this.#closeLater(which, close)
    const { lifecycle, user } = state()
    if (lifecycle._tag === "Closed") return
    // without a connection the rest of the reply would not be heard
    if (lifecycle._tag === "Draining") return dispatch({ _tag: "Close", reason: lifecycle.reason })
    // the user cannot go on speaking: what was being said is complete
    input.gap(which.format.input.sampleRate * 2)
    input.settle(() => {
      if (user._tag !== "Speaking" || this.#connection !== undefined) return
      dispatch({ _tag: "SpeechStopped", atSample: input.position, decidedAtSample: input.position })
    })
    if (this.#endReason !== undefined) return dispatch({ _tag: "Close", reason: this.#endReason })
    const least = this.#options.leastWindow?.()
    this.startWindow(least === undefined ? resumeWindow : Duration.max(least, resumeWindow), "resume_expired")
  }

  /** No connection can come any more: the session ends with the present one, or at once. */
  endWithConnection(reason: SessionEnd): void {
    this.#endReason = reason
    if (!this.isAttached) this.#options.dispatch({ _tag: "Close", reason })
  }

  /** The session has ended: detaches the connection at once, closes it, and then runs the effect. */
  close(then: Effect.Effect<unknown>): void {
    const { cancel, convert, output, run } = this.#options
    const last = this.#connection
    this.#connection = undefined
    if (last !== undefined) this.#closed = lastOf(last)
    output.attach(undefined, convert)
    cancel("window")
    run("close", Effect.ensuring(last === undefined ? Effect.void : closeConnection(last, "session_ended"), then))
  }

  /** Each under a name of its own: the close of one connection must not interrupt that of another. */
  #closeLater(which: UserConnection, reason: ConnectionClose): void {
    this.#options.run(`detach:${++this.#closes}`, closeConnection(which, reason))
  }

  #onMessage(which: UserConnection, message: ClientMessage, answer: (event: SessionEventBody) => void): void {
    if (this.#connection !== which) return
    const { dispatch, output, state } = this.#options
    switch (message.type) {
      case "user.text": {
        if (!UtteranceQueue.isFullOfTexts(state(), message.text)) {
          return dispatch({ _tag: "UserText", text: message.text })
        }
        const { code, message: refusal } = UtteranceQueue.full("VoiceSession.sendText")
        return answer({ type: "error", code, message: refusal, details: { reason: "queue_full" } })
      }
      case "agent.interrupt":
        return this.#onInterrupt()
      case "playout.position":
        return output.reported(message.turn, message.playedMs)
      case "user.dtmf":
        return this.#options.onDigit?.(message.digit)
      case "session.end":
        return dispatch({ _tag: "Close", reason: "user_ended" })
      case "ping":
        return answer({ type: "pong" })
    }
  }

  /** The user presses stop; told once for each reply that may not be interrupted. */
  #onInterrupt(): void {
    const { dispatch, emit, interruptible, state } = this.#options
    const { agent, epoch, lifecycle } = state()
    const isGoodbye = lifecycle._tag === "Draining" && agent._tag !== "Silent" && agent.reply.source._tag === "Text"
    if (
      agent._tag === "Silent" || (interruptible() && !isGoodbye && !Conversation.isReplyUninterruptible(state()))
    ) {
      return dispatch({ _tag: "Interrupt", force: false })
    }
    if (this.#refusedEpoch === epoch) return
    this.#refusedEpoch = epoch
    const { code, details, message } = uninterruptible("VoiceSession.interrupt")
    emit({ type: "error", code, message, ...(details === undefined ? {} : { details }) })
  }

  #listen(which: UserConnection): void {
    const { control, emit, hears, input, now, output, takeAudio: take } = this.#options
    const rate = which.format.input.sampleRate
    const floodLimit = which.transport === "memory" ? undefined : new FloodLimit()
    let droppedMs = 0
    let excessMs = 0
    let reportedAt = Number.NEGATIVE_INFINITY
    const takeAudio = floodLimit === undefined ? undefined : take
    const answers = floodLimit === undefined ? undefined : new BurstLimit(ANSWERS.burst, ANSWERS.perSecond)
    const answer = (event: SessionEventBody): void => {
      if (answers === undefined || answers.waitMs(now()) <= 0) {
        answers?.spend(1, now())
        emit(event)
      }
    }
    const drop = (ms: number, reason: string): void => {
      droppedMs += ms
      if (now() - reportedAt < 1_000) return
      reportedAt = now()
      emit({ type: "audio.dropped", reason, ms: Math.round(droppedMs) })
      droppedMs = 0
    }
    const refuse = (ms: number): void => {
      excessMs += ms
      if (excessMs < MAX_EXCESS_MS) return drop(ms, "rate limit")
      emit({ type: "error", code: "rate_limit_exceeded", message: "audio quota exceeded" })
      this.detach(which, "rate limit", "rate_limited")
    }
    which.listen({
      audio: (pcm) => {
        if (this.#connection !== which) return
        const ms = pcm.length * 1000 / rate
        if (floodLimit?.takes(ms, now()) === false) return drop(ms, "faster than real time")
        if (takeAudio !== undefined && !takeAudio(ms)) {
          // silence in its place, so that the utterance ends
          input.gap(pcm.length)
          return refuse(ms)
        }
        if (hears?.() === false) return input.gap(pcm.length)
        input.push(pcm)
      },
      played: (epoch, playedMs) => {
        if (this.#connection === which) output.playedAtFarEnd(epoch, playedMs)
      },
      gap: (samples) => this.#connection === which ? input.gap(samples) : undefined,
      control: (asked) => this.#connection === which ? control?.(asked) : gone,
      message: (message) => this.#onMessage(which, message, answer),
      malformed: (reason) => {
        if (this.#connection !== which) return
        answer({ type: "error", code: "invalid_config", message: `message ignored: ${reason}` })
      },
      closed: (reason) => this.detach(which, reason, undefined)
    })
  }
}
