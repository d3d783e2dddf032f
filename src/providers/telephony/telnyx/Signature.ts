/**
 * Telnyx' signature of webhooks: Ed25519 over `timestamp|body`, by the key of the account.
 *
 * The headers are `telnyx-signature-ed25519` (base64) and `telnyx-timestamp` (Unix time in seconds). Both kinds of webhooks have
 * them: JSON of the Call Control interface, and forms of TeXML.
 *
 * https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks#webhook-signing
 *
 * @since 0.1.0
 */
import { createPublicKey, type KeyObject, verify as verifyBytes } from "node:crypto"

/**
 * How old a webhook may be, and how far in the future of our clock: 300 s, as Telnyx' package has it.
 *
 * @category constants
 * @since 0.1.0
 */
export const TOLERANCE_SECONDS = 300

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/u
const PUBLIC_KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** Bytes in base64 of exactly so many; `undefined` for anything else. */
const bytesOf = (text: string, length: number): Buffer | undefined => {
  if (text.length > 128 || text.length % 4 !== 0 || !BASE64.test(text)) return undefined
  const bytes = Buffer.from(text, "base64")
  return bytes.length === length ? bytes : undefined
}

/**
 * Reads the account's public key, base64 as Telnyx' portal shows it; `undefined` when it is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const publicKey = (text: string): KeyObject | undefined => {
  const bytes = bytesOf(text.trim(), PUBLIC_KEY_BYTES)
  return bytes === undefined ? undefined : createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url") },
    format: "jwk"
  })
}

/**
 * A webhook as it arrived.
 *
 * - `body`: its bytes.
 * - `nowMs`: Unix time.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignedRequest {
  readonly signature: string | undefined
  readonly timestamp: string | undefined
  readonly body: Uint8Array
  readonly nowMs: number
}

/**
 * Whether the account has signed it, and not long ago. The same signature may be accepted once: see `Replays`.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = ({ body, nowMs, signature, timestamp }: SignedRequest, key: KeyObject): boolean => {
  if (signature === undefined || timestamp === undefined || !/^\d{1,12}$/u.test(timestamp)) return false
  if (Math.abs(Math.floor(nowMs / 1_000) - Number(timestamp)) > TOLERANCE_SECONDS) return false
  const given = bytesOf(signature, SIGNATURE_BYTES)
  return given !== undefined && verifyBytes(null, Buffer.concat([Buffer.from(`${timestamp}|`), body]), key, given)
}
