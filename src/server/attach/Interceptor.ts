/**
 * Takes the requests and upgrades of some paths out of the events of an application's HTTP server, so that none of its
 * listeners sees them, whenever it was added.
 *
 * A listener of our own would not do: the application's answers every request as well, and the listeners that WebSocket
 * libraries add close an upgrade that is none of theirs. So the events are taken where the server emits them. Everything
 * else is emitted as before. Synchronous.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import * as MalformedRequests from "../MalformedRequests.ts"

/**
 * - `prefix`: two targets of one server have different ones. Where both take a path, the longer prefix has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly prefix: string
  readonly takes: (path: string) => boolean
  readonly request: (request: Http.IncomingMessage, response: Http.ServerResponse) => void
  readonly upgrade: (request: Http.IncomingMessage, socket: Duplex, head: Buffer) => void
}

interface Interceptor {
  readonly add: (target: Target) => void
  readonly remove: (target: Target) => void
  readonly has: (prefix: string) => boolean
}

const interceptors = new WeakMap<Http.Server, Interceptor>()

const UPGRADE_CALLBACK = "shouldUpgradeCallback"

/** The path of a request's target, which may be a whole URL. */
const pathOf = (url = ""): string => {
  if (url.startsWith("/")) return url.split(/[?#]/, 1)[0] ?? ""
  const [, path = ""] = /^https?:\/\/[^/?#]*([^?#]*)/i.exec(url) ?? [undefined, url]
  return path === "" ? "/" : path
}

const isWebSocket = ({ headers }: Http.IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket"

/**
 * Answers an upgrade as an ordinary request. Its body was not parsed, so it may not have one.
 */
const asRequest = (server: Http.Server, request: Http.IncomingMessage, socket: Duplex): void => {
  socket.on("error", () => {})
  const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers
  if (encoding !== undefined || length !== "0") {
    return void socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
  }
  const response = new Http.ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(request.socket)
  response.once("finish", () => socket.end())
  server.emit("request", request, response)
}

const make = (server: Http.Server): Interceptor => {
  let targets: ReadonlyArray<Target> = []
  const targetOf = (request: unknown): Target | undefined => {
    if (targets.length === 0 || !(request instanceof Http.IncomingMessage)) return undefined
    const path = pathOf(request.url)
    return targets.find((target) => target.takes(path))
  }

  const given = Reflect.get(server, UPGRADE_CALLBACK)
  /** Node asks it since 24.9: an upgrade that is not granted is an ordinary request. */
  const hasCallback = typeof given === "function"
  /** Node emits an upgrade only where somebody listens. */
  const listener = (request: Http.IncomingMessage, socket: Duplex): void => {
    if (server.listenerCount("upgrade") > 1) return
    if (hasCallback) socket.destroy()
    // Without us, an older Node would not have taken it for an upgrade.
    else asRequest(server, request, socket)
  }
  const shouldUpgrade = (request: Http.IncomingMessage): boolean => {
    const target = targetOf(request)
    server.off("upgrade", listener)
    const granted = target === undefined ? Boolean(Reflect.apply(given, server, [request])) : isWebSocket(request)
    if (targets.length > 0) server.on("upgrade", listener)
    return granted
  }

  const { emit } = server
  const isOwn = Object.hasOwn(server, "emit")
  const intercept = (event: string | symbol, ...args: ReadonlyArray<unknown>): boolean => {
    const [request, second, head] = args
    const target = targetOf(request)
    if (target !== undefined && request instanceof Http.IncomingMessage) {
      if (second instanceof Http.ServerResponse) {
        switch (event) {
          case "checkContinue":
            second.writeContinue()
            target.request(request, second)
            return true
          case "request":
            target.request(request, second)
            return true
          case "checkExpectation":
            MalformedRequests.refuseExpectation(second)
            return true
        }
      }
      if (event === "upgrade" && Buffer.isBuffer(head)) {
        target.upgrade(request, request.socket, head)
        return true
      }
    }
    return Reflect.apply(emit, server, [event, ...args])
  }

  const start = (): void => {
    Reflect.set(server, "emit", intercept)
    if (hasCallback) Reflect.set(server, UPGRADE_CALLBACK, shouldUpgrade)
    server.on("upgrade", listener)
  }
  const stop = (): void => {
    server.off("upgrade", listener)
    interceptors.delete(server)
    // Whoever has wrapped ours in the meantime goes on calling it: it then passes on everything.
    if (Reflect.get(server, UPGRADE_CALLBACK) === shouldUpgrade) Reflect.set(server, UPGRADE_CALLBACK, given)
    if (server.emit !== intercept) return
    if (isOwn) Reflect.set(server, "emit", emit)
    else Reflect.deleteProperty(server, "emit")
  }

  return {
    has: (prefix) => targets.some((target) => target.prefix === prefix),
    add: (target) => {
      if (targets.length === 0) start()
      targets = [...targets, target].sort((a, b) => b.prefix.length - a.prefix.length)
    },
    remove: (target) => {
      targets = targets.filter((each) => each !== target)
      if (targets.length === 0) stop()
    }
  }
}

/**
 * Gives a target its requests, until the function that it returns is called; `undefined` where a target of its prefix is
 * installed on the server already.
 *
 * @category constructors
 * @since 0.1.0
 */
export const install = (server: Http.Server, target: Target): (() => void) | undefined => {
  const interceptor = interceptors.get(server) ?? make(server)
  if (interceptor.has(target.prefix)) return undefined
  interceptors.set(server, interceptor)
  interceptor.add(target)
  return () => interceptor.remove(target)
}
