/**
 * What a node adds to a request that it passes on to another: the address of the request's client, signed with a secret of the
 * session store. Nobody else can name an address, or send a request that counts as passed on.
 *
 * Pure but for what is remembered of the requests that were seen.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"

/**
 * The header.
 *
 * @category constants
 * @since 0.1.0
 */
export const HEADER = "x-effect-voice-forwarded"

/**
 * How far the clocks of two nodes may differ, with the time that a request takes: 30 seconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const WINDOW_MS = 30_000

/** Only nodes can add to them, one for each request of the window. */
const MAX_SEEN = 100_000

/**
 * A request that is passed on: as its request line says it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ForwardedRequest {
  readonly method: string
  readonly url: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface ForwardedProof {
  /** The value of the header for a request of the client at this address. */
  readonly sign: (request: ForwardedRequest, address: string | undefined) => string
  /** The address that the header names; `undefined` when it is not of a node, is too old, or was seen before. */
  readonly verify: (
    request: ForwardedRequest,
    header: string
  ) => { readonly address: string | undefined } | undefined
}

const PATTERN = /^(\d{1,15})\.([\w-]{16})\.([\w-]{0,128})\.([\w-]{43})$/

/**
 * - `keys`: the secrets of the cluster, the one to sign with first. Read at each use.
 * - `nowMs`: Unix time in ms.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly keys: () => readonly [string, ...ReadonlyArray<string>]
  readonly nowMs: () => number
}): ForwardedProof => {
  const { keys, nowMs } = options
  /** The nonces of the window, the oldest first, and until when they count. */
  const seen = new Map<string, number>()

  const mac = (key: string, { method, url }: ForwardedRequest, signed: string): Buffer =>
    Crypto.createHmac("sha256", key).update(JSON.stringify(["forwarded", method, url, signed])).digest()

  const isNew = (nonce: string, now: number): boolean => {
    for (const [oldest, until] of seen) {
      if (until > now) break
      seen.delete(oldest)
    }
    if (seen.has(nonce) || seen.size >= MAX_SEEN) return false
    // It may be signed by a clock that is ahead.
    seen.set(nonce, now + 2 * WINDOW_MS)
    return true
  }

  return {
    sign: (request, address = "") => {
      const nonce = Crypto.randomBytes(12).toString("base64url")
      const signed = `${Math.floor(nowMs())}.${nonce}.${Buffer.from(address).toString("base64url")}`
      return `${signed}.${mac(keys()[0], request, signed).toString("base64url")}`
    },
    verify: (request, header) => {
      const [, time, nonce, address, given] = PATTERN.exec(header) ?? []
      if (time === undefined || nonce === undefined || address === undefined || given === undefined) return undefined
      const signature = Buffer.from(given, "base64url")
      const signed = `${time}.${nonce}.${address}`
      const isOurs = keys().reduce(
        (found, key) => Crypto.timingSafeEqual(mac(key, request, signed), signature) || found,
        false
      )
      const now = nowMs()
      if (!isOurs || Math.abs(now - Number(time)) > WINDOW_MS || !isNew(nonce, now)) return undefined
      return { address: address === "" ? undefined : Buffer.from(address, "base64url").toString() }
    }
  }
}
