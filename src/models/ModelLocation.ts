/**
 * Where a model of the user's own is: a path on this machine, or an address with the SHA-256 of what is there.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as PackedFile from "./PackedFile.ts"

/**
 * Whether a host is this machine, by a loopback address or name.
 */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host)

/**
 * What is wrong with the address of a model; `undefined` when nothing is. It must be `https:`, or `http:` on this machine, and
 * has no credentials. What an address redirects to must be one too.
 *
 * @category checks
 * @since 0.1.0
 */
export const faultOf = (url: string): string | undefined => {
  if (!URL.canParse(url)) return "expected an address such as https://host/model.tar.bz2"
  const { hostname, password, pathname, protocol, username } = new URL(url)
  if (protocol !== "https:" && !(protocol === "http:" && isLoopback(hostname))) return "expected an https address"
  if (username !== "" || password !== "") return "expected an address without a user name and password"
  return PackedFile.isUnreadable(pathname)
    ? "expected a .tar.bz2, .tar.gz, .tar.zst or .tar archive, or one file that is not packed"
    : undefined
}

/**
 * An address with the SHA-256 of what is there: a `.tar.bz2`, `.tar.gz`, `.tar.zst` or `.tar` archive, or one file. It is
 * downloaded when it is first needed, checked, and kept in the `ModelStore`'s cache.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ModelUrl = Schema.Struct({
  url: Schema.String.check(Schema.isMaxLength(2048), Schema.makeFilter((url: string) => faultOf(url) ?? true)),
  sha256: Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/))
})

/**
 * @category models
 * @since 0.1.0
 */
export type ModelUrl = typeof ModelUrl.Type

/**
 * A path, relative to the working directory, or a `ModelUrl`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const ModelLocation = Schema.Union([Schema.NonEmptyString.check(Schema.isMaxLength(4096)), ModelUrl])

/**
 * @category models
 * @since 0.1.0
 */
export type ModelLocation = typeof ModelLocation.Type

/**
 * A location for messages: an address without its query, which may hold a key.
 *
 * @category accessors
 * @since 0.1.0
 */
export const describe = (location: ModelLocation): string => {
  if (typeof location === "string") return location
  const { origin, pathname } = new URL(location.url)
  return origin + pathname
}
