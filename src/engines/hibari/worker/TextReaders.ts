/**
 * Loads what reads the text of the voices: tables, lexicons and letter networks, each once.
 *
 * Plain code for a worker thread.
 *
 * @since 0.1.0
 */
import type { OnnxRuntime } from "../../local/OnnxRuntime.ts"
import * as ModelFiles from "../ModelFiles.ts"
import * as EnglishReader from "../text/EnglishReader.ts"
import * as TextTables from "../text/TextTables.ts"
import * as UnknownWords from "../text/UnknownWords.ts"
import type { TextReader } from "./TextSpeech.ts"

/** Where a comma allows a cut: phonemes of the first piece of a text, for an early start, and of the others. */
const LONGEST_FIRST = 60
const LONGEST = 120
/** In characters: more than a session gives at once. What a step reads is bounded, for the other sessions. */
const LONGEST_SENTENCE = 500

/**
 * The readers for these accents, in their order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const load = async (
  runtime: OnnxRuntime,
  directory: string,
  accents: ReadonlyArray<ModelFiles.Accent>
): Promise<ReadonlyArray<TextReader>> => {
  const read = (name: ModelFiles.FileName) => ModelFiles.read(directory, name)
  const shared = TextTables.loadShared(read)

  const readerOf = async (accent: ModelFiles.Accent): Promise<TextReader> => {
    const american = accent === "us"
    const tables = TextTables.loadAccent(read, american ? "american" : "british")
    const session = await runtime.createSession(read(american ? "oov.onnx" : "oov_gb.onnx"))
    const letters = UnknownWords.ask(tables.letters, async (chars) => {
      const { ids } = await session.run({ chars: runtime.int64(chars, [1, chars.length]) })
      if (!(ids?.data instanceof BigInt64Array)) throw new Error("the letter network has unexpected outputs")
      return ids.data
    })
    const reader = EnglishReader.make(shared, tables, LONGEST_SENTENCE)
    return {
      sentences: reader.sentences,
      reading: (sentence, isFirst) =>
        UnknownWords.reading(reader, letters, sentence, {
          longest: LONGEST,
          ...(isFirst ? { longestFirst: LONGEST_FIRST } : {})
        })
    }
  }

  const loaded = new Map<ModelFiles.Accent, TextReader>()
  for (const accent of accents) if (!loaded.has(accent)) loaded.set(accent, await readerOf(accent))
  return accents.flatMap((accent) => loaded.get(accent) ?? [])
}
