/**
 * Where a node of a cluster is asked by the others: an HTTP base URL, `http://10.0.0.7:8080` or `https://10.0.0.7:8080/voice`.
 *
 * @since 0.1.0
 */
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import { networkInterfaces } from "node:os"

/**
 * A node's address in its parts.
 *
 * - `host`: a host name or an address, IPv6 without brackets.
 * - `prefix`: where the API is mounted there: `""` or `/voice`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeAddress {
  readonly scheme: "http" | "https"
  readonly host: string
  readonly port: number
  readonly prefix: string
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, "")
const bracketed = (host: string): string => host.includes(":") ? `[${host}]` : host

/**
 * Reads the base URL of a node; `undefined` when it is none.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): NodeAddress | undefined => {
  if (!URL.canParse(text)) return undefined
  const { hash, hostname, password, pathname, port, protocol, search, username } = new URL(text)
  if (protocol !== "http:" && protocol !== "https:") return undefined
  if (hash !== "" || search !== "" || username !== "" || password !== "") return undefined
  const scheme = protocol === "https:" ? "https" : "http"
  return {
    scheme,
    host: bare(hostname),
    port: port === "" ? (scheme === "https" ? 443 : 80) : Number(port),
    prefix: pathname.replace(/\/+$/, "")
  }
}

/**
 * The base URL of a node, which identifies it among the nodes of its cluster.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = ({ host, port, prefix, scheme }: NodeAddress): string =>
  `${scheme}://${bracketed(host)}:${port}${prefix}`

/**
 * The part of an address that nodes are told apart by: `10.0.0.7:8080`.
 *
 * @category formatting
 * @since 0.1.0
 */
export const hostAndPort = ({ host, port }: Pick<NodeAddress, "host" | "port">): string => `${bracketed(host)}:${port}`

/**
 * The address as the engine knows it: without scheme and prefix, which are the same on all nodes.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toRunner = ({ host, port }: NodeAddress): RunnerAddress.RunnerAddress => RunnerAddress.make(host, port)

/** The addresses on which a server listens to all interfaces. */
const wildcards: ReadonlySet<string> = new Set(["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "*", ""])

/**
 * The host at which others reach a server: what is configured, else the host that it listens on, else, where that is every
 * address of the machine, its first address that is not loopback: IPv4 before IPv6, no link-local one. A machine that has none
 * is reached at `127.0.0.1`, that is by itself alone.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hostOf = (
  configured: string | undefined,
  listens: string,
  interfaces: () => ReturnType<typeof networkInterfaces> = networkInterfaces
): string => {
  if (configured !== undefined) return bare(configured)
  const host = bare(listens)
  if (!wildcards.has(host)) return host
  const all = Object.values(interfaces()).flatMap((each) => each ?? []).filter(({ address, internal }) =>
    !internal && !/^(?:169\.254\.|fe[89ab])/i.test(address)
  )
  const found = all.find(({ family }) => family === "IPv4") ?? all[0]
  return found?.address ?? "127.0.0.1"
}
