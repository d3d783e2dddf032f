/**
 * Who is at the other end: the socket's address, or what a trusted proxy says of it.
 *
 * Of a chain of hops the last is nearest. From there on each is believed as long as it was a trusted proxy that named it;
 * the first that is no proxy of ours is the client, and what it says of others is not believed.
 *
 * @since 0.1.0
 */
import { BlockList, isIP } from "node:net"

/** Longer chains than any real one are not walked to their end. */
const MAX_HOPS = 32

/**
 * Splits `10.0.0.0/8`, or an address alone; `undefined` when it is neither.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseRange = (
  range: string
): { readonly address: string; readonly bits: number; readonly family: "ipv4" | "ipv6" } | undefined => {
  const [address = "", bits, ...more] = range.split("/")
  const version = isIP(address)
  const most = version === 4 ? 32 : 128
  const size = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
  if (version === 0 || more.length > 0 || !(size <= most)) return undefined
  return { address, bits: size, family: version === 4 ? "ipv4" : "ipv6" }
}

/** Without port, brackets, zone, and the IPv6 spelling of an IPv4 address; `undefined` when it is no address. */
const bare = (text: string): string | undefined => {
  const quoted = text.trim().replace(/^"(.*)"$/, "$1")
  const address = (/^\[([^\]]*)\](?::\d+)?$/.exec(quoted)?.[1] ?? /^([\d.]+):\d+$/.exec(quoted)?.[1] ?? quoted)
    .replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.)/i, "")
  return isIP(address) === 0 ? undefined : address
}

const hopsOf = (headers: { readonly [name: string]: string | undefined }): ReadonlyArray<string> => {
  const list = headers["x-forwarded-for"]?.split(",").map((hop) => hop.trim())
  const forwarded = headers["forwarded"]?.split(",").map((hop) => /(?:^|;)\s*for=([^;]*)/i.exec(hop)?.[1]?.trim() ?? "")
  if (list === undefined || forwarded === undefined) return list ?? forwarded ?? []
  // One of them is not our proxy's, but passed on as the client sent it. Nobody knows which, unless they agree.
  const agree = list.length === forwarded.length && list.every((hop, i) => bare(hop) === bare(forwarded[i] ?? ""))
  return agree ? list : []
}

/**
 * Makes the function that tells the address of a request's client.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (trustedProxies: ReadonlyArray<string>) => {
  const trusted = new BlockList()
  for (const range of trustedProxies) {
    const parsed = parseRange(range)
    if (parsed !== undefined) trusted.addSubnet(parsed.address, parsed.bits, parsed.family)
  }
  const isTrusted = (address: string): boolean => trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4")
  return (
    peer: string | undefined,
    headers: { readonly [name: string]: string | undefined }
  ): string | undefined => {
    let address = peer === undefined ? undefined : bare(peer)
    if (address === undefined || !isTrusted(address)) return address
    for (const hop of hopsOf(headers).slice(-MAX_HOPS).toReversed()) {
      const next = bare(hop)
      if (next === undefined) return address
      address = next
      if (!isTrusted(address)) return address
    }
    return address
  }
}
