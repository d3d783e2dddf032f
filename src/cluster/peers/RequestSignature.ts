/**
 * The signature of a request between nodes: HMAC-SHA256 over the receiver, the method, the path, a digest of the body, the
 * time and a nonce, with a key that only processes on the same session store can know.
 *
 * Pure: what a receiver remembers is `NonceMemory`.
 *
 * @since 0.1.0
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto"

/**
 * The header that has the signature.
 *
 * @category constants
 * @since 0.1.0
 */
export const HEADER = "effect-voice-node"

/**
 * The key of a cluster, from the secret of its session store and its name: two clusters on copies of one store have different
 * ones.
 *
 * @category keys
 * @since 0.1.0
 */
export const keyOf = (secret: string, cluster: string): Buffer =>
  createHmac("sha256", secret).update(`effect-voice/cluster/1\n${cluster}`).digest()

/**
 * What is signed.
 *
 * - `to`: the host and port of the receiver, as it names itself.
 * - `path`: from `/internal` on, with its query: proxies and prefixes in front of it may differ.
 * - `atMs`: Unix time in ms.
 *
 * @category models
 * @since 0.1.0
 */
export interface Signed {
  readonly to: string
  readonly method: string
  readonly path: string
  readonly digest: string
  readonly atMs: number
  readonly nonce: string
}

/**
 * The digest of a body.
 *
 * @category keys
 * @since 0.1.0
 */
export const digestOf = (body: Uint8Array | string): string => createHash("sha256").update(body).digest("base64url")

/**
 * The part of a URL or path that is signed: from `/internal` on; `undefined` where there is none.
 *
 * @category accessors
 * @since 0.1.0
 */
export const signedPath = (url: string): string | undefined => {
  const path = url.replace(/^[a-z]+:\/\/[^/]*/i, "").replace(/#.*$/, "")
  const query = path.indexOf("?")
  const at = (query === -1 ? path : path.slice(0, query)).lastIndexOf("/internal/")
  return at === -1 ? undefined : path.slice(at)
}

// JSON, so that no field can run into the next
const mac = (key: Uint8Array, { atMs, digest, method, nonce, path, to }: Signed): Buffer =>
  createHmac("sha256", key).update(JSON.stringify([1, to, method, path, digest, atMs, nonce])).digest()

/**
 * The value of the header for a request.
 *
 * @category signing
 * @since 0.1.0
 */
export const sign = (key: Uint8Array, signed: Signed): string =>
  ["1", signed.atMs, signed.nonce, signed.digest, mac(key, signed).toString("base64url")].join(".")

const form = /^1\.(\d{1,15})\.([\w-]{16,43})\.([\w-]{43})\.([\w-]{43})$/

/**
 * Checks the header of a request that has come in, before its body is read: the body must have the digest that it says. `undefined`
 * for one that none of the keys has made. It takes the same time whatever is wrong with a signature of the right form.
 *
 * @category signing
 * @since 0.1.0
 */
export const verify = (
  keys: ReadonlyArray<Uint8Array>,
  header: string | undefined,
  request: Pick<Signed, "to" | "method" | "path">
): Pick<Signed, "atMs" | "nonce" | "digest"> | undefined => {
  const [, at, nonce, digest, given] = form.exec(header ?? "") ?? []
  if (at === undefined || nonce === undefined || digest === undefined || given === undefined) return undefined
  const claimed = { atMs: Number(at), nonce, digest }
  const bytes = Buffer.from(given, "base64url")
  let isRight = false
  for (const key of keys) {
    const expected = mac(key, { ...request, ...claimed })
    isRight = (bytes.length === expected.length && timingSafeEqual(bytes, expected)) || isRight
  }
  return isRight ? claimed : undefined
}

/**
 * Whether a body is the one that was signed.
 *
 * @category signing
 * @since 0.1.0
 */
export const isBody = (digest: string, body: Uint8Array): boolean => {
  const [one, other] = [Buffer.from(digest, "base64url"), Buffer.from(digestOf(body), "base64url")]
  return one.length === other.length && timingSafeEqual(one, other)
}
