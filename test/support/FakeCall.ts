/** What calls of fakes of carriers share: their streams, who they are connected to, and their end. */
import { Effect } from "effect"
import { type FakeStream, Watched } from "./FakeCarrier.ts"

/** A call, as its carrier has it. */
export abstract class CarrierCall extends Watched {
  readonly streams: Array<FakeStream> = []
  /** What the carrier's voice has said to it. */
  readonly said: Array<string> = []

  abstract get isOver(): boolean

  /** The newest stream, once there is one. */
  readonly stream: Effect.Effect<FakeStream> = Effect.suspend(() =>
    Effect.map(this.until("a stream", () => this.streams.length > 0 || this.isOver), () => {
      const newest = this.streams.at(-1)
      if (newest === undefined) throw new Error("the call is over without a stream")
      return newest
    })
  )
  readonly over: Effect.Effect<void> = Effect.suspend(() => this.until("the end of the call", () => this.isOver))
}

/** A call that carries out what it is told, one after another, until it is told something else. */
export abstract class DirectedCall extends CarrierCall {
  readonly digits: Array<string> = []
  readonly dialled: Array<{ readonly target: string; connected: boolean }> = []
  /** What was told before another turn is not carried out. */
  turn = 0
  #endOther: (() => void) | undefined

  /** The person whom the call is connected to hangs up. */
  otherHangsUp(): void {
    this.#endOther?.()
  }

  /** Ends when the person does, or when the call does something else. `begun` is what happens first. */
  async otherLeaves(begun?: () => Promise<unknown> | undefined): Promise<void> {
    const { turn } = this
    const left = new Promise<void>((resolve) => {
      this.#endOther = resolve
    })
    await begun?.()
    if (turn === this.turn) await left
    this.#endOther = undefined
  }

  /** Stops what it does; gives the new turn. */
  interrupt(): number {
    const turn = ++this.turn
    for (const stream of this.streams) stream.stop()
    this.#endOther?.()
    return turn
  }

  /** Ends when the stream does. */
  async play(stream: FakeStream): Promise<void> {
    this.streams.push(stream)
    this.changed()
    await stream.ending
    this.changed()
  }

  /** It is gone, and so is its carrier. */
  abandon(): void {
    this.turn++
    for (const stream of this.streams) stream.cut()
    this.#endOther?.()
  }
}
