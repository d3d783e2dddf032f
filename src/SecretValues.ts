/**
 * Which parts of headers, variables and URLs are secrets, so that they are taken out of what servers and libraries say.
 *
 * All of them are treated as secrets where they are kept. But not each is one: a text that says `production` must stay what it is.
 *
 * @since 0.1.0
 */
import * as Base64 from "effect/encoding/Base64"
import * as KnownKeys from "./KnownKeys.ts"

const SECRET_NAME = /auth|key|token|secret|passw|credential|cookie|signature|dsn/iu
/** Letters and digits without spaces, as keys are made; no path and no word. */
const LIKE_A_KEY = /^(?=.*[A-Za-z])(?=.*\d)[A-Za-z0-9][\w+/=.~:@-]{19,}$/u
/** A password such as `postgres`, which is a word of the log as well. */
const A_WORD = /^[a-z]+$/iu

/**
 * The parts of a value that are secrets: of a header or variable whose name says so all of it and each of its words, such as the
 * key behind `Bearer`; of another what looks like a key.
 *
 * @category accessors
 * @since 0.1.0
 */
export const secretsIn = (name: string, value: string): ReadonlyArray<string> => {
  const text = value.trim()
  const all = [text, ...text.split(/\s+/u)]
  return [...new Set(SECRET_NAME.test(name) ? all : all.filter((part) => LIKE_A_KEY.test(part)))]
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * The parts of a URL that are secrets: the password in front of its host, as it is written there, as it is, and as the header
 * that is made of it; and of its query what `secretsIn` finds. A password that is a word is one only together with what stands
 * around it.
 *
 * @category accessors
 * @since 0.1.0
 */
export const secretsInUrl = (url: string): ReadonlyArray<string> => {
  if (!URL.canParse(url)) return []
  const { password, searchParams, username } = new URL(url)
  const plain = decoded(password)
  const user = decoded(username)
  return [
    ...new Set([
      ...(password === "" ? [] : [
        `:${password}@`,
        `:${plain}@`,
        Base64.encode(`${user}:${plain}`),
        ...(A_WORD.test(plain) ? [] : [password, plain])
      ]),
      ...Array.from(searchParams).flatMap(([name, value]) => secretsIn(name, value))
    ])
  ]
}

/**
 * Remembers the secrets in a value: from now on they are taken out of errors, logs and results.
 *
 * @category running
 * @since 0.1.0
 */
export const remember = (name: string, value: string): void => {
  for (const secret of secretsIn(name, value)) KnownKeys.remember(secret)
}

/**
 * Remembers the secrets in a URL.
 *
 * @category running
 * @since 0.1.0
 */
export const rememberUrl = (url: string): void => {
  for (const secret of secretsInUrl(url)) KnownKeys.remember(secret)
}

/**
 * Remembers a secret, and where it is a URL, such as that of a database, the secrets in it.
 *
 * @category running
 * @since 0.1.0
 */
export const rememberSecret = (secret: string): void => {
  if (URL.canParse(secret) && secret.includes("://")) rememberUrl(secret)
  else KnownKeys.remember(secret)
}
