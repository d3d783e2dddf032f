import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import { CallConnection } from "../../../src/client/media/CallConnection.ts"
import type { CallMedia, LinkHandlers } from "../../../src/client/media/CallMedia.ts"
import { VoiceClientError } from "../../../src/client/VoiceClientError.ts"
import type { CallEnded } from "../../../src/client/VoiceClientEvents.ts"
import { settled } from "../FakePage.ts"

const envelope = { seq: 1, at_ms: 1 }
const format = { sample_rate: 16_000 }
const started = (resumed: boolean) => ({
  type: "session.started" as const,
  ...envelope,
  input: format,
  output: format,
  resumed
})

describe("CallConnection", () => {
  beforeEach(() => {
    vi.useFakeTimers()
    // As in the browsers of 2023.
    vi.stubGlobal("AbortSignal", Object.assign(Object.create(AbortSignal), { any: undefined }))
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  const make = () => {
    const links: Array<{ readonly handlers: LinkHandlers; readonly sent: Array<string>; closed: boolean }> = []
    const refusals: Array<VoiceClientError> = []
    const told: Array<string> = []
    const ended: Array<CallEnded> = []
    const abort = new AbortController()
    const unused = () => Promise.resolve()
    const media: CallMedia = {
      attach: async (_target, handlers) => {
        const refusal = refusals.shift()
        if (refusal !== undefined) throw refusal
        const link = { handlers, sent: Array<string>(), closed: false }
        links.push(link)
        return {
          send: ({ type }) => link.sent.push(type),
          close: () => {
            link.closed = true
          },
          probe: () => link.sent.push("probe")
        }
      },
      onMessage: () => {},
      setMicrophone: unused,
      setMuted: () => {},
      setOutputDevice: unused,
      levels: () => ({ user: 0, agent: 0 }),
      close: () => {}
    }
    const connection = new CallConnection({
      media,
      target: { baseUrl: "http://127.0.0.1", id: "ses_1", token: "t" },
      resumeWindowMs: undefined,
      signal: abort.signal,
      onMessage: ({ type }) => told.push(type),
      onChange: ({ attempt, resumed, state }) => told.push(`${state} ${attempt} ${resumed}`),
      onEnded: (end) => {
        ended.push(end)
        connection.close()
      }
    })
    const open = async () => {
      const opening = connection.open()
      await settled()
      links.at(-1)!.handlers.message(started(false))
      await opening
    }
    return { abort, connection, ended, links, open, refusals, told }
  }

  it("is made again when it is lost, also in a browser without AbortSignal.any, and sends what was typed", async () => {
    const { connection, links, open, refusals, told } = make()
    await open()
    assert.deepStrictEqual([connection.state, connection.isOpen], ["connected", true])
    refusals.push(new VoiceClientError("connection_failed", "away"))
    links[0]?.handlers.lost({})
    assert.deepStrictEqual([connection.state, connection.isOpen], ["reconnecting", false])
    connection.send({ type: "user.text", text: "hello" })
    await vi.advanceTimersByTimeAsync(2_000)
    links[1]?.handlers.message(started(true))
    await settled()
    assert.deepStrictEqual(links[1]?.sent, ["user.text"])
    assert.deepStrictEqual(told, [
      "session.started",
      "connected 0 false",
      "reconnecting 1 false",
      "reconnecting 2 false",
      "session.started",
      "connected 0 true"
    ])
  })

  it("does not wait when the page is back", async () => {
    const { connection, links, open, refusals } = make()
    await open()
    connection.returned()
    assert.deepStrictEqual(links[0]?.sent, ["probe"])
    for (let i = 0; i < 6; i++) refusals.push(new VoiceClientError("connection_failed", "away"))
    links[0]?.handlers.lost({})
    // After six attempts the waits are seconds long.
    for (let i = 0; i < 1_000 && refusals.length > 0; i++) await vi.advanceTimersByTimeAsync(100)
    assert.strictEqual(links.length, 1)
    connection.returned()
    await settled()
    assert.strictEqual(links.length, 2)
  })

  it("gives up with the resume window, at a final refusal, and when it is cancelled", async () => {
    const away = make()
    await away.open()
    for (let i = 0; i < 100; i++) away.refusals.push(new VoiceClientError("connection_failed", "away"))
    away.links[0]?.handlers.lost({})
    await vi.advanceTimersByTimeAsync(61_000)
    assert.deepStrictEqual(away.ended.map(({ reason }) => reason), ["connection_lost"])
    const over = make()
    await over.open()
    over.refusals.push(new VoiceClientError("session_not_found", "over"))
    over.links[0]?.handlers.lost({})
    await vi.advanceTimersByTimeAsync(2_000)
    assert.deepStrictEqual(over.ended.map(({ reason }) => reason), ["session_not_found"])
    const cancelled = make()
    const opening = cancelled.connection.open().then(() => undefined, (error: unknown) => error)
    await settled()
    cancelled.abort.abort()
    assert.include(await opening, { code: "aborted" })
    assert.isTrue(cancelled.links[0]?.closed)
  })

  it("waits a bounded time for the session to start", async () => {
    const { connection, links } = make()
    const opening = connection.open().then(() => undefined, (error: unknown) => error)
    await vi.advanceTimersByTimeAsync(16_000)
    assert.include(await opening, { code: "connection_timeout" })
    assert.isTrue(links[0]?.closed)
  })

  it("goes to the process that continues the session, and takes nothing more of the former", async () => {
    const { connection, links, open, told } = make()
    await open()
    connection.moveOn()
    links[0]?.handlers.message({ type: "pong", ...envelope })
    links[0]?.handlers.lost({})
    await vi.advanceTimersByTimeAsync(1_000)
    links[1]?.handlers.message(started(true))
    await settled()
    assert.isTrue(links[0]?.closed)
    assert.deepStrictEqual(told.slice(2), ["reconnecting 1 false", "session.started", "connected 0 true"])
  })
})
