/**
 * Publishes values to any number of readers, from when each subscribes until the end. A slow reader loses the oldest.
 *
 * Publishing is synchronous. The buffer is allocated with the first reader: most sessions have none.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Take from "effect/Take"

/**
 * @category models
 * @since 0.1.0
 */
export class Broadcast<A> {
  readonly #capacity: number
  #bus: PubSub.PubSub<Take.Take<A>> | undefined
  #ended = false

  /** @param capacity the most values that wait for a slow reader */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  publish(value: A): void {
    if (this.#bus !== undefined) PubSub.publishUnsafe(this.#bus, [value])
  }

  /** Ends all readers' streams. */
  end(): void {
    this.#ended = true
    if (this.#bus !== undefined) PubSub.endUnsafe(this.#bus, Exit.void)
  }

  /** Subscribes now: nothing that is published after it is missed. */
  get subscribe(): Effect.Effect<Stream.Stream<A>, never, Scope.Scope> {
    return Effect.map(
      Effect.flatMap(this.#open, PubSub.subscribe),
      (subscription) => Stream.flattenTake(Stream.fromSubscription(subscription))
    )
  }

  /** The values from the moment it is run, until the end. */
  get stream(): Stream.Stream<A> {
    return Stream.unwrap(this.subscribe)
  }

  get #open(): Effect.Effect<PubSub.PubSub<Take.Take<A>>> {
    return Effect.suspend(() =>
      this.#bus !== undefined
        ? Effect.succeed(this.#bus)
        : Effect.map(PubSub.sliding<Take.Take<A>>(this.#capacity), (bus) => {
          if (this.#ended) PubSub.endUnsafe(bus, Exit.void)
          return this.#bus ??= bus
        })
    )
  }
}
