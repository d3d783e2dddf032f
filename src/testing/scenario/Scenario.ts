/**
 * Runs a whole conversation in virtual time: your agent and policy on a real backend, a scripted user, scripted engines.
 *
 * An hour takes seconds, and the same seed gives the same conversation, to the millisecond. Nothing here uses a network or
 * the machine's clock; for an agent that does, the test must provide a replacement.
 *
 * **Example** (Testing an agent)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Agent } from "effect-voice"
 * import { Invariants, Scenario } from "effect-voice/testing"
 * import assert from "node:assert"
 *
 * const agent = Agent.fromCallback((text) => Effect.succeed(`You want to ${text}, is that right?`))
 *
 * const call = await Effect.runPromise(Scenario.run({
 *   agent,
 *   user: [
 *     Scenario.say("book a flight"),
 *     Scenario.pause("200 millis"),
 *     Scenario.say("to Paris"),
 *     Scenario.interruptWhenHeard("flight to Paris", "stop"),
 *     Scenario.waitForAgent
 *   ]
 * }))
 *
 * assert.deepEqual(call.heardByUser[0], "You want to book a flight to Paris,")
 * assert.deepEqual(Invariants.all(call), [])
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Agent from "../../agent/Agent.ts"
import type { CallContext } from "../../agent/CallContext.ts"
import { type BackendConfig, defaults } from "../../backend/config/BackendConfig.ts"
import { type LayerOptions, VoiceBackend } from "../../backend/VoiceBackend.ts"
import type { BackendError } from "../../BackendError.ts"
import { type ConversationPolicy, defaultPolicy } from "../../conversation/ConversationPolicy.ts"
import type { SessionConfig } from "../../session/SessionConfig.ts"
import type { SpeechToText } from "../../speech/SpeechToText.ts"
import type { TextToSpeech } from "../../speech/TextToSpeech.ts"
import type { TurnDetector } from "../../speech/TurnDetector.ts"
import type { VoiceActivityDetector } from "../../speech/VoiceActivityDetector.ts"
import { Recorder } from "../recording/Recorder.ts"
import type { Recording } from "../recording/Recording.ts"
import * as ScriptedEngines from "../scripted/ScriptedEngines.ts"
import * as ScriptedProvider from "../scripted/ScriptedProvider.ts"
import * as ScriptedRecogniser from "../scripted/ScriptedRecogniser.ts"
import * as ScriptedSpeechToSpeech from "../scripted/ScriptedSpeechToSpeech.ts"
import { type EchoOptions, Loudspeaker } from "./Loudspeaker.ts"
import type * as ScriptedUser from "./ScriptedUser.ts"
import * as UserActions from "./UserActions.ts"
import * as VirtualTime from "./VirtualTime.ts"

export type { EchoOptions } from "./Loudspeaker.ts"
export {
  at,
  backchannel,
  cough,
  endCall,
  hangUp,
  interruptAfter,
  interruptWhenHeard,
  loseNetwork,
  noise,
  pause,
  perform,
  pressStop,
  say,
  sendGarbage,
  speak,
  type,
  waitFor,
  waitForAgent,
  waitForAgentWithin,
  waitForSpeech,
  waitUntilHeard
} from "./ScriptedUser.ts"
export { ScenarioError } from "./UserActions.ts"

/**
 * Some fields of `A`, at any depth; durations in any form that `Duration.Input` allows.
 *
 * @category models
 * @since 0.1.0
 */
export type DeepPartial<A> = A extends Duration.Duration ? Duration.Input
  : A extends string | number | boolean | undefined | ReadonlyArray<unknown> ? A
  : { readonly [Key in keyof A]?: DeepPartial<A[Key]> | undefined }

/**
 * The parts of a scenario.
 *
 * - `user`: what the user does, step by step.
 * - `agent`: the agent under test. Default: an agent that repeats the transcript.
 * - `policy`: changes to the default policy.
 * - `facts`: what the provider knows of the call (`CallContext.facts`), such as the caller's number. Default: nothing.
 * - `s2s`: a scripted speech-to-speech model that replaces recogniser, agent and voice: its answers and its behaviour.
 * - `stt`, `tts`, `vad`: the behaviour of the scripted engines, or your own Layers; they must use Effect's clock.
 * - `turn`: a turn detector. Default: none; silence alone ends a turn.
 * - `turnDetection`: `"stt"` leaves the end of a turn to the recogniser, which must report it (`stt: { endOfTurn: 300 }`).
 * - `echo`: a loudspeaker in the user's room: what the agent says comes back into the microphone, quieter by `gainDb` and later
 *   by `delayMs`, for tests of interruption where the user has no headphones. Default: none.
 * - `clockSteps`: steps of the machine's wall clock, either way, as NTP or an administrator makes them: each at so many ms
 *   after the user has connected, by so many ms. A conversation must not notice them. Default: none.
 * - `seed`: the seed of all random numbers. Default: `"scenario"`.
 * - `hangUp`: whether the user ends the call after the last step. Default: true.
 * - `keepAudio`: records the PCM of each frame. Default: false.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScenarioOptions<R = never> {
  readonly user: ScriptedUser.Script
  readonly agent?: Agent.Agent<R> | undefined
  readonly policy?: DeepPartial<ConversationPolicy> | undefined
  /** Processors of the user's audio. */
  readonly processors?: LayerOptions["processors"]
  readonly config?: DeepPartial<Omit<BackendConfig, "provider" | "pipelineType" | "conversation">> | undefined
  readonly session?: Partial<SessionConfig> | undefined
  readonly facts?: CallContext["facts"] | undefined
  readonly s2s?:
    | (ScriptedSpeechToSpeech.ScriptedS2sOptions & {
      readonly answers: ReadonlyArray<string>
      /** Whether the voice of `tts` speaks what the model writes. Default: false. */
      readonly voice?: boolean | undefined
    })
    | undefined
  readonly stt?: ScriptedRecogniser.ScriptedRecogniserOptions | Layer.Layer<SpeechToText, BackendError> | undefined
  readonly tts?: Parameters<typeof ScriptedEngines.layerTts>[0] | Layer.Layer<TextToSpeech, BackendError> | undefined
  readonly vad?:
    | Parameters<typeof ScriptedEngines.layerVad>[0]
    | Layer.Layer<VoiceActivityDetector, BackendError>
    | undefined
  readonly turn?: Layer.Layer<TurnDetector, BackendError> | undefined
  readonly turnDetection?: LayerOptions["turnDetection"]
  readonly textTransforms?: LayerOptions["textTransforms"]
  readonly echo?: EchoOptions | undefined
  readonly clockSteps?: ReadonlyArray<{ readonly atMs: number; readonly byMs: number }> | undefined
  readonly seed?: string | undefined
  readonly hangUp?: boolean | undefined
  readonly keepAudio?: boolean | undefined
}

const isRecord = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

const merge = (base: unknown, over: unknown): unknown => {
  if (over === undefined) return base
  if (Duration.isDuration(base)) {
    return Option.getOrElse(
      Duration.fromInput(over as Duration.Input /* anything else is left to the validation of the config */),
      () => over
    )
  }
  if (!isRecord(base) || !isRecord(over)) return over
  const keys = new Set([...Object.keys(base), ...Object.keys(over)])
  return Object.fromEntries(Array.from(keys, (key) => [key, merge(base[key], over[key])]))
}

/**
 * Makes a policy: the default one with some fields changed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const policy = (over: DeepPartial<ConversationPolicy> = {}): ConversationPolicy =>
  // merging fields of a policy into a policy gives a policy
  merge(defaultPolicy, over) as ConversationPolicy

const repeatingAgent = Agent.fromCallback((transcript) => Effect.succeed(`You said: ${transcript}.`))

const isLayer = <A>(value: Layer.Layer<A, BackendError> | object | undefined): value is Layer.Layer<A, BackendError> =>
  Layer.isLayer(value)

/**
 * Makes a config: the default one with some fields changed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const configOf = (options: Pick<ScenarioOptions, "config" | "policy">): BackendConfig => ({
  // merging fields of a config into a config gives a config
  ...merge(defaults, options.config) as BackendConfig,
  conversation: policy(options.policy)
})

const backend = <R>(options: ScenarioOptions<R>, agent: Agent.Agent, recorder: Recorder) => {
  const { pipelineType: _type, provider: _provider, ...config } = configOf(options)
  const vad = isLayer<VoiceActivityDetector>(options.vad) ? options.vad : ScriptedEngines.layerVad(options.vad)
  const tts = isLayer<TextToSpeech>(options.tts)
    ? options.tts
    : ScriptedEngines.layerTts({
      onEndless: (text) => recorder.recordEndless(text),
      voiced: options.echo !== undefined,
      ...options.tts
    })
  if (options.s2s !== undefined) {
    return VoiceBackend.layerS2s({ config, processors: options.processors }).pipe(Layer.provide([
      ScriptedProvider.layer,
      ScriptedSpeechToSpeech.layerS2s(options.s2s.answers, { transcripts: "heard", ...options.s2s }),
      ...(options.s2s.turnAuthority === "own" ? [vad] : []),
      ...(options.s2s.voice === true ? [tts] : [])
    ]))
  }
  const { processors, textTransforms, turnDetection } = options
  return VoiceBackend.layerSttTts({ agent, config, processors, textTransforms, turnDetection }).pipe(Layer.provide([
    ScriptedProvider.layer,
    ...(options.turn === undefined ? [] : [options.turn]),
    isLayer<SpeechToText>(options.stt) ? options.stt : ScriptedRecogniser.layer(options.stt),
    tts,
    vad
  ]))
}

/** The longest virtual time after the last step until the session must have ended, in ms. */
const LIMIT_MS = 15 * 60_000
/** How long the user keeps listening after the last step while the agent speaks, in ms. */
const LISTEN_ON_MS = 2 * 60_000

/**
 * Runs a scenario and records it. Fails with `ScenarioError`, which has the timeline, when something that the script waits
 * for does not happen. Check the recording with `Invariants`.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <R = never>(
  options: ScenarioOptions<R>
): Effect.Effect<Recording, BackendError | UserActions.ScenarioError, R> => {
  const seed = options.seed ?? "scenario"
  return VirtualTime.provide(seed, (time) => record(options, seed, time))
}

/** Virtual time whose ticks also step the wall clock when it is due, from `begin` on. */
const withClockSteps = (time: VirtualTime.VirtualTime, steps: ScenarioOptions["clockSteps"] & {}) => {
  const left = [...steps].sort((one, other) => one.atMs - other.atMs)
  let beganMs = Number.POSITIVE_INFINITY
  const stepWhenDue = Effect.sync(() => {
    for (let next = left[0]; next !== undefined && time.now() - beganMs >= next.atMs; next = left[0]) {
      left.shift()
      time.stepWallClock(next.byMs)
    }
  })
  return {
    ...time,
    tick: steps.length === 0 ? time.tick : Effect.andThen(stepWhenDue, time.tick),
    begin: () => void (beganMs = time.now())
  }
}

const record = Effect.fnUntraced(function*<R>(
  options: ScenarioOptions<R>,
  seed: string,
  virtual: VirtualTime.VirtualTime
) {
  const time = withClockSteps(virtual, options.clockSteps ?? [])
  const loudspeaker = options.echo === undefined ? undefined : new Loudspeaker(options.echo)
  const recorder = new Recorder(time.now, {
    keepAudio: options.keepAudio ?? false,
    facts: options.facts,
    onPlayed: loudspeaker === undefined ? undefined : (pcm, rate, endMs) => loudspeaker.play(pcm, rate, endMs)
  })
  const agent = options.agent === undefined ? repeatingAgent : yield* Agent.withContext(options.agent)
  const fibersBefore = time.fibers()
  const timersBefore = time.timers()
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(backend(options, agent, recorder), scope)
  const ticksUntil = (done: () => boolean, limitMs: number) => {
    const until = time.now() + limitMs
    return Effect.whileLoop({
      while: () => !done() && time.now() < until,
      body: () => time.tick,
      step: () => {}
    })
  }

  const conversation = Effect.gen(function*() {
    const service = yield* VoiceBackend
    yield* time.tick
    const fibers = time.fibers()
    const timers = time.timers()
    const session = yield* service.createSession({ userId: "user", transport: "websocket", ...options.session })
    const listening = yield* session.events.pipe(
      Stream.runForEach((event) => Effect.sync(() => recorder.receive(event))),
      Effect.forkChild
    )
    yield* time.tick
    yield* session.attach(recorder.connect())
    time.begin()
    const saidByUser = yield* UserActions.runScript(options.user, {
      session,
      recorder,
      loudspeaker,
      now: time.now,
      tick: time.tick
    })
    const hasEnded = () => recorder.events.at(-1)?.type === "session.ended"
    if (options.hangUp !== false) {
      // the user listens to the end of the reply before hanging up
      yield* ticksUntil(
        () => hasEnded() || recorder.currentReply === undefined || recorder.link === undefined,
        LISTEN_ON_MS
      )
      recorder.link?.message({ type: "session.end" })
    }
    yield* ticksUntil(hasEnded, LIMIT_MS)
    const durationMs = time.now()
    const history = yield* session.history
    // let finalizers run before fibers and timers are counted; one second is enough
    yield* ticksUntil(() => false, 1_000)
    yield* Fiber.interrupt(listening)
    yield* time.tick
    return { saidByUser, history, durationMs, fibers: time.fibers() - fibers, timers: time.timers() - timers }
  })
  const exit = yield* Effect.exit(Effect.provideContext(conversation, context))
  const released = yield* Effect.forkChild(Scope.close(scope, Exit.void))
  yield* ticksUntil(() => released.pollUnsafe() !== undefined, LIMIT_MS)
  yield* time.tick
  const { durationMs, fibers, history, saidByUser, timers } = yield* exit
  recorder.finish()
  const ended = recorder.events.findLast((event) => event.type === "session.ended")
  const recording: Recording = {
    seed,
    events: recorder.events,
    frames: recorder.trace.flatMap((item) => item._tag === "Frame" ? [item.frame] : []),
    trace: recorder.trace,
    replies: recorder.replies.map(({ dropped: _dropped, words: _words, ...reply }) => reply),
    heardByUser: recorder.replies.map((reply) => reply.heard),
    saidByUser,
    history,
    latencies: recorder.events.flatMap((event) =>
      event.type === "turn.latency" ? [{ turn: event.turn, totalMs: event.totalMs, parts: event.parts }] : []
    ),
    ended: ended === undefined ? undefined : { reason: ended.reason, atMs: ended.atMs },
    leaks: {
      sessionFibers: fibers,
      sessionTimers: timers,
      fibers: time.fibers() - fibersBefore,
      timers: time.timers() - timersBefore
    },
    timeoutMs: Duration.toMillis(configOf(options).timeout),
    durationMs
  }
  return recording
})
