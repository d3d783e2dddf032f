/** As much of Express 5 as tests and examples use; its types are a package of their own. */
declare module "express" {
  import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http"

  interface Request extends IncomingMessage {
    readonly body: unknown
    readonly path: string
  }
  interface Response extends ServerResponse {
    json(body: unknown): this
    send(body: string): this
    status(code: number): this
  }
  type Handler = (request: Request, response: Response, next: (error?: unknown) => void) => unknown
  interface Application extends RequestListener {
    get(path: string, handler: Handler): this
    post(path: string, handler: Handler): this
    use(handler: Handler): this
    listen(port: number, host: string, listening?: () => void): Server
  }
  const express: {
    (): Application
    json(): Handler
  }
  export default express
}
