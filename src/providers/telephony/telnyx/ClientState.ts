/**
 * What webhooks about a leg that we have made bring back: what it is of a session's call.
 *
 * @since 0.1.0
 */

/**
 * @category encoding
 * @since 0.1.0
 */
export const stateOf = (kind: "dial" | "transfer" | "warm", session: string): string => `${kind}:${session}`

/**
 * Reads it again; two empty texts where there is none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const ofState = (state: string | undefined): readonly [kind: string, session: string] => {
  const at = state?.indexOf(":") ?? -1
  return state === undefined || at === -1 ? ["", ""] : [state.slice(0, at), state.slice(at + 1)]
}
