/**
 * A session of the suite with a speech-to-speech engine: asks by speech and by text, and records what the model does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { BackendError } from "../../../BackendError.ts"
import type {
  SpeechToSpeech,
  SpeechToSpeechEvent,
  SpeechToSpeechOptions,
  SpeechToSpeechStream,
  SpeechToSpeechTool
} from "../../../speech/SpeechToSpeech.ts"
import { TIMELINE_RATE } from "../../../speech/VoiceActivityDetector.ts"
import { assertCompletesWithin, type ConformanceError, fail, type Failure, waitUntil } from "../Assertions.ts"
import type { PartRow } from "../PartSuite.ts"
import { failureOf } from "./EngineChecks.ts"
import { cut, pushThenOverwrite, silence } from "./TestAudio.ts"

/**
 * What the check of a row has.
 *
 * @category models
 * @since 0.1.0
 */
export interface S2sPart {
  readonly engine: SpeechToSpeech["Service"]
  /** An utterance at the engine's rate. */
  readonly speech: Int16Array
  /** Its words, where they are known. */
  readonly text: string | undefined
  readonly tool: { readonly tool: SpeechToSpeechTool; readonly ask: string; readonly output: string } | undefined
  readonly disconnect: Effect.Effect<void> | undefined
  readonly failing: Layer.Layer<SpeechToSpeech, BackendError> | undefined
}

/**
 * A row of the suite.
 *
 * @category models
 * @since 0.1.0
 */
export type S2sRow = PartRow<S2sPart>

/**
 * An event of a kind.
 *
 * @category models
 * @since 0.1.0
 */
export type EventOf<Tag extends SpeechToSpeechEvent["_tag"]> = Extract<SpeechToSpeechEvent, { readonly _tag: Tag }>

/**
 * A session with the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelSession {
  readonly stream: SpeechToSpeechStream
  readonly events: ReadonlyArray<SpeechToSpeechEvent>
  readonly all: <const Tag extends SpeechToSpeechEvent["_tag"]>(tag: Tag) => ReadonlyArray<EventOf<Tag>>
  /** Speaks, and ends the turn where the backend decides; returns the id of the request. */
  readonly say: Effect.Effect<string>
  /** Types; returns the id of the request. */
  readonly type: (text: string) => string
  /** The next id of a request. */
  readonly request: () => string
  /** Waits for the nth event of a kind, counted from 1. */
  readonly waitFor: <const Tag extends SpeechToSpeechEvent["_tag"]>(
    tag: Tag,
    count?: number
  ) => Effect.Effect<EventOf<Tag>, Failure>
  /** Waits for the end of a reply; fails when the reply has failed. */
  readonly ended: (reply: string) => Effect.Effect<void, Failure>
  /** What stands against the order of the events of replies; `undefined`: nothing. */
  readonly disorder: () => string | undefined
}

/** Silence after which any model takes the user's turn for over. */
const PAUSE_MS = 1_500

const isOf =
  <const Tag extends SpeechToSpeechEvent["_tag"]>(tag: Tag) => (event: SpeechToSpeechEvent): event is EventOf<Tag> =>
    event._tag === tag

/** The first event of a reply that does not fit those before it. */
const disorderOf = (events: ReadonlyArray<SpeechToSpeechEvent>): string | undefined => {
  const replies = new Map<string, "open" | "ended">()
  for (const event of events) {
    if (!("reply" in event)) continue
    const { _tag, reply } = event
    const state = replies.get(reply)
    if (_tag === "ReplyStarted") {
      if (state !== undefined) return `ReplyStarted for "${reply}" comes twice`
      replies.set(reply, "open")
      continue
    }
    if (state !== "open") {
      return `${_tag} for "${reply}" comes ${state === undefined ? "before it began" : "after its end"}`
    }
    if (_tag === "ReplyEnded" || _tag === "ReplyFailed") replies.set(reply, "ended")
  }
  return undefined
}

/**
 * Opens a session.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = Effect.fnUntraced(function*(
  { engine, speech }: S2sPart,
  options: Partial<SpeechToSpeechOptions> = {}
): Effect.fn.Return<ModelSession, Failure, Scope.Scope> {
  const stream = yield* assertCompletesWithin(
    "1 minute",
    "opening a session",
    engine.open({
      sessionId: "conformance",
      answers: engine.capabilities.answers,
      tools: [],
      history: [],
      ...options
    })
  )
  const events: Array<SpeechToSpeechEvent> = []
  const copies: Array<readonly [given: Int16Array, copy: Int16Array]> = []
  let failure: BackendError | ConformanceError | undefined
  let samples = 0
  let requests = 0
  yield* stream.events.pipe(
    Stream.runForEach((event) => {
      events.push(event)
      if (event._tag !== "ReplyAudio") return Effect.void
      const { pcm } = event
      if (!(pcm instanceof Int16Array)) {
        return fail(
          `expected that the audio of a reply is an Int16Array, and not ${Object.prototype.toString.call(pcm)}`
        )
      }
      copies.push([pcm, Int16Array.from(pcm)])
      return Effect.void
    }),
    Effect.andThen(fail("the events of a session ended before its scope")),
    Effect.catchCause((cause) =>
      Effect.sync(() => {
        failure = failureOf("the events of a session", cause)
      })
    ),
    Effect.forkScoped
  )
  const all: ModelSession["all"] = (tag) => events.filter(isOf(tag))
  const waitUntilFound = <A>(what: string, look: () => A | undefined): Effect.Effect<A, Failure> =>
    waitUntil(what, (): Effect.Effect<A | undefined, Failure> => {
      const found = look()
      return found === undefined && failure !== undefined ? Effect.fail(failure) : Effect.succeed(found)
    })
  const position = () => Math.round(samples * TIMELINE_RATE / engine.inputSampleRate)
  const push = (pcm: Int16Array) =>
    Effect.forEach(cut(pcm, engine.inputSampleRate), (frame, i) => {
      pushThenOverwrite((pcm) => stream.push(pcm), frame)
      samples += frame.length
      return i % 5 === 4 ? Effect.yieldNow : Effect.void
    }, { discard: true })
  const activity = (_tag: "SpeechStarted" | "SpeechStopped") =>
    Effect.sync(() => stream.activity({ _tag, atSample: position(), decidedAtSample: position() }))
  const request = () => `request-${++requests}`
  return {
    stream,
    events,
    all,
    request,
    say: Effect.gen(function*() {
      const id = request()
      yield* activity("SpeechStarted")
      yield* push(speech)
      yield* push(silence(PAUSE_MS, engine.inputSampleRate))
      yield* activity("SpeechStopped")
      if (engine.capabilities.turnAuthority !== "remote") stream.commit(position(), id)
      return id
    }),
    type: (text) => {
      const id = request()
      stream.userText(text, id)
      return id
    },
    waitFor: (tag, count = 1) =>
      waitUntilFound(`${tag} arrives${count === 1 ? "" : `, ${count} of them`}`, () => all(tag)[count - 1]),
    ended: (reply) =>
      waitUntilFound(
        `the reply "${reply}" ends`,
        () =>
          events.find((event) => (event._tag === "ReplyEnded" || event._tag === "ReplyFailed") && event.reply === reply)
      ).pipe(
        Effect.flatMap((event) => event._tag === "ReplyFailed" ? Effect.fail(event.error) : Effect.void)
      ),
    disorder: () =>
      disorderOf(events) ??
        (copies.some(([given, copy]) => copy.some((sample, i) => sample !== given[i]))
          ? "the audio of a reply changes after it was given: it belongs to the receiver"
          : undefined)
  }
})
