/**
 * Makes the `tokens.txt` that sherpa-onnx needs for Moonshine from the source text of `llama-tokenizer-js`.
 *
 * Pure. The source is read as text and never run: its vocabulary is one base64 literal.
 *
 * @since 0.1.0
 */

/** Moonshine's decoder has 32,768 outputs, LLaMA's vocabulary 32,000 pieces: the rest are never emitted, but must exist. */
const outputs = 32_768

/**
 * Gives the file's content, or what is wrong with the source. Each line is the base64 of a piece, a space and its number:
 * on plain text, sherpa-onnx's native code ends the process.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromTokenizerSource = (source: Uint8Array): Uint8Array | string => {
  const literal = /\bllama_vocab_base64\s*=\s*(["'`])([A-Za-z0-9+/=]+)\1/.exec(new TextDecoder().decode(source))
  if (literal?.[2] === undefined) return "it has no llama_vocab_base64 literal"
  const pieces = Buffer.from(literal[2], "base64").toString("utf8").split("\n")
  if (pieces.length > outputs) return `it has ${pieces.length} pieces, more than the model's ${outputs} outputs`
  let text = ""
  for (let i = 0; i < outputs; i++) {
    text += `${Buffer.from(pieces[i] ?? `<u${i}>`, "utf8").toString("base64")} ${i}\n`
  }
  return new TextEncoder().encode(text)
}
