/**
 * The address of a request's client: that of the socket, or what a trusted proxy says.
 *
 * In a chain of hops the last is nearest. From there on, each hop is believed as long as a trusted proxy named it; the first
 * that is not a trusted proxy is the client, and what it says about others is ignored.
 *
 * @since 0.1.0
 */
import * as IpInterface from "effect/net/IpInterface"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/** Longer chains than any real one are not walked to their end. */
const MAX_HOPS = 32

/**
 * Parses `10.0.0.0/8`, or a single address; `undefined` when it is neither.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parseRange = (range: string): IpNetwork.IpNetwork | undefined =>
  Option.getOrUndefined(
    Option.map(Result.getSuccess(IpInterface.fromString(range)), (network) => IpNetwork.fromInterface(network))
  )

/** Parses an address with or without port, brackets, quotes and zone; the IPv6 form of an IPv4 address becomes IPv4. */
const parse = (text: string): NetAddress.IpAddress | undefined => {
  const quoted = text.trim().replace(/^"(.*)"$/, "$1")
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(quoted)?.[1] ?? /^([\d.]+):\d+$/.exec(quoted)?.[1] ?? quoted
  return Option.getOrUndefined(
    Option.map(
      Result.getSuccess(NetAddress.ipFromString(bare.replace(/%.*$/, ""))),
      (address) => NetAddress.toCanonical(address)
    )
  )
}

const format = (address: NetAddress.IpAddress | undefined): string | undefined =>
  address === undefined ? undefined : NetAddress.formatIp(address)

/** The hops that are walked, the nearest last: a header of nothing but commas has 16,000. */
const lastOf = (header: string | undefined): ReadonlyArray<string> | undefined => header?.split(",").slice(-MAX_HOPS)

const hopsOf = (headers: { readonly [name: string]: string | undefined }): ReadonlyArray<string> => {
  const list = lastOf(headers["x-forwarded-for"])?.map((hop) => hop.trim())
  const forwarded = lastOf(headers["forwarded"])
    ?.map((hop) => /(?:^|;)\s*for=([^;]*)/i.exec(hop)?.[1]?.trim() ?? "")
  if (list === undefined || forwarded === undefined) return list ?? forwarded ?? []
  // Our proxy wrote one of them and passed the other on as the client sent it. Unless they agree, neither is believed.
  const agree = list.length === forwarded.length &&
    list.every((hop, i) => format(parse(hop)) === format(parse(forwarded[i] ?? "")))
  return agree ? list : []
}

/**
 * Makes the function that gives the address of a request's client, in its canonical form.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (trustedProxies: ReadonlyArray<string>) => {
  const trusted = trustedProxies.map(parseRange).filter((range) => range !== undefined)
  const isTrusted = (address: NetAddress.IpAddress) => trusted.some(IpNetwork.contains(address))
  return (
    peer: string | undefined,
    headers: { readonly [name: string]: string | undefined }
  ): string | undefined => {
    let address = peer === undefined ? undefined : parse(peer)
    if (address === undefined || !isTrusted(address)) return format(address)
    for (const hop of hopsOf(headers).toReversed()) {
      const next = parse(hop)
      if (next === undefined) break
      address = next
      if (!isTrusted(address)) break
    }
    return format(address)
  }
}
