import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import * as Conversation from "../../../src/conversation/Conversation.ts"
import { defaultPolicy } from "../../../src/conversation/ConversationPolicy.ts"
import { initial, type Reply, type State } from "../../../src/conversation/ConversationState.ts"
import { HistoryItem } from "../../../src/conversation/History.ts"
import * as Json from "../../../src/schema/Json.ts"
import * as SessionSnapshot from "../../../src/session/persistence/SessionSnapshot.ts"
import { MAX_HEAD_BYTES, MAX_ITEM_BYTES, type StoredSession } from "../../../src/session/persistence/SessionStore.ts"
import { VERSION } from "../../../src/session/persistence/SnapshotVersions.ts"
import { optionsOf } from "../../conversation/Script.ts"

const about: SessionSnapshot.SnapshotConfig = {
  userId: "user",
  tenant: "acme",
  transport: "websocket",
  agent: "sales",
  metadata: { order: 12, "naïve ☂": [null, { a: true }] },
  policy: { ...defaultPolicy, greeting: "Hello" },
  createdAtMs: 5
}
const question: HistoryItem = {
  role: "user",
  turn: 1,
  kind: "speech",
  text: "where is it",
  interrupted: false,
  atMs: 10
}
const reply: Reply = {
  epoch: 1,
  turn: 1,
  source: { _tag: "Answer", transcript: "where is it", kind: "speech" },
  audibleAt: undefined,
  spokenText: "",
  hasText: true,
  failed: false,
  timestamps: undefined
}
const speaking = (over: Partial<Reply> = {}): State => ({
  ...initial([question]),
  agent: { _tag: "Active", reply: { ...reply, ...over } }
})

/** Encodes and decodes. */
const again = (
  state: State,
  more: Partial<Parameters<typeof SessionSnapshot.progressOf>[1]> = {}
) =>
  SessionSnapshot.decode({
    head: SessionSnapshot.makeHeadEncoder(() => about)(
      SessionSnapshot.progressOf(state, { attached: true, seq: 7, heard: undefined, planned: [], ...more })
    ),
    items: state.history.map(SessionSnapshot.encodeItem)
  })

/** A snapshot that a release with this version wrote, in the middle of its third turn. */
const written = (version: number): StoredSession =>
  JSON.parse(readFileSync(new URL(`../../fixtures/snapshots/version-${version}.json`, import.meta.url), "utf8"))

/** The same with a change of its head. */
const withHead = (
  { head, items }: StoredSession,
  change: (head: Record<string, unknown>, standing: Record<string, unknown>) => void
): StoredSession => {
  const parsed = { ...Json.parseRecord(head) }
  const standing = Json.isRecord(parsed["standing"]) ? { ...parsed["standing"] } : {}
  parsed["standing"] = standing
  change(parsed, standing)
  return { head: JSON.stringify(parsed), items }
}

describe("SessionSnapshot", () => {
  it.prop("encodes any item in the bytes that a store takes", [HistoryItem, Schema.Natural], ([value, factor]) => {
    const text = `${value.text}\u0001`.repeat(1 + factor % 20_000)
    const encoded = SessionSnapshot.encodeItem({ ...value, text })
    assert.isAtMost(Buffer.byteLength(encoded), MAX_ITEM_BYTES)
    const kept: string = JSON.parse(encoded).text
    assert.isTrue(kept === text || (kept.endsWith(" […]") && text.startsWith(kept.slice(0, -4))))
  })

  it.effect("keeps the ids of items that were added, and asks again for an answer that was requested", () =>
    Effect.gen(function*() {
      const added: HistoryItem = { ...question, kind: "text", text: "I am Ann", id: "item_1" }
      const source = { _tag: "Answer", transcript: "I am Ann", kind: "text", resumed: true, asked: true } as const
      const state = { ...initial([question, added]), turn: 2 }
      const asked: State = { ...state, agent: { _tag: "Active", reply: { ...reply, turn: 2, source } } }
      const restored = yield* again(asked)
      assert.deepStrictEqual(restored.history, [question, added])
      assert.deepStrictEqual(restored.queue, [{
        _tag: "Answer",
        transcript: "I am Ann",
        kind: "text",
        resumed: true
      }])
      // the model is told of the question once
      const options = optionsOf()
      const conversation = Conversation.initial(restored.history, restored.queue, restored.turn)
      const { commands } = Conversation.step(options, conversation, { _tag: "Started", atMs: 20 })
      const start = commands.find((command) => command._tag === "Start")
      assert.deepStrictEqual(start?.history, [question])
      // a release without ids passes over it
      const older = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Struct({ text: Schema.String })))
      assert.strictEqual(older(SessionSnapshot.encodeItem(added)).text, "I am Ann")
    }))

  it("keeps the head in the bytes that a store takes, whatever waits to be said", () => {
    const text = "\u0001".repeat(8_000)
    const queue = Array.from({ length: 16 }, () => ({ _tag: "Text", text, optional: false }) as const)
    const state: State = { ...speaking({ audibleAt: 20 }), queue }
    const planned = Array.from({ length: 5 }, () => text)
    const head = SessionSnapshot.makeHeadEncoder(() => about)(
      SessionSnapshot.progressOf(state, { attached: true, seq: 7, heard: { text: "It", texts: 0 }, planned })
    )
    assert.isAtMost(Buffer.byteLength(head), MAX_HEAD_BYTES)
    const { standing } = JSON.parse(head)
    assert.strictEqual(standing.reply.said, "It")
    assert.isAtLeast(standing.queue.length, 2)
  })

  it.effect("restores at most as much history as a session has", () =>
    Effect.gen(function*() {
      const items = Array.from({ length: 100 }, (_, turn) => ({ ...question, turn, text: "x".repeat(30_000) }))
      const past = yield* again(initial(items))
      assert.isBelow(past.history.length, 40)
      assert.strictEqual(past.history[0]?.omittedBefore, 100 - past.history.length)
      assert.strictEqual(past.history.at(-1)?.turn, 99)
    }))

  it.effect("restores a session as it was", () =>
    Effect.gen(function*() {
      const past = yield* again(initial([question]))
      const { createdAtMs, ...config } = about
      assert.deepEqual(past.config, config)
      assert.deepEqual(past.history, [question])
      assert.deepEqual([past.createdAtMs, past.attached, past.turn, past.queue], [createdAtMs, true, 1, []])
      assert.isAbove(past.seq, 7)
    }))

  it.effect("says the rest of an answer, from the sentence that was cut", () =>
    Effect.gen(function*() {
      const past = yield* again(speaking({ audibleAt: 20 }), {
        heard: { text: "It left. It will be", texts: 1 },
        planned: ["It left.", "It will be there tomorrow.", "Goodbye."]
      })
      assert.deepEqual(past.history.map(({ interrupted, role, text }) => [role, text, interrupted]), [
        ["user", "where is it", false],
        ["agent", "It left. It will be", true]
      ])
      const rest = { _tag: "Text", text: "It will be there tomorrow. Goodbye.", optional: true, resumed: true } as const
      assert.deepEqual(past.queue, [rest])
      // it is not lost either when the next process ends before it was spoken
      const next = yield* again({ ...initial(past.history, past.queue, past.turn) })
      assert.deepEqual(next.queue, [{ ...rest, uninterruptible: false }])
      assert.deepEqual(next.history, past.history)
    }))

  it.effect("asks a question again whose answer was not audible yet", () =>
    Effect.gen(function*() {
      const past = yield* again(speaking(), { planned: ["It left."] })
      assert.deepEqual(past.history, [question])
      assert.deepEqual(past.queue, [{ _tag: "Answer", transcript: "where is it", kind: "speech", resumed: true }])
      const next = yield* again({ ...initial(past.history, past.queue, past.turn) })
      assert.deepEqual(next.queue, past.queue)
    }))

  it.effect("repeats nothing of an answer that was heard to its end", () =>
    Effect.gen(function*() {
      const past = yield* again(speaking({ audibleAt: 20 }), {
        heard: { text: "It left.", texts: 1 },
        planned: ["It left."]
      })
      assert.deepEqual(past.queue, [])
      assert.strictEqual(past.history.length, 2)
    }))

  it.effect("stores queued utterances and typed turns, but no greeting", () =>
    Effect.gen(function*() {
      const past = yield* again({
        ...initial(),
        agent: {
          _tag: "Active",
          reply: { ...reply, source: { _tag: "Text", text: "first", optional: false, uninterruptible: true } }
        },
        queue: [
          { _tag: "Text", text: "hello", optional: true },
          { _tag: "Answer", transcript: "typed meanwhile", kind: "text" },
          { _tag: "Text", text: "second", optional: false }
        ]
      })
      assert.deepEqual(
        past.queue.map((source) =>
          source._tag === "Text" ? [source.text, source.uninterruptible] : source._tag === "Answer" && source.transcript
        ),
        [["first", true], "typed meanwhile", ["second", false]]
      )
    }))

  it.effect("keeps the names of the stored JSON, which other versions read", () =>
    Effect.gen(function*() {
      const queue = [
        { _tag: "Text", text: "the rest", optional: true, resumed: true },
        { _tag: "Answer", transcript: "where is it", kind: "speech", resumed: true }
      ] as const
      const { queue: stored } = SessionSnapshot.progressOf(initial([], queue), {
        attached: true,
        seq: 0,
        heard: undefined,
        planned: []
      })
      assert.deepEqual(stored, [
        { say: "the rest", optional: true, uninterruptible: false },
        { answer: "where is it", kind: "speech", again: true }
      ])
      assert.deepEqual((yield* again(initial([], queue))).queue, [{ ...queue[0], uninterruptible: false }, queue[1]])
    }))

  for (let version = 1; version <= VERSION; version++) {
    it.effect(`restores what version ${version} wrote`, () =>
      Effect.gen(function*() {
        const restored = yield* SessionSnapshot.decode(written(version))
        assert.deepInclude(restored.config, {
          userId: "ada",
          transport: "websocket",
          metadata: { order: 12, "naïve ☂": [null, { a: true }] }
        })
        assert.strictEqual(restored.config.policy?.greeting, "Hello and welcome.")
        assert.deepStrictEqual(restored.config.policy?.interruption.backchannels, ["sure thing"])
        assert.deepStrictEqual(restored.history.map(({ role, text }) => `${role}: ${text.slice(0, 20)}`), [
          "agent: Hello and welcome.".slice(0, 27),
          "user: What can you do?",
          "agent: I can tell you the t",
          "user: Tell me what I just ",
          "agent: I heard you say:"
        ])
        assert.deepStrictEqual(restored.queue.map((source) => source._tag === "Text" && source.text), [
          "Tell me what I just said."
        ])
        assert.deepStrictEqual([restored.attached, restored.turn, restored.damage], [true, 3, undefined])
      }))
  }

  it.effect("restores the queue of the earliest snapshots", () =>
    Effect.gen(function*() {
      const early = withHead(written(1), (_, standing) => {
        standing["queue"] = [{ text: "And one more thing.", uninterruptible: true }]
      })
      const { queue } = yield* SessionSnapshot.decode(early)
      assert.deepInclude(queue.at(-1), { text: "And one more thing.", optional: false, uninterruptible: true })
    }))

  it.effect("says what is missing or too much", () =>
    Effect.gen(function*() {
      const { head, items } = written(2)
      const short = yield* SessionSnapshot.decode({ head, items: items.toSpliced(1, 1) })
      assert.deepStrictEqual([short.damage, short.history.length], [{ missing: 1, surplus: 0 }, 4])
      const long = yield* SessionSnapshot.decode({ head, items: [...items, items[0]!] })
      assert.deepStrictEqual([long.damage, long.history.length], [{ missing: 0, surplus: 1 }, 5])
      assert.strictEqual(long.history.at(-1)?.text, "I heard you say:")
    }))

  it.effect("says that a newer release wrote it, and that a process of that may read it", () =>
    Effect.gen(function*() {
      for (const version of [VERSION + 1, 99]) {
        const newer = withHead(written(2), (head) => {
          head["version"] = version
        })
        const error = yield* Effect.flip(SessionSnapshot.decode(newer))
        assert.deepStrictEqual([error.code, error.retryable, error.details], [
          "pipeline_error",
          true,
          { reason: "newer_version", version, supported: VERSION }
        ])
        assert.include(error.message, `the newer version ${version}`)
      }
    }))

  it.effect("says where it cannot be read, for the log", () =>
    Effect.gen(function*() {
      const base = written(2)
      const cases: ReadonlyArray<readonly [StoredSession, string]> = [
        [{ head: "", items: [] }, "the head is missing"],
        [{ head: "{", items: [] }, "the head is not a JSON object"],
        [{ head: "[1]", items: [] }, "the head is not a JSON object"],
        ...[undefined, 0, -1, 1.5, "2", null].map((version) =>
          [
            withHead(base, (head) => {
              head["version"] = version
            }),
            "the head has no valid version"
          ] as const
        ),
        [
          withHead(base, (_, standing) => {
            delete standing["queue"]
          }),
          "head.standing.queue: required"
        ],
        [{ head: base.head, items: base.items.with(1, "{") }, "items.1"],
        [{ head: base.head, items: base.items.with(2, "{\"role\":\"s3cret\"}") }, "items.2.role"]
      ]
      for (const [snapshot, says] of cases) {
        const error = yield* Effect.flip(SessionSnapshot.decode(snapshot))
        assert.deepStrictEqual(error.details, { reason: "unreadable_snapshot" })
        assert.include(String(error.cause), says)
        assert.notInclude(String(error.cause), "s3cret")
      }
    }))

  it.effect("refuses what it cannot decode, without quoting it", () =>
    Effect.gen(function*() {
      for (
        const kept of [
          { head: "", items: [] },
          { head: "{\"version\":2,\"secret\":\"s3cret\"}", items: [] },
          {
            head: SessionSnapshot.makeHeadEncoder(() => about)(
              SessionSnapshot.progressOf(initial(), { attached: true, seq: 0, heard: undefined, planned: [] })
            ),
            items: ["s3cret"]
          }
        ]
      ) {
        const error = yield* Effect.flip(SessionSnapshot.decode(kept))
        assert.strictEqual(error.code, "pipeline_error")
        assert.notInclude(JSON.stringify(error), "s3cret")
      }
    }))
})
