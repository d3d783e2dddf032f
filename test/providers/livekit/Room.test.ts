/** The pure parts of the LiveKit provider: room names, presence, mixer, the voice's queue, transcriptions. */
import { assert, describe, it } from "@effect/vitest"
import { AudioFrame } from "@livekit/rtc-node"
import { Effect, Exit, Redacted, Schema } from "effect"
import { RoomMixer } from "../../../src/providers/livekit/room/RoomMixer.ts"
import * as RoomName from "../../../src/providers/livekit/room/RoomName.ts"
import { RoomPresence } from "../../../src/providers/livekit/room/RoomPresence.ts"
import { type RoomAudioSource, RoomVoice } from "../../../src/providers/livekit/room/RoomVoice.ts"
import * as Transcription from "../../../src/providers/livekit/text/Transcription.ts"
import type { ClientMessage } from "../../../src/session/ClientMessage.ts"
import type { SessionEventBody } from "../../../src/session/SessionEvent.ts"
import { Inbox } from "../../../src/transport/Inbox.ts"

const key = Redacted.make("a key of the backend's")
const options = { key, prefix: "voice-", namedRooms: false }
const session = (connectionUrl?: string) => ({
  id: "ses_1",
  config: { userId: "ann", transport: "webrtc" as const, ...(connectionUrl === undefined ? {} : { connectionUrl }) }
})
const target = (url: string | undefined, over: Partial<typeof options> = {}) =>
  Effect.runSyncExit(RoomName.resolve(session(url), { ...options, ...over }))

describe("RoomName", () => {
  it("gives a session its own room", () => {
    assert.deepStrictEqual(
      target(undefined),
      Exit.succeed({ room: "voice-ses_1", identity: "ann", owned: true, userJoined: false })
    )
    assert.strictEqual(RoomName.sessionOfAgent(RoomName.agentIdentity("ses_1")), "ses_1")
    assert.strictEqual(RoomName.sessionOfAgent("agent-ses_eu-1_0123456789abcdef"), "ses_eu-1_0123456789abcdef")
    for (const other of ["agent-007", "agent-ses_EU_1", "agent-ses_a_b_c"]) {
      assert.isUndefined(RoomName.sessionOfAgent(other))
    }
  })

  it.prop("verifies what it has signed, and rejects any change", [
    Schema.String,
    Schema.String,
    Schema.Natural
  ], ([room, identity, at]) => {
    const sealed = RoomName.seal(key, { room, identity })
    assert.deepStrictEqual(target(sealed), Exit.succeed({ room, identity, owned: false, userJoined: true }))
    assert.isTrue(Exit.isFailure(target(sealed, { key: Redacted.make("another") })))
    const place = "livekit:/".length + at % (sealed.length - "livekit:/".length)
    const changed = sealed.slice(0, place) + (sealed[place] === "A" ? "B" : "A") + sealed.slice(place + 1)
    // the last character of base64url may hold bits that mean nothing
    if (
      Buffer.from(changed.split(".")[1] ?? "", "base64url").equals(
        Buffer.from(sealed.split(".")[1] ?? "", "base64url")
      ) && changed.split(".")[0] === sealed.split(".")[0]
    ) return
    assert.isTrue(Exit.isFailure(target(changed)))
  })

  it("accepts a named room only if the config allows it", () => {
    assert.isTrue(Exit.isFailure(target("livekit:lobby")))
    assert.deepStrictEqual(
      target("livekit:lobby", { namedRooms: true }),
      Exit.succeed({ room: "lobby", identity: "ann", owned: false, userJoined: false })
    )
    for (const url of ["livekit:", "wss://elsewhere", "livekit:/", "livekit:/x.y", `livekit:${"x".repeat(257)}`]) {
      assert.isTrue(Exit.isFailure(target(url, { namedRooms: true })), url)
    }
  })

  it("counts names in bytes, as LiveKit does, and refuses what it would", () => {
    const faultOf = (url: string | undefined, userId: string) =>
      Effect.runSync(
        Effect.flip(
          RoomName.resolve({ id: "ses_1", config: { ...session(url).config, userId } }, {
            ...options,
            namedRooms: true
          })
        )
      )
    for (const url of [undefined, "livekit:lobby"]) {
      const { details, message } = faultOf(url, "ü".repeat(129))
      assert.strictEqual(details?.["path"], "user_id")
      assert.match(message, /256 bytes/)
      assert.isTrue(Exit.isSuccess(Effect.runSyncExit(RoomName.resolve(
        { id: "ses_1", config: { ...session(url).config, userId: "ü".repeat(128) } },
        { ...options, namedRooms: true }
      ))))
    }
    const { details, message } = faultOf(`livekit:${"ü".repeat(129)}`, "ann")
    assert.strictEqual(details?.["path"], "connection_url")
    assert.match(message, /256 bytes/)
    assert.isTrue(Exit.isSuccess(target(`livekit:${"ü".repeat(128)}`, { namedRooms: true })))
  })

  const part = Schema.Literals(["a", "b", "*", ".", "aa", "-"])
  it.prop(
    "matches patterns as the regular expression of them would",
    [Schema.Array(part), Schema.Array(part)],
    ([pattern, name]) => {
      const room = name.join("").replaceAll("*", "a")
      const expected = new RegExp(`^${pattern.map((each) => each === "*" ? ".*" : each.replace(".", "\\.")).join("")}$`)
        .test(room)
      assert.strictEqual(RoomName.matches([pattern.join("")], room), expected, `${pattern.join("")} on ${room}`)
    }
  )
})

describe("RoomMixer", () => {
  const frame = (level: number) => new Int16Array(320).fill(level)

  it("adds voices, and clips the sum", () => {
    const mix = new RoomMixer(16_000)
    assert.isUndefined(mix.take())
    mix.push("ann", frame(1_000))
    mix.push("bob", frame(-300))
    assert.deepStrictEqual(mix.take(), frame(700))
    mix.push("ann", frame(30_000))
    mix.push("bob", frame(30_000))
    assert.deepStrictEqual(mix.take(), frame(32_767))
    assert.deepStrictEqual(mix.take(), frame(0), "somebody who is silent is there")
    mix.remove("ann")
    mix.remove("bob")
    assert.isUndefined(mix.take())
  })

  it("keeps at most 2 s of a voice, the newest", () => {
    const mix = new RoomMixer(16_000)
    for (let i = 1; i <= 130; i++) mix.push("ann", frame(i))
    assert.strictEqual(mix.waitingMs, 2_000)
    const taken = Array.from({ length: 101 }, () => mix.take()?.[0])
    assert.deepStrictEqual(taken, [...Array.from({ length: 100 }, (_, i) => 31 + i), 0])
    mix.push("ann", new Int16Array(48_000).fill(5))
    assert.strictEqual(Array.from({ length: 120 }, () => mix.take()?.[0]).filter((level) => level === 5).length, 100)
  })

  const who = Schema.Literals(["ann", "bob", "cid"])
  const step = Schema.Union([
    Schema.Struct({
      what: Schema.Literal("push"),
      who,
      level: Schema.Int.check(Schema.isBetween({ minimum: -32_768, maximum: 32_767 })),
      frames: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 120 }))
    }),
    Schema.Struct({ what: Schema.Literal("remove"), who }),
    Schema.Struct({ what: Schema.Literal("take") })
  ])
  it.prop(
    "gives the clipped sum of what waits of each voice, in order, in one buffer",
    [Schema.Array(step)],
    ([steps]) => {
      const mix = new RoomMixer(16_000)
      const waiting = new Map<string, Array<number>>()
      let buffer: Int16Array | undefined
      for (const each of steps) {
        if (each.what === "push") {
          mix.push(each.who, new Int16Array(320 * each.frames).fill(each.level))
          const former = waiting.get(each.who) ?? []
          waiting.set(each.who, [...former, ...Array.from({ length: each.frames }, () => each.level)].slice(-100))
        } else if (each.what === "remove") {
          assert.strictEqual(mix.remove(each.who), waiting.delete(each.who))
        } else {
          const taken = mix.take()
          buffer ??= taken
          if (waiting.size === 0) assert.isUndefined(taken)
          else {
            let sum = 0
            for (const levels of waiting.values()) sum += levels.shift() ?? 0
            assert.deepStrictEqual(taken, new Int16Array(320).fill(Math.max(-32_768, Math.min(32_767, sum))))
            assert.strictEqual(taken, buffer)
          }
        }
        assert.strictEqual(mix.size, waiting.size)
      }
    }
  )
})

describe("RoomVoice", () => {
  /** A fake of LiveKit's source, which takes a frame when the test lets it. */
  const scripted = () => {
    const captured: Array<number> = []
    const pending: Array<{ readonly resolve: () => void; readonly reject: (error: Error) => void }> = []
    let cleared = 0
    const source: RoomAudioSource = {
      queuedDuration: 60,
      clearQueue: () => {
        cleared++
      },
      captureFrame: ({ data }) => {
        captured.push(data[0] ?? 0)
        return new Promise((resolve, reject) => pending.push({ resolve, reject }))
      }
    }
    let broken = 0
    const voice = new RoomVoice(source, (samples) => new AudioFrame(samples, 24_000, 1, samples.length), () => broken++)
    const take = async () => {
      pending.shift()?.resolve()
      await new Promise((resume) => setImmediate(resume))
    }
    const fail = async () => {
      pending.shift()?.reject(new Error("gone"))
      await new Promise((resume) => setImmediate(resume))
    }
    return { voice, captured, take, fail, cleared: () => cleared, broken: () => broken }
  }
  const frame = (level: number) => new Int16Array(480).fill(level)

  it("hands over one frame at a time, in order, and takes no more than 200 ms", async () => {
    const { captured, take, voice } = scripted()
    const accepted = Array.from({ length: 14 }, (_, i) => voice.send(frame(i + 1)))
    assert.deepStrictEqual(accepted, [...Array.from({ length: 11 }, () => true), false, false, false])
    assert.deepStrictEqual(captured, [1])
    assert.strictEqual(voice.backlogMs, 200 + 60)
    for (let i = 0; i < 20; i++) await take()
    assert.deepStrictEqual(captured, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    assert.isTrue(voice.send(frame(12)))
    assert.deepStrictEqual(captured.at(-1), 12)
  })

  it("clears the queue, returns how much that was, and continues with later frames", async () => {
    const { captured, cleared, take, voice } = scripted()
    for (let i = 1; i <= 5; i++) voice.send(frame(i))
    assert.strictEqual(voice.clear(), 80 + 60)
    assert.strictEqual(cleared(), 1)
    voice.send(frame(9))
    for (let i = 0; i < 5; i++) await take()
    assert.deepStrictEqual(captured, [1, 9])
  })

  it("never overwrites the frame that is being handed over", () => {
    const handed: Array<Int16Array> = []
    const voice = new RoomVoice(
      {
        queuedDuration: 0,
        clearQueue: () => {},
        captureFrame: ({ data }) => {
          handed.push(data)
          return new Promise(() => {})
        }
      },
      (samples) => new AudioFrame(samples, 24_000, 1, samples.length),
      () => {}
    )
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i <= round; i++) voice.send(frame(round === 0 ? 1 : 2))
      voice.clear()
    }
    for (let i = 0; i < 10; i++) assert.isTrue(voice.send(frame(3)))
    assert.deepStrictEqual(handed, [frame(1)])
  })

  it("pads a short frame with silence", async () => {
    const { captured, take, voice } = scripted()
    for (let i = 0; i < 12; i++) {
      voice.send(frame(7))
      await take()
    }
    captured.length = 0
    voice.send(new Int16Array(0))
    assert.deepStrictEqual(captured, [0], "nothing of a former frame is in it")
  })

  it("takes no frame while reconnecting, and none after the source has failed", async () => {
    const { broken, fail, voice } = scripted()
    voice.isOpen = false
    assert.isFalse(voice.send(frame(1)))
    voice.isOpen = true
    assert.isTrue(voice.send(frame(1)))
    assert.isTrue(voice.send(frame(2)))
    await fail()
    assert.strictEqual(broken(), 1)
    assert.isFalse(voice.send(frame(3)))
    assert.strictEqual(voice.backlogMs, 60)
  })
})

describe("RoomPresence", () => {
  const listening = (presence: RoomPresence, stay: string) => {
    const heard: Array<number> = []
    const gaps: Array<number> = []
    const messages: Array<ClientMessage["type"]> = []
    let closed: string | undefined
    const inbox = new Inbox(16_000)
    inbox.listen({
      audio: (pcm) => void heard.push(pcm[0] ?? 0),
      gap: (samples) => void gaps.push(samples),
      message: ({ type }) => void messages.push(type),
      malformed: () => {},
      closed: (reason) => {
        closed = reason
      }
    })
    presence.attach(inbox, stay)
    return { heard, gaps, messages, closed: () => closed }
  }
  const frame = (level: number) => new Int16Array(320).fill(level)
  const people = [{ identity: "bob", sid: "PA_b" }, { identity: "ann", sid: "PA_a" }]

  it("first: hears only the session's user, for as long as they stay", () => {
    const presence = new RoomPresence("first", "ann")
    assert.isUndefined(presence.expectedStay([people[0]!]))
    assert.strictEqual(presence.expectedStay(people), "PA_a")
    presence.message({ type: "ping" })
    const { closed, gaps, heard, messages } = listening(presence, "PA_a")
    assert.deepStrictEqual(messages, ["ping"], "what came before their coming was told is not lost")
    presence.audio("bob", frame(1))
    presence.audio("ann", frame(2))
    assert.deepStrictEqual(heard, [2])
    assert.deepStrictEqual([presence.accepts("ann"), presence.accepts("bob"), presence.speaker], [true, false, "ann"])
    presence.participantLeft("bob", true)
    assert.deepStrictEqual(gaps, [])
    presence.voiceEnded("ann")
    assert.deepStrictEqual(gaps, [32_000], "what was being said is complete")
    assert.strictEqual(presence.attachedStay, "PA_a")
    presence.participantLeft("ann", false)
    assert.deepStrictEqual([closed(), presence.attachedStay], ["connection_lost", undefined])
    assert.strictEqual(presence.expectedStay([{ identity: "ann", sid: "PA_again" }]), "PA_again")
  })

  it("first: is abandoned once the user has gone of their own accord and others are there", () => {
    const presence = new RoomPresence("first", "ann")
    const [bob, ann] = [{ identity: "bob" }, { identity: "ann" }]
    listening(presence, "PA_a")
    assert.isFalse(presence.isAbandoned([bob]))
    presence.participantLeft("ann", false)
    assert.isFalse(presence.isAbandoned([bob]), "a lost network may come back")
    listening(presence, "PA_again")
    presence.participantLeft("ann", true)
    assert.deepStrictEqual([presence.isAbandoned([]), presence.isAbandoned([bob])], [false, true])
    assert.isFalse(presence.isAbandoned([bob, ann]), "they have come back")
    listening(presence, "PA_back")
    assert.isFalse(presence.isAbandoned([bob]))
  })

  it("mixed: hears all participants, for as long as one is there", () => {
    const presence = new RoomPresence("mixed", "ann")
    assert.strictEqual(presence.expectedStay(people), "room")
    const { closed, gaps, heard } = listening(presence, "room")
    presence.audio("bob", frame(10))
    presence.audio("ann", frame(5))
    assert.deepStrictEqual(heard, [])
    presence.tick()
    assert.deepStrictEqual(heard, [15])
    presence.participantLeft("ann", true)
    assert.deepStrictEqual([closed(), gaps], [undefined, []])
    presence.participantLeft("bob", true)
    assert.deepStrictEqual(gaps, [32_000])
    assert.isUndefined(presence.expectedStay([]))
  })

  it("mixed: hears all that comes late at once, and then as it comes", () => {
    const presence = new RoomPresence("mixed", "ann")
    const { heard } = listening(presence, "room")
    for (let i = 1; i <= 50; i++) presence.audio("ann", frame(i))
    presence.tick()
    assert.deepStrictEqual(heard, Array.from({ length: 40 }, (_, i) => i + 1))
    presence.tick()
    assert.strictEqual(heard.length, 41)
  })

  it("mixed: reports the end of a voice once, and only if there was one", () => {
    const presence = new RoomPresence("mixed", "ann")
    const { gaps } = listening(presence, "room")
    presence.voiceEnded("bob")
    presence.participantLeft("bob", true)
    assert.deepStrictEqual(gaps, [], "bob never spoke")
    presence.audio("ann", frame(1))
    presence.voiceEnded("ann")
    presence.participantLeft("ann", true)
    assert.deepStrictEqual(gaps, [32_000])
  })

  it("addressed: hears who has the floor, and taking it interrupts the agent", () => {
    const presence = new RoomPresence("addressed", "ann")
    const { gaps, heard, messages } = listening(presence, "room")
    presence.audio("ann", frame(1))
    assert.isTrue(presence.takeFloor("bob", true))
    presence.audio("ann", frame(1))
    presence.audio("bob", frame(2))
    assert.deepStrictEqual([heard, messages], [[2], ["agent.interrupt"]])
    assert.isTrue(presence.takeFloor("ann", false), "who has no floor gives none back")
    presence.audio("bob", frame(3))
    presence.takeFloor("bob", false)
    presence.audio("bob", frame(4))
    assert.deepStrictEqual([heard, gaps.length], [[2, 3], 2])
    assert.isFalse(new RoomPresence("first", "ann").takeFloor("ann", true))
  })

  const step = Schema.Union([
    Schema.Struct({
      what: Schema.Literals(["audio", "left", "silent", "take", "give"]),
      who: Schema.Literals(["ann", "bob"])
    }),
    Schema.Struct({ what: Schema.Literals(["tick", "attach", "detach"]), who: Schema.Literal("") })
  ])
  it.prop("never hears a participant that it should not, for any order of events", [
    Schema.Literals(["first", "addressed"]),
    Schema.Array(step)
  ], ([policy, steps]) => {
    const presence = new RoomPresence(policy, "ann")
    let floor: string | undefined
    let ear: ReturnType<typeof listening> | undefined
    for (const { what, who } of steps) {
      const before = ear?.heard.length ?? 0
      switch (what) {
        case "audio":
          presence.audio(who, frame(1))
          break
        case "left":
          presence.participantLeft(who, true)
          if (floor === who) floor = undefined
          if (policy === "first" && who === "ann") ear = undefined
          break
        case "silent":
          presence.voiceEnded(who)
          break
        case "take":
          if (presence.takeFloor(who, true)) floor = who
          break
        case "give":
          if (presence.takeFloor(who, false) && floor === who) floor = undefined
          break
        case "tick":
          presence.tick()
          break
        case "attach":
          presence.detach("replaced")
          ear = listening(presence, "stay")
          break
        case "detach":
          presence.detach("over")
          ear = undefined
          break
      }
      const may = what === "audio" && (policy === "first" ? who === "ann" : who === floor)
      const expected = ear !== undefined && what !== "attach" && may ? before + 1 : what === "attach" ? 0 : before
      assert.strictEqual(ear?.heard.length ?? 0, ear === undefined ? 0 : expected)
      assert.strictEqual(presence.attachedStay !== undefined, ear !== undefined)
    }
  })
})

describe("Transcription", () => {
  const steps = (event: SessionEventBody, id = "ses_1") => Transcription.steps(id, { ...event, seq: 1, atMs: 0 })

  it("maps the state to LiveKit's agent states", () => {
    const states = (["idle", "listening", "processing", "speaking", "error", "closed"] as const).map((state) =>
      steps({ type: "session.state", state }).flatMap((step) => step._tag === "State" ? [step.state] : [])
    )
    assert.deepStrictEqual(states.flat(), ["listening", "listening", "thinking", "speaking", "idle", "idle"])
  })

  it("sends the user's transcripts whole, and the agent's text as a stream and once more at the end", () => {
    assert.deepStrictEqual(steps({ type: "user.transcript", turn: 2, text: "hel", final: false }), [
      { _tag: "Whole", speaker: "user", segment: "ses_1-user-2", text: "hel", final: false }
    ])
    assert.deepStrictEqual(steps({ type: "agent.transcript", turn: 2, text: "Hi." }), [
      { _tag: "Append", segment: "ses_1-agent-2", text: "Hi." }
    ])
    assert.deepStrictEqual(steps({ type: "agent.speech_stopped", turn: 2, reason: "interrupted", text: "Hi" }), [
      { _tag: "Close", segment: "ses_1-agent-2" },
      { _tag: "Whole", speaker: "agent", segment: "ses_1-agent-2", text: "Hi", final: true }
    ])
    assert.deepStrictEqual(steps({ type: "agent.speech_stopped", turn: 2, reason: "interrupted", text: "" }), [
      { _tag: "Close", segment: "ses_1-agent-2" }
    ])
    assert.deepStrictEqual(steps({ type: "pong" }), [])
    assert.deepStrictEqual(Transcription.attributes("s", true, undefined), {
      "lk.segment_id": "s",
      "lk.transcription_final": "true"
    })
  })
})
