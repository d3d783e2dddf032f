/**
 * The console page and the browser client, as a browser loads them.
 *
 * `/vendor/livekit-client.js` is that package's own build, where it is installed: only calls in LiveKit rooms load it.
 *
 * In a source tree the scripts are TypeScript: their types are blanked out and their imports end in `.js`. A built package
 * has them as JavaScript. Only plain file names of three directories are served; nothing else of the disk can be reached.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Crypto from "node:crypto"
import { stripTypeScriptTypes } from "node:module"
import { fileURLToPath } from "node:url"
import * as Problem from "./Problem.ts"

const directories: { readonly [prefix: string]: URL } = {
  console: new URL("./console/", import.meta.url),
  client: new URL("../client/", import.meta.url)
}

const types: { readonly [extension: string]: string } = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  map: "application/json"
}

const fileName = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(html|css|js|svg|map)$/

const vendors: { readonly [name: string]: string } = { "livekit-client.js": "livekit-client" }

/** An installed package's entry, for its own sake: a browser loads it as it is. */
const resolveVendor = (name: string): string | undefined => {
  const installed = vendors[name]
  if (installed === undefined) return undefined
  try {
    return fileURLToPath(import.meta.resolve(installed))
  } catch {
    return undefined
  }
}

const policyFor = (origins: ReadonlyArray<string>): string =>
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  `connect-src ${["'self'", ...origins].join(" ")}; ` +
  "media-src 'self' blob: mediastream:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; " +
  "form-action 'self'; frame-ancestors 'none'"

/**
 * Makes a browser's JavaScript of a module of ours: types blanked, `./x.ts` imported as `./x.js`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJavaScript = (source: string): string =>
  stripTypeScriptTypes(source, { mode: "strip" }).replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"'\n]+)\.ts\2/g,
    "$1$2$3.js$2"
  )

interface Asset {
  readonly body: string
  readonly type: string
  readonly etag: string
  readonly modified: number
}

/**
 * The routes of the page: `/`, `/console/*`, `/client/*` and `/vendor/*`. The page may connect to `origins` beside us.
 *
 * @category routes
 * @since 0.1.0
 */
export const routes = Effect.fnUntraced(function*(origins: ReadonlyArray<string>) {
  const policy = policyFor(origins)
  const fs = yield* FileSystem.FileSystem
  // As many as there are files, since only what was read is kept.
  const cache = new Map<string, Asset>()

  const read = Effect.fnUntraced(function*(file: string, extension: string) {
    const info = yield* fs.stat(file)
    const modified = info.mtime._tag === "Some" ? info.mtime.value.getTime() : 0
    const cached = cache.get(file)
    if (cached !== undefined && cached.modified === modified) return cached
    const text = yield* fs.readFileString(file)
    const body = file.endsWith(".ts") ? yield* Effect.sync(() => toJavaScript(text)) : text
    const etag = `"${Crypto.createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`
    const asset = { body, type: types[extension]!, etag, modified }
    cache.set(file, asset)
    return asset
  })

  const serve = Effect.fnUntraced(function*(prefix: string, name: string) {
    const request = yield* HttpServerRequest.HttpServerRequest
    const extension = fileName.exec(name)?.[1]
    const directory = directories[prefix]
    if (extension === undefined || directory === undefined) return missing
    const file = fileURLToPath(new URL(name, directory))
    return yield* respond(
      request,
      read(file, extension).pipe(
        Effect.catch((error) => extension === "js" ? read(`${file.slice(0, -2)}ts`, extension) : Effect.fail(error))
      )
    )
  })

  const respond = Effect.fnUntraced(function*(
    request: HttpServerRequest.HttpServerRequest,
    asset: Effect.Effect<Asset, unknown>
  ) {
    const found = yield* Effect.option(asset)
    if (found._tag === "None") return missing
    const { body, etag, type } = found.value
    const headers = { etag, "cache-control": "no-cache", "content-security-policy": policy }
    return request.headers["if-none-match"] === etag
      ? HttpServerResponse.empty({ status: 304, headers })
      : HttpServerResponse.text(body, { contentType: type, headers })
  })

  const serveVendor = Effect.fnUntraced(function*(name: string) {
    const file = resolveVendor(name)
    return file === undefined ? missing : yield* respond(yield* HttpServerRequest.HttpServerRequest, read(file, "js"))
  })

  const inDirectory = (prefix: string) =>
    HttpRouter.route(
      "GET",
      `/${prefix}/:file`,
      Effect.flatMap(HttpRouter.params, (params) => serve(prefix, params["file"] ?? ""))
    )

  return [
    HttpRouter.route("GET", "/", serve("console", "index.html")),
    HttpRouter.route(
      "GET",
      "/favicon.ico",
      HttpServerResponse.empty({ status: 302, headers: { location: "/console/icon.svg" } })
    ),
    inDirectory("console"),
    inDirectory("client"),
    HttpRouter.route("GET", "/vendor/:file", Effect.flatMap(HttpRouter.params, ({ file = "" }) => serveVendor(file)))
  ]
})

const missing = Problem.http("route_not_found", "there is no such file")
