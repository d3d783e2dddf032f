/** A page of an application's own, with one script, on another origin than the server's. */
import { assert } from "@effect/vitest"
import { createServer } from "node:http"
import { build } from "vite"

/** The script of a page, with all that it imports. */
export const bundle = async (entry: string): Promise<string> => {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    define: { "process.env.NODE_ENV": "\"production\"" },
    build: { write: false, minify: false, lib: { entry, formats: ["iife"], name: "page" } }
  })
  const [output] = Array.isArray(built) ? built : [built]
  const chunk = output !== undefined && "output" in output ? output.output[0] : undefined
  return chunk?.code ?? assert.fail("no bundle")
}

/** Serves a page with this script. */
export const serve = async (script: string): Promise<{ readonly origin: string; readonly close: () => void }> => {
  const server = createServer((request, response) => {
    const isScript = request.url === "/page.js"
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html")
    response.end(isScript ? script : "<!doctype html><body></body><script src=page.js></script>")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    origin: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    close: () => server.close()
  }
}
