import { Effect, Layer } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Net from "node:net"
import * as Server from "../../src/server/Server.ts"
import * as TestServer from "../fuzz/TestServer.ts"

/** A server whose agent says where its words came from. */
export const server = Layer.build(TestServer.layer({ agent: (text) => `You asked: ${text}` })).pipe(
  Effect.flatMap((context) => Effect.provide(Server.VoiceServer, context))
)

/**
 * A TCP proxy before a server that cuts the first connection on which the server has said this, and none after it. Gives
 * its port; closed with the scope.
 */
export const cuttingProxy = (port: number, said: string) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly proxy: Net.Server; readonly sockets: Set<Net.Socket>; readonly cuts: () => number }>(
      (resume) => {
        let cuts = 0
        const sockets = new Set<Net.Socket>()
        const proxy = Net.createServer((client) => {
          const upstream = Net.connect(port, "127.0.0.1")
          for (const socket of [client, upstream]) {
            sockets.add(socket)
            socket.on("error", () => {})
            socket.on("close", () => {
              sockets.delete(socket)
              client.destroy()
              upstream.destroy()
            })
          }
          client.pipe(upstream)
          upstream.on("data", (data: Buffer) => {
            client.write(data)
            if (cuts > 0 || !data.includes(said)) return
            cuts++
            client.destroy()
          })
        })
        proxy.listen(0, "127.0.0.1", () => resume(Effect.succeed({ proxy, sockets, cuts: () => cuts })))
      }
    ),
    ({ proxy, sockets }) =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        proxy.close(() => resume(Effect.void))
      })
  ).pipe(
    Effect.map(({ cuts, proxy }) => {
      const address = proxy.address()
      return { cuts, port: typeof address === "object" && address !== null ? address.port : 0 }
    })
  )

/** Runs a program to its end; it is killed with the scope. */
export const run = (command: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] })),
    (child: ChildProcess) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(
    Effect.flatMap((child) =>
      Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
        let output = ""
        child.stdout?.on("data", (text: Buffer) => output += text.toString())
        child.stderr?.on("data", (text: Buffer) => output += text.toString())
        child.on("close", (code) => resume(Effect.succeed({ code, output })))
      })
    )
  )
