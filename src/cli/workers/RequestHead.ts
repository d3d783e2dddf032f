/**
 * The first request on a connection, as far as it must be known to say which worker it is for: pure.
 *
 * @since 0.1.0
 */

/**
 * More than this is no head of a request, 16 KiB, which is what the workers allow.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_BYTES = 16_384

/**
 * - `More`: not all of it has come.
 * - `Request`: a request; `upgrades` when it asks for another protocol, such as WebSocket.
 * - `Other`: no request that anybody here would answer.
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
 * Reads what has come so far.
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
 * The session that a path is about, if it is about one.
 *
 * @category accessors
 * @since 0.1.0
 */
export const sessionOf = (path: string): string | undefined => {
  const [, id] = /^\/v1\/sessions\/([^/?#]{1,128})(?:[/?#]|$)/u.exec(path) ?? []
  return id
}
