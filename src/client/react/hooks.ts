/**
 * A call's state and actions as hooks. Each renders its component anew when what it gives has changed, and for nothing else.
 *
 * @since 0.1.0
 */
import { useMemo, useSyncExternalStore } from "react"
import {
  type AgentState,
  type CallDevices,
  type CallIncident,
  type CallState,
  initialState,
  type TranscriptEntry,
  type TurnLatency
} from "../call/CallState.ts"
import type { CallStore } from "../call/CallStore.ts"
import { useCallStore } from "./VoiceCallProvider.tsx"

/**
 * What `select` takes of the state. It must give the same for the same state: a part of it, or what is compared by `Object.is`.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useCallState = <A>(select: (state: CallState) => A): A => {
  const store = useCallStore()
  // a server knows neither devices nor what this browser remembers
  return useSyncExternalStore(store.subscribe, () => select(store.getState()), () => select(initialState))
}

/**
 * The call: where it is, and what can be done with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface VoiceCall
  extends
    Pick<CallState, "phase" | "ended" | "sessionId" | "muted" | "hasMicrophone" | "playbackBlocked">,
    Pick<CallStore, "start" | "hangUp" | "mute" | "sendText" | "interrupt" | "startPlayback" | "levels">
{}

/**
 * The call: where it is, and what can be done with it.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useVoiceCall = (): VoiceCall => {
  const { hangUp, interrupt, levels, mute, sendText, start, startPlayback } = useCallStore()
  return {
    phase: useCallState(({ phase }) => phase),
    ended: useCallState(({ ended }) => ended),
    sessionId: useCallState(({ sessionId }) => sessionId),
    muted: useCallState(({ muted }) => muted),
    hasMicrophone: useCallState(({ hasMicrophone }) => hasMicrophone),
    playbackBlocked: useCallState(({ playbackBlocked }) => playbackBlocked),
    start,
    hangUp,
    mute,
    sendText,
    interrupt,
    startPlayback,
    levels
  }
}

/**
 * The words of both, in the order of the conversation.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useTranscript = (): ReadonlyArray<TranscriptEntry> => useCallState(({ transcript }) => transcript)

/**
 * What the agent does.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useAgentState = (): AgentState => useCallState(({ agent }) => agent)

/**
 * The devices, and how another one is chosen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Devices extends CallDevices, Pick<CallStore, "setInput" | "setOutput" | "refreshDevices"> {}

/**
 * The microphones and speakers, which are chosen, and how another one is.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useDevices = (): Devices => {
  const { refreshDevices, setInput, setOutput } = useCallStore()
  const devices = useCallState(({ devices }) => devices)
  return { ...devices, refreshDevices, setInput, setOutput }
}

/**
 * How long the user waits for answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Latency {
  /** The latest 200 turns. */
  readonly turns: ReadonlyArray<TurnLatency>
  /** The latest turn; `undefined` before the first. */
  readonly last: TurnLatency | undefined
  /** The median of `turns` in milliseconds, the lower one of two; `undefined` before the first. */
  readonly medianMs: number | undefined
}

/**
 * How long the user waited for each answer, and where the time went.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useLatency = (): Latency => {
  const turns = useCallState(({ latencies }) => latencies)
  return useMemo(() => {
    const sorted = turns.map(({ totalMs }) => totalMs).toSorted((a, b) => a - b)
    return { turns, last: turns.at(-1), medianMs: sorted[Math.ceil(sorted.length / 2) - 1] }
  }, [turns])
}

/**
 * What happened beside the words, and how one is removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Incidents extends Pick<CallStore, "dismiss"> {
  readonly incidents: ReadonlyArray<CallIncident>
}

/**
 * What happened beside the words: tools, engines, devices, errors.
 *
 * @category hooks
 * @since 0.1.0
 */
export const useIncidents = (): Incidents => {
  const { dismiss } = useCallStore()
  return { incidents: useCallState(({ incidents }) => incidents), dismiss }
}
