/**
 * A user who does as the script says: speaks, hesitates, coughs, interrupts, types, loses the network, hangs up.
 *
 * A microphone never pauses: between the steps it sends silence, a frame every 20 ms of virtual time. The steps are plain
 * data, so a script can be printed, stored and generated.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { BackendError } from "../BackendError.ts"
import type { SessionEvent } from "../session/SessionEvent.ts"
import type { VoiceSession } from "../session/VoiceSession.ts"
import { TIMELINE_RATE } from "../speech/VoiceActivityDetector.ts"
import type { Recorder } from "./Recorder.ts"
import { timeline } from "./Recording.ts"
import * as SpokenAudio from "./SpokenAudio.ts"

/**
 * One thing that the user does; `say` and its like make them.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | { readonly _tag: "Say"; readonly text: string; readonly msPerCharacter: number }
  | { readonly _tag: "Sound"; readonly what: string; readonly pcm: Int16Array }
  | { readonly _tag: "Pause"; readonly ms: number }
  | { readonly _tag: "At"; readonly ms: number }
  | { readonly _tag: "WaitForAgent"; readonly withinMs: number; readonly patient: boolean }
  | { readonly _tag: "WaitFor"; readonly event: SessionEvent["type"]; readonly withinMs: number }
  | {
    readonly _tag: "WaitForSpeech"
    readonly ms: number
    readonly words: string
    readonly withinMs: number
    readonly patient: boolean
  }
  | { readonly _tag: "Type"; readonly text: string }
  | { readonly _tag: "PressStop" }
  | { readonly _tag: "SendGarbage" }
  | { readonly _tag: "LoseNetwork"; readonly ms: number }
  | { readonly _tag: "HangUp" }
  | { readonly _tag: "EndCall" }
  | {
    readonly _tag: "Do"
    readonly what: string
    readonly effect: (session: VoiceSession) => Effect.Effect<void, BackendError>
  }

/**
 * Steps, nested as it reads best.
 *
 * @category models
 * @since 0.1.0
 */
export type Script = ReadonlyArray<Step | Script>

/** How long the user waits for what is to happen, unless told otherwise. */
const PATIENCE = "1 minute"

const ms = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

/**
 * Says a text; it takes `text.length × msPerCharacter` ms (default 60). Fillers are words: `say("um")`.
 *
 * @category steps
 * @since 0.1.0
 */
export const say = (text: string, options?: { readonly msPerCharacter?: number | undefined }): Step => ({
  _tag: "Say",
  text,
  msPerCharacter: options?.msPerCharacter ?? SpokenAudio.MS_PER_CHARACTER
})

/**
 * Says that they are listening: "mhm", or another such sound.
 *
 * @category steps
 * @since 0.1.0
 */
export const backchannel = (text = "mhm"): Step => say(text)

/**
 * Speaks PCM (16 kHz, mono): a recording, for engines that understand it.
 *
 * @category steps
 * @since 0.1.0
 */
export const speak = (pcm: Int16Array): Step => ({
  _tag: "Sound",
  what: `speaks ${Math.round(pcm.length / 16)} ms of audio`,
  pcm
})

const loud = (duration: Duration.Input, level: number): Int16Array =>
  Int16Array.from({ length: Math.round(ms(duration) * TIMELINE_RATE / 1000) }, (_, i) => i % 3 === 0 ? -level : level)

/**
 * Coughs: loud, and no word. Default: 300 ms.
 *
 * @category steps
 * @since 0.1.0
 */
export const cough = (duration: Duration.Input = "300 millis"): Step => ({
  _tag: "Sound",
  what: `coughs for ${ms(duration)} ms`,
  pcm: loud(duration, 3_500)
})

/**
 * Noise at a level (default 2,000 of 32,767, which a scripted detector takes for speech; below 1,000 it does not).
 *
 * @category steps
 * @since 0.1.0
 */
export const noise = (duration: Duration.Input, level = 2_000): Step => ({
  _tag: "Sound",
  what: `is in noise for ${ms(duration)} ms`,
  pcm: loud(duration, Math.min(level, 3_500))
})

/**
 * Says nothing for so long.
 *
 * @category steps
 * @since 0.1.0
 */
export const pause = (duration: Duration.Input): Step => ({ _tag: "Pause", ms: ms(duration) })

/**
 * Waits until so much time has passed since the scenario began.
 *
 * @category steps
 * @since 0.1.0
 */
export const at = (time: Duration.Input): Step => ({ _tag: "At", ms: ms(time) })

/**
 * Waits until the agent has answered what was said last, and has finished: its reply was played or failed. The scenario
 * fails after `within` (default one minute).
 *
 * @category steps
 * @since 0.1.0
 */
export const waitForAgent: Step = { _tag: "WaitForAgent", withinMs: ms(PATIENCE), patient: false }

/**
 * `waitForAgent` with another limit; a `patient` user goes on when it has passed.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitForAgentWithin = (
  within: Duration.Input,
  options?: { readonly patient?: boolean | undefined }
): Step => ({ _tag: "WaitForAgent", withinMs: ms(within), patient: options?.patient ?? false })

/**
 * Waits for an event of this type, from now on.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitFor = (event: SessionEvent["type"], within: Duration.Input = PATIENCE): Step => ({
  _tag: "WaitFor",
  event,
  withinMs: ms(within)
})

/**
 * Waits until the agent has been speaking for so long; a `patient` user goes on when it did not within the limit.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitForSpeech = (
  duration: Duration.Input = 0,
  within: Duration.Input = PATIENCE,
  options?: { readonly patient?: boolean | undefined }
): Step => ({
  _tag: "WaitForSpeech",
  ms: ms(duration),
  words: "",
  withinMs: ms(within),
  patient: options?.patient ?? false
})

/**
 * Waits until the user has heard these words of the agent's reply.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitUntilHeard = (words: string, within: Duration.Input = PATIENCE): Step => ({
  _tag: "WaitForSpeech",
  ms: 0,
  words,
  withinMs: ms(within),
  patient: false
})

/**
 * Interrupts with a text when the agent has been speaking for so long.
 *
 * @category steps
 * @since 0.1.0
 */
export const interruptAfter = (duration: Duration.Input, text: string): Script => [waitForSpeech(duration), say(text)]

/**
 * Interrupts with a text as soon as the agent has been heard to say these words.
 *
 * @category steps
 * @since 0.1.0
 */
export const interruptWhenHeard = (words: string, text: string): Script => [waitUntilHeard(words), say(text)]

/**
 * Types a turn.
 *
 * @category steps
 * @since 0.1.0
 */
export const type = (text: string): Step => ({ _tag: "Type", text })

/**
 * Presses the button that stops the agent.
 *
 * @category steps
 * @since 0.1.0
 */
export const pressStop: Step = { _tag: "PressStop" }

/**
 * The user's client sends what makes no sense, and the loudest possible samples.
 *
 * @category steps
 * @since 0.1.0
 */
export const sendGarbage: Step = { _tag: "SendGarbage" }

/**
 * The network is gone for so long; then the client comes back.
 *
 * @category steps
 * @since 0.1.0
 */
export const loseNetwork = (duration: Duration.Input): Step => ({ _tag: "LoseNetwork", ms: ms(duration) })

/**
 * The link is gone for good, without a word. The session ends when its resume window has passed.
 *
 * @category steps
 * @since 0.1.0
 */
export const hangUp: Step = { _tag: "HangUp" }

/**
 * The user's client ends the session.
 *
 * @category steps
 * @since 0.1.0
 */
export const endCall: Step = { _tag: "EndCall" }

/**
 * The application does something: `run("announces", (session) => session.say("One moment."))`.
 *
 * @category steps
 * @since 0.1.0
 */
export const run = (
  what: string,
  effect: (session: VoiceSession) => Effect.Effect<void, BackendError>
): Step => ({ _tag: "Do", what, effect })

/**
 * What the script waited for did not happen; the message has the conversation's timeline.
 *
 * @category errors
 * @since 0.1.0
 */
export class ScenarioError extends Data.TaggedError("ScenarioError")<{ readonly message: string }> {}

/**
 * What a scripted user acts on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stage {
  readonly session: VoiceSession
  readonly recorder: Recorder
  readonly now: () => number
  /** Lets 20 ms pass, with whatever they bring. */
  readonly tick: Effect.Effect<void>
}

const FRAME = TIMELINE_RATE / 50

/**
 * Acts a script out on a session, in real (virtual) time. Returns what went into the microphone, a text per utterance.
 *
 * @category running
 * @since 0.1.0
 */
export const act = (script: Script, stage: Stage): Effect.Effect<ReadonlyArray<string>, BackendError | ScenarioError> =>
  Effect.suspend(() => {
    const { now, recorder, session, tick } = stage
    const said: Array<string> = []
    const quiet = new Int16Array(FRAME)
    const frame = new Int16Array(FRAME)
    /** The events before this one were there when the user last made a sound. */
    let acted = 0

    const hear = (pcm: Int16Array) =>
      Effect.suspend(() => {
        recorder.link?.push(pcm)
        return tick
      })
    const emit = (pcm: Int16Array): Effect.Effect<void> => {
      let at = 0
      return Effect.whileLoop({
        while: () => at < pcm.length,
        body: () => {
          frame.fill(0)
          frame.set(pcm.subarray(at, at + FRAME))
          at += FRAME
          return hear(frame)
        },
        step: () => {}
      }).pipe(Effect.andThen(Effect.sync(() => {
        acted = recorder.events.length
      })))
    }
    const during = (duration: number): Effect.Effect<void> => {
      const until = now() + duration
      return Effect.whileLoop({ while: () => now() < until, body: () => hear(quiet), step: () => {} })
    }
    const until = (
      condition: () => boolean,
      withinMs: number,
      what: string,
      patient = false
    ): Effect.Effect<void, ScenarioError> =>
      Effect.suspend(() => {
        const from = now()
        let met = false
        return Effect.whileLoop({
          while: () => !(met = condition()) && now() - from < withinMs && !isOver(),
          body: () => hear(quiet),
          step: () => {}
        }).pipe(Effect.andThen(Effect.suspend(() => {
          if (met || patient) return Effect.void
          const how = isOver() ? "the session ended" : `${withinMs / 1000} s passed`
          return Effect.fail(
            new ScenarioError({ message: `${how} while the user waited ${what}\n\n${timeline(recorder.trace)}` })
          )
        })))
      })
    const isOver = () => recorder.events.at(-1)?.type === "session.ended"
    const answered = () =>
      recorder.open === undefined && recorder.events.slice(acted).some((event) =>
        (event.type === "agent.speech_stopped" && event.reason !== "interrupted") ||
        (event.type === "error" && event.code !== "invalid_config")
      ) && !isBusy()
    const isBusy = () => {
      const state = recorder.events.findLast((event) => event.type === "session.state")?.state
      return state === "processing" || state === "speaking"
    }

    const perform = (step: Step): Effect.Effect<void, BackendError | ScenarioError> => {
      switch (step._tag) {
        case "Say":
          recorder.act(`says "${step.text}"`)
          if (recorder.link !== undefined) said.push(step.text)
          return emit(SpokenAudio.encode(step.text, { msPerCharacter: step.msPerCharacter }))
        case "Sound":
          recorder.act(step.what)
          return emit(step.pcm)
        case "Pause":
          return during(step.ms)
        case "At":
          return during(step.ms - now())
        case "WaitForAgent":
          return until(answered, step.withinMs, "for the agent's answer", step.patient)
        case "WaitFor": {
          const from = recorder.events.length
          return until(
            () => recorder.events.slice(from).some((event) => event.type === step.event),
            step.withinMs,
            `for ${step.event}`
          )
        }
        case "WaitForSpeech": {
          const what = step.words === "" ? `for ${step.ms} ms of the agent's speech` : `to hear "${step.words}"`
          return until(
            () =>
              recorder.open !== undefined && now() - recorder.open.startedAtMs >= step.ms &&
              recorder.heardNow().includes(step.words),
            step.withinMs,
            what,
            step.patient
          )
        }
        case "Type":
          recorder.act(`types "${step.text}"`)
          recorder.link?.message({ type: "user.text", text: step.text })
          acted = recorder.events.length
          return Effect.void
        case "PressStop":
          recorder.act("presses stop")
          recorder.link?.message({ type: "agent.interrupt" })
          return Effect.void
        case "SendGarbage":
          recorder.act("sends garbage")
          recorder.link?.malformed("scripted garbage")
          recorder.link?.message({ type: "playout.position", turn: 999, playedMs: -1 })
          return emit(Int16Array.from({ length: FRAME }, (_, i) => i % 2 === 0 ? 32_767 : -32_768))
        case "LoseNetwork":
          recorder.act("loses the network")
          recorder.disconnect("network")
          return Effect.gen(function*() {
            yield* during(step.ms)
            // a client is told that it comes too late
            if (isOver()) return
            recorder.act("is back")
            yield* session.attach(recorder.connect())
          })
        case "HangUp":
          recorder.act("hangs up")
          recorder.disconnect("client_closed")
          return Effect.void
        case "EndCall":
          recorder.act("ends the call")
          recorder.link?.message({ type: "session.end" })
          return Effect.void
        case "Do":
          recorder.act(step.what)
          return step.effect(session)
      }
    }

    const all = (steps: Script): Effect.Effect<void, BackendError | ScenarioError> =>
      Effect.forEach(steps, (step) => isScript(step) ? all(step) : isOver() ? Effect.void : perform(step), {
        discard: true
      })
    return Effect.as(all(script), said)
  })

const isScript = (step: Step | Script): step is Script => Array.isArray(step)
