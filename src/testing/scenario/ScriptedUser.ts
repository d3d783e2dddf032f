/**
 * A user who does as the script says: speaks, hesitates, coughs, interrupts, types, loses the network, hangs up.
 *
 * A microphone never pauses: between the steps it sends silence, a frame every 20 ms of virtual time. The steps are plain
 * data, so a script can be printed, stored and generated.
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
const DEFAULT_WAIT = "1 minute"

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
export const waitForAgent: Step = { _tag: "WaitForAgent", withinMs: ms(DEFAULT_WAIT), patient: false }

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
export const waitFor = (event: SessionEvent["type"], within: Duration.Input = DEFAULT_WAIT): Step => ({
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
  within: Duration.Input = DEFAULT_WAIT,
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
export const waitUntilHeard = (words: string, within: Duration.Input = DEFAULT_WAIT): Step => ({
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
export const perform = (
  what: string,
  effect: (session: VoiceSession) => Effect.Effect<void, BackendError>
): Step => ({ _tag: "Do", what, effect })
