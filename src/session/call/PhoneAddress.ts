/**
 * Whom a call may be made to: numbers, SIP addresses, and the list of destinations that are allowed. Pure.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/** At most 15 digits, of which the first is that of a country; fewer than 7 belong to nobody abroad. */
const number = /^\+[1-9]\d{6,14}$/

/** Of the user, what means nothing else in documents and dialplans of carriers; of the host, a name or an IPv4 address. */
const sip =
  /^sips?:[\w.+~*-]{1,64}@((?:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\.)*[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)(?::\d{1,5})?$/i

/**
 * A number in E.164, `+442071838750`, or a SIP address without parameters, `sip:desk@example.com`.
 *
 * @category models
 * @since 0.1.0
 */
export const PhoneAddress = Schema.String.check(
  Schema.isMaxLength(256),
  Schema.makeFilter((text) =>
    number.test(text) || sip.test(text) ||
    "expected a number with its country's code, such as +442071838750, or a SIP address such as sip:desk@example.com"
  )
)

/**
 * A destination that may be called, or with `!` in front one that may not:
 *
 * - `+44`, `+4420`, `+442071838750`: the numbers that begin so. `+`: all numbers.
 * - `sip:example.com`: the SIP addresses of this host, at any port. `sip:`: all SIP addresses.
 *
 * @category models
 * @since 0.1.0
 */
export const Destination = Schema.String.check(
  Schema.isPattern(/^!?(?:\+\d{0,15}|sip:[a-z\d.-]{0,253})$/i, {
    expected:
      "the beginning of numbers, such as +44, or a host of SIP addresses, such as sip:example.com; with ! in front to refuse"
  })
)

/** How well an entry fits an address: how much of it is said; -1 where it does not. */
const fit = (entry: string, address: string): number => {
  if (entry.startsWith("+")) return address.startsWith(entry) ? entry.length : -1
  const host = sip.exec(address)?.[1]?.toLowerCase()
  if (host === undefined) return -1
  const wanted = entry.slice("sip:".length).toLowerCase()
  return wanted === "" || wanted === host ? entry.length : -1
}

/**
 * Whether an address may be called. The entry that says most of it decides, and a refusal where two say as much; without any, it may not.
 *
 * **Example** (The numbers of North America, without an island whose numbers look alike)
 *
 * ```ts
 * import { PhoneAddress } from "effect-voice"
 *
 * PhoneAddress.isAllowed(["+1", "!+1876"], "+14155550100") // true
 * PhoneAddress.isAllowed(["+1", "!+1876"], "+18765550100") // false
 * ```
 *
 * @category predicates
 * @since 0.1.0
 */
export const isAllowed = (destinations: ReadonlyArray<string>, address: string): boolean => {
  let best = -1
  let allowed = false
  for (const entry of destinations) {
    const refuses = entry.startsWith("!")
    const fits = fit(refuses ? entry.slice(1) : entry, address)
    if (fits < 0 || fits < best) continue
    allowed = !refuses && (fits > best || allowed)
    best = fits
  }
  return allowed
}
