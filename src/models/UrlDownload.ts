/**
 * Downloads what is at an address into a file, and goes on where an earlier attempt stopped.
 *
 * Proxy, certificates and offline mode are those of the user's npm settings (with `HTTPS_PROXY` and `NO_PROXY`), as for the
 * registry. Addresses are `https:`, or `http:` on this machine, and so is every one that a server redirects to.
 *
 * @since 0.1.0
 */
import Undici, { type Dispatcher } from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import { FetchFailure } from "./FetchFailure.ts"
import * as ModelLocation from "./ModelLocation.ts"
import * as NpmRegistry from "./NpmRegistry.ts"

const MAX_REDIRECTS = 5

/**
 * A download into the file `path`, of at most `maxBytes`.
 *
 * @category models
 * @since 0.1.0
 */
export interface UrlDownloadOptions {
  readonly url: string
  readonly path: string
  readonly maxBytes: number
  /** Gets the length of the file after each chunk, and the length that it will have, when the server says it. */
  readonly onBytes: (received: number, total: number | undefined) => void
}

const tooLong = (maxBytes: number) =>
  new FetchFailure({ reason: "integrity", message: `it is longer than ${maxBytes} bytes` })

const text = (value: unknown): string => typeof value === "string" ? value : ""

/**
 * Makes the connections of a download from npm's settings; the caller destroys them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDispatcher = (npm: NpmRegistry.NpmOptions, env: NpmRegistry.Env): Dispatcher => {
  const ca = npm["ca"]
  const tls = {
    ...(typeof ca === "string" || Array.isArray(ca) ? { ca } : {}),
    rejectUnauthorized: npm["strictSSL"] !== false
  }
  return new Undici.EnvHttpProxyAgent({
    // plain http stays on this machine, where no proxy is
    httpProxy: "",
    httpsProxy: text(npm["httpsProxy"]) || text(npm["proxy"]) || (env["https_proxy"] ?? env["HTTPS_PROXY"] ?? ""),
    noProxy: text(npm["noProxy"]) || (env["no_proxy"] ?? env["NO_PROXY"] ?? ""),
    connect: tls,
    requestTls: tls,
    // the caller has a time limit of its own
    headersTimeout: 0,
    bodyTimeout: 0
  })
}

const failureOf = (status: number): FetchFailure => {
  const reason = status === 401 || status === 403
    ? "unauthorized"
    : status === 408 || status === 429 || status >= 500
    ? "registry_error"
    : "not_found"
  return new FetchFailure({ reason, message: `the server answered ${status}`, status })
}

const writeAll = async (file: Fs.FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
  }
}

/** Follows redirects to the response that has the content. */
const request = async (
  url: string,
  offset: number,
  dispatcher: Dispatcher,
  signal: AbortSignal
): Promise<Dispatcher.ResponseData> => {
  let at = url
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await Undici.request(at, {
      dispatcher,
      signal,
      headers: {
        "user-agent": "effect-voice",
        "accept-encoding": "identity",
        ...(offset > 0 ? { range: `bytes=${offset}-` } : {})
      }
    })
    const { location } = response.headers
    if (response.statusCode < 300 || response.statusCode > 399 || typeof location !== "string") return response
    await response.body.dump({ limit: 65_536, signal })
    const next = URL.canParse(location, at) ? new URL(location, at).href : location
    const fault = ModelLocation.faultOf(next)
    if (fault !== undefined) {
      throw new FetchFailure({
        reason: "registry_error",
        message: `it redirects to an address that is refused: ${fault}`
      })
    }
    at = next
  }
  throw new FetchFailure({ reason: "registry_error", message: `it redirects more than ${MAX_REDIRECTS} times` })
}

const sizeOf = (path: string): Promise<number> => Fs.stat(path).then(({ size }) => size, () => 0)

/** Where the content begins, and how long the whole is. */
const rangeOf = ({ headers, statusCode }: Dispatcher.ResponseData, offset: number) => {
  const length = Number(headers["content-length"] ?? NaN)
  const total = (from: number) => Number.isSafeInteger(length) && length >= 0 ? from + length : undefined
  if (statusCode === 206) {
    const from = Number(/^bytes (\d+)-/.exec(String(headers["content-range"]))?.[1] ?? NaN)
    return from === offset ? { from, total: total(from) } : undefined
  }
  return { from: 0, total: total(0) }
}

const transfer = async (
  { maxBytes, onBytes, path, url }: UrlDownloadOptions,
  dispatcher: Dispatcher,
  signal: AbortSignal
): Promise<void> => {
  const offset = await sizeOf(path)
  const response = await request(url, offset, dispatcher, signal)
  const { body, headers, statusCode } = response
  const range = rangeOf(response, offset)
  if (statusCode === 416 || range === undefined) {
    await body.dump({ limit: 65_536, signal })
    // complete already: the caller compares its hash
    if (offset > 0 && headers["content-range"] === `bytes */${offset}`) return
    await Fs.rm(path, { force: true })
    throw new FetchFailure({ reason: "no_network", message: "the server did not go on where the transfer stopped" })
  }
  if (statusCode !== 200 && statusCode !== 206) {
    await body.dump({ limit: 65_536, signal })
    throw failureOf(statusCode)
  }
  const { from, total } = range
  if ((total ?? 0) > maxBytes) {
    body.destroy()
    throw tooLong(maxBytes)
  }
  const file = await Fs.open(path, from === 0 ? "w" : "r+", 0o644)
  try {
    let received = from
    onBytes(received, total)
    for await (const chunk of body as AsyncIterable<Buffer>) {
      if (received + chunk.length > maxBytes) throw tooLong(maxBytes)
      await writeAll(file, chunk, received)
      received += chunk.length
      onBytes(received, total)
    }
    if (total !== undefined && received < total) {
      throw new FetchFailure({ reason: "no_network", message: `the transfer broke off after ${received} bytes` })
    }
  } finally {
    await file.close()
  }
}

/**
 * Makes one attempt. What has arrived stays in the file when it fails or is interrupted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const attempt = (
  options: UrlDownloadOptions,
  npm: NpmRegistry.NpmOptions,
  env: NpmRegistry.Env
): Effect.Effect<void, FetchFailure> =>
  npm["offline"] === true
    ? Effect.fail(new FetchFailure({ reason: "offline", message: "no request was made" }))
    : Effect.acquireUseRelease(
      Effect.sync(() => makeDispatcher(npm, env)),
      (dispatcher) => NpmRegistry.abortable((signal) => transfer(options, dispatcher, signal)),
      (dispatcher) => Effect.promise(() => dispatcher.destroy().catch(() => undefined))
    )
