import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { some } from "../support/Full.ts"
import { create, WireUser } from "../support/WireUser.ts"
import type { DrainServerOptions } from "./DrainServer.ts"

interface Exited {
  readonly code: number | null
  readonly signal: string | null
  readonly at: number
}

interface Running {
  readonly child: ChildProcess
  readonly base: string
  readonly err: () => string
  readonly exited: Promise<Exited>
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const launch = (options: DrainServerOptions) => {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "test/backend/DrainServer.ts", JSON.stringify(options)],
    { stdio: ["ignore", "pipe", "pipe"] }
  )
  let out = ""
  let err = ""
  const exited = new Promise<Exited>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal, at: performance.now() }))
  )
  const until = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(out + err)
        if (found !== null) resolve(found)
      }
      child.stdout.on("data", look)
      child.stderr.on("data", look)
      child.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${err}`)))
    })
  child.stdout.on("data", (data: Buffer) => out += data.toString())
  child.stderr.on("data", (data: Buffer) => err += data.toString())
  return { child, err: () => err, exited, until }
}

const serving = async (options: DrainServerOptions, body: (server: Running) => Promise<void>) => {
  const { child, err, exited, until } = launch(options)
  try {
    const [, base = ""] = await until(/listening on (http:\S+)/)
    await body({ child, base, err, exited })
  } finally {
    child.kill("SIGKILL")
    await exited
  }
}

const callers = (base: string, kind: string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, i) => WireUser.call(base, `${kind}-${i}`)))

/** Sends the signal; when the process has ended, tells how and after how long. */
const terminate = async ({ child, exited }: Running) => {
  const from = performance.now()
  child.kill("SIGTERM")
  const { at, code, signal } = await exited
  return { code, signal, ms: Math.round(at - from) }
}

const row = (...cells: ReadonlyArray<string | number>) =>
  void process.stdout.write(`${cells.map((cell, i) => String(cell).padEnd(i === 0 ? 44 : 14)).join("")}\n`)

describe("a server on SIGTERM", () => {
  it(
    "finishes 50 conversations in the middle of their turns, and refuses new ones",
    () =>
      serving({ deadlineMs: 20_000 }, async (server) => {
        const { base, err } = server
        const answered = await callers(base, "answered", 20)
        const speaking = await callers(base, "speaking", 20)
        const idle = await callers(base, "idle", 10)
        for (let i = 0; i < 3; i++) await create(base, `nobody-${i}`)

        for (const [i, user] of answered.entries()) user.say(`number ${i}`)
        // until all of them hear their answer
        while (!answered.every((user) => user.types.includes("agent.speech_started"))) await pause(20)
        const words = (i: number) => `my order has the number ${i}`
        for (const [i, user] of speaking.entries()) user.say(words(i))
        while (!speaking.every((user) => user.types.includes("user.speech_started"))) await pause(20)
        assert.isTrue(answered.every((user) => !user.types.includes("agent.speech_stopped")), "still being answered")

        const ended = terminate(server)
        await pause(200)
        const [refused, ready, live, listed] = await Promise.all([
          create(base, "late"),
          fetch(`${base}/health/ready`),
          fetch(`${base}/health/live`),
          fetch(`${base}/v1/sessions`)
        ])
        assert.strictEqual(refused.status, 503)
        assert.match(refused.headers.get("retry-after") ?? "", /^\d+$/)
        const problem = await refused.json() as { readonly code?: string; readonly details?: object }
        assert.strictEqual(problem.code, "session_limit_exceeded")
        assert.deepInclude(problem.details, { reason: "draining" })
        assert.strictEqual(ready.status, 503)
        assert.include(JSON.stringify(await ready.json()), "draining")
        assert.strictEqual(live.status, 200)
        const { sessions } = await listed.json() as { readonly sessions: ReadonlyArray<{ readonly user_id?: string }> }
        assert.isAtMost(sessions.length, 50, "who has not come is not waited for")

        const { code, ms, signal } = await ended
        const reasons = (user: WireUser) =>
          user.events.flatMap((event) => event.type === "agent.speech_stopped" ? [event.reason] : [])
        const turns = [...answered, ...speaking, ...idle].flatMap(reasons)
        const cut = turns.filter((reason) => reason !== "completed").length
        row("50 live conversations", "completed", "cut", "exit", "code")
        row("  turns and goodbyes", turns.length - cut, cut, `${ms} ms`, String(code))

        assert.deepStrictEqual([code, signal], [0, null], err())
        assert.isBelow(ms, 20_000)
        for (const [i, user] of answered.entries()) {
          assert.deepStrictEqual(reasons(user), ["completed", "completed"])
          assert.strictEqual(user.heard.join(" "), `You said number ${i}. I have made a note of it. Goodbye.`)
        }
        for (const [i, user] of speaking.entries()) {
          assert.deepStrictEqual(reasons(user), ["completed", "completed"])
          assert.strictEqual(user.heard.join(" "), `You said ${words(i)}. I have made a note of it. Goodbye.`)
        }
        for (const user of idle) assert.strictEqual(user.heard.join(" "), "Goodbye.")
        for (const user of [...answered, ...speaking, ...idle]) {
          assert.deepInclude(user.events.at(-1), { type: "session.ended", reason: "drained" })
          assert.strictEqual(user.closed?.code, 1000)
        }
        assert.strictEqual(err().match(/message=drained/g)?.length, 1, err())
        assert.match(err(), /level=INFO .*message=drained .*completed=53 interrupted=0 durationMs=\d+/i)
        assert.match(err(), /^drained in \d+\.\d s: 53 of 53 sessions completed, 0 interrupted$/m)
      }),
    120_000
  )

  // side by side: most of their time is spent waiting
  for (const hangs of some([["agent", "release"], ["tts"], ["agent"], ["stubborn agent"]] as const, 2)) {
    it.concurrent(
      `ends at the deadline when there hangs: ${hangs.join(", ")}`,
      () =>
        serving({ deadlineMs: 2_000, hangs }, async (server) => {
          const users = await callers(server.base, "hung", 5)
          const idle = await callers(server.base, "idle", hangs[0] === "tts" ? 0 : 5)
          for (const user of users) user.send({ type: "user.text", text: "hello" })
          await pause(300)
          const { code, ms, signal } = await terminate(server)
          row(`hung: ${hangs.join(", ")}`, idle.length, users.length, `${ms} ms`, String(code))
          assert.deepStrictEqual([code, signal], [0, null], server.err())
          assert.isAtLeast(ms, 2_000)
          assert.isBelow(ms, 2_000 + 9_000)
          assert.match(server.err(), /level=WARN .*interrupted=5/i)
          assert.include(server.err(), `${idle.length} of ${idle.length + 5} sessions completed, 5 interrupted`)
          for (const user of users) {
            assert.deepInclude(user.events.at(-1), { type: "session.ended", reason: "drain_deadline" })
          }
          for (const user of idle) {
            assert.deepInclude(user.events.at(-1), { type: "session.ended", reason: "drained" })
          }
        }),
      60_000
    )
  }

  it(
    "in conversation mode lets users talk until they hang up",
    () =>
      serving({ deadlineMs: 30_000, mode: "conversation" }, async (server) => {
        const [user] = await callers(server.base, "talker", 1)
        assert.isDefined(user)
        const ended = terminate(server)
        await pause(500)
        user.say("one more thing")
        while (!user.types.includes("agent.speech_stopped")) await pause(20)
        assert.isUndefined(user.closed)
        user.send({ type: "session.end" })
        const { code, ms } = await ended
        row("conversation mode, the user hangs up", 1, 0, `${ms} ms`, String(code))
        assert.strictEqual(code, 0)
        assert.include(user.heard.join(" "), "You said one more thing.")
        assert.match(server.err(), /1 of 1 sessions completed, 0 interrupted/)
      }),
    60_000
  )

  it("ends at once on the second", () =>
    serving({ deadlineMs: 60_000, hangs: ["agent"] }, async (server) => {
      const [user] = await callers(server.base, "hung", 1)
      user?.send({ type: "user.text", text: "hello" })
      await pause(200)
      server.child.kill("SIGTERM")
      await pause(500)
      const { code, ms } = await terminate(server)
      row("a second signal", 0, 1, `${ms} ms`, String(code))
      assert.strictEqual(code, 143)
      assert.isBelow(ms, 1_000)
    }), 30_000)

  it("ends at once with nobody there", () =>
    serving({ deadlineMs: 20_000 }, async (server) => {
      const { code, ms } = await terminate(server)
      row("nobody there", 0, 0, `${ms} ms`, String(code))
      assert.strictEqual(code, 0)
      assert.isBelow(ms, 2_000)
    }), 30_000)

  it("ends at once while it is starting", async () => {
    const { child, err, exited, until } = launch({ deadlineMs: 20_000, hangs: ["connect"] })
    await until(/starting/)
    for (const delay of [0, 300]) await pause(delay)
    const { code, ms } = await terminate({ child, base: "", err, exited })
    row("while it starts", 0, 0, `${ms} ms`, String(code))
    assert.strictEqual(code, 0, err())
    assert.isBelow(ms, 2_000)
  }, 30_000)
})
