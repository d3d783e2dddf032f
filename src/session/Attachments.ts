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
import type { State } from "../conversation/ConversationState.ts"
import type { AudioInput } from "./AudioInput.ts"
import type { AudioOutput, Convert } from "./AudioOutput.ts"
import type { ClientMessage } from "./ClientMessage.ts"
import type { Happening } from "./Pipeline.ts"
import * as PipelineStream from "./PipelineStream.ts"
import * as SayQueue from "./SayQueue.ts"
import type { SessionEnd, SessionEventBody } from "./SessionEvent.ts"
import type { ConnectionClose, UserConnection } from "./UserConnection.ts"

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
  readonly dispatch: (event: Happening) => void
  readonly state: () => State
  /** Runs in the session's scope; a former one of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Attachments {
  /** Who listens now. */
  readonly current: UserConnection | undefined
  /** Somebody is there to hear what the agent says, or a program feeds the session. */
  readonly attended: boolean
  /** There has been one. */
  readonly attachedBefore: boolean
  /** Nobody is waited for any longer: the conversation begins. */
  readonly begin: () => void
  /** The session ends unless somebody comes within the window. */
  readonly expect: (window: Duration.Duration, otherwise: SessionEnd) => void
  readonly attach: (next: UserConnection) => Effect.Effect<void, BackendError>
  /** Audio comes from a program at 16 kHz; what the agent says is played to nobody. */
  readonly feedByHand: () => Result.Result<void, BackendError>
  /** Lets go of a connection, if it is the present one. */
  readonly detach: (which: UserConnection, reason: string, close: ConnectionClose) => void
  /** Nobody can come any more: the session ends for this reason with its present connection, or at once. */
  readonly last: (reason: SessionEnd) => void
  /** The session has ended: lets go of what is there at once, closes it, and then does the last thing. */
  readonly end: (last: Effect.Effect<unknown>) => void
}

const closeConnection = (which: UserConnection, reason: ConnectionClose) =>
  which.close(reason).pipe(Effect.timeoutOption(CLOSE_DEADLINE), Effect.ignore)

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: AttachmentsOptions): Attachments => {
  const { cancel, convert, dispatch, emit, input, now, output, run, state } = options
  let connection: UserConnection | undefined
  let attachedBefore = options.resumed
  let handFed = false
  let noMore: SessionEnd | undefined

  const expect: Attachments["expect"] = (window, reason) =>
    run("window", Effect.andThen(Effect.sleep(window), Effect.sync(() => dispatch({ _tag: "Close", reason }))))

  const begin = () => {
    cancel("window")
    dispatch({ _tag: "Started" })
  }

  const detach = (which: UserConnection, reason: string, close: ConnectionClose | undefined): void => {
    if (connection !== which) return
    connection = undefined
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
      if (user._tag !== "Speaking" || connection !== undefined) return
      dispatch({ _tag: "SpeechStopped", atSample: input.position, decidedAtSample: input.position })
    })
    if (noMore !== undefined) return dispatch({ _tag: "Close", reason: noMore })
    expect(options.resumeWindow, "resume_expired")
  }

  const onMessage = (which: UserConnection, message: ClientMessage): void => {
    if (connection !== which) return
    switch (message.type) {
      case "user.text": {
        if (!SayQueue.isFullOfTexts(state())) return dispatch({ _tag: "UserText", text: message.text })
        const { code, message: refusal } = SayQueue.full("VoiceSession.sendText")
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

  const listen = (which: UserConnection): void => {
    const rate = which.format.input.sampleRate
    const since = now()
    let takenMs = 0
    let droppedMs = 0
    let excessMs = 0
    let toldAt = Number.NEGATIVE_INFINITY
    const bounded = which.transport !== "memory"
    const takeAudio = bounded ? options.takeAudio : undefined
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
      detach(which, "rate limit", "rate_limited")
    }
    which.listen({
      audio: (pcm) => {
        if (connection !== which) return
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
      gap: (samples) => connection === which ? input.gap(samples) : undefined,
      message: (message) => onMessage(which, message),
      malformed: (reason) => {
        if (connection !== which) return
        emit({ type: "error", code: "invalid_config", message: `a message was ignored: ${reason}` })
      },
      closed: (reason) => detach(which, reason, undefined)
    })
  }

  return {
    get current() {
      return connection
    },
    get attended() {
      return connection !== undefined || handFed
    },
    get attachedBefore() {
      return attachedBefore
    },
    begin,
    expect,
    attach: (next) =>
      Effect.suspend(() => {
        const opened = input.open(next.format.input.sampleRate)
        if (Result.isFailure(opened)) return Effect.fail(opened.failure)
        const former = connection
        // the former hears of it: a link without close codes would come back and take its place again
        if (former !== undefined) emit({ type: "connection.detached", connection: former.id, reason: "replaced" })
        connection = next
        handFed = false
        const resumed = attachedBefore
        attachedBefore = true
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
        begin()
        listen(next)
        return former === undefined ? Effect.void : closeConnection(former, "replaced")
      }),
    feedByHand: () => {
      if (handFed) return Result.void
      return Result.map(input.open(16_000), () => {
        handFed = true
        // it is not waited for anybody
        cancel("window")
        // nobody listens, but time goes on: what the agent says is played to nobody
        output.attach(PipelineStream.nobody, convert)
      })
    },
    detach,
    last: (reason) => {
      noMore = reason
      if (connection === undefined && !handFed) dispatch({ _tag: "Close", reason })
    },
    end: (then) => {
      const last = connection
      connection = undefined
      output.attach(undefined, convert)
      cancel("window")
      run("close", Effect.ensuring(last === undefined ? Effect.void : closeConnection(last, "session_ended"), then))
    }
  }
}
