/** Which of a participant's tracks is heard. */
import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { ParticipantVoices } from "../../../src/providers/livekit/room/ParticipantVoices.ts"

const frame = (level: number) => new Int16Array(320).fill(level)
const SPEECH = 3_000
const NOISE = 40

/** Plays so many frames of each track, turn by turn, and returns which tracks' frames were heard. */
const play = (voices: ParticipantVoices, tracks: Readonly<Record<string, number>>, frames = 1) => {
  const heard: Array<string> = []
  for (let i = 0; i < frames; i++) {
    for (const [sid, level] of Object.entries(tracks)) {
      if (voices.hears("ann", sid, frame(i % 2 === 0 ? level : -level))) heard.push(sid)
    }
  }
  return heard
}
const only = (heard: ReadonlyArray<string>, sid: string, frames: number) =>
  assert.deepStrictEqual(heard, Array.from({ length: frames }, () => sid))

const withTracks = (...sids: ReadonlyArray<string>) => {
  const voices = new ParticipantVoices()
  for (const sid of sids) voices.add("ann", sid)
  return voices
}

describe("ParticipantVoices", () => {
  it("hears the only track, loud or not, and no other participant's", () => {
    const voices = withTracks("a")
    only(play(voices, { a: 0 }, 50), "a", 50)
    assert.isFalse(voices.hears("bob", "a", frame(SPEECH)))
    assert.isFalse(voices.hears("ann", "b", frame(SPEECH)))
    assert.strictEqual(voices.heard("ann"), "a")
  })

  it("goes on hearing the microphone while a second track is silent or gives little noise, and after it has ended", () => {
    for (const level of [0, NOISE]) {
      const voices = withTracks("mic")
      play(voices, { mic: NOISE }, 20)
      voices.add("ann", "second")
      only(play(voices, { mic: SPEECH, second: level }, 50), "mic", 50)
      // a pause, and more words
      only(play(voices, { mic: NOISE, second: level }, 100), "mic", 100)
      only(play(voices, { mic: SPEECH, second: level }, 50), "mic", 50)
      assert.isFalse(voices.remove("ann", "second"))
      only(play(voices, { mic: SPEECH }, 5), "mic", 5)
    }
  })

  it("hears a new microphone with its first sound, and the former one again when it ends", () => {
    const voices = withTracks("old")
    play(voices, { old: NOISE }, 20)
    voices.add("ann", "new")
    only(play(voices, { old: 0, new: SPEECH }, 10).slice(1), "new", 10)
    assert.isFalse(voices.remove("ann", "new"))
    assert.strictEqual(voices.heard("ann"), "old")
    only(play(voices, { old: SPEECH }, 10), "old", 10)
    assert.isTrue(voices.remove("ann", "old"))
    assert.isFalse(voices.has("ann"))
  })

  it("hears one of two that give the same, the newer", () => {
    const voices = withTracks("old", "new")
    play(voices, { old: SPEECH, new: SPEECH })
    only(play(voices, { old: SPEECH, new: SPEECH }, 50), "new", 50)
  })

  it("hears each in turn when a person speaks into one and then into the other", () => {
    const voices = withTracks("a", "b")
    for (const said of ["b", "a", "b", "a"]) {
      const heard = play(voices, { a: 10, b: 10, [said]: SPEECH }, 30)
      only(heard.slice(-28), said, 28)
      // a pause
      play(voices, { a: 10, b: 10 }, 30)
    }
  })

  it("goes on with the other when a muted track gives no frames any more", () => {
    const voices = withTracks("a", "b")
    play(voices, { a: NOISE, b: SPEECH }, 10)
    assert.strictEqual(voices.heard("ann"), "b")
    const heard = play(voices, { a: NOISE }, 50)
    assert.isAtLeast(heard.length, 30, "the participant's silence is heard, so that the turn ends")
  })

  it("reports the end of the last track only, and of one that is known", () => {
    const voices = withTracks("a", "b", "b")
    assert.isFalse(voices.remove("ann", "c"))
    assert.isFalse(voices.remove("bob", "a"))
    assert.isFalse(voices.remove("ann", "a"))
    assert.isTrue(voices.remove("ann", "b"))
    assert.isFalse(voices.remove("ann", "b"))
    voices.add("ann", "c")
    voices.removeAll("ann")
    assert.isUndefined(voices.heard("ann"))
  })

  const sid = Schema.Literals(["a", "b", "c"])
  const step = Schema.Struct({
    what: Schema.Literals(["add", "remove", "frame"]),
    sid,
    level: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 32_767 }))
  })
  it.prop("a participant who has a track with sound is heard within 300 ms, whatever came and went", [
    Schema.Array(step),
    sid
  ], ([steps, speaking]) => {
    const voices = new ParticipantVoices()
    const open = new Set<string>()
    for (const { level, sid, what } of steps) {
      if (what === "add") {
        voices.add("ann", sid)
        open.add(sid)
      } else if (what === "remove") assert.strictEqual(voices.remove("ann", sid), open.delete(sid) && open.size === 0)
      else assert.isTrue(open.has(sid) || !voices.hears("ann", sid, frame(level)))
      assert.strictEqual(voices.has("ann"), open.size > 0)
      const heard = voices.heard("ann")
      assert.isTrue(heard === undefined ? open.size === 0 : open.has(heard))
    }
    open.add(speaking)
    voices.add("ann", speaking)
    const tracks = Object.fromEntries([...open].map((each) => [each, each === speaking ? 20_000 : 0]))
    const heard = play(voices, tracks, 50)
    only(heard.slice(-30), speaking, 30)
  })
})
