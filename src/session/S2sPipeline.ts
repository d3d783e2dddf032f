/**
 * A speech-to-speech model as the pipeline of a session.
 *
 * The model's replies are played as replies of the conversation: paced, interrupted and remembered like any other. With
 * `turnAuthority: "own"` the backend's voice activity decides turns and tells the model; with `remote` the model does.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { type BackendError, InvalidConfig, normalize, PipelineError, Timeout } from "../BackendError.ts"
import type { SpeechToSpeech, SpeechToSpeechEvent } from "../speech/SpeechToSpeech.ts"
import type { VoiceActivityDetector } from "../speech/VoiceActivityDetector.ts"
import type { PipelineFactory } from "./Pipeline.ts"

/**
 * The engines of the pipeline; the detector is needed when the backend decides turns.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sEngines {
  readonly s2s: SpeechToSpeech["Service"]
  readonly vad: VoiceActivityDetector["Service"] | undefined
}

type ReplyEvent = Extract<SpeechToSpeechEvent, { readonly reply: string }>

/** Pieces of a reply that wait for the player; a model that is further ahead than this is failed. */
const MAX_PIECES = 4_096
/** Replies that have begun and are not played yet; the oldest of more is dropped. */
const MAX_REPLIES = 8

/**
 * Opens the pipeline of one session on a backend's model. Fails `invalid_config` when the model cannot decide turns and
 * there is no detector.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ s2s, vad }: S2sEngines): PipelineFactory =>
  Effect.fnUntraced(function*(context) {
    const { turnAuthority } = s2s.capabilities
    const stream = yield* s2s.open({
      sessionId: context.sessionId,
      history: context.history.map(({ role, text }) => ({ role, text }))
    }).pipe(Effect.timeoutOrElse({
      duration: context.timeout,
      orElse: () =>
        Effect.fail(new Timeout({ op: "SpeechToSpeech.open", message: `opening ${s2s.name} took too long` }))
    }))

    // the model's replies, by its own names, and the epoch under which each is played
    const replies = new Map<string, Queue.Queue<ReplyEvent>>()
    const playing = new Map<number, string>()
    // an answer that was asked for and has not begun
    let awaited: Deferred.Deferred<string> | undefined
    // answers that were asked for and are not wanted any more
    let unwanted = 0

    const runSync = Effect.runSyncWith(yield* Effect.context<never>())
    const onReplyStarted = (reply: string) => {
      if (unwanted > 0) {
        unwanted--
        return stream.truncate(reply, 0)
      }
      for (const oldest of replies.keys()) {
        if (replies.size < MAX_REPLIES) break
        replies.delete(oldest)
        stream.truncate(oldest, 0)
      }
      replies.set(reply, runSync(Queue.dropping<ReplyEvent>(MAX_PIECES)))
      if (awaited !== undefined) {
        const asked = awaited
        // first: whoever asked goes on at once
        awaited = undefined
        Deferred.doneUnsafe(asked, Effect.succeed(reply))
      } else {
        context.dispatch({ _tag: "RemoteReply", reply })
      }
    }
    const onEvent = (event: SpeechToSpeechEvent): void => {
      switch (event._tag) {
        case "UserSpeechStarted":
        case "UserSpeechStopped": {
          if (turnAuthority !== "remote") return
          const at = context.input.position
          return context.dispatch({
            _tag: event._tag === "UserSpeechStarted" ? "SpeechStarted" : "SpeechStopped",
            atSample: at,
            decidedAtSample: at
          })
        }
        case "UserTranscript":
          return context.dispatch({ _tag: event.final ? "Final" : "Interim", text: event.text })
        case "ReplyStarted":
          return onReplyStarted(event.reply)
        default: {
          const queue = replies.get(event.reply)
          if (queue !== undefined && !Queue.offerUnsafe(queue, event)) {
            // the end must get through
            replies.delete(event.reply)
            stream.truncate(event.reply, 0)
          }
        }
      }
    }
    yield* Stream.runForEach(stream.events, (event) => Effect.sync(() => onEvent(event))).pipe(
      Effect.andThen(
        Effect.fail<BackendError>(
          new PipelineError({ op: "SpeechToSpeech.events", message: `${s2s.name} ended its stream`, retryable: false })
        )
      ),
      normalize("SpeechToSpeech.events"),
      Effect.catch((error) =>
        Effect.sync(() => {
          context.dispatch({ _tag: "EngineDown", engine: s2s.name, error })
          context.dispatch({ _tag: "Close", reason: "failed" })
        })
      ),
      Effect.forkScoped
    )

    yield* Effect.fromResult(context.input.add({ sampleRate: s2s.inputSampleRate, push: (pcm) => stream.push(pcm) }))
    if (turnAuthority !== "remote") {
      if (vad === undefined) {
        return yield* new InvalidConfig({
          op: "SpeechToSpeech.open",
          message: `${s2s.name} does not decide turns: a voice activity detector is needed`,
          details: { missing: "vad_provider" }
        })
      }
      const detector = yield* vad.open({
        onActivity: (activity) => {
          stream.activity(activity)
          context.dispatch(activity)
        }
      }).pipe(Effect.timeoutOrElse({
        duration: context.timeout,
        orElse: () =>
          Effect.fail(new Timeout({ op: "VoiceActivityDetector.open", message: `opening ${vad.name} took too long` }))
      }))
      yield* Effect.fromResult(
        context.input.add({ sampleRate: vad.sampleRate, branch: "vad", push: (pcm) => detector.push(pcm) })
      )
    }

    const inTime = (what: string) =>
      Effect.timeoutOrElse({
        duration: context.timeout,
        orElse: () =>
          Effect.fail(
            new Timeout({ op: "SpeechToSpeech.reply", message: `${what} for ${Duration.format(context.timeout)}` })
          )
      })

    const play = (epoch: number, reply: string) =>
      Effect.gen(function*() {
        const queue = replies.get(reply)
        if (queue === undefined) return
        playing.set(epoch, reply)
        while (true) {
          const event = yield* Queue.take(queue).pipe(inTime(`${s2s.name} gave nothing more of its reply`))
          if (event._tag === "ReplyAudio") {
            if (event.pcm.length === 0) continue
            context.dispatch({ _tag: "ReplyProgress", epoch, stage: "tts" })
            yield* context.voice.speak(epoch, { pcm: event.pcm, text: event.text }, s2s.outputSampleRate)
          } else if (event._tag === "ReplyFailed") {
            return yield* event.error
          } else if (event._tag === "ReplyEnded") {
            return context.voice.finish(epoch)
          }
        }
      }).pipe(Effect.ensuring(Effect.sync(() => replies.delete(reply))))

    const answered = (ask: () => void) =>
      Effect.suspend(() => {
        const deferred = Deferred.makeUnsafe<string>()
        awaited = deferred
        ask()
        return Deferred.await(deferred).pipe(
          inTime(`${s2s.name} gave no answer`),
          Effect.ensuring(Effect.sync(() => {
            if (awaited !== deferred) return
            awaited = undefined
            unwanted++
          }))
        )
      })

    return {
      authority: turnAuthority,
      textual: false,
      interims: false,
      judge: undefined,
      finalize: (id) => context.dispatch({ _tag: "Finalized", id }),
      reply: ({ epoch, source }) => {
        switch (source._tag) {
          case "Remote":
            // known at once: it may be ended before its fiber has begun
            playing.set(epoch, source.reply)
            return play(epoch, source.reply)
          case "Answer":
            return Effect.flatMap(
              answered(() => source.kind === "text" ? stream.userText(source.transcript) : stream.commit()),
              (reply) => play(epoch, reply)
            )
          case "Text":
            return s2s.capabilities.say
              ? Effect.flatMap(answered(() => stream.say(source.text)), (reply) => play(epoch, reply))
              : Effect.fail(
                new InvalidConfig({
                  op: "VoiceSession.say",
                  message: `${s2s.name} cannot speak a given text`,
                  details: { missing: "say" }
                })
              )
          case "Audio":
            return Effect.void
        }
      },
      ended: (epoch, { completed, playedMs }) => {
        const reply = playing.get(epoch)
        if (reply === undefined) return
        playing.delete(epoch)
        replies.delete(reply)
        if (!completed) stream.truncate(reply, playedMs)
      }
    }
  })
