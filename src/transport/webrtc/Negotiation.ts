/**
 * What may follow the answer to an offer: more candidates of the other side (trickle ICE, RFC 8838), and the offer once more.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as IceCandidate from "./IceCandidate.ts"
import * as Sdp from "./Sdp.ts"
import * as SdpAnswer from "./SdpAnswer.ts"

/**
 * A candidate that comes by itself, as browsers have it.
 *
 * - `candidate`: `candidate:…`; empty: no more follow.
 * - `mid`: the name of its section. Default: by `index`.
 * - `index`: the place of its section in the offer, from 0. Default: the audio section.
 *
 * @category models
 * @since 0.1.0
 */
export interface RemoteCandidate {
  readonly candidate: string
  readonly mid?: string | undefined
  readonly index?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export class Negotiation {
  readonly #offer: Sdp.Offer
  readonly #answer: string
  readonly #apply: (candidate: string) => void
  readonly #known: Set<string>

  /**
   * - `answer`: of native code, to the accepted sections of this offer.
   * - `apply`: gives a candidate to native code.
   */
  constructor(offer: Sdp.Offer, answer: string, apply: (candidate: string) => void) {
    this.#offer = offer
    this.#answer = answer
    this.#apply = apply
    this.#known = new Set(offer.candidates)
  }

  /** The answer to the offer. */
  get answer(): string {
    return SdpAnswer.complete(this.#answer, this.#offer)
  }

  /**
   * Takes candidates, as many as an offer may have, all or none. Those of refused sections and those with host names are ignored. The
   * failure says what is wrong.
   */
  add(candidates: ReadonlyArray<RemoteCandidate>): Result.Result<void, string> {
    const { mid: audio, mids, refused } = this.#offer
    const usable: Array<string> = []
    if (candidates.length > IceCandidate.MAX_CANDIDATES) return this.#tooMany()
    for (const [at, { candidate, index, mid }] of candidates.entries()) {
      const name = mid ?? (index === undefined ? audio : mids[index])
      const section = index !== undefined && mid === undefined ? index : mids.indexOf(name)
      if (section < 0 || section >= mids.length) return Result.fail(`candidate ${at + 1} is of no section of the offer`)
      if (candidate === "" || refused.some((each) => each.at === section)) continue
      const text = candidate.startsWith("a=") ? candidate.slice(2) : candidate
      const state = IceCandidate.inspect(text)
      if (state === "invalid") return Result.fail(`candidate ${at + 1} is not valid`)
      if (state === "usable") usable.push(text)
    }
    return this.#take(usable)
  }

  /**
   * Answers the offer of a peer that negotiates again, such as one that knows more of its candidates; `undefined` when it has begun
   * anew: another ICE agent, or another voice. The failure says what is wrong with the offer.
   */
  again(text: string): Result.Result<string | undefined, string> {
    const inspected = Sdp.inspect(text)
    if (Result.isFailure(inspected)) return Result.fail(inspected.failure)
    const next = inspected.success
    const { bundle, mid, payloadType, ufrag } = this.#offer
    const isSame = next.ufrag === ufrag && next.mid === mid && next.payloadType === payloadType &&
      next.bundle.join(" ") === bundle.join(" ")
    if (!isSame) return Result.succeed(undefined)
    const taken = this.#take(next.candidates)
    return Result.isFailure(taken)
      ? Result.fail(taken.failure)
      : Result.succeed(SdpAnswer.complete(this.#answer, next))
  }

  #take(candidates: ReadonlyArray<string>): Result.Result<void, string> {
    const fresh = new Set(candidates.filter((each) => !this.#known.has(each)))
    if (this.#known.size + fresh.size > IceCandidate.MAX_CANDIDATES) return this.#tooMany()
    for (const candidate of fresh) {
      this.#known.add(candidate)
      this.#apply(candidate)
    }
    return Result.succeed(undefined)
  }

  #tooMany(): Result.Result<never, string> {
    return Result.fail(`the peer has named more than ${IceCandidate.MAX_CANDIDATES} candidates`)
  }
}
