/**
 * What a session tells any number of readers, from when each begins to read until the end. A slow one loses the oldest.
 *
 * Telling is synchronous. The memory for it is taken when somebody first reads: most sessions have no reader.
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

  /** @param capacity how many wait for a reader at most */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  publish(value: A): void {
    if (this.#bus !== undefined) PubSub.publishUnsafe(this.#bus, [value])
  }

  /** No more comes. */
  end(): void {
    this.#ended = true
    if (this.#bus !== undefined) PubSub.endUnsafe(this.#bus, Exit.void)
  }

  /** Begins to read: nothing that is told from now on is missed. */
  get subscribe(): Effect.Effect<Stream.Stream<A>, never, Scope.Scope> {
    return Effect.map(
      Effect.flatMap(this.#open, PubSub.subscribe),
      (subscription) => Stream.flattenTake(Stream.fromSubscription(subscription))
    )
  }

  /** From now on, until the end. */
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
