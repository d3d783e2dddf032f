/** A function of ours that receives untrusted input. */
export interface Surface {
  readonly name: string
  /** Valid inputs, to be mutated. */
  readonly seeds: ReadonlyArray<Uint8Array>
  /** Whether the seeds are JSON, so that they are mutated as JSON. */
  readonly json?: boolean | undefined
  readonly dictionary?: ReadonlyArray<string> | undefined
  /** The longest input in bytes. Default: 66,000. */
  readonly maxBytes?: number | undefined
  /** The limit of one input, in ms of CPU time. Default: 250. */
  readonly limitMs?: number | undefined
  /** Handles one input; throws when it should not have been accepted or was refused wrongly. */
  readonly run: (input: Uint8Array) => void
}

/** A secret in the configs and tokens of these tests, which no answer, message or log may contain. Not a valid name. */
export const CANARY = "canary/3f9c1d+do+not+sing=="

/** Throws with a message unless the condition holds. */
export const expect = (good: boolean, what: () => string): void => {
  if (!good) throw new Error(what())
}

/** Throws when a text contains the secret or a stack trace. */
export const expectDiscreet = (text: string): void => {
  expect(!text.includes(CANARY), () => `a secret leaked: ${text.slice(0, 500)}`)
  expect(!/\n? {4}at .+:\d+:\d+/.test(text), () => `a stack trace leaked: ${text.slice(0, 500)}`)
}

const encoder = new TextEncoder()

export const text = (...texts: ReadonlyArray<string>): ReadonlyArray<Uint8Array> =>
  texts.map((each) => encoder.encode(each))
