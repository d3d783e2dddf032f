/**
 * The steps of a scripted user: speak, pause, cough, interrupt, type, lose the network, hang up.
 *
 * Between the steps the microphone sends silence, a frame every 20 ms of virtual time. Steps are plain data, so a script
 * can be printed, stored and generated.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { BackendError } from "../../BackendError.ts"
import type { SessionEvent } from "../../session/SessionEvent.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import { TIMELINE_RATE } from "../../speech/VoiceActivityDetector.ts"
import * as SpokenAudio from "./SpokenAudio.ts"

/**
 * One action of the user; made by `say` and the other functions here.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | { readonly _tag: "Say"; readonly text: string; readonly msPerCharacter: number }
  | { readonly _tag: "Sound"; readonly what: string; readonly pcm: Int16Array }
  | { readonly _tag: "Pause"; readonly ms: number }
  | { readonly _tag: "At"; readonly ms: number }
  | { readonly _tag: "WaitForAgent"; readonly withinMs: number; readonly optional: boolean }
  | { readonly _tag: "WaitFor"; readonly event: SessionEvent["type"]; readonly withinMs: number }
  | {
    readonly _tag: "WaitForSpeech"
    readonly ms: number
    readonly words: string
    readonly withinMs: number
    readonly optional: boolean
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
    /** Runs against the session. */
    readonly effect: (session: VoiceSession) => Effect.Effect<void, BackendError>
  }

/**
 * Steps, which may be nested.
 *
 * @category models
 * @since 0.1.0
 */
export type Script = ReadonlyArray<Step | Script>

/** How long a step waits for an event by default, in virtual time. */
const DEFAULT_WAIT = "1 minute"

const ms = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

/**
 * Says a text; it takes `text.length × msPerCharacter` ms (default 60). Fillers are texts, too: `say("um")`.
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
 * Says a backchannel: "mhm", or another word that asks for nothing.
 *
 * @category steps
 * @since 0.1.0
 */
export const backchannel = (text = "mhm"): Step => say(text)

/**
 * Speaks a recording (PCM, 16 kHz, mono), for engines that recognise speech.
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
 * Coughs: a loud sound without words. Default: 300 ms.
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
 * Makes noise at a level of 32,767: from 1,000 the scripted detector takes it for speech. Default: 2,000.
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
 * Is silent for a duration.
 *
 * @category steps
 * @since 0.1.0
 */
export const pause = (duration: Duration.Input): Step => ({ _tag: "Pause", ms: ms(duration) })

/**
 * Waits until a time since the start of the scenario.
 *
 * @category steps
 * @since 0.1.0
 */
export const at = (time: Duration.Input): Step => ({ _tag: "At", ms: ms(time) })

/**
 * Waits until the agent has answered the last input and finished: its reply was played or failed. The scenario fails after
 * one minute.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitForAgent: Step = { _tag: "WaitForAgent", withinMs: ms(DEFAULT_WAIT), optional: false }

/**
 * Does as `waitForAgent` with another limit; when `optional`, the script continues after it.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitForAgentWithin = (
  within: Duration.Input,
  options?: { readonly optional?: boolean | undefined }
): Step => ({ _tag: "WaitForAgent", withinMs: ms(within), optional: options?.optional ?? false })

/**
 * Waits for the next event of a type.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitFor = (event: SessionEvent["type"], within: Duration.Input = DEFAULT_WAIT): Step => ({
  _tag: "WaitFor",
  event,
  withinMs: ms(within)
})

/**
 * Waits until the agent has been speaking for `duration`; when `optional`, the script continues after the limit.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitForSpeech = (
  duration: Duration.Input = 0,
  within: Duration.Input = DEFAULT_WAIT,
  options?: { readonly optional?: boolean | undefined }
): Step => ({
  _tag: "WaitForSpeech",
  ms: ms(duration),
  words: "",
  withinMs: ms(within),
  optional: options?.optional ?? false
})

/**
 * Waits until these words of the agent's reply have been played.
 *
 * @category steps
 * @since 0.1.0
 */
export const waitUntilHeard = (words: string, within: Duration.Input = DEFAULT_WAIT): Step => ({
  _tag: "WaitForSpeech",
  ms: 0,
  words,
  withinMs: ms(within),
  optional: false
})

/**
 * Interrupts with a text after the agent has been speaking for `duration`.
 *
 * @category steps
 * @since 0.1.0
 */
export const interruptAfter = (duration: Duration.Input, text: string): Script => [waitForSpeech(duration), say(text)]

/**
 * Interrupts with a text as soon as these words of the agent have been played.
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
 * Sends malformed messages and the loudest possible samples.
 *
 * @category steps
 * @since 0.1.0
 */
export const sendGarbage: Step = { _tag: "SendGarbage" }

/**
 * Loses the network for a duration; then the client reconnects.
 *
 * @category steps
 * @since 0.1.0
 */
export const loseNetwork = (duration: Duration.Input): Step => ({ _tag: "LoseNetwork", ms: ms(duration) })

/**
 * Disconnects for good without ending the session, which ends after its resume window.
 *
 * @category steps
 * @since 0.1.0
 */
export const hangUp: Step = { _tag: "HangUp" }

/**
 * Ends the session from the user's client.
 *
 * @category steps
 * @since 0.1.0
 */
export const endCall: Step = { _tag: "EndCall" }

/**
 * Runs an action of the application: `perform("announces", (session) => session.say("One moment."))`.
 *
 * @category steps
 * @since 0.1.0
 */
export const perform = (
  what: string,
  effect: (session: VoiceSession) => Effect.Effect<void, BackendError>
): Step => ({ _tag: "Do", what, effect })
