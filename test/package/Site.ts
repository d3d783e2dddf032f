/** A folder of files as a web page of an origin of its own. */
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { extname, join, normalize } from "node:path"

const types: { readonly [extension: string]: string } = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript"
}

/** A folder that is served at an origin of its own, with a content security policy if given. */
export interface Site {
  readonly url: string
  readonly close: () => void
}

export const serveFolder = async (folder: string, policy?: string): Promise<Site> => {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname)
    try {
      const file = join(folder, path === "/" ? "index.html" : path)
      const body = readFileSync(file)
      response.writeHead(200, {
        "content-type": types[extname(file)] ?? "application/octet-stream",
        ...(policy === undefined ? {} : { "content-security-policy": policy })
      }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    close: () => server.close()
  }
}
