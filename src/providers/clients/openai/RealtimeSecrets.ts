/**
 * Client secrets of OpenAI's Realtime API, `ek_…`: what a page connects with, instead of a key.
 *
 * A secret is encrypted and authenticated (JWE, `dir`, A256GCM) by a key that is derived from the one that signs session tokens, for this
 * purpose alone: no session token is a secret, and no secret a session token. It holds its user and the session that it is for. Nothing is
 * stored: any process with the signing key takes it, also after a restart, as often as it is shown until it expires.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { compactDecrypt, CompactEncrypt, errors } from "jose"
import { hkdfSync } from "node:crypto"
import { deflateRawSync, inflateRawSync } from "node:zlib"
import type { ProviderHost } from "../../../backend/provider/BackendProvider.ts"
import { AuthenticationFailed, InvalidConfig } from "../../../BackendError.ts"
import type { KnownUser } from "../../../hooks/AuthHook.ts"
import { parse } from "../../../schema/Json.ts"
import { Metadata } from "../../../session/SessionConfig.ts"

/**
 * The start of every secret; OpenAI's clients in browsers insist on it.
 *
 * @category constants
 * @since 0.1.0
 */
export const PREFIX = "ek_"

/**
 * The longest secret, in characters: 8 KiB. It has to fit into the headers of a request, 16 KiB in all.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_SECRET_LENGTH = 8_192

/**
 * How long a secret is good, in seconds: 10 to 7,200, and 600 where nothing is said, as with OpenAI.
 *
 * @category constants
 * @since 0.1.0
 */
export const ttlSeconds = { minimum: 10, maximum: 7_200, default: 600 }

/** The most that is inflated. Text that repeats itself shrinks to a thousandth: the length of the secret does not bound it. */
const MAX_INFLATED_BYTES = 131_072
/** The keys of everything else are derived otherwise, or not at all. */
const PURPOSE = "effect-voice openai realtime client secret"

const Content = Schema.Struct({
  goodUntil: Schema.Int,
  userId: Schema.NonEmptyString.check(Schema.isMaxLength(256)),
  tenant: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(256))),
  metadata: Schema.optionalKey(Metadata),
  expiresAt: Schema.optionalKey(Schema.Finite),
  session: Schema.Record(Schema.String, Schema.Json)
})

const decodeContent = Schema.decodeUnknownOption(Content)

/**
 * What a secret is for.
 *
 * - `user`: whose session it is.
 * - `session`: the session object that whoever connects with it begins with, as it was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface SecretGrant {
  readonly user: KnownUser
  readonly session: Schema.JsonObject
}

/**
 * @category models
 * @since 0.1.0
 */
export interface RealtimeSecrets {
  /**
   * Makes a secret that is good for so many seconds; `expiresAt` is Unix time in seconds. Fails `invalid_config` for a session that is too
   * long for a secret.
   */
  readonly issue: (
    grant: SecretGrant,
    seconds: number
  ) => Effect.Effect<{ readonly value: string; readonly expiresAt: number }, InvalidConfig>
  /** Fails `authentication_failed`, whatever is wrong. */
  readonly verify: (secret: string) => Effect.Effect<SecretGrant, AuthenticationFailed>
}

const refused = () =>
  new AuthenticationFailed({
    op: "RealtimeSecrets.verify",
    message: "the client secret is invalid or expired"
  })

const tooLong = () =>
  new InvalidConfig({
    op: "RealtimeSecrets.issue",
    message: `session: too long for a client secret, which has at most ${MAX_SECRET_LENGTH} characters; ` +
      "shorten its instructions and tools, or let the client send them in session.update",
    details: { path: "session" }
  })

const keyOf = (key: Redacted.Redacted<string>): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", Redacted.value(key), "", PURPOSE, 32))

const pack = ({ session, user: { expiresAt, metadata, tenant, userId } }: SecretGrant, goodUntil: number): Buffer =>
  Buffer.from(JSON.stringify({ goodUntil, userId, tenant, metadata, expiresAt, session }))

/** The grant, unless it has expired. Throws where it is not compressed. */
const unpack = (content: Uint8Array, now: number): SecretGrant | undefined => {
  const text = inflateRawSync(content, { maxOutputLength: MAX_INFLATED_BYTES }).toString()
  const decoded = decodeContent(parse(text))
  if (decoded._tag === "None" || now >= decoded.value.goodUntil * 1_000) return undefined
  const { expiresAt, metadata, session, tenant, userId } = decoded.value
  return { user: { userId, tenant, metadata, expiresAt }, session }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (host: Pick<ProviderHost, "signingKey" | "formerKeys">): RealtimeSecrets => {
  const open = async (token: string, now: number): Promise<SecretGrant | undefined> => {
    for (const key of [host.signingKey, ...(host.formerKeys?.() ?? [])]) {
      try {
        const { plaintext } = await compactDecrypt(token, keyOf(key), {
          keyManagementAlgorithms: ["dir"],
          contentEncryptionAlgorithms: ["A256GCM"]
        })
        return unpack(plaintext, now)
      } catch (cause) {
        // another key may fit
        if (!(cause instanceof errors.JWEDecryptionFailed)) throw cause
      }
    }
    return undefined
  }

  return {
    issue: Effect.fnUntraced(function*(grant, seconds) {
      const now = yield* Clock.currentTimeMillis
      const expiresAt = Math.floor(now / 1_000) + seconds
      const packed = pack(grant, expiresAt)
      if (packed.length > MAX_INFLATED_BYTES) return yield* tooLong()
      const jwe = yield* Effect.promise(() =>
        new CompactEncrypt(deflateRawSync(packed))
          .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
          .encrypt(keyOf(host.signingKey))
      )
      const value = `${PREFIX}${jwe}`
      if (value.length > MAX_SECRET_LENGTH) return yield* tooLong()
      return { value, expiresAt }
    }),
    verify: Effect.fnUntraced(function*(secret) {
      if (!secret.startsWith(PREFIX) || secret.length > MAX_SECRET_LENGTH) return yield* refused()
      const now = yield* Clock.currentTimeMillis
      const grant = yield* Effect.tryPromise({ try: () => open(secret.slice(PREFIX.length), now), catch: refused })
      return grant ?? (yield* refused())
    })
  }
}
