/**
 * Where a session may be looked for: at the addresses that the page was given, and at those that the servers there name.
 *
 * A server that does not have a session names the one that does, in an answer that only this client asks for: the event
 * `session.moved` of a WebSocket, or the problem `wrong_cell`. HTTP redirects are not followed with a token: any proxy on the way
 * can send one.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import type { SessionTarget } from "./media/CallMedia.ts"

/**
 * How often a session is followed to another address within one attempt: 3 times.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_MOVES = 3

const SESSION_ROUTE = /\/v1\/sessions\/[^/]+\/\w+$/

/**
 * Whether the token may go from one URL to the one that the server there names: it must be the same route of the same session,
 * by the same protocol, and a connection that nobody else can read must not become one that others can.
 *
 * @category guards
 * @since 0.1.0
 */
export const mayFollow = (from: string, to: string): boolean => {
  if (!URL.canParse(to)) return false
  const [here, there] = [new URL(from), new URL(to)]
  const route = SESSION_ROUTE.exec(here.pathname)?.[0]
  const isNoWeaker = there.protocol === here.protocol || there.protocol === here.protocol.replace(/s?:$/, "s:")
  return isNoWeaker && route !== undefined && there.pathname.endsWith(route)
}

/**
 * The base URLs at which a session is looked for, in order. Only what is said at `baseUrl` is the last word about the session.
 *
 * @category accessors
 * @since 0.1.0
 */
export const basesOf = ({ baseUrl, otherFirst = false, otherUrl }: SessionTarget): ReadonlyArray<string> => {
  if (otherUrl === undefined || otherUrl === baseUrl) return [baseUrl]
  return otherFirst ? [otherUrl, baseUrl] : [baseUrl, otherUrl]
}
