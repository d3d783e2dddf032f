/**
 * The sessions of all nodes, in pages and in all. A node that does not answer is left out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Backend, SessionPage } from "../../backend/BackendContract.ts"
import * as SessionPages from "../../backend/sessions/SessionPage.ts"
import type { VoiceSession } from "../../session/VoiceSession.ts"
import { type Nodes, NODES_AT_ONCE } from "../nodes/Nodes.ts"
import { MAX_PAGE, MAX_PAGE_BYTES } from "../nodes/VoiceNode.ts"
import type { ClusterSessions } from "./ClusterSessions.ts"

const LIST_DEADLINE = "3 seconds"
/** Of a page, each node gives as many bytes as it would if all gave the same, but not less than this. */
const MIN_PART_BYTES = 65_536
/** The most sessions that `listSessions` gives; `listPage` has no such end. */
const MAX_LISTED = 10_000

/**
 * Makes the lists of the cluster.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ local, nodes, remote }: {
  readonly local: Pick<Backend, "listPage">
  readonly nodes: Nodes
  readonly remote: ClusterSessions["remote"]
}): Pick<Backend, "listPage" | "listSessions"> => {
  const listPage: Backend["listPage"] = Effect.fnUntraced(function*({ after, limit }) {
    const asked = {
      limit: Math.max(1, Math.min(MAX_PAGE, limit)),
      ...(after === undefined ? {} : { after })
    }
    const own = yield* local.listPage(asked)
    const answering = nodes.others().filter(({ silent }) => !silent)
    const bytes = Math.max(MIN_PART_BYTES, Math.floor(MAX_PAGE_BYTES / Math.max(1, answering.length)))
    const others = yield* Effect.forEach(
      answering,
      ({ owner }) =>
        nodes.ask(owner, "VoiceBackend.listSessions", (node) => node.List({ ...asked, bytes }), LIST_DEADLINE).pipe(
          Effect.map(({ next, sessions }): SessionPage => ({
            sessions: sessions.map((view) => remote(view, owner)),
            next
          })),
          Effect.catch(() => Effect.succeed<SessionPage>({ sessions: [] }))
        ),
      { concurrency: NODES_AT_ONCE }
    )
    const pages = [own, ...others]
    // one that moves meanwhile may be in two pages
    const byId = new Map(pages.flatMap(({ sessions }) => sessions).map((session) => [session.id, session]))
    const [end] = pages.flatMap(({ next }) => next === undefined ? [] : [next]).sort()
    return SessionPages.of(Array.from(byId.values()), asked, end)
  })

  return {
    listPage,
    listSessions: Effect.gen(function*() {
      const all: Array<VoiceSession> = []
      let after: string | undefined
      do {
        const page: SessionPage = yield* listPage({ after, limit: MAX_PAGE })
        all.push(...page.sessions)
        after = page.next
      } while (after !== undefined && all.length < MAX_LISTED)
      return all
    })
  }
}
