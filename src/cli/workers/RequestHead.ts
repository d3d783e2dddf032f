/**
 * Parses as much of the first request of a connection as it takes to choose the worker. Pure.
 *
 * @since 0.1.0
 */

/**
 * The largest request line and headers together: 16 KiB, as in the workers.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BYTES = 16_384

/**
 * - `More`: the head is not complete yet.
 * - `Request`: a request; `upgrades` when it asks for another protocol, such as WebSocket.
 * - `Other`: not a valid HTTP request, or too large.
 *
 * @category models
 * @since 0.1.0
 */
export type RequestHead =
  | { readonly _tag: "More" }
  | { readonly _tag: "Request"; readonly method: string; readonly path: string; readonly upgrades: boolean }
  | { readonly _tag: "Other" }

const end = Buffer.from("\r\n\r\n")

/**
 * Parses the bytes that have arrived so far.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (bytes: Buffer): RequestHead => {
  const at = bytes.indexOf(end)
  if (at < 0) return bytes.length > MAX_BYTES ? { _tag: "Other" } : { _tag: "More" }
  if (at > MAX_BYTES) return { _tag: "Other" }
  const [first = "", ...lines] = bytes.toString("latin1", 0, at).split("\r\n")
  const [, method = "", path = ""] = /^([A-Z]{1,16}) (\/[^ ]*) HTTP\/1\.[01]$/u.exec(first) ?? []
  if (method === "") return { _tag: "Other" }
  return { _tag: "Request", method, path, upgrades: lines.some((line) => /^upgrade:/iu.test(line)) }
}

/**
 * The id of the session in a path, if there is one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const sessionOf = (path: string): string | undefined => {
  const [, id] = /^\/v1\/sessions\/([^/?#]{1,128})(?:[/?#]|$)/u.exec(path) ?? []
  return id
}
