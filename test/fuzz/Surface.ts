/** Something that takes what strangers send. */
export interface Surface {
  readonly name: string
  /** Good inputs, to be spoilt. */
  readonly seeds: ReadonlyArray<Uint8Array>
  /** Whether the seeds are JSON, so that they can be changed as such. */
  readonly json?: boolean | undefined
  readonly dictionary?: ReadonlyArray<string> | undefined
  /** The longest input; 66,000 bytes. */
  readonly maxBytes?: number | undefined
  /** How long one input may take, in ms; 250. */
  readonly limitMs?: number | undefined
  /** Takes one input; throws when a promise is broken. */
  readonly run: (input: Uint8Array) => void
}

/** What no answer, message or log may ever hold: it stands in the configs and tokens of these tests. No name, as keys are. */
export const CANARY = "canary/3f9c1d+do+not+sing=="

/** Says what is wrong unless it is not. */
export const expect = (good: boolean, what: () => string): void => {
  if (!good) throw new Error(what())
}

/** Keeps the canary in its cage, and stacks at home. */
export const expectDiscreet = (text: string): void => {
  expect(!text.includes(CANARY), () => `a secret was told: ${text.slice(0, 500)}`)
  expect(!/\n? {4}at .+:\d+:\d+/.test(text), () => `a stack was told: ${text.slice(0, 500)}`)
}

const encoder = new TextEncoder()

export const text = (...texts: ReadonlyArray<string>): ReadonlyArray<Uint8Array> =>
  texts.map((each) => encoder.encode(each))
