/**
 * Tokens that let a media stream in: signed, for one call, for a short time, and good once.
 *
 * The answer to a carrier's webhook has one; the stream that it starts brings it. Any process with the signing key knows it; that it was
 * used is known to the process that has taken it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { createHmac, timingSafeEqual } from "node:crypto"
import type { ProviderHost } from "../../backend/provider/BackendProvider.ts"
import { AuthenticationFailed } from "../../BackendError.ts"
import * as MonotonicTime from "../../MonotonicTime.ts"
import { isRecord, parse } from "../../schema/Json.ts"
import { Replays } from "./Replays.ts"

/**
 * How long a token of an answered call is good: a carrier starts its stream within seconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const TOKEN_TTL_MS = 60_000

/** The longest that a token may be good: a call may ring for two minutes before its stream starts. */
const MAX_TTL_MS = 300_000
const MAX_TOKEN_LENGTH = 2_048
const op = "TelephonyProvider.media"

/**
 * What a token is for.
 *
 * - `call`: the carrier's id of the call. Absent where the token was made before the carrier had given one.
 * - `session`: the session that the call has, where it has one already.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamGrant {
  readonly carrier: string
  readonly call?: string | undefined
  readonly session?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface StreamTokens {
  /** Signs a token that is good for so many ms; default: a minute. */
  readonly issue: (grant: StreamGrant, ttlMs?: number) => Effect.Effect<string>
  /**
   * Takes a token of this carrier: it is not good again. Fails `authentication_failed`, whatever is wrong. The caller compares the call.
   */
  readonly take: (token: string | undefined, carrier: string) => Effect.Effect<StreamGrant, AuthenticationFailed>
}

const refused = () =>
  new AuthenticationFailed({ op, message: "the token of the media stream is missing, invalid, expired or used" })

const signatureOf = (key: Redacted.Redacted<string>, body: string): Buffer =>
  createHmac("sha256", Redacted.value(key)).update(`telephony stream\n${body}`).digest()

const textOf = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  host: Pick<ProviderHost, "signingKey" | "formerKeys">
): Effect.fn.Return<StreamTokens> {
  const clock = yield* Clock.Clock
  const random = yield* Random.Random
  const used = new Replays(MAX_TTL_MS)
  const isSigned = (body: string, signature: Buffer): boolean =>
    [host.signingKey, ...(host.formerKeys?.() ?? [])].some((key) => {
      const expected = signatureOf(key, body)
      return expected.length === signature.length && timingSafeEqual(expected, signature)
    })
  return {
    issue: (grant, ttlMs = TOKEN_TTL_MS) =>
      Effect.sync(() => {
        const nonce = Array.from({ length: 3 }, () => random.nextIntUnsafe().toString(36)).join("")
        const expiresAt = clock.currentTimeMillisUnsafe() + Math.min(MAX_TTL_MS, ttlMs)
        const { call, carrier, session } = grant
        const body = Buffer.from(JSON.stringify({ carrier, call, session, expiresAt, nonce })).toString("base64url")
        return `${body}.${signatureOf(host.signingKey, body).toString("base64url")}`
      }),
    take: (token, carrier) =>
      Effect.suspend(() => {
        if (token === undefined || token.length > MAX_TOKEN_LENGTH) return Effect.fail(refused())
        const [body = "", signature = ""] = token.split(".")
        if (!isSigned(body, Buffer.from(signature, "base64url"))) return Effect.fail(refused())
        const grant = parse(Buffer.from(body, "base64url").toString())
        if (!isRecord(grant) || grant["carrier"] !== carrier) return Effect.fail(refused())
        const { expiresAt } = grant
        if (typeof expiresAt !== "number" || expiresAt < clock.currentTimeMillisUnsafe()) return Effect.fail(refused())
        if (!used.accepts(body, MonotonicTime.nowMs(clock))) return Effect.fail(refused())
        return Effect.succeed({ carrier, call: textOf(grant["call"]), session: textOf(grant["session"]) })
      })
  }
})
