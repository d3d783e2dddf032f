/**
 * The signature of Twilio's requests: `X-Twilio-Signature` of webhooks and of the WebSocket handshake of a media stream. SignalWire signs
 * its cXML in the same way.
 *
 * It covers the URL as Twilio has it (the public one, with its query) and the parameters of a form; a JSON body by its SHA-256
 * in the query (`bodySHA256`). It has no time and no nonce: whoever has seen a request can send it again, so what it opens
 * has to be for one use.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import { createHash, createHmac, timingSafeEqual } from "node:crypto"

/**
 * A request as it came.
 *
 * - `url`: the public one with the query, of `https:` or, for a handshake, `wss:`.
 * - `signature`: the header, of 20 or 32 bytes in base64. `settings`: the header `X-Twilio-Webhooks-Signature-Settings`,
 *   where a shared key signs with another algorithm than SHA-1.
 * - `form`: the body of a form, as it is. `body`: another body. Default: neither.
 *
 * @category models
 * @since 0.1.0
 */
export interface SignedRequest {
  readonly url: string
  readonly signature: string | undefined
  readonly settings?: string | undefined
  readonly form?: string | undefined
  readonly body?: string | undefined
}

const MAX_SIGNATURE_LENGTH = 64

const ports: { readonly [protocol: string]: string } = {
  "https:": ":443",
  "wss:": ":443",
  "http:": ":80",
  "ws:": ":80"
}

/** The URL without its port, and with it: Twilio signs either. What else is in it stays as it is written. */
const writings = (url: string): ReadonlyArray<string> => {
  const parts = /^(?<protocol>[a-z]+:)\/\/(?<user>[^/?#]*@)?(?<host>\[[^\]]*\]|[^/?#:]*)(?<port>:\d*)?(?<rest>.*)$/su
    .exec(url)?.groups
  if (parts === undefined) return [url]
  const { host = "", port = ports[parts["protocol"] ?? ""] ?? "", protocol = "", rest = "", user = "" } = parts
  const both = [`${protocol}//${user}${host}${rest}`, `${protocol}//${user}${host}${port}${rest}`]
  // of a handshake, the path may have a slash at its end that the URL of the stream has not
  return protocol.startsWith("ws") && !url.includes("?") ? [...both, ...both.map((each) => `${each}/`)] : both
}

/** The parameters of a form, as they are signed: by their names, each value of a name once. */
const parametersOf = (form: string): string => {
  const given = new URLSearchParams(form)
  return Array.from(new Set(given.keys())).sort()
    .map((name) => Array.from(new Set(given.getAll(name))).sort().map((value) => name + value).join(""))
    .join("")
}

const algorithmOf = (settings: string | undefined): "sha1" | "sha256" | undefined => {
  const named = /(?:^|,)\s*algorithm\s*=([^,]*)/u.exec(settings ?? "")?.[1]?.trim().toUpperCase() ?? ""
  return named === "" || named === "HMAC_SHA1" ? "sha1" : named === "HMAC_SHA256" ? "sha256" : undefined
}

/** In a time that does not depend on where they differ. */
const isSame = (a: string, b: string): boolean => {
  const one = Buffer.from(a)
  const other = Buffer.from(b)
  return one.length === other.length && timingSafeEqual(one, other)
}

/**
 * The signature of a URL and the parameters of a form.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sign = (
  token: Redacted.Redacted<string>,
  url: string,
  form = "",
  algorithm: "sha1" | "sha256" = "sha1"
): string => createHmac(algorithm, Redacted.value(token)).update(url + parametersOf(form)).digest("base64")

const isBodyCovered = ({ body = "", form, url }: SignedRequest): boolean => {
  const at = url.indexOf("?")
  const hash = at === -1 ? null : new URLSearchParams(url.slice(at + 1)).get("bodySHA256")
  if (hash === null) return body === ""
  return isSame(createHash("sha256").update(form ?? body).digest("hex"), hash.toLowerCase())
}

/**
 * Whether one of the tokens (the present one, and the next while they are changed) has signed a request. A body that is no form
 * has to be covered by `bodySHA256`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const verify = (tokens: ReadonlyArray<Redacted.Redacted<string>>, request: SignedRequest): boolean => {
  const { form = "", settings, signature = "", url } = request
  const algorithm = algorithmOf(settings)
  if (algorithm === undefined || signature.length > MAX_SIGNATURE_LENGTH || !isBodyCovered(request)) return false
  const isHashed = /[?&]bodySHA256=/u.test(url)
  let isValid = false
  for (const token of tokens) {
    for (const writing of writings(url)) {
      if (isSame(sign(token, writing, isHashed ? "" : form, algorithm), signature)) isValid = true
    }
  }
  return isValid
}
