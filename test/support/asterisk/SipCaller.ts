/** A real telephone for tests: baresip, which dials or is dialled, speaks from memory and records what it hears. */
import { Effect, type Scope } from "effect"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import * as Wav from "../../../src/audio/Wav.ts"
import * as WavReader from "../../../src/audio/WavReader.ts"
import { freePort } from "../FreePort.ts"
import { folder, pause, run, until } from "./ChrootProgram.ts"
import { freeUdpPort } from "./UdpPort.ts"

/** An event of baresip, such as `CALL_ESTABLISHED`. */
export interface SipEvent {
  readonly type: string
  readonly param: string
}

export interface SipCallerOptions {
  /** The user part of its address. Default `caller`. */
  readonly name?: string
  /** Whether it answers by itself. Default no: see `answer`. */
  readonly isAnswering?: boolean
}

export interface SipCaller {
  /** Its address, which Asterisk dials as `PJSIP/phone/<address>`. */
  readonly address: string
  readonly dial: (target: string) => Effect.Effect<void>
  readonly answer: Effect.Effect<void>
  /** Hangs up; while it rings, this is "busy here". */
  readonly hangUp: Effect.Effect<void>
  /** Presses keys. */
  readonly press: (digits: string) => Effect.Effect<void>
  /** Speaks these samples of 8 kHz from now on, then is silent. */
  readonly say: (samples: Int16Array) => Effect.Effect<void>
  readonly events: ReadonlyArray<SipEvent>
  /** Waits for so many events of a type; the last of them. */
  readonly next: (type: string, count?: number) => Effect.Effect<SipEvent>
  /** What it has heard since the call was answered, at 8 kHz. */
  readonly heard: () => Int16Array
  readonly log: () => string
}

export const SAMPLE_RATE = 8_000

/** Silence that follows what is said: a telephone sends sound all the time. */
const SILENCE_SECONDS = 120

const silence = (seconds: number) => new Int16Array(seconds * SAMPLE_RATE)

const config = (
  options: { readonly folder: string; readonly sipPort: number; readonly controlPort: number }
): string => `
poll_method epoll
sip_listen 127.0.0.1:${options.sipPort}
call_max_calls 2
call_local_timeout 60
ctrl_tcp_listen 127.0.0.1:${options.controlPort}
audio_source aufile,${options.folder}/silence.wav
audio_player aufile,${options.folder}/heard.wav
audio_alert aufile,${options.folder}/alert.wav
ausrc_srate ${SAMPLE_RATE}
auplay_srate ${SAMPLE_RATE}
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
audio_buffer 20-160
jitter_buffer_type off
rtp_ports 30000-32000
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
`

const open = (port: number): Effect.Effect<Socket, string, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Socket, string>((resume) => {
      const socket = connect({ host: "127.0.0.1", port })
      socket.once("connect", () => resume(Effect.succeed(socket)))
      socket.once("error", () => resume(Effect.fail("not yet")))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Splits netstrings: `<length>:<text>,`. */
const netstrings = (onText: (text: string) => void) => {
  let buffer = Buffer.alloc(0)
  return (data: Buffer): void => {
    buffer = Buffer.concat([buffer, data])
    for (;;) {
      const colon = buffer.indexOf(":")
      if (colon < 0) return
      const end = colon + 1 + Number(buffer.toString("latin1", 0, colon))
      if (buffer.length <= end) return
      onText(buffer.toString("utf8", colon + 1, end))
      buffer = buffer.subarray(end + 1)
    }
  }
}

export const make = Effect.fnUntraced(function*(
  options: SipCallerOptions = {}
): Effect.fn.Return<SipCaller, never, Scope.Scope> {
  const where = yield* folder("baresip")
  const sipPort = yield* freeUdpPort
  const controlPort = yield* freePort
  const address = `sip:${options.name ?? "caller"}@127.0.0.1:${sipPort}`
  const write = (file: string, samples: Int16Array) =>
    writeFileSync(join(where.outside, file), Wav.encode(samples, { sampleRate: SAMPLE_RATE }))
  writeFileSync(join(where.outside, "config"), config({ folder: where.inside, sipPort, controlPort }))
  writeFileSync(
    join(where.outside, "accounts"),
    `<${address}>;regint=0;audio_codecs=pcmu/8000/1;ptime=20;answermode=${
      options.isAnswering === true ? "auto" : "manual"
    }\n`
  )
  write("silence.wav", silence(SILENCE_SECONDS))
  const program = yield* run("baresip", ["-f", where.inside], where)
  const events: Array<SipEvent> = []
  const socket = yield* open(controlPort).pipe(
    Effect.tapError(() => pause(50)),
    Effect.retry({ times: 1_200 }),
    Effect.orDie
  )
  const replies = new Map<string, string>()
  socket.on(
    "data",
    netstrings((text) => {
      const message = JSON.parse(text) as {
        event?: boolean
        type?: string
        param?: string
        token?: string
        data?: string
      }
      if (message.event === true) events.push({ type: message.type ?? "", param: message.param ?? "" })
      else replies.set(message.token ?? "", message.data ?? "")
    })
  )
  let tokens = 0
  const command = (name: string, params = "") =>
    Effect.suspend(() => {
      const token = String(++tokens)
      const text = JSON.stringify({ command: name, params, token })
      socket.write(`${Buffer.byteLength(text)}:${text},`)
      return until(`baresip has answered to ${name}`, () => replies.has(token))
    })
  let said = 0
  return {
    address,
    dial: (target) => command("dial", target),
    answer: command("accept"),
    hangUp: command("hangup"),
    press: (digits) => Effect.forEach([...digits], (digit) => command("sndcode", digit), { discard: true }),
    say: (samples) =>
      Effect.suspend(() => {
        const file = `said-${++said}.wav`
        const whole = new Int16Array(samples.length + SILENCE_SECONDS * SAMPLE_RATE)
        whole.set(samples)
        write(file, whole)
        return command("ausrc", `aufile,${where.inside}/${file}`)
      }),
    events,
    next: (type, count = 1) => {
      const found = () => events.filter((event) => event.type === type)[count - 1]
      return Effect.map(until(`baresip had ${type}`, () => found() !== undefined), () => found() ?? { type, param: "" })
    },
    heard: () => {
      const file = join(where.outside, "heard.wav")
      if (!existsSync(file)) return new Int16Array(0)
      const wav = WavReader.parse(new Uint8Array(readFileSync(file)))
      return wav._tag === "Success" ? wav.success.samples : new Int16Array(0)
    },
    log: program.log
  }
})
