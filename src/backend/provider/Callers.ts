/**
 * Who calls a route of a provider that begins a session by itself, as an existing client of another protocol does.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Redacted from "effect/Redacted"

/**
 * What a request has authenticated with: a key (`Trusted`), or a user's token. `byKey`: not only because everybody is trusted.
 *
 * @category models
 * @since 0.1.0
 */
export type Credential =
  | { readonly _tag: "Trusted"; readonly byKey?: boolean | undefined }
  | { readonly _tag: "User"; readonly token: Redacted.Redacted<string> | undefined }

/**
 * - `authenticate`: what a key or token of a caller is worth, as for `POST /v1/sessions`. `undefined`: nothing, the caller is refused.
 *   Without authentication everybody is trusted. A user's token is unverified: the application's hook knows it when a session is created
 *   with it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Callers {
  readonly authenticate: (bearer: string | undefined) => Credential | undefined
}

/**
 * How the server authenticates the callers of the current route. Default: nobody is known.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentCallers = Context.Reference<Callers>("effect-voice/backend/CurrentCallers", {
  defaultValue: () => ({ authenticate: () => undefined })
})
