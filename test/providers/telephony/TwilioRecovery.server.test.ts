import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import * as FakeTwilio from "../../support/FakeTwilio.ts"
import { freePort } from "../../support/FreePort.ts"
import * as CloudService from "./CloudService.ts"

/** Passes each new connection on to the port that has been named last, as a load balancer does. */
const balancer = (first: number) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly use: (port: number) => void; readonly close: () => void }>(
      (resume) => {
        let target = first
        const sockets = new Set<Socket>()
        const server = createServer((down) => {
          const up = connect({ port: target, host: "127.0.0.1" })
          for (const [socket, other] of [[down, up], [up, down]] as const) {
            sockets.add(socket)
            socket.on("error", () => {}).on("close", () => {
              sockets.delete(socket)
              other.destroy()
            }).pipe(other)
          }
        })
        server.listen(0, "127.0.0.1", () => {
          const { port } = server.address() as AddressInfo // it listens on TCP
          resume(Effect.succeed({
            port,
            use: (next) => {
              target = next
            },
            close: () => {
              for (const socket of sockets) socket.destroy()
              server.close()
            }
          }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )

/** Twilio, and the options of two services that it reaches by one URL, the first one first. */
const setUp = Effect.gen(function*() {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "voice-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  )
  const fake = yield* FakeTwilio.start()
  const [first, second] = [yield* freePort, yield* freePort]
  const { port, use } = yield* balancer(first)
  const optionsOf = (own: number): CloudService.CloudServiceOptions => ({
    port: own,
    store: join(folder, "sessions.sqlite"),
    handOver: true,
    provider: { public_url: `http://127.0.0.1:${port}` },
    carriers: [{
      name: "tw",
      kind: "twilio",
      account_sid: fake.accountSid,
      auth_token: fake.authToken,
      api_url: fake.url
    }]
  })
  return {
    first: optionsOf(first),
    second: optionsOf(second),
    useSecond: () => use(second),
    call: () => fake.call({ url: `http://127.0.0.1:${port}/telephony/tw/answer` })
  }
})

const speech = new Int16Array(400 * 8).fill(8_000)

/** The greeting has been heard, and is stored as it was heard. */
const greeted = Effect.fnUntraced(function*(call: FakeTwilio.FakeCall, { store }: CloudService.CloudServiceOptions) {
  const stream = yield* call.stream
  yield* stream.until("the greeting", () => stream.loudMs() >= 4 * CloudService.WORD_MS)
  yield* stream.until("the end of the greeting", () => stream.aheadMs === 0 && stream.quietSinceMs !== undefined)
  const database = yield* Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(store!, { readOnly: true })),
    (database) => Effect.sync(() => database.close())
  )
  const items = database.prepare("SELECT json FROM items")
  yield* stream.until(
    "the greeting in the store",
    () => items.all().some(({ json }) => String(json).includes(CloudService.GREETING))
  )
})

/** The call has come to the other process, in the same session and with its history, and goes on there. */
const goesOn = Effect.fnUntraced(function*(call: FakeTwilio.FakeCall, second: CloudService.CloudService) {
  yield* call.until("the stream to the other process", () => call.streams.length === 2 || call.status === "completed")
  assert.strictEqual(call.status, "in-progress")
  const again = call.streams[1]!
  yield* again.opened
  again.say(speech)
  yield* again.until("the answer", () => again.loudMs() >= 3 * CloudService.WORD_MS)
  yield* again.until("its end", () => again.aheadMs === 0 && again.quietSinceMs !== undefined)
  assert.isBelow(again.loudMs(), 4 * CloudService.WORD_MS, "the greeting is not said again")
  const sessions = yield* second.backend.listSessions
  assert.strictEqual(sessions.length, 1)
  const [session] = sessions
  assert.strictEqual(session?.config.call?.id, call.sid)
  const texts = (yield* session!.history).map(({ text }) => text.trim())
  assert.strictEqual(texts[0], CloudService.GREETING)
  assert.include(texts, "something")
  assert.notInclude(call.verbs, "Hangup")
  assert.deepStrictEqual(again.faults, [])
  call.hangUp()
  const ended = yield* second.until("the end", ({ type }) => type === "session.ended")
  assert.deepInclude(ended, { reason: "user_ended", session: session!.id })
})

describe("telephony, Twilio: a call comes back to its session", () => {
  it.live("by another process, after its own was killed", () =>
    Effect.gen(function*() {
      const { call: ring, first, second, useSecond } = yield* setUp
      const child = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof spawn>>((resume) => {
          const program = spawn(process.execPath, [
            "--conditions=@effect-voice/source",
            new URL("CloudService.ts", import.meta.url).pathname,
            JSON.stringify(first)
          ], { stdio: ["ignore", "pipe", "inherit"] })
          let output = ""
          program.stdout?.on("data", (data: Buffer) => {
            output += data.toString()
            if (/^ready$/mu.test(output)) resume(Effect.succeed(program))
          })
        }).pipe(Effect.timeout("1 minute")),
        (program) => Effect.sync(() => program.kill("SIGKILL"))
      )
      const phone = yield* CloudService.make(second)
      const call = ring()
      yield* greeted(call, first)
      assert.strictEqual(yield* phone.backend.activeSessionCount, 0)
      useSecond()
      child.kill("SIGKILL")
      yield* goesOn(call, phone)
    }), 120_000)

  it.live("by another process, after its own was stopped for a deploy", () =>
    Effect.gen(function*() {
      const { call: ring, first, second, useSecond } = yield* setUp
      const stopped = yield* CloudService.make(first)
      const phone = yield* CloudService.make(second)
      const call = ring()
      yield* greeted(call, first)
      const [session] = yield* stopped.backend.listSessions
      useSecond()
      const report = yield* stopped.backend.stop
      assert.strictEqual(report.interrupted, 0)
      assert.strictEqual(yield* session!.ended, "taken_over")
      yield* goesOn(call, phone)
      assert.deepStrictEqual(phone.of("session.ended").map((event) => event.session), [session!.id])
    }), 120_000)
})
