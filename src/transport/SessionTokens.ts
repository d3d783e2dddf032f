/**
 * Session tokens: signed JWTs (HS256) that expire.
 *
 * A token is valid for one session (`aud`), and names its user by a hash (`sub`), since tokens may end up in URLs and logs.
 * Nothing is stored: any process with the signing key can verify it, also after a restart.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose"
import { createHash, webcrypto } from "node:crypto"
import { AuthenticationFailed } from "../BackendError.ts"

/**
 * The longest token that is verified: 2 KiB.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_TOKEN_LENGTH = 2_048

const ALGORITHM = "HS256"
const ISSUER = "effect-voice"
const op = "SessionTokens.verify"

/**
 * A token whose signature and session are right.
 *
 * @category models
 * @since 0.1.0
 */
export interface VerifiedToken {
  /** Unix time in ms. */
  readonly expiresAt: number
  /** Whether it has expired; the caller decides whether it is accepted nevertheless, for a resumed session. */
  readonly expired: boolean
  /** Whether it was issued for this user. */
  readonly isFor: (userId: string) => boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface SessionTokens {
  /** Signs a token; `expiresAt` is Unix time in ms, rounded up to the second. */
  readonly issue: (session: string, userId: string, expiresAt: number) => Effect.Effect<string>
  /** Fails `authentication_failed`, whatever is wrong; a token that has merely expired succeeds as `expired`. */
  readonly verify: (
    token: string | undefined,
    session: string
  ) => Effect.Effect<VerifiedToken, AuthenticationFailed>
}

/**
 * The error of any token that is not accepted: it does not say why.
 *
 * @category errors
 * @since 0.1.0
 */
export const invalidToken = (): AuthenticationFailed =>
  new AuthenticationFailed({ op, message: "the session token is missing, invalid or expired" })

const subjectOf = (userId: string): string => createHash("sha256").update(userId).digest("base64url")

/** Prefixed, so that a session id may be any string. */
const audienceOf = (session: string): string => `session:${session}`

const verified = ({ exp, sub }: JWTPayload, expired: boolean): VerifiedToken => ({
  expiresAt: (exp ?? 0) * 1_000,
  expired,
  isFor: (userId) => sub === subjectOf(userId)
})

/** `jose` checks the expiry last, so signature and session are right here. */
const whenExpired = (cause: unknown): VerifiedToken => {
  if (cause instanceof errors.JWTExpired && cause.claim === "exp") return verified(cause.payload, true)
  throw cause
}

/**
 * The keys of tokens, read at each use.
 *
 * @category models
 * @since 0.1.0
 */
export interface SigningKeys {
  /** The key that new tokens are signed with. */
  readonly current: () => Redacted.Redacted<string>
  /** Keys that were signed with before; what they signed is still valid. Default: none. */
  readonly former?: (() => ReadonlyArray<Redacted.Redacted<string>>) | undefined
}

/** Imported keys that are remembered; there are more only while keys change all the time. */
const MAX_IMPORTED = 64

const importKey = (secret: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey("raw", Buffer.from(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"])

/** Imports each key once. */
const makeImports = () => {
  const imported = new Map<string, Promise<webcrypto.CryptoKey>>()
  return (key: Redacted.Redacted<string>): Promise<webcrypto.CryptoKey> => {
    const secret = Redacted.value(key)
    const known = imported.get(secret) ?? importKey(secret)
    if (!imported.has(secret) && imported.size >= MAX_IMPORTED) imported.clear()
    imported.set(secret, known)
    return known
  }
}

/** Tries keys one after the other, as long as the signature is not right. */
const verifyWith = async (
  keys: ReadonlyArray<Redacted.Redacted<string>>,
  verify: (key: Redacted.Redacted<string>) => Promise<VerifiedToken>
): Promise<VerifiedToken> => {
  for (const key of keys.slice(0, -1)) {
    try {
      return await verify(key)
    } catch (cause) {
      if (!(cause instanceof errors.JWSSignatureVerificationFailed)) throw cause
    }
  }
  return verify(keys.at(-1)!)
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(
  keys: Redacted.Redacted<string> | SigningKeys
): Effect.fn.Return<SessionTokens> {
  const { current, former }: SigningKeys = Redacted.isRedacted(keys) ? { current: () => keys } : keys
  const imported = makeImports()
  yield* Effect.promise(() => imported(current()))

  const issue: SessionTokens["issue"] = Effect.fnUntraced(function*(session, userId, expiresAt) {
    const now = yield* Clock.currentTimeMillis
    // Only makes tokens distinct; it is not a secret.
    const id = yield* Effect.all([Random.nextIntBetween(0, 2 ** 32), Random.nextIntBetween(0, 2 ** 32)])
    return yield* Effect.promise(async () =>
      new SignJWT()
        .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
        .setIssuer(ISSUER)
        .setAudience(audienceOf(session))
        .setSubject(subjectOf(userId))
        .setJti(id.map((part) => part.toString(36)).join("-"))
        .setIssuedAt(Math.floor(now / 1_000))
        .setExpirationTime(Math.ceil(expiresAt / 1_000))
        .sign(await imported(current()))
    )
  })

  const verify: SessionTokens["verify"] = Effect.fnUntraced(function*(token, session) {
    if (token === undefined || token.length > MAX_TOKEN_LENGTH) return yield* invalidToken()
    const now = yield* Clock.currentTimeMillis
    return yield* Effect.tryPromise({
      try: () =>
        verifyWith([current(), ...(former?.() ?? [])], async (key) =>
          jwtVerify(token, await imported(key), {
            algorithms: [ALGORITHM],
            issuer: ISSUER,
            audience: audienceOf(session),
            requiredClaims: ["sub", "jti", "iat", "exp"],
            currentDate: new Date(now)
          }).then(({ payload }) => verified(payload, false), whenExpired)),
      catch: invalidToken
    })
  })

  return { issue, verify }
})
