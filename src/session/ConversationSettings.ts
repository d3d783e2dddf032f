/**
 * The options of a session's conversation: its policy and what its pipeline can do.
 *
 * The conversation reads them at every event, so values that depend on the policy alone are computed when it changes.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { ConversationOptions } from "../conversation/ConversationOptions.ts"
import type { ConversationPolicy } from "../conversation/ConversationPolicy.ts"
import * as Backchannel from "../conversation/machine/Backchannel.ts"
import type { TurnAuthority } from "../conversation/TurnAuthority.ts"
import type { Pipeline } from "./pipeline/Pipeline.ts"
import type { SessionOptions } from "./SessionOptions.ts"

/** The final words of a turn are awaited at most so long, in ms. */
const FINALIZE_TIMEOUT_MS = 5_000

/**
 * @category models
 * @since 0.1.0
 */
export class ConversationSettings implements ConversationOptions {
  /** `undefined` until the pipeline has been opened. */
  pipeline: Pipeline | undefined
  /** Whether the call is on hold. */
  held = false
  /** Whether what the user says is collected, and not answered. */
  collecting = false
  /** Whether the agent begins nothing of what waits to be said. */
  quiet = false
  readonly latencyTargetMs: number
  readonly finalizeTimeoutMs: number
  readonly #isBusy: (() => boolean) | undefined
  #policy: ConversationPolicy
  readonly #language: () => string | undefined

  /** `language`: what the user and the agent speak now. */
  constructor({ busy, latencyTarget, policy, timeout }: SessionOptions, language: () => string | undefined) {
    this.latencyTargetMs = Duration.toMillis(latencyTarget)
    this.finalizeTimeoutMs = Math.min(FINALIZE_TIMEOUT_MS, Duration.toMillis(timeout))
    this.#isBusy = busy
    this.#policy = policy
    this.#language = language
  }

  get policy(): ConversationPolicy {
    return this.#policy
  }

  setPolicy(policy: ConversationPolicy): void {
    this.#policy = policy
  }

  get #backchannels(): Backchannel.Backchannels {
    return Backchannel.make(this.#policy.interruption.backchannels, this.#language())
  }

  get isBackchannel(): ConversationOptions["isBackchannel"] {
    return this.#backchannels.isBackchannel
  }

  get mayBecomeBackchannel(): ConversationOptions["mayBecomeBackchannel"] {
    return this.#backchannels.mayBecomeBackchannel
  }

  get busy(): boolean {
    return this.#isBusy?.() ?? false
  }

  /** Under load the engine leaves interim transcripts out, so the conversation must not wait for them. */
  get interimTranscripts(): boolean {
    return this.pipeline?.interimTranscripts === true && !this.busy
  }

  get turnDetector(): boolean {
    return this.pipeline?.predictEndOfTurn !== undefined
  }

  get hearsTurns(): boolean {
    return this.pipeline?.hearsTurns === true
  }

  get turnAuthority(): TurnAuthority {
    return this.pipeline?.turnAuthority ?? "own"
  }

  get transcriptBased(): boolean {
    return this.pipeline?.transcriptBased ?? true
  }
}
