/**
 * What the user does, and what it means: speaking, pausing, finishing, interrupting.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Event } from "../ConversationState.ts"
import { mayBeEcho, wordsInterrupt } from "./BargeIn.ts"
import { giveUp, settleLate, takeLate } from "./LateTranscripts.ts"
import { GRACE_MS, isWordless, SAMPLES_PER_MS, type Step, wordsOf } from "./Step.ts"
import {
  bound,
  complete,
  extend,
  finalize,
  judge,
  mayExtend,
  speaking,
  speculate,
  stopped,
  unfinished
} from "./Turn.ts"
import { join } from "./Words.ts"

/**
 * With `turnAuthority: "stt"`, silence after which the turn is over though the recogniser has not said so.
 */
const STT_FALLBACK_MS = 3_000

/** How much the last pause counts in the average of the user's pauses. */
const PAUSE_WEIGHT = 0.3
/** A turn is over after so many of the user's usual pauses. */
const PAUSES = 1.5

type Of<Tag extends Event["_tag"]> = Extract<Event, { readonly _tag: Tag }>

/** Learns how long the user pauses within a turn. */
const learnPause = (draft: Step, untilSample: number): void => {
  const { pauseMs, user } = draft.state
  const sinceSample = user._tag === "Paused"
    // without one it was no pause
    ? user.atSample
    // it was taken for the end of the turn
    : user._tag === "Finalizing" && !user.still
    ? user.untilSample
    : undefined
  if (sinceSample === undefined) return
  const ms = Math.max(0, untilSample - sinceSample) / SAMPLES_PER_MS
  draft.set({ pauseMs: pauseMs === undefined ? ms : pauseMs + PAUSE_WEIGHT * (ms - pauseMs) })
}

const silenceMs = (draft: Step): number => {
  const { turnAuthority: authority, policy } = draft.options
  if (authority === "stt") return STT_FALLBACK_MS
  const { maxSilence, mode, silence } = policy.endpointing
  const least = Duration.toMillis(silence)
  const { pauseMs } = draft.state
  return mode === "fixed" || pauseMs === undefined
    ? least
    : Math.min(Math.max(least, PAUSES * pauseMs), Math.max(least, Duration.toMillis(maxSilence)))
}

/** Only words tell an interruption from a backchannel or an echo; without them, sound has to do. */
const needsWords = (draft: Step): boolean => {
  const { interims, policy, textual } = draft.options
  const { ignoreBackchannels, minWords } = policy.interruption
  return textual && (minWords > 0 || (interims && (ignoreBackchannels || policy.echoGuard)))
}

/**
 * The user makes a sound: the agent falls silent, to go on or to be interrupted.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onSpeechStarted = (draft: Step, event: Of<"SpeechStarted">): void => {
  const { agent, lifecycle, user } = draft.state
  const idle = user._tag === "Quiet" || user._tag === "Noise"
  // a conversation that is ending takes no new turn
  if (user._tag === "Speaking" || (lifecycle._tag === "Draining" && idle)) return
  learnPause(draft, event.atSample)
  draft.cancelTimer("endpoint")
  draft.cancelTimer("finalize")
  draft.discard()
  draft.set({ marks: undefined, untold: undefined, away: false })
  if (user._tag !== "Noise" && !(user._tag === "Finalizing" && user.still)) draft.emit({ type: "user.speech_started" })
  speaking(draft, event.atSample)
  if (agent._tag !== "Active" || !draft.mayInterrupt) return
  const minSpeech = Duration.toMillis(draft.options.policy.interruption.minSpeech)
  const heardMs = (event.decidedAtSample - event.atSample) / SAMPLES_PER_MS
  if (draft.options.turnAuthority === "remote" || (heardMs >= minSpeech && !needsWords(draft))) {
    draft.interrupt()
    return
  }
  const { audibleAt, epoch, turn } = agent.reply
  draft.set({ agent: { ...agent, _tag: "Held", sinceMs: draft.atMs, patient: false } })
  draft.commands.push({ _tag: "Hold", epoch })
  if (audibleAt !== undefined) {
    draft.emit({ type: "playout.clear", turn })
    draft.emit({ type: "agent.speech_paused", turn })
  }
  draft.setTimer("confirm", event.atSample + minSpeech * SAMPLES_PER_MS, minSpeech - heardMs + GRACE_MS)
}

/** With a model that decides turns: its answer is awaited, unless it is there. */
const remoteStopped = (draft: Step, atSample: number): void => {
  const { agent } = draft.state
  if (agent._tag === "Active" && agent.reply.source._tag === "Remote") {
    draft.cancelTimer("longest")
    draft.set({ user: { _tag: "Quiet" }, since: undefined })
  } else {
    finalize(draft, atSample, false)
  }
}

/** How long the agent may yet be silent: fits of sound, each of them awaited for its words, must not keep it so. */
const patienceMs = (draft: Step, sinceMs: number): number => {
  const ms = Duration.toMillis(draft.options.policy.interruption.patience)
  return Math.max(0, Math.min(ms, sinceMs + 2 * ms - draft.atMs))
}

/**
 * The sound is over. Was it long enough to ask what was said? Then the words decide, if they come in time. Returns whether
 * it was nothing, to a conversation that knows of sound only.
 */
const settleHold = (draft: Step, ms: number): boolean => {
  const { turnAuthority: authority, policy, textual } = draft.options
  const { agent } = draft.state
  if (agent._tag !== "Held") return false
  if (!needsWords(draft) || ms < Duration.toMillis(policy.interruption.minSpeech)) {
    draft.release()
  } else {
    draft.setTimer("confirm", undefined, patienceMs(draft, agent.sinceMs))
  }
  return authority === "own" && !textual && ms < Duration.toMillis(policy.interruption.minSpeech)
}

/**
 * @category transitions
 * @since 0.1.0
 */
export const onSpeechStopped = (draft: Step, event: Of<"SpeechStopped">): void => {
  const { user } = draft.state
  if (user._tag === "Noise") {
    draft.set({ user: { _tag: "Quiet" } })
    draft.emit({ type: "user.speech_stopped" })
    return
  }
  if (user._tag === "Finalizing" && user.still) {
    draft.set({ user: { ...user, still: false } })
    draft.emit({ type: "user.speech_stopped" })
    return
  }
  if (user._tag !== "Speaking") return
  const waitedMs = Math.max(0, event.decidedAtSample - event.atSample) / SAMPLES_PER_MS
  draft.set({ marks: { start: draft.atMs - waitedMs, vad: draft.atMs } })
  draft.emit({ type: "user.speech_stopped" })
  if (settleHold(draft, (event.atSample - user.sinceSample) / SAMPLES_PER_MS)) {
    draft.cancelTimer("longest")
    draft.set({ user: { _tag: "Quiet" }, since: undefined, marks: undefined })
    return
  }
  if (draft.options.turnAuthority === "remote") {
    remoteStopped(draft, event.atSample)
    return
  }
  draft.set({ user: { _tag: "Paused", atSample: event.atSample, extended: false } })
  const ms = silenceMs(draft)
  draft.setTimer("endpoint", event.atSample + ms * SAMPLES_PER_MS, ms - waitedMs + GRACE_MS)
  judge(draft)
  speculate(draft)
}

/** Enough was heard, for long enough: is it an interruption? */
const onConfirm = (draft: Step): void => {
  const { agent, heard, user } = draft.state
  if (agent._tag !== "Held") return
  const { interims, policy } = draft.options
  const { minSpeech, minWords, patience } = policy.interruption
  const leftMs = patienceMs(draft, agent.sinceMs)
  if (!draft.mayInterrupt) {
    draft.release()
  } else if (!needsWords(draft) || (wordsInterrupt(draft) && !mayBeEcho(draft))) {
    draft.interrupt()
  } else if (user._tag !== "Speaking") {
    draft.release()
  } else if (!agent.patient && leftMs > 0) {
    draft.set({ agent: { ...agent, patient: true } })
    const ms = Math.max(0, Math.min(leftMs, Duration.toMillis(patience) - Duration.toMillis(minSpeech)))
    draft.setTimer("confirm", user.sinceSample + Duration.toMillis(patience) * SAMPLES_PER_MS, ms + GRACE_MS)
  } else if (interims && minWords === 0 && wordsOf(heard) === "") {
    // somebody speaks on, and the recogniser is slow: better silent than talking over them
    draft.interrupt()
  } else {
    draft.release()
  }
}

/**
 * @category transitions
 * @since 0.1.0
 */
export const onTimer = (draft: Step, event: Of<"TimerFired">): void => {
  if (draft.state.timers[event.name] !== event.id) return
  const { [event.name]: _, ...timers } = draft.state.timers
  draft.set({ timers })
  const { user } = draft.state
  switch (event.name) {
    case "endpoint":
      if (user._tag !== "Paused") return
      // without early words, nobody has looked at what was said last
      if (mayExtend(draft) && draft.options.interims && user.atSample !== undefined && unfinished(draft) === true) {
        extend(draft, user.atSample)
      } else {
        finalize(draft, user.atSample ?? event.atSample, false)
      }
      return
    case "confirm":
      return onConfirm(draft)
    case "longest":
      if (user._tag === "Speaking" || user._tag === "Paused") {
        finalize(draft, event.atSample, user._tag === "Speaking", true)
      }
      return
    case "finalize":
      if (user._tag === "Finalizing") giveUp(draft, user)
      return
    case "noise":
      if (user._tag !== "Speaking" || wordsOf(draft.state.heard) !== "") return
      draft.cancelTimer("longest")
      draft.set({ user: { _tag: "Noise", sinceSample: user.sinceSample }, since: undefined })
      draft.release()
      return
    case "away":
      return onAway(draft)
  }
}

const onAway = (draft: Step): void => {
  if (!draft.state.away) {
    draft.set({ away: true })
    draft.emit({ type: "user.away" })
  } else if (draft.state.lifecycle._tag === "Open") {
    draft.set({ lifecycle: { _tag: "Draining", reason: "user_away", goodbye: true } })
  }
}

/**
 * A recogniser that decides turns tells words of which there was no sound: a soft voice, or one that goes on after a turn
 * that it took for complete. It must be allowed to interrupt, and its end must come.
 */
const onSoundless = (draft: Step): void => {
  draft.set({ away: false, user: { _tag: "Paused", atSample: undefined, extended: false } })
  draft.setTimer("endpoint", undefined, STT_FALLBACK_MS)
  bound(draft, undefined)
}

/** Words of the open turn, as the recogniser of a textual pipeline tells them. */
const onWords = (draft: Step): void => {
  const { agent, heard, lifecycle, turn, user } = draft.state
  const words = wordsOf(heard)
  draft.emit({ type: "user.transcript", turn: turn + 1, text: words, final: false })
  if (words !== "") draft.cancelTimer("noise")
  if (user._tag === "Noise" && words !== "") {
    // it is somebody after all
    draft.set({ away: false })
    speaking(draft, user.sinceSample, true)
  }
  const isSoundless = (user._tag === "Quiet" && lifecycle._tag === "Open") ||
    (user._tag === "Paused" && user.atSample === undefined)
  if (draft.options.turnAuthority === "stt" && words !== "" && isSoundless) onSoundless(draft)
  const isPaused = draft.state.user._tag === "Paused"
  const speaks = draft.state.user._tag === "Speaking" || (isPaused && isSoundless)
  const over = agent._tag === "Held" || (agent._tag === "Active" && agent.reply.audibleAt !== undefined)
  if (over && (speaks || isPaused) && draft.mayInterrupt && needsWords(draft)) {
    // the first words of an echo are as many as anybody's: the next ones tell
    if (speaks && mayBeEcho(draft)) return
    if (wordsInterrupt(draft)) draft.interrupt()
    else if (!speaks) draft.release()
  }
  if (!isPaused) return
  judge(draft)
  speculate(draft)
}

/**
 * @category transitions
 * @since 0.1.0
 */
export const onTranscript = (draft: Step, text: string, final: boolean): void => {
  const { heard } = draft.state
  const words = text.trim()
  const next = final ? { finals: join(heard.finals, words), interim: "" } : { finals: heard.finals, interim: words }
  if (words === "" && next.interim === heard.interim) return
  if (draft.options.textual) {
    if (final && takeLate(draft, words)) return
    draft.set({ heard: next })
    onWords(draft)
    return
  }
  draft.set({ heard: next })
  // a model's transcript may come when its reply has begun, or is over: it belongs to the turn of that reply
  const { agent, turn } = draft.state
  const of = agent._tag !== "Silent" && isWordless(agent.reply.source)
    ? agent.reply.turn
    : draft.state.untold ?? turn + 1
  if (final) draft.set({ heard: { finals: "", interim: "" }, untold: undefined })
  if (final && words === "") return
  draft.emit({ type: "user.transcript", turn: of, text: join(next.finals, next.interim), final })
  if (!final) return
  draft.append({ role: "user", turn: of, kind: "speech", text: words, interrupted: false }, draft.atMs)
}

/**
 * The recogniser has told all words of a turn.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onFinalized = (draft: Step, id: number): void => {
  settleLate(draft, id)
  const { user } = draft.state
  if (user._tag === "Finalizing" && user.awaits === "words" && user.id === id) complete(draft)
}

/**
 * The recogniser takes the turn for over.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onEndOfTurn = (draft: Step): void => {
  const { heard, lifecycle, marks, user } = draft.state
  if (draft.options.turnAuthority !== "stt" || lifecycle._tag === "New") return
  const idle = user._tag === "Quiet" || user._tag === "Noise"
  // a conversation that is ending takes no new turn; the end of a former one is none of what is being said
  if ((lifecycle._tag === "Draining" && idle) || (wordsOf(heard) === "" && user._tag === "Speaking")) return
  draft.set({ marks: { start: draft.atMs, ...marks, endpointing: draft.atMs } })
  complete(draft)
}

/**
 * The detector has looked at the words.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onJudged = (draft: Step, event: Of<"Judged">): void => {
  const { judged, user } = draft.state
  if (judged?.id !== event.id) return
  draft.set({ judged: { ...judged, probability: event.probability } })
  if (user._tag === "Paused") speculate(draft)
  if (user._tag === "Finalizing" && user.awaits === "judgement") complete(draft)
}

/**
 * The source of the audio has ended: what was being said is complete, and nothing more will come.
 *
 * @category transitions
 * @since 0.1.0
 */
export const onInputEnded = (draft: Step, atSample: number): void => {
  const { lifecycle, user } = draft.state
  if (lifecycle._tag === "Open") {
    draft.set({ lifecycle: { _tag: "Draining", reason: "input_ended", goodbye: false } })
  }
  stopped(draft)
  if (user._tag === "Speaking") {
    draft.set({ marks: { start: draft.atMs, vad: draft.atMs } })
    draft.release()
    if (draft.options.turnAuthority === "remote") remoteStopped(draft, atSample)
    else finalize(draft, atSample, false)
  } else if (user._tag === "Paused") {
    finalize(draft, atSample, false)
  } else if (user._tag === "Noise") {
    draft.set({ user: { _tag: "Quiet" } })
  } else if (user._tag === "Finalizing") {
    draft.set({ user: { ...user, still: false } })
  }
}
