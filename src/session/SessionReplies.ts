/**
 * Carries out the conversation's commands about replies: starts their fibers, and holds, releases and ends their playout.
 *
 * Synchronous. A reply that may be heard begins to play only after its step has been carried out (`play`), so that the
 * client gets the events of a reply before its first frame.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import { fromCause } from "../BackendError.ts"
import type { Command } from "../conversation/ConversationCommand.ts"
import type { ConversationInput } from "../conversation/ConversationInput.ts"
import type { ReplySource } from "../conversation/ConversationState.ts"
import type { Pipeline } from "./pipeline/Pipeline.ts"
import type { AudioOutput } from "./playout/AudioOutput.ts"
import type { ReplyAudio } from "./playout/ReplyAudio.ts"
import type { Convert } from "./playout/ReplyPlayout.ts"
import type { SessionObserver } from "./tracing/SessionObserver.ts"

/**
 * What the replies need of their session.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionRepliesOptions {
  readonly output: Pick<AudioOutput, "begin" | "push" | "finish" | "hold" | "release" | "end" | "sampleRate">
  readonly convert: Convert
  readonly replyAudio: Pick<ReplyAudio, "finish" | "resume">
  readonly observer: SessionObserver | undefined
  /** The name of the agent that answers now, for its span. */
  readonly agentName: () => string | undefined
  readonly dispatch: (input: ConversationInput) => void
  /** Runs in the session's scope; a former effect of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
}

type Start = Extract<Command, { readonly _tag: "Start" }>
type End = Extract<Command, { readonly _tag: "End" }>

interface QueuedAudio {
  readonly pcm: Int16Array
  /** The output's rate when it was given, in Hz. */
  readonly rate: number
}

interface PendingPlayout {
  readonly epoch: number
  readonly play: () => void
}

const empty = new Int16Array(0)

/**
 * @category models
 * @since 0.1.0
 */
export class SessionReplies {
  /** `undefined` until the pipeline has been opened. */
  pipeline: Pipeline | undefined
  readonly #options: SessionRepliesOptions
  /** Playout that begins when the step has been carried out; at most one entry, of the present reply. */
  #pendingPlayout: Array<PendingPlayout> = []
  /** Completed when a preemptive reply becomes the answer of its turn, by epoch. */
  readonly #commits = new Map<number, Deferred.Deferred<void>>()
  /** Audio given to `sendAudio` that has not been played, by its key. */
  readonly #audio = new Map<number, QueuedAudio>()
  #lastAudioKey = 0

  constructor(options: SessionRepliesOptions) {
    this.#options = options
  }

  /** How much audio waits to be played, in ms. */
  get queuedAudioMs(): number {
    let ms = 0
    for (const { pcm, rate } of this.#audio.values()) ms += pcm.length * 1_000 / rate
    return ms
  }

  /** Keeps PCM at a rate (in Hz) for a reply, and returns the key of its `ReplySource`. */
  addAudio(pcm: Int16Array, rate: number): number {
    this.#audio.set(++this.#lastAudioKey, { pcm, rate })
    return this.#lastAudioKey
  }

  start(command: Start): void {
    const { agentName, convert, dispatch, observer, output, replyAudio, run } = this.#options
    const { epoch, source, speculative, turn } = command
    const trace = observer?.start(command, this.pipeline?.transcriptBased === false ? undefined : { name: agentName() })
    output.begin(epoch, turn, true)
    if (!speculative) this.release(epoch)
    let committed: Effect.Effect<void> = Effect.void
    if (speculative) {
      const commit = Deferred.makeUnsafe<void>()
      this.#commits.set(epoch, commit)
      committed = Deferred.await(commit)
    }
    if (source._tag === "Audio") {
      const queued = this.#audio.get(source.key)
      this.#pendingPlayout.push({
        epoch,
        play: () => {
          // another connection may have come since it was given
          const pcm = queued === undefined ? empty : convert(queued.pcm, queued.rate, output.sampleRate)
          output.push(epoch, { pcm, text: "" })
          output.finish(epoch)
        }
      })
      return
    }
    if (this.pipeline === undefined) return
    run(
      `reply:${epoch}`,
      this.pipeline.reply({ ...command, committed, trace }).pipe(
        // an agent that interrupts itself has failed, too; the failure of a reply that was ended is ignored
        Effect.catchCause((cause) =>
          Effect.sync(() => {
            dispatch({ _tag: "ReplyFailed", epoch, error: fromCause("VoiceSession.reply", cause) })
            // what was made of it is played to its end
            replyAudio.finish(epoch)
          })
        ),
        observer?.withinTurn(turn) ?? identity
      )
    )
  }

  hold(epoch: number): void {
    this.#dropPlayout(epoch)
    this.#options.output.hold(epoch)
  }

  release(epoch: number): void {
    this.#pendingPlayout.push({ epoch, play: () => this.#options.output.release(epoch) })
  }

  /** A preemptive reply becomes the answer of its turn. */
  commit(epoch: number): void {
    this.release(epoch)
    this.#options.observer?.commit(epoch)
    const commit = this.#commits.get(epoch)
    this.#commits.delete(epoch)
    if (commit !== undefined) Deferred.doneUnsafe(commit, Effect.void)
  }

  /** A preemptive reply is not wanted. */
  discard(epoch: number): void {
    this.#commits.delete(epoch)
    this.#options.observer?.discard(epoch)
    this.#stop(epoch, { completed: false, playedMs: this.#options.output.end(epoch).playedMs })
  }

  /** Ends a reply for good, and returns the words that were heard of it. */
  end({ epoch, reason }: End, queue: ReadonlyArray<ReplySource>): string {
    this.#dropPlayout(epoch)
    const { playedMs, text } = this.#options.output.end(epoch)
    this.#options.observer?.end(epoch, reason, text)
    this.#stop(epoch, { completed: reason === "completed", playedMs })
    // audio that was cut before it was audible waits in the queue again, and is played later
    for (const key of this.#audio.keys()) {
      if (!queue.some((source) => source._tag === "Audio" && source.key === key)) this.#audio.delete(key)
    }
    return text
  }

  /** Begins the playout of what the step has released. */
  play(): void {
    for (let next = this.#pendingPlayout.shift(); next !== undefined; next = this.#pendingPlayout.shift()) next.play()
  }

  #stop(epoch: number, played: Parameters<Pipeline["ended"]>[1]): void {
    this.#options.replyAudio.resume()
    this.pipeline?.ended(epoch, played)
    this.#options.cancel(`reply:${epoch}`)
  }

  #dropPlayout(epoch: number): void {
    this.#pendingPlayout = this.#pendingPlayout.filter((pending) => pending.epoch !== epoch)
  }
}
