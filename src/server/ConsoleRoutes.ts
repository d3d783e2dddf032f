/**
 * The console page and the browser client, as a browser loads them.
 *
 * The paths mirror the folders, so that imports between them hold below any prefix: the page at `/`, its scripts and
 * styles at `/assets/console/*`, the client at `/client/*`. `/vendor/livekit-client.js` is that package's own build, where
 * it is installed; only calls in LiveKit rooms load it.
 *
 * A built package has the scripts as JavaScript. In a source tree they are TypeScript: their types are stripped and their
 * imports end in `.js`. Only plain file names of these folders are served.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpPlatform from "effect/http/HttpPlatform"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpStaticServer from "effect/http/HttpStaticServer"
import * as Crypto from "node:crypto"
import * as Module from "node:module"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { packageFile } from "../ExternalPackage.ts"
import * as Problem from "../transport/Problem.ts"

const folders = {
  "/assets/console": fileURLToPath(packageFile(import.meta.url, "./console/", "server/console/")),
  "/client": fileURLToPath(packageFile(import.meta.url, "../client/", "client/"))
} as const

/** A file of the folder, or of a folder in it. */
const fileName = /^(?:\/[a-z]+)?\/[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.(?:html|css|js|svg|map)$/

const livekit = "livekit-client"

/** The entry of the installed package, which a browser loads as it is. */
const resolveLiveKit = (): string | undefined => {
  try {
    return fileURLToPath(import.meta.resolve(livekit))
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
 * Makes a browser's JavaScript of one of our modules: types stripped, `./x.ts` imported as `./x.js`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJavaScript = (source: string): string =>
  Module.stripTypeScriptTypes(source, { mode: "strip" }).replace(
    /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"'\n]+)\.ts\2/g,
    "$1$2$3.js$2"
  )

interface Converted {
  readonly body: string
  readonly etag: string
  readonly modified: number
}

const etagOf = (content: string | Uint8Array): string =>
  `"${Crypto.createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`

const modifiedMs = ({ mtime }: FileSystem.File.Info): number => mtime._tag === "Some" ? mtime.value.getTime() : 0

const notFound = Problem.toResponse(Problem.make("route_not_found", "no such file"))

interface Conversion {
  readonly convert: (source: string) => string
  readonly contentType: string
}

/** Files that are converted before they are served, cached until they change: as many as there are files. */
const makeConverted = Effect.map(FileSystem.FileSystem, (fs) => ({ contentType, convert }: Conversion) => {
  const cache = new Map<string, Converted>()
  const read = Effect.fnUntraced(function*(file: string) {
    const modified = modifiedMs(yield* fs.stat(file))
    const cached = cache.get(file)
    if (cached?.modified === modified) return cached
    const body = convert(yield* fs.readFileString(file))
    const converted = { body, etag: etagOf(body), modified }
    cache.set(file, converted)
    return converted
  })
  return (file: string) =>
    Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const { body, etag } = yield* read(file)
      const headers = { etag, "cache-control": "no-cache" }
      return request.headers["if-none-match"] === etag
        ? HttpServerResponse.empty({ status: 304, headers })
        : HttpServerResponse.text(body, { contentType, headers })
    }).pipe(Effect.orElseSucceed(() => notFound))
})

/**
 * The platform with ETags of contents. Those of Effect are made of size and time, and npm gives all files of all packages the
 * same time: after an upgrade, browsers would keep an old file of the same size.
 */
const makePlatform = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const platform = yield* HttpPlatform.HttpPlatform
  const tags = new Map<string, { readonly etag: string; readonly modified: number }>()
  const tagOf = Effect.fnUntraced(function*(file: string) {
    const modified = modifiedMs(yield* fs.stat(file))
    const cached = tags.get(file)
    if (cached?.modified === modified) return cached.etag
    const etag = etagOf(yield* fs.readFile(file))
    tags.set(file, { etag, modified })
    return etag
  })
  return HttpPlatform.HttpPlatform.of({
    ...platform,
    fileResponse: (file, options) =>
      Effect.zipWith(
        platform.fileResponse(file, options),
        tagOf(file),
        (response, etag) => HttpServerResponse.setHeader(response, "etag", etag)
      )
  })
})

/** The same request for another file. */
const requesting = (url: string) =>
  Effect.updateService(HttpServerRequest.HttpServerRequest, (request) => request.modify({ url }))

/** The page without the links to what a browser cannot open: it sends no key, and knows one port. */
const withoutDocumentation = (page: string): string =>
  page.replace(/<nav aria-label="Documentation">.*?<\/nav>/su, "<span></span>")

/**
 * Makes the routes of the page, which may connect to `origins` besides its own. It links to the documentation of the API
 * where that is open to the page's readers, `hasDocumentation`.
 *
 * @category routes
 * @since 0.1.0
 */
export const routes = Effect.fnUntraced(function*(
  { hasDocumentation, origins }: { readonly origins: ReadonlyArray<string>; readonly hasDocumentation: boolean }
) {
  const converted = yield* makeConverted
  const stripped = converted({ convert: toJavaScript, contentType: "text/javascript; charset=utf-8" })
  const policy = policyFor(origins)
  // Also on a 304, which replaces the headers that the browser has stored.
  const withPolicy = Effect.map(HttpServerResponse.setHeader("content-security-policy", policy))
  const platform = yield* makePlatform
  const serve = (root: string) =>
    HttpStaticServer.make({ root, cacheControl: "no-cache" }).pipe(
      Effect.provideService(HttpPlatform.HttpPlatform, platform),
      Effect.orDie
    )

  const folder = Effect.fnUntraced(function*(prefix: keyof typeof folders) {
    const root = folders[prefix]
    const files = yield* serve(root)
    const handle = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ url }) => {
      const name = url.split(/[?#]/, 1)[0]!
      if (!fileName.test(name)) return Effect.succeed(notFound)
      return Effect.catch(
        files,
        () => name.endsWith(".js") ? stripped(Path.join(root, `${name.slice(0, -2)}ts`)) : Effect.succeed(notFound)
      )
    })
    return HttpRouter.prefixRoute(HttpRouter.route("GET", "/*", withPolicy(handle)), prefix)
  })

  const index = hasDocumentation
    ? (yield* serve(folders["/assets/console"])).pipe(requesting("/index.html"))
    : converted({ convert: withoutDocumentation, contentType: "text/html; charset=utf-8" })(
      Path.join(folders["/assets/console"], "index.html")
    )
  const page = Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ originalUrl }) => {
    // The query may have slashes, and must never decide where a browser is sent.
    const [path = ""] = originalUrl.replace(/^https?:\/\/[^/]*/, "").split(/[?#;]/, 1)
    const name = /\/([^/]+)$/.exec(path)?.[1]
    // The page's links are relative to it, so its address must end with a slash.
    return name === undefined
      ? index
      : Effect.succeed(HttpServerResponse.empty({ status: 301, headers: { location: `${name}/` } }))
  })
  const vendor = resolveLiveKit()
  const library = vendor === undefined
    ? Effect.succeed(notFound)
    : (yield* serve(Path.dirname(vendor))).pipe(requesting(`/${encodeURIComponent(Path.basename(vendor))}`))
  return [
    HttpRouter.route("GET", "/", withPolicy(page)),
    HttpRouter.route(
      "GET",
      "/favicon.ico",
      HttpServerResponse.empty({ status: 302, headers: { location: "assets/console/icon.svg" } })
    ),
    yield* folder("/assets/console"),
    yield* folder("/client"),
    HttpRouter.route("GET", "/vendor/livekit-client.js", withPolicy(library))
  ]
})
