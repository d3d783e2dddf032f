/**
 * What a node adds to a request that it passes on to another: the address of the request's client, signed with a secret of the
 * session store. Nobody else can name an address, or send a request that counts as passed on.
 *
 * Pure but for what is remembered of the requests that were seen.
 *
 * @since 0.1.0
 */
import * as Crypto from "node:crypto"
import * as NonceMemory from "../../cluster/peers/NonceMemory.ts"

/**
 * The header. In the answer of a node that refuses a request for it, it says why, so that the node that has passed it on can
 * tell: `too_old` or `from_the_future` when it is signed by a node with another time, otherwise `refused`.
 *
 * @category constants
 * @since 0.1.0
 */
export const HEADER = "x-effect-voice-forwarded"

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
  /** The address that the header names, or why it must not be let in. */
  readonly verify: (
    request: ForwardedRequest,
    header: string
  ) => { readonly address: string | undefined } | "malformed" | "wrong_secret" | NonceMemory.Refusal
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
  const seen = new NonceMemory.NonceMemory()

  const mac = (key: string, { method, url }: ForwardedRequest, signed: string): Buffer =>
    Crypto.createHmac("sha256", key).update(JSON.stringify(["forwarded", method, url, signed])).digest()

  return {
    sign: (request, address = "") => {
      const nonce = Crypto.randomBytes(12).toString("base64url")
      const signed = `${Math.floor(nowMs())}.${nonce}.${Buffer.from(address).toString("base64url")}`
      return `${signed}.${mac(keys()[0], request, signed).toString("base64url")}`
    },
    verify: (request, header) => {
      const [, time, nonce, address, given] = PATTERN.exec(header) ?? []
      if (time === undefined || nonce === undefined || address === undefined || given === undefined) return "malformed"
      const signature = Buffer.from(given, "base64url")
      const signed = `${time}.${nonce}.${address}`
      const isOurs = keys().reduce(
        (found, key) => Crypto.timingSafeEqual(mac(key, request, signed), signature) || found,
        false
      )
      if (!isOurs) return "wrong_secret"
      return seen.take(nonce, Number(time), nowMs()) ??
        { address: address === "" ? undefined : Buffer.from(address, "base64url").toString() }
    }
  }
}
