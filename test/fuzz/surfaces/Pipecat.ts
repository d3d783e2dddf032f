import { Result } from "effect"
import { BotProtocol } from "../../../src/engines/pipecat/BotProtocol.ts"
import * as RtviProtocol from "../../../src/protocols/rtvi/RtviProtocol.ts"
import type { SessionEvent } from "../../../src/session/SessionEvent.ts"
import * as PipecatFrames from "../../../src/wire/PipecatFrames.ts"
import * as Rtvi from "../../../src/wire/Rtvi.ts"
import { CANARY, expect, expectDiscreet, type Surface } from "../Surface.ts"

const message = (message: Rtvi.RtviMessage) => PipecatFrames.encode({ _tag: "Message", data: Rtvi.encode(message) })

const STARTED: SessionEvent = {
  type: "session.started",
  seq: 1,
  atMs: 1,
  input: { sampleRate: 16_000 },
  output: { sampleRate: 24_000 },
  resumed: false
}

/** The frames of a bridge to us, and of a bot to us: the same bytes, read by either. */
export const pipecatFrames: Surface = {
  name: "pipecat-frames",
  seeds: [
    PipecatFrames.encode(PipecatFrames.audio(new Int16Array(320).fill(5), 16_000)),
    PipecatFrames.encode({
      _tag: "Audio",
      id: 7n,
      name: "a",
      audio: new Uint8Array(9),
      sampleRate: 16_000,
      channels: 2
    }),
    PipecatFrames.encode({ _tag: "Text", text: `hello ${CANARY}` }),
    PipecatFrames.encode({ _tag: "Transcription", text: CANARY, userId: "u", timestamp: "t" }),
    PipecatFrames.encode({ _tag: "Interruption", id: 113n }),
    message({ type: "client-ready", id: "1", data: { version: "2.1.0" } }),
    message({ type: "send-text", id: "2", data: { content: CANARY } }),
    message({ type: "client-message", id: "3", data: { t: "playout.position", d: { turn: 1, played_ms: 20 } } }),
    message({ type: "send-text", id: "4", data: { content: CANARY, options: { run_immediately: false } } }),
    message({ type: "dtmf", id: "5", data: { buttons: ["1", "#"] } }),
    message({ type: "raw-audio", id: "6", data: { base64Audio: "AAAA", sampleRate: 16_000, numChannels: 1 } }),
    message({ type: "bot-output", data: { text: "hello", aggregated_by: "sentence" } }),
    message({ type: "bot-llm-text", data: { text: "hello there" } }),
    message({ type: "user-transcription", data: { text: CANARY, final: true } }),
    message({ type: "error", data: { error: "no", fatal: true } })
  ],
  dictionary: [
    "\"label\":\"rtvi-ai\"",
    "bot-tts-text",
    "bot-llm-started",
    "bot-started-speaking",
    "disconnect-bot",
    "audio_response",
    "base64AudioBatch"
  ],
  run: (input) => {
    let samples = 0
    let replied = 0
    const protocol = RtviProtocol.make()({ inputSampleRate: 16_000, outputSampleRate: 24_000 }, () => replied++)
    const hearing = {
      audio: (pcm: Int16Array) => void (samples += pcm.length),
      message: () => {},
      malformed: (reason: string) => {
        expect(reason.length < 200, () => `a long reason: ${reason}`)
        expectDiscreet(reason)
      }
    }
    protocol.event(STARTED)
    const cost = protocol.receive(input, true, hearing)
    expect(cost > 0 && Number.isFinite(cost), () => `it costs ${cost} ms`)
    expect(samples <= input.length >> 1, () => `${samples} samples of ${input.length} bytes`)
    expect(replied <= 2, () => `${replied} answers to one frame`)

    let events = 0
    const talk = new BotProtocol(24_000, () => "reply", () => events++)
    talk.receive({ _tag: "Message", data: Rtvi.encode({ type: "bot-llm-started" }) })
    const frame = PipecatFrames.decode(input)
    if (Result.isFailure(frame)) return expectDiscreet(frame.failure)
    talk.receive(frame.success)
    talk.receive(PipecatFrames.audio(new Int16Array(480), 24_000))
    expect(events <= 5, () => `${events} events of one frame`)
    if (frame.success._tag === "Unknown") return
    const again = PipecatFrames.decode(PipecatFrames.encode(frame.success))
    expect(
      Result.isSuccess(again) && again.success._tag === frame.success._tag,
      () => "what was read cannot be written"
    )
  }
}
