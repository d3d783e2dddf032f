/**
 * Plivo's signature of webhooks, version 3: HMAC-SHA256 over the URL, the parameters and a nonce.
 *
 * `X-Plivo-Signature-V3` is by the auth token of the (sub-)account that the call belongs to, `X-Plivo-Signature-Ma-V3` by that of
 * the main account; each may hold several, with commas between them. The nonce is `X-Plivo-Signature-V3-Nonce`. There is no
 * timestamp.
 *
 * https://www.plivo.com/docs/voice/concepts/signature-validation
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import { createHmac, timingSafeEqual } from "node:crypto"

/**
 * The parameters of a form; a name may have several values.
 *
 * @category models
 * @since 0.1.0
 */
export interface FormParameters {
  readonly [name: string]: string | ReadonlyArray<string>
}

/** Names sorted, values of each sorted, by UTF-16 units. */
const sorted = (pairs: Iterable<readonly [name: string, value: string]>, between: string): ReadonlyArray<string> => {
  const values = new Map<string, Array<string>>()
  for (const [name, value] of pairs) {
    const known = values.get(name)
    if (known === undefined) values.set(name, [value])
    else known.push(value)
  }
  return Array.from(values.keys()).sort().flatMap((name) =>
    (values.get(name) ?? []).sort().map((value) => `${name}${between}${value}`)
  )
}

const pairsOf = (parameters: FormParameters): ReadonlyArray<readonly [string, string]> =>
  Object.entries(parameters).flatMap(([name, value]) =>
    typeof value === "string" ? [[name, value] as const] : value.map((each) => [name, each] as const)
  )

/**
 * What is signed besides the nonce.
 *
 * - `url`: the public one, with its query.
 * - `parameters`: of a `POST`'s form. Default: none.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlivoRequest {
  readonly method: "GET" | "POST"
  readonly url: string
  readonly parameters?: FormParameters | undefined
}

/** The text that is signed: the sorted query, decoded, and of a `POST` the sorted parameters without anything between. */
const textOf = ({ method, parameters = {}, url }: PlivoRequest): string => {
  const [address = "", search = ""] = url.split("#", 1)[0]?.split(/\?(.*)/su, 2) ?? []
  const query = sorted(new URLSearchParams(search), "=").join("&")
  const form = method === "POST" ? sorted(pairsOf(parameters), "").join("") : ""
  const hasForm = method === "POST" && Object.keys(parameters).length > 0
  return `${address}${query !== "" || hasForm ? "?" : ""}${query}${query !== "" && hasForm ? "." : ""}${form}`
}

/**
 * The signature of a request by an auth token, in base64.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sign = (request: PlivoRequest, nonce: string, authToken: Redacted.Redacted<string>): string =>
  createHmac("sha256", Redacted.value(authToken)).update(`${textOf(request)}.${nonce}`).digest("base64")

/** More signatures or longer ones than Plivo sends are not looked at. */
const MAX_HEADER_LENGTH = 1_024
const MAX_NONCE_LENGTH = 256

/**
 * The headers of a webhook.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlivoSignature {
  readonly signature: string | undefined
  readonly mainSignature: string | undefined
  readonly nonce: string | undefined
}

/**
 * Whether a request is signed by the auth token. The same nonce may be accepted once: see `Replays`.
 *
 * @category verification
 * @since 0.1.0
 */
export const verify = (
  request: PlivoRequest,
  { mainSignature, nonce, signature }: PlivoSignature,
  authToken: Redacted.Redacted<string>
): boolean => {
  if (nonce === undefined || nonce === "" || nonce.length > MAX_NONCE_LENGTH) return false
  const given = [signature, mainSignature].filter((header) =>
    header !== undefined && header.length <= MAX_HEADER_LENGTH
  )
    .flatMap((header) => header?.split(",") ?? [])
  if (given.length === 0) return false
  const expected = Buffer.from(sign(request, nonce, authToken))
  return given.some((each) => {
    const bytes = Buffer.from(each.trim())
    return bytes.length === expected.length && timingSafeEqual(bytes, expected)
  })
}
