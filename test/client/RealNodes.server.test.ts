/** `effect-voice/client` between processes: nodes of a cluster, cells, and workers, none of which it need know. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { join } from "node:path"
import { CallConnection } from "../../src/client/media/CallConnection.ts"
import type { CallMedia, SessionTarget } from "../../src/client/media/CallMedia.ts"
import { makeLink, openSocket } from "../../src/client/media/WebSocketLink.ts"
import type { ServerMessage } from "../../src/client/protocol/ClientProtocol.ts"
import { exchangeOffer } from "../../src/client/SessionApi.ts"
import type { CallEnded, ConnectionChange } from "../../src/client/VoiceClientEvents.ts"
import { isRunning, WorkersServer } from "../cli/workers/WorkersServer.ts"
import * as Api from "../cluster/Api.ts"
import { type Node, Nodes, until } from "../cluster/Nodes.ts"
import * as RtcUser from "../transport/RtcUser.ts"

const unused = () => Promise.resolve()

/** A call of the client, without a microphone. */
class Call {
  readonly messages: Array<ServerMessage> = []
  readonly changes: Array<ConnectionChange> = []
  readonly ended: Array<CallEnded> = []
  /** The host of each connection. */
  readonly hosts: Array<string> = []
  audioBytes = 0
  readonly #abort = new AbortController()
  readonly #connection: CallConnection
  readonly opened: Promise<void>

  constructor(target: SessionTarget) {
    const media: CallMedia = {
      attach: async (target, handlers, signal) => {
        const socket = await openSocket(target, signal)
        this.hosts.push(new URL(socket.url).host)
        return makeLink(socket, handlers, (data) => this.audioBytes += data.byteLength, () => {})
      },
      onMessage: () => {},
      setMicrophone: unused,
      setMuted: () => {},
      setOutputDevice: unused,
      levels: () => ({ user: 0, agent: 0 }),
      close: () => {}
    }
    this.#connection = new CallConnection({
      media,
      target,
      resumeWindowMs: undefined,
      signal: this.#abort.signal,
      onMessage: (message) => this.messages.push(message),
      onChange: (change) => this.changes.push(change),
      onEnded: (ended) => this.ended.push(ended)
    })
    this.opened = this.#connection.open()
  }

  /** Types, and gives what the agent says to it. */
  async say(text: string): Promise<string> {
    const from = this.messages.length
    this.#connection.send({ type: "user.text", text })
    return await until("an answer", () => {
      const said = this.messages.slice(from).find((message) => message.type === "agent.speech_stopped")
      return said?.type === "agent.speech_stopped" && said.text !== "" ? said.text : undefined
    })
  }

  /** Waits until it has been connected again so often. */
  async resumed(times: number): Promise<void> {
    await until("the call to go on", () => {
      if (this.ended.length > 0) throw new Error(`ended: ${JSON.stringify(this.ended)}`)
      return this.changes.filter(({ resumed, state }) => state === "connected" && resumed).length === times
    })
  }

  hangUp(): void {
    this.#connection.send({ type: "session.end" })
    this.#connection.close()
    this.#abort.abort()
  }
}

const created = async (at: { readonly url: string }, transport: "websocket" | "webrtc" = "websocket") => {
  const { body, status } = await Api.ask(at, "POST", "/v1/sessions", { body: { user_id: "ada", transport } })
  assert.strictEqual(status, 201, JSON.stringify(body))
  const { connection_url: url, id, token } = body
  if (typeof url !== "string" || typeof id !== "string" || typeof token !== "string") throw new Error("no session")
  return { id, token, host: new URL(url).host }
}

const hostOf = ({ url }: Pick<Node, "url">) => new URL(url).host

/** What was said in a session, as a server shows it. */
const said = async (at: { readonly url: string }, id: string) => {
  const { body } = await Api.ask(at, "GET", `/v1/sessions/${id}/history`)
  return Array.isArray(body["history"]) ? body["history"].map(({ text }: { readonly text: string }) => text) : []
}

describe("the client, between nodes and cells", () => {
  const file = (directory: string) => join(directory, "sessions.db")
  const sqlite = (cluster: Record<string, unknown>) =>
    new Nodes({
      store: { kind: "sqlite" },
      cluster: { lock_expiration: "5s", ...cluster },
      config: { provider_config: { bind_address: "127.0.0.1" } }
    }, file)
  const cellB = sqlite({ cell: "b" })
  let cellA: Nodes | undefined
  let b: Node
  /** Clients can reach `direct` itself, and `hidden` only through others. */
  let direct: Node
  let hidden: Node
  const scope = Scope.makeUnsafe()

  beforeAll(async () => {
    b = await cellB.start("b1")
    cellA = sqlite({ cell: "a", cells: { b: b.url } })
    ;[direct, hidden] = await Promise.all([cellA.start("a1"), cellA.start("a2", { direct: false })])
    // both know each other
    await until("both to have sessions", async () => {
      const hosts = new Set([(await created(hidden)).host, (await created(hidden)).host])
      return hosts.has(hostOf(direct)) && hosts.has(hostOf(hidden))
    })
  }, 240_000)
  afterAll(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void))
    await cellA?.close()
    await cellB.close()
  })

  /** A session of this node, asked for at the one that says whose it is. */
  const sessionOf = (owner: Node, transport?: "websocket" | "webrtc") =>
    until(`a session of ${owner.name}`, async () => {
      const session = await created(hidden, transport)
      return session.host === hostOf(owner) && session
    })

  it("follows session.moved to the owner, and is passed on to one that it cannot reach", async () => {
    for (const [owner, asked, reached] of [[direct, hidden, direct], [hidden, direct, direct]] as const) {
      const { id, token } = await sessionOf(owner)
      const call = new Call({ baseUrl: asked.url, id, token })
      await call.opened
      assert.deepStrictEqual(call.hosts, [hostOf(reached)])
      const answer = await call.say("repeat: one two three")
      assert.include(answer.toLowerCase(), "one two three")
      assert.isAbove(call.audioBytes, 10_000)
      assert.includeMembers(await said(asked, id), ["repeat: one two three", answer])
      call.hangUp()
    }
  }, 120_000)

  it("goes to the cell of its session, with its token and what it says", async () => {
    const { id, token } = await created(b)
    assert.match(id, /^ses_b_/)
    const call = new Call({ baseUrl: direct.url, id, token })
    await call.opened
    assert.deepStrictEqual(call.hosts, [hostOf(b)])
    const answer = await call.say("repeat: another cell")
    // by a redirect, which any HTTP client follows that needs no token
    assert.includeMembers(await said(direct, id), ["repeat: another cell", answer])
    call.hangUp()
    const unknown = new Call({ baseUrl: direct.url, id: id.replace("ses_b_", "ses_c_"), token })
    assert.include(await unknown.opened.then(() => undefined, (error: unknown) => error), { code: "session_not_found" })
  }, 120_000)

  /** A call over WebRTC whose offer goes to a server; hears the agent, and is heard. */
  const overWebRtc = async (at: Node, { id, token }: { readonly id: string; readonly token: string }) => {
    const user = await Effect.runPromise(Scope.provide(RtcUser.make, scope))
    const target = { baseUrl: at.url, id, token }
    const answer = await exchangeOffer(target, user.offer, AbortSignal.timeout(30_000))
    await Effect.runPromise(user.answer(answer))
    await Effect.runPromise(user.channelOpen)
    const events: Array<Record<string, unknown>> = []
    Effect.runFork(Effect.forever(Effect.map(user.event, (text) => events.push(JSON.parse(text)))))
    const next = (type: string, from: number) =>
      until(type, () => events.slice(from).find((event) => event["type"] === type), 30_000)
    const talk = async (text: string) => {
      const [from, heard] = [events.length, user.packets.length]
      user.send(JSON.stringify({ type: "user.text", text }))
      const { text: said } = await next("agent.speech_stopped", from)
      assert.isAbove(user.packets.length - heard, 10)
      // what a scripted voice says is loud
      const loudest = user.heard().reduce((most, sample) => Math.max(most, Math.abs(sample)), 0)
      assert.isAbove(loudest, 200)
      return String(said).toLowerCase()
    }
    const isHeard = async () => {
      const from = events.length
      const tone = Int16Array.from({ length: 16_000 }, (_, i) => 9_000 * Math.sin(i / 8))
      await Effect.runPromise(user.speak(tone))
      // the scripted recogniser takes it for some word or other
      await next("user.transcript", from)
    }
    return { isHeard, talk }
  }

  it(
    "has its offer answered by the owner, at whatever node or cell it comes; media goes to the owner directly",
    async () => {
      for (
        const [asked, session] of [[hidden, await sessionOf(direct, "webrtc")], [
          direct,
          await created(b, "webrtc")
        ]] as const
      ) {
        const call = await overWebRtc(asked, session)
        assert.include(await call.talk("repeat: four five six"), "four five six")
        await call.isHeard()
      }
    },
    120_000
  )

  it("goes on when the node is killed that it came through, or that had it", async () => {
    const session = await sessionOf(direct)
    const call = new Call({ baseUrl: hidden.url, otherUrl: direct.url, otherFirst: true, ...session })
    await call.opened
    const answer = await call.say("repeat: before the end")
    const passed = await sessionOf(hidden, "webrtc")
    const rtc = await overWebRtc(direct, passed)
    assert.include(await rtc.talk("repeat: through another"), "through another")
    // until what was said is safe
    await until("it to be saved", () => call.messages.at(-1)?.type === "session.saved" ? true : undefined)
    await direct.kill()
    await call.resumed(1)
    assert.deepStrictEqual(call.hosts, [hostOf(direct), hostOf(hidden)])
    assert.includeMembers(await said(hidden, session.id), ["repeat: before the end", answer])
    assert.include((await call.say("repeat: after it")).toLowerCase(), "after it")
    // the offer was all that went through the node that is gone
    assert.include(await rtc.talk("repeat: still here"), "still here")
    await rtc.isHeard()
    call.hangUp()
  }, 120_000)
})

describe.skipIf(process.platform !== "linux")("the client, whose worker is killed", () => {
  it("comes back at the general address, whichever address it has been given, or waits for its worker", async () => {
    const server = new WorkersServer({})
    try {
      await server.start()
      const sessions = await Promise.all(Array.from({ length: 3 }, () => created({ url: server.base })))
      const [owner] = server.workers
      if (owner === undefined) throw new Error("there is no worker")
      while (sessions.filter(({ host }) => host === hostOf(owner)).length < 3) {
        sessions.push(await created({ url: server.base }))
      }
      const general = server.base.replace(/\/+$/, "")
      const addresses = [
        { baseUrl: general, otherUrl: owner.url, otherFirst: true },
        { baseUrl: owner.url, otherUrl: general },
        { baseUrl: owner.url }
      ]
      const calls = sessions.filter(({ host }) => host === hostOf(owner)).slice(0, 3)
        .map(({ id, token }, i) => new Call({ baseUrl: "", ...addresses[i], id, token }))
      await Promise.all(calls.map(({ opened }) => opened))
      assert.deepStrictEqual(calls.flatMap(({ hosts }) => hosts), Array(3).fill(hostOf(owner)))
      // a call in which nothing was said begins anew
      await Promise.all(calls.map((call) => call.say("repeat: before the end")))
      await until("it to be saved", () => calls.every(({ messages }) => messages.at(-1)?.type === "session.saved"))
      process.kill(owner.pid, "SIGKILL")
      await until("it to be gone", () => !isRunning(owner.pid))
      await Promise.all(calls.map((call) => call.resumed(1)))
      const [known, found, waiting] = calls.map(({ hosts }) => hosts.at(-1))
      // at the shared port, or where the worker says there that has it now
      const others = [new URL(general).host, ...server.workers.slice(1).map(hostOf)]
      assert.include(others, known)
      assert.include(others, found)
      assert.strictEqual(waiting, hostOf(owner), "a new worker has its port")
      for (const call of calls) {
        assert.include((await call.say("repeat: here again")).toLowerCase(), "here again")
        call.hangUp()
      }
    } finally {
      await server.close()
    }
  }, 180_000)
})
