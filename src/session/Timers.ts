/**
 * A session's timers: each fires when the audio has reached its sample, or by the clock when the audio does not come.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Command } from "../conversation/ConversationCommand.ts"
import type { TimerName } from "../conversation/ConversationState.ts"
import type { AudioInput } from "./input/AudioInput.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface TimersOptions {
  readonly input: Pick<AudioInput<TimerName>, "position" | "maxDelayMs" | "watch" | "unwatch">
  /** Runs in the session's scope; a former effect of the name is interrupted. */
  readonly run: (name: string, effect: Effect.Effect<unknown>) => void
  readonly cancel: (name: string) => void
  readonly onFired: (name: TimerName, id: number) => void
}

/**
 * @category models
 * @since 0.1.0
 */
export class Timers {
  readonly #options: TimersOptions
  readonly #ids = new Map<TimerName, number>()

  constructor(options: TimersOptions) {
    this.#options = options
  }

  /** Sets a timer, in place of the former one of its name. */
  set({ afterMs, atSample, id, name }: Extract<Command, { readonly _tag: "SetTimer" }>): void {
    const { input, run } = this.#options
    this.cancel(name)
    this.#ids.set(name, id)
    // the audio may have reached it already
    if (atSample !== undefined && atSample <= input.position) return this.fire(name)
    if (atSample !== undefined) input.watch(name, atSample)
    // by the clock only when the audio does not arrive
    const waitMs = afterMs + (atSample === undefined ? 0 : input.maxDelayMs)
    run(`timer:${name}`, Effect.andThen(Effect.sleep(waitMs), Effect.sync(() => this.fire(name))))
  }

  cancel(name: TimerName): void {
    this.#ids.delete(name)
    this.#options.input.unwatch(name)
    this.#options.cancel(`timer:${name}`)
  }

  /** Fires a timer that is set. */
  fire(name: TimerName): void {
    const id = this.#ids.get(name)
    if (id === undefined) return
    this.cancel(name)
    this.#options.onFired(name, id)
  }
}
