/** A TCP proxy on loopback that can be partitioned: then nothing passes in either direction, and nobody is told. */
import { connect, createServer, type Socket } from "node:net"

export interface TcpProxy {
  readonly port: number
  /** Lets nothing pass from now on; connections stay open, as with packets that are dropped. */
  readonly partition: () => void
  /** Lets everything pass again; what was held back arrives. */
  readonly heal: () => void
  readonly close: () => void
}

export const tcpProxy = (target: { readonly host: string; readonly port: number }): Promise<TcpProxy> =>
  new Promise((resolve, reject) => {
    const sockets = new Set<Socket>()
    let isPartitioned = false
    const hold = (socket: Socket) => isPartitioned ? socket.pause() : socket.resume()
    const server = createServer((down) => {
      const up = connect(target)
      for (const [from, to] of [[down, up], [up, down]] as const) {
        sockets.add(from)
        from.on("data", (data: Buffer) => {
          if (!to.write(data)) {
            from.pause()
            to.once("drain", () => hold(from))
          }
        })
        from.on("error", () => {})
        from.once("close", () => {
          sockets.delete(from)
          to.destroy()
        })
        hold(from)
      }
    })
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const set = (partitioned: boolean) => {
        isPartitioned = partitioned
        for (const socket of sockets) hold(socket)
      }
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        partition: () => set(true),
        heal: () => set(false),
        close: () => {
          server.close()
          for (const socket of sockets) socket.destroy()
        }
      })
    })
  })
