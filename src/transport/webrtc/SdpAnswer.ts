/**
 * Completes the answer of native code, which has seen the accepted sections of an offer alone.
 *
 * Pure.
 *
 * @since 0.1.0
 */
import { isIP } from "node:net"
import type { Offer } from "./Sdp.ts"

const split = (sdp: string): { readonly session: Array<string>; readonly sections: Array<Array<string>> } => {
  const session: Array<string> = []
  const sections: Array<Array<string>> = []
  for (const line of sdp.split(/\r\n|\n/)) {
    if (line === "") continue
    if (line.startsWith("m=")) sections.push([line])
    else (sections[sections.length - 1] ?? session).push(line)
  }
  return { session, sections }
}

/**
 * The answer to the whole offer: what is refused stands in it with port 0, in the place that it has in the offer (RFC 3264 §6), and
 * is in no bundle (RFC 8843 §7.3).
 *
 * @category combinators
 * @since 0.1.0
 */
export const complete = (sdp: string, { bundle, refused }: Pick<Offer, "bundle" | "refused">): string => {
  const { sections, session } = split(sdp)
  const head = session.filter((line) => !line.startsWith("a=group:BUNDLE"))
  // before the other attributes, of which the first comes after the times
  const at = head.findIndex((line) => line.startsWith("a="))
  if (bundle.length > 0) head.splice(at < 0 ? head.length : at, 0, `a=group:BUNDLE ${bundle.join(" ")}`)
  for (const { at, lines } of refused) sections.splice(at, 0, [...lines])
  return `${[head, ...sections].flat().join("\r\n")}\r\n`
}

/**
 * Replaces the address of the host candidates by a public one, for a server behind a 1:1 NAT.
 *
 * @category combinators
 * @since 0.1.0
 */
export const announce = (sdp: string, address: string): string =>
  sdp.replaceAll(
    /^(a=candidate:\S+ \d+ \S+ \d+ )(\S+)( \d+ typ host.*)$/gm,
    (line: string, head: string, own: string, tail: string) =>
      isIP(own) === isIP(address) ? `${head}${address}${tail}` : line
  )
