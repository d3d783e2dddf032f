/**
 * The values of headers and of a program's variables that are taken out of what servers say.
 *
 * All of them are treated as secrets where they are kept. But not each is one: a text that says `production` must stay what it is.
 *
 * @since 0.1.0
 */
import * as KnownKeys from "../KnownKeys.ts"

const SECRET_NAME = /auth|key|token|secret|passw|credential|cookie|signature|dsn/iu
/** Letters and digits without spaces, as keys are made; no path and no word. */
const LIKE_A_KEY = /^(?=.*[A-Za-z])(?=.*\d)[A-Za-z0-9][\w+/=.~:@-]{19,}$/u

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

/**
 * Remembers the secrets in a value: from now on they are taken out of errors, logs and results.
 *
 * @category running
 * @since 0.1.0
 */
export const remember = (name: string, value: string): void => {
  for (const secret of secretsIn(name, value)) KnownKeys.remember(secret)
}
