/**
 * Where Vonage asks for the actions of a call, and tells what becomes of it.
 *
 * The query says what an event is about: Vonage tells the end of a WebSocket, or of a person's leg, under that leg's own id.
 *
 * @since 0.1.0
 */

/**
 * What an event is about.
 *
 * - `Stream`: our WebSocket of a call, by the carrier's id of the call or by its session; `attempt` counts from 0.
 * - `Dial`: the call that we make for a session.
 * - `Transfer`: the person to whom a session's call is transferred. `Warm`: the same, with a summary first.
 * - `Application`: any call.
 *
 * @category models
 * @since 0.1.0
 */
export type About =
  | {
    readonly _tag: "Stream"
    readonly call?: string | undefined
    readonly session?: string | undefined
    readonly attempt: number
  }
  | { readonly _tag: "Dial" | "Transfer" | "Warm"; readonly session: string }
  | { readonly _tag: "Application" }

/**
 * The query of an event URL.
 *
 * @category encoding
 * @since 0.1.0
 */
export const queryOf = (about: About): string => {
  const query = new URLSearchParams()
  switch (about._tag) {
    case "Stream":
      query.set("about", "stream")
      if (about.call !== undefined) query.set("call", about.call)
      if (about.session !== undefined) query.set("session", about.session)
      query.set("attempt", String(about.attempt))
      break
    case "Dial":
    case "Transfer":
    case "Warm":
      query.set("about", about._tag.toLowerCase())
      query.set("session", about.session)
      break
    case "Application":
      break
  }
  return query.toString()
}

const tags = { dial: "Dial", transfer: "Transfer", warm: "Warm" } as const

/**
 * Reads it again. The webhook was signed, but its URL is not: only what it names is used.
 *
 * @category decoding
 * @since 0.1.0
 */
export const aboutOf = (query: URLSearchParams): About => {
  const about = query.get("about")
  const session = query.get("session") ?? undefined
  if (about === "stream") {
    const attempt = Number(query.get("attempt"))
    return {
      _tag: "Stream",
      call: query.get("call") ?? undefined,
      session,
      attempt: Number.isInteger(attempt) && attempt >= 0 ? attempt : 0
    }
  }
  return session !== undefined && (about === "dial" || about === "transfer" || about === "warm")
    ? { _tag: tags[about], session }
    : { _tag: "Application" }
}
