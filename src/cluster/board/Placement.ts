/**
 * Where a new session is made. Pure.
 *
 * @since 0.1.0
 */
import type { ClusterNode } from "./BoardReport.ts"

/** So many nodes are tried for one session. */
const MAX_CANDIDATES = 4
/** A session is made elsewhere only where there are so many fewer: what is reported is half a second old. */
const WORTH = 2

type Node = Pick<ClusterNode, "owner" | "sessions" | "granted" | "max" | "ready" | "loadLevel" | "silent">

const loadOf = ({ max, sessions }: Node): number => sessions / Math.max(1, max)

/** Less loaded nodes first; one that is overloaded last. */
const byLoad = (a: Node, b: Node): number =>
  Number(a.loadLevel === 2) - Number(b.loadLevel === 2) || loadOf(a) - loadOf(b)

/** Those with the most places that they need not ask for first. */
const bySpare = (a: Node, b: Node): number => b.granted - b.sessions - (a.granted - a.sessions)

/**
 * The nodes to try for a new session, in order: this one, unless it does not accept sessions or another one has clearly less
 * to do, then others, at most 4 in all. `isSuspect` tells those that did not answer lately: they are left out.
 *
 * @category combinators
 * @since 0.1.0
 */
export const candidates = (
  self: Node,
  others: ReadonlyArray<Node>,
  isSuspect: (owner: string) => boolean
): ReadonlyArray<string> => {
  const able = others.filter(({ max, owner, ready, sessions, silent }) =>
    ready && !silent && sessions < max && !isSuspect(owner)
  )
  const [least, ...rest] = able.toSorted(byLoad)
  const here = self.ready ? [self.owner] : []
  if (least === undefined) return here
  const isAhead = !self.ready || self.sessions >= self.max || (self.loadLevel === 2 && least.loadLevel < 2) ||
    loadOf(self) > loadOf(least) + WORTH / Math.max(1, self.max)
  const further = rest.toSorted(bySpare).map(({ owner }) => owner)
  return (isAhead ? [least.owner, ...here, ...further] : [...here, least.owner, ...further]).slice(0, MAX_CANDIDATES)
}
