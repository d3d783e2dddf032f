import { NodeHttpServer } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { NetAddress } from "effect/net"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as ConsoleRoutes from "../../src/server/ConsoleRoutes.ts"
import { call } from "./support.ts"

const css = new URL("../../src/server/console/console.css", import.meta.url)

describe("ConsoleRoutes", () => {
  it.live("tags files by their content, since npm gives them all the same time", () =>
    Effect.gen(function*() {
      const url = `${NetAddress.formatUrlUnsafe((yield* HttpServer.HttpServer).address)}/assets/console/console.css`
      const { atime, mtime } = Fs.statSync(css)
      yield* Effect.addFinalizer(() => Effect.sync(() => Fs.utimesSync(css, atime, mtime)))
      const tags = yield* Effect.forEach([mtime, new Date(499_162_500_000)], (time) =>
        Effect.sync(() =>
          Fs.utimesSync(css, atime, time)
        ).pipe(
          Effect.andThen(call(url)),
          Effect.map(({ headers }) => headers.get("etag"))
        ))
      assert.match(String(tags[0]), /^"[\w-]{22}"$/)
      assert.strictEqual(tags[0], tags[1])
      const again = yield* call(url, { headers: { "if-none-match": String(tags[0]) } })
      assert.strictEqual(again.status, 304)
      // a 304 replaces the headers that the browser has stored
      assert.include(again.headers.get("content-security-policy")!, "script-src 'self'")
    }).pipe(
      Effect.scoped,
      Effect.provide(
        HttpRouter.serve(HttpRouter.addAll(ConsoleRoutes.routes({ origins: [], hasDocumentation: true })), {
          disableLogger: true,
          disableListenLog: true
        }).pipe(Layer.provideMerge(NodeHttpServer.layer(() => Http.createServer(), { host: "127.0.0.1", port: 0 })))
      )
    ))
})
