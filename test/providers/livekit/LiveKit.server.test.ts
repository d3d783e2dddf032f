/**
 * Calls over a real livekit-server, with `serve` and its embedded engines on one side, and LiveKit's client for Node with
 * recordings as its microphone on the other. Figures are printed; what a busy machine may take is far above them.
 */
import { afterAll, afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { AccessToken, RoomServiceClient } from "livekit-server-sdk"
import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { join } from "node:path"
import { findFreePort } from "../../support/FreePort.ts"
import { isFull, some } from "../../support/Full.ts"
import * as LiveKitServer from "../../support/LiveKitServer.ts"
import * as LiveKitUser from "../../support/LiveKitUser.ts"
import * as Wer from "../../support/Wer.ts"
import * as Service from "./Service.ts"

const GREETING = "Welcome to the line."
const { missing } = LiveKitServer

const say = (line: string) => void process.stdout.write(`livekit: ${line}\n`)
/** How often the user speaks over the agent, and how many rooms there are at once. */
const REPEATS = isFull ? 3 : 1
const ROOMS = isFull ? 4 : 2
const since = (from: number) => Math.round(Date.now() - from)

/** Which of the rooms' scenarios LiveKit's client can play. */
const SIGNAL_RECONNECT = 0
const FULL_RECONNECT = 7

describe.skipIf(missing !== undefined)("calls over the real livekit-server", () => {
  const scope = Scope.makeUnsafe()
  let server: LiveKitServer.LiveKitServer
  let service: Service.Service
  let rooms: RoomServiceClient

  /** Who has joined in a test leaves with it, also when it fails: rooms full of talk would slow down those after it. */
  let joined = Scope.makeUnsafe()

  const inScope = <A>(effect: Effect.Effect<A, unknown, Scope.Scope>) =>
    Effect.runPromise(Effect.orDie(effect).pipe(Scope.provide(scope)))
  const enter = (url: string, token: string) =>
    Effect.runPromise(Effect.orDie(LiveKitUser.join(url, token)).pipe(Scope.provide(joined)))
  const call = async (session?: { readonly [key: string]: unknown }) => {
    const created = await service.create(session)
    const user = await enter(created.connection_url, created.token)
    await user.until("the session", () => user.of("session.started")[0])
    return { ...created, user, room: `voice-${created.id}` }
  }
  /** A participant who comes with a token of the application's own. */
  const guest = async (room: string, identity: string) => {
    const token = new AccessToken(server.apiKey, server.apiSecret, { identity })
    token.addGrant({ room, roomJoin: true })
    const jwt = await token.toJwt()
    return await enter(server.url, jwt)
  }

  beforeAll(async () => {
    const port = await findFreePort()
    server = await inScope(LiveKitServer.make({ webhooks: [`http://127.0.0.1:${port}/livekit/webhook`] }))
    service = await inScope(Service.make({
      server,
      port,
      provider: { automatic: { rooms: ["lobby-*"] }, named_rooms: true },
      config: { conversation: { first_speaker: "agent", greeting: GREETING } }
    }))
    rooms = new RoomServiceClient(server.apiUrl, server.apiKey, server.apiSecret)
  }, 120_000)
  afterEach(async () => {
    await Effect.runPromise(Scope.close(joined, Exit.void))
    joined = Scope.makeUnsafe()
  }, 60_000)
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

  it("a recording is understood, answered and transcribed, as LiveKit's own clients see it", async () => {
    const { id, user } = await call()
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    await user.speak(LiveKitUser.recording("cold-hearted"))
    const endedAt = Date.now()
    const { text } = await user.until("the words", () => user.of("user.transcript").find(({ final }) => final))
    const expected = "unless to be rather cold hearted and rather selfish is to be ill disposed"
    const errors = Wer.wer([[expected, text]])
    assert.isBelow(errors, 0.2, text)
    const loud = await user.until("the reply", () => user.loudAt.find((at) => at > endedAt))
    const stopped = await user.until("its end", () => user.of("agent.speech_stopped")[1])
    assert.strictEqual(stopped.reason, "completed")
    await user.until(
      "its transcript",
      () => user.transcriptions.find((each) => each.final && each.text === stopped.text)
    )
    say(`end of speech to the far side's first sound ${loud - endedAt} ms, word errors ${errors}`)

    // interim words first, one segment a turn, the last of each final
    const words = user.transcriptions.filter(({ identity }) => identity === "ann")
    assert.strictEqual(new Set(words.map(({ segment }) => segment)).size, 1)
    assert.deepStrictEqual(words.map(({ final }) => final), words.map((_, index) => index === words.length - 1))
    assert.isAbove(words.length, 2, "there are interim words")
    assert.strictEqual(words.at(-1)?.text, text)
    const agent = user.transcriptions.filter(({ identity }) => identity === `agent-${id}`)
    assert.deepStrictEqual(agent.map(({ final, text }): [boolean, string] => [final, text]), [
      [false, GREETING],
      [true, GREETING],
      [false, stopped.text],
      [true, stopped.text]
    ])
    assert.isTrue(user.transcriptions.every(({ track }) => track?.startsWith("TR_") === true))
    await user.until("the state", () => user.states.at(-1) === "listening")
    assert.includeMembers([...user.states], ["listening", "thinking", "speaking"])
    const kinds = [...user.room.remoteParticipants.values()].map(({ identity, kind }) => [identity, kind])
    assert.deepStrictEqual(kinds, [[`agent-${id}`, 4]], "one participant, of kind agent")
    assert.deepStrictEqual(
      user.events.map(({ seq }) => seq),
      user.events.map((_, index) => index + 1),
      "no event is lost or out of order"
    )
    await user.leave()
  }, 60_000)

  it("speaking over the agent silences it within 100 ms of the decision", async () => {
    const { user } = await call()
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    const silenced: Array<number> = []
    for (let turn = 1; turn <= REPEATS; turn++) {
      await user.type("help")
      const before = user.of("agent.speech_started").length
      await user.until(
        "a long answer",
        () => user.of("agent.speech_started").length >= before && user.of("session.state").at(-1)?.state === "speaking"
      )
      const from = Date.now()
      await user.until("its sound", () => user.loudAt.some((at) => at > from + 400))
      await user.speak(LiveKitUser.recording("prudently"))
      const cut = await user.until("the interruption", () => user.of("playout.clear").find(({ atMs }) => atMs > from))
      const decision = user.events.find(({ atMs, type }) =>
        (type === "agent.speech_paused" || type === "playout.clear") && atMs > from
      ) ?? cut
      const stopped = await user.until(
        "its end",
        () =>
          user.of("agent.speech_stopped").find(({ seq }) => seq > cut.seq)
      )
      assert.strictEqual(stopped.reason, "interrupted")
      // the answer comes later
      const answer = await user.until(
        "the next answer",
        () => user.of("agent.speech_started").find(({ seq }) => seq > cut.seq)
      )
      const last = user.loudAt.findLast((at) => at < answer.atMs) ?? 0
      silenced.push(last - decision.atMs)
      await user.send({ type: "agent.interrupt" })
      await user.until("silence", () => user.of("session.state").at(-1)?.state === "listening")
    }
    say(`from the decision to the last sound at the far side: ${silenced.join(", ")} ms`)
    assert.isBelow([...silenced].sort((a, b) => a - b)[Math.floor(REPEATS / 2)]!, 150)
    await user.leave()
  }, 120_000)

  it("a user whose network drops goes on, and is not greeted again", async () => {
    const { user } = await call()
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    for (const scenario of some([FULL_RECONNECT, SIGNAL_RECONNECT], 1)) {
      const lostAt = Date.now()
      const again = new Promise((resolve) => user.room.once("reconnected", () => resolve(undefined)))
      await user.room.simulateScenario(scenario)
      await again
      const took = since(lostAt)
      if (scenario === FULL_RECONNECT) await user.until("the session", () => user.of("session.started")[1])
      const count = user.of("agent.speech_stopped").length
      await user.type("hello")
      await user.until("an answer", () => user.of("agent.speech_stopped").length > count)
      say(`${scenario === FULL_RECONNECT ? "a full reconnect" : "the signalling alone"} took ${took} ms`)
    }
    const started = user.of("session.started").map(({ resumed }) => resumed)
    assert.deepStrictEqual(started.filter((resumed) => !resumed), [false])
    assert.strictEqual(user.of("agent.speech_stopped").filter(({ text }) => text === GREETING).length, 1)
    await user.leave()
  }, 60_000)

  it("a user who leaves and comes back within the window goes on", async () => {
    const { connection_url: url, id, token, user } = await call()
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    await user.leave()
    const again = await enter(url, token)
    const { resumed } = await again.until("the session", () => again.of("session.started")[0])
    assert.isTrue(resumed)
    await again.send({ type: "session.end" })
    await again.until("the end of the room", () => again.disconnected())
    assert.strictEqual(again.of("session.ended")[0]?.reason, "user_ended")
    assert.isFalse((await service.sessions()).some((session) => session.id === id && session.state !== "closed"))
  }, 30_000)

  it(
    "a room that is deleted, or an agent that is put out of it, ends the session in the middle of a reply",
    async () => {
      for (const end of ["delete", "remove"] as const) {
        const { id, room, user } = await call()
        await user.until("the greeting", () => user.loudAt[0])
        const endedAt = Date.now()
        if (end === "delete") await rooms.deleteRoom(room)
        else await rooms.removeParticipant(room, `agent-${id}`)
        await user.until("the end", () => user.disconnected())
        while ((await service.sessions()).some((session) => session.id === id)) {
          assert.isBelow(since(endedAt), 5_000)
        }
        say(`${end}: the session was over ${since(endedAt)} ms later`)
      }
    },
    30_000
  )

  it("the agent joins a room that somebody has come into, and nobody else's", async () => {
    const started = Date.now()
    const ann = await guest("lobby-1", "ann")
    const bob = await guest("elsewhere", "bob")
    await ann.until("the session", () => ann.of("session.started")[0])
    say(`automatic: from the room to the session ${since(started)} ms`)
    await ann.until("the greeting", () => ann.of("agent.speech_stopped")[0])
    // a second participant of the room is neither heard nor answered
    const eve = await guest("lobby-1", "eve")
    await eve.speak(LiveKitUser.recording("queen-of-clubs"))
    await eve.type("hello")
    await ann.type("what time is it")
    await ann.until("the answer", () => ann.of("agent.speech_stopped")[1])
    assert.deepStrictEqual(ann.of("user.transcript").map(({ text }) => text), ["what time is it"])
    assert.deepStrictEqual(eve.events, [])
    assert.strictEqual(bob.room.remoteParticipants.size, 0)
    await Promise.all([ann.leave(), bob.leave(), eve.leave()])
  }, 40_000)

  it("the webhook takes what LiveKit has signed, and nothing else", async () => {
    const body = JSON.stringify({ event: "room_started", room: { name: "elsewhere" }, id: "EV_1" })
    const sign = (text: string, secret = server.apiSecret) => {
      const token = new AccessToken(server.apiKey, secret, { ttl: 60 })
      token.sha256 = createHash("sha256").update(text).digest("base64")
      return token.toJwt()
    }
    const post = async (text: string, authorization?: string) => {
      const response = await fetch(`${service.url()}/livekit/webhook`, {
        method: "POST",
        headers: {
          "content-type": "application/webhook+json",
          ...(authorization === undefined ? {} : { authorization })
        },
        body: text
      })
      return response.status
    }
    const large = JSON.stringify({ event: "x".repeat(70_000) })
    assert.deepStrictEqual(
      [
        await post(body, await sign(body)),
        await post(body),
        await post(`${body} `, await sign(body)),
        await post(body, await sign(body, "another-secret-another-secret-another")),
        await post(body, `Bearer ${await sign(body)}`),
        await post(body, "not a token"),
        await post("not JSON", await sign("not JSON")),
        await post("[[[[", await sign("[[[[")),
        await post(JSON.stringify({ event: 1, room: "x" }), await sign(JSON.stringify({ event: 1, room: "x" }))),
        await post(large, await sign(large))
      ],
      [200, 401, 401, 401, 401, 401, 400, 400, 400, 413]
    )
  }, 20_000)

  it("several people in one room: all of them mixed, or whoever has the floor", async () => {
    for (const participants of some(["addressed", "mixed"] as const, 1)) {
      await Effect.runPromise(Effect.scoped(Effect.gen(function*() {
        const many = yield* Service.make({ server, provider: { participants, named_rooms: true } })
        const created = yield* Effect.promise(() => many.create({ connection_url: `livekit:${participants}` }))
        const ann = yield* LiveKitUser.join(created.connection_url, created.token)
        yield* Effect.promise(async () => {
          const bob = await guest(participants, "bob")
          await bob.until("the session", () => ann.of("session.started")[0])
          const agent = `agent-${created.id}`
          const rpc = (method: string) =>
            bob.room.localParticipant?.performRpc({ destinationIdentity: agent, method, payload: "" })
          if (participants === "addressed") {
            await ann.speak(LiveKitUser.recording("queen-of-clubs"))
            await rpc("start_turn")
          } else assert.isDefined(await rpc("start_turn")?.then(() => undefined, (error: Error) => error))
          await bob.speak(LiveKitUser.recording("cold-hearted"))
          if (participants === "addressed") await rpc("end_turn")
          // whoever speaks during the greeting has interrupted it
          await bob.until("the answer", () => bob.of("agent.speech_stopped").find(({ text }) => /selfish/iu.test(text)))
          assert.isFalse(ann.of("user.transcript").some(({ text }) => /queen/iu.test(text)))
          await bob.leave()
        })
      })))
    }
  }, 90_000)

  it("rooms at once are all heard and answered, and hear nothing of each other", async () => {
    const calls = await Promise.all(Array.from({ length: ROOMS }, (_, i) => call({ user_id: `user${i}` })))
    await Promise.all(calls.map(({ user }) => user.until("the greeting", () => user.of("agent.speech_stopped")[0])))
    const spokenAt = Date.now()
    const recordings = [["cold-hearted", /selfish/iu], ["queen-of-clubs", /queen/iu]] as const
    const latencies = await Promise.all(calls.map(async ({ user }, i) => {
      const [[mine, words], [, others]] = i % 2 === 0 ? recordings : [recordings[1], recordings[0]]
      await user.speak(LiveKitUser.recording(mine))
      const endedAt = Date.now()
      // a busy machine may hand the audio on in two parts
      await user.until(
        "the words",
        () => user.of("user.transcript").find(({ final, text }) => final && words.test(text)),
        60_000
      )
      const loud = await user.until("the reply", () => user.loudAt.find((at) => at > endedAt), 60_000)
      await user.until("its end", () => user.of("agent.speech_stopped").find(({ text }) => words.test(text)), 60_000)
      for (const { text } of user.transcriptions) assert.notMatch(text, others)
      return loud - endedAt
    }))
    say(
      `${ROOMS} rooms: end of speech to the first sound ${latencies.sort((a, b) => a - b).join(", ")} ms, all in ${
        since(spokenAt)
      } ms`
    )
    await Promise.all(calls.map(({ user }) => user.leave()))
  }, 180_000)

  it("a program ends by itself when its backend is closed", async () => {
    const child = spawn(process.execPath, [
      "--disable-warning=ExperimentalWarning",
      join("test", "providers", "livekit", "CallAndExit.ts"),
      server.url,
      server.apiKey,
      server.apiSecret
    ], { stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.stdout.on("data", (chunk: Buffer) => output += chunk.toString())
    const code = await new Promise((resolve) => child.once("exit", resolve))
    assert.deepStrictEqual([code, output.match(/^joined$/gmu)?.length], [0, 2])
  }, 20_000)

  it("a livekit-server that dies and comes back is joined again, and the call goes on", async () => {
    const { user } = await call()
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    const again = new Promise((resolve) => user.room.once("reconnected", () => resolve(undefined)))
    await Effect.runPromise(server.kill)
    const diedAt = Date.now()
    await Effect.runPromise(server.start)
    const upAt = Date.now()
    await again
    const resumed = await user.until("the session", () => user.of("session.started")[1], 40_000)
    assert.isTrue(resumed.resumed)
    say(`livekit-server back after ${upAt - diedAt} ms, the session ${since(upAt)} ms after that`)
    await user.type("hello")
    await user.until("an answer", () => user.of("agent.speech_stopped")[1])
    assert.strictEqual(user.of("agent.speech_stopped").filter(({ text }) => text === GREETING).length, 1)
    await user.leave()
  }, 90_000)

  it("a call survives kill -9 of our process: the next one takes the agent's place, with the history", async () => {
    const { id, user } = await call()
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    await user.type("hello")
    await user.until("an answer", () => user.of("agent.speech_stopped")[1])
    await user.until(
      "it to be kept",
      () => (user.of("session.saved").at(-1)?.through ?? 0) > (user.of("agent.speech_stopped")[1]?.seq ?? 0)
    )
    await Effect.runPromise(service.kill)
    const diedAt = Date.now()
    await Effect.runPromise(service.start)
    const upAt = Date.now()
    const { resumed } = await user.until("the session", () => user.of("session.started")[1], 40_000)
    say(`our process up after ${upAt - diedAt} ms, the session ${since(upAt)} ms after that`)
    assert.isTrue(resumed)
    await user.type("what time is it")
    await user.until("an answer", () => user.of("agent.speech_stopped")[2])
    const { history } = await (await fetch(`${service.url()}/v1/sessions/${id}/history`)).json() as {
      readonly history: ReadonlyArray<{ readonly role: string; readonly text: string }>
    }
    assert.deepStrictEqual(history.slice(0, 2).map(({ text }) => text), [GREETING, "hello"])
    assert.strictEqual(history.filter(({ text }) => text === GREETING).length, 1)
    await user.leave()
  }, 90_000)

  it("SIGTERM lets the answer be heard, and leaves no room behind", async () => {
    const { room, user } = await call()
    await user.until("the greeting", () => user.of("agent.speech_stopped")[0])
    await user.type("hello")
    await user.until("the answer", () => user.of("agent.speech_started")[1])
    const code = await Effect.runPromise(service.stop)
    assert.strictEqual(code, 0)
    assert.strictEqual(user.of("agent.speech_stopped")[1]?.reason, "completed")
    await user.until("the end of the room", () => user.disconnected())
    assert.isFalse((await rooms.listRooms()).some(({ name }) => name === room))
  }, 60_000)
})

describe.skipIf(missing === undefined)("calls over the real livekit-server", () => {
  it.skip(missing ?? "", () => {})
})
