/**
 * The recognisers of Deepgram (v1 and Flux), AssemblyAI, ElevenLabs and OpenAI, from their documentation: strict about what a
 * client sends, and able to decode text encoded in audio. Faults are scripted for each connection.
 */
import type { IncomingMessage } from "node:http"
import * as Pcm from "../../src/audio/Pcm.ts"
import { SpokenAudioReader } from "../../src/testing/scenario/SpokenAudio.ts"
import * as FakeModel from "./FakeModel.ts"

export const KEY = "the-key-of-the-tests"

interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
}

const LOUD = 1_000
const END_OF_TURN_MS = 300

/** Decodes words and detects the silence after them; times in seconds since the first audio. */
const ears = (sampleRate: number, on: { readonly word: () => void; readonly silence?: () => void }) => {
  let words: Array<Word> = []
  let samples = 0
  let quiet = 0
  const reader = new SpokenAudioReader(({ endSample, startSample, text }) => {
    words.push({ text, start: startSample / sampleRate, end: endSample / sampleRate })
    on.word()
  })
  return {
    hear: (bytes: Buffer) => {
      const pcm = Pcm.copyInt16(new Uint8Array(bytes))
      samples += pcm.length
      reader.push(pcm)
      quiet = pcm.some((sample) => Math.abs(sample) > LOUD) ? 0 : quiet + pcm.length
      if (words.length > 0 && quiet >= END_OF_TURN_MS * sampleRate / 1_000) on.silence?.()
    },
    words: () => words,
    text: () => words.map(({ text }) => text).join(" "),
    /** The words so far, which are then forgotten. */
    take: () => {
      const taken = words
      words = []
      return taken
    },
    seconds: () => samples / sampleRate
  }
}

const textOf = (words: ReadonlyArray<Word>) => words.map(({ text }) => text).join(" ")
const queryOf = ({ url = "" }: IncomingMessage) => new URL(url, "ws://fake")

/** Of the rates that all of them take, those that they are asked for. */
const isRate = (text: string | null): boolean => text === "16000" || text === "8000"
const rateOf = (request: IncomingMessage): number => {
  const { searchParams: query } = queryOf(request)
  return Number(query.get("sample_rate") ?? query.get("audio_format")?.replace(/^pcm_/u, ""))
}

/** Refuses what the documentation does not know: a wrong key with 401, anything else with 400. */
const guard =
  (check: { readonly authorized: (request: IncomingMessage) => boolean; readonly asked: (url: URL) => boolean }) =>
  (request: IncomingMessage): number | undefined =>
    !check.authorized(request) ? 401 : check.asked(queryOf(request)) ? undefined : 400

const json = (text: string): { readonly [key: string]: unknown } => {
  const value: unknown = JSON.parse(text)
  return typeof value === "object" && value !== null ? { ...value } : {}
}

export const deepgram = (options: FakeModel.FakeModelOptions = {}) =>
  FakeModel.start(options, {
    refuse: guard({
      authorized: ({ headers }) => headers.authorization === `Token ${KEY}`,
      asked: ({ pathname, searchParams: query }) =>
        pathname === "/v1/listen" && query.get("encoding") === "linear16" && isRate(query.get("sample_rate")) &&
        query.get("interim_results") === "true" && (query.get("model") ?? "") !== ""
    }),
    serve: (line) => {
      const results = (words: ReadonlyArray<Word>, flags: object) =>
        line.send({
          type: "Results",
          channel_index: [0, 1],
          duration: 1,
          start: 0,
          speech_final: false,
          ...flags,
          channel: {
            alternatives: [{
              transcript: textOf(words),
              confidence: words.length === 0 ? 0 : 0.98,
              words: words.map(({ end, start, text }) => ({
                word: text.toLowerCase(),
                punctuated_word: text,
                start,
                end,
                confidence: 0.97
              }))
            }]
          },
          metadata: { request_id: `req_${line.index}`, model_info: {}, model_uuid: "m" }
        })
      const ear = ears(rateOf(line.request), { word: () => results(ear.words(), { is_final: false }) })
      let loud = 0
      return (text, bytes) => {
        if (bytes !== undefined) {
          line.tell("audio", { bytes: bytes.length })
          if (Pcm.copyInt16(new Uint8Array(bytes)).some((sample) => Math.abs(sample) > LOUD)) loud++
          return bytes.length === 0 ? line.close(1011, "DATA-0000") : ear.hear(bytes)
        }
        const { type } = json(text)
        line.tell(String(type))
        if (type === "Finalize") {
          // what came through a codec spells nothing any more: then the script says what it was
          const script = loud > 0
            ? line.nextTranscript()?.split(" ").map((text) => ({ text, start: 0, end: 0 }))
            : undefined
          loud = 0
          const heard = ear.take()
          results(script ?? heard, { is_final: true, from_finalize: true })
        } else if (type === "CloseStream") {
          const left = ear.take()
          if (left.length > 0) results(left, { is_final: true })
          line.send({ type: "Metadata", request_id: `req_${line.index}`, duration: ear.seconds(), channels: 1 })
          line.close(1_000, "")
        } else if (type !== "KeepAlive") line.close(1008, "unknown message")
      }
    }
  })

export const flux = (options: FakeModel.FakeModelOptions = {}) =>
  FakeModel.start(options, {
    refuse: guard({
      authorized: ({ headers }) => headers.authorization === `Token ${KEY}`,
      asked: ({ pathname, searchParams: query }) =>
        pathname === "/v2/listen" && (query.get("model") ?? "").startsWith("flux-") &&
        query.get("encoding") === "linear16" && isRate(query.get("sample_rate"))
    }),
    serve: (line) => {
      let sequence = 0
      let turn = 0
      let isOpen = false
      const common = () => ({ request_id: `req_${line.index}`, sequence_id: sequence++ })
      const info = (event: string, words: ReadonlyArray<Word>, confidence: number) =>
        line.send({
          type: "TurnInfo",
          ...common(),
          event,
          turn_index: turn,
          audio_window_start: 0,
          audio_window_end: ear.seconds(),
          transcript: textOf(words),
          words: words.map(({ end, start, text }) => ({ word: text, confidence: 0.95, start, end })),
          end_of_turn_confidence: confidence,
          ...(event === "EndOfTurn" ? { trigger: "model" } : {})
        })
      const end = () => {
        if (!isOpen) return
        info("EagerEndOfTurn", ear.words(), 0.6)
        info("EndOfTurn", ear.take(), 0.9)
        turn++
        isOpen = false
      }
      const ear = ears(rateOf(line.request), {
        word: () => {
          info(isOpen ? "Update" : "StartOfTurn", ear.words(), 0.1)
          isOpen = true
        },
        silence: end
      })
      line.send({ type: "Connected", ...common() })
      return (text, bytes) => {
        if (bytes !== undefined) {
          line.tell("audio", { bytes: bytes.length })
          return ear.hear(bytes)
        }
        const { type } = json(text)
        line.tell(String(type))
        if (type === "ForceEndTurn") end()
        else if (type === "CloseStream") line.close(1_000, "")
        else if (type !== "Configure") {
          line.send({ type: "Error", ...common(), code: "MESSAGE-0000", description: "unknown message" })
          line.close(1008, "")
        }
      }
    }
  })

export const assemblyai = (
  options: FakeModel.FakeModelOptions & { readonly expiresInMs?: number | undefined } = {}
) =>
  FakeModel.start(options, {
    refuse: guard({
      authorized: ({ headers }) => headers.authorization === KEY,
      asked: ({ pathname, searchParams: query }) =>
        pathname === "/v3/ws" && query.get("encoding") === "pcm_s16le" && isRate(query.get("sample_rate"))
    }),
    serve: (line) => {
      const formatted = queryOf(line.request).searchParams.get("format_turns") === "true"
      let order = 0
      const turn = (words: ReadonlyArray<Word>, isOver: boolean, isFormatted: boolean) =>
        line.send({
          type: "Turn",
          turn_order: order,
          turn_is_formatted: isFormatted,
          end_of_turn: isOver,
          transcript: isFormatted ? textOf(words) : textOf(words).toLowerCase(),
          end_of_turn_confidence: isOver ? 0.9 : 0.02,
          words: words.map(({ end, start, text }) => ({
            text,
            start: Math.round(start * 1_000),
            end: Math.round(end * 1_000),
            confidence: 0.96,
            word_is_final: isOver
          }))
        })
      const end = () => {
        const words = ear.take()
        if (words.length === 0) return
        turn(words, true, false)
        if (formatted) turn(words, true, true)
        order++
      }
      const rate = rateOf(line.request)
      const ear = ears(rate, { word: () => turn(ear.words(), false, false), silence: end })
      line.send({
        type: "Begin",
        id: `s_${line.index}`,
        expires_at: Math.ceil((Date.now() + (options.expiresInMs ?? 3_600_000)) / 1_000)
      })
      return (text, bytes) => {
        if (bytes !== undefined) {
          line.tell("audio", { bytes: bytes.length })
          // 50 to 1,000 ms
          return bytes.length < rate / 10 || bytes.length > 2 * rate ? line.close(4032, "audio size") : ear.hear(bytes)
        }
        const { type } = json(text)
        line.tell(String(type))
        if (type === "ForceEndpoint") end()
        else if (type === "Terminate") {
          line.send({ type: "Termination", audio_duration_seconds: 1, session_duration_seconds: 1 })
          line.close(1_000, "")
        } else if (type !== "KeepAlive" && type !== "UpdateConfiguration") line.close(4101, "bad schema")
      }
    }
  })

export const elevenlabs = (options: FakeModel.FakeModelOptions = {}) =>
  FakeModel.start(options, {
    refuse: guard({
      authorized: ({ headers }) => headers["xi-api-key"] === KEY,
      asked: ({ pathname, searchParams: query }) =>
        pathname === "/v1/speech-to-text/realtime" && isRate((query.get("audio_format") ?? "").replace(/^pcm_/u, "")) &&
        (query.get("model_id") ?? "") !== ""
    }),
    serve: (line) => {
      const query = queryOf(line.request).searchParams
      const rate = rateOf(line.request)
      const ear = ears(rate, {
        word: () => line.send({ message_type: "partial_transcript", text: ear.text() })
      })
      line.send({ message_type: "session_started", session_id: `s_${line.index}`, config: {} })
      return (text) => {
        const message = json(text)
        const audio = message["audio_base_64"]
        if (
          message["message_type"] !== "input_audio_chunk" || typeof audio !== "string" ||
          message["sample_rate"] !== rate
        ) {
          line.send({ message_type: "input_error", error: "not an input_audio_chunk" })
          return line.close(1008, "")
        }
        if (audio !== "") {
          line.tell("audio", { bytes: Buffer.from(audio, "base64").length })
          ear.hear(Buffer.from(audio, "base64"))
        }
        if (message["commit"] !== true) return
        line.tell("commit")
        const words = ear.take()
        if (words.length === 0) {
          return line.send({ message_type: "insufficient_audio_activity", error: "nothing was said" })
        }
        line.send({ message_type: "committed_transcript", text: textOf(words) })
        if (query.get("include_timestamps") !== "true") return
        line.send({
          message_type: "committed_transcript_with_timestamps",
          text: textOf(words),
          language_code: "en",
          words: words.flatMap(({ end, start, text }, index) => [
            ...(index === 0 ? [] : [{ text: " ", start, end: start, type: "spacing" }]),
            { text, start, end, type: "word" }
          ])
        })
      }
    }
  })

export const openai = (options: FakeModel.FakeModelOptions = {}) =>
  FakeModel.start(options, {
    refuse: guard({
      authorized: ({ headers }) => headers.authorization === `Bearer ${KEY}`,
      asked: ({ searchParams: query }) => query.get("intent") === "transcription"
    }),
    serve: (line) => {
      let item = 0
      let samples = 0
      let loud = 0
      let configured = false
      const ear = ears(24_000, { word: () => {} })
      let events = 0
      const send = (message: object) => line.send({ event_id: `event_${events++}`, ...message })
      const refuse = (code: string, message: string) =>
        send({ type: "error", error: { type: "invalid_request_error", code, message, param: null } })
      send({ type: "session.created", session: { type: "transcription" } })
      return (text) => {
        const message = json(text)
        switch (message["type"]) {
          case "session.update": {
            line.tell("session", { session: message["session"] })
            configured = true
            return send({ type: "session.updated", session: message["session"] })
          }
          case "input_audio_buffer.append": {
            const audio = message["audio"]
            if (!configured || typeof audio !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(audio)) {
              return refuse("invalid_value", "the audio is not valid base64")
            }
            const bytes = Buffer.from(audio, "base64")
            samples += bytes.length / 2
            if (Pcm.copyInt16(new Uint8Array(bytes)).some((sample) => Math.abs(sample) > LOUD)) loud++
            line.tell("audio", { bytes: bytes.length })
            return ear.hear(bytes)
          }
          case "input_audio_buffer.commit": {
            line.tell("commit")
            if (samples < 2_400) return refuse("input_audio_buffer_commit_empty", "the buffer has less than 100 ms")
            samples = 0
            const id = `item_${item++}`
            const heard = ear.take()
            // what was resampled on its way spells nothing any more: then the script says what it was
            const script = loud > 0 ? line.nextTranscript()?.split(" ") : undefined
            const words = script?.map((text) => ({ text, start: 0, end: 0 })) ?? heard
            loud = 0
            send({ type: "input_audio_buffer.committed", item_id: id, previous_item_id: null })
            send({ type: "conversation.item.added", item: { id } })
            for (const [index, { text }] of words.entries()) {
              send({
                type: "conversation.item.input_audio_transcription.delta",
                item_id: id,
                content_index: 0,
                delta: index === 0 ? text : ` ${text}`
              })
            }
            return send({
              type: "conversation.item.input_audio_transcription.completed",
              item_id: id,
              content_index: 0,
              transcript: textOf(words)
            })
          }
          case "input_audio_buffer.clear":
            samples = 0
            ear.take()
            return send({ type: "input_audio_buffer.cleared" })
          default:
            return refuse("unknown_event", "unknown event")
        }
      }
    }
  })
