/**
 * Variables of the environment that complete a config, such as keys: through the current `ConfigProvider`, and without the
 * white space and line breaks that a mounted secret or a file of variables leaves around them.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as SecretValues from "../SecretValues.ts"

/**
 * The text of a variable; undefined when it is not set, or empty.
 *
 * @category accessors
 * @since 0.1.0
 */
export const text = (name: string): Effect.Effect<string | undefined> =>
  Config.String(name).pipe(
    Effect.map((value) => value.trim() || undefined),
    Effect.orElseSucceed(() => undefined)
  )

/**
 * The secret that a variable holds; undefined when it is not set, or empty.
 *
 * @category accessors
 * @since 0.1.0
 */
export const secret = (name: string): Effect.Effect<Redacted.Redacted<string> | undefined> =>
  Effect.map(text(name), (value) => {
    if (value === undefined) return undefined
    SecretValues.rememberSecret(value)
    return Redacted.make(value)
  })
