/**
 * The archives of all nodes as one: what each has on its own disk, or all in one directory that they share.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Backend } from "../backend/BackendContract.ts"
import { type NodeClient, type Nodes, NODES_AT_ONCE } from "./nodes/Nodes.ts"

type Archive = NonNullable<Backend["archive"]>

/**
 * Makes it from the archive of this process. A node that does not answer is left out of lists; erasing fails, since what that node
 * has is not erased.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (archive: Archive, nodes: Nodes): Archive => {
  const erased = (
    op: string,
    own: ReturnType<Archive["erase"]>,
    call: (node: NodeClient) => Effect.Effect<number, unknown>
  ) =>
    Effect.map(
      Effect.all([
        own,
        Effect.forEach(nodes.others(), ({ owner }) => nodes.ask(owner, op, call), { concurrency: NODES_AT_ONCE })
      ]),
      ([here, others]) => others.reduce((sum, count) => sum + count, here)
    )
  return {
    ...archive,
    list: (id) =>
      Effect.map(
        Effect.all([
          archive.list(id),
          Effect.forEach(
            nodes.others().filter(({ silent }) => !silent),
            ({ owner }) =>
              Effect.orElseSucceed(nodes.ask(owner, "SessionArchive.list", (node) => node.Data({ id })), () => []),
            { concurrency: NODES_AT_ONCE }
          )
        ]),
        ([own, others]) => {
          // nodes may share a directory
          const seen = new Map([...own, ...others.flat()].map((each) => [`${each.dataType} ${each.file}`, each]))
          return Array.from(seen.values())
        }
      ),
    erase: (id) => erased("SessionArchive.erase", archive.erase(id), (node) => node.EraseData({ id })),
    eraseUser: (userId) =>
      erased("SessionArchive.eraseUser", archive.eraseUser(userId), (node) => node.EraseUser({ userId }))
  }
}
