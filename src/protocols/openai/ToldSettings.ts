/**
 * What a client of the OpenAI Realtime protocol has set, and what our session was told of it: only what is new is told again.
 *
 * @since 0.1.0
 */
import type { ClientSettings, PolicyChange, SessionControl } from "../../session/SessionControl.ts"
import type { FrameListener } from "../../transport/websocket/WebSocketProtocol.ts"
import { invalid, invalidValue, type OpenAiFault } from "./Errors.ts"
import { MAX_INSTRUCTIONS, type RealtimeSession } from "./RealtimeSession.ts"
import { clientChoice, clientTools } from "./Tools.ts"

/**
 * Asks our session for something; returns why it is refused.
 *
 * @category models
 * @since 0.1.0
 */
export type Control = NonNullable<FrameListener["control"]>

/** The longest silence that semantic turn detection waits for, in ms, by eagerness. */
const semanticMs = { low: 8_000, medium: 4_000, auto: 4_000, high: 2_000 } as const

/** What our policy takes as the silence that ends a turn, in ms; a client's value beyond it is the next one within. */
const MIN_SILENCE_MS = 100
const MAX_SILENCE_MS = 5_000
const within = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value))

/**
 * What a session with these settings changes in the policy of ours.
 *
 * @category conversions
 * @since 0.1.0
 */
export const policyOf = ({ audio: { input: { turn_detection } }, type }: RealtimeSession): PolicyChange => {
  if (turn_detection === null) return { turns: "manual", answers: "on_request" }
  const answers = type === "realtime" && turn_detection.create_response ? "automatic" : "on_request"
  const common = { turns: "automatic", answers, interruptions: turn_detection.interrupt_response } as const
  return turn_detection.type === "server_vad"
    ? {
      ...common,
      silenceMs: within(turn_detection.silence_duration_ms, MIN_SILENCE_MS, MAX_SILENCE_MS),
      awayAfterMs: turn_detection.idle_timeout_ms ?? 0
    }
    : { ...common, maxSilenceMs: semanticMs[turn_detection.eagerness] }
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/**
 * Asks our session for something; `done` only if it was done.
 *
 * @category combinators
 * @since 0.1.0
 */
export const ask = (control: Control, asked: SessionControl, done: () => void): OpenAiFault | undefined => {
  const refused = control(asked)
  if (refused !== undefined) return invalid("invalid_value", refused.message)
  done()
  return undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export class ToldSettings {
  /** System messages of the client, by the ids of their items. */
  readonly #system = new Map<string, string>()
  #policy: PolicyChange | undefined
  #settings: ClientSettings = {}
  #output: "audio" | "text" = "audio"

  /** Whether answers are spoken. */
  get output(): "audio" | "text" {
    return this.#output
  }

  /** Tells our session everything, whatever it was told by another connection. */
  reset(session: RealtimeSession, control: Control): OpenAiFault | undefined {
    if (session.type === "transcription") return undefined
    const output = session.output_modalities[0]
    const settings = this.#settingsOf(session)
    return ask(control, { _tag: "Output", output }, () => this.#output = output) ??
      ask(control, { _tag: "Client", settings }, () => this.#settings = settings)
  }

  /** Tells our session what is new. The policy is told only when the client says who decides turns: ours has one of its own. */
  apply(session: RealtimeSession, control: Control, withPolicy: boolean): OpenAiFault | undefined {
    const policy = policyOf(session)
    if (withPolicy && !isSame(policy, this.#policy)) {
      // 0 is for a client that has asked for another time before
      const { awayAfterMs, ...rest } = policy
      const change = awayAfterMs === 0 && this.#policy?.awayAfterMs === undefined ? rest : policy
      const fault = ask(control, { _tag: "Policy", change }, () => this.#policy = policy)
      if (fault !== undefined) return fault
    }
    const output = session.type === "transcription" ? "text" : session.output_modalities[0]
    if (output !== this.#output) {
      const fault = ask(control, { _tag: "Output", output }, () => this.#output = output)
      if (fault !== undefined) return fault
    }
    return session.type === "transcription" ? undefined : this.#tellSettings(this.#settingsOf(session), control)
  }

  /** The client has a message for the system. */
  addSystem(id: string, text: string, session: RealtimeSession, control: Control): OpenAiFault | undefined {
    if (session.type === "transcription") return undefined
    const settings = this.#settingsOf(session, text)
    if ((settings.instructions?.length ?? 0) > MAX_INSTRUCTIONS) {
      return invalidValue("item.content", "the instructions and system messages are too long")
    }
    const fault = this.#tellSettings(settings, control)
    if (fault === undefined) this.#system.set(id, text)
    return fault
  }

  /** The client takes a message back, if it is one for the system. */
  removeSystem(id: string, session: RealtimeSession, control: Control): void {
    if (this.#system.delete(id) && session.type === "realtime") this.#tellSettings(this.#settingsOf(session), control)
  }

  #tellSettings(settings: ClientSettings, control: Control): OpenAiFault | undefined {
    if (isSame(settings, this.#settings)) return undefined
    return ask(control, { _tag: "Client", settings }, () => this.#settings = settings)
  }

  #settingsOf(session: Extract<RealtimeSession, { type: "realtime" }>, added?: string): ClientSettings {
    const told = [session.instructions, ...this.#system.values(), ...(added === undefined ? [] : [added])]
    const instructions = told.filter((text) => text !== "").join("\n\n")
    return {
      ...(instructions === "" ? {} : { instructions }),
      ...(session.tools.length === 0 ? {} : { tools: clientTools(session.tools) }),
      ...(session.tool_choice === "auto" ? {} : { toolChoice: clientChoice(session.tool_choice) })
    }
  }
}
