/**
 * Vonage's signatures: the token of its webhooks (and of the handshake of its WebSocket), and that of our requests.
 *
 * A webhook has `Authorization: Bearer <JWT>`, signed by HS256 with the account's signature secret; its claim `payload_hash` is
 * the SHA-256 of the body, in hexadecimal. A webhook by `GET` has no body, so its query is not covered: only its sender is
 * known. Requests to the REST interface have a JWT that the application's private key signs by RS256.
 *
 * https://developer.vonage.com/en/getting-started/concepts/webhooks
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { jwtVerify, SignJWT } from "jose"
import { createHash, createPrivateKey, type KeyObject, timingSafeEqual } from "node:crypto"
import { AuthenticationFailed, InvalidConfig } from "../../../BackendError.ts"

/**
 * How old a webhook may be, and how far in the future of our clock: 300 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const TOLERANCE_SECONDS = 300

/**
 * How long a token for the REST interface is valid: 300 s.
 *
 * @category constants
 * @since 0.1.0
 */
export const REST_TOKEN_SECONDS = 300

const MAX_TOKEN_LENGTH = 4_096
const MAX_ID_LENGTH = 256
/** How far the clocks of two machines may be apart where a token has an expiry. */
const CLOCK_TOLERANCE_SECONDS = 60
const op = "TelephonyProvider.webhook"

/**
 * A webhook or handshake as it arrived.
 *
 * - `authorization`: the header.
 * - `body`: its bytes; none for a `GET` or a handshake.
 * - `nowMs`: Unix time.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignedRequest {
  readonly authorization: string | undefined
  readonly body?: Uint8Array | undefined
  readonly nowMs: number
}

/**
 * Whose webhooks are accepted.
 *
 * - `signatureSecret`: the account's.
 * - `apiKey`, `applicationId`: where they are given, the token must name them.
 *
 * @category models
 * @since 0.1.0
 */
export interface WebhookKeys {
  readonly signatureSecret: Redacted.Redacted<string>
  readonly apiKey?: string | undefined
  readonly applicationId?: string | undefined
}

const invalid = (): AuthenticationFailed =>
  new AuthenticationFailed({ op, message: "the webhook's signature is missing, invalid or too old" })

const matches = (claim: unknown, expected: string): boolean => {
  const given = Buffer.from(typeof claim === "string" ? claim.toLowerCase() : "")
  const wanted = Buffer.from(expected)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

/**
 * Verifies a webhook or a handshake. Succeeds with the id of its token, which may be accepted once: see `Replays`. Fails
 * `authentication_failed`, whatever is wrong.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = Effect.fnUntraced(function*(
  { authorization, body, nowMs }: SignedRequest,
  { apiKey, applicationId, signatureSecret }: WebhookKeys
): Effect.fn.Return<string, AuthenticationFailed> {
  const token = authorization === undefined ? undefined : /^Bearer +(\S+)$/iu.exec(authorization.trim())?.[1]
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) return yield* invalid()
  const { payload } = yield* Effect.tryPromise({
    try: () =>
      jwtVerify(token, Buffer.from(Redacted.value(signatureSecret)), {
        algorithms: ["HS256"],
        issuer: "Vonage",
        requiredClaims: ["iat", "jti"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(nowMs)
      }),
    catch: invalid
  })
  const { api_key, application_id, iat = 0, jti = "", payload_hash } = payload
  if (Math.abs(nowMs / 1_000 - iat) > TOLERANCE_SECONDS) return yield* invalid()
  if (jti === "" || jti.length > MAX_ID_LENGTH) return yield* invalid()
  if (apiKey !== undefined && api_key !== apiKey) return yield* invalid()
  if (applicationId !== undefined && application_id !== applicationId) return yield* invalid()
  if (
    body !== undefined && body.length > 0 && !matches(payload_hash, createHash("sha256").update(body).digest("hex"))
  ) {
    return yield* invalid()
  }
  return jti
})

/**
 * Reads the application's private key, a PEM. Fails `invalid_config`; the key is not quoted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const privateKey = (pem: Redacted.Redacted<string>): Effect.Effect<KeyObject, InvalidConfig> =>
  Effect.try({
    // as a variable of an environment has it, in one line
    try: () => createPrivateKey(Redacted.value(pem).replaceAll("\\n", "\n")),
    catch: () =>
      new InvalidConfig({
        op: "TelephonyProvider.start",
        message: "vonage: private_key is no private key in PEM format"
      })
  }).pipe(Effect.filterOrFail(
    ({ asymmetricKeyType }) => asymmetricKeyType === "rsa",
    () => new InvalidConfig({ op: "TelephonyProvider.start", message: "vonage: private_key is no RSA key" })
  ))

/**
 * What a token for the REST interface is made of.
 *
 * - `id`: of the token (`jti`); never used twice.
 * - `nowMs`: Unix time.
 *
 * @category models
 * @since 0.1.0
 */
export interface RestTokenOptions {
  readonly applicationId: string
  readonly key: KeyObject
  readonly id: string
  readonly nowMs: number
}

/**
 * Makes the token of requests to the REST interface.
 *
 * @category constructors
 * @since 0.1.0
 */
export const restToken = ({ applicationId, id, key, nowMs }: RestTokenOptions): Effect.Effect<string> => {
  const now = Math.floor(nowMs / 1_000)
  return Effect.promise(() =>
    new SignJWT({ application_id: applicationId })
      .setProtectedHeader({ alg: "RS256", typ: "JWT" })
      .setJti(id)
      .setIssuedAt(now)
      .setExpirationTime(now + REST_TOKEN_SECONDS)
      .sign(key)
  )
}
