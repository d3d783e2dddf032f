/**
 * Validates an address at which the other side may be reached, before native code parses it.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import { isIP } from "node:net"

/**
 * How many of them the other side may name: a machine has a handful of addresses, and with more it could make the server send
 * packets to strangers.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_CANDIDATES = 40

/**
 * The longest candidate, in characters.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_LENGTH = 1_024

const controls = /[\u0000-\u001f\u007f]/

/**
 * Whether a candidate (`candidate:…`, RFC 8839 §5.1) can be used. One with a host name cannot: resolving it would let a stranger
 * trigger DNS queries of any name.
 *
 * @category decoding
 * @since 0.1.0
 */
export const inspect = (candidate: string): "usable" | "unusable" | "invalid" => {
  if (candidate.length > MAX_LENGTH || controls.test(candidate)) return "invalid"
  const parts = candidate.split(" ")
  const port = Number(parts[5])
  if (!candidate.startsWith("candidate:") || parts.length < 8) return "invalid"
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return "invalid"
  return isIP(parts[4]!) === 0 ? "unusable" : "usable"
}
