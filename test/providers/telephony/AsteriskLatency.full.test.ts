/**
 * How long a caller waits, through the real Asterisk with the embedded engines: from the last word of what they say to the first
 * sound of the answer, and from a word of theirs to the silence of the agent. Asterisk records both directions of the caller's
 * channel on one clock; the telephone's own buffer (20 ms here) comes to it. Figures are printed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as WavReader from "../../../src/audio/WavReader.ts"
import * as Browser from "../../browser/Browser.ts"
import * as AsteriskServer from "../../support/asterisk/AsteriskServer.ts"
import { pause, until } from "../../support/asterisk/ChrootProgram.ts"
import * as SipCaller from "../../support/asterisk/SipCaller.ts"
import { freePort } from "../../support/FreePort.ts"

const TURNS = 10
const PASSWORD = "secret-of-the-stream"
const MS = SipCaller.SAMPLE_RATE / 1_000
const LOUD = 500

const dialplan = (folder: string) => `
[voice]
exten => talk,1,Answer()
 same => n,MixMonitor(${folder}/mix.wav,r(${folder}/said.wav)t(${folder}/heard.wav))
 same => n,Dial(WebSocket/effectvoice/c(slin16)v(call=\${UNIQUEID},from=ann,to=talk))
 same => n,Hangup()
`

const samplesOf = (file: string): Int16Array => {
  const wav = WavReader.parse(new Uint8Array(readFileSync(file)))
  return wav._tag === "Success" ? wav.success.samples : new Int16Array(0)
}

/** Pieces of sound with at least so much silence between them, in ms. */
const spurts = (samples: Int16Array, gapMs: number): ReadonlyArray<{ readonly from: number; readonly to: number }> => {
  const found: Array<{ from: number; to: number }> = []
  for (let i = 0; i < samples.length; i++) {
    if (Math.abs(samples[i]!) < LOUD) continue
    const at = i / MS
    const last = found.at(-1)
    if (last !== undefined && at - last.to < gapMs) last.to = at
    else found.push({ from: at, to: at })
  }
  return found.filter(({ from, to }) => to - from > 60)
}

const inWords = (values: ReadonlyArray<number>): string => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0)
  return `p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, of ${sorted.length}`
}

describe.skipIf(AsteriskServer.missing !== undefined)(
  `latency through Asterisk${AsteriskServer.missing === undefined ? "" : `: ${AsteriskServer.missing}`}`,
  () => {
    it.live("a caller is answered in time", () =>
      Effect.scoped(Effect.gen(function*() {
        const port = yield* freePort
        const directory = mkdtempSync(join(tmpdir(), "effect-voice-phone-"))
        yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(directory, { recursive: true, force: true })))
        const file = join(directory, "voice.json")
        writeFileSync(
          file,
          JSON.stringify({
            provider: "telephony",
            provider_config: { carriers: [{ name: "pbx", kind: "asterisk", password: PASSWORD }] },
            pipeline_type: "stt_tts",
            stt_provider: "moonshine",
            tts_provider: "flite",
            vad_provider: "silero",
            conversation: { first_speaker: "agent", greeting: "Hello." },
            server: { port },
            overload: { max_lag: "1s", max_backlog: "20s" }
          })
        )
        yield* Effect.acquireRelease(
          Effect.promise(() => Browser.serve(["--config", file])),
          (running) => Effect.promise(() => running.kill())
        )
        const asterisk = yield* AsteriskServer.make({
          dialplan: "[voice]\n",
          webSocket: { url: `ws://127.0.0.1:${port}/telephony/pbx/media`, username: "asterisk", password: PASSWORD }
        })
        yield* asterisk.setDialplan(dialplan(asterisk.folder.inside))
        const recording = samplesOf("test/fixtures/cold-hearted.wav")
        // from 16 kHz
        const words = Int16Array.from(
          { length: recording.length >> 1 },
          (_, i) => (recording[2 * i]! + recording[2 * i + 1]!) >> 1
        )
        const caller = yield* SipCaller.make({ name: "ann" })
        yield* caller.dial(asterisk.uri("talk"))
        yield* caller.next("CALL_ESTABLISHED")
        yield* until("the greeting is heard", () => spurts(caller.heard(), 300).length > 0)
        yield* pause(2_000)
        for (let turn = 0; turn < TURNS; turn++) {
          const before = caller.heard().length
          yield* caller.say(words)
          yield* pause(words.length / MS)
          yield* until("the answer begins", () => spurts(caller.heard().subarray(before), 300).length > 0)
          // the whole answer
          yield* pause(7_000)
        }
        yield* caller.hangUp
        yield* caller.next("CALL_CLOSED")
        yield* pause(500)
        const said = spurts(samplesOf(join(asterisk.folder.outside, "said.wav")), 1_000)
        const heard = spurts(samplesOf(join(asterisk.folder.outside, "heard.wav")), 300)
        const waits = said.flatMap(({ to }) => {
          const answer = heard.find(({ from }) => from > to)
          return answer === undefined ? [] : [answer.from - to]
        })
        process.stdout.write(
          `asterisk: last word to first sound ${inWords(waits)}: ${waits.map(Math.round).join(" ")}\n`
        )
        assert.isAtLeast(waits.length, TURNS - 1)
      })))
  }
)
