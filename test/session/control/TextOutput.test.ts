/** Answers that are sent as text alone. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Agent from "../../../src/agent/Agent.ts"
import { WrittenWords } from "../../../src/session/pipeline/WrittenReply.ts"
import { call, layer, running } from "../Harness.ts"

const pieces = ["# Menu\n", "\n- te", "a\n- **cof", "fee**\n", "That is", " all."]
const writer = Agent.fromStream(() =>
  Stream.fromIterable(pieces).pipe(Stream.mapEffect((piece) => Effect.as(Effect.sleep(100), piece)))
)

describe("text output", () => {
  it.effect("comes as the agent writes it, without a voice, and whole into the history", () => {
    const voiced: Array<string> = []
    return running(
      layer({
        agent: writer,
        policy: { greeting: "Welcome to us.", output: "text" },
        tts: { onSpeak: (text) => voiced.push(text) }
      }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.hears(100)
        assert.deepStrictEqual(yield* user.said, ["agent: Welcome to us."])
        yield* user.session.sendText("what do you have?")
        yield* user.hears(250)
        // before the agent has written all of it
        assert.strictEqual(yield* user.session.state.get, "speaking")
        yield* user.hears(1_000)
        const events = user.connection.events.filter((event) => "turn" in event && event.turn === 2)
        assert.deepStrictEqual(events.map(({ type }) => type).filter((type) => type.startsWith("agent.speech")), [
          "agent.speech_started",
          "agent.speech_stopped"
        ])
        assert.strictEqual(yield* user.session.state.get, "listening")
        const [, , answer] = yield* user.session.history
        assert.match(answer?.text ?? "", /^# Menu\s+- tea\s+- \*\*coffee\*\*\s+That is all\.$/u)
        assert.isFalse(answer?.interrupted)
        assert.deepStrictEqual([voiced, user.connection.frames.length], [[], 0])
        // by the next answer it speaks again
        yield* user.session.control({ _tag: "Output", output: "audio" })
        yield* user.session.say("And now aloud.")
        yield* user.hears(1_500)
        assert.isAbove(user.connection.frames.length, 10)
      })
    )
  })

  it.effect("is cut only where it is interrupted, and waits for a connection", () =>
    running(
      layer({ agent: writer, policy: { output: "text" } }),
      Effect.gen(function*() {
        const user = yield* call()
        yield* user.session.sendText("what do you have?")
        yield* user.hears(450)
        yield* user.session.interrupt()
        yield* user.hears(1_000)
        assert.match((yield* user.said)[1] ?? "", /^agent: # Menu \s+- tea.* …$/su)
        user.connection.listener?.closed("lost")
        yield* user.session.sendText("and?")
        yield* TestClock.adjust(3_000)
        assert.strictEqual((yield* user.said).length, 3)
        yield* user.reattach()
        yield* user.hears(100)
        assert.match((yield* user.said)[3] ?? "", /^agent: # Menu \s+- tea\s+- \*\*coffee\*\*\s+That is all\.$/u)
        assert.strictEqual(user.connection.of("agent.speech_started").length, 1)
      })
    ))

  it("cuts at the ends of words, whatever the pieces are", () => {
    const text = "  One two,\nthree.  Four\n\n- five 六七。八 "
    for (let size = 1; size < text.length; size++) {
      const words = new WrittenWords()
      const out: Array<string> = []
      for (let at = 0; at < text.length; at += size) out.push(...words.push(text.slice(at, at + size)))
      out.push(...words.flush())
      assert.strictEqual(
        out.join(" ").replace(/[^\S\n]+/gu, " ").replace(/ ?\n/gu, "\n").replace("。 ", "。").trim(),
        "One two,\nthree. Four\n\n- five 六七。八",
        `pieces of ${size}`
      )
      assert.isTrue(out.every((piece) => piece.trim() !== ""))
    }
    const broken = new WrittenWords()
    broken.push("whole bro")
    assert.deepStrictEqual(broken.cut(), [])
  })
})
