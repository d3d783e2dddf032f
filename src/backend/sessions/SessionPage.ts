/**
 * Pages of sessions, in the order of their ids: one that begins or ends meanwhile moves no other.
 *
 * @since 0.1.0
 */
import type { VoiceSession } from "../../session/VoiceSession.ts"
import type { SessionPage } from "../BackendContract.ts"

const byId = (a: VoiceSession, b: VoiceSession): number => a.id < b.id ? -1 : a.id > b.id ? 1 : 0

/**
 * Returns those of some sessions whose ids follow `after`, at most `limit`. With `end`, the sessions are all there are up to that id,
 * and further ones may follow.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (
  sessions: ReadonlyArray<VoiceSession>,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
  end?: string
): SessionPage => {
  const following = sessions.filter(({ id }) => (after === undefined || id > after) && (end === undefined || id <= end))
    .sort(byId)
  const page = following.slice(0, Math.max(1, limit))
  const next = page.length < following.length ? page.at(-1)?.id : end
  return next === undefined ? { sessions: page } : { sessions: page, next }
}
