import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { BandLevels, BANDS } from "../../../src/audio/echo/BandLevels.ts"
import { BLOCK_MS, EchoEstimator } from "../../../src/audio/echo/EchoEstimator.ts"
import * as Pcm from "../../../src/audio/Pcm.ts"
import * as Recordings from "../../engines/Recordings.ts"
import * as SimulatedRoom from "./SimulatedRoom.ts"

const agents = [
  Pcm.concat([Recordings.load("cold-hearted"), Recordings.load("ill-disposed")]),
  Recordings.load("prudently")
]
const users = [Recordings.load("eight-of-spades"), Recordings.load("queen-of-clubs"), Recordings.load("ill-disposed")]

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** An echo at most 20 dB below the agent's voice, in any room that is quiet beside it. */
const AnyRoom = Schema.Struct({
  agent: between(0, agents.length - 1),
  user: between(0, users.length - 1),
  gainDb: between(-40, -20),
  delayMs: between(0, 500),
  tailMs: between(0, 200),
  clips: Schema.Boolean,
  telephone: Schema.Boolean,
  noiseDb: between(-90, -65),
  seed: between(1, 1_000_000)
})

const runs = { arbitrary: { runs: 15 } }

describe("BandLevels", () => {
  it("finds a tone in its band, at the same level whatever the rate and the pieces", () => {
    for (const rate of [8_000, 16_000, 24_000, 44_100, 48_000]) {
      for (const piece of [rate / 50, 100]) {
        const levels = new BandLevels()
        let blocks = 0
        const tone = Int16Array.from({ length: rate }, (_, i) => 16_384 * Math.sin(2 * Math.PI * 1_000 * i / rate))
        for (let at = 0; at < rate; at += piece) levels.push(tone.subarray(at, at + piece), rate, () => void blocks++)
        assert.approximately(blocks, 50, 1)
        assert.approximately(levels.levels[3]!, -4.5, 1, `${rate}`)
        for (let band = 0; band < BANDS; band++) {
          if (band !== 3) assert.isBelow(levels.levels[band]!, -40, `${rate} ${band}`)
        }
      }
    }
  })
})

describe("EchoEstimator", () => {
  it.prop("lets no echo through for 200 ms, from the first sound of a call on", [AnyRoom], ([room]) => {
    const agent = agents[room.agent]!
    const heard = SimulatedRoom.levelsOf(SimulatedRoom.microphone(agent, room))
    const found = SimulatedRoom.longestRun(SimulatedRoom.verdicts(SimulatedRoom.levelsOf(agent), heard))
    assert.isBelow(found, 200)
  }, runs)

  it.prop("hears a user who is 10 dB louder than the echo, within 400 ms at worst", [AnyRoom], ([room]) => {
    const agent = agents[room.agent]!
    const pcm = users[room.user]!
    const atMs = 2_400
    // not quieter than the noise
    const loud = { ...room, gainDb: Math.max(-28, room.gainDb) }
    const heard = SimulatedRoom.levelsOf(SimulatedRoom.microphone(agent, loud, { pcm, atMs, overEchoDb: 10 }))
    const verdicts = SimulatedRoom.verdicts(SimulatedRoom.levelsOf(agent), heard)
    const from = Math.floor((atMs + SimulatedRoom.onsetMs(pcm)) / BLOCK_MS)
    assert.isAtMost((verdicts.indexOf(true, from) - from) * BLOCK_MS, 400)
    assert.isAtLeast(verdicts.indexOf(true, from), 0)
  }, runs)

  it.prop(
    "hears a user with headphones within two blocks, the same words as the agent's too",
    [AnyRoom],
    ([{ agent: which, seed }]) => {
      const agent = agents[which]!
      for (const pcm of [agent.subarray(0, 3 * 16_000), users[seed % users.length]!]) {
        const atMs = 2_400
        const room = { gainDb: -100, delayMs: 0, noiseDb: -72, seed }
        const heard = SimulatedRoom.levelsOf(SimulatedRoom.microphone(agent, room, { pcm, atMs, overEchoDb: 92 }))
        const verdicts = SimulatedRoom.verdicts(SimulatedRoom.levelsOf(agent), heard)
        const from = Math.floor((atMs + SimulatedRoom.onsetMs(pcm)) / BLOCK_MS)
        assert.isAtMost((verdicts.indexOf(true, from - 1) - from) * BLOCK_MS, 2 * BLOCK_MS)
      }
    },
    runs
  )

  it("learns an echo that begins in the middle of a call, and does not take it for the user after that", () => {
    const agent = Pcm.concat([...agents, ...agents])
    const half = agents[0]!.length + agents[1]!.length
    const mic = Pcm.concat([
      SimulatedRoom.microphone(agent.subarray(0, half), { gainDb: -100, delayMs: 0, seed: 1 }).subarray(0, half),
      SimulatedRoom.microphone(agent.subarray(half), { gainDb: -12, delayMs: 180, seed: 2 })
    ])
    const verdicts = SimulatedRoom.verdicts(SimulatedRoom.levelsOf(agent), SimulatedRoom.levelsOf(mic))
    const blocks = half / SimulatedRoom.BLOCK
    assert.isBelow(SimulatedRoom.longestRun(verdicts.slice(0, blocks)), 200)
    assert.isBelow(SimulatedRoom.longestRun(verdicts.slice(blocks + 4_000 / BLOCK_MS)), 200)
  })

  it("lets everything through when nothing was played lately", () => {
    const estimator = new EchoEstimator()
    const levels = SimulatedRoom.levelsOf(agents[0]!)
    assert.isFalse(estimator.mayHear(0))
    for (const [block, level] of levels.slice(0, 50).entries()) estimator.played(block, level)
    assert.isTrue(estimator.mayHear(49 + 25))
    assert.isFalse(estimator.mayHear(49 + 50))
  })
})
