/**
 * Fakes of hosted voices, made from the vendors' documentation: ElevenLabs' multi-context socket, Cartesia's contexts,
 * Deepgram's speak. Each checks its input strictly and sends `FakeModel.speech`, cut at odd bytes.
 */
import { Buffer } from "node:buffer"
import { fromInt16 } from "../../src/audio/Pcm.ts"
import * as FakeModel from "./FakeModel.ts"

export const KEY = "secret-key"

export interface FakeVoiceOptions {
  readonly faults?: ReadonlyArray<FakeModel.Fault> | undefined
  /** The delay between two pieces of audio. */
  readonly paceMs?: number | undefined
  /** The number of pieces of a cancelled text that are still sent. */
  readonly late?: number | undefined
}

interface Piece {
  readonly bytes: Uint8Array
  readonly text: string
}

/** The bytes of a text, an odd number in each piece but the last, with the characters that begin in it. */
export const piecesOf = (text: string, sampleRate: number): Array<Piece> => {
  const pieces: Array<Piece> = []
  let carry = new Uint8Array(0)
  const spoken = FakeModel.speech(text, sampleRate)
  for (const [i, piece] of spoken.entries()) {
    const bytes = Buffer.concat([carry, fromInt16(piece.pcm)])
    const end = i === spoken.length - 1 || bytes.length % 2 === 1 ? bytes.length : bytes.length - 1
    pieces.push({ bytes: bytes.subarray(0, end), text: piece.text })
    carry = bytes.subarray(end)
  }
  return pieces
}

const parse = (text: string): { readonly [key: string]: unknown } | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

/** Sends pieces one by one, until it is over or `stop` says so; a stopped one still sends `late` pieces. */
const talk = (
  line: FakeModel.Line,
  { late = 0, paceMs = 0 }: FakeVoiceOptions,
  pieces: ReadonlyArray<Piece>,
  send: (piece: Piece, index: number) => void,
  done: (stopped: boolean) => void
) => {
  let left = Number.POSITIVE_INFINITY
  const step = (at: number): void => {
    const piece = pieces[at]
    if (piece === undefined || left <= 0) return done(Number.isFinite(left))
    left--
    send(piece, at)
    if (paceMs === 0) step(at + 1)
    else line.after(paceMs, () => step(at + 1))
  }
  // whoever answers while it is being told does so before the next message
  line.after(0, () => step(0))
  return {
    stop: () => {
      left = Math.min(left, late)
    }
  }
}

const query = (request: FakeModel.Line["request"]) => new URL(request.url ?? "/", "ws://localhost")

/** `/v1/text-to-speech/{voice_id}/multi-stream-input` */
export const elevenLabs = (options: FakeVoiceOptions = {}) =>
  FakeModel.start({ faults: options.faults }, {
    refuse: (request) => {
      const url = query(request)
      if (!/^\/v1\/text-to-speech\/[^/]+\/multi-stream-input$/.test(url.pathname)) return 404
      if (request.headers["xi-api-key"] !== KEY) return 401
      return /^pcm_\d+$/.test(url.searchParams.get("output_format") ?? "") ? undefined : 400
    },
    serve: (line) => {
      const rate = Number(query(line.request).searchParams.get("output_format")?.slice(4))
      const contexts = new Map<string, { text: string; closing: boolean }>()
      const fail = (error: string, message: string) => {
        line.send({ message, error, code: 1008 })
        line.close(1008, error)
      }
      return (raw) => {
        const message = parse(raw)
        const id = message?.["context_id"]
        const text = message?.["text"]
        if (message === undefined || typeof id !== "string") return fail("invalid_message", "no context_id")
        line.tell("message", message)
        const known = contexts.get(id)
        if (message["close_context"] === true) {
          if (known === undefined || known.closing) return
          known.closing = true
          talk(line, options, piecesOf(known.text.trim(), rate), (piece) => {
            const chars = [...piece.text]
            // each character lasts 20 ms; what a piece begins with counts from that piece
            const startsMs = chars.map((_, i) => i * 20)
            line.send({
              audio: Buffer.from(piece.bytes).toString("base64"),
              alignment: { chars, charStartTimesMs: startsMs, charDurationsMs: chars.map(() => 20) },
              contextId: id
            })
          }, () => {
            contexts.delete(id)
            line.send({ isFinal: true, contextId: id })
          })
          return
        }
        if (typeof text !== "string") return fail("invalid_message", "no text")
        if (known === undefined) {
          if (contexts.size >= 5) return fail("max_active_conversations", "Maximum simultaneous contexts exceeded (5).")
          if (text !== " ") return fail("invalid_message", "the first text of a context is a space")
          contexts.set(id, { text: "", closing: false })
        } else if (known.closing) {
          fail("invalid_message", "the context is closed")
        } else {
          known.text += text
        }
      }
    }
  })

/** `/tts/websocket` */
export const cartesia = (options: FakeVoiceOptions = {}) =>
  FakeModel.start({ faults: options.faults }, {
    refuse: (request) => {
      const url = query(request)
      if (url.pathname !== "/tts/websocket") return 404
      const key = request.headers["x-api-key"] ?? /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1]
      if (key !== KEY) return 401
      const version = request.headers["cartesia-version"] ?? url.searchParams.get("cartesia_version")
      return typeof version === "string" && /^\d{4}-\d\d-\d\d$/.test(version) ? undefined : 400
    },
    serve: (line) => {
      const contexts = new Map<string, { text: string; stop?: () => void }>()
      return (raw) => {
        const message = parse(raw)
        const id = message?.["context_id"]
        const fail = (title: string) =>
          line.send({
            type: "error",
            title,
            message: title,
            status_code: 400,
            error_code: "invalid_request",
            request_id: "req_c",
            done: true,
            ...(typeof id === "string" ? { context_id: id } : {})
          })
        if (message === undefined || typeof id !== "string") return fail("Invalid request")
        line.tell("message", message)
        if (message["cancel"] === true) {
          contexts.get(id)?.stop?.()
          return
        }
        const { transcript } = message
        const format = message["output_format"]
        const rate = typeof format === "object" && format !== null && "sample_rate" in format ? format.sample_rate : 0
        if (typeof transcript !== "string" || typeof rate !== "number" || rate === 0) return fail("Invalid request")
        if (typeof message["model_id"] !== "string" || typeof message["voice"] !== "object") {
          return fail("Invalid request")
        }
        const context = contexts.get(id) ?? { text: "" }
        contexts.set(id, context)
        context.text += transcript
        if (message["continue"] === true) return
        if (context.text.trim() === "") return fail("Empty transcript")
        const text = context.text
        const words = [...text.matchAll(/\S+/gu)]
        const { stop } = talk(line, options, piecesOf(text, rate), (piece, index) => {
          line.send({
            type: "chunk",
            context_id: id,
            data: Buffer.from(piece.bytes).toString("base64"),
            done: false,
            status_code: 206,
            step_time: 4.2
          })
          if (message["add_timestamps"] !== true) return
          const [from, to] = [5 * index, 5 * index + 5]
          const begun = words.filter((word) => word.index >= from && word.index < to)
          if (begun.length === 0) return
          line.send({
            type: "timestamps",
            context_id: id,
            done: false,
            status_code: 206,
            word_timestamps: {
              words: begun.map(([word]) => word),
              start: begun.map((word) => word.index * 0.02),
              end: begun.map((word) => (word.index + word[0].length) * 0.02)
            }
          })
        }, () => {
          contexts.delete(id)
          line.send({ type: "done", context_id: id, done: true, status_code: 200 })
        })
        context.stop = stop
      }
    }
  })

/** `/v1/speak` */
export const deepgram = (options: FakeVoiceOptions = {}) =>
  FakeModel.start({ faults: options.faults }, {
    refuse: (request) => {
      const url = query(request)
      if (url.pathname !== "/v1/speak") return 404
      if (!/^(?:Token|Bearer) secret-key$/.test(request.headers.authorization ?? "")) return 401
      return url.searchParams.get("encoding") === "linear16" ? undefined : 400
    },
    serve: (line) => {
      const rate = Number(query(line.request).searchParams.get("sample_rate") ?? 24_000)
      let buffer = ""
      let sequence = 0
      // one after another: texts to speak, and answers that they have been cleared
      let jobs: Array<string | undefined> = []
      let talking: { readonly stop: () => void } | undefined
      const run = (): void => {
        if (talking !== undefined || jobs.length === 0) return
        const text = jobs.shift()
        if (text === undefined) {
          line.send({ type: "Cleared", sequence_id: sequence++ })
          return run()
        }
        talking = talk(line, options, piecesOf(text, rate), (piece) => line.send(piece.bytes), (stopped) => {
          talking = undefined
          if (!stopped) line.send({ type: "Flushed", sequence_id: sequence++ })
          run()
        })
      }
      line.send({
        type: "Metadata",
        request_id: "req_d",
        model_name: "aura-2",
        model_version: "1",
        model_uuid: "00000000-0000-0000-0000-000000000000"
      })
      return (raw) => {
        const message = parse(raw)
        line.tell("message", message ?? {})
        switch (message?.["type"]) {
          case "Speak":
            if (typeof message["text"] !== "string") {
              line.send({ type: "Error", err_code: "DATA-0000", err_msg: "no text", code: 400 })
              return line.close(1008, "DATA-0000")
            }
            buffer += message["text"]
            return
          case "Flush":
            jobs.push(buffer)
            buffer = ""
            return run()
          case "Clear":
            buffer = ""
            jobs = [...jobs.filter((job) => job === undefined), undefined]
            talking?.stop()
            return run()
          case "Close":
            return line.close(1000, "")
          default:
            line.send({ type: "Error", err_code: "DATA-0000", err_msg: "unknown message", code: 400 })
            line.close(1008, "DATA-0000")
        }
      }
    }
  })
