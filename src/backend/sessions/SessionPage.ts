/**
 * Pages of sessions, in the order of their ids: one that begins or ends meanwhile moves no other.
 *
 * @since 0.1.0
 */
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { SessionPage } from "../BackendContract.ts"

const byId = (a: VoiceSession, b: VoiceSession): number => a.id < b.id ? -1 : a.id > b.id ? 1 : 0

/**
 * Returns those of some sessions whose ids follow `after`, at most `limit`; `isWhole` says whether the sessions are all there
 * are (default), or further ones may follow.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (
  sessions: ReadonlyArray<VoiceSession>,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  isWhole = true
): SessionPage => {
  const following = sessions.filter(({ id }) => after === undefined || id > after).sort(byId)
  const page = following.slice(0, Math.max(1, limit))
  const last = page.at(-1)
  return last === undefined || (isWhole && page.length === following.length)
    ? { sessions: page }
    : { sessions: page, next: last.id }
}
